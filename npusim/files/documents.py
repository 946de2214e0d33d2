"""A model on disk: a YAML document people edit, and an HDF5 companion for its large arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from npusim.errors import InputError
from npusim.files.arrays import ArrayStore, DigestRule
from npusim.files.atomic import atomic_path
from npusim.files.digest import array_digest, bytes_digest
from npusim.files.hdf5_file import ArrayReader, write_arrays
from npusim.files.paths import inside
from npusim.files.yaml_file import Document, dump_yaml, read_yaml, validate

Model = TypeVar("Model", bound=BaseModel)

COMPANION_KEY = "arrays"


def save_document(path: str | PathLike[str], model: BaseModel, *, inline_limit: int = 64) -> None:
    """Write a model as YAML, and its large arrays to ``<stem>.h5`` beside it.

    Parameters
    ----------
    inline_limit
        Vectors of up to so many elements stand in the YAML itself.

    Notes
    -----
    Same model, same bytes. Both files are complete before either takes its name; without large
    arrays there is no companion. None is left out.

    Raises
    ------
    InputError
        As :func:`~npusim.files.atomic.atomic_path`; values that YAML cannot hold.
    """
    target = Path(path)
    companion = target.with_suffix(".h5")
    if companion == target:
        raise InputError("is the name of the HDF5 companion", file=path, allowed="a name ending in .yaml")
    splitter = _Splitter(inline_limit)
    data = splitter.plain(model.model_dump(mode="python", exclude_none=True, by_alias=True), ())
    if COMPANION_KEY in data:
        raise TypeError(f"a model on disk cannot have a field named {COMPANION_KEY!r}")
    with ExitStack() as stack:
        # unwound backwards: the companion takes its name first, the YAML last
        document = stack.enter_context(atomic_path(target))
        if splitter.arrays:
            data = {COMPANION_KEY: companion.name, **data}
            write_arrays(stack.enter_context(atomic_path(companion)), splitter.arrays)
        document.write_text(dump_yaml(data), encoding="utf-8")


def document_digest(model: BaseModel) -> str:
    """Digest of a model's content, arrays included, wherever its file lies and whatever it is called."""
    splitter = _Splitter(inline_limit=0)
    data = splitter.plain(model.model_dump(mode="python", exclude_none=True, by_alias=True), ())
    return bytes_digest(dump_yaml(data).encode("utf-8"))


def load_document(
    path: str | PathLike[str],
    model: type[Model],
    *,
    digests: DigestRule,
    context: Mapping[str, Any] | None = None,
) -> Model:
    """Read a model that :func:`save_document` or a person wrote.

    Parameters
    ----------
    digests
        Whether array references must carry a sha256, and whether it counts.
    context
        Further entries for validators' ``info.context``.

    Raises
    ------
    InputError
        With file, line and key of what is wrong.
    """
    document = read_yaml(path)
    if not isinstance(document.data, dict) or COMPANION_KEY not in document.data:
        return validate(document, model, context)
    companion = _companion(document)
    data = {key: value for key, value in document.data.items() if key != COMPANION_KEY}
    with ArrayReader(companion) as reader:
        store = ArrayStore(reader, digests)
        return validate(replace(document, data=data), model, {**(context or {}), "arrays": store})


def companion(path: str | PathLike[str]) -> Path | None:
    """The HDF5 file that a model's YAML names; None if it names none.

    Raises
    ------
    InputError
        As :func:`load_document`, for the YAML and the name.
    """
    document = read_yaml(path)
    named = isinstance(document.data, dict) and COMPANION_KEY in document.data
    return _companion(document) if named else None


def _companion(document: Document) -> Path:
    assert document.path is not None
    name = document.data[COMPANION_KEY]
    place = (COMPANION_KEY,)
    if not isinstance(name, str):
        raise document.error("wrong value", place, found=name, allowed="the name of an HDF5 file")
    try:
        companion = inside(document.path.parent, name)
    except InputError as error:
        raise error.at(file=document.path, line=document.line(place), key=COMPANION_KEY) from None
    if not companion.is_file():
        raise document.error("companion file not found", place, found=name)
    return companion


class _Splitter:
    """Turns a dumped model into YAML data, putting large arrays aside."""

    def __init__(self, inline_limit: int) -> None:
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        self._inline_limit = inline_limit

    def plain(self, value: Any, place: tuple[str, ...]) -> Any:
        if isinstance(value, Enum):
            return self.plain(value.value, place)
        if isinstance(value, Mapping):
            names = _names([str(key) for key in value])
            return {
                key: self.plain(item, (*place, name))
                for (key, item), name in zip(value.items(), names, strict=True)
            }
        if isinstance(value, (list, tuple)):
            names = _names([_item_name(item, index) for index, item in enumerate(value)])
            return [self.plain(item, (*place, name)) for item, name in zip(value, names, strict=True)]
        if isinstance(value, np.ndarray):
            return self._array(value, place)
        return value.item() if isinstance(value, np.generic) else value

    def _array(self, array: npt.NDArray[Any], place: tuple[str, ...]) -> Any:
        if array.ndim == 1 and array.size <= self._inline_limit:
            return _inline(array)
        name = "/".join(place)
        self.arrays[name] = array
        return {
            "array": name,
            "shape": list(array.shape),
            "dtype": array.dtype.name,
            "sha256": array_digest(array),
        }


def _inline(vector: npt.NDArray[Any]) -> Any:
    """A vector as YAML: a bare list where its type is the one bare lists get, else with its type."""
    if vector.dtype in (np.int64, np.float64):
        return vector.tolist()
    values = [_short_float32(value) for value in vector] if vector.dtype == np.float32 else vector.tolist()
    return {"dtype": vector.dtype.name, "values": values}


def _short_float32(value: np.float32) -> float:
    """The float64 with the fewest digits that rounds to this float32."""
    short = float(str(value))
    return short if np.float32(short) == value else float(value)


def _item_name(item: Any, index: int) -> str:
    name = item.get("name") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) and name else str(index)


def _names(words: list[str]) -> list[str]:
    """Distinct path components for the siblings of one level; the same words, the same names."""
    taken: set[str] = set()
    names = []
    for index, word in enumerate(words):
        name = re.sub(r"[^A-Za-z0-9_.+-]", "_", word)[:100]
        if name.strip(".") == "" or name in taken:
            name = f"{name.strip('.')}_{index}"
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names
