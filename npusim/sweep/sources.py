"""The digest of the code that a point's numbers come from: other code, other points."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import npusim
from npusim.spec import ARITHMETIC_VERSION

_ROOMS = ("analysis", "compiler", "datapath", "evaluation", "kernels", "layers", "spec", "steps")
_OWN = ("costs.py", "measure.py", "workbench.py")


@cache
def code_digest() -> str:
    """Sources of the arithmetic, the compiler, the simulator and of what measures them; versions."""
    root = Path(npusim.__file__).parent
    paths = [*root.glob("*.py"), *(root / "sweep" / name for name in _OWN)]
    for room in _ROOMS:
        paths += (root / room).rglob("*.py")
    hashed = hashlib.sha256(f"{npusim.__version__} {ARITHMETIC_VERSION}\n".encode())
    for path in sorted(paths):
        hashed.update(f"{path.relative_to(root).as_posix()}\0".encode())
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()
