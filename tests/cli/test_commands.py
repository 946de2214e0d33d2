"""Every command on good files: what it writes, what it prints, its JSON; nothing on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.datapath import preset_names
from npusim.files.data import save_data
from npusim.files.hdf5_file import ArrayReader
from tests.cli.files import LABELS, PROGRAM
from tests.cli.run import Cli
from tests.compiler.networks import images
from tests.importers.models import Model


def quiet(done: Any) -> Any:
    assert (done.code, done.err) == (0, "")
    return done


def test_version(cli: Cli) -> None:
    assert quiet(cli("--version")).out == f"{npusim.__version__}\n"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "demo",
        "compile",
        "run",
        "eval",
        "init",
        "vectors",
        "import",
        "doctor",
        "datapath",
        "datapath show",
        "program seal",
    ],
)
def test_help(cli: Cli, command: str) -> None:
    done = quiet(cli(*command.split(), "--help"))
    assert f"Usage: npusim {command}".rstrip() in done.out


def test_compile_writes_the_program(cli: Cli, folder: Path) -> None:
    done = quiet(cli("compile", "net.yaml", "-o", "p.yaml", "--calibration", "x.h5"))
    assert npusim.load_program("p.yaml") == PROGRAM
    first, *notes = done.out.splitlines()
    assert first == f"p.yaml: {len(PROGRAM.steps)} steps, {PROGRAM.macs:,} MACs an image, for wes_npu"
    assert notes == [f"note: {note}" for note in PROGRAM.notes]


def test_compile_as_json(cli: Cli, folder: Path) -> None:
    arguments = ("compile", "net.yaml", "-o", "p.yaml", "--datapath", "wes_npu", "--recipe", "per_channel")
    found = quiet(cli(*arguments, "--json")).json
    notes = found.pop("notes")
    assert found == {
        "program": "p.yaml",
        "datapath": "wes_npu_per_channel",
        "steps": 5,
        "macs": PROGRAM.macs,
    }
    assert len(notes) == 2  # a variant of the datapath, data-free ranges
    assert npusim.load_program("p.yaml").notes == tuple(notes)


def test_compile_tells_notes(cli: Cli, folder: Path) -> None:
    assert "note: no calibration data" in quiet(cli("compile", "net.yaml", "-o", "p.yaml")).out


def test_compile_calibrates_on_as_many_images_as_asked(cli: Cli, folder: Path) -> None:
    quiet(cli("compile", "net.yaml", "-o", "one.yaml", "--calibration", "x.h5", "--images", 1))
    program = npusim.compile(npusim.load_network("net.yaml"), "wes_npu", "wes", images()[:1])
    assert npusim.load_program("one.yaml") == program


def arrays(path: str) -> dict[str, Any]:
    with ArrayReader(path) as reader:
        return {name: reader.read(name) for name in reader.names()}


def test_run_writes_outputs_taps_and_real_values(cli: Cli, folder: Path) -> None:
    done = quiet(cli("run", "prog.yaml", "--input", "x.h5", "--taps", "conv,sum:sum", "-o", "out.h5"))
    result = npusim.simulate(PROGRAM, images(), taps=["conv", "sum:sum"])
    found = arrays("out.h5")
    assert found.keys() == {
        "outputs/head",
        "dequantized/head",
        "taps/conv/accumulator",
        "taps/conv/output",
        "taps/sum/sum",
    }
    np.testing.assert_array_equal(found["outputs/head"], result.outputs["head"])
    np.testing.assert_array_equal(found["dequantized/head"], result.dequantized["head"])
    np.testing.assert_array_equal(found["taps/conv/accumulator"], result.taps["conv"]["accumulator"])
    assert done.out.startswith("out.h5: 4 images\n")
    assert "fast_32" in done.out


def test_run_as_json(cli: Cli, folder: Path) -> None:
    done = quiet(
        cli("run", "prog.yaml", "--input", "x.h5", "-o", "out.npz", "--statistics", "prefix", "--json")
    )
    steps = {step["name"]: step for step in done.json["steps"]}
    assert done.json["output"] == "out.npz"
    assert list(steps) == [step.name for step in PROGRAM.steps]
    conv = steps["conv"]
    assert (conv["path"], conv["prefix_overflows"], conv["final_overflows"]) == ("ordered", 0, 0)
    assert conv["proven"][0] <= conv["observed"][0] <= conv["observed"][1] <= conv["proven"][1]
    event = conv["events"]["1.shift_right"]["rounded"]
    assert event["count"] > 0
    assert len(event["first"]) == 4
    assert steps["relu"]["path"] is None


def test_run_without_statistics(cli: Cli, folder: Path) -> None:
    assert (
        quiet(cli("run", "prog.yaml", "--input", "x.h5", "-o", "o.h5", "--statistics", "off")).out
        == "o.h5: 4 images\n"
    )


def test_run_on_another_datapath_says_so(cli: Cli, folder: Path) -> None:
    done = cli("run", "prog.yaml", "--input", "x.h5", "-o", "o.h5", "--datapath", "wes_npu_floor")
    assert (done.code, done.err) == (0, "note: run on wes_npu_floor, not on the program's own wes_npu\n")
    other = npusim.simulate(PROGRAM, images(), datapath=npusim.load_datapath("wes_npu_floor"))
    np.testing.assert_array_equal(arrays("o.h5")["outputs/head"], other.outputs["head"])


def test_overflows_are_never_silent(cli: Cli, folder: Path) -> None:
    text = "extends: wes_npu\nname: tiny\nset:\n  mac.accumulator.bits: 18\n  mac.bias.bits: 18\n"
    (folder / "tiny.yaml").write_text(text)
    done = cli("run", "prog.yaml", "--input", "x.h5", "-o", "o.h5", "--datapath", "tiny.yaml")
    assert done.code == 0
    assert "overflow: conv: " in done.out
    assert "first in image" in done.out


def test_eval_as_json(cli: Cli, folder: Path) -> None:
    found = quiet(cli("eval", "net.yaml", "prog.yaml", "--data", "x.h5", "--json")).json
    assert found["images"] == 4
    assert found["integer"]["top1"] == 1.0  # the labels are what the program says
    assert found["float"]["top1"] == found["agreement"]
    assert [step["name"] for step in found["steps"]] == [step.name for step in PROGRAM.steps]
    assert all(step["sqnr_db"] > 15 for step in found["steps"])
    assert found["outputs"] == [{"name": "head", "sqnr_db": found["steps"][-1]["sqnr_db"]}]


def test_eval_takes_several_files_and_label_offsets(cli: Cli, folder: Path) -> None:
    save_data("y.h5", {"images": images(), "labels": (LABELS - 1) % 3})
    both = quiet(
        cli("eval", "net.yaml", "prog.yaml", "--data", "x.h5", "--data", "x.h5", "--batch", 3, "--json")
    ).json
    assert both["images"] == 8
    assert both["integer"]["top1"] == 1.0
    moved = ("eval", "net.yaml", "prog.yaml", "--data", "y.h5", "--json")
    assert quiet(cli(*moved)).json["integer"]["top1"] == 0.0
    save_data("y.h5", {"images": images(), "labels": LABELS - 1})
    unlabelled = quiet(cli(*moved)).json
    assert unlabelled["integer"]["top1"] is None
    assert unlabelled["notes"] == ["no accuracy: a label, -1, is no class of the network (0..2)"]
    assert quiet(cli(*moved, "--label-offset", 1)).json["integer"]["top1"] == 1.0


def test_eval_without_labels(cli: Cli, folder: Path) -> None:
    save_data("y.npz", {"images": images()})
    found = quiet(cli("eval", "net.yaml", "prog.yaml", "--data", "y.npz", "--json")).json
    assert found["float"]["top1"] is None
    assert found["integer"]["top1"] is None
    assert 0 <= found["agreement"] <= 1
    assert "same first choice as float" in quiet(cli("eval", "net.yaml", "prog.yaml", "--data", "y.npz")).out


@pytest.mark.parametrize("format_", ["hex", "npy"])
def test_vectors(cli: Cli, folder: Path, format_: str) -> None:
    arguments = ("vectors", "prog.yaml", "--input", "x.h5", "--format", format_, "-o", "v", "--step", "conv")
    found = quiet(cli(*arguments, "--json")).json
    assert found["format"] == "npusim-vectors-1"
    assert (folder / "v" / "manifest.json").is_file()
    assert "v: 1 steps" in quiet(cli(*arguments)).out


def test_datapath_list(cli: Cli) -> None:
    found = quiet(cli("datapath", "list", "--json")).json
    assert [preset["name"] for preset in found] == preset_names()
    assert all(preset["evidence"]["status"] in {"checked", "cited"} for preset in found)
    table = quiet(cli("datapath", "list")).out
    assert all(name in table for name in preset_names())


@pytest.mark.parametrize("how", ["show", "sv"])
def test_datapath_show_and_sv(cli: Cli, folder: Path, how: str) -> None:
    shipped = quiet(cli("datapath", how, "wes_npu")).out
    assert "wes_npu" in shipped
    (folder / "mine.yaml").write_text("extends: wes_npu\nname: mine\nset:\n  mac.lanes: 8\n")
    assert quiet(cli("datapath", how, "mine.yaml")).out != shipped


def test_doctor(cli: Cli) -> None:
    found = quiet(cli("doctor", "--json")).json
    assert found["npusim"] == npusim.__version__
    assert found["instruction_set"] in found["instruction_sets"]
    assert found["packages"]["numpy"] == np.__version__
    assert found["kernel_cache"] in quiet(cli("doctor")).out


def test_doctor_prunes_the_cache(cli: Cli) -> None:
    long_ago = ("doctor", "--prune", "--unused-days", 100_000)
    assert quiet(cli(*long_ago, "--json")).json["pruned"] == []
    assert "removed from the cache: 0" in quiet(cli(*long_ago)).out


def test_program_seal(cli: Cli, folder: Path) -> None:
    done = quiet(cli("program", "seal", "prog.yaml"))
    assert done.out == "prog.yaml: sealed, 5 steps, marked as edited\n"
    assert npusim.load_program("prog.yaml").edited


def test_program_seal_as_json(cli: Cli, folder: Path) -> None:
    found = quiet(cli("program", "seal", "prog.yaml", "--json")).json
    assert found == {"program": "prog.yaml", "steps": 5, "edited": True}


def test_datapath_show_as_json(cli: Cli, folder: Path) -> None:
    found = quiet(cli("datapath", "show", "wes_npu", "--json")).json
    assert (found["name"], found["mac"]["lanes"]) == ("wes_npu", 16)


def test_import_writes_the_task(cli: Cli, folder: Path) -> None:
    model = Model(x=(1, 3, 6, 5))
    model.add("Conv", "x", model.weights(4, 3, 3, 3))
    model.save(folder, "t0_0")
    found = quiet(cli("import", "model.onnx", "-o", "n.yaml", "--task", "embedding", "--json")).json
    assert found["output"] == "n.yaml"
    assert found["layers"] == len(npusim.load_network("n.yaml").layers) > 0
    assert npusim.load_network("n.yaml").task.kind == "embedding"
    assert "did you mean 'embedding'" in cli.refused(
        "import", "model.onnx", "-o", "n.yaml", "--task", "embeding"
    )


def test_import_refuses_what_is_no_model(cli: Cli, folder: Path) -> None:
    assert "x.h5" in cli.refused("import", "x.h5", "-o", "n.yaml")
    assert not (folder / "n.yaml").exists()


def test_demo(cli: Cli, folder: Path) -> None:
    rows = quiet(cli("demo", "-o", "vectors", "--json")).json
    assert {(row["network"], row["recipe"]) for row in rows} == {
        (network, recipe)
        for network in ("digits", "digits_rescaled")
        for recipe in ("layerwise", "per_channel", "wes")
    }
    for row in rows:
        assert row["images"] > 0
        assert 0 <= row["agreement"] <= 1
        assert row["overflows"] == 0
        assert row["accumulator_bits"]["seen"] <= row["accumulator_bits"]["proven"] <= 32
    top1 = {(row["network"], row["recipe"]): row["integer"]["top1"] for row in rows}
    assert top1["digits_rescaled", "wes"] > top1["digits_rescaled", "layerwise"]
    assert (folder / "vectors" / "manifest.json").is_file()
