"""The report of a real network: its size, and how soon it is ready."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import npusim
from npusim.evaluate import ArraySamples
from npusim.files.data import open_data
from npusim.importers import import_network
from npusim.preprocess import Preprocess
from npusim.report import make_report, render

ZOO = Path(os.environ.get("NPUSIM_ZOO", "none"))
MODEL = "mobilenet_v2_1.0_224_imagenet_dequantized"


@pytest.mark.slow
@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
def test_a_mobilenet_stays_below_five_megabytes_and_opens_at_once(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="part of the extra browser")
    network = import_network(ZOO / "models" / f"{MODEL}.onnx").replace(
        preprocess=Preprocess(mean=(127.5,), std=(127.5,))
    )
    with open_data(ZOO / "data" / "imagenet_dev_0.h5") as data:
        images = data.read(0, 4)
    program = npusim.compile(network, "wes_npu", "wes", images)
    page = render(make_report(program, network=network, samples=ArraySamples(images)))
    assert len(page.encode()) < 5_000_000
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
        opened = browser.new_page()
        opened.goto(path.as_uri())
        ready = opened.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        browser.close()
    assert 0 < ready < 1000
