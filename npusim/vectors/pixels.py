"""Which output pixels a sampled set shows."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from npusim.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How many output pixels of each mac step, and the seed that chooses them."""

    pixels: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pixels < 1:
            raise InputError(
                "nothing is sampled", key="sample_pixels", found=self.pixels, allowed="1 or more"
            )


def sample_pixels(rows: int, columns: int, step: str, sampling: Sampling) -> tuple[int, ...] | None:
    """Flat raster indices of the chosen pixels, ascending; None: all of them.

    The four corners and the middle of each edge, where padding differs, are always among them, even
    if fewer are asked for. The rest are those with the least SHA-256 of "seed/step/index": the
    same choice with every version of everything.

    Examples
    --------
    >>> sample_pixels(5, 5, "conv1", Sampling(4))
    (0, 2, 4, 10, 14, 20, 22, 24)
    """
    count = rows * columns
    if sampling.pixels >= count:
        return None
    ends = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
    middles = [(0, columns // 2), (rows - 1, columns // 2), (rows // 2, 0), (rows // 2, columns - 1)]
    chosen = {row * columns + column for row, column in ends + middles}
    others = sorted(set(range(count)) - chosen, key=lambda pixel: _key(sampling.seed, step, pixel))
    chosen.update(others[: max(0, sampling.pixels - len(chosen))])
    return tuple(sorted(chosen)) if len(chosen) < count else None


def _key(seed: int, step: str, pixel: int) -> bytes:
    return sha256(f"{seed}/{step}/{pixel}".encode()).digest()
