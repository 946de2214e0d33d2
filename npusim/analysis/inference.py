"""`equiv --infer`: which presets and rules are consistent with samples of an unknown device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Pipeline
from npusim.analysis.changes import catalogue
from npusim.analysis.rescale import Rescale, Words
from npusim.datapath import load_datapath, preset_names
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.steps.fields import needed_fields

REQUIRED = ("accumulator", "output")
_ALIASES = {"acc": "accumulator"}
_DEFAULTS = {"inverse_shift": 0, "x_zero": 0, "y_zero": 0}


@dataclass(frozen=True)
class Hypothesis:
    """One way the device could work.

    Attributes
    ----------
    agreeing
        How many samples it explains.
    contradiction
        The first sample it does not explain; None: it explains all.
    skipped
        Why it was not tried.
    """

    text: str
    agreeing: int = 0
    contradiction: int | None = None
    skipped: str | None = None

    @property
    def consistent(self) -> bool:
        """Whether it explains every sample."""
        return self.skipped is None and self.contradiction is None


@dataclass(frozen=True)
class InferenceReport:
    """All hypotheses.

    Attributes
    ----------
    presets
        One a preset that ships, and one a datapath given.
    rules
        The base preset with one rule changed.
    """

    samples: int
    base: str
    presets: tuple[Hypothesis, ...]
    rules: tuple[Hypothesis, ...]

    @property
    def consistent(self) -> tuple[str, ...]:
        """Everything that explains all samples."""
        return tuple(one.text for one in (*self.presets, *self.rules) if one.consistent)


def infer(samples: Mapping[str, npt.ArrayLike], *, base: Datapath | None = None) -> InferenceReport:
    """Find what is consistent with samples of a rescale.

    Parameters
    ----------
    samples
        Vectors of one length, or single integers: ``accumulator`` (or ``acc``), ``output``, and the
        fields, such as ``multiplier``, ``shift``, ``inverse_shift``, ``y_zero``, ``low``, ``high``.
        Zero points and the inverse shift default to 0, bounds to the code range.
    base
        The datapath whose rules are changed one at a time; None: the default one.

    Raises
    ------
    InputError
        If an array is missing, is no integers, or has another length.
    """
    columns, count = _columns(samples)
    chosen = load_datapath("wes_npu") if base is None else base
    datapaths = [load_datapath(name) for name in preset_names()]
    if base is not None and base.name not in {one.name for one in datapaths}:
        datapaths.append(base)
    presets = tuple(_try_datapath(one, columns, count) for one in datapaths)
    return InferenceReport(count, chosen.name, presets, tuple(_try_rules(chosen, columns, count)))


def _columns(samples: Mapping[str, npt.ArrayLike]) -> tuple[dict[str, Words], int]:
    found = {_ALIASES.get(name, name): np.asarray(values) for name, values in samples.items()}
    for name in REQUIRED:
        if name not in found:
            raise InputError("samples lack an array", key=name, allowed=", ".join(REQUIRED))
    count = max(values.size for values in found.values())
    columns = {}
    for name, values in found.items():
        if values.dtype.kind not in "iu":
            raise InputError("samples must be integers", key=name, found=str(values.dtype))
        if values.size not in {1, count} or values.size == 0:
            raise InputError(
                "another number of samples", key=name, found=values.size, allowed=f"1 or {count}"
            )
        columns[name] = np.ascontiguousarray(np.broadcast_to(values.reshape(-1), (count,)), np.int64)
    return columns, count


def _try_datapath(datapath: Datapath, columns: Mapping[str, Words], count: int) -> Hypothesis:
    made = _rescale(datapath, columns, count)
    return (
        Hypothesis(datapath.name, skipped=made)
        if isinstance(made, str)
        else _try(datapath.name, made, columns)
    )


def _try_rules(datapath: Datapath, columns: Mapping[str, Words], count: int) -> Iterator[Hypothesis]:
    made = _rescale(datapath, columns, count)
    if isinstance(made, str):
        return
    pipeline = Pipeline("pipelines.mac.result", datapath.activation.register, datapath.fields)
    for change in catalogue(made.stages, pipeline):
        yield _try(f"{datapath.name}, {change.text}", change.apply(made), columns)


def _rescale(datapath: Datapath, columns: Mapping[str, Words], count: int) -> Rescale | str:
    """A channel a sample; or why the datapath cannot have made the samples."""
    pipeline = datapath.pipeline("mac")
    stages = None if pipeline is None else pipeline.stages(PipelineRole.RESULT)
    if stages is None:
        return "has no mac pipeline"
    codes = datapath.activation.interval
    defaults = {**_DEFAULTS, "low": codes.low, "high": codes.high}
    fields: dict[str, Any] = {}
    for name in needed_fields(stages):
        if name not in columns and name not in defaults:
            return f"reads the field {name}, which is not sampled"
        values = columns.get(name, np.full(count, defaults.get(name, 0), np.int64))
        if not Interval(int(values.min()), int(values.max())).within(datapath.fields[name].interval):
            return f"its field {name} holds {datapath.fields[name].interval} only"
        fields[name] = values
    accumulators = columns["accumulator"]
    register = Interval.of(datapath.mac.accumulator.register)
    if not Interval(int(accumulators.min()), int(accumulators.max())).within(register):
        return f"its accumulator holds {register} only"
    return Rescale(stages, fields, count)


def _try(text: str, rescale: Rescale, columns: Mapping[str, Words]) -> Hypothesis:
    try:
        made = rescale.run(columns["accumulator"][None])[0]
    except InputError as error:
        return Hypothesis(text, skipped=error.problem)
    wrong = np.flatnonzero(made != columns["output"])
    return Hypothesis(text, made.size - wrong.size, int(wrong[0]) if wrong.size else None)
