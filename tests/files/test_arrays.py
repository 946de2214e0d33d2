"""Arrays as model fields: what they accept, in which type, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from npusim.errors import InputError
from npusim.files.array_model import ArrayModel
from npusim.files.arrays import (
    ArrayRef,
    ArrayStore,
    CodeArray,
    DigestRule,
    FloatArray,
    FloatVector,
    IntegerArray,
    IntegerVector,
)
from npusim.files.digest import array_digest
from npusim.files.hdf5_file import ArrayReader, write_arrays
from npusim.files.yaml_file import parse_yaml, validate


class Holder(ArrayModel):
    floats: FloatArray | None = None
    integers: IntegerArray | None = None
    codes: CodeArray | None = None
    vector: IntegerVector | None = None
    float_vector: FloatVector | None = None


def load(text: str, **context: Any) -> Holder:
    return validate(parse_yaml(text, "net.yaml"), Holder, context)


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("floats: [1, 2.5, 1e-3]", "floats", np.array([1, 2.5, 1e-3])),
        ("floats: [[1, 2], [3, 4]]", "floats", np.array([[1.0, 2], [3, 4]])),
        ("floats: {dtype: float32, values: [0.1]}", "floats", np.array([0.1], np.float32)),
        ("integers: [1, -9223372036854775808]", "integers", np.array([1, -(2**63)])),
        ("integers: {dtype: int8, values: [1]}", "integers", np.array([1])),
        ("codes: [1, 2]", "codes", np.array([1, 2], np.int32)),
        ("codes: {dtype: int8, values: [[-128], [127]]}", "codes", np.array([[-128], [127]], np.int8)),
    ],
)
def test_inline(text: str, field: str, expected: npt.NDArray[Any]) -> None:
    array = getattr(load(text), field)
    assert np.array_equal(array, expected)
    assert array.dtype == expected.dtype
    assert not array.flags.writeable


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("integers: [1, 8.0]", "integers[1]", "found 8.0"),
        ('integers: [1, "8"]', "integers[1]", "found '8'"),
        ("integers: [true]", "integers[0]", "found True"),
        ("integers: [1, null]", "integers[1]", "found null"),
        ("integers: [9223372036854775808]", "integers[0]", "an integer in"),
        ("floats: [true]", "floats[0]", "a number"),
        ("floats: [no]", "floats[0]", "a number"),
        ("floats: [" + "9" * 400 + "]", "floats", "float64"),
        ("floats: [[1, 2], [3]]", "floats[1]", "unequal length"),
        ("floats: [[1, 2], 3]", "floats[1]", "unequal length"),
        ("floats: [1, [2]]", "floats[1]", "a number"),
        ("floats: []", "floats", "at least one"),
        ("floats: [[], []]", "floats", "at least one"),
        ("floats: 3", "floats", "not an array"),
        ("floats: text", "floats", "not an array"),
        ("floats: {}", "floats.array", "missing"),
        ("floats: {dtype: float32, values: [1, 1e39]}", "floats", "not finite at index \\[1\\]"),
        ("floats: {dtype: int8, values: [1]}", "floats.dtype", "float32, float64"),
        ("floats: {dtype: object, values: [1]}", "floats.dtype", "float32, float64"),
        ("codes: {dtype: int8, values: [1, 128]}", "codes.values[1]", "-128..127"),
        ("codes: {dtype: int64, values: [1]}", "codes.dtype", "int8, int16, int32"),
        ("codes: {dtype: int8, valeus: [1]}", "codes.valeus", "unknown key"),
        ("vector: [[1]]", "vector", "number of dimensions"),
        ("float_vector: [[1.0]]", "float_vector", "number of dimensions"),
        ("floats: [[[[[[[[[1]]]]]]]]]", "floats", "number of dimensions"),
        ("floats: {array: x, shape: [1], dtype: float32}", "floats", "no companion"),
        ("floats: {array: x, shape: [0], dtype: float32}", "floats.shape[0]", "greater"),
        ("floats: {array: x, shape: [-1], dtype: float32}", "floats.shape[0]", "greater"),
        ("floats: {array: x, shape: [1.0], dtype: float32}", "floats.shape[0]", "integer"),
        ("floats: {array: x, shape: [], dtype: float32}", "floats.shape", "at least 1"),
        ("floats: {array: x, shape: [1], dtype: float32, sha256: abc}", "floats.sha256", "pattern"),
        ("floats: {array: x, shape: [1], dtype: float32, size: 3}", "floats.size", "unknown key"),
    ],
)
def test_bad_inline(text: str, key: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load(f"\n{text}\n")
    assert (caught.value.file, caught.value.line, caught.value.key) == ("net.yaml", 2, key)


def test_arrays_in_python_are_copied_and_frozen() -> None:
    mine = np.arange(6, dtype=np.int16).reshape(2, 3).T
    holder = Holder(codes=mine, integers=mine.astype(">u4"), floats=np.ones(2, np.float32))
    mine[0, 0] = 99
    assert holder.codes is not None
    assert holder.codes[0, 0] == 0
    assert holder.codes.flags.c_contiguous
    assert holder.integers is not None
    assert holder.floats is not None
    types = [array.dtype.name for array in (holder.codes, holder.integers, holder.floats)]
    assert types == ["int16", "int64", "float32"]
    with pytest.raises(ValueError, match="read-only"):
        holder.codes[0, 0] = 1
    assert Holder(codes=holder.codes).codes is holder.codes


@pytest.mark.parametrize(
    "values",
    [
        {"floats": np.array([1])},
        {"floats": np.array([np.nan])},
        {"floats": np.array([1, np.inf])},
        {"floats": np.array(1.0)},
        {"floats": np.zeros((0, 3))},
        {"floats": np.array([1j])},
        {"integers": np.array([1.0])},
        {"integers": np.array([True])},
        {"integers": np.array([2**63], dtype=np.uint64)},
        {"codes": np.array([1], dtype=np.int64)},
        {"codes": np.array(["a"])},
        {"codes": np.array([None])},
        {"vector": np.ones((1, 1), np.int64)},
    ],
)
def test_bad_arrays_in_python(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Holder(**values)


def test_not_finite_names_the_first_index() -> None:
    with pytest.raises(ValidationError, match=r"not finite at index \[1, 0\]"):
        Holder(floats=np.array([[1, 2], [np.nan, np.inf]]))


def test_models_compare_by_value() -> None:
    first = Holder(codes=np.array([1, 2], np.int8))
    assert first == Holder(codes=np.array([1, 2], np.int8))
    assert hash(first) == hash(Holder(codes=np.array([1, 2], np.int8)))
    for other in (np.array([1, 2], np.int16), np.array([1, 3], np.int8), np.array([[1, 2]], np.int8)):
        assert first != Holder(codes=other)
    assert first != Holder()


def test_json_schema_is_generated() -> None:
    forms = Holder.model_json_schema()["properties"]["codes"]["anyOf"][:3]
    assert [form["type"] for form in forms] == ["array", "object", "object"]
    assert forms[1]["properties"]["dtype"]["enum"] == ["int8", "int16", "int32", "uint8", "uint16"]
    assert Holder(codes=np.array([[1, 2]], np.int8)).model_dump_json(exclude_none=True) == '{"codes":[[1,2]]}'


ARRAY = np.arange(6, dtype=np.int8).reshape(2, 3)


@pytest.fixture
def companion(tmp_path: Path) -> Path:
    path = tmp_path / "net.h5"
    write_arrays(path, {"w": ARRAY, "bad": np.array([1, np.nan], np.float32)})
    return path


def resolve(companion: Path, digests: DigestRule, **changes: Any) -> npt.NDArray[Any]:
    content = {"array": "w", "shape": [2, 3], "dtype": "int8", "sha256": array_digest(ARRAY), **changes}
    with ArrayReader(companion) as reader:
        return ArrayStore(reader, digests).resolve(ArrayRef(**content), "layers[0].weights")


@pytest.mark.parametrize("digests", DigestRule)
def test_resolve(companion: Path, digests: DigestRule) -> None:
    assert np.array_equal(resolve(companion, digests), ARRAY)


@pytest.mark.parametrize(
    ("digests", "sha256", "accepted"),
    [
        (DigestRule.REQUIRED, None, False),
        (DigestRule.REQUIRED, "0" * 64, False),
        (DigestRule.OPTIONAL, None, True),
        (DigestRule.OPTIONAL, "0" * 64, False),
        (DigestRule.IGNORED, None, True),
        (DigestRule.IGNORED, "0" * 64, True),
    ],
)
def test_digest_rules(companion: Path, digests: DigestRule, sha256: str | None, accepted: bool) -> None:
    if accepted:
        assert np.array_equal(resolve(companion, digests, sha256=sha256), ARRAY)
        return
    with pytest.raises(InputError, match="sha256") as caught:
        resolve(companion, digests, sha256=sha256)
    assert caught.value.key == "layers[0].weights"


@pytest.mark.parametrize(
    "changes",
    [{"array": "none"}, {"array": "../w"}, {"shape": [3, 2]}, {"shape": [2**40] * 8}, {"dtype": "uint8"}],
)
def test_references_that_do_not_fit(companion: Path, changes: dict[str, Any]) -> None:
    for digests in DigestRule:
        with pytest.raises(InputError, match="net.h5") as caught:
            resolve(companion, digests, **changes)
        assert caught.value.key == "layers[0].weights"


def test_second_reference_is_checked_as_well(companion: Path) -> None:
    with ArrayReader(companion) as reader:
        store = ArrayStore(reader, DigestRule.OPTIONAL, max_bytes=10)
        ref = ArrayRef(array="w", shape=[2, 3], dtype="int8")
        assert store.resolve(ref) is store.resolve(ref)
        for changes in ({"shape": [6]}, {"dtype": "uint8"}, {"sha256": "0" * 64}):
            with pytest.raises(InputError):
                store.resolve(ref.model_copy(update=changes))
        with pytest.raises(InputError, match="too large"):
            store.resolve(ArrayRef(array="bad", shape=[2], dtype="float32"))


def test_not_finite_in_the_companion(companion: Path) -> None:
    with ArrayReader(companion) as reader, pytest.raises(InputError, match=r"index \[1\]") as caught:
        load(
            "# first line\nfloats: {array: bad, shape: [2], dtype: float32}",
            arrays=ArrayStore(reader, DigestRule.OPTIONAL),
        )
    assert (caught.value.line, caught.value.key) == (2, "floats")


def test_fields_work_in_any_pydantic_model() -> None:
    class Plain(BaseModel):
        model_config = ConfigDict(frozen=True)
        codes: CodeArray

    assert Plain.model_validate({"codes": [1, 2]}).codes.tolist() == [1, 2]
