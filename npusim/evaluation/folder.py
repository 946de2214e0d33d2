"""A folder of image files: labels from its sub-folders or from a CSV file, decoded as they are needed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.evaluation.fitting import centred
from npusim.evaluation.samples import Batch, Labels
from npusim.preprocess import Filter, Fit, Preprocess

Array = npt.NDArray[Any]

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
LABELS_FILE = "labels.csv"
_MODES = {1: "L", 3: "RGB"}
_MOST_PIXELS = 1 << 27


class FolderSamples:
    """Image files in the order of their paths, as bytes of a network's input shape.

    Each image is resized so that its shorter side has the preprocess block's length, then cut or padded
    about its centre. Labels come from `labels`, a CSV file of paths and numbers, which is looked for as
    labels.csv in the folder; else from the sub-folders: the first in the order of names is class 0.

    Parameters
    ----------
    shape
        The network's input: (rows, columns, channels), 1 or 3 channels.
    preprocess
        Says how images are resized and fitted; only that is done here.
    fit
        Instead of what `preprocess` says.
    threads
        Images decoded side by side.

    Raises
    ------
    InputError
        No images, images that cannot be read, labels that do not fit; Pillow is missing.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        shape: tuple[int, ...],
        preprocess: Preprocess | None,
        *,
        fit: Fit | None = None,
        labels: Path | None = None,
        threads: int = 1,
    ) -> None:
        self._folder = Path(folder)
        if len(shape) != 3 or shape[2] not in _MODES:
            allowed = "(rows, columns, 1 or 3)"
            raise InputError("the network reads no images", file=folder, found=shape, allowed=allowed)
        self.row_shape = shape
        self._pillow = _pillow()
        self._preprocess = Preprocess() if preprocess is None else preprocess
        self._fit = fit or self._preprocess.fit or Fit.CROP
        self._threads = threads
        self._files = sorted(
            path.relative_to(self._folder)
            for path in self._folder.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        if not self._files:
            raise InputError("no images in this folder", file=folder, allowed=", ".join(sorted(SUFFIXES)))
        self._labels = self._read_labels(labels)

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str | None:
        """The image's path in the folder."""
        return self._files[index].as_posix()

    def read(self, start: int, stop: int) -> Batch:
        """Images start..stop-1, decoded and fitted."""
        with ThreadPoolExecutor(self._threads) as pool:
            images = list(pool.map(self._image, self._files[start:stop]))
        return Batch(np.stack(images), None if self._labels is None else self._labels[start:stop])

    def _image(self, name: Path) -> Array:
        path = self._folder / name
        try:
            with self._pillow.open(path) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise InputError("the image is too large", file=path, found=image.size)
                return self._fitted(image.convert(_MODES[self.row_shape[2]]))
        except (OSError, ValueError, SyntaxError, self._pillow.DecompressionBombError) as error:
            raise InputError(f"not a readable image: {error}", file=path) from None

    def _fitted(self, image: Any) -> Array:
        rows, columns, channels = self.row_shape
        size = (columns, rows) if self._fit is Fit.STRETCH else self._resized(image.width, image.height)
        filter_ = (self._preprocess.filter or Filter.BILINEAR).name
        pixels = np.asarray(image.resize(size, self._pillow.Resampling[filter_]), np.uint8)
        means = np.array([float(mean) for mean, _ in self._preprocess.per_channel(channels)])
        images = pixels.reshape(1, size[1], size[0], channels)
        found: Array = centred(images, (rows, columns), means.clip(0, 255))[0]
        return found

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) before the cut: proportions are kept."""
        rows, columns, _ = self.row_shape
        if self._preprocess.resize is not None:
            scale = self._preprocess.resize / min(width, height)
        else:
            scales = (columns / width, rows / height)
            scale = max(scales) if self._fit is Fit.CROP else min(scales)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _read_labels(self, path: Path | None) -> Labels | None:
        if path is None and (self._folder / LABELS_FILE).is_file():
            path = self._folder / LABELS_FILE
        if path is not None:
            return self._match(read_labels(path), path)
        depths = {len(name.parts) for name in self._files}
        if depths == {1}:
            return None
        if 1 in depths:
            raise InputError(
                "some images lie in sub-folders, which name classes, others do not", file=self._folder
            )
        classes = {name: index for index, name in enumerate(sorted({n.parts[0] for n in self._files}))}
        return np.array([classes[name.parts[0]] for name in self._files], np.int64)

    def _match(self, known: Mapping[str, int], path: Path) -> Labels:
        found = [known.get(name.as_posix()) for name in self._files]
        missing = [n.as_posix() for n, label in zip(self._files, found, strict=True) if label is None]
        if missing:
            raise InputError("names no label for an image", file=path, found=missing[0])
        return np.array(found, np.int64)


def read_labels(path: Path) -> dict[str, int]:
    """A CSV file's labels by image path; a first line without a number is a heading.

    Raises
    ------
    InputError
        With file and line of what is no path and a number.
    """
    labels: dict[str, int] = {}
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", file=path) from None
    for line, row in enumerate(rows, 1):
        if not row:
            continue
        try:
            name, number = row[0].strip(), int(row[1])
        except (IndexError, ValueError):
            if line == 1:
                continue
            found = ",".join(row)
            raise InputError("no path and number", file=path, line=line, found=found) from None
        labels[Path(name).as_posix()] = number
    return labels


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError:
        raise InputError(
            "image files need the package pillow",
            found="not installed",
            allowed="pip install 'npusim[images]'",
        ) from None
    return Image
