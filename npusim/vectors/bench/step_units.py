"""Which unit runs a step: what the manifest says of it, as a `Unit`; or why no unit does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from npusim.datapath import Datapath
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.spec.stages import Table
from npusim.spec.width import Width
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.manifest import Manifest, StepVectors, Tensor

MOST_TABLE_BITS = 1 << 16
_COPIES = ("pad", "reshape", "resize_nearest", "slice", "transpose")
_WHY = {
    "constant": "a constant reads nothing: its codes stand where the next step reads them",
    "interleave": "it says where other steps' outputs are written, and moves no code",
    "softmax": "a step of its own registers for each row; on many datapaths the host computes it",
    "l2_normalization": "a step of its own registers for each row",
}


@dataclass(frozen=True)
class NotCovered:
    """A step that no bench runs, and why."""

    step: str
    why: str


@dataclass(frozen=True)
class _Described:
    """A step as its unit is chosen."""

    entry: StepVectors
    datapath: Datapath
    columns: int


def unit_of(manifest: Manifest, entry: StepVectors, columns: int) -> Unit | NotCovered:
    """The unit that runs a step."""
    make = _UNITS.get(entry.kind)
    if make is None:
        return NotCovered(entry.name, _WHY.get(entry.kind, f"no reference RTL for {entry.kind} steps"))
    unit = make(_Described(entry, manifest.datapath, columns))
    why = unit if isinstance(unit, str) else unsuited(unit)
    if why is not None:
        return NotCovered(entry.name, why)
    assert isinstance(unit, Unit)
    return unit


def unsuited(unit: Unit) -> str | None:
    """Why a unit's pipelines cannot be built; None: they can."""
    if len([width for width in unit.widths(unit.main) if isinstance(width.stage, Table)]) > 1:
        return "its pipeline has several tables"
    if unit.table.entries * unit.table.bits > MOST_TABLE_BITS:
        return f"a table of more than {MOST_TABLE_BITS} bits"
    return None


def _declared(datapath: Datapath, operation: str) -> str:
    """The operation whose pipelines run, fallbacks followed."""
    fallback = PIPELINES[operation].fallback
    return operation if operation in datapath.pipelines or fallback is None else fallback


def _mac(step: _Described) -> Unit:
    operation = _declared(step.datapath, str(step.entry.attributes["operation"]))
    return Unit(UnitKind.MAC, operation, step.datapath, columns=step.columns)


def _accumulate(step: _Described) -> Unit:
    resumes = len(step.entry.inputs) > 1
    return Unit(
        UnitKind.MAC, "mac", step.datapath, columns=step.columns, resumes=resumes, rescales=False,
        part="resume" if resumes else "accumulate", reads=_other(step.entry.inputs[0], step.datapath),
    )  # fmt: skip


def _matmul(step: _Described) -> Unit | str:
    keeps = "expected_outputs" not in {file.name for file in step.entry.files}
    inner = {file.words for file in step.entry.files if file.name.startswith("operand_fields_0_")}
    if inner - {1}:
        return "its first operand has registers for each place of the inner axis"
    part = "matmul_accumulators" if keeps else ""
    columns = min(step.columns, 2)
    return Unit(UnitKind.MATMUL, "matmul", step.datapath, columns=columns, rescales=not keeps, part=part)


def _combine(step: _Described) -> Unit:
    return Unit(UnitKind.COMBINE, step.entry.kind, step.datapath)


def _extreme(step: _Described) -> Unit:
    operation, code = _declared(step.datapath, step.entry.kind), _other(step.entry.output, step.datapath)
    return Unit(UnitKind.COMBINE, operation, step.datapath, part=step.entry.kind, reads=code, makes=code)


def _sum_orders(step: _Described) -> Unit:
    return Unit(UnitKind.COMBINE, "expansion", step.datapath, operands=len(step.entry.inputs))


def _rescale(step: _Described) -> Unit:
    operation = _declared(step.datapath, str(step.entry.attributes["operation"]))
    return Unit(UnitKind.PIPELINE, operation, step.datapath)


def _table(step: _Described) -> Unit:
    return Unit(UnitKind.PIPELINE, "table", step.datapath, part="table")


def _concat(step: _Described) -> Unit:
    code = _other(step.entry.output, step.datapath)
    part = _named("concat", code)
    return Unit(
        UnitKind.PIPELINE, "concat", step.datapath, PipelineRole.OPERAND, part=part, reads=code, makes=code
    )


def _average_pool(step: _Described) -> Unit:
    return Unit(UnitKind.POOL, "average_pool", step.datapath)


def _max_pool(step: _Described) -> Unit:
    code = _other(step.entry.output, step.datapath)
    part = _named("max_pool", code)
    return Unit(UnitKind.POOL, "max_pool", step.datapath, part=part, reads=code, makes=code)


def _resize(step: _Described) -> Unit:
    return Unit(UnitKind.RESIZE, "resize", step.datapath)


def _recode(step: _Described) -> Unit:
    reads, makes = _width(step.entry.inputs[0]), _width(step.entry.output)
    part = f"recode_{_codes(reads)}_{_codes(makes)}"
    return Unit(UnitKind.RECODE, "recode", step.datapath, part=part, reads=reads, makes=makes)


def _clamp(step: _Described) -> Unit:
    code = _other(step.entry.output, step.datapath)
    part = _named("clamp", code)
    return Unit(UnitKind.CLAMP, "clamp", step.datapath, part=part, reads=code, makes=code)


def _digit(step: _Described) -> Unit:
    reads, makes = _width(step.entry.inputs[0]), _width(step.entry.output)
    return Unit(UnitKind.DIGIT, "digit", step.datapath, reads=reads, makes=makes)


def _copy(step: _Described) -> Unit | str:
    if "walk_sizes" not in {file.name for file in step.entry.files}:
        return "its rows, columns or axes are walked by no rule that the copying unit has"
    code = _other(step.entry.output, step.datapath)
    part = _named("copy", code)
    return Unit(UnitKind.WALK, "copy", step.datapath, part=part, reads=code, makes=code)


def _width(tensor: Tensor) -> Width:
    return Width(tensor.bits, tensor.signed)


def _other(tensor: Tensor, datapath: Datapath) -> Width | None:
    """A tensor's codes, if they are not the datapath's activations."""
    return None if _width(tensor) == datapath.activation.register else _width(tensor)


def _named(part: str, code: Width | None) -> str:
    return part if code is None else f"{part}_{_codes(code)}"


def _codes(width: Width) -> str:
    return f"{'s' if width.signed else 'u'}{width.bits}"


_UNITS: dict[str, Callable[[_Described], Unit | str]] = {
    "mac": _mac,
    "accumulate": _accumulate,
    "matmul": _matmul,
    **dict.fromkeys(("add", "sub", "mul"), _combine),
    **dict.fromkeys(("minimum", "maximum"), _extreme),
    "sum_orders": _sum_orders,
    "rescale": _rescale,
    "table": _table,
    "concat": _concat,
    "average_pool": _average_pool,
    "max_pool": _max_pool,
    "resize_bilinear": _resize,
    "recode": _recode,
    "clamp": _clamp,
    "digit": _digit,
    **dict.fromkeys(_COPIES, _copy),
}
