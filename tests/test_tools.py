"""A missing simulator skips a test at home and fails it in CI."""

from __future__ import annotations

import pytest

from tests.tools import require_tool


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_tool(ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no-such-simulator is not installed"):
        require_tool("no-such-simulator")
