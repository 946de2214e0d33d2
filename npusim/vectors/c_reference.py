"""A datapath's arithmetic as C without dependencies, for scoreboards: header, source, DPI-C imports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from npusim.datapath import Datapath
from npusim.datapath.operations import PIPELINES, PipelineRole, Source
from npusim.datapath.stage_text import stage_text
from npusim.datapath.systemverilog import identifier
from npusim.errors import InputError
from npusim.spec.convolution import ZeroPoint
from npusim.spec.mac import BiasPlace
from npusim.spec.stages import BaseStage, Operand, Table, field_name
from npusim.spec.width import Width
from npusim.vectors.c_runtime import FLOAT_RUNTIMES, RUNTIME
from npusim.vectors.c_stages import register_code, stage_code

_C = {Source.SUM: "a + b", Source.DIFFERENCE: "a - b", Source.PRODUCT: "a * b"}


@dataclass(frozen=True)
class Argument:
    """An argument of a function: an integer, or an array of a length."""

    name: str
    length: int = 0

    def in_c(self) -> str:
        """Its declaration in C."""
        return f"const long long *{self.name}" if self.length else f"long long {self.name}"

    def in_systemverilog(self) -> str:
        """Its declaration in an import."""
        size = f" [0:{self.length - 1}]" if self.length else ""
        return f"input longint {self.name}{size}"


@dataclass(frozen=True)
class Function:
    """One function: what it says of itself, its arguments, its body."""

    name: str
    comment: str
    arguments: tuple[Argument, ...]
    body: tuple[str, ...]

    def prototype(self) -> str:
        """Its head in C."""
        return f"long long {self.name}({', '.join(argument.in_c() for argument in self.arguments)})"


@dataclass(frozen=True)
class CReference:
    """The three files' texts."""

    name: str
    header: str
    source: str
    imports: str


def c_reference(datapath: Datapath) -> CReference:
    """Every pipeline, MAC beat and elementwise operation of a datapath as a C function.

    Functions take and return ``long long``; they keep no state and never fail. Arguments outside a
    field's width are the caller's mistake.

    Raises
    ------
    InputError
        For datapaths with unsigned 64-bit fields, which ``long long`` does not hold.
    """
    for name, field in datapath.fields.items():
        if field.bits == 64 and not field.signed:
            raise InputError("C's long long does not hold it", key=f"fields.{name}", found="u64")
    name = f"{identifier(datapath.name)}_reference"
    functions = [*_pipelines(datapath), *_mac(datapath), *_combinations(datapath)]
    title = f"{datapath.name}: {' '.join(datapath.title.split())}"
    return CReference(
        name, _header(name, title, functions), _source(name, title, functions), _imports(name, functions)
    )


def _header(name: str, title: str, functions: Sequence[Function]) -> str:
    guard = f"{name.upper()}_H"
    lines = [f"/* {title}", " * Generated from the datapath file. Registers are arguments. */"]
    lines += [f"#ifndef {guard}", f"#define {guard}", "", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    for function in functions:
        lines += [f"/* {function.comment} */", f"{function.prototype()};", ""]
    return "\n".join([*lines, "#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {guard} */", ""])


def _source(name: str, title: str, functions: Sequence[Function]) -> str:
    text = [f"/* {title} */", f'#include "{name}.h"', ""]
    bodies = [
        "\n".join([f"{f.prototype()} {{", *(f"    {line}" for line in f.body), "}", ""]) for f in functions
    ]
    whole = "\n".join(bodies)
    floats = [made for name, made in FLOAT_RUNTIMES.items() if f"{name}(" in whole]
    return "\n".join([*text, RUNTIME, *floats, whole])


def _imports(name: str, functions: Sequence[Function]) -> str:
    lines = [f"package {name}_dpi;"]
    for function in functions:
        arguments = ", ".join(argument.in_systemverilog() for argument in function.arguments)
        lines += [f"  // {function.comment}"]
        lines += [f'  import "DPI-C" pure function longint {function.name}({arguments});']
    return "\n".join([*lines, "endpackage", ""])


def _pipelines(datapath: Datapath) -> Iterator[Function]:
    for operation, pipeline in datapath.pipelines.items():
        for role in PIPELINES[operation].sources:
            stages = pipeline.stages(role) or ()
            arguments = (Argument("value"), *_field_arguments(stages))
            body = ["long long v = value;"]
            body += [f"{stage_code(stage)} /* {stage_text(stage)} */" for stage in stages]
            comment = f"Pipeline {operation}.{role}."
            yield Function(_name(datapath, operation, role), comment, arguments, (*body, "return v;"))


def fields_read(stages: Sequence[BaseStage]) -> dict[str, int]:
    """The fields that stages read, in the order of a function's arguments; entries of tables, else 0."""
    found: dict[str, int] = {}
    for stage in stages:
        operands: Sequence[Operand] = stage.operands()
        for name in filter(None, map(field_name, operands)):
            found.setdefault(name, 0)
        if isinstance(stage, Table):
            found[stage.table] = stage.entries
    return found


def function_name(datapath: Datapath, what: str) -> str:
    """The C function of ``mac.result`` (a pipeline), ``add`` (an operation), ``mac.beat`` (a MAC's part)."""
    return f"{identifier(datapath.name)}_{what.replace('.', '_')}"


def _field_arguments(stages: Sequence[BaseStage], prefix: str = "") -> list[Argument]:
    return [
        Argument(f"{prefix}field_{identifier(name)}", entries)
        for name, entries in fields_read(stages).items()
    ]


def _mac(datapath: Datapath) -> Iterator[Function]:
    mac, prefix = datapath.mac, identifier(datapath.name)
    late = mac.bias.place is BiasPlace.LATE
    write = f"v = {register_code('v', mac.accumulator.register, mac.accumulator.overflow)};"
    start = "0" if late else "bias"
    yield Function(
        f"{prefix}_mac_start",
        "What the accumulator holds before the first beat.",
        (Argument("bias"),),
        ("(void)bias;", f"return {start};"),
    )
    off = " - x_zero" if mac.zero_point is ZeroPoint.SUBTRACT else ""
    weight_off = " - weight_zero" if datapath.weight.zero_point else ""
    tree = (
        () if mac.tree is None else (f"v = {register_code('v', Width(mac.tree.bits), mac.tree.overflow)};",)
    )
    yield Function(
        f"{prefix}_mac_beat",
        "The accumulator after one more beat; missing lanes must be zero.",
        (
            *(Argument("accumulator"), Argument("activations", mac.lanes), Argument("weights", mac.lanes)),
            *(Argument("x_zero"), Argument("weight_zero")),
        ),
        (
            "long long v = 0;",
            "int lane;",
            "(void)x_zero;",
            "(void)weight_zero;",
            f"for (lane = 0; lane < {mac.lanes}; lane++)",
            f"    v += (activations[lane]{off}) * (weights[lane]{weight_off});",
            *tree,
            "v = add(accumulator, v);",
            write,
            "return v;",
        ),
    )
    finish = ("long long v = add(accumulator, bias);", write, "return v;")
    yield Function(
        f"{prefix}_mac_finish",
        "The accumulator behind the last beat: a late bias is added here.",
        (Argument("accumulator"), Argument("bias")),
        finish if late else ("(void)bias;", "return accumulator;"),
    )


def _combinations(datapath: Datapath) -> Iterator[Function]:
    for operation, pipeline in datapath.pipelines.items():
        source = PIPELINES[operation].sources.get(PipelineRole.RESULT)
        if source not in _C or pipeline.operand is None or pipeline.result is None:
            continue
        sides = [_field_arguments(pipeline.operand, f"{side}_") for side in ("a", "b")]
        result = _field_arguments(pipeline.result)
        operand = _name(datapath, operation, PipelineRole.OPERAND)
        body = [
            f"{side} = {operand}({', '.join([side, *(argument.name for argument in arguments)])});"
            for side, arguments in zip(("a", "b"), sides, strict=True)
        ]
        call = ", ".join([_C[source], *(argument.name for argument in result)])
        body.append(f"return {_name(datapath, operation, PipelineRole.RESULT)}({call});")
        yield Function(
            f"{identifier(datapath.name)}_{operation}",
            f"Two codes through {operation}: operand pipelines, the exact {source}, the result pipeline.",
            (Argument("a"), Argument("b"), *sides[0], *sides[1], *result),
            tuple(body),
        )


def _name(datapath: Datapath, operation: str, role: PipelineRole) -> str:
    return function_name(datapath, f"{operation}.{role}")
