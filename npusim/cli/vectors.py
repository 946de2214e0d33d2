"""``npusim vectors``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.vectors import Manifest


def vectors(
    program: Annotated[
        Path, typer.Argument(metavar="PROG.yaml", help="The integer program; or a written set, to --run.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option("--input", metavar="X.h5", help="Images: HDF5 or npz; without: seeded codes."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the codes, where no images are given.")] = 0,
    step: Annotated[
        list[str] | None, typer.Option("--step", help="Only this step; may be given again.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="hex ($readmemh) or npy.")] = "hex",
    images: Annotated[int, typer.Option("--images", min=1, help="How many images.")] = 1,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Of large steps, only so many output pixels.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="SIM", help="Run the benches in icarus, verilator or cocotb."),
    ] = None,
    rtl: Annotated[
        list[Path] | None, typer.Option("--rtl", help="Your SystemVerilog; may be given again.")
    ] = None,
    top: Annotated[
        str | None, typer.Option("--top", help="Your MAC tile's module, if --ports names none.")
    ] = None,
    ports: Annotated[
        Path | None, typer.Option("--ports", metavar="MAP.yaml", help="What your modules' ports are called.")
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option(
            "--dump", metavar="DIR", help="With --run: write what the RTL answers, for `npusim diff`."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write golden vectors: stimulus, parameters, expected responses, self-checking benches; run them."""
    from npusim.errors import InputError
    from npusim.vectors.bench.simulators import Simulator

    simulator = None if run is None else options.choice(Simulator, run, "--run")
    if dump is not None and simulator is None:
        raise InputError("is written where benches run", key="--dump", allowed="with --run")
    if program.is_dir():
        if simulator is None:
            raise InputError(
                "a written set can only be run", file=program, allowed="--run icarus|verilator|cocotb"
            )
        folder, manifest = program, None
    else:
        if output is None:
            raise InputError("is needed to write vectors of a program", key="-o")
        folder = output
        manifest = _write(program, output, inputs, step, format_, images, sample, seed)
    if manifest is not None and simulator is None:
        _tell_written(folder, manifest, json)
    if simulator is not None:
        _run(folder, simulator, rtl or [], top, ports, dump, json)


def _write(
    program: Path,
    output: Path,
    inputs: Path | None,
    steps: list[str] | None,
    format_: str,
    images: int,
    sample: int | None,
    seed: int,
) -> Manifest:
    import npusim
    from npusim.cli.progress import Progress
    from npusim.files.data import open_data
    from npusim.vectors import VectorFormat, write_vectors
    from npusim.vectors.bench.emit import emit_set
    from npusim.vectors.stimulus import seeded_inputs

    chosen = options.choice(VectorFormat, format_, "--format")
    loaded = npusim.load_program(program)
    if inputs is None:
        data = seeded_inputs(loaded, images, seed)
    else:
        with open_data(inputs) as file:
            data = {loaded.input_names[0]: file.read(0, min(images, file.shape[0]))}
    with Progress("writing vectors") as progress:
        manifest = write_vectors(
            loaded,
            data,
            output,
            steps=steps,
            format=chosen,
            images=images,
            sample_pixels=sample,
            progress=progress.count,
        )
    if chosen is VectorFormat.HEX:
        emit_set(output, manifest)
    return manifest


def _tell_written(folder: Path, manifest: Manifest, json: bool) -> None:
    if json:
        typer.echo(manifest.model_dump_json())
    else:
        typer.echo(f"{folder}: {len(manifest.steps)} steps, {manifest.words:,} words; see manifest.json")


def _run(
    folder: Path,
    simulator_name: str,
    rtl: list[Path],
    top: str | None,
    ports: Path | None,
    dump: Path | None,
    json: bool,
) -> None:
    """Run the benches; a mismatch is the exit code 1."""
    from json import dumps

    from npusim.cli.tables import print_table
    from npusim.errors import CheckFailed
    from npusim.vectors.bench.run import Outcome, run_benches
    from npusim.vectors.bench.simulators import Simulator
    from npusim.vectors.bench.user import users_of

    results = run_benches(
        folder,
        Simulator(simulator_name),
        users=users_of(rtl, top, ports),
        rtl=[path.resolve() for path in rtl],
        dump=dump,
        tell=lambda text: typer.echo(text, err=True),
    )
    if json:
        plain = [
            {"step": r.step, "outcome": r.outcome, "compared": r.compared, "text": r.text} for r in results
        ]
        typer.echo(dumps(plain))
    else:
        rows = [(r.step, r.outcome.value, r.compared, r.text.partition("\n")[0]) for r in results]
        print_table(("step", "outcome", "compared", ""), rows)
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    if failed:
        raise CheckFailed("\n".join(f"{result.step} failed:\n{result.text}" for result in failed))
    if not any(result.outcome is Outcome.PASSED for result in results):
        raise CheckFailed("no step was compared")
