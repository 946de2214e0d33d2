"""No kernel touches a byte outside its tensors."""

from __future__ import annotations

import signal

from tests.kernels.processes import ROOT, run_python

SCRIPT = ROOT / "tests" / "kernels" / "guarded.py"


def test_kernels_stay_inside_their_tensors() -> None:
    done = run_python(SCRIPT)
    assert done.stdout == "all tensors respected\n", done.stderr
    assert done.returncode == 0


def test_the_guard_works() -> None:
    read_beyond = (
        "import numpy as np; from tests.kernels.guarded import Place, guarded;"
        "a = guarded(np.zeros(5, np.int8), Place.BEHIND);"
        "np.lib.stride_tricks.as_strided(a, (6,), (1,)).sum()"
    )
    assert run_python("-c", read_beyond).returncode == -signal.SIGSEGV
