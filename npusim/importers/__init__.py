"""Models of other tools, brought in."""

from __future__ import annotations

from pathlib import Path

from npusim.errors import InputError
from npusim.importers.onnx.importer import Numbers, import_network
from npusim.importers.qdq.importer import holds_integers, import_quantized
from npusim.importers.tflite.importer import import_program
from npusim.importers.tosa import import_tosa
from npusim.network import Network
from npusim.program import Program

__all__ = ["import_model", "import_network", "import_program", "import_tosa"]


def import_model(
    path: str | Path,
    *,
    name: str | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channel_order: str = "rgb",
    last_softmax: str = "host",
) -> Network | Program:
    """Read a model: a float .onnx file becomes a network; a quantized .onnx, .tflite or .tosa file a program.

    Parameters
    ----------
    path
        The file; its ending says what it is.
    name
        By default the file's.
    mean, std, channel_order
        How bytes become what the model reads, as in `import_network`.
    last_softmax
        Of a float model, ``host`` or ``keep``, as in `import_network`.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it or not supported.
    """
    ending = Path(path).suffix.lower()
    if ending == ".onnx" and Path(path).is_file() and holds_integers(Path(path)):
        return import_quantized(path, name=name, mean=mean, std=std, channel_order=channel_order)
    if ending == ".onnx":
        return import_network(
            path, name=name, mean=mean, std=std, channel_order=channel_order, last_softmax=last_softmax
        )
    if ending == ".tflite":
        return import_program(path, name=name, mean=mean, std=std, channel_order=channel_order)
    if ending == ".tosa":
        if mean is not None or std is not None:
            raise InputError("TOSA graphs have no scales: they are fed codes", file=path, key="mean, std")
        return import_tosa(path, name=name)
    raise InputError("not a kind of model", file=path, found=ending, allowed=".onnx, .tflite, .tosa")
