"""The blocks that PyTorch models are made of, small, with random weights and statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from torch import Tensor, nn

Shapes = tuple[tuple[int, ...], ...]
MODELS: dict[str, tuple[Callable[[], nn.Module], Shapes]] = {}


def model(*shapes: tuple[int, ...]) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """Put a model into the table, with the shapes of its inputs (without the batch)."""

    def register(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        MODELS[make.__name__] = make, shapes
        return make

    return register


class Call(nn.Module):
    """A function of parts and inputs as a module."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self, *inputs)


def conv(i: int, o: int, k: int = 3, s: int = 1, act: Any = nn.ReLU, **fields: Any) -> nn.Sequential:
    """Convolution, batch norm, activation."""
    padding = (k - 1) // 2 * fields.get("dilation", 1)
    parts = [nn.Conv2d(i, o, k, s, padding, bias=False, **fields), nn.BatchNorm2d(o)]
    return nn.Sequential(*parts, *([] if act is None else [act()]))


def residual(inner: nn.Module, beside: nn.Module | None = None) -> nn.Module:
    return Call(lambda m, x: F.relu(m.inner(x) + m.beside(x)), inner=inner, beside=beside or nn.Identity())


def squeeze(c: int, gate: Any = nn.Sigmoid) -> nn.Module:
    inner = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c // 4, 1), nn.ReLU(), nn.Conv2d(c // 4, c, 1), gate()
    )
    return Call(lambda m, x: x * m.inner(x), inner=inner)


def inverted(i: int, o: int, s: int, act: Any, gate: Any = None) -> nn.Module:
    h = 4 * i
    inner = nn.Sequential(
        conv(i, h, 1, act=act),
        conv(h, h, 3, s, act, groups=h),
        nn.Identity() if gate is None else squeeze(h, gate),
        conv(h, o, 1, act=None),
    )
    return Call(lambda m, x: x + m.inner(x), inner=inner) if (i, s) == (o, 1) else inner


def head(c: int, classes: int = 5) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


@model((3, 32, 32))
def resnet() -> nn.Module:
    stem = nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    )
    basic = residual(nn.Sequential(conv(8, 16, 3, 2), conv(16, 16, act=None)), conv(8, 16, 1, 2, act=None))
    bottleneck = residual(nn.Sequential(conv(16, 4, 1), conv(4, 4), conv(4, 16, 1, act=None)))
    return nn.Sequential(stem, basic, bottleneck, head(16))


@model((3, 16, 16))
def mobilenet_v2() -> nn.Module:
    blocks = [conv(3, 8, 3, 2, nn.ReLU6), inverted(8, 8, 1, nn.ReLU6), inverted(8, 12, 2, nn.ReLU6)]
    return nn.Sequential(*blocks, Call(lambda m, x: x.mean([2, 3])), nn.Dropout(), nn.Linear(12, 5))


@model((3, 16, 16))
def mobilenet_v3() -> nn.Module:
    act, gate = nn.Hardswish, nn.Hardsigmoid
    return nn.Sequential(
        conv(3, 8, 3, 2, act), inverted(8, 8, 1, act, gate), inverted(8, 12, 2, act, gate), head(12)
    )


@model((3, 16, 16))
def efficientnet() -> nn.Module:
    return nn.Sequential(conv(3, 8, 3, 2, nn.SiLU), inverted(8, 8, 1, nn.SiLU, nn.Sigmoid), head(8))


@model((3, 16, 16))
def squeeze_by_linear() -> nn.Module:
    def gated(m: Any, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        y = torch.sigmoid(m.up(F.relu(m.down(F.adaptive_avg_pool2d(x, 1).view(b, c)))))
        return x * y.view(b, c, 1, 1).expand_as(x)

    gate = Call(gated, down=nn.Linear(8, 4), up=nn.Linear(4, 8))
    return nn.Sequential(conv(3, 8), gate, nn.Flatten(), nn.Linear(8 * 256, 5))


@model((3, 24, 24))
def aspp() -> nn.Module:
    def pyramid(m: Any, x: Tensor) -> Tensor:
        image = F.interpolate(m.image(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        return m.last(torch.cat([m.a(x), m.b(x), image], 1))

    image = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.ReLU())
    parts = {"a": conv(8, 8, 1), "b": conv(8, 8, dilation=2), "image": image, "last": conv(24, 6, 1)}
    wide = Call(lambda m, x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
    return nn.Sequential(conv(3, 8, 3, 2), Call(pyramid, **parts), wide, nn.Conv2d(6, 4, 1))


@model((3, 16, 16))
def unet() -> nn.Module:
    def decode(m: Any, x: Tensor) -> Tensor:
        a = m.a(x)
        b = m.b(F.max_pool2d(a, 2))
        c = m.c(F.max_pool2d(b, 2))
        b = m.join_b(torch.cat([m.up_b(c), b], 1))
        return torch.sigmoid(m.last(torch.cat([F.interpolate(b, scale_factor=2), a], 1)))

    parts = {"a": conv(3, 6), "b": conv(6, 8), "c": conv(8, 12), "up_b": nn.ConvTranspose2d(12, 8, 2, 2)}
    return Call(decode, **parts, join_b=conv(16, 8), last=nn.Conv2d(14, 1, 1))


@model((3, 16, 16))
def densenet() -> nn.Module:
    def layer(i: int) -> nn.Module:
        inner = nn.Sequential(nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, 4, 3, padding=1, bias=False))
        return Call(lambda m, x: torch.cat([x, m.inner(x)], 1), inner=inner)

    last = [nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 1), nn.AvgPool2d(2, 2), head(8)]
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), layer(8), layer(12), *last)


@model((3, 16, 16))
def shufflenet() -> nn.Module:
    def unit(m: Any, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        x = torch.cat((a, m.inner(b)), 1)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)

    inner = nn.Sequential(conv(4, 4, 1), conv(4, 4, groups=4, act=None), conv(4, 4, 1))
    return nn.Sequential(conv(3, 8, 3, 2), Call(unit, inner=inner), conv(8, 8, 1, groups=2), head(8))


@model((3, 19, 19))
def inception() -> nn.Module:
    parts = {
        "a": conv(6, 4, 1),
        "b": nn.Sequential(nn.Conv2d(6, 4, (1, 5), padding=(0, 2)), nn.Conv2d(4, 4, (5, 1), padding=(2, 0))),
        "c": nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(6, 4, 1)),
        "d": nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(6, 4, 1)),
    }
    block = Call(lambda m, x: torch.cat([m.a(x), m.b(x), m.c(x), m.d(x)], 1), **parts)
    overhanging = nn.AvgPool2d(3, 2, 1, ceil_mode=True)
    return nn.Sequential(conv(3, 6), nn.MaxPool2d(3, 2, ceil_mode=True), block, overhanging, head(16))


@model((3, 16, 16))
def convmixer() -> nn.Module:
    mix = nn.Sequential(nn.Conv2d(8, 8, 5, groups=8, padding="same"), nn.GELU(), nn.BatchNorm2d(8))
    across = [nn.Conv2d(8, 8, 1), nn.GELU(approximate="tanh"), nn.BatchNorm2d(8)]
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, 4), nn.GELU(), Call(lambda m, x: m.mix(x) + x, mix=mix), *across, head(8)
    )


@model((20, 3), (20, 4), (16, 4))
def streaming_keywords() -> nn.Module:
    def step(m: Any, x: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        x = torch.cat([first, x], 2)
        y = torch.cat([second, F.relu(m.a(x))], 2)
        z = F.relu(m.point(m.b(y)))
        return m.last(z[:, :, -1]), x[:, :, -4:], y[:, :, -4:]

    parts = {"a": nn.Conv1d(20, 16, 5), "b": nn.Conv1d(16, 16, 5, groups=16), "point": nn.Conv1d(16, 16, 1)}
    return Call(step, **parts, last=nn.Linear(16, 6))


@model((20, 30))
def causal_keywords() -> nn.Module:
    def layer(i: int, dilation: int) -> nn.Module:
        parts = {"deep": nn.Conv1d(i, i, 3, dilation=dilation, groups=i), "point": nn.Conv1d(i, 16, 1)}
        norm = nn.BatchNorm1d(16)
        return Call(
            lambda m, x: F.relu(m.norm(m.point(m.deep(F.pad(x, (2 * dilation, 0)))))), **parts, norm=norm
        )

    last = Call(lambda m, x: x.mean(-1))
    return nn.Sequential(layer(20, 1), layer(16, 2), last, nn.Linear(16, 6), nn.LogSoftmax(-1))


@model((20, 33))
def tc_resnet() -> nn.Module:
    inner = nn.Sequential(nn.Conv1d(8, 8, 9, 2, 4, bias=False), nn.BatchNorm1d(8), nn.ReLU())
    block = residual(inner, nn.Conv1d(8, 8, 1, 2, bias=False))
    last = [nn.AdaptiveAvgPool1d(1), nn.Conv1d(8, 6, 1), Call(lambda m, x: x.squeeze(2))]
    return nn.Sequential(nn.Conv1d(20, 8, 3, 1, 1, bias=False), block, *last)


@model((3, 8, 8))
def activations() -> nn.Module:
    functions = [
        nn.LeakyReLU(0.1),
        nn.PReLU(4),
        nn.PReLU(),
        nn.ELU(),
        nn.Tanh(),
        nn.Hardtanh(-2, 3),
        nn.Mish(),
    ]
    inner = [part for function in functions for part in (nn.Conv2d(4, 4, 1), function)]
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), *inner, nn.AdaptiveAvgPool2d((3, 2)), nn.Flatten(), nn.Linear(24, 5)
    )


@model((3, 16, 16))
def attention_over_channels_and_pixels() -> nn.Module:
    def attend(m: Any, x: Tensor) -> Tensor:
        x = x * torch.sigmoid(m.a(F.adaptive_avg_pool2d(x, 1)) + m.a(F.adaptive_max_pool2d(x, 1)))
        pair = torch.cat([x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(m.b(pair))

    parts = {"a": nn.Conv2d(8, 8, 1), "b": nn.Conv2d(2, 1, 7, padding=3)}
    return nn.Sequential(conv(3, 8), Call(attend, **parts), nn.Conv2d(8, 4, 1))


@model((3, 16, 16))
def tokens() -> nn.Module:
    def embed(m: Any, x: Tensor) -> Tensor:
        x = m.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([m.token.expand(x.shape[0], -1, -1), x], 1) + m.places
        return m.last(F.relu(m.mix(x))[:, 0])

    parts = {"patches": nn.Conv2d(3, 8, 4, 4), "mix": nn.Linear(8, 8), "last": nn.Linear(8, 4)}
    constants = {"token": nn.Parameter(torch.randn(1, 1, 8)), "places": nn.Parameter(torch.randn(1, 17, 8))}
    return Call(embed, **parts, **constants)


@model((3, 16, 16))
def pyramid_of_outputs() -> nn.Module:
    def pyramid(m: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        a = m.a(x)
        b = m.b(a)
        joined = m.side(a) + F.interpolate(b, size=a.shape[-2:], mode="nearest")
        boxes = m.boxes(joined).permute(0, 2, 3, 1).contiguous()
        return boxes.view(boxes.size(0), -1, 4), b.mean((2, 3))

    parts = {"a": conv(3, 8), "b": conv(8, 8, 3, 2), "side": nn.Conv2d(8, 8, 1), "boxes": nn.Conv2d(8, 8, 3)}
    return Call(pyramid, **parts)


@model((3, 16, 16))
def pixels_moved() -> nn.Module:
    focus = Call(lambda m, x: torch.cat([x[..., ::2, ::2], x[..., 1::2, 1::2]], 1))
    mirrored = Call(lambda m, x: x.flip(3))
    parts = [nn.ReflectionPad2d(1), conv(6, 8), mirrored, nn.MaxPool2d(3, 1, dilation=2), nn.PixelShuffle(2)]
    return nn.Sequential(focus, *parts, nn.Conv2d(2, 3, 1))


def exported(name: str, path: str, *, opset: int, dynamo: bool) -> None:
    """Write a model as ONNX: the batch open by the older exporter, fixed by the newer one."""
    torch.manual_seed(0)
    make, shapes = MODELS[name]
    made = make().eval()
    for part in made.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
    inputs = tuple(torch.randn(1, *shape) for shape in shapes)
    if dynamo:
        torch.onnx.export(
            made, inputs, path, dynamo=True, opset_version=opset, external_data=False, verbose=False
        )
        return
    names = [f"in{index}" for index in range(len(shapes))]
    axes = {input_: {0: "batch"} for input_ in names}
    torch.onnx.export(
        made, inputs, path, dynamo=False, opset_version=opset, input_names=names, dynamic_axes=axes
    )
