"""A bench in cocotb: drives ``npusim_dut`` by a case of a vector set and compares what it answers.

It needs cocotb 2 and Python alone. A case is a file that `npusim vectors` writes beside its benches:

    python npusim_cocotb.py build FOLDER SOURCE.sv ...      build ``npusim_dut`` with Icarus Verilog
    python npusim_cocotb.py run FOLDER CASE.json [DUMP]     run a case; write what the unit answers into DUMP

In a flow of your own this is the test module; ``NPUSIM_CASE``, ``NPUSIM_DUMP`` in the environment name both.
As the SystemVerilog benches it counts what it compares, and fails on zero comparisons, on X and on files that
are not the ones that were written.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

SHOWN = 10
FACTOR = 16777619
CHUNK_BITS = 32
SPARE_BITS = 4


class Refused(Exception):
    """A file or a case is not the one that was written."""


class Bench:
    """One case: its files, the unit's ports, what was compared."""

    def __init__(self, dut: Any, path: Path) -> None:
        self.dut, self.folder = dut, path.parent
        self.case: dict[str, Any] = json.loads(path.read_text())
        self.name, self.sizes = self.case["case"], self.case["sizes"]
        self.words = {file["name"]: self.load(file) for file in self.case["files"]}
        self.compared = self.mismatches = 0
        dump = os.environ.get("NPUSIM_DUMP")
        outputs = [name for _, name, _, _ in self.case["compared"]]
        self.dumps: dict[str, list[str]] = {name: [] for name in outputs} if dump else {}

    def load(self, file: dict[str, Any]) -> list[int]:
        """The words of a hex file, if it is the one that was written."""
        path = self.folder / file["path"]
        if not path.is_file():
            raise Refused(f"{path} cannot be opened")
        lines = path.read_text().splitlines()[1:]
        try:
            words = [int(line, 16) for line in lines]
        except ValueError:
            raise Refused(f"{path} holds something that is no word") from None
        if len(words) != file["words"]:
            raise Refused(f"{path} holds {len(words)} words, {file['words']} are wanted")
        found = checksum(words, file["word_bits"])
        if found != file["checksum"]:
            raise Refused(f"{path} was edited: checksum {found:08x}, wanted {file['checksum']:08x}")
        return words

    def drive(self, port: str, value: int) -> None:
        """Set an input that the unit has."""
        getattr(self.dut, port).value = value

    def pattern(self, file: str, index: int) -> int:
        """The word of a register's file for an output; 0 without a file."""
        words = self.words.get(file, [])
        return words[index % len(words)] if words else 0

    async def tick(self) -> None:
        """One clock period; in its middle inputs change and results are looked at."""
        await Timer(1, "step")
        self.dut.clk.value = 1
        await Timer(1, "step")
        self.dut.clk.value = 0

    async def shortly(self) -> None:
        """Let what is combinational come to rest."""
        await Timer(1, "step")

    async def settle(self) -> None:
        """Wait for the results."""
        for _ in range(self.case["latency"]):
            await self.tick()
        await self.shortly()

    async def reset(self) -> None:
        """All inputs 0, one clock period in reset."""
        for name, direction, _ in self.case["ports"]:
            if direction == "input":
                self.drive(name, 0)
        self.dut.reset.value = 1
        await self.tick()
        self.dut.reset.value = 0
        await self.tick()

    def entries(self, word: int = 0, channel: int = 0) -> None:
        """The table's entries; of several tables the one that a word chooses, or its channel's."""
        table = self.case["table"]
        if table is None:
            return
        words, entries = self.words[table["file"]], table["entries"]
        chosen = self.words["table_choice"][word] if "table_choice" in self.words else channel
        first = chosen * entries if len(words) > entries else 0
        mine = words[first : first + entries]
        self.drive("entries", sum(word << table["bits"] * index for index, word in enumerate(mine)))

    def compare(self, place: int, shown: str, column: int = 0) -> None:
        """Compare what the unit answers for the output word `place`; an X is a mismatch."""
        for port, name, bits, signed in self.case["compared"]:
            whole = str(getattr(self.dut, port).value)
            top = len(whole) - column * bits
            found = whole[top - bits : top]
            wanted = self.words[f"expected_{name}"][place]
            self.compared += 1
            known = set(found) <= {"0", "1"}
            if self.dumps:
                self.dumps[name].append(f"{int(found, 2):0{-(-bits // 4)}x}" if known else "x")
            if known and int(found, 2) == wanted:
                continue
            self.mismatches += 1
            if self.mismatches <= SHOWN:
                got = meant(int(found, 2), bits, signed) if known else "x"
                kind = f" {port.removesuffix('s')}" if self.case["family"] in {"beats", "windows"} else ""
                expected = meant(wanted, bits, signed)
                tell(f"MISMATCH {self.name} {shown}{kind}: expected {expected}, got {got}")

    def verdict(self) -> None:
        """Say PASS or FAIL; failing fails the test."""
        refusals = []
        if self.compared == 0:
            refusals.append("nothing was compared")
        elif self.compared != self.case["comparisons"]:
            refusals.append(f"{self.compared} words were compared, {self.case['comparisons']} are wanted")
        for name, lines in self.dumps.items():
            path = Path(os.environ["NPUSIM_DUMP"]) / f"found_{name}.hex"
            path.write_text("\n".join([*lines, ""]))
        conclude(self.name, self.compared, self.mismatches, refusals)


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def conclude(name: str, compared: int, mismatches: int, refusals: Sequence[str]) -> None:
    """The verdict, in the words of the SystemVerilog benches."""
    for why in refusals:
        tell(f"REFUSED {name}: {why}")
    if mismatches == 0 and not refusals:
        tell(f"PASS {name}: {compared} compared")
        return
    tell(f"FAIL {name}: {compared} compared, {mismatches} mismatches, {len(refusals)} refusals")
    raise AssertionError("the bench failed")


def checksum(words: Sequence[int], bits: int) -> int:
    """The checksum of a file's words, as in the SystemVerilog benches."""
    width = -(-(bits + SPARE_BITS) // CHUNK_BITS) * CHUNK_BITS
    total = 0
    for word in words:
        for place in range(0, width, CHUNK_BITS):
            total = (total * FACTOR + (word >> place & 0xFFFFFFFF) + 1) & 0xFFFFFFFF
    return total


def meant(word: int, bits: int, signed: bool) -> int:
    """The integer that a word means."""
    return word - (1 << bits) if signed and word >> (bits - 1) else word


def joined(parts: Sequence[int], bits: int) -> int:
    """Columns side by side, column 0 lowest."""
    return sum(part << bits * index for index, part in enumerate(parts))


async def beats(bench: Bench) -> None:
    """MAC tiles: beats as they reach the lanes, bubbles between them."""
    sizes, words, columns = bench.sizes, bench.words, bench.case["columns"]
    channels, count = sizes["channels"], sizes["beats"]
    widths = {name: bits // columns for name, _, bits in bench.case["ports"]}
    shown = words["pixels"]

    def bubble() -> Awaitable[None]:
        for name, value in (("valid", 0), ("first", 1), ("last", 1), ("activations", 0)):
            bench.drive(name, value)
        return bench.tick()

    for pixel in range(sizes["pixels"]):
        image, where = pixel // sizes["pixels_per_image"], shown[pixel % sizes["pixels_per_image"]]
        matrices = sizes.get("matrices", 0)
        matrix = image * matrices + where // sizes["rows"] if matrices else 0
        for tile in range(0, channels, columns):
            # Columns behind the last channel get the first channel's data.
            mine = [tile + column if tile + column < channels else 0 for column in range(columns)]
            live = min(columns, channels - tile)
            bench.drive("enable", (1 << live) - 1)
            for port, file, bits in bench.case["constants"]:
                bench.drive(port, joined([bench.pattern(file, channel) for channel in mine], bits))
            if bench.case["resumes"]:
                bench.drive("partial_shift", sizes["shift_left"])
                held = [words["partial_sums"][pixel * channels + channel] for channel in mine]
                bench.drive("partial_sums", joined(held, widths["partial_sums"]))
            sets = [pixel * sizes["sets"] + channel // sizes["outputs_per_set"] for channel in mine]
            for beat in range(count):
                if beat % 4 == 2:
                    await bubble()
                bench.drive("valid", 1)
                bench.drive("first", int(beat == 0))
                bench.drive("last", int(beat == count - 1))
                x = [words["activations"][each * count + beat] for each in sets]
                w = [words["weights"][(matrix * channels + channel) * count + beat] for channel in mine]
                bench.drive("activations", joined(x, widths["activations"]))
                bench.drive("weights", joined(w, widths["weights"]))
                await bench.tick()
            # The results are due so many edges behind the last beat's, not later.
            for _ in range(bench.case["latency"]):
                await bubble()
            await bench.shortly()
            for column in range(live):
                channel = tile + column
                place = f"image {image} pixel {where} channel {channel}"
                bench.compare(pixel * channels + channel, place, column)
            await bubble()


async def one_by_one(bench: Bench) -> None:
    """Units that make a word of one word of each input."""
    sizes, words = bench.sizes, bench.words
    channels, per_image = sizes["channels"], sizes["words_per_image"]
    shown, table = words.get("pixels"), bench.case["table"]
    several_tables = table is not None and len(words[table["file"]]) > table["entries"]
    widths = {name: bits for name, _, bits in bench.case["ports"]}
    for word in range(sizes["words"]):
        pixel, channel, place = word // channels, word % channels, word % per_image // channels
        where = shown[place] if shown else place
        for port, file, index, signed, bits in bench.case["feeds"]:
            if index == "word":
                value = meant(words[file][word], bits, signed) & ((1 << widths[port]) - 1)
            else:
                value = bench.pattern(file, pixel if index == "pixel" else word)
            bench.drive(port, value)
        if several_tables:
            bench.entries(word, channel)
        await bench.settle()
        bench.compare(word, f"image {word // per_image} pixel {where} channel {channel}")
        await bench.tick()


async def windows(bench: Bench) -> None:
    """Pools: windows position by position, bubbles between them, garbage in the padding."""
    sizes, words = bench.sizes, bench.words
    channels, positions, per_image = sizes["channels"], sizes["positions"], sizes["pixels_per_image"]
    garbage = (1 << next(bits for name, _, bits in bench.case["ports"] if name == "code")) - 1

    def bubble(code: int) -> Awaitable[None]:
        for name, value in (("valid", 0), ("first", 1), ("code", code ^ garbage)):
            bench.drive(name, value)
        return bench.tick()

    for pixel in range(sizes["pixels"]):
        where = words["pixels"][pixel % per_image]
        for channel in range(channels):
            word, code = pixel * channels + channel, 0
            for port, file, _ in bench.case["constants"]:
                bench.drive(port, bench.pattern(file, word))
            for position in range(positions):
                if position % 4 == 2:
                    await bubble(code)
                inside = words["in_image"][pixel % per_image * positions + position]
                code = words["windows"][word * positions + position]
                if bench.case["masked"] and not inside:
                    code ^= garbage
                bench.drive("valid", 1)
                bench.drive("first", int(position == 0))
                bench.drive("in_image", inside)
                bench.drive("code", code)
                await bench.tick()
            # The results are due so many edges behind the last position's, not later.
            for _ in range(bench.case["latency"]):
                await bubble(code)
            await bench.shortly()
            bench.compare(word, f"image {pixel // per_image} pixel {where} channel {channel}")
            await bubble(code)


async def walks(bench: Bench) -> None:
    """Copies: the unit says where the next code stands, the bench hands it that code."""
    sizes, words = bench.sizes, bench.words
    channels, per_image, inputs = sizes["channels"], sizes["words_per_image"], sizes["input_words"]
    for port, file, bits in bench.case["constants"]:
        bench.drive(port, joined(words[file], bits))
    pad = words["pad"][0]
    garbage = pad ^ ((1 << next(bits for name, _, bits in bench.case["ports"] if name == "pad")) - 1)
    bench.drive("pad", pad)
    for word in range(sizes["words"]):
        image, place = word // per_image, word % per_image
        bench.drive("start", int(place == 0))
        bench.drive("advance", 1)
        await bench.tick()
        bench.drive("start", 0)
        bench.drive("advance", 0)
        if word % 4 == 2:
            await bench.tick()
        await bench.settle()
        address = bench.dut.address.value
        known = address.is_resolvable and address.to_unsigned() < inputs
        bench.drive("data", words["input_0"][image * inputs + address.to_unsigned()] if known else garbage)
        await bench.settle()
        bench.compare(word, f"image {image} pixel {place // channels} channel {place % channels}")


DRIVERS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "beats": beats,
    "words": one_by_one,
    "windows": windows,
    "walk": walks,
}


@cocotb.test()
async def vectors(dut: Any) -> None:
    """A case's vectors, all of them."""
    path = Path(os.environ["NPUSIM_CASE"])
    try:
        bench = Bench(dut, path)
    except (Refused, OSError, ValueError, KeyError) as error:
        conclude(path.parent.name, 0, 0, [str(error)])
        return
    dut.clk.value = 0
    bench.entries()
    await bench.reset()
    bench.entries()
    await DRIVERS[bench.case["family"]](bench)
    bench.verdict()


def main(action: str, folder: str, *names: str) -> None:
    """Build, or run: what the command line says."""
    from cocotb_tools.runner import get_runner

    runner = get_runner("icarus")
    if action == "build":
        runner.build(sources=names, hdl_toplevel="npusim_dut", build_dir=folder, always=True)
        return
    os.environ["NPUSIM_CASE"] = str(Path(names[0]).resolve())
    if len(names) > 1:
        os.environ["NPUSIM_DUMP"] = str(Path(names[1]).resolve())
    sys.path.insert(0, str(Path(__file__).parent.resolve()))
    runner.test(
        hdl_toplevel="npusim_dut", hdl_toplevel_lang="verilog", test_module=Path(__file__).stem,
        build_dir=folder,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
