"""docs/pytorch.md does what it says, by both of PyTorch's exporters."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.importers.models import need

ROOT = Path(__file__).parents[2]
SCRIPT = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "pytorch.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("exporter", ["", ", dynamo=False"], ids=["default", "legacy"])
def test_the_page_runs_as_it_stands(exporter: str, tmp_path: Path) -> None:
    for module in ("torch", "onnxscript", "onnx"):
        need(module)
    assert SCRIPT is not None
    script = SCRIPT[1].replace('output_names=["scores"]', f'output_names=["scores"]{exporter}')
    assert exporter in script
    path = tmp_path / "example.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{script}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    decibels = re.search(r"SQNR: ([\d.]+) dB", done.stdout)
    difference = re.search(r"greatest difference to PyTorch: ([\d.]+), of scores up to ([\d.]+)", done.stdout)
    assert decibels is not None
    assert difference is not None
    # int8 outputs alone cost half a step of 1/255 of their range; the rest are a few such steps.
    assert float(decibels[1]) > 30
    assert float(difference[1]) < 0.05 * float(difference[2])
    assert (tmp_path / "model_wes.yaml").is_file()
