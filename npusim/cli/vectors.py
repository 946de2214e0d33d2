"""``npusim vectors``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from npusim.cli import options, vectors_verify
from npusim.cli.completion import complete_datapath
from npusim.cli.options import refuse
from npusim.cli.vectors_solved import write_solved
from npusim.cli.vectors_units import write_units

if TYPE_CHECKING:
    from npusim.vectors import Manifest


class DefaultGroup(TyperGroup):
    """A group whose command `write` may be left out: ``npusim vectors PROG.yaml``."""

    default = "write"

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **more: Any) -> Any:
        """Put the default in front where no command is named."""
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().make_context(info_name, args, *others, **more)


app = typer.Typer(cls=DefaultGroup, help="Golden vectors: write sets, run their benches; verify answers.")
app.command("verify")(vectors_verify.verify)


@app.command("write")
def write(
    program: Annotated[
        Path | None,
        typer.Argument(metavar="[PROG.yaml]", help="The integer program; or a written set, to --run."),
    ] = None,
    datapath: Annotated[
        str | None,
        typer.Option(
            "--datapath",
            metavar="D",
            help="Vectors of this datapath's units, in place of a program's.",
            autocompletion=complete_datapath,
        ),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            "--unit", metavar="U", help="Such as rescale, mac_column, add, pool, table; default: all."
        ),
    ] = None,
    level: Annotated[
        int | None, typer.Option("--level", min=1, max=2, help="Of units: 1 quick, 2 thorough; default: 1.")
    ] = None,
    beats: Annotated[
        int | None, typer.Option("--beats", min=1, max=64, help="Of the unit mac_column; default: 4.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option("--input", metavar="X.h5", help="Images: HDF5 or npz; without: seeded codes."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of units' cases; of codes, where no images are given.")
    ] = 0,
    step: Annotated[
        list[str] | None, typer.Option("--step", help="Only this step; may be given again.")
    ] = None,
    solved: Annotated[
        bool,
        typer.Option(
            "--solved", help="Inputs of one --step that `npusim coverage` solves for, as its stimulus."
        ),
    ] = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="hex ($readmemh), text, bin (little-endian), npy, npz or c; default: hex. "
            "Of one unit without -o: text, as a stream.",
        ),
    ] = None,
    images: Annotated[
        int | None, typer.Option("--images", min=1, help="How many images; default: 1.")
    ] = None,
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
    """Write golden vectors: stimulus, parameters, expected responses, self-checking benches; run them.

    Of a program's steps (PROG.yaml -o DIR) or of a datapath's units (--datapath D). `write` may be left out;
    `npusim vectors verify --help` tells of the other direction.
    """
    from npusim.errors import InputError
    from npusim.vectors.bench.simulators import Simulator

    of_steps = {"--input": inputs, "--step": step, "--images": images, "--sample": sample}
    of_units = {"--unit": unit, "--level": level, "--beats": beats}
    if datapath is not None:
        refuse({**of_steps, "PROG.yaml": program}, "does not go with --datapath")
        simulator = None if run is None else options.choice(Simulator, run, "--run")
        if simulator is not None and output is None:
            raise InputError("is needed to run benches", key="-o")
        write_units(datapath, unit, level or 1, seed, beats, format_, output, json and simulator is None)
        if simulator is not None and output is not None:
            _run(output, simulator, rtl or [], top, ports, dump, json)
        return
    refuse(of_units, "is of units", "with --datapath")
    if program is None:
        raise InputError(
            "vectors of what?", key="PROG.yaml", allowed="a program, a set to --run, or --datapath D"
        )
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
        if solved:
            refuse({"--input": inputs, "--images": images}, "does not go with --solved")
            manifest = write_solved(program, output, step or [], format_ or "hex", sample, seed)
        else:
            manifest = _write(program, output, inputs, step, format_ or "hex", images or 1, sample, seed)
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
            input_seed=seed if inputs is None else None,
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
