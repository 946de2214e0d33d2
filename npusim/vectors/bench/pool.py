"""The bench of pools: windows position by position, sums and outputs behind the last one."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.vectors.bench.text import Memory, SystemVerilog, common, compare, connections, memories, start
from npusim.vectors.bench.unit import Unit
from npusim.vectors.bench.unit_ports import averages, shows_accumulators

SIZES = {"pixels": 0, "pixels_per_image": 1, "channels": 0, "positions": 0}
"""What a case says: pixels of all images, positions of a window."""

_BENCH = SystemVerilog("""\
// @title
module npusim_bench;
@common
@connections

@memories
  integer pixels, pixels_per_image, channels, positions;
  integer pixel, channel, position, word, image, where, shown, due;

  // Between positions the unit must wait; what stands in the padding must not matter.
  task automatic bubble;
    begin
      valid = 1'b0;
      first = 1'b1;
      code = ~code;
      tick;
    end
  endtask

  initial begin
    clk = 1'b0;
@start
    for (pixel = 0; pixel < pixels; pixel = pixel + 1) begin
      image = pixel / pixels_per_image;
      shown = pixel % pixels_per_image;
      where = m_pixels[shown];
      for (channel = 0; channel < channels; channel = channel + 1) begin
        word = pixel * channels + channel;
@fields
        for (position = 0; position < positions; position = position + 1) begin
          if (position % 4 == 2) bubble;
          valid = 1'b1;
          first = position == 0;
          code = m_windows[word * positions + position];
          in_image = m_in_image[shown * positions + position];
          @padding
          tick;
        end
        // The results are due so many edges behind the last position's, not later.
        for (due = 0; due < latency; due = due + 1) bubble;
        #1;
@compared
        bubble;
      end
    end
    verdict;
  end
endmodule
""")


def bench(
    unit: Unit, depths: Mapping[str, int], *, accumulators: bool = True, latency: int = 0, masked: bool = True
) -> str:
    """The bench's text.

    Parameters
    ----------
    accumulators
        Whether the unit shows its sums.
    masked
        Whether the unit is told what lies in the padding: then its codes there are garbage. Without, they are
        the zero point or the least code.
    """
    shown = accumulators and shows_accumulators(unit)
    accumulator = unit.datapath.mac.accumulator.bits
    files = {"windows": unit.code.bits, "in_image": 1}
    registers = pool_registers(unit)
    found = [Memory(name, bits, depths[name]) for name, bits in files.items()]
    found += [Memory(file, bits, depths.get(file, 1)) for _, file, bits in registers]
    found.append(Memory("pixels", 32, depths["pixels"], "case_folder"))
    if shown:
        found.append(Memory("expected_accumulators", accumulator, depths["expected_accumulators"]))
    found.append(Memory("expected_outputs", unit.result_bits, depths["expected_outputs"]))
    compared = [("accumulators", "accumulators", True)] if shown else []
    compared.append(("results", "outputs", unit.result.signed))
    return _BENCH.substitute(
        title=f"{unit.datapath.name}: {unit.name}",
        common=common(latency),
        connections=connections(unit.ports()),
        memories=memories(found),
        padding="if (!in_image) code = ~code;" if masked else "",
        fields="\n".join(
            f"        {port} = n_{file} == 0 ? {bits}'d0 : m_{file}[word % n_{file}];"
            for port, file, bits in registers
        ),
        compared="\n".join(
            compare(
                port,
                f"m_expected_{name}[word]",
                signed=signed,
                place=f"image %0d pixel %0d channel %0d {port.removesuffix('s')}",
                where="image, where, channel",
                indent=8,
                dump=name,
            )
            for port, name, signed in compared
        ),
        start=start(unit, SIZES, found, [name for _, name, _ in compared]),
    )


def pool_registers(unit: Unit) -> list[tuple[str, str, int]]:
    """(port, file, bits) of what a pool reads besides codes."""
    found = [("x_zero", "x_zero", unit.code.bits)] if averages(unit) else []
    return found + [(f"field_{field.name}", f"field_{field.name}", field.bits) for field in unit.fields]
