"""`npusim import`, `compile`, `eval` of real networks: float's own measure is the one its source states."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.run import Cli

ZOO = Path(os.environ.get("NPUSIM_ZOO", "none"))
NETWORKS = {
    "ad01_autoencoder_toycar": ("ad01_toycar_dev", (), "auc"),
    "dscnn_kws": ("kws01_dev", ("--mean", "83", "--std", str(1 / 0.5847029089927673)), "top1"),
    "resnet8_cifar10": ("cifar10_ic01_dev", ("--mean", "0", "--std", "1"), "top1"),
}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line, in this process."""
    return Cli(monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
@pytest.mark.parametrize("name", NETWORKS)
def test_one_command_judges_it(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    file, preprocess, measure = NETWORKS[name]
    data = ZOO / "data" / f"{file}.h5"
    models = json.loads((ZOO / "models" / "MODELS.json").read_text())["models"]
    (stated,) = (model["float_accuracy_dev"][measure] for model in models if model["name"] == name)
    assert cli("import", ZOO / "models" / f"{name}.onnx", "-o", "net.yaml", *preprocess).code == 0
    compiled = cli("compile", "net.yaml", "-o", "prog.yaml", "--calibration", data, "--images", 32)
    assert compiled.code == 0
    done = cli("eval", "net.yaml", "prog.yaml", "--data", data, "--layers", 4, "--no-cache", "--json")
    assert done.code == 0, done.err
    assert done.json["float"][measure] == pytest.approx(stated, abs=1e-4)
    low, high = done.json["difference"][measure]["interval"]
    assert low <= done.json["difference"][measure]["mean"] <= high
    assert done.json["step_images"] == 4
    assert all(step["alone_sqnr_db"] > 10 for step in done.json["steps"])
