"""The strict YAML reader: what it takes, what it refuses, which line it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from npusim.errors import InputError
from npusim.files.yaml_file import parse_yaml, read_yaml
from npusim.files.yaml_limits import MAX_DEPTH


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1.", 1.0),
        (".5", 0.5),
        ("-0.0", -0.0),
        ("1E+20", 1e20),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-7", -7),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("1:20", "1:20"),
        ("1_000", "1_000"),
        ("2020-01-01", "2020-01-01"),
        ("<<", "<<"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("'1'", "1"),
        ('"true"', "true"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    data = parse_yaml(f"key: {text}").data["key"]
    assert type(data) is type(value)
    assert repr(data) == repr(value)


def test_lines_point_at_keys_and_items() -> None:
    document = parse_yaml("a: 1\nlayers:\n- kind: x\n  sizes: [1,\n    2]\n-\n  kind: y\n")
    assert document.line(("layers",)) == 2
    assert document.line(("layers", 0, "kind")) == 3
    assert document.line(("layers", 0, "sizes", 0)) == 4
    assert document.line(("layers", 0, "sizes", 1)) == 5
    assert document.line(("layers", 1, "kind")) == 7
    assert document.line(("layers", 1, "nothing", "here")) == 7
    assert document.line(("nothing",)) == 1


BAD_TEXT = {
    "alias": ("a: &x 1\nb: *x\n", 1, "anchors"),
    "alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 1, "anchors"),
    "undefined alias": ("a: 1\nb: *x\n", 2, "alias"),
    "python tag": ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tags"),
    "core tag": ("a: !!str 1\n", 1, "tags"),
    "local tag": ("a: ! 1\n", 1, "tags"),
    "duplicate key": ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "duplicate key (first on line 3)"),
    "integer key": ("1: a\n", 1, "keys must be strings"),
    "null key": ("~: a\n", 1, "keys must be strings"),
    "list key": ("? [a]\n: 1\n", 1, "keys must be strings"),
    "infinity": ("a: 1\nb: .inf\n", 2, "finite"),
    "nan": ("a: .nan\n", 1, "finite"),
    "float64 overflow": ("a: 1e400\n", 1, "float64"),
    "endless integer": ("a: " + "9" * 5000 + "\n", 1, "characters"),
    "flow nesting": ("a:\n " + "[" * 100_000, 2, "nested too deeply"),
    "block nesting": ("- " * (MAX_DEPTH + 1) + "1\n", 1, "nested too deeply"),
    "two documents": ("a: 1\n---\nb: 1\n", 2, "one document"),
    "empty": ("", 1, "empty"),
    "only comments": ("# nothing\n\n", 1, "empty"),
    "syntax": ("a: 1\nb: [1, 2\nc: 3\n", 3, "not valid YAML"),
    "tab indent": ("a:\n\tb: 1\n", 2, "not valid YAML"),
    "control character": ("a: 1\nb: \x01\n", 2, "not a text file"),
    "surrogate escape": ('a: "\\ud800"\n', 1, "not valid YAML"),
}


@pytest.mark.parametrize("case", BAD_TEXT)
def test_bad_text_is_refused_with_its_line(case: str) -> None:
    text, line, problem = BAD_TEXT[case]
    with pytest.raises(InputError, match="net.yaml") as caught:
        parse_yaml(text, "net.yaml")
    assert problem in str(caught.value)
    assert caught.value.line == line


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).data != []


def test_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npusim.files.yaml_file.MAX_NODES", 10)
    with pytest.raises(InputError, match="too many values"):
        parse_yaml("[1,2,3,4,5,6,7,8,9,10]")


def test_duplicate_key_names_the_key() -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml("layers:\n- stride: 1\n  stride: 2\n")
    assert caught.value.key == "layers[0].stride"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "not UTF-8"),
        (b"a: 1\nb: \xff\n", "not UTF-8"),
        ("a: 1".encode("utf-16"), "not UTF-8"),
        (b"a: \x00\n", "not a text file"),
    ],
)
def test_bad_bytes(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        read_yaml(path)
    assert caught.value.file == str(path)


def test_byte_order_mark_and_crlf_are_read(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [x]\r\n")
    document = read_yaml(path)
    assert document.data == {"a": 1, "b": ["x"]}
    assert document.line(("b",)) == 2


def test_missing_file_folder_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="not found"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="folder"):
        read_yaml(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml("a\0b")
    monkeypatch.setattr("npusim.files.yaml_file.MAX_BYTES", 4)
    (tmp_path / "big.yaml").write_text("a: 12345")
    with pytest.raises(InputError, match="too large"):
        read_yaml(tmp_path / "big.yaml")
