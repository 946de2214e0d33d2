"""Train the network that ``npusim demo`` ships, and its rescaled copy.

A maintainer's tool: it needs PyTorch and scikit-learn, which npusim itself does not. One core, well
under a minute, from the repository's root::

    python tools/train_digits.py [-o configs/networks]

**The network** is a small depthwise-separable classifier of scikit-learn's 8x8 digits: batch norm, ReLU,
a strided depthwise layer, an inverted residual block. Every seed is explicit and PyTorch runs
deterministic algorithms on one thread: on one machine, two runs write the same bytes. Another CPU or
PyTorch may round differently, so the committed files are the reference, not this script.

**The rescaled copy** computes the same function, bit for bit in floating point. Where a convolution's
channel goes through batch norm and ReLU into one depthwise filter and nowhere else, the batch norm's
gamma and beta are multiplied by 2^-j and the filter by 2^j. Folded weights then differ from one output
channel to the next by orders of magnitude, downwards in the convolution, upwards in the depthwise layer
behind it: per-tensor weight scales die of it, the shift scaler and per-channel scales do not. Pairs from
depthwise to pointwise are left alone: they would make *input* channels uneven, which no method that works
on output channels repairs.

**What makes the comparison fair.** The rescale also shrinks the activation between the two layers by 2^-j,
and int8 activations have one scale per tensor: whatever the weights do, a channel at j = 8 comes out of
the convolution with one bit. Such gains on all channels would kill every scheme alike. So only eight
channels of each pair, drawn by seed, get j = 1..8; the others keep j = 0. And the network is trained for
it: those channels hear, in training only, uniform noise as large as their rounding will be. The gammas
of the pairs' batch norms stay 1, or training would answer the noise by shrinking the noisy channels'
filters until the rescale merely evened them out. The drop that is left to see is due to the weights.
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional

from npusim.files.data import save_data
from npusim.network import Network

Layer = dict[str, Any]
Gains = dict[str, npt.NDArray[np.int64]]

SEED = 20
TEST_IMAGES = 600
CALIBRATION_IMAGES = 128
EPOCHS = 60
BATCH = 64
STD = 255.0  # preprocess: byte / 255, so that the background, and the padding, is exactly 0
LARGEST_EXPONENT = 8  # the rescale's gains are 2^-8 .. 1
LEAST_ACCURACY = 0.97


class Digits(NamedTuple):
    """Images uint8 [N, 8, 8, 1] and labels int64 [N]; calibration images are some of the training ones."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]
    calibration_images: npt.NDArray[np.uint8]
    calibration_labels: npt.NDArray[np.int64]


def load_data() -> Digits:
    """The 1797 digits, split by class into 1197 training and 600 test images; 0..16 becomes 0..255."""
    values, labels = load_digits(return_X_y=True)
    images = np.floor(values.reshape(-1, 8, 8, 1) * 255 / 16 + 0.5).astype(np.uint8)
    labels = labels.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=labels, random_state=SEED
    )
    _, calibration = train_test_split(
        train, test_size=CALIBRATION_IMAGES, stratify=labels[train], random_state=SEED
    )
    return Digits(
        images[train], labels[train], images[test], labels[test], images[calibration], labels[calibration]
    )


def conv_bn(
    name: str, source: str, channels: tuple[int, int], *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[Layer]:
    """A convolution without bias, padded to its input's size where the stride is 1, and its batch norm."""
    conv = {
        "kind": "depthwise_conv2d" if groups == channels[0] > 1 else "conv2d",
        "name": name,
        "inputs": [source],
        "channels": channels,
        "kernel": kernel,
        "stride": stride,
        "padding": kernel // 2,
        "groups": groups,
    }
    return [conv, {"kind": "batch_norm", "name": f"{name}_bn", "inputs": [name], "channels": channels[1]}]


def relu(name: str) -> Layer:
    """The ReLU behind the batch norm behind the convolution of this name."""
    return {"kind": "relu", "name": f"{name}_relu", "inputs": [f"{name}_bn"]}


def architecture() -> list[Layer]:
    """The layers in order, each reading the named outputs of earlier ones."""
    return [
        *conv_bn("stem", "image", (1, 16), kernel=3), relu("stem"),
        *conv_bn("dw1", "stem_relu", (16, 16), kernel=3, groups=16), relu("dw1"),
        *conv_bn("pw1", "dw1_relu", (16, 24)), relu("pw1"),
        *conv_bn("dw2", "pw1_relu", (24, 24), kernel=3, stride=2, groups=24), relu("dw2"),
        *conv_bn("pw2", "dw2_relu", (24, 32)), relu("pw2"),
        *conv_bn("expand", "pw2_relu", (32, 64)), relu("expand"),
        *conv_bn("dw3", "expand_relu", (64, 64), kernel=3, groups=64), relu("dw3"),
        *conv_bn("project", "dw3_relu", (64, 32)),
        {"kind": "add", "name": "residual", "inputs": ["pw2_relu", "project_bn"]},
        {"kind": "global_avg_pool", "name": "pool", "inputs": ["residual"]},
        {"kind": "dense", "name": "classifier", "inputs": ["pool"], "channels": (32, 10)},
    ]  # fmt: skip


RESCALED_PAIRS = (("stem", "dw1"), ("pw1", "dw2"), ("expand", "dw3"))


class TorchNetwork(nn.Module):
    """The architecture in PyTorch: images float [N, 1, 8, 8] in 0..1 to logits [N, 10]."""

    def __init__(self, gains: Gains) -> None:
        super().__init__()
        self.layers = architecture()
        self.factors = {f"{producer}_relu": _factor(gains[producer]) for producer, _ in RESCALED_PAIRS}
        self.modules_by_name = nn.ModuleDict(
            {layer["name"]: module for layer in self.layers if (module := _module(layer)) is not None}
        )

    def forward(self, images: Tensor) -> Tensor:
        """The logits; in training, with the noise that int8 will add to the rescaled copy."""
        values = {"image": images}
        for layer in self.layers:
            name = layer["name"]
            values[name] = self._run(layer, [values[source] for source in layer["inputs"]])
            if self.training and name in self.factors:
                values[name] = _with_rounding_noise(values[name], self.factors[name])
        return values[self.layers[-1]["name"]]

    def _run(self, layer: Layer, inputs: list[Tensor]) -> Tensor:
        if layer["kind"] == "relu":
            return functional.relu(inputs[0])
        if layer["kind"] == "add":
            return inputs[0] + inputs[1]
        if layer["kind"] == "global_avg_pool":
            return inputs[0].mean(dim=(2, 3))
        output: Tensor = self.modules_by_name[layer["name"]](inputs[0])
        return output


def _module(layer: Layer) -> nn.Module | None:
    if layer["kind"] in ("conv2d", "depthwise_conv2d"):
        names = {"kernel_size": "kernel", "stride": "stride", "padding": "padding", "groups": "groups"}
        options = {option: layer[name] for option, name in names.items()} | {"bias": False}
        return nn.Conv2d(*layer["channels"], **options)
    if layer["kind"] == "batch_norm":
        return nn.BatchNorm2d(layer["channels"])
    return nn.Linear(*layer["channels"]) if layer["kind"] == "dense" else None


def _factor(exponents: npt.NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.exp2(exponents).astype(np.float32))[:, None, None]


def _with_rounding_noise(values: Tensor, factor: Tensor) -> Tensor:
    """Values [N, C, H, W] after rounding channel c to 256 / factor[c] levels, the error taken as uniform."""
    largest = values.detach().amax(dim=(0, 2, 3))[:, None, None]
    return values + (torch.rand_like(values) - 0.5) * largest * factor / 255


def to_tensor(images: npt.NDArray[np.uint8]) -> Tensor:
    """Preprocess bytes [N, 8, 8, 1] into floats [N, 1, 8, 8] in 0..1."""
    return torch.from_numpy(images.astype(np.float32) / np.float32(STD)).permute(0, 3, 1, 2).contiguous()


def train(data: Digits, gains: Gains) -> TorchNetwork:
    """Train with random shifts of one pixel and label smoothing; the last weights are kept, not the best."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    network = TorchNetwork(gains)
    for name in (name for pair in RESCALED_PAIRS for name in pair):
        network.modules_by_name[f"{name}_bn"].weight.requires_grad_(False)
    images, labels = to_tensor(data.train_images), torch.from_numpy(data.train_labels)
    steps = EPOCHS * (len(images) // BATCH)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    network.train()
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            loss = functional.cross_entropy(network(_shift(images[rows])), labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    network.eval()
    return network


def _shift(images: Tensor) -> Tensor:
    """Every image moved by -1, 0 or 1 pixels in each direction, background moving in."""
    padded = functional.pad(images, (1, 1, 1, 1))
    rows = torch.randint(0, 3, (len(images), 1)) + torch.arange(8)
    columns = torch.randint(0, 3, (len(images), 1)) + torch.arange(8)
    picked = padded[torch.arange(len(images))[:, None, None], 0, rows[:, :, None], columns[:, None, :]]
    return picked[:, None]


def draw_gains() -> Gains:
    """Exponents j [C] by producer: 1..8 on eight channels drawn at random, 0 on all others."""
    generator = np.random.default_rng(SEED)
    channels = {layer["name"]: layer["channels"] for layer in architecture() if "channels" in layer}
    gains = {}
    for producer, _ in RESCALED_PAIRS:
        exponents = np.zeros(channels[producer][1], dtype=np.int64)
        exponents[:LARGEST_EXPONENT] = np.arange(1, LARGEST_EXPONENT + 1)
        gains[producer] = generator.permutation(exponents)
    return gains


def rescale(network: TorchNetwork, gains: Gains) -> TorchNetwork:
    """The rescaled copy."""
    copy = deepcopy(network)
    for producer, depthwise in RESCALED_PAIRS:
        factor = _factor(gains[producer])
        norm, filters = copy.modules_by_name[f"{producer}_bn"], copy.modules_by_name[depthwise]
        for parameters, gain in ((norm, 1 / factor.flatten()), (filters, factor[..., None])):
            for parameter in parameters.parameters():
                parameter.data.mul_(gain)
    return copy


def as_npusim(network: TorchNetwork, name: str, source: str) -> Network:
    """The network as npusim's model."""
    return Network.model_validate(
        {
            "name": name,
            "source": source,
            "preprocess": {"mean": (0.0,), "std": (STD,)},
            "inputs": ({"name": "image", "shape": (8, 8, 1)},),
            "layers": tuple(_npusim_layer(layer, network.modules_by_name) for layer in network.layers),
            "outputs": (network.layers[-1]["name"],),
        }
    )


def _npusim_layer(layer: Layer, modules: nn.ModuleDict) -> Layer:
    common = {"layer": layer["kind"], "name": layer["name"], "inputs": tuple(layer["inputs"])}
    if layer["name"] not in modules:
        return common
    values = {name: tensor.numpy() for name, tensor in modules[layer["name"]].state_dict().items()}
    if layer["kind"] == "dense":
        return common | {"weights": values["weight"], "bias": values["bias"]}
    if layer["kind"] == "batch_norm":
        return common | {
            "gamma": values["weight"],
            "beta": values["bias"],
            "mean": values["running_mean"],
            "variance": values["running_var"],
            "epsilon": modules[layer["name"]].eps,
        }
    stride, padding = layer["stride"], layer["padding"]
    return common | {
        "weights": np.ascontiguousarray(values["weight"].transpose(0, 2, 3, 1)),
        "stride": (stride, stride),
        "padding": ((padding, padding), (padding, padding)),
    }


def check(network: TorchNetwork, copy: TorchNetwork, data: Digits) -> None:
    """Stop before anything is written if the network is poor or the copy is another function."""
    images = to_tensor(data.test_images)
    with torch.no_grad():
        logits, others = network(images).numpy(), copy(images).numpy()
    top1 = float((logits.argmax(axis=1) == data.test_labels).mean())
    difference = float(np.abs(logits - others).max())
    print(f"top-1 on {TEST_IMAGES} test images: {top1:.2%}")
    print(f"largest difference between the logits of network and copy: {difference}")
    if top1 < LEAST_ACCURACY:
        raise SystemExit(f"below {LEAST_ACCURACY:.0%}")
    if difference > 0:
        raise SystemExit("the rescale changed the function")


def main() -> None:
    """Train, rescale, check, write."""
    parser = argparse.ArgumentParser(description="Train the digits network and its rescaled copy.")
    parser.add_argument("-o", "--output", type=Path, default=Path("configs/networks"))
    folder: Path = parser.parse_args().output
    data, gains = load_data(), draw_gains()
    network = train(data, gains)
    copy = rescale(network, gains)
    check(network, copy, data)
    folder.mkdir(parents=True, exist_ok=True)
    source = "tools/train_digits.py: scikit-learn's digits"
    as_npusim(network, "digits", source).save(folder / "digits.yaml")
    note = f"{source}; per-channel gains of 2^-8 to 1, the same function"
    as_npusim(copy, "digits_rescaled", note).save(folder / "digits_rescaled.yaml")
    save_data(folder / "digits_test.h5", {"images": data.test_images, "labels": data.test_labels})
    save_data(
        folder / "digits_calibration.h5",
        {"images": data.calibration_images, "labels": data.calibration_labels},
    )


if __name__ == "__main__":
    main()
