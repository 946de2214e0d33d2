"""A datapath as a SystemVerilog package: the parameters that RTL and benches take from it.

Only scalars and packed vectors: Icarus Verilog 11 rejects unpacked-array parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from npusim.datapath.checks import StageWidth, derive_pipeline
from npusim.datapath.mac_widths import mac_widths
from npusim.datapath.model import Codes, Datapath, Granularity, RegisterField
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.datapath.stage_operands import (
    bus_bits,
    operand_constants,
    operand_slots,
    registers,
    size_constants,
    table_shape,
    word_bits,
)
from npusim.datapath.stage_text import stage_text
from npusim.errors import InputError
from npusim.spec.convolution import ZeroPoint
from npusim.spec.mac import BiasPlace
from npusim.spec.rounding import Rounding
from npusim.spec.scale import Underflow
from npusim.spec.stages import BaseStage
from npusim.spec.width import Overflow

STAGE_KINDS = (
    "add",
    "clamp",
    "float32",
    "multiply",
    "saturate",
    "select_negative",
    "shift_left",
    "shift_right",
    "table",
    "wrap",
    "divide",
    "float64",
    "significant",
)
"""A stage's code is its index here; the order is part of the packages people keep."""

NO_CODE = 255
"""Where a stage has no rounding or no overflow rule."""

_ELEMENT_BITS = 8

Parameter = tuple[str, str, int]
"""(type, name, value)."""


def package(datapath: Datapath) -> str:
    """The datapath's parameters as the package ``<name>_pkg``.

    Stages stand in packed vectors of one byte each, stage i at ``[8*i +: 8]``: ``_KINDS``,
    ``_BITS`` (the register: as declared, or else derived), ``_EXACT_BITS`` (the least signed width of
    the result before the register), ``_ROUNDINGS``, ``_OVERFLOWS``; ``_SIGNS`` has one bit each. A
    stage without a rounding or overflow rule has the code 255.

    Registers stand on one bus, field i at ``[REGISTER_OFFSETS[16*i +: 16] +: REGISTER_WIDTHS[8*i +: 8]]``.
    Operand j of stage i is element ``OPERANDS * i + j`` of ``_OPERAND_FIELDS`` (the register's index;
    255: the constant), ``_OPERAND_NEGATIVE`` and ``_OPERAND_CONSTANTS`` (its magnitude).

    Raises
    ------
    InputError
        If two fields have the same SystemVerilog name.

    Examples
    --------
    >>> from npusim.datapath.load import load_datapath
    >>> "localparam int ACCUMULATOR_BITS = 32;" in package(load_datapath("wes_npu"))
    True
    """
    name = f"{identifier(datapath.name)}_pkg"
    lines = [f"// {datapath.name}: {_one_line(datapath.title)}", "// Generated from the datapath file.", ""]
    lines += [f"package {name};"]
    for title, parameters in _sections(datapath):
        lines += ["", f"  // {title}", *(f"  {_line(parameter)}" for parameter in parameters)]
    lines += ["", "  // The register bus", *(f"  {line}" for line in _bus(datapath))]
    lines += [*_pipelines(datapath), "", "endpackage"]
    return "\n".join(lines) + "\n"


def identifier(name: str) -> str:
    """A name with the characters that SystemVerilog identifiers lack replaced by ``_``."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def stage_constants(widths: Sequence[StageWidth]) -> dict[str, list[int]]:
    """The vectors of a pipeline, by name suffix, stage by stage."""
    stages = [width.stage for width in widths]
    registers = [stage.register for stage in stages]
    exact = [width.exact.bits for width in widths]
    derived = [width.reached.bits for width in widths]
    return {
        "KINDS": [STAGE_KINDS.index(stage.stage) for stage in stages],
        "BITS": [
            bits if found is None else found.bits for found, bits in zip(registers, derived, strict=True)
        ],
        "EXACT_BITS": exact,
        "SIGNS": [int(found is None or found.signed) for found in registers],
        "ROUNDINGS": [_rounding(stage) for stage in stages],
        "OVERFLOWS": [_code(stage.overflow) for stage in stages],
    }


def _rounding(stage: BaseStage) -> int:
    return _code(getattr(stage, "rounding", None))


def _code(rule: StrEnum | None) -> int:
    return NO_CODE if rule is None else list(type(rule)).index(rule)


def _sections(datapath: Datapath) -> Iterator[tuple[str, list[Parameter]]]:
    yield "ARITHMETIC.md", [("int", "ARITHMETIC_VERSION", datapath.arithmetic_version)]
    yield "Codes of A1's roundings", _enumeration("ROUND", Rounding)
    yield "Codes of overflow rules", _enumeration("OVERFLOW", Overflow)
    yield "Codes of zero point modes", _enumeration("ZERO_POINT", ZeroPoint)
    yield "Codes of bias places", _enumeration("BIAS", BiasPlace)
    yield "Codes of underflow rules", _enumeration("UNDERFLOW", Underflow)
    yield "Codes of stages", [("int", f"STAGE_{kind.upper()}", i) for i, kind in enumerate(STAGE_KINDS)]
    yield "Activations and weights", [*_operand("ACTIVATION", datapath.activation), *_weight(datapath)]
    yield "The MAC column", _mac(datapath)
    yield "Register fields", _fields(datapath)
    yield "The scale recipe", _scale(datapath)


def _enumeration(prefix: str, rules: type[StrEnum]) -> list[Parameter]:
    return [("int", f"{prefix}_{rule.value.upper()}", code) for code, rule in enumerate(rules)]


def _operand(prefix: str, codes: Codes) -> list[Parameter]:
    return [
        ("int", f"{prefix}_BITS", codes.bits),
        ("bit", f"{prefix}_SIGNED", int(codes.signed)),
        ("int", f"{prefix}_MIN", codes.interval.low),
        ("int", f"{prefix}_MAX", codes.interval.high),
    ]


def _weight(datapath: Datapath) -> list[Parameter]:
    return [
        *_operand("WEIGHT", datapath.weight),
        ("bit", "WEIGHT_ZERO_POINT", int(datapath.weight.zero_point)),
    ]


def _mac(datapath: Datapath) -> list[Parameter]:
    mac, widths = datapath.mac, mac_widths(datapath)
    return [
        ("int", "ZERO_POINT_MODE", _code(mac.zero_point)),
        ("int", "LANES", mac.lanes),
        ("int", "PRODUCT_BITS", widths.product.bits),
        ("int", "BEAT_BITS", widths.beat.bits),
        ("int", "TREE_BITS", widths.beat.bits if mac.tree is None else mac.tree.bits),
        ("int", "TREE_OVERFLOW", _code(None if mac.tree is None else mac.tree.overflow)),
        ("int", "ACCUMULATOR_BITS", mac.accumulator.bits),
        ("int", "ACCUMULATOR_OVERFLOW", _code(mac.accumulator.overflow)),
        ("int", "BIAS_BITS", mac.bias.bits),
        ("int", "BIAS_PLACE", _code(mac.bias.place)),
    ]


def _fields(datapath: Datapath) -> list[Parameter]:
    parameters: dict[str, Parameter] = {}
    for name, field in datapath.fields.items():
        for parameter in _field(f"FIELD_{identifier(name).upper()}", field):
            if parameter[1] in parameters:
                raise InputError(
                    "two fields have the same SystemVerilog name", key=f"fields.{name}", found=parameter[1]
                )
            parameters[parameter[1]] = parameter
    return list(parameters.values())


def _bus(datapath: Datapath) -> Iterator[str]:
    bus = registers(datapath)
    yield _line(("int", "REGISTERS", len(bus)))
    yield _line(("int", "REGISTER_BITS", bus_bits(datapath)))
    yield _vector("REGISTER_OFFSETS", [register.offset for register in bus], 16)
    yield _vector("REGISTER_WIDTHS", [register.bits for register in bus], _ELEMENT_BITS)
    yield _vector("REGISTER_SIGNS", [int(register.signed) for register in bus], 1)


def _field(prefix: str, field: RegisterField) -> list[Parameter]:
    return [
        ("int", f"{prefix}_BITS", field.bits),
        ("bit", f"{prefix}_SIGNED", int(field.signed)),
        ("bit", f"{prefix}_PER_CHANNEL", int(field.per is Granularity.CHANNEL)),
    ]


def _scale(datapath: Datapath) -> list[Parameter]:
    recipe = datapath.scale
    return [
        ("int", "SCALE_MAGNITUDE_BITS", recipe.magnitude_bits),
        ("int", "SCALE_ROUNDING", _code(recipe.rounding)),
        ("int", "SCALE_UNDERFLOW", _code(recipe.underflow)),
    ]


def _pipelines(datapath: Datapath) -> Iterator[str]:
    for operation in datapath.pipelines:
        for role in PIPELINES[operation].sources:
            yield from _pipeline(datapath, operation, role)


def _pipeline(datapath: Datapath, operation: str, role: PipelineRole) -> Iterator[str]:
    widths = list(derive_pipeline(datapath, operation, role))
    prefix = f"{operation}_{role}".upper()
    yield ""
    yield f"  // Pipeline {operation}.{role}"
    for index, width in enumerate(widths):
        yield f"  //   [{index}] v = {stage_text(width.stage)}"
    yield f"  {_line(('int', f'{prefix}_STAGES', len(widths)))}"
    yield f"  {_line(('int', f'{prefix}_INPUT_BITS', widths[0].entering.bits))}"
    for suffix, values in stage_constants(widths).items():
        yield f"  {_vector(f'{prefix}_{suffix}', values, 1 if suffix == 'SIGNS' else _ELEMENT_BITS)}"
    table = table_shape(datapath, widths)
    for name, value in (
        ("WORD_BITS", word_bits(datapath, widths)),
        ("OPERANDS", operand_slots(widths)),
        ("TABLE_ENTRIES", table.entries),
        ("TABLE_BITS", table.bits),
    ):
        yield f"  {_line(('int', f'{prefix}_{name}', value))}"
    yield f"  {_line(('bit', f'{prefix}_TABLE_SIGNED', int(table.signed)))}"
    for suffix, bits, values in (*operand_constants(datapath, widths), *size_constants(widths)):
        yield f"  {_vector(f'{prefix}_{suffix}', values, bits)}"


def _vector(name: str, values: Sequence[int], bits: int) -> str:
    """A packed vector; SystemVerilog concatenates from the highest element down."""
    elements = ", ".join(f"{bits}'d{value}" for value in reversed(values))
    return f"localparam bit [{bits * len(values) - 1}:0] {name} = {{{elements}}};"


def _line(parameter: Parameter) -> str:
    kind, name, value = parameter
    literal = f"1'b{value}" if kind == "bit" else str(value)
    return f"localparam {kind} {name} = {literal};"


def _one_line(text: str) -> str:
    return " ".join(text.split())
