"""Golden vectors: stimulus and expected responses of steps and networks, for RTL.

A set is a folder: `manifest.json`, the program, a folder `network`, and one folder a step. Which files a
kind of step has is decided in `layouts`, how words are written in `formats`; both take one new file
to extend.
"""

from __future__ import annotations

from npusim.vectors.formats import VectorFormat
from npusim.vectors.manifest import Manifest, read_manifest
from npusim.vectors.verify import verify
from npusim.vectors.write import write_vectors

__all__ = ["Manifest", "VectorFormat", "read_manifest", "verify", "write_vectors"]
