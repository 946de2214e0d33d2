"""A folder with a network, its program and data; the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.files import write_all
from tests.cli.run import Cli


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line, in this process."""
    return Cli(monkeypatch, capsys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: net.yaml, prog.yaml, x.h5."""
    write_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
