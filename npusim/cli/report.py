"""``npusim report``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.report import FileFact


def report(
    program: options.Program,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="report.html", help="Where to write it.")],
    network: Annotated[
        Path | None,
        typer.Option("--network", metavar="NET.yaml", help="The float network: adds accuracy and SQNR."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="X.h5", help="Images to run, labels too; may be given again."),
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            "--compare", metavar="PROG2.yaml", help="Another program of the network; may be given again."
        ),
    ] = None,
    sweep: Annotated[
        list[Path] | None,
        typer.Option("--sweep", metavar="DIR", help="A folder of npusim sweep; may be given again."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many images.")] = None,
    label_offset: Annotated[
        int | None,
        typer.Option("--label-offset", help="Added to labels; default: as the network's task says."),
    ] = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Write one self-contained HTML page about a program."""
    import npusim
    from npusim.cli.progress import Progress
    from npusim.evaluate import FileSamples
    from npusim.files.atomic import write_text
    from npusim.report import load_sweep, make_report, render

    others = compare or []
    options.check_output(output, program, *([network] if network else []), *(data or []), *others)
    loaded = npusim.load_program(program)
    model = None if network is None else npusim.load_network(network)
    with ExitStack() as stack:
        progress = stack.enter_context(Progress("reading"))
        made = make_report(
            loaded,
            network=model,
            samples=stack.enter_context(FileSamples(data)) if data else None,
            limit=limit,
            label_offset=label_offset,
            label=program.stem,
            compared=[(path.stem, npusim.load_program(path)) for path in others],
            sweeps=[load_sweep(folder) for folder in sweep or []],
            files=list(_files(program, network, data or [], others)),
            threads=threads,
            watcher=progress,
        )
    text = render(made)
    write_text(output, text)
    _tell(output, len(text.encode()), made.images, as_json=json)


def _files(program: Path, network: Path | None, data: list[Path], others: list[Path]) -> Iterator[FileFact]:
    """What was read: each YAML file with the arrays beside it."""
    from npusim.files.digest import file_digest
    from npusim.files.documents import companion
    from npusim.report import FileFact

    roles = [("program", program), *([("network", network)] if network else [])]
    roles += [*(("compared program", path) for path in others)]
    for role, path in roles:
        yield FileFact(role, path.name, file_digest(path))
        arrays = companion(path)
        if arrays is not None:
            yield FileFact(f"{role}, arrays", arrays.name, file_digest(arrays))
    for path in data:
        yield FileFact("data", path.name, file_digest(path))


def _tell(output: Path, size: int, images: int, *, as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps({"output": str(output), "bytes": size, "images": images}))
    else:
        typer.echo(f"{output}: {size / 1e6:.2f} MB, {images} images")
