"""Texts of cases: what a device answers is compared; nothing edited, short or unanswered passes."""

from __future__ import annotations

import io
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.vectors.c_device import c_device
from npusim.vectors.c_reference import c_reference
from npusim.vectors.units import unit_named
from npusim.vectors.units.check import Verdict, check_text
from tests.tools import require_tool, run_tool
from tests.vectors.units.lines import answered, header_of, text_of

SMALL = ("gemmini_os", "rescale")
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


def only_results(inputs: str, expected: list[int]) -> str:
    return str(expected[0])


def cases(lines: tuple[str, ...]) -> int:
    return sum(not line.startswith("#") for line in lines)


def test_a_text_says_what_it_is() -> None:
    lines = text_of("wes_npu", "mac_column")
    header = header_of(lines)
    assert header["unit"] == "mac.column_of_2_beats"
    assert (header["beats"], header["level"], header["seed"], header["results"]) == (2, 1, 0, 1)
    assert [(port["name"], port["shape"]) for port in header["inputs"]] == [
        ("activations", [2, 16]),
        ("weights", [2, 16]),
        ("bias", []),
    ]
    assert header["datapath"]["mac"]["lanes"] == 16
    columns = "activations[2][16] weights[2][16] bias : expected_accumulators events_overflow"
    assert lines[1].startswith(f"# columns {columns}")
    digest = sha256("".join(lines[:-1]).encode()).hexdigest()
    assert lines[-1].startswith(f'# end {{"cases":{cases(lines)},"sha256":"{digest}","counters":')


@pytest.mark.parametrize("unit", ["rescale", "mac_column", "mul.result", "table"])
def test_a_perfect_device_passes(unit: str) -> None:
    lines = text_of("wes_npu", unit)
    found = check_text(answered(lines))
    assert found.failure is None
    assert (found.cases, found.compared, found.wrong) == (cases(lines), cases(lines), 0)
    assert found.events_compared == (0 if unit == "table" else cases(lines))
    found = check_text(answered(lines, only_results))
    assert (found.failure, found.compared, found.events_compared) == (None, cases(lines), 0)


def test_a_wrong_result_and_a_wrong_event_are_told() -> None:
    lines = text_of(*SMALL)

    def answer(inputs: str, expected: list[int]) -> str:
        if inputs.split(maxsplit=1)[0] == "-1":
            return " ".join(map(str, [expected[0] + 1, 1 - expected[1], *expected[2:]]))
        return " ".join(map(str, expected))

    found = check_text(answered(lines, answer), shown=2)
    wrong = [i + 1 for i, line in enumerate(lines) if line.startswith("-1 ")]
    assert (found.wrong, found.failure) == (len(wrong), f"{len(wrong)} mismatches")
    assert len(found.shown) == 2
    assert found.shown[0].startswith(f"line {wrong[0]}: expected_outputs expected ")
    assert "events_rounded expected 0, got 1" in found.shown[0]
    assert "inputs -1 " in found.shown[0]


def test_counters_may_be_told_at_the_end() -> None:
    lines = answered(text_of(*SMALL))
    counters = [int(word) for word in lines[-1].split('"counters":{')[1].replace(":", ",").split(",")[1::2]
                for word in [word.strip("}\n")]]  # fmt: skip
    lines[-1] = lines[-1].rstrip() + " : " + " ".join(map(str, counters)) + "\n"
    found = check_text(lines)
    assert (found.failure, found.counters_compared) == (None, True)
    lines[-1] = lines[-1].replace(f": {counters[0]} ", f": {counters[0] - 1} ")
    found = check_text(lines)
    assert found.failure == "1 mismatches"
    assert f"rounded expected {counters[0]}, got {counters[0] - 1}" in found.shown[0]


def test_nothing_compared_fails() -> None:
    lines = list(text_of(*SMALL))
    assert "nothing was compared" in str(check_text(lines).failure)
    some = answered(tuple(lines))
    some[5] = lines[5]
    assert check_text(some).failure == f"1 of {cases(tuple(lines))} cases have no answer"
    assert check_text([]).failure == "the input is empty"
    assert "not the header" in str(check_text(["# columns\n"]).failure)
    binary = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8")
    assert check_text(binary).failure == "not a text"


@settings(max_examples=25)
@given(st.data())
def test_whatever_is_edited_is_found(data: st.DataObject) -> None:
    lines = answered(text_of(*SMALL))
    place = data.draw(st.integers(0, len(lines) - 1))
    how = data.draw(st.sampled_from(["drop", "double", "digit", "swap", "cut", "answer"]))
    edited = list(lines)
    if how == "drop":
        del edited[place]
    elif how == "double":
        edited.insert(place, lines[place])
    elif how == "swap":
        other = data.draw(st.integers(0, len(lines) - 1).filter(lambda i: lines[i] != lines[place]))
        edited[place], edited[other] = lines[other], lines[place]
    elif how == "cut":
        text = "".join(lines)
        edited = text[: data.draw(st.integers(0, len(text) - 2))].splitlines(keepends=True)
    elif how == "answer":
        edited[place] = lines[place].rpartition(":")[0] + ":\n"
    else:
        digits = [i for i, character in enumerate(lines[place]) if character.isdigit()]
        if not digits:
            return
        at = data.draw(st.sampled_from(digits))
        other_digit = data.draw(st.sampled_from("0123456789").filter(lambda d: d != lines[place][at]))
        edited[place] = lines[place][:at] + other_digit + lines[place][at + 1 :]
    if edited != lines and not _same_numbers(edited, lines):
        assert check_text(edited).failure is not None


def _same_numbers(edited: list[str], lines: list[str]) -> bool:
    """`-0` is 0 in an answer."""
    return [line.replace("-0", "0").split() for line in edited] == [line.split() for line in lines]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines, "more\n"], "something follows the end line"),
        (lambda lines: lines[:-1], "without its end line"),
        (lambda lines: [lines[0].replace('"unit":"mac', '"unit":"mec'), *lines[1:]], "no such unit"),
        (lambda lines: [lines[0].replace("half_even", "half_up"), *lines[1:]], "not one of mac.result"),
        (lambda lines: [lines[0][:60] + "\n", *lines[1:]], "the header is no JSON"),
        (lambda lines: [*lines[:9], lines[9].replace(" ", " x", 1), *lines[10:]], "not only integers"),
        (lambda lines: [*lines[:9], "1 2 3 : 4\n", *lines[10:]], "no case of mac.result: 3 inputs"),
        (lambda lines: [*lines[:9], "hello\n", *lines[10:]], "no case; found 'hello'"),
        (lambda lines: [*lines[:9], lines[9].rstrip() + " 1 1\n", *lines[10:]], "an answer of"),
        (lambda lines: [*lines[:-1], "# end {}\n"], "the end line"),
        (lambda lines: [*lines[:-1], lines[-1].rstrip() + " : 1\n"], "1 counters; allowed"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(change: object, said: str) -> None:
    assert callable(change)
    assert said in str(check_text(change(answered(text_of(*SMALL)))).failure)


def device(datapath: str, unit: str, folder: Path, beats: int = 2) -> Path:
    """A device built from the C reference."""
    loaded = load_datapath(datapath)
    made = c_reference(loaded)
    (folder / f"{made.name}.h").write_text(made.header)
    (folder / f"{made.name}.c").write_text(made.source)
    (folder / "device.c").write_text(c_device(unit_named(loaded, unit, beats)))
    run_tool([require_tool("gcc"), *FLAGS, "-o", "device", "device.c", f"{made.name}.c"], folder)
    return folder / "device"


def through(program: Path, lines: tuple[str, ...]) -> Verdict:
    done = subprocess.run([program], input="".join(lines), capture_output=True, text=True, check=True)
    return check_text(done.stdout.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("datapath", "unit"),
    [
        ("wes_npu", "rescale"),
        ("wes_npu", "mac_column"),
        ("wes_npu", "add"),
        ("wes_npu", "table"),
        ("wes_npu_subtract", "mac_column"),
        ("tflite", "concat"),
        ("tflite_int16", "table"),
    ],
)
def test_a_device_made_of_the_c_reference_passes(datapath: str, unit: str, tmp_path: Path) -> None:
    lines = text_of(datapath, unit)
    found = through(device(datapath, unit, tmp_path), lines)
    assert found.failure is None
    assert found.compared == cases(lines) > 300


def test_a_device_with_a_fault_fails(tmp_path: Path) -> None:
    device("wes_npu", "rescale", tmp_path)
    source = tmp_path / "wes_npu_reference.c"
    text = source.read_text()
    faulty = text.replace("case ROUND_HALF_UP: return guard;", "case ROUND_HALF_UP: return guard & sticky;")
    assert faulty != text
    source.write_text(faulty)
    run_tool([require_tool("gcc"), *FLAGS, "-o", "device", "device.c", source.name], tmp_path)
    found = through(tmp_path / "device", text_of("wes_npu", "rescale"))
    assert 10 < found.wrong < 1000
    assert found.failure == f"{found.wrong} mismatches"
