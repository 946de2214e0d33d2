"""All commands. Each one's file imports what it needs when it runs, so that ``--help`` is instant."""

from __future__ import annotations

from typing import Annotated

import typer

from npusim.cli import (
    compile_,
    coverage,
    datapath,
    demo,
    diff,
    doctor,
    equiv,
    evaluate,
    import_,
    init,
    program,
    prove,
    report,
    run,
    sensitivity,
    sweep,
    vectors,
)

app = typer.Typer(
    name="npusim",
    help="Bit-exact simulator, compiler and golden-vector generator for integer NPU datapaths.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)

app.command("demo")(demo.demo)
app.command("init")(init.init)
app.command("import")(import_.import_)
app.command("compile")(compile_.compile_)
app.command("run")(run.run)
app.command("eval")(evaluate.evaluate)
app.command("sensitivity")(sensitivity.sensitivity)
app.add_typer(vectors.app, name="vectors")
app.command("coverage")(coverage.coverage)
app.command("prove")(prove.prove)
app.command("equiv")(equiv.equiv)
app.command("diff")(diff.diff)
app.command("report")(report.report)
app.command("sweep")(sweep.sweep)
app.add_typer(datapath.app, name="datapath")
app.add_typer(program.app, name="program")
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        from npusim import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
