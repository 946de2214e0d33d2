"""Folders of images: order, labels, resizing, cutting, padding; what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npusim.errors import InputError
from npusim.evaluation.folder import FolderSamples
from npusim.evaluation.run import Options, evaluate_samples
from npusim.evaluation.samples import ArraySamples
from npusim.preprocess import Fit, Preprocess
from tests.evaluation.test_run import PROGRAM

Image = pytest.importorskip("PIL.Image")

SHAPE = (6, 6, 3)


def picture(rows: int, columns: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, rows, columns]).integers(0, 256, (rows, columns, 3)).astype(np.uint8)


def save(path: Path, pixels: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def read(folder: Path, shape: tuple[int, ...] = SHAPE, **how: Any) -> Any:
    """The one image of a folder."""
    return FolderSamples(folder, shape, Preprocess(**how)).read(0, 1).raw[0]


def test_images_of_the_right_size_are_taken_as_they_are(tmp_path: Path) -> None:
    pixels = [picture(6, 6, seed) for seed in range(5)]
    for index, one in enumerate(pixels):
        save(tmp_path / f"{4 - index}.png", one)
    for threads in (1, 3):
        samples = FolderSamples(tmp_path, SHAPE, None, threads=threads)
        assert [samples.name(i) for i in range(len(samples))] == [f"{i}.png" for i in range(5)]
        batch = samples.read(1, 4)
        np.testing.assert_array_equal(batch.raw, pixels[3:0:-1])
        assert batch.labels is None


def test_they_are_evaluated_like_arrays(tmp_path: Path) -> None:
    pixels = np.stack([picture(6, 6, seed) for seed in range(20)])
    for index, one in enumerate(pixels):
        save(tmp_path / f"{'dog' if index % 2 else 'cat'}" / f"{index:02d}.png", one)
    order = np.argsort(np.arange(20) % 2, kind="stable")
    samples = FolderSamples(tmp_path, SHAPE, None)
    found = evaluate_samples(None, PROGRAM, samples, Options()).to_json()
    arrays = ArraySamples(pixels[order], (np.arange(20) % 2)[order])
    assert found == evaluate_samples(None, PROGRAM, arrays, Options()).to_json()
    assert found["integer"]["top1"] is not None


def test_labels_from_sub_folders_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("n02/b.png", "n01/deep/a.png", "n10/c.png"):
        save(tmp_path / name, picture(6, 6))
    batch = FolderSamples(tmp_path, SHAPE, None).read(0, 3)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 2]
    save(tmp_path / "loose.png", picture(6, 6))
    with pytest.raises(InputError, match="some images lie in sub-folders"):
        FolderSamples(tmp_path, SHAPE, None)


def test_labels_from_a_file(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.png"):
        save(tmp_path / name, picture(6, 6))
    (tmp_path / "labels.csv").write_text("file,label\nsub/b.png,7\n./a.png, 3\n\nother.png,1\n")
    assert FolderSamples(tmp_path, SHAPE, None).read(0, 2).labels.tolist() == [3, 7]  # type: ignore[union-attr]
    elsewhere = tmp_path / "mine.csv"
    elsewhere.write_text("a.png,1\nsub/b.png,2\n")
    assert FolderSamples(tmp_path, SHAPE, None, labels=elsewhere).read(1, 2).labels.tolist() == [2]  # type: ignore[union-attr]
    elsewhere.write_text("a.png,1\n")
    with pytest.raises(InputError, match="names no label for an image; found 'sub/b.png'"):
        FolderSamples(tmp_path, SHAPE, None, labels=elsewhere)
    elsewhere.write_text("a.png,1\nsub/b.png,two\n")
    with pytest.raises(InputError) as caught:
        FolderSamples(tmp_path, SHAPE, None, labels=elsewhere)
    assert (caught.value.line, caught.value.found) == (2, "sub/b.png,two")


def test_the_shorter_side_then_the_middle(tmp_path: Path) -> None:
    """As ImageNet is prepared: the shorter side to a length, bilinear; the middle is cut out."""
    pixels = picture(40, 60)
    save(tmp_path / "a.png", pixels)
    resized = np.asarray(Image.fromarray(pixels).resize((12, 8), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(read(tmp_path, resize=8), resized[1:7, 3:9])
    bicubic = np.asarray(Image.fromarray(pixels).resize((12, 8), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(read(tmp_path, resize=8, filter="bicubic"), bicubic[1:7, 3:9])


def test_as_small_as_covers_it(tmp_path: Path) -> None:
    pixels = picture(40, 60)
    save(tmp_path / "a.png", pixels)
    resized = np.asarray(Image.fromarray(pixels).resize((9, 6), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(read(tmp_path), resized[:, 1:7])


def test_padding_with_the_mean(tmp_path: Path) -> None:
    pixels = picture(40, 60)
    save(tmp_path / "a.png", pixels)
    inside = np.asarray(Image.fromarray(pixels).resize((6, 4), Image.Resampling.BILINEAR))
    found = read(tmp_path, fit="pad", mean=(10.0, 20.0, 30.6))
    np.testing.assert_array_equal(found[1:5], inside)
    assert found[[0, 5]].reshape(-1, 3).tolist() == [[10, 20, 31]] * 12


def test_stretching(tmp_path: Path) -> None:
    pixels = picture(40, 60)
    save(tmp_path / "a.png", pixels)
    stretched = np.asarray(Image.fromarray(pixels).resize((6, 6), Image.Resampling.BILINEAR))
    found = FolderSamples(tmp_path, SHAPE, None, fit=Fit.STRETCH).read(0, 1).raw[0]
    np.testing.assert_array_equal(found, stretched)


def test_grey_networks_read_grey(tmp_path: Path) -> None:
    save(tmp_path / "a.png", picture(6, 6))
    grey = np.asarray(Image.fromarray(picture(6, 6)).convert("L"))
    np.testing.assert_array_equal(read(tmp_path, (6, 6, 1))[..., 0], grey)


def test_what_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images in this folder"):
        FolderSamples(tmp_path, SHAPE, None)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"nothing" * 9)
    with pytest.raises(InputError, match=r"a\.png: not a readable image"):
        FolderSamples(tmp_path, SHAPE, None).read(0, 1)
    with pytest.raises(InputError, match="the network reads no images"):
        FolderSamples(tmp_path, (640,), None)


def test_arrays_of_another_size(tmp_path: Path) -> None:
    large = np.stack([picture(8, 9, seed) for seed in range(4)])
    with pytest.raises(InputError, match="--fit crop or pad"):
        evaluate_samples(None, PROGRAM, ArraySamples(large), Options())
    labels = np.zeros(4, np.int64)
    found = evaluate_samples(None, PROGRAM, ArraySamples(large, labels), Options(fit=Fit.CROP))
    cut = evaluate_samples(None, PROGRAM, ArraySamples(large[:, 1:7, 1:7], labels), Options())
    assert found.to_json() == cut.to_json()
    padded = np.zeros((4, 6, 6, 3), np.uint8)
    padded[...] = 128  # the mean, 127.5, to even
    padded[:, 1:5] = large[:, :4, 1:7]
    small = ArraySamples(large[:, :4, 1:7].copy(), labels)
    found = evaluate_samples(None, PROGRAM, small, Options(fit=Fit.PAD))
    assert (
        found.to_json() == evaluate_samples(None, PROGRAM, ArraySamples(padded, labels), Options()).to_json()
    )
