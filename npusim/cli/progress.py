"""Progress on a terminal for work that takes longer than two seconds; silence when piped."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

_PATIENCE = 2.0


class Progress:
    """Tells what is being done, and how far it is.

    Usable as both of the library's callbacks: ``progress.tell("words")`` and
    ``progress.count(done, total)``.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show("")

    def tell(self, words: str) -> None:
        """Say what is being done."""
        self._what = words
        self._show_later(words)

    def count(self, done: int, total: int) -> None:
        """Say how far it is; the time left is judged by what is done."""
        text = f"{self._what}: {done}" + (f" of {total}" if total else "")
        if total and 0 < done < total:
            left = (time.monotonic() - self._started) * (total - done) / done
            text += f", {left:.0f} s left"
        self._show_later(text)

    def _show_later(self, text: str) -> None:
        if time.monotonic() - self._started >= _PATIENCE:
            self._show(text)

    def _show(self, text: str) -> None:
        if self._terminal and (text or self._width):
            sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
            sys.stderr.flush()
            self._width = len(text)
