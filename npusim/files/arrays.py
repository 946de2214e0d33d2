"""Arrays as fields of pydantic models.

In Python such a field takes an array; in YAML it takes one of

- a list of numbers, nested for several dimensions: ``[1, 2, 3]``;
- the same with an element type: ``{dtype: float32, values: [0.5, 0.25]}``;
- a reference into the companion HDF5 file: ``{array: steps/conv1/weights, shape: [3, 3], dtype:
  int8, sha256: ...}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import core_schema

from npusim.errors import InputError
from npusim.files.digest import array_digest
from npusim.files.explain import explain
from npusim.files.hdf5_file import MAX_ARRAY_BYTES, ArrayReader
from npusim.files.hdf5_names import MAX_DIMENSIONS
from npusim.files.number_lists import first_not_finite, number_array

Array = npt.NDArray[Any]
Form = TypeVar("Form", bound=BaseModel)


class ArrayRef(BaseModel):
    """Where an array stands in the companion file, and what it must be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    array: str = Field(min_length=1)
    shape: list[Annotated[StrictInt, Field(ge=1, le=2**40)]] = Field(min_length=1, max_length=MAX_DIMENSIONS)
    dtype: str
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class TypedValues(BaseModel):
    """An inline list with the element type it is stored in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: str
    values: list[Any]


class DigestRule(Enum):
    """What to do about the sha256 of array references."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    IGNORED = "ignored"


class ArraySource(Protocol):
    """What a validation context holds under ``"arrays"``."""

    def resolve(self, ref: ArrayRef, key: str | None = None) -> Array:
        """The read-only array a reference means."""
        ...


class ArrayStore:
    """Resolves references in one companion file; each array is read once.

    Parameters
    ----------
    reader
        The open companion.
    digests
        `REQUIRED` for programs, `OPTIONAL` for networks written by hand, `IGNORED` to accept edits.
    max_bytes
        Bound on all arrays together.
    """

    def __init__(
        self,
        reader: ArrayReader,
        digests: DigestRule = DigestRule.REQUIRED,
        max_bytes: int = MAX_ARRAY_BYTES,
    ) -> None:
        self._reader = reader
        self._digests = digests
        self._left = max_bytes
        self._known: dict[str, Array] = {}

    def resolve(self, ref: ArrayRef, key: str | None = None) -> Array:
        """The array of a reference, checked against its shape, dtype and sha256.

        Raises
        ------
        InputError
            With `key`, naming array and companion file in the problem.
        """
        if self._digests is DigestRule.REQUIRED and ref.sha256 is None:
            raise InputError("sha256 is missing", key=key, allowed="the digest of the array")
        try:
            return self._read(ref)
        except InputError as error:
            place = f"array {ref.array!r} in {self._reader.path.name}"
            raise InputError(
                f"{place}: {error.problem}", key=key, found=error.found, allowed=error.allowed
            ) from None

    @property
    def _if_meant(self) -> str:
        required = self._digests is DigestRule.REQUIRED
        way = "npusim program seal" if required else "leave the sha256 out"
        return f"if it was edited on purpose: {way}"

    def _read(self, ref: ArrayRef) -> Array:
        array = self._known.get(ref.array)
        if array is None:
            array = self._reader.read(ref.array, tuple(ref.shape), ref.dtype, max_bytes=self._left)
            array.flags.writeable = False
            self._left -= array.nbytes
            self._known[ref.array] = array
        if list(array.shape) != ref.shape:
            raise InputError("wrong shape", found=list(array.shape), allowed=str(ref.shape))
        if array.dtype.name != ref.dtype:
            raise InputError("wrong element type", found=array.dtype.name, allowed=ref.dtype)
        if ref.sha256 is not None and self._digests is not DigestRule.IGNORED:
            digest = array_digest(array)
            if digest != ref.sha256:
                raise InputError(
                    f"content differs from its sha256; {self._if_meant}", found=digest, allowed=ref.sha256
                )
        return array


class ArrayKind(Enum):
    """What the numbers of an array field are, and the element type a bare inline list gets."""

    FLOAT = "float64"
    INTEGER = "int64"
    CODE = "int32"


@dataclass(frozen=True)
class ArrayField:
    """Annotation that makes a field an array: ``Annotated[npt.NDArray[Any], ArrayField(...)]``.

    Parameters
    ----------
    kind
        `FLOAT` keeps float32 and float64 as stored, and refuses NaN and infinities.
        `INTEGER` makes every integer type int64.
        `CODE` keeps 8-, 16- and 32-bit integers as stored; bare inline lists become int32.
    dtypes
        Element types that arrays and references may have.
    ndim
        Number of dimensions, where it is fixed. Arrays have at least one and are never empty.

    Notes
    -----
    Validated arrays are read-only and C-contiguous; later changes to the array given do not reach them.
    """

    kind: ArrayKind
    dtypes: tuple[str, ...]
    ndim: int | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(_to_list, when_used="json"),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        number = "number" if self.kind is ArrayKind.FLOAT else "integer"
        items = {"anyOf": [{"type": number}, {"type": "array"}]}
        reference, typed = ArrayRef.model_json_schema(), TypedValues.model_json_schema()
        for form in (reference, typed):
            form["properties"]["dtype"]["enum"] = list(self.dtypes)
        return {"anyOf": [{"type": "array", "items": items, "minItems": 1}, reference, typed]}

    def _validate(self, value: Any, info: ValidationInfo) -> Array:
        try:
            array = self._array(value, info)
            self._check(array)
        except InputError as error:
            # pydantic adds the place to a ValueError only; `explain` finds the InputError behind it.
            raise ValueError(str(error)) from error
        return array

    def _array(self, value: Any, info: ValidationInfo) -> Array:
        if isinstance(value, np.ndarray):
            self._check_dtype(value.dtype.name, None)
            return self._own(_frozen(value))
        if isinstance(value, (list, tuple)):
            return self._own(number_array(value, self.kind.value))
        if isinstance(value, Mapping) and "values" in value:
            typed = _model(TypedValues, value)
            self._check_dtype(typed.dtype, "dtype")
            return self._own(number_array(typed.values, typed.dtype, "values"))
        if isinstance(value, (Mapping, ArrayRef)):
            ref = value if isinstance(value, ArrayRef) else _model(ArrayRef, value)
            self._check_dtype(ref.dtype, "dtype")
            source: ArraySource | None = (info.context or {}).get("arrays")
            if source is None:
                raise InputError(
                    "no companion file is named", allowed="arrays: FILE.h5 at the top of the file"
                )
            return self._own(source.resolve(ref))
        raise InputError("not an array", found=value, allowed="a list of numbers, or a reference")

    def _check_dtype(self, name: str, key: str | None) -> None:
        if name not in self.dtypes:
            raise InputError("wrong element type", key=key, found=name, allowed=", ".join(self.dtypes))

    def _own(self, array: Array) -> Array:
        """The array in the field's type, native, read-only."""
        if self.kind is ArrayKind.INTEGER:
            if array.dtype == np.uint64 and array.size and int(array.max()) >= 2**63:
                raise InputError("number beyond int64", found=int(array.max()))
            array = array.astype(np.int64, copy=False)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        array.flags.writeable = False
        return array

    def _check(self, array: Array) -> None:
        if array.size == 0 or array.ndim == 0:
            raise InputError("arrays have at least one dimension and one element", found=list(array.shape))
        if array.ndim > MAX_DIMENSIONS or (self.ndim is not None and array.ndim != self.ndim):
            allowed = self.ndim if self.ndim is not None else f"up to {MAX_DIMENSIONS}"
            raise InputError("wrong number of dimensions", found=array.ndim, allowed=str(allowed))
        index = first_not_finite(array)
        if index is not None:
            raise InputError(f"not finite at index {list(index)}", found=float(array[index]))


def _frozen(array: Array) -> Array:
    """The array itself where nobody can change it, else a copy."""
    flags = array.flags
    if flags.owndata and flags.c_contiguous and not flags.writeable and type(array) is np.ndarray:
        return array
    return np.array(array, order="C")


def _model(model: type[Form], value: Mapping[str, Any]) -> Form:
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        raise explain(error, value, model)[1] from None


def _to_list(array: Array) -> Any:
    return array.tolist()


_FLOATS = ("float32", "float64")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_CODES = ("int8", "int16", "int32", "uint8", "uint16")

FloatArray = Annotated[Array, ArrayField(ArrayKind.FLOAT, _FLOATS)]
IntegerArray = Annotated[Array, ArrayField(ArrayKind.INTEGER, _INTEGERS)]
CodeArray = Annotated[Array, ArrayField(ArrayKind.CODE, _CODES)]
FloatVector = Annotated[Array, ArrayField(ArrayKind.FLOAT, _FLOATS, ndim=1)]
IntegerVector = Annotated[Array, ArrayField(ArrayKind.INTEGER, _INTEGERS, ndim=1)]
