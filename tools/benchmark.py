"""Speed side by side: npusim, onnxruntime int8 and float, a NumPy integer model; one image, one thread.

    NPUSIM_ZOO=... python tools/benchmark.py [-o benchmark.md] [--network N ...] [--repetitions 40]

All contenders take turns in one process, so that they meet the same machine; a ratio is taken within
each turn, and its median and quartiles are reported. What runs on one thread is timed by the process's
processor time, which other users of the machine hardly change. Needs onnxruntime.
"""

from __future__ import annotations

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # before NumPy

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import npusim
from npusim.files.atomic import write_text
from npusim.input_codes import to_codes
from npusim.kernels import isa
from npusim.steps.executors.schedule import Schedule
from tools import numpy_model, peak
from tools.zoo import NETWORKS, ZooNetwork, calibration, folder, load

DEFAULT = ("mobilenet_v1_0.75_224_imagenet", "mobilenet_v2_1.0_224_imagenet_dequantized")
OURS = "npusim, wes_npu"
Run = Callable[[], object]


def contenders(network: ZooNetwork, program: npusim.Program, images: Any) -> Iterator[tuple[str, Run]]:
    """Everything that runs the network on the first image, by name; ours first."""
    codes = {name: batch[:1] for name, batch in to_codes(program, images[:1]).items()}
    simulator = npusim.Simulator(program)
    counted = npusim.Simulator(program)
    yield OURS, lambda: simulator.run(codes, threads=1)
    yield "npusim, counting events", lambda: counted.run(codes, threads=1, statistics=True)
    (image,) = (batch[0] for batch in codes.values())
    made = numpy_model.run(program, image)
    (ours,) = simulator.run(codes, threads=1).outputs.values()
    if not np.array_equal(made, ours[0]):
        raise SystemExit(f"{network.name}: npusim and the NumPy model differ")
    yield "NumPy integer model", lambda: numpy_model.run(program, image)
    with tempfile.TemporaryDirectory() as scratch:
        real = _real(network, images[:8])
        yield from _onnxruntime(folder() / "models" / f"{network.name}.onnx", real, Path(scratch))


def _real(network: ZooNetwork, images: Any) -> Any:
    """What the float model reads, NCHW."""
    mean, std = (np.array(value or (fallback,)) for value, fallback in ((network.mean, 0), (network.std, 1)))
    return ((images - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)


def _onnxruntime(model: Path, images: Any, scratch: Path) -> Iterator[tuple[str, Run]]:
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self, name: str) -> None:
            self._left = iter([{name: image[np.newaxis]} for image in images])

        def get_next(self) -> Any:
            return next(self._left, None)

    def session(path: Path) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    in_float = session(model)
    name = in_float.get_inputs()[0].name
    prepared, quantized = scratch / "prepared.onnx", scratch / "quantized.onnx"
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        quantized,
        Reader(name),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    in_int8 = session(quantized)
    yield "onnxruntime int8 (QDQ)", lambda: in_int8.run(None, {name: images[:1]})
    yield "onnxruntime float", lambda: in_float.run(None, {name: images[:1]})


def turns(runs: dict[str, Run], repetitions: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Seconds of every contender, turn by turn."""
    for run in runs.values():
        run()
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, run in runs.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def compare(seconds: dict[str, Any]) -> list[str]:
    """The table of contenders."""
    lines = ["| runs | best, ms | median, ms | median ratio to npusim | quartiles |", "|---|---|---|---|---|"]
    for name, found in seconds.items():
        low, middle, high = np.percentile(found / seconds[OURS], [25, 50, 75])
        best, median = 1e3 * found.min(), 1e3 * np.median(found)
        lines.append(f"| {name} | {best:.2f} | {median:.2f} | {middle:.2f} | {low:.2f} .. {high:.2f} |")
    return lines


def layers(program: npusim.Program, repetitions: int, vnni: float) -> list[str]:
    """Each step that has a one-pass form: time, rate, share of the machine's peak."""
    steps = [
        (step, step.prepare(program.input_types(step), program.tensors[step.output], program.datapath))
        for step in program.ordered_steps
    ]
    schedule = Schedule(steps, program.tensors, program.input_names, program.output_names)
    space = schedule.workspace()
    lines = ["| step | us | GMAC/s | of the VNNI peak |", "|---|---|---|---|"]
    for (step, _), work in zip(steps, schedule.work, strict=True):
        macs = step.macs(program.input_types(step), program.tensors[step.output])
        best = min(_timed(lambda work=work: schedule.compute(work, space)) for _ in range(repetitions))
        rate = macs / best / 1e9
        share = f"{rate / vnni:.0%}" if macs and vnni else ""
        lines.append(f"| {step.name} | {1e6 * best:.0f} | {rate:.0f} | {share} |")
    return lines


def _timed(run: Run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def threads(program: npusim.Program, images: Any, repetitions: int) -> list[str]:
    """Batches on one and two threads, and one image on two."""
    simulator = npusim.Simulator(program)
    codes = to_codes(program, images[:8])
    one = {name: batch[:1] for name, batch in codes.items()}
    lines = ["| batch | one thread, ms | two threads, ms | times as fast |", "|---|---|---|---|"]
    for batch, given in ((1, one), (8, codes)):
        found = turns(
            {str(n): (lambda n=n, given=given: simulator.run(given, threads=n)) for n in (1, 2)},
            repetitions,
            time.perf_counter,
        )
        ratio = np.median(found["1"] / found["2"])
        single, double = (1e3 * np.median(found[n]) for n in ("1", "2"))
        lines.append(f"| {batch} | {single:.2f} | {double:.2f} | {ratio:.2f} |")
    return lines


def report(names: list[str], repetitions: int) -> str:
    """Everything, as Markdown."""
    peaks = peak.measure()
    lines = [
        "# Benchmark",
        "",
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, load "
        f"{os.getloadavg()[0]:.1f}; instruction set {isa.selected().value}; one core's measured peaks: "
        + ", ".join(f"{name} {value:.0f} GMAC/s" for name, value in peaks.items())
        + ".",
    ]
    for name in names:
        network = NETWORKS[name]
        images = calibration(network)[:16]
        program = npusim.compile(load(network), "wes_npu", recipe="wes", calibration=images)
        lines += ["", f"## {name}", "", f"{program.macs / 1e6:.0f} million multiply-accumulates.", ""]
        lines += compare(turns(dict(contenders(network, program, images)), repetitions, time.process_time))
        lines += ["", *threads(program, images, repetitions)]
        lines += ["", *layers(program, repetitions, peaks.get("VNNI", 0.0))]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, help="also write the Markdown here")
    parser.add_argument("--network", action="append", choices=sorted(NETWORKS), help=f"default: {DEFAULT}")
    parser.add_argument("--repetitions", type=int, default=40)
    options = parser.parse_args()
    made = report(options.network or list(DEFAULT), options.repetitions)
    print(made)
    if options.output is not None:
        write_text(options.output, made)


if __name__ == "__main__":
    main()
