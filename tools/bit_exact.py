"""The "bit-exact with" table: integer models against the runtimes they come from.

Every .tflite model of the zoo against LiteRT's reference kernels, and networks of the zoo quantized by
ONNX Runtime's tools against ONNX Runtime's quantized operators.

    NPUSIM_ZOO=... python tools/bit_exact.py [--model M ...] [--real 100] [--random 100] [-o table.md]

Each model runs on real inputs and on random codes of the whole range; every intermediate tensor is
compared. Prints a Markdown table; the exit code is 1 if any value differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.files.data import open_data
from npusim.importers.qdq.importer import import_onnx_integers
from npusim.importers.tflite.importer import ImportedModel, import_tflite
from npusim.input_codes import quantize_floats
from tools import litert, ort
from tools.comparison import Comparison
from tools.quantized_onnx import FORMS, QUANTIZED, Form, quantize, real_inputs
from tools.zoo import folder

Array = npt.NDArray[Any]

_IMAGENET = tuple(f"imagenet_dev_{part}.h5" for part in range(4))
DATA = {
    "ad01_int8": ("ad01_toycar_dev.h5",),
    "deeplabv3_mnv2_dm05_pascal_quant": _IMAGENET,
    "resnet8_int8": ("cifar10_ic01_dev.h5",),
    "tf2_mobilenet_v2_1.0_224_ptq": _IMAGENET,
    "vww_96_int8": ("vww01_dev.h5",),
}
"""Where a model's real inputs come from."""


def models() -> list[Path]:
    """Every TFLite model of the zoo."""
    return sorted((folder() / "models").glob("*.tflite"))


def real_codes(imported: ImportedModel, name: str, count: int) -> Iterator[list[Array]]:
    """Real inputs as codes.

    Raises
    ------
    SystemExit
        If nobody said which data a model reads, or there are not enough.
    """
    if name not in DATA:
        raise SystemExit(f"tools/bit_exact.py does not know which data {name} reads")
    (x,) = imported.program.inputs
    made = 0
    for raw in _rows(DATA[name]):
        for item in _pieces(raw, x.shape):
            if made == count:
                return
            made += 1
            yield [_codes(item, imported)]
    if made < count:
        raise SystemExit(f"{name}: {count} real inputs are wanted, there are {made}")


def _rows(files: tuple[str, ...]) -> Iterator[Array]:
    for file in files:
        with open_data(folder() / "data" / file) as data:
            for start in range(0, data.shape[0], 16):
                yield data.read(start, min(start + 16, data.shape[0]))


def _pieces(raw: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """What a model reads of a few rows of data."""
    if len(shape) == 1:
        # Five frames of 128 bins side by side (MLPerf Tiny); every twentieth window.
        windows = np.moveaxis(np.lib.stride_tricks.sliding_window_view(raw, 5, axis=1), -1, 2)
        yield from windows[:, ::20].reshape(-1, *shape)
    elif raw.shape[1:] == shape:
        yield from raw
    else:
        # Mosaics of photographs: the data have no others as large as segmentation wants.
        for first in range(len(raw)):
            rows = [
                np.concatenate([raw[(first + 3 * i + j) % len(raw)] for j in range(3)], axis=1)
                for i in range(3)
            ]
            yield np.concatenate(rows)[: shape[0], : shape[1]]


def _codes(item: Array, imported: ImportedModel) -> Array:
    """Bytes are codes, 128 lower for signed ones; real numbers are quantized."""
    (x,) = imported.program.inputs
    if item.dtype == np.uint8:
        return item if x.dtype == np.uint8 else (item.astype(np.int16) - 128).astype(x.dtype)
    assert x.scale is not None
    assert x.zero_point is not None
    codes = imported.program.tensors[x.name].codes.interval
    return quantize_floats(item, x.scale, x.zero_point, codes).astype(x.dtype)


def compare(path: Path, real: int, random: int, seed: int = 0) -> Comparison:
    """One TFLite model on so many real and random inputs."""
    imported = import_tflite(path)
    comparer, found = litert.Comparer(path.read_bytes(), imported), Comparison()
    rng = np.random.default_rng(seed)
    for inputs in real_codes(imported, path.stem, real):
        comparer.add(inputs, found)
    for _ in range(random):
        comparer.add(litert.random_codes(imported, rng), found)
    return found


def compare_quantized(name: str, form: Form, real: int, random: int, seed: int = 0) -> Comparison:
    """One network of the zoo, quantized, on so many real and random inputs."""
    with tempfile.TemporaryDirectory() as folder:
        path = quantize(name, form, Path(folder))
        imported, model = import_onnx_integers(path), onnx.load(path)
    comparer, found = ort.Comparer(model, imported), Comparison()
    rng = np.random.default_rng(seed)
    (x,) = model.graph.input
    for image in real_inputs(name, real):
        comparer.add({x.name: image}, found)
    for _ in range(random):
        comparer.add(ort.random_floats(imported, model, rng), found)
    return found


Row = tuple[str, str, Callable[[int, int], Comparison]]
"""A model's name, its form, and how it is compared on so many real and random inputs."""


def rows() -> Iterator[Row]:
    """Everything the table shows."""
    for path in models():
        yield path.stem, ".tflite", partial(compare, path)
    for name in QUANTIZED:
        for form in FORMS:
            yield name, form.name, partial(compare_quantized, name, form)


def main() -> int:
    """The table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", action="append", help="a model's name; may be given several times")
    parser.add_argument("--real", type=int, default=100, help="real inputs per model")
    parser.add_argument("--random", type=int, default=100, help="random inputs per model")
    parser.add_argument("-o", "--output", type=Path, help="where to write the table as well")
    arguments = parser.parse_args()
    lines = [
        "| model | form | real inputs | random inputs | tensors per input | values compared | differing |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    failed = False
    for name, form, of in rows():
        if arguments.model and name not in arguments.model:
            continue
        start = time.monotonic()
        found = of(arguments.real, arguments.random)
        counts = f"{arguments.real} | {arguments.random} | {found.tensors} | {found.values:,}"
        lines.append(f"| {name} | {form} | {counts} | {found.differences:,} |")
        print(f"{name}, {form}: {time.monotonic() - start:.0f} s", file=sys.stderr)
        for tensor, count in list(found.differing.items())[:5]:
            print(f"  {tensor}: {count}", file=sys.stderr)
        failed = failed or found.differences > 0
    table = "\n".join(lines)
    print(table)
    if arguments.output is not None:
        arguments.output.write_text(table + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
