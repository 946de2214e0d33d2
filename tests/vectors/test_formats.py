"""Every format gives back what was written, and nothing that was edited or cut."""

from __future__ import annotations

import re
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import CheckFailed
from npusim.vectors.decimals import to_decimals, width_of
from npusim.vectors.formats import VectorFormat
from npusim.vectors.growing import GrowingFiles
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import word_type
from tests.strategies import widths, word_streams
from tests.tools import require_tool, run_tool

Words = npt.NDArray[Any]
EXAMPLES = settings(max_examples=40)


def written(folder: Path, kind: VectorFormat, stream: Stream, words: Words) -> Path:
    """The file, written in blocks of two words."""
    path = f"unit/words{kind.words.suffix}"
    with ExitStack() as stack:
        files = GrowingFiles(folder, kind.words, {path: stream}, stack)
        for start in range(0, len(words), 2):
            files.add(path, words[start : start + 2])
        files.finish()
    return folder / "unit" / (kind.words.archive or Path(path).name)


def read(path: Path, kind: VectorFormat, stream: Stream) -> Words:
    """All words, in blocks of three."""
    reader = kind.words.reader(path, stream)
    reader.open()
    blocks = [reader.read(min(3, stream.words - start)) for start in range(0, stream.words, 3)]
    reader.finish()
    return np.concatenate(blocks)


@pytest.mark.parametrize("kind", VectorFormat)
@EXAMPLES
@given(drawn=word_streams())
def test_what_is_written_is_read(kind: VectorFormat, drawn: tuple[Stream, Words]) -> None:
    stream, words = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), kind, stream, words)
        found = read(path, kind, stream)
        assert found.dtype == words.dtype
        assert (found == words).all()
        if kind.words.archive is None:
            assert path.stat().st_size == kind.words.size(stream)
        assert [item.name for item in Path(folder).iterdir()] == ["unit"]


@pytest.mark.parametrize("kind", VectorFormat)
@EXAMPLES
@given(drawn=word_streams(), data=st.data())
def test_what_is_edited_or_cut_is_refused_or_reads_otherwise(
    kind: VectorFormat, drawn: tuple[Stream, Words], data: st.DataObject
) -> None:
    stream, words = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), kind, stream, words)
        content = path.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            path.write_bytes(content[:place])
            with pytest.raises(CheckFailed):
                read(path, kind, stream)
            return
        if kind.words.archive is not None:
            return  # a set's manifest has the archive's digest: not every byte of it counts
        other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
        path.write_bytes(content[:place] + bytes([other]) + content[place + 1 :])
        try:
            found = read(path, kind, stream)
        except CheckFailed:
            return
        assert (found != words).any()


@given(widths(max_bits=64), st.data())
def test_decimals_are_those_of_python(width: Any, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from([width.low, width.high]) | st.integers(width.low, width.high))
    characters = width_of(width.bits, width.signed)
    words = np.array([value], word_type(width.bits, width.signed))
    assert to_decimals(words, characters).tobytes().decode() == str(value).rjust(characters)


@pytest.mark.parametrize("kind", [VectorFormat.NPY, VectorFormat.NPZ])
def test_numpy_reads_numpy_files(kind: VectorFormat, tmp_path: Path) -> None:
    words = np.array([[1, -2], [-128, 127], [0, 5]])
    path = written(tmp_path, kind, Stream("words", Role.ARRAY, 8, True, (("word", 3),), 2), words)
    found = np.load(path)
    array = found["words"] if kind is VectorFormat.NPZ else found
    assert array.dtype == np.int8
    assert array.tolist() == words.tolist()


def test_binary_files_are_little_endian(tmp_path: Path) -> None:
    stream = Stream("words", Role.ARRAY, 12, True, (("word", 2),))
    path = written(tmp_path, VectorFormat.BIN, stream, np.array([[-2], [258]]))
    assert path.read_bytes() == b"\xfe\xff\x02\x01"


@pytest.mark.parametrize(("bits", "signed"), [(8, True), (64, True), (64, False)])
def test_c_compilers_read_headers(bits: int, signed: bool, tmp_path: Path) -> None:
    """Compiled with all warnings, printed, and read back by Python."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = [low, low + 1, high, 7]
    stream = Stream("codes", Role.ARRAY, bits, signed, (("word", 2),), 2, owner="0_conv/1")
    words = np.array(values, word_type(bits, signed)).reshape(2, 2)
    path = written(tmp_path, VectorFormat.C, stream, words)
    form = '"%lld "' if signed else '"%llu "'
    kind = "long long" if signed else "unsigned long long"
    (tmp_path / "main.c").write_text(
        f'#include <stdio.h>\n#include "{path}"\n'
        f"int main(void) {{ for (int i = 0; i < STEP_0_CONV_1_CODES_WORDS; i++)"
        f" for (int j = 0; j < STEP_0_CONV_1_CODES_LANES; j++)"
        f" printf({form}, ({kind})step_0_conv_1_codes[i][j]); return 0; }}\n"
    )
    flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
    run_tool([require_tool("gcc"), *flags, "-o", "main", "main.c"], tmp_path)
    assert [int(word) for word in re.findall(r"\S+", run_tool([tmp_path / "main"], tmp_path))] == values
