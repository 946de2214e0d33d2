"""The bench of a MAC tile: beats as they reach the lanes, accumulators and outputs behind the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from npusim.vectors.bench.text import (
    Memory,
    SystemVerilog,
    common,
    compare,
    connections,
    entries_driver,
    memories,
    start,
    table_memories,
)
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_ports import shows_accumulators

SIZES = {
    "pixels": 0,
    "pixels_per_image": 1,
    "channels": 0,
    "beats": 0,
    "sets": 1,
    "outputs_per_set": 1,
    "matrices": 0,
    "rows": 1,
    "shift_left": 0,
}
"""What a case says: pixels of all images, beats of an output, sets of channels that share activations;
where weights are computed: matrices of an image, rows of each; how far partial sums are shifted left."""

_BENCH = SystemVerilog("""\
// @title
module npusim_bench;
  localparam integer COLUMNS = @columns, X_BITS = @x_bits, W_BITS = @w_bits;
@common
@connections

@memories
  integer pixels, pixels_per_image, channels, beats, sets, outputs_per_set, matrices, rows, shift_left;
  integer pixel, tile, beat, column, channel, place, image, where, matrix, due;

  // One beat of every column; columns behind the last channel get the first channel's data.
  task automatic drive_beat;
    for (column = 0; column < COLUMNS; column = column + 1) begin
      channel = tile + column < channels ? tile + column : 0;
      activations[column*X_BITS +: X_BITS] =
          m_activations[(pixel * sets + channel / outputs_per_set) * beats + beat];
      weights[column*W_BITS +: W_BITS] = m_weights[(matrix * channels + channel) * beats + beat];
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
@constants
    end
  endtask

  task automatic compare_tile;
    for (column = 0; column < COLUMNS && tile + column < channels; column = column + 1) begin
      channel = tile + column;
      place = pixel * channels + channel;
@compared
    end
  endtask

  initial begin
    clk = 1'b0;
@start
@entries
    for (pixel = 0; pixel < pixels; pixel = pixel + 1) begin
      image = pixel / pixels_per_image;
      where = m_pixels[pixel % pixels_per_image];
      matrix = matrices == 0 ? 0 : image * matrices + where / rows;
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
        // The results are due so many edges behind the last beat's, not later.
        for (due = 0; due < latency; due = due + 1) bubble;
        #1;
        compare_tile;
        bubble;
      end
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
    weight = unit.code if unit.kind is UnitKind.MATMUL else unit.datapath.weight.register
    lanes = unit.datapath.mac.lanes
    beats = {"activations": lanes * unit.code.bits, "weights": lanes * weight.bits}
    constants = list(constant_feeds(unit))
    results = compared_outputs(unit, accumulators=accumulators)
    found = [Memory(name, bits, depths[name]) for name, bits in beats.items()]
    found.append(Memory("pixels", 32, depths["pixels"], "case_folder"))
    found += [Memory(file, bits, depths.get(file, 1)) for _, file, bits in constants]
    if unit.resumes:
        found.append(Memory("partial_sums", unit.datapath.mac.accumulator.bits, depths["partial_sums"]))
    found += table_memories(unit, depths)
    found += [Memory(f"expected_{name}", bits, depths[f"expected_{name}"]) for _, name, bits, _ in results]
    return _BENCH.substitute(
        title=f"{unit.datapath.name}: {unit.name}, {unit.columns} columns",
        columns=unit.columns,
        x_bits=beats["activations"],
        w_bits=beats["weights"],
        common=common(latency),
        connections=connections(unit.ports()),
        memories=memories(found),
        constants="\n".join(f"      {line}" for line in _drivers(unit, constants)),
        compared="\n".join(
            compare(
                f"{port}[column*{bits} +: {bits}]",
                f"m_expected_{name}[place]",
                signed=signed,
                place=f"image %0d pixel %0d channel %0d {port.removesuffix('s')}",
                where="image, where, channel",
                indent=6,
                dump=name,
            )
            for port, name, bits, signed in results
        ),
        start=start(unit, SIZES, found, [name for _, name, _, _ in results]),
        entries=entries_driver(unit),
    )


def compared_outputs(unit: Unit, *, accumulators: bool) -> list[tuple[str, str, int, bool]]:
    """(port, what its expected file is called, bits, signed) of all that is compared."""
    found = []
    if accumulators and shows_accumulators(unit):
        found.append(("accumulators", "accumulators", unit.datapath.mac.accumulator.bits, True))
    if unit.rescales:
        found.append(("results", "outputs", unit.result_bits, unit.result.signed))
    return found


def constant_feeds(unit: Unit) -> Iterator[tuple[str, str, int]]:
    """(port, file, bits) of what every column has of its channel: bias and registers."""
    if unit.kind is UnitKind.MAC:
        yield "bias", "bias", unit.bias_bits
    else:
        for index, side in enumerate(unit.sides):
            for field in unit.operand_fields:
                yield f"{side}_field_{field.name}", f"operand_fields_{index}_{field.name}", field.bits
    for field in unit.fields:
        yield f"field_{field.name}", f"field_{field.name}", field.bits


def _drivers(unit: Unit, constants: list[tuple[str, str, int]]) -> Iterator[str]:
    """Each from its memory; one word serves all channels, what is not there is 0."""
    for port, file, bits in constants:
        source = f"n_{file} == 0 ? {bits}'d0 : m_{file}[channel % n_{file}]"
        yield f"{port}[column*{bits} +: {bits}] = {source};"
    if unit.resumes:
        bits = unit.datapath.mac.accumulator.bits
        yield "partial_shift = shift_left;"
        yield f"partial_sums[column*{bits} +: {bits}] = m_partial_sums[pixel * channels + channel];"
