"""The bench of a MAC tile: beats as they reach the lanes, accumulators and outputs behind the last one."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.vectors.bench.text import Memory, SystemVerilog, common, compare, connections, memories, start
from npusim.vectors.bench.unit import Unit

SIZES = {"pixels": 0, "pixels_per_image": 1, "channels": 0, "beats": 0, "sets": 1, "outputs_per_set": 1}
"""What a case says: pixels of all images, beats of an output, sets of channels that share activations."""

_BENCH = SystemVerilog("""\
// @title
module npusim_bench;
  localparam integer COLUMNS = @columns, X_BITS = @x_bits, W_BITS = @w_bits, BIAS_BITS = @bias_bits;
  localparam integer ACCUMULATOR_BITS = @accumulator_bits, RESULT_BITS = @result_bits;
@common
@connections

@memories
  integer pixels, pixels_per_image, channels, beats, sets, outputs_per_set;
  integer pixel, tile, beat, column, channel, place, image, where;

  // One beat of every column; columns behind the last channel get the first channel's data.
  task automatic drive_beat;
    for (column = 0; column < COLUMNS; column = column + 1) begin
      channel = tile + column < channels ? tile + column : 0;
      activations[column*X_BITS +: X_BITS] =
          m_activations[(pixel * sets + channel / outputs_per_set) * beats + beat];
      weights[column*W_BITS +: W_BITS] = m_weights[channel * beats + beat];
    end
  endtask

  // Between beats the unit must wait, whatever its inputs say.
  task automatic bubble;
    begin
      valid = 1'b0;
      first = 1'b1;
      last = 1'b1;
      activations = ~activations;
      tick;
    end
  endtask

  task automatic drive_constants;
    for (column = 0; column < COLUMNS; column = column + 1) begin
      channel = tile + column < channels ? tile + column : 0;
      enable[column] = tile + column < channels;
      bias[column*BIAS_BITS +: BIAS_BITS] = m_bias[channel];
@fields
    end
  endtask

  task automatic compare_tile;
    for (column = 0; column < COLUMNS && tile + column < channels; column = column + 1) begin
      channel = tile + column;
      place = pixel * channels + channel;
      image = pixel / pixels_per_image;
      where = m_pixels[pixel % pixels_per_image];
@compared
    end
  endtask

  initial begin
    clk = 1'b0;
@start
@entries
    for (pixel = 0; pixel < pixels; pixel = pixel + 1)
      for (tile = 0; tile < channels; tile = tile + COLUMNS) begin
        drive_constants;
        for (beat = 0; beat < beats; beat = beat + 1) begin
          if (beat % 4 == 2) bubble;
          valid = 1'b1;
          first = beat == 0;
          last = beat == beats - 1;
          drive_beat;
          tick;
        end
        bubble;
        settle;
        compare_tile;
      end
    verdict;
  end
endmodule
""")


def bench(unit: Unit, depths: Mapping[str, int], *, accumulators: bool = True, latency: int = 0) -> str:
    """The bench's text.

    Parameters
    ----------
    depths
        Words of the largest file of each name.
    accumulators
        Whether the unit shows them.
    latency
        Clock edges from the last beat to the results.
    """
    mac, datapath = unit.datapath.mac, unit.datapath
    found = [
        Memory("activations", mac.lanes * datapath.activation.bits, depths["activations"]),
        Memory("weights", mac.lanes * datapath.weight.bits, depths["weights"]),
        Memory("bias", unit.bias_bits, depths["bias"]),
        Memory("pixels", 32, depths["pixels"], "case_folder"),
        *field_memories(unit, depths),
        Memory("expected_accumulators", mac.accumulator.bits, depths["expected_accumulators"]),
        Memory("expected_outputs", unit.result_bits, depths["expected_outputs"]),
    ]
    place = "image %0d pixel %0d channel %0d"
    compared = [
        compare(
            f"{port}[column*{bits}_BITS +: {bits}_BITS]",
            f"m_expected_{expected}[place]",
            signed=expected == "accumulators" or datapath.activation.signed,
            place=f"{place} {bits.lower()}",
            where="image, where, channel",
            indent=6,
            dump=expected,
        )
        for port, bits, expected in (
            ("accumulators", "ACCUMULATOR", "accumulators"),
            ("results", "RESULT", "outputs"),
        )
        if accumulators or port == "results"
    ]
    return _BENCH.substitute(
        title=f"{datapath.name}: MAC tile of {unit.columns} columns",
        columns=unit.columns,
        x_bits=mac.lanes * datapath.activation.bits,
        w_bits=mac.lanes * datapath.weight.bits,
        bias_bits=unit.bias_bits,
        accumulator_bits=mac.accumulator.bits,
        result_bits=unit.result_bits,
        common=common(latency),
        connections=connections(unit.ports()),
        memories=memories(found),
        fields="\n".join(f"      {line}" for line in field_drivers(unit, "column")),
        compared="\n".join(compared),
        start=start(unit, SIZES, found, ("accumulators", "outputs") if accumulators else ("outputs",)),
        entries=entries_driver(unit),
    )


def field_memories(unit: Unit, depths: Mapping[str, int]) -> list[Memory]:
    """A memory for every register, and for the table; steps without the field leave it empty."""
    names = {f"field_{field.name}": field.bits for field in unit.fields}
    if unit.table.field is not None:
        names[f"field_{unit.table.field}"] = unit.table.bits
    return [Memory(name, bits, max(1, depths.get(name, 1))) for name, bits in names.items()]


def field_drivers(unit: Unit, column: str) -> list[str]:
    """Each register from its memory; one word serves all channels, a missing field is 0."""
    lines = []
    for field in unit.fields:
        name, bits = f"field_{field.name}", field.bits
        lines.append(
            f"{name}[{column}*{bits} +: {bits}] = n_{name} == 0 ? {bits}'d0 : m_{name}[channel % n_{name}];"
        )
    return lines


def entries_driver(unit: Unit) -> str:
    """The table's entries from its memory."""
    table = unit.table
    if table.field is None:
        return ""
    return (
        f"    for (skipped = 0; skipped < {table.entries}; skipped = skipped + 1)\n"
        f"      entries[skipped*{table.bits} +: {table.bits}] = m_field_{table.field}[skipped];"
    )
