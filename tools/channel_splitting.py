"""What outlier channel splitting (OCS, arXiv 1901.09504) would take off the weights' rounding error.

    NPUSIM_ZOO=... python tools/channel_splitting.py --network N ... [--ratio 0.05]

Of every convolution over all channels and every dense layer a share of the input channels is split in two,
those first whose weights reach furthest into their rows' ranges: weights above half of their channel's
greatest are halved and stand in both copies, as grid-aware halves. Shift scaler and nearest rounding before
and after; prints the mean SQNR of the layers' weights in dB. Float arithmetic, no program is made: it says
whether a pass would pay, which costs that share of products more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim import load_datapath
from npusim.compiler.base import Compilation
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.quantize_weights import QuantizeWeights
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from tools.many_recipes import table
from tools.zoo import NETWORKS, load

Matrix = npt.NDArray[np.float64]

DATAPATH = load_datapath("wes_npu")


def layers(network: str) -> Iterator[Matrix]:
    """Weights as (outputs, inputs, taps), batch norms folded."""
    folded = FoldBatchNorm().run(Compilation(load(NETWORKS[network]), DATAPATH)).network
    for layer in folded.ordered_layers:
        if isinstance(layer, Dense) or (isinstance(layer, Conv2d) and layer.groups == 1):
            weights = np.asarray(layer.weights, np.float64)
            yield np.moveaxis(weights, -1, 1).reshape(len(weights), weights.shape[-1], -1)


def quantized(weights: Matrix, bits: int) -> Matrix:
    """What is left of them."""
    quantizer = QuantizeWeights.model_validate({"scheme": "shift_scaler", "bits": bits})
    return quantizer.nearest(DATAPATH, "", weights)


def split(weights: Matrix, ratio: float, bits: int) -> tuple[Matrix, list[int]]:
    """Weights with some channels split, and which channel each copy belongs to."""
    ranges = np.abs(weights).max(axis=(1, 2))
    rows = np.where(ranges > 0, ranges, 1.0)[:, np.newaxis]
    quarter = rows / ((1 << (bits - 1)) - 1) / 4  # of a code
    copies, owners = [weights[:, i] for i in range(weights.shape[1])], list(range(weights.shape[1]))
    for _ in range(ceil(ratio * weights.shape[1])):
        reach = [float(np.mean(np.abs(copy) / rows)) for copy in copies]
        most = [float(np.max(np.abs(copy) / rows)) for copy in copies]
        found = max(range(len(copies)), key=lambda index: (most[index], reach[index]))
        copy = copies[found]
        great = np.abs(copy) > np.abs(copy).max() / 2
        copies[found] = np.where(great, copy / 2 - quarter, copy)
        copies.append(np.where(great, copy / 2 + quarter, 0.0))
        owners.append(owners[found])
    return np.stack(copies, axis=1), owners


def sqnr(weights: Matrix, found: Matrix) -> float:
    """Of all rows alike, whatever their range."""
    power = np.sum(weights**2, axis=(1, 2))
    noise = np.sum((found - weights) ** 2, axis=(1, 2))[power > 0] / power[power > 0]
    return float(-10 * np.log10(max(np.mean(noise), 1e-30)))


def before_and_after(weights: Matrix, ratio: float, bits: int) -> tuple[float, float]:
    """SQNR of a layer's weights in dB, whole and split."""
    copies, owners = split(weights, ratio, bits)
    summed = np.zeros_like(weights)
    np.add.at(summed, (slice(None), owners), quantized(copies, bits))
    return sqnr(weights, quantized(weights, bits)), sqnr(weights, summed)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", action="append", choices=list(NETWORKS), required=True)
    parser.add_argument("--ratio", type=float, default=0.05, help="of channels that are split")
    options = parser.parse_args()
    rows = []
    for network in options.network:
        found = list(layers(network))
        for bits in (4, 8):
            pairs = np.array([before_and_after(weights, options.ratio, bits) for weights in found])
            cells = [f"{mean:.1f}" for mean in pairs.mean(axis=0)]
            rows.append([network, f"{bits} bits", f"{len(found)}", *cells])
    print(table(("network", "weights", "layers", "whole", f"{options.ratio:.0%} split"), rows))


if __name__ == "__main__":
    main()
