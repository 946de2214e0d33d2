"""The errors a user can cause, and how they are told.

One message names the file, the line, the key, what was found and what is allowed.
The command line prints it and leaves with :attr:`NpusimError.exit_code`.
"""

from __future__ import annotations

from os import PathLike


class NpusimError(Exception):
    """Base of every error that npusim raises on purpose."""

    exit_code = 2


class InputError(NpusimError):
    """Bad input: a file, a value, an argument (exit code 2).

    Parameters
    ----------
    problem
        What is wrong, in one sentence without a full stop.
    file, line, key
        Where: the file, its 1-based line, the dotted key inside it.
    found, allowed
        What stood there, and what may stand there.

    Examples
    --------
    >>> print(InputError("stride must be positive", file="net.yaml", line=7,
    ...                  key="layers[2].stride", found=0, allowed="1..64"))
    net.yaml:7: layers[2].stride: stride must be positive; found 0; allowed: 1..64
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | PathLike[str] | None = None,
        line: int | None = None,
        key: str | None = None,
        found: object = None,
        allowed: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.line = line
        self.key = key
        self.found = found
        self.allowed = allowed
        super().__init__(problem)

    def at(
        self, *, file: str | PathLike[str] | None = None, line: int | None = None, key: str | None = None
    ) -> InputError:
        """The same error with the place filled in where it was still unknown."""
        return type(self)(
            self.problem,
            file=self.file if self.file is not None else file,
            line=self.line if self.line is not None else line,
            key=self.key if self.key is not None else key,
            found=self.found,
            allowed=self.allowed,
        )

    def within(self, key: str) -> InputError:
        """The same error with the key put inside another one."""
        inner = "" if self.key is None else self.key if self.key.startswith("[") else f".{self.key}"
        return type(self)(
            self.problem,
            file=self.file,
            line=self.line,
            key=key + inner,
            found=self.found,
            allowed=self.allowed,
        )

    def __str__(self) -> str:
        place = self.file or ""
        if self.file is not None and self.line is not None:
            place += f":{self.line}"
        parts = [part for part in (place, self.key, self._what()) if part]
        return ": ".join(parts)

    def _what(self) -> str:
        text = self.problem
        if self.found is not None:
            text += f"; found {_short(self.found)}"
        if self.allowed is not None:
            text += f"; allowed: {self.allowed}"
        return text


class CheckFailed(NpusimError):
    """The check the user asked for failed: a mismatch, a possible overflow (exit code 1)."""

    exit_code = 1


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
