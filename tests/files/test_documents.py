"""Models on disk: exact round trips, the same bytes, one clear error for what was damaged."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst
from pydantic import Field

from npusim.errors import InputError
from npusim.files.array_model import ArrayModel
from npusim.files.arrays import CodeArray, DigestRule, FloatArray, IntegerArray
from npusim.files.documents import load_document, save_document


class Rule(Enum):
    FLOOR = "floor"
    HALF_UP = "half_up"


class Step(ArrayModel):
    name: str
    rule: Rule = Rule.FLOOR
    pads: tuple[int, ...] = ()
    note: str | None = None
    weights: CodeArray
    bias: IntegerArray
    scale: FloatArray


class Program(ArrayModel):
    name: str
    real: dict[str, float] = Field(default_factory=dict)
    steps: tuple[Step, ...]


def arrays(*dtypes: str) -> st.SearchStrategy[Any]:
    shapes = nst.array_shapes(max_dims=3, max_side=3) | st.sampled_from([(64,), (65,)])
    return st.sampled_from(dtypes).flatmap(
        lambda dtype: nst.arrays(
            dtype, shapes, elements=nst.from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False)
        )
    )


STEPS = st.builds(
    Step,
    name=st.text(max_size=8) | st.sampled_from(["a/b", "a_b", "..", ".", "0", "1"]),
    rule=st.sampled_from(Rule),
    pads=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    note=st.none() | st.text(max_size=8),
    weights=arrays("int8", "int16", "int32"),
    bias=arrays("int32", "int64", "uint8"),
    scale=arrays("float32", "float64"),
)
REAL = st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=3)
PROGRAMS = st.builds(
    Program, name=st.text(max_size=8), real=REAL, steps=st.lists(STEPS, max_size=3).map(tuple)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(PROGRAMS)
def test_round_trip(tmp_path: Path, program: Program) -> None:
    path = tmp_path / "program.yaml"
    (tmp_path / "program.h5").unlink(missing_ok=True)
    save_document(path, program)
    loaded = load_document(path, Program, digests=DigestRule.REQUIRED)
    assert loaded == program
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    save_document(path, loaded)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files


def program(**changes: Any) -> Program:
    content: dict[str, Any] = {
        "name": "conv1",
        "rule": Rule.HALF_UP,
        "weights": np.arange(24, dtype=np.int8).reshape(2, 12),
        "bias": np.arange(70),
        "scale": np.array([0.1, 0.25], np.float32),
    }
    return Program(name="net", steps=(Step(**{**content, **changes}),))


def test_layout(tmp_path: Path) -> None:
    save_document(tmp_path / "net.yaml", program())
    lines = (tmp_path / "net.yaml").read_text().splitlines()
    assert lines[:2] == ["arrays: net.h5", "name: net"]
    assert "    array: steps/conv1/weights" in lines
    assert "    array: steps/conv1/bias" in lines
    assert "  scale:" in lines
    assert "    values: [0.1, 0.25]" in lines


def test_small_models_have_no_companion(tmp_path: Path) -> None:
    save_document(tmp_path / "net.yaml", program(weights=np.array([1, 2], np.int8), bias=np.arange(64)))
    assert [path.name for path in tmp_path.iterdir()] == ["net.yaml"]
    assert "  bias: [0, 1, 2" in (tmp_path / "net.yaml").read_text()


def test_inline_limit(tmp_path: Path) -> None:
    save_document(tmp_path / "net.yaml", program(weights=np.array([1], np.int8)), inline_limit=70)
    assert [path.name for path in tmp_path.iterdir()] == ["net.yaml"]


def test_same_name_twice_gets_two_arrays(tmp_path: Path) -> None:
    first = program().steps[0]
    second = program(weights=-first.weights).steps[0]
    both = Program(name="net", steps=(first, second))
    save_document(tmp_path / "net.yaml", both)
    assert load_document(tmp_path / "net.yaml", Program, digests=DigestRule.REQUIRED) == both


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    save_document(path, program())
    return path


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("arrays: net.h5", "arrays: ../net.h5", "arrays", "must not contain '..'"),
        ("arrays: net.h5", "arrays: /net.h5", "arrays", "absolute"),
        ("arrays: net.h5", "arrays: other.h5", "arrays", "not found"),
        ("arrays: net.h5", "arrays: 3", "arrays", "wrong value"),
        ("arrays: net.h5", "", "steps[0].weights", "no companion file"),
        ("steps/conv1/weights", "steps/conv1/none", "steps[0].weights", "no such array"),
        ("steps/conv1/weights", "steps/../weights", "steps[0].weights", "not an array name"),
        ("shape: [2, 12]", "shape: [24]", "steps[0].weights", "wrong shape"),
        ("shape: [2, 12]", "shape: [1000000000000, 1000000000000]", "steps[0].weights", "wrong shape"),
        ("dtype: int8", "dtype: int16", "steps[0].weights", "wrong element type"),
        ("dtype: int8", "dtype: float64", "steps[0].weights.dtype", "wrong element type"),
        ("steps/conv1/weights", "steps/conv1/bias", "steps[0].weights", "wrong shape"),
    ],
)
def test_edited_documents(saved: Path, old: str, new: str, key: str, words: str) -> None:
    text = saved.read_text()
    assert old in text
    saved.write_text(text.replace(old, new))
    with pytest.raises(InputError, match="net.yaml") as caught:
        load_document(saved, Program, digests=DigestRule.REQUIRED)
    assert words in str(caught.value)
    assert caught.value.key == key
    assert caught.value.line is not None


def test_exchanged_companion_is_noticed(saved: Path, tmp_path: Path) -> None:
    changed = program(weights=np.arange(1, 25, dtype=np.int8).reshape(2, 12))
    (tmp_path / "other").mkdir()
    save_document(tmp_path / "other" / "net.yaml", changed)
    (tmp_path / "other" / "net.h5").replace(tmp_path / "net.h5")
    for digests in (DigestRule.REQUIRED, DigestRule.OPTIONAL):
        with pytest.raises(InputError, match="sha256") as caught:
            load_document(saved, Program, digests=digests)
        assert (caught.value.file, caught.value.key) == (str(saved), "steps[0].weights")
    assert load_document(saved, Program, digests=DigestRule.IGNORED) == changed


def test_missing_digest(saved: Path) -> None:
    lines = [line for line in saved.read_text().splitlines() if "sha256" not in line]
    saved.write_text("\n".join(lines))
    with pytest.raises(InputError, match="sha256 is missing"):
        load_document(saved, Program, digests=DigestRule.REQUIRED)
    assert load_document(saved, Program, digests=DigestRule.OPTIONAL) == program()


def test_symbolic_link_out_of_the_folder(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "net.h5"
    companion = saved.with_suffix(".h5")
    companion.rename(elsewhere)
    companion.symlink_to(elsewhere)
    with pytest.raises(InputError, match="out of its folder"):
        load_document(saved, Program, digests=DigestRule.REQUIRED)


@pytest.mark.parametrize("stage", ["write_arrays", "dump_yaml"])
def test_interrupted_save_leaves_the_old_document(
    saved: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    before = {path: path.read_bytes() for path in saved.parent.iterdir()}
    monkeypatch.setattr(f"npusim.files.documents.{stage}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_document(saved, program(bias=np.arange(80)))
    assert {path: path.read_bytes() for path in saved.parent.iterdir()} == before


def test_names_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="companion"):
        save_document(tmp_path / "net.h5", program())

    class Clash(ArrayModel):
        arrays: str

    with pytest.raises(TypeError, match="arrays"):
        save_document(tmp_path / "net.yaml", Clash(arrays="x"))
    assert list(tmp_path.iterdir()) == []
