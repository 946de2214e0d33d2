"""What `manifest.json` says: every file of a vector set, so that a bench needs to guess nothing."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from npusim.datapath import Datapath
from npusim.datapath.stage_operands import bus_bits, registers
from npusim.errors import CheckFailed, InputError
from npusim.files.yaml_file import Document, validate
from npusim.model import Model, Shape
from npusim.spec import ARITHMETIC_VERSION
from npusim.vectors.beat_order import BeatOrder
from npusim.vectors.formats import VectorFormat
from npusim.vectors.stream import Role

MANIFEST_NAME = "manifest.json"
_MAX_BYTES = 256 << 20

LaneOrder = Literal["lane 0 in the least significant bits"]
LANE_ORDER: LaneOrder = "lane 0 in the least significant bits"
ByteOrder = Annotated[Literal["little"], Field(description="of integers in binary files")]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file's bytes")]
FilePath = Annotated[str, Field(min_length=1, max_length=500, description="relative to the manifest")]


class Axis(Model):
    """One thing that words run over."""

    axis: str
    size: int


class VectorFile(Model):
    """One file of words."""

    path: FilePath
    member: Annotated[str | None, Field(description="its name in the archive that `path` is")] = None
    name: str
    role: Role
    words: Annotated[int, Field(ge=1)]
    bits: Annotated[int, Field(description="of one code", ge=1, le=64)]
    container_bits: Annotated[
        int | None,
        Field(description="bits of the little-endian integer that holds a code; absent: text", ge=8),
    ] = None
    lanes: Annotated[int, Field(description="codes in a word; lane 0 least significant", ge=1)]
    word_bits: Annotated[int, Field(description="bits * lanes: the width of a $readmemh memory", ge=1)]
    signed: Annotated[bool, Field(description="codes are two's complement")]
    order: Annotated[tuple[Axis, ...], Field(description="what words run over, slowest first")]
    tensor: Annotated[str | None, Field(description="the program's tensor these codes are of")] = None
    missing_lanes: Annotated[str | None, Field(description="what fills the lanes of partial blocks")] = None
    sha256: Digest


class Tensor(Model):
    """A tensor of the program."""

    name: str
    shape: Shape
    bits: int
    signed: bool


class StepVectors(Model):
    """The files of one step."""

    index: Annotated[int, Field(ge=0, description="position in execution order")]
    name: str
    kind: str
    folder: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    attributes: Annotated[dict[str, JsonValue], Field(description="the step without its arrays, registers")]
    beats: BeatOrder | None = None
    pixels: Annotated[
        tuple[int, ...] | None,
        Field(description="the output pixels shown, row * columns + column, ascending; absent: all"),
    ] = None
    files: tuple[VectorFile, ...]


class NetworkVectors(Model):
    """Inputs and expected outputs of the whole program."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    files: tuple[VectorFile, ...]


class ProgramFiles(Model):
    """The program all vectors were made from; it stands beside the manifest."""

    name: str
    path: FilePath
    sha256: Digest
    arrays: FilePath | None = None
    arrays_sha256: Digest | None = None


class RegisterPlace(Model):
    """One register on the bus."""

    name: str
    offset: Annotated[int, Field(description="its least significant bit", ge=0)]
    bits: Annotated[int, Field(description="0: a table, or a register the hardware lacks", ge=0)]
    signed: bool


class RegisterLayout(Model):
    """How the reference's `registers` bus packs multiplier, shift, inverse shift, zero points, bounds."""

    bits: Annotated[int, Field(ge=1)]
    fields: tuple[RegisterPlace, ...]

    @classmethod
    def of(cls, datapath: Datapath) -> RegisterLayout:
        """That of a datapath."""
        places = [
            RegisterPlace(name=r.name, offset=r.offset, bits=r.bits, signed=r.signed)
            for r in registers(datapath)
        ]
        return cls(bits=bus_bits(datapath), fields=tuple(places))


class Sample(Model):
    """How output pixels of mac steps were chosen."""

    pixels: Annotated[int, Field(ge=1)]
    seed: int


class Manifest(Model):
    """A set of golden vectors.

    Hex files have one comment, then one word a line: ceil(word_bits / 4) digits, bits above word_bits
    zero. Text files have one comment, then the decimal codes of a word in a line, lane 0 first. In the
    other formats words are (words, lanes), or (words,) for files without a lane axis, in the narrowest of
    8, 16, 32 and 64 bits: npy and bin little-endian, npz an archive of npy files, c an array in a header.
    """

    format: Literal["npusim-vectors-1"] = "npusim-vectors-1"
    npusim_version: str
    arithmetic_version: Literal[1] = ARITHMETIC_VERSION
    vector_format: VectorFormat
    lane_order: LaneOrder = LANE_ORDER
    byte_order: ByteOrder = "little"
    images: Annotated[int, Field(ge=1)]
    seed: Annotated[int | None, Field(description="of the input codes; absent: images were given")] = None
    sample: Sample | None = None
    registers: RegisterLayout
    program: ProgramFiles
    network: NetworkVectors
    steps: tuple[StepVectors, ...]
    datapath: Datapath

    @property
    def files(self) -> tuple[VectorFile, ...]:
        """All vector files."""
        return (*self.network.files, *(file for step in self.steps for file in step.files))

    @property
    def words(self) -> int:
        """Words in all vector files."""
        return sum(file.words for file in self.files)

    @property
    def paths(self) -> list[str]:
        """All files the set consists of, the manifest itself left out."""
        program = [path for path in (self.program.path, self.program.arrays) if path is not None]
        return [*program, *dict.fromkeys(file.path for file in self.files)]

    def plain(self) -> dict[str, Any]:
        """The manifest as JSON-like data."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        return json.dumps(self.plain(), indent=1, ensure_ascii=False) + "\n"


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    InputError
        If it is missing, unreadable, or no manifest.
    """
    return validate(read_json(Path(path)), Manifest)


def read_json(path: Path) -> Document:
    """A JSON document, not yet validated.

    Raises
    ------
    InputError
        If it is missing, unreadable, too large, or no JSON.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    if len(content) > _MAX_BYTES:
        raise InputError("file too large", file=path, allowed=f"up to {_MAX_BYTES} bytes")
    try:
        data = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise InputError(f"not JSON: {error}", file=path, line=line) from None
    return Document(path, data, {})


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def require_same(found: Any, wanted: Any, path: Path, key: str = "") -> None:
    """Compare two manifests' plain data.

    Raises
    ------
    CheckFailed
        Naming the first key that differs.
    """
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in [*wanted, *(set(found) - set(wanted))]:
            require_same(found.get(name), wanted.get(name), path, f"{key}.{name}" if key else name)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            require_same(one, other, path, f"{key}[{index}]")
    elif found != wanted or type(found) is not type(wanted):
        shown = [shorten(repr(value), 120) for value in (found, wanted)]
        raise CheckFailed(f"{path}: {key}: found {shown[0]}, but the program makes {shown[1]}")
