"""The parts that all benches have: memories filled from files, the clock, comparison, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Template

from npusim.vectors.bench.checksum import CHUNK_BITS, FACTOR, scan_bits
from npusim.vectors.bench.unit import Direction, Port, Unit, UnitKind

TABLE_CHOICE = "table_choice"
"""The file that says which table holds for each word of a set of unit vectors."""

TABLE_CHOICE_BITS = 16


class SystemVerilog(Template):
    """A text with ``@name`` in it: dollars belong to Verilog."""

    delimiter = "@"


@dataclass(frozen=True)
class Memory:
    """A file's place in the bench; `folder` is the bench's variable that says where it stands."""

    name: str
    word_bits: int
    depth: int
    folder: str = "folder"


_MEMORY = SystemVerilog("""\
  reg [@{top}:0] m_@name [0:@{last}];
  integer n_@name;
  task automatic load_@name;
    reg [@{scan_top}:0] word;
    reg [31:0] sum, wanted_sum;
    integer file, got, wanted, chunk;
    begin
      n_@name = 0;
      sum = 0;
      if (!$value$plusargs("words_@name=%d", wanted)) wanted = 0;
      if (!$value$plusargs("sum_@name=%h", wanted_sum)) wanted_sum = 0;
      if (wanted > 0) begin
        file = $fopen($sformatf("%0s/@name.hex", @folder), "r");
        if (file == 0) refuse($sformatf("%0s/@name.hex cannot be opened", @folder));
        else begin
          got = $fgets(line, file);
          got = $fscanf(file, "%h", word);
          while (got == 1) begin
            if (n_@name < wanted && n_@name < @depth) m_@name[n_@name] = word[@{top}:0];
            n_@name = n_@name + 1;
            for (chunk = 0; chunk < @chunks; chunk = chunk + 1)
              sum = sum * 32'd@factor + word[32*chunk +: 32] + 32'd1;
            got = $fscanf(file, "%h", word);
          end
          if (!$feof(file)) refuse($sformatf("%0s/@name.hex holds something that is no word", @folder));
          $fclose(file);
          if (n_@name != wanted)
            refuse($sformatf("%0s/@name.hex holds %0d words, %0d are wanted", @folder, n_@name, wanted));
          else if (sum !== wanted_sum)
            refuse($sformatf("%0s/@name.hex was edited: checksum %h, wanted %h", @folder, sum, wanted_sum));
        end
      end
    end
  endtask
""")

_COMMON = SystemVerilog("""\
  localparam integer SHOWN = 10;
  reg [8*200-1:0] name;
  reg [8*1000-1:0] folder, case_folder, dump;
  reg [8*200-1:0] line;
  integer compared = 0, mismatches = 0, refused = 0, comparisons = 0, latency = @latency, skipped;
  integer dump_outputs = 0, dump_accumulators = 0;

  task automatic refuse(input string why);
    begin
      refused = refused + 1;
      $display("REFUSED %0s: %0s", name, why);
    end
  endtask

  // In the middle of a clock period the inputs change and the results are looked at.
  task automatic tick;
    begin
      #1 clk = 1'b1;
      #1 clk = 1'b0;
    end
  endtask

  task automatic settle;
    begin
      for (skipped = 0; skipped < latency; skipped = skipped + 1) tick;
      #1;
    end
  endtask

  task automatic verdict;
    begin
      if (compared == 0) refuse("nothing was compared");
      else if (compared != comparisons)
        refuse($sformatf("%0d words were compared, %0d are wanted", compared, comparisons));
      if (mismatches == 0 && refused == 0) $display("PASS %0s: %0d compared", name, compared);
      else
        $display("FAIL %0s: %0d compared, %0d mismatches, %0d refusals", name, compared, mismatches, refused);
      if (mismatches != 0 || refused != 0) $fatal(1, "the bench failed");
      $finish(0);
    end
  endtask
""")


def memories(found: Iterable[Memory]) -> str:
    """Declarations and loading tasks."""
    return "\n".join(
        _MEMORY.substitute(
            name=memory.name,
            top=memory.word_bits - 1,
            last=memory.depth - 1,
            depth=memory.depth,
            scan_top=scan_bits(memory.word_bits) - 1,
            chunks=scan_bits(memory.word_bits) // CHUNK_BITS,
            factor=FACTOR,
            folder=memory.folder,
        )
        for memory in found
    )


def table_memories(unit: Unit, depths: Mapping[str, int]) -> list[Memory]:
    """The memories of a unit's table, if it has one, and of which table holds for a word."""
    table = unit.table
    if table.field is None:
        return []
    found = [(table_file(unit), table.bits), (TABLE_CHOICE, TABLE_CHOICE_BITS)]
    return [Memory(name, bits, max(1, depths.get(name, 1))) for name, bits in found]


def table_file(unit: Unit) -> str:
    """The file of a unit's table: a register of the step's, or an array of its own."""
    return "table" if unit.kind is UnitKind.RECODE else f"field_{unit.table.field}"


def entries_driver(unit: Unit) -> str:
    """The table's entries from its memory."""
    table = unit.table
    if table.field is None:
        return ""
    name = table_file(unit)
    return (
        f"    for (skipped = 0; skipped < {table.entries}; skipped = skipped + 1)\n"
        f"      entries[skipped*{table.bits} +: {table.bits}] = m_{name}[skipped];"
    )


def chosen_entries_driver(unit: Unit) -> str:
    """The entries of a word's own table, where there are several: its channel's, or the one it chooses."""
    if unit.table.field is None:
        return ""
    name, entries, bits = table_file(unit), unit.table.entries, unit.table.bits
    chosen = f"(n_{TABLE_CHOICE} == 0 ? channel : m_{TABLE_CHOICE}[word])"
    return (
        f"      if (n_{name} > {entries})\n"
        f"        for (skipped = 0; skipped < {entries}; skipped = skipped + 1)\n"
        f"          entries[skipped*{bits} +: {bits}] = m_{name}[{chosen}*{entries} + skipped];"
    )


def common(latency: int) -> str:
    """Counters, refusals, the clock, the verdict."""
    return _COMMON.substitute(latency=latency)


def connections(ports: Sequence[Port]) -> str:
    """The unit's instance and a signal for each of its ports."""
    kinds = {Direction.INPUT: "reg ", Direction.OUTPUT: "wire"}
    signals = [f"  {kinds[port.direction]} [{port.bits - 1}:0] {port.name};" for port in ports]
    joined = ", ".join(f".{port.name}({port.name})" for port in ports)
    return "\n".join([*signals, f"  npusim_dut dut ({joined});"])


def start(
    unit: Unit, sizes: Mapping[str, int], loaded: Sequence[Memory], dumps: Sequence[str] = ("outputs",)
) -> str:
    """Read arguments and files, take the unit out of reset; stop if a file is not the one written."""
    lines = ['    if (!$value$plusargs("case=%s", name)) name = "?";']
    lines += ['    if (!$value$plusargs("folder=%s", folder)) folder = ".";']
    lines += ['    if (!$value$plusargs("case_folder=%s", case_folder)) case_folder = folder;']
    # As conditions: Verilator 5.006 drops a call whose result is not used.
    for size, value in {"comparisons": 0, "latency": "latency", **sizes}.items():
        lines.append(f'    if (!$value$plusargs("{size}=%d", {size})) {size} = {value};')
    lines += [f"    load_{memory.name};" for memory in loaded]
    lines += list(_dumps(dumps))
    lines += ["    if (refused != 0) verdict;"]
    lines += [f"    {port.name} = 0;" for port in unit.ports() if port.direction is Direction.INPUT]
    return "\n".join([*lines, "    reset = 1'b1;", "    tick;", "    reset = 1'b0;", "    tick;"])


def _dumps(names: Sequence[str]) -> Iterator[str]:
    """With +dump=FOLDER, files for what the unit answers, in the order of the expected ones."""
    yield '    if ($value$plusargs("dump=%s", dump)) begin'
    for name in names:
        yield f'      dump_{name} = $fopen($sformatf("%0s/found_{name}.hex", dump), "w");'
        yield f'      if (dump_{name} == 0) refuse($sformatf("nothing can be written in %0s", dump));'
    yield "    end"


def compare(
    got: str, expected: str, *, signed: bool, place: str, where: str, indent: int, dump: str = "outputs"
) -> str:
    """Compare one word, and dump it; an X is a mismatch. `place` is a format of the integers `where`."""
    cast = "$signed" if signed else "$unsigned"
    shown = f"{where}, {cast}({expected}), {cast}({got})"
    return "\n".join(
        " " * indent + text
        for text in (
            "compared = compared + 1;",
            f'if (dump_{dump} != 0) $fdisplay(dump_{dump}, "%h", {got});',
            f"if ({got} !== {expected}) begin",
            "  mismatches = mismatches + 1;",
            "  if (mismatches <= SHOWN)",
            f'    $display("MISMATCH %0s {place}: expected %0d, got %0d", name, {shown});',
            "end",
        )
    )
