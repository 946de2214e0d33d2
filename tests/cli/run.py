"""The command line, called in this process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from npusim.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, parsed; nothing else may stand there."""
        return json.loads(self.out)


class Cli:
    """Calls ``npusim`` with arguments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Done:
        """Run a command; anything but SystemExit is a traceback to a user, and fails the test."""
        self._monkeypatch.setattr(sys, "argv", ["npusim", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self._capsys.readouterr()
        code = caught.value.code
        assert code is None or isinstance(code, int)
        return Done(code or 0, printed.out, printed.err)

    def refused(self, *arguments: object) -> str:
        """Run a command that must end with exit code 2 and one message; returns the message."""
        done = self(*arguments)
        assert done.code == 2, done
        assert done.out == ""
        assert "Traceback" not in done.err
        assert done.err.count("npusim: ") == 1 or done.err.startswith("Usage: npusim")
        if done.err.startswith("npusim: "):
            assert done.err.count("\n") == 1
        return done.err
