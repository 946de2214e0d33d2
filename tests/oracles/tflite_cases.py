"""Which random TFLite models are tried: every operator, in every type that it has."""

from __future__ import annotations

from collections.abc import Iterator

from tests.oracles import tflite_builders as build
from tests.oracles.tflite_builders import SAME, VALID, Case

KINDS = ("INT8", "UINT8")


def _products(kind: str) -> Iterator[tuple[str, Case]]:
    for padding in (SAME, VALID):
        for stride, dilation in (((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 2))):
            for per_channel in (False,) if kind == "UINT8" else (False, True):
                for depthwise in (False, True):
                    yield (
                        f"{'depthwise' if depthwise else 'conv'}-{padding}-{stride}-{dilation}-{per_channel}",
                        build.convolution(
                            kind, depthwise=depthwise, padding=padding, stride=stride, dilation=dilation,
                            per_channel=per_channel,
                        ),
                    )  # fmt: skip
        for stride, kernel in (((2, 2), (3, 3)), ((1, 1), (3, 2)), ((3, 2), (2, 3))):
            yield (
                f"transpose_conv-{padding}-{stride}-{kernel}",
                build.transposed(kind, padding, stride, kernel),
            )
    yield "fully_connected", build.fully_connected(kind, (1, 50))
    yield "fully_connected-rows", build.fully_connected(kind, (4, 50))
    yield "fully_connected-keep", build.fully_connected(kind, (1, 4, 50), keep=True)


def _elementwise(kind: str) -> Iterator[tuple[str, Case]]:
    for op in ("ADD", "SUB", "MUL"):
        yield op, build.binary(op, kind, (1, 3, 4, 5))
        yield f"{op}-broadcast", build.binary(op, kind, (1, 1, 1, 5))
        yield f"{op}-constant", build.binary(op, kind, (5,), constant=True)
    for op in ("MAXIMUM", "MINIMUM"):
        yield op, build.extreme(op, kind, (1, 4, 5, 3))
        yield f"{op}-broadcast", build.extreme(op, kind, (3,))
    for op in ("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"):
        yield op, build.unary(op, kind)
    for alpha in (0.3, -0.3, 1.7):
        yield f"LEAKY_RELU{alpha}", build.unary("LEAKY_RELU", kind, "LeakyReluOptions", alpha=alpha)
    yield "HARD_SWISH", build.unary("HARD_SWISH", kind, "HardSwishOptions")
    low = -128 if kind == "INT8" else 0
    yield "LOGISTIC", build.unary("LOGISTIC", kind, made=(1 / 256, low))
    yield "TANH", build.unary("TANH", kind, made=(1 / 128, low + 128))
    yield "PRELU", build.prelu(kind)
    for beta in (1.0, 2.5):
        yield f"SOFTMAX-{beta}", build.softmax(kind, beta)
    yield "L2_NORMALIZATION", build.l2_normalization(kind)
    for to in KINDS:
        yield f"QUANTIZE-{to}", build.unary("QUANTIZE", kind, "QuantizeOptions", to=to)


def _images(kind: str) -> Iterator[tuple[str, Case]]:
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for padding in (SAME, VALID):
            for kernel, stride in (((2, 2), (2, 2)), ((3, 2), (2, 3)), ((9, 8), (1, 1))):
                yield f"{op}-{padding}-{kernel}", build.pool(op, kind, padding, kernel, stride)
    for axes, keep in (((1, 2), True), ((2, 1), False), ((3,), False), ((1, 2, 3), False), ((1, 3), True)):
        yield f"MEAN-{axes}", build.reduction("MEAN", kind, axes, keep)
        if kind == "UINT8":  # LiteRT's reference kernel reads int8 codes as if they were uint8
            yield f"SUM-{axes}", build.reduction("SUM", kind, axes, keep)
    for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        for new in ((10, 14), (11, 13), (3, 4), (1, 1), (17, 40)):
            for corners, centers in ((False, False), (True, False), (False, True)):
                yield f"{op}-{new}-{corners}-{centers}", build.resize(op, kind, new, corners, centers)
    for axis in (1, 3):
        yield f"ARG_MAX-{axis}", build.argmax(kind, axis)


def _moves(kind: str) -> Iterator[tuple[str, Case]]:
    image = (1, 6, 7, 8)
    yield (
        "TRANSPOSE",
        build.moved("TRANSPOSE", kind, image, [(1, 8, 6, 7)], "TransposeOptions", [[0, 3, 1, 2]]),
    )
    yield (
        "TRANSPOSE-batch",
        build.moved("TRANSPOSE", kind, (1, 3, 4), [(3, 1, 4)], "TransposeOptions", [[1, 0, 2]]),
    )
    yield (
        "SLICE",
        build.moved("SLICE", kind, image, [(1, 2, 7, 3)], "SliceOptions", [[0, 1, 0, 2], [1, 2, -1, 3]]),
    )
    cuts = [[0, 1, -7, 0], [1, 5, 6, 0], [1, 2, 2, 1]]
    yield (
        "STRIDED_SLICE",
        build.moved("STRIDED_SLICE", kind, image, [(1, 2, 3, 8)], "StridedSliceOptions", cuts, endMask=8),
    )
    row = [[0, 2, 0, 0], [0, 3, 0, 0], [1, 1, 1, 1]]
    masks = {"beginMask": 13, "endMask": 13, "shrinkAxisMask": 2}
    yield (
        "STRIDED_SLICE-row",
        build.moved("STRIDED_SLICE", kind, image, [(1, 7, 8)], "StridedSliceOptions", row, **masks),
    )
    pads = [[[0, 0], [1, 1], [1, 2], [0, 0]]]
    yield "PAD", build.moved("PAD", kind, image, [(1, 8, 10, 8)], "PadOptions", pads)
    for mode in (0, 1):
        yield (
            f"MIRROR_PAD-{mode}",
            build.moved("MIRROR_PAD", kind, image, [(1, 8, 10, 8)], "MirrorPadOptions", pads, mode=mode),
        )
    yield (
        "SPLIT",
        build.moved(
            "SPLIT", kind, image, [(1, 6, 7, 4)] * 2, "SplitOptions", [[3]], constants_first=True, numSplits=2
        ),
    )
    parts = [(1, 6, 7, 2), (1, 6, 7, 5), (1, 6, 7, 1)]
    yield (
        "SPLIT_V",
        build.moved("SPLIT_V", kind, image, parts, "SplitVOptions", [[2, 5, 1], [3]], numSplits=3),
    )
    yield "UNPACK", build.moved("UNPACK", kind, image, [(1, 7, 8)] * 6, "UnpackOptions", num=6, axis=1)
    yield (
        "SQUEEZE",
        build.moved("SQUEEZE", kind, (1, 1, 1, 8), [(1, 8)], "SqueezeOptions", squeezeDims=[1, 2]),
    )
    yield "EXPAND_DIMS", build.moved("EXPAND_DIMS", kind, (1, 7, 8), [(1, 1, 7, 8)], "ExpandDimsOptions", [1])
    yield "RESHAPE", build.moved("RESHAPE", kind, (1, 6, 8), [(6, 2, 4)], "ReshapeOptions", [[6, 2, 4]])
    blocks = {"blockSize": 2}
    yield (
        "SPACE_TO_DEPTH",
        build.moved("SPACE_TO_DEPTH", kind, (1, 6, 4, 5), [(1, 3, 2, 20)], "SpaceToDepthOptions", **blocks),
    )
    yield (
        "DEPTH_TO_SPACE",
        build.moved("DEPTH_TO_SPACE", kind, (1, 3, 2, 20), [(1, 6, 4, 5)], "DepthToSpaceOptions", **blocks),
    )
    for axis in (0, 1, 3, -1):
        yield f"CONCATENATION{axis}", build.joined("CONCATENATION", kind, axis)
    for axis in (0, 1, 3, 4):
        yield f"PACK{axis}", build.joined("PACK", kind, axis)


def _picked(kind: str) -> Iterator[tuple[str, Case]]:
    image = (1, 6, 7, 8)
    yield (
        "GATHER",
        build.moved("GATHER", kind, image, [(1, 6, 4, 8)], "GatherOptions", [[3, 0, 6, 3]], axis=2),
    )
    yield "GATHER-one", build.moved("GATHER", kind, image, [(1, 7, 8)], "GatherOptions", [2], axis=1)
    yield "TILE", build.moved("TILE", kind, (1, 3, 4), [(1, 6, 12)], "TileOptions", [[1, 2, 3]])
    yield "BROADCAST_TO", build.moved("BROADCAST_TO", kind, (1, 1, 4), [(1, 5, 3, 4)], "", [[1, 5, 3, 4]])
    yield "REVERSE_V2", build.moved("REVERSE_V2", kind, image, [image], "ReverseV2Options", [[2]])
    for op in ("REDUCE_MAX", "REDUCE_MIN"):
        for axes, keep in (((1, 2), True), ((3,), False)):
            yield f"{op}-{axes}", build.extreme_along(op, kind, axes, keep)
    yield "ARG_MIN", build.argmax(kind, 3, "ARG_MIN")


def _special() -> Iterator[tuple[str, Case]]:
    yield "INT8-EXP", build.unary("EXP", "INT8")
    for per_channel in (False, True):
        for depthwise in (False, True):
            yield (
                f"INT4-{'depthwise' if depthwise else 'conv'}-{per_channel}",
                build.convolution(
                    "INT8", depthwise=depthwise, padding=SAME, stride=(1, 2), dilation=(1, 1),
                    per_channel=per_channel, narrow=True,
                ),
            )  # fmt: skip
        yield (
            f"INT4-fully_connected-{per_channel}",
            build.fully_connected("INT8", (1, 51), per_channel=per_channel, narrow=True),
        )
    yield "INT8-fully_connected-channels", build.fully_connected("INT8", (1, 50), per_channel=True)
    yield (
        "INT8-conv-groups",
        build.convolution(
            "INT8", depthwise=False, padding=SAME, stride=(1, 1), dilation=(1, 1), per_channel=True, groups=2
        ),
    )
    yield "UINT8-CONCATENATION-scales", build.joined("CONCATENATION", "UINT8", 3, same=False)
    for first in (False, True):
        for second in (False, True):
            yield f"INT8-BATCH_MATMUL-{first}-{second}", build.matrices(first, second)


def _int16() -> Iterator[tuple[str, Case]]:
    kind = "INT16"
    yield from _products(kind)
    for op in ("ADD", "SUB", "MUL"):
        yield op, build.binary(op, kind, (1, 3, 4, 5))
        yield f"{op}-broadcast", build.binary(op, kind, (1, 1, 1, 5))
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for padding in (SAME, VALID):
            yield f"{op}-{padding}", build.pool(op, kind, padding, (3, 2), (2, 3))
    for op in ("RELU", "RELU6"):
        yield op, build.unary(op, kind)
    yield "LEAKY_RELU", build.unary("LEAKY_RELU", kind, "LeakyReluOptions", alpha=0.3)
    yield "QUANTIZE", build.unary("QUANTIZE", kind, "QuantizeOptions")
    yield "QUANTIZE-from-INT8", build.unary("QUANTIZE", "INT8", "QuantizeOptions", to=kind)
    yield "QUANTIZE-to-INT8", build.unary("QUANTIZE", kind, "QuantizeOptions", to="INT8")
    for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        yield op, build.resize(op, kind, (10, 11), False, True)
    yield "MAXIMUM", build.extreme("MAXIMUM", kind, (3,))
    yield "CONCATENATION", build.joined("CONCATENATION", kind, 3)


def cases() -> dict[str, Case]:
    """All of them by name."""
    found = dict(_special())
    for kind in KINDS:
        for family in (_products, _elementwise, _images, _moves, _picked):
            found |= {f"{kind}-{name}": case for name, case in family(kind)}
    return found | {f"INT16-{name}": case for name, case in _int16()}
