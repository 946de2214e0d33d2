"""The benches of units that make one word from one word of each input: add and its kin, tables, rescales."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.vectors.bench.mac import entries_driver, field_drivers, field_memories
from npusim.vectors.bench.text import Memory, SystemVerilog, common, compare, connections, memories, start
from npusim.vectors.bench.unit import Unit, UnitKind

SIZES = {"words": 0, "words_per_image": 1, "channels": 1}
"""What a case says: words of all images, and channels, which stand fastest."""

_BENCH = SystemVerilog("""\
// @title
module npusim_bench;
@common
@connections

@memories
  integer words, words_per_image, channels, word, channel, image, place;

  initial begin
    clk = 1'b0;
@start
@entries
    for (word = 0; word < words; word = word + 1) begin
      channel = word % channels;
      image = word / words_per_image;
      place = word % words_per_image;
@inputs
      settle;
@compared
      tick;
    end
    verdict;
  end
endmodule
""")


def bench(unit: Unit, depths: Mapping[str, int], *, latency: int = 0) -> str:
    """The bench's text; `depths` and `latency` as for a MAC tile."""
    inputs = _combine_inputs(unit, depths) if unit.kind is UnitKind.COMBINE else _one_input(unit, depths)
    found, lines = inputs
    found += [
        *field_memories(unit, depths),
        Memory("expected_outputs", unit.result_bits, depths["expected_outputs"]),
    ]
    lines += field_drivers(unit, "0")
    return _BENCH.substitute(
        title=f"{unit.datapath.name}: {unit.name}",
        common=common(latency),
        connections=connections(unit.ports()),
        memories=memories(found),
        start=start(unit, SIZES, found),
        entries=entries_driver(unit),
        inputs="\n".join(f"      {line}" for line in lines),
        compared=compare(
            "results",
            "m_expected_outputs[word]",
            signed=unit.datapath.activation.signed,
            place="image %0d word %0d channel %0d",
            where="image, place, channel",
            indent=6,
        ),
    )


def _combine_inputs(unit: Unit, depths: Mapping[str, int]) -> tuple[list[Memory], list[str]]:
    found, lines, bits = [], [], unit.datapath.activation.bits
    for index, port in enumerate(("a", "b")):
        side = f"operand_fields_{index}_"
        found.append(Memory(f"input_{index}", bits, depths[f"input_{index}"]))
        lines.append(f"{port} = m_input_{index}[word];")
        for field in unit.operand_fields:
            name = f"{side}{field.name}"
            found.append(Memory(name, field.bits, max(1, depths.get(name, 1))))
            lines.append(
                f"{port}_field_{field.name} = n_{name} == 0 ? {field.bits}'d0 : m_{name}[channel % n_{name}];"
            )
    return found, lines


def _one_input(unit: Unit, depths: Mapping[str, int]) -> tuple[list[Memory], list[str]]:
    """The value: an accumulator, or a code, which enters as the signed word it means."""
    code = unit.widths(unit.main)[0].entering == unit.datapath.activation.interval
    bits = unit.datapath.activation.bits if code else unit.input_bits
    signed = unit.datapath.activation.signed or not code
    memory = Memory("input_0", bits, depths["input_0"])
    return [memory], [f"value = ${'signed' if signed else 'unsigned'}(m_input_0[word]);"]
