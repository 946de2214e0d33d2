"""A sweep's input files by content: what they are called and where they lie never counts."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from npusim.errors import InputError
from npusim.evaluation.fitting import Fitting
from npusim.files.data import open_data
from npusim.files.digest import file_digest
from npusim.files.documents import COMPANION_KEY
from npusim.files.paths import inside
from npusim.files.yaml_file import read_yaml
from npusim.network import Network, load_network

_BUNDLED = Path(__file__).parent.parent / "configs" / "networks"
_ROWS = re.compile(r"(?P<file>.+?)\[(?P<start>\d*):(?P<stop>\d*)\]")


@dataclass(frozen=True)
class Bundle:
    """Files that belong together; the first is the one to open.

    Attributes
    ----------
    folder
        Where they lie on the machine that started the sweep.
    names, digests
        Each file's name in it, and the digest of its bytes.
    """

    folder: Path
    names: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The content of all."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()

    @property
    def path(self) -> Path:
        """The file to open, where the sweep was started."""
        return self.folder / self.names[0]


@dataclass(frozen=True)
class Rows:
    """Some rows of a data file."""

    bundle: Bundle
    start: int
    stop: int

    @property
    def key(self) -> list[object]:
        """The content, for digests."""
        return [self.bundle.digest, self.start, self.stop]


def find_network(name: str, folder: Path) -> tuple[Network, Bundle]:
    """A network: a bundled one by name, another by its path from `folder`.

    Raises
    ------
    InputError
        If there is none, or it cannot be swept.
    """
    path = _find(name, folder, ".yaml", "network")
    network = load_network(path)
    if len(network.inputs) != 1:
        found = ", ".join(tensor.name for tensor in network.inputs)
        raise InputError("only networks of one input can be swept", file=path, found=found)
    companion = read_yaml(path).data.get(COMPANION_KEY)
    paths = [path] if companion is None else [path, inside(path.parent, companion)]
    return network, _bundle(path.parent, paths)


def find_rows(name: str, folder: Path, network: Network) -> Rows:
    """Rows of a data file: a bundled one by name, another by its path from `folder`.

    Parameters
    ----------
    name
        ``FILE`` or ``FILE[START:STOP]``.
    network
        What is to read them.

    Raises
    ------
    InputError
        If there is no such file, it has no such rows, or they do not fit the network.
    """
    chosen = _ROWS.fullmatch(name)
    path = _find(name if chosen is None else chosen["file"], folder, ".h5", "data file")
    with open_data(path) as file:
        try:
            Fitting(file.shape[1:], network.inputs[0].shape, None, network.preprocess)
        except InputError as error:
            raise error.at(file=path) from None
        count = len(file)
    start = int(chosen["start"] or 0) if chosen else 0
    stop = int(chosen["stop"] or count) if chosen else count
    if not 0 <= start < stop <= count:
        raise InputError("no such rows", file=path, found=f"{start}:{stop}", allowed=f"within 0:{count}")
    return Rows(_bundle(path.parent, [path]), start, stop)


def _find(name: str, folder: Path, ending: str, what: str) -> Path:
    path = Path(name)
    if path.suffix or len(path.parts) > 1:
        return folder / path
    bundled = _BUNDLED / f"{name}{ending}"
    if not bundled.is_file():
        names = ", ".join(sorted(file.stem for file in _BUNDLED.glob(f"*{ending}")))
        raise InputError(f"no such {what}", found=name, allowed=f"a path, or a bundled one: {names}")
    return bundled


def _bundle(folder: Path, paths: list[Path]) -> Bundle:
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    return Bundle(folder.resolve(), names, tuple(file_digest(path) for path in paths))
