"""ONNX Runtime's own times of a model's multiply-accumulate layers, by its profiler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime

_MACS = {"Conv", "FusedConv", "QLinearConv", "ConvInteger", "Gemm", "QGemm", "MatMul", "QLinearMatMul"}
_KERNEL = "_kernel_time"


def seconds(model: Path, feed: Mapping[str, Any], scratch: Path, runs: int = 20) -> tuple[float, ...]:
    """The best time of each such layer in order of execution, one thread; the profile goes to `scratch`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_profiling, options.profile_file_prefix = True, str(scratch / "profile")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    for _ in range(runs):
        session.run(None, feed)
    events = json.loads(Path(session.end_profiling()).read_text())
    best: dict[str, float] = {}
    for event in events:
        name = event["name"]
        if event.get("cat") == "Node" and name.endswith(_KERNEL) and event["args"]["op_name"] in _MACS:
            best[name] = min(best.get(name, float("inf")), event["dur"] / 1e6)
    return tuple(best.values())
