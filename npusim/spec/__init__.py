"""The arithmetic in plain Python integers: slow, readable, the truth.

Every rule of ARITHMETIC.md is a few lines here, under the same identifier. Kernels, RTL and
vectors are tested against this package; nothing else computes a bit. It imports nothing but
the standard library.
"""

from typing import Final

ARITHMETIC_VERSION: Final = 1
"""Raised by any change that can change a bit; programs and manifests record it."""
