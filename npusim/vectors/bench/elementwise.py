"""The benches of units that make one word from one word of each input: add and its kin, tables, rescales."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.vectors.bench.feeds import Feed, Index, feeds
from npusim.vectors.bench.text import (
    Memory,
    SystemVerilog,
    chosen_entries_driver,
    common,
    compare,
    connections,
    entries_driver,
    memories,
    start,
    table_memories,
)
from npusim.vectors.bench.unit import Unit

SIZES = {"words": 0, "words_per_image": 1, "channels": 1}
"""What a case says: words of all images, and channels, which stand fastest."""

_BENCH = SystemVerilog("""\
// @title
module npusim_bench;
@common
@connections

@memories
  integer words, words_per_image, channels, word, channel, pixel, image, where;

  initial begin
    clk = 1'b0;
@start
@entries
    for (word = 0; word < words; word = word + 1) begin
      channel = word % channels;
      pixel = word / channels;
      image = word / words_per_image;
      where = (word % words_per_image) / channels;
      if (n_pixels != 0) where = m_pixels[where];
@inputs
@chosen_entries
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
    found = [Memory(feed.file, feed.bits, depths.get(feed.file, 1)) for feed in feeds(unit)]
    found += table_memories(unit, depths)
    found += [
        Memory("pixels", 32, depths.get("pixels", 1), "case_folder"),
        Memory("expected_outputs", unit.result_bits, depths["expected_outputs"]),
    ]
    return _BENCH.substitute(
        title=f"{unit.datapath.name}: {unit.name}",
        common=common(latency),
        connections=connections(unit.ports()),
        memories=memories(found),
        start=start(unit, SIZES, found),
        entries=entries_driver(unit),
        inputs="\n".join(f"      {_driver(feed)}" for feed in feeds(unit)),
        chosen_entries=chosen_entries_driver(unit),
        compared=compare(
            "results",
            "m_expected_outputs[word]",
            signed=unit.result.signed,
            place="image %0d pixel %0d channel %0d",
            where="image, where, channel",
            indent=6,
        ),
    )


def _driver(feed: Feed) -> str:
    """The assignment of a port."""
    memory = f"m_{feed.file}"
    if feed.index is Index.WORD:
        return f"{feed.port} = ${'signed' if feed.signed else 'unsigned'}({memory}[word]);"
    counter = {Index.PATTERN: "word", Index.PIXEL: "pixel"}[feed.index]
    words = f"n_{feed.file}"
    return f"{feed.port} = {words} == 0 ? {feed.bits}'d0 : {memory}[{counter} % {words}];"
