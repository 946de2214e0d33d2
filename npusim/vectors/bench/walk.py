"""The bench of copies: the unit says where the next code stands, the bench hands it that code."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.vectors.bench.text import Memory, SystemVerilog, common, compare, connections, memories, start
from npusim.vectors.bench.unit import Unit
from npusim.vectors.bench.unit_ports import WALK_BITS, WALK_REGISTERS
from npusim.vectors.walk import WALK_AXES

SIZES = {"words": 0, "words_per_image": 1, "channels": 1, "input_words": 0}
"""What a case says: words of all images' outputs, words of one image's input."""

_BENCH = SystemVerilog("""\
// @title
module npusim_bench;
@common
@connections

@memories
  integer words, words_per_image, channels, input_words, word, channel, image, pixel, axis;

  initial begin
    clk = 1'b0;
@start
    for (axis = 0; axis < @axes; axis = axis + 1) begin
@registers
    end
    pad = m_pad[0];
    for (word = 0; word < words; word = word + 1) begin
      image = word / words_per_image;
      pixel = (word % words_per_image) / channels;
      channel = word % channels;
      start = word % words_per_image == 0;
      advance = 1'b1;
      tick;
      // Nothing moves without `advance`.
      start = 1'b0;
      advance = 1'b0;
      if (word % 4 == 2) tick;
      settle;
      data = address < input_words ? m_input_0[image * input_words + address] : ~pad;
      settle;
@compared
    end
    verdict;
  end
endmodule
""")


def bench(unit: Unit, depths: Mapping[str, int], *, latency: int = 0) -> str:
    """The bench's text; `depths` and `latency` as for a MAC tile."""
    registers = [(name, f"walk_{name}") for name in WALK_REGISTERS]
    found = [Memory(file, WALK_BITS, WALK_AXES) for _, file in registers]
    found += [
        Memory("pad", unit.code.bits, 1),
        Memory("input_0", unit.code.bits, depths["input_0"]),
        Memory("expected_outputs", unit.result_bits, depths["expected_outputs"]),
    ]
    return _BENCH.substitute(
        title=f"{unit.datapath.name}: {unit.name}",
        common=common(latency),
        connections=connections(unit.ports()),
        memories=memories(found),
        axes=WALK_AXES,
        registers="\n".join(
            f"      {port}[axis*{WALK_BITS} +: {WALK_BITS}] = m_{file}[axis];" for port, file in registers
        ),
        compared=compare(
            "results",
            "m_expected_outputs[word]",
            signed=unit.result.signed,
            place="image %0d pixel %0d channel %0d",
            where="image, pixel, channel",
            indent=6,
        ),
        start=start(unit, SIZES, found),
    )
