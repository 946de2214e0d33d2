"""Everything that runs one image of a network on one thread, and whether it gives npusim's bits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnxruntime.quantization import QuantFormat, QuantType

import npusim
from npusim.input_codes import to_codes
from tools import numpy_model, ort_layers, quantized_onnx, tosa_layers
from tools.quantized_onnx import Form
from tools.speed_field import COUNTING, OURS, REFERENCE, Contender, Field, same_bits
from tools.zoo import NETWORKS, calibration, folder, load

Array = npt.NDArray[Any]

FLOAT_NETWORKS = ("mobilenet_v1_0.75_224_imagenet", "mobilenet_v2_1.0_224_imagenet_dequantized")
TFLITE_MODELS = ("tf2_mobilenet_v2_1.0_224_ptq",)

_PER_CHANNEL = Form("QDQ, u8 s8 per channel", QuantFormat.QDQ, QuantType.QUInt8, QuantType.QInt8, True)
_RESOLVERS = {
    REFERENCE: OpResolverType.BUILTIN_REF,
    "TFLite default kernels, no delegate": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "TFLite with XNNPACK": OpResolverType.BUILTIN,
}


def field(name: str) -> Field:
    """By name: a float network of the zoo compiled for wes_npu, or a .tflite model."""
    return _tflite(name) if name in TFLITE_MODELS else _compiled(name)


def few(name: str) -> list[Contender]:
    """Ours and the reference kernels alone."""
    if name not in TFLITE_MODELS:
        network = NETWORKS[name]
        raw = calibration(network)[:16]
        program = npusim.compile(load(network), "wes_npu", recipe="wes", calibration=raw)
        return list(_ours(program, {key: codes[:1] for key, codes in to_codes(program, raw).items()}))
    return _tflite(name, (REFERENCE,)).contenders


def _ours(program: npusim.Program, image: dict[str, Array]) -> Iterator[Contender]:
    simulator, counted = npusim.Simulator(program), npusim.Simulator(program)
    yield Contender(OURS, lambda: simulator.run(image, threads=1), "")
    yield Contender(COUNTING, lambda: counted.run(image, threads=1, statistics=True), "the same")


def _answer(program: npusim.Program, image: dict[str, Array]) -> Array:
    (found,) = npusim.simulate(program, image, threads=1).outputs.values()
    return found


def _compiled(name: str) -> Field:
    network = NETWORKS[name]
    raw = calibration(network)[:16]
    program = npusim.compile(load(network), "wes_npu", recipe="wes", calibration=raw)
    images = to_codes(program, raw)
    image = {key: codes[:1] for key, codes in images.items()}
    ((codes,),) = ((batch[0],) for batch in image.values())
    expected = _answer(program, image)
    others = [
        Contender(
            "NumPy integer model",
            lambda: numpy_model.run(program, codes),
            same_bits(numpy_model.run(program, codes), expected),
        ),
        *tosa_layers.contenders(program, image),
        *_onnxruntime(name),
    ]
    return Field(f"{name}, wes_npu", program, images, [*_ours(program, image), *others])


def _tflite(name: str, resolvers: Sequence[str] = tuple(_RESOLVERS)) -> Field:
    content = (folder() / "models" / f"{name}.tflite").read_bytes()
    program = npusim.import_model(folder() / "models" / f"{name}.tflite")
    raw = calibration(NETWORKS[FLOAT_NETWORKS[-1]])[:16]
    (x,) = program.inputs
    images = {x.name: raw if x.dtype == np.uint8 else (raw.astype(np.int16) - 128).astype(np.int8)}
    image = {x.name: images[x.name][:1]}
    contenders = list(_ours(program, image))
    for label in resolvers:
        interpreter = _interpreter(content, _RESOLVERS[label])
        run = _invoker(interpreter)
        made = [run(codes) for codes in images[x.name]]
        wanted = [_answer(program, {x.name: codes[np.newaxis]}) for codes in images[x.name]]
        bits = same_bits(np.stack(made), np.stack(wanted))
        codes = image[x.name][0]
        contenders.append(Contender(label, lambda run=run, codes=codes: run(codes), bits))
    return Field(f"{name}.tflite", program, images, contenders)


def _interpreter(content: bytes, resolver: OpResolverType) -> Interpreter:
    made = Interpreter(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    made.allocate_tensors()
    return made


def _invoker(interpreter: Interpreter) -> Callable[[Array], Array]:
    (x,), (y,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(codes: Array) -> Array:
        interpreter.set_tensor(x["index"], codes.reshape(x["shape"]))
        interpreter.invoke()
        found: Array = interpreter.get_tensor(y["index"])
        return found

    return run


def _onnxruntime(name: str) -> Iterator[Contender]:
    model = folder() / "models" / f"{name}.onnx"
    image = next(quantized_onnx.real_inputs(name, 1))
    with tempfile.TemporaryDirectory() as scratch:
        quantized = quantized_onnx.quantize(name, _PER_CHANNEL, Path(scratch))
        for label, path in (("onnxruntime int8 (QDQ, per channel)", quantized), ("onnxruntime float", model)):
            session = float_session(path)
            feed = {session.get_inputs()[0].name: image}
            bits = "no: scales of its own" if path is quantized else "no: float"
            layers = ort_layers.seconds(path, feed, Path(scratch))
            run = partial(session.run, None, feed)
            yield Contender(label, run, bits, layers=layers)


def float_session(path: Path) -> onnxruntime.InferenceSession:
    """A model in ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
