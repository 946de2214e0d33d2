"""`npusim eval`: one program or two, folders, limits, files it writes, what it refuses."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.files.data import save_data
from npusim.layers.dense import Dense
from npusim.network import Network, NetworkInput
from tests.cli.files import LABELS, NETWORK, PROGRAM
from tests.cli.run import Cli
from tests.compiler.networks import images

EVAL = ("eval", "net.yaml", "prog.yaml", "--no-cache")


@pytest.fixture
def many(folder: Path) -> Path:
    """A hundred images that are hard to tell apart, labelled as the program answers."""
    raw = images(100)
    mean = npusim.simulate(PROGRAM, raw).dequantized["head"].mean(axis=0)
    *layers, head = NETWORK.layers
    network = NETWORK.replace(layers=(*layers, head.replace(bias=-mean)))
    program = npusim.compile(network, "wes_npu", "wes", raw)
    network.save(folder / "net.yaml")
    program.save(folder / "prog.yaml")
    found = npusim.simulate(program, raw).dequantized["head"].argmax(axis=1)
    save_data("many.h5", {"images": raw, "labels": found})
    return folder


def test_the_python_example_of_the_docs(folder: Path) -> None:
    text = (Path(npusim.__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (folder / "x.h5").rename("test.h5")
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["found"].images == 4
    assert found["found"].step_images == 4


def test_a_program_alone(cli: Cli, folder: Path) -> None:
    found = cli("eval", "prog.yaml", "--data", "x.h5", "--json").json
    assert found["integer"]["top1"] == 1.0
    assert found["float"] == {"top1": None}
    assert found["agreement"] is None
    assert (
        cli("eval", "prog.yaml", "--data", "x.h5").out
        == "4 samples, judged as classification\ntop-1: integer 100.0 %\n"
    )


def test_what_it_prints(cli: Cli, many: Path) -> None:
    lines = cli(*EVAL, "--data", "many.h5", "--layers", 10).out.splitlines()
    assert lines[0] == "100 samples, judged as classification"
    assert lines[1].startswith("top-1: float ")
    assert "integer 100.0 %, difference +" in lines[1]
    assert lines[2].startswith("same first choice as float: ")
    assert "SQNR of every step over the first 10 samples:" in lines
    assert any(line.split()[:2] == ["step", "tensor"] for line in lines)


def test_files_it_writes(cli: Cli, many: Path) -> None:
    arguments = (*EVAL, "--data", "many.h5", "-o", "out", "--disagreements", "other.csv", "--json")
    found = cli(*arguments).json
    assert json.loads((many / "out" / "evaluation.json").read_text()) == found
    with (many / "other.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == [entry["index"] for entry in found["disagreements"]]
    assert all(row["integer"] == row["label"] != row["float"] for row in rows)
    assert len(rows) == round((1 - found["agreement"]) * 100) > 0
    assert cli(*arguments, "--threads", 1).json == found


def test_limits(cli: Cli, many: Path) -> None:
    found = cli(*EVAL, "--data", "many.h5", "--images", 30, "--layers", 7, "--json").json
    assert (found["images"], found["step_images"]) == (30, 7)
    found = cli(*EVAL, "--data", "many.h5", "--layers", 0, "--json").json
    assert (found["images"], found["step_images"], found["steps"]) == (100, 0, [])


def test_a_folder_of_images(cli: Cli, folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for index, (pixels, label) in enumerate(zip(images(), LABELS, strict=True)):
        place = folder / "set" / f"class{label}" / f"{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(place)
    (folder / "labels.csv").write_text(
        "".join(f"class{label}/{i}.png,{label}\n" for i, label in enumerate(LABELS))
    )
    found = cli(*EVAL, "--data", "set", "--labels", "labels.csv", "--json").json
    plain = cli(*EVAL, "--data", "x.h5", "--json").json
    assert found["float"] == plain["float"]
    assert found["integer"]["top1"] == 1.0


def test_tasks(cli: Cli, folder: Path) -> None:
    assert "mean" in cli(*EVAL, "--data", "x.h5", "--task", "embedding", "--json").json["cosine"]
    NETWORK.replace(task={"kind": "embedding"}).save(folder / "net.yaml")
    assert cli(*EVAL, "--data", "x.h5", "--json").json["task"] == "embedding"
    assert (
        cli(*EVAL, "--data", "x.h5")
        .out.splitlines()[1]
        .startswith("cosine with float: mean 1.0000, least 0.99")
    )


REFUSED = [
    (("--task", "clasification"), "--task: no such choice (did you mean 'classification'?)"),
    (("--task", "detection"), "no outputs of a detector"),
    (("--fit", "crob"), "did you mean 'crop'?"),
    (("--labels", "x.csv"), "only a folder of images takes labels"),
    (("--disagreements", "x.h5"), "would replace what is read"),
    (("--disagreements", "no/x.csv"), "its folder does not exist"),
    (("-o", "x.h5"), "is a file, not a folder"),
]


@pytest.mark.parametrize(
    ("more", "says"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_refusals(cli: Cli, folder: Path, more: tuple[str, ...], says: str) -> None:
    assert says in cli.refused(*EVAL, "--data", "x.h5", *more)


def test_a_network_alone_is_told_what_is_missing(cli: Cli, folder: Path) -> None:
    assert "net.yaml: is a network; its program is missing" in cli.refused(
        "eval", "net.yaml", "--data", "x.h5"
    )


def test_data_of_another_size(cli: Cli, folder: Path) -> None:
    save_data("large.h5", {"images": images(3, (8, 8, 3))})
    assert "--fit crop or pad" in cli.refused(*EVAL, "--data", "large.h5")
    found = cli(*EVAL, "--data", "large.h5", "--fit", "crop", "--json").json
    save_data("cut.h5", {"images": np.ascontiguousarray(images(3, (8, 8, 3))[:, 1:7, 1:7])})
    assert found == cli(*EVAL, "--data", "cut.h5", "--json").json


def test_calibration_reads_what_eval_reads(cli: Cli, folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for index, pixels in enumerate(images()):
        (folder / "set").mkdir(exist_ok=True)
        image.fromarray(pixels).save(folder / "set" / f"{index}.png")
    assert cli("compile", "net.yaml", "-o", "p.yaml", "--calibration", "set").code == 0
    assert npusim.load_program("p.yaml") == PROGRAM


def test_the_whole_way_of_an_autoencoder(cli: Cli, folder: Path) -> None:
    """Spectrograms of 4 bins, windows of 5 frames: calibrated on, judged by the error of each."""
    frames = np.random.default_rng(0).normal(size=(6, 30, 4)).astype(np.float32)
    layer = Dense(name="y", inputs=("x",), weights=np.eye(20) * 0.9)
    inputs = (NetworkInput(name="x", shape=(20,)),)
    Network(name="auto", inputs=inputs, layers=(layer,), outputs=("y",)).save("auto.yaml")
    frames[1::2] *= 2
    save_data("sounds.h5", {"features": frames, "labels": np.arange(6) % 2})
    arguments = ("compile", "auto.yaml", "-o", "p.yaml", "--calibration", "sounds.h5", "--recipe", "wes")
    assert cli(*arguments).code == 0
    found = cli("eval", "auto.yaml", "p.yaml", "--data", "sounds.h5", "--no-cache", "--json").json
    assert (found["task"], found["images"]) == ("reconstruction", 6)
    assert (found["float"]["auc"], found["integer"]["auc"]) == (1.0, 1.0)
    assert (
        "AUC of the squared error: float 1.0000"
        in cli("eval", "auto.yaml", "p.yaml", "--data", "sounds.h5").out
    )
