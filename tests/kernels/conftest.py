"""After all kernel tests: no kernel was compiled for more types than its facade promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from npusim.kernels.jit import KERNELS


@pytest.fixture(scope="session", autouse=True)
def _signature_budget() -> Iterator[None]:
    yield
    over = {name: kernel.compiled for name, kernel in KERNELS.items() if kernel.compiled > kernel.budget}
    assert not over, f"more signatures than declared: {over}"
