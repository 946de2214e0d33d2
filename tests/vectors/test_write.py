from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import npusim
from npusim.errors import InputError
from npusim.files.atomic import LOCK_NAME
from npusim.steps.base import Executor
from npusim.steps.mac import MacOperation
from npusim.vectors import Manifest, VectorFormat, read_manifest, verify, write_vectors
from tests.vectors import reader
from tests.vectors.programs import WES, codes, mac, one_mac, small_network

PROGRAM = small_network()


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_NAME]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_set_holds_what_the_simulator_makes(tmp_path: Path) -> None:
    x = codes(3, PROGRAM)
    write_vectors(PROGRAM, x, tmp_path, images=2)
    names = [step.name for step in PROGRAM.ordered_steps]
    result = npusim.simulate(PROGRAM, x[:2], taps=names)
    network = reader.network(tmp_path)
    assert network["inputs"].codes == x[:2].ravel().tolist()
    assert network["expected_outputs"].codes == result.outputs["e"].ravel().tolist()
    for step in PROGRAM.ordered_steps:
        _, files = reader.step(tmp_path, step.name)
        assert files["expected_outputs"].codes == result.taps[step.name]["output"].ravel().tolist()
        if step.kind == "mac":
            accumulators = result.taps[step.name]["accumulator"]
            assert files["expected_accumulators"].codes == accumulators.ravel().tolist()


def test_other_steps_show_inputs_registers_and_arrays(tmp_path: Path) -> None:
    x = codes(1, PROGRAM)
    write_vectors(PROGRAM, x, tmp_path)
    taps = npusim.simulate(PROGRAM, x, taps=["block/conv", "block/dw", "add"]).taps
    entry, files = reader.step(tmp_path, "add")
    assert entry["folder"] == "2_add"
    assert files["input_0"].codes == taps["block/conv"]["output"].ravel().tolist()
    assert files["input_1"].codes == taps["block/dw"]["output"].ravel().tolist()
    assert files["operand_fields_0_multiplier"].codes == [700]
    assert files["operand_fields_1_multiplier"].codes == [500]
    assert files["operand_fields_1_multiplier"].entry["bits"] == 16
    assert files["field_y_zero"].codes == [-5]
    entry, files = reader.step(tmp_path, "pool")
    assert entry["attributes"]["kernel"] == [6, 5]
    assert entry["attributes"]["x_zero"] == -5
    assert "multipliers" not in entry["attributes"]
    assert files["field_multiplier"].codes == [35000] * 4
    assert files["in_image"].codes == [1] * 30
    axes = [axis["axis"] for axis in files["windows"].entry["order"]]
    assert axes == ["image", "pixel", "channel", "position"]
    assert files["windows"].codes == taps["add"]["output"].reshape(30, 4).T.ravel().tolist()
    assert [axis["axis"] for axis in files["expected_outputs"].entry["order"]] == ["image", "feature"]


def test_the_manifest_tells_the_whole_story(tmp_path: Path) -> None:
    made = write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path)
    assert read_manifest(tmp_path / "manifest.json") == made
    assert made.npusim_version == npusim.__version__
    assert made.datapath == PROGRAM.datapath
    assert [step.name for step in made.steps] == [step.name for step in PROGRAM.ordered_steps]
    assert made.steps[0].folder == "0_block_conv"
    found = contents(tmp_path)
    assert set(found) == {*made.paths, "manifest.json"}
    for file in made.files:
        assert file.sha256 == sha256(found[file.path]).hexdigest()
    assert made.program.sha256 == sha256(found["program.yaml"]).hexdigest()
    again = npusim.load_program(tmp_path / "program.yaml")
    x = codes(2, PROGRAM)
    assert (npusim.simulate(again, x).outputs["e"] == npusim.simulate(PROGRAM, x).outputs["e"]).all()


def test_the_manifest_has_a_json_schema() -> None:
    schema = Manifest.model_json_schema()
    assert schema["properties"]["format"]["const"] == "npusim-vectors-1"
    assert "description" in schema["$defs"]["VectorFile"]["properties"]["word_bits"]


@pytest.mark.parametrize("kind", VectorFormat)
def test_same_program_same_bytes(tmp_path: Path, kind: VectorFormat) -> None:
    x = codes(2, PROGRAM)
    write_vectors(PROGRAM, x, tmp_path / "a", images=2, format=kind)
    again = npusim.load_program(tmp_path / "a" / "program.yaml")
    write_vectors(again, x, tmp_path / "b", images=2, format=kind)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_npy_files_hold_the_same_words(tmp_path: Path) -> None:
    x = codes(2, PROGRAM)
    write_vectors(PROGRAM, x, tmp_path / "hex", images=2)
    made = write_vectors(PROGRAM, x, tmp_path / "npy", images=2, format=VectorFormat.NPY)
    verify(tmp_path / "npy")
    for step in made.steps:
        _, files = reader.step(tmp_path / "hex", step.name)
        for file in step.files:
            array = np.load(tmp_path / "npy" / file.path)
            assert array.reshape(file.words, file.lanes).tolist() == files[file.name].words
            assert array.ndim == (2 if file.role in {"activations", "weights"} else 1)
    array = np.load(tmp_path / "npy" / "0_block_conv" / "activations.npy")
    assert (array.dtype, array.shape) == (np.int8, (2 * 6 * 5 * 9, 16))


def test_some_steps(tmp_path: Path) -> None:
    made = write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path, steps=["fc"])
    assert [step.folder for step in made.steps] == ["4_fc"]
    assert (tmp_path / "network" / "expected_outputs.hex").is_file()
    assert not (tmp_path / "0_block_conv").exists()
    verify(tmp_path)


def test_progress_counts_steps_of_images(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_vectors(
        PROGRAM,
        codes(2, PROGRAM),
        tmp_path,
        images=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(done, 10) for done in range(1, 11)]


def test_an_earlier_set_is_replaced(tmp_path: Path) -> None:
    x = codes(2, PROGRAM)
    write_vectors(PROGRAM, x, tmp_path / "a", images=2)
    (tmp_path / "a" / "bench.sv").write_text("module bench; endmodule\n")
    write_vectors(PROGRAM, x, tmp_path / "a", steps=["fc"], format=VectorFormat.NPY)
    write_vectors(PROGRAM, x, tmp_path / "b", steps=["fc"], format=VectorFormat.NPY)
    found = contents(tmp_path / "a")
    assert found.pop("bench.sv")
    assert found == contents(tmp_path / "b")
    assert not (tmp_path / "a" / "0_block_conv").exists()


def test_a_program_without_arrays_of_its_own_leaves_none_behind(tmp_path: Path) -> None:
    """Its weights stand in an HDF5 file; those of the set before must not."""
    write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path)
    assert (tmp_path / "program.h5").is_file()
    pool = PROGRAM.steps[3]
    program = PROGRAM.replace(input_names=("c",), output_names=("d",), steps=(pool,))
    made = write_vectors(program, codes(1, program), tmp_path)
    assert made.program.arrays is None
    assert not (tmp_path / "program.h5").exists()
    verify(tmp_path)


def test_a_failure_leaves_the_earlier_set_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path)
    before = contents(tmp_path)
    pool = type(PROGRAM.steps[3])

    def fail(*_: object) -> Executor:
        raise RuntimeError("no memory")

    monkeypatch.setattr(pool, "prepare", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        write_vectors(PROGRAM, codes(2, PROGRAM), tmp_path, images=2)
    assert contents(tmp_path) == before


def test_a_failure_leaves_nothing_in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(done: int, total: int) -> None:
        if done == 3:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path / "new", progress=fail)
    assert [path.name for path in (tmp_path / "new").rglob("*") if path.name != LOCK_NAME] == []


def test_a_foreign_manifest_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "a web page"}))
    with pytest.raises(InputError, match="no vector set"):
        write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path)
    assert contents(tmp_path) == {"manifest.json": b'{"name": "a web page"}'}


def test_too_large_a_set_says_what_to_pass(tmp_path: Path) -> None:
    step = mac("conv", "x", "y", MacOperation.CONV2D, (2, 3, 3, 3))
    program = one_mac(step, WES, (20, 20, 3))
    with pytest.raises(InputError, match=r"0_conv/activations\.hex.*sample_pixels") as caught:
        write_vectors(program, codes(1, program), tmp_path, max_bytes=50_000)
    assert caught.value.found > 9 * 400 * 33  # type: ignore[operator]
    made = write_vectors(program, codes(1, program), tmp_path, max_bytes=50_000, sample_pixels=20)
    assert sum((tmp_path / file.path).stat().st_size for file in made.files) < 50_000


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"steps": ["block/con"]}, "did you mean 'block/conv'"),
        ({"images": 0}, "1 or more"),
        ({"images": 2}, "up to 1"),
        ({"sample_pixels": 0}, "sample_pixels"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        write_vectors(PROGRAM, codes(1, PROGRAM), tmp_path / "set", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "set").exists()
