"""Unit vectors as a bench's case: the same hex files as a step's, one channel a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from npusim.datapath.stage_operands import Register
from npusim.vectors.bench.case import Case, MemoryFile, hex_text, memory_file
from npusim.vectors.bench.stimulus import Codes, ColumnVector, Registers, Vector
from npusim.vectors.bench.unit import Unit, UnitKind


def write_words(
    name: str, unit: Unit, vectors: Sequence[Vector], folder: Path, table: Sequence[int] = ()
) -> Case:
    """The case of an elementwise unit; its files are written into `folder`."""
    code = unit.datapath.activation.bits
    from_code = unit.kind is UnitKind.COMBINE or unit.table.field is not None
    files = _registers(unit.fields, [vector.fields for vector in vectors], "field_")
    for index in range(len(vectors[0].values)):
        words = [vector.values[index] for vector in vectors]
        files[f"input_{index}"] = (code if from_code else unit.input_bits, words)
    for index in range(len(vectors[0].operand_fields)):
        registers = [vector.operand_fields[index] for vector in vectors]
        files |= _registers(unit.operand_fields, registers, f"operand_fields_{index}_")
    if unit.table.field is not None:
        files[f"field_{unit.table.field}"] = (unit.table.bits, list(table))
    files["expected_outputs"] = (unit.result_bits, [vector.expected for vector in vectors])
    count = len(vectors)
    sizes = {"words": count, "words_per_image": count, "channels": count}
    return Case(name, unit, folder, folder, sizes, _write(files, folder), count)


def write_columns(name: str, unit: Unit, vectors: Sequence[ColumnVector], folder: Path) -> Case:
    """The case of a MAC tile; every vector is a channel with activations of its own."""
    count, beats = len(vectors), len(vectors[0].activations)
    activation, weight, lanes = unit.datapath.activation, unit.datapath.weight, unit.datapath.mac.lanes
    files = _registers(unit.fields, [vector.fields for vector in vectors], "field_")
    files["activations"] = (
        lanes * activation.bits,
        _packed([v.activations for v in vectors], activation.bits),
    )
    files["weights"] = (lanes * weight.bits, _packed([v.weights for v in vectors], weight.bits))
    files["bias"] = (unit.bias_bits, [vector.bias for vector in vectors])
    files["pixels"] = (32, [0])
    accumulators = [vector.accumulator for vector in vectors]
    files["expected_accumulators"] = (unit.datapath.mac.accumulator.bits, accumulators)
    files["expected_outputs"] = (unit.result_bits, [vector.expected for vector in vectors])
    sizes = {"pixels": 1, "pixels_per_image": 1, "channels": count, "beats": beats}
    sizes |= {"sets": count, "outputs_per_set": 1}
    return Case(name, unit, folder, folder, sizes, _write(files, folder), 2 * count)


def _registers(
    fields: Sequence[Register], values: Sequence[Registers], prefix: str
) -> dict[str, tuple[int, list[int]]]:
    return {f"{prefix}{f.name}": (f.bits, [value[f.name] for value in values]) for f in fields}


def _packed(vectors: Sequence[Codes], bits: int) -> list[int]:
    """Beats as words, lane 0 lowest."""
    mask = (1 << bits) - 1
    beats = [beat for vector in vectors for beat in vector]
    return [sum((code & mask) << bits * lane for lane, code in enumerate(beat)) for beat in beats]


def _write(files: Mapping[str, tuple[int, list[int]]], folder: Path) -> tuple[MemoryFile, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (bits, words) in files.items():
        text = hex_text(name, bits, words)
        (folder / f"{name}.hex").write_text(text)
        written.append(memory_file(name, bits, text))
    return tuple(written)
