"""The same result for any threads, batch, cache and interruption; bounded memory; steps alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.errors import InputError
from npusim.evaluate import ArraySamples, FileSamples, Options, evaluate, evaluate_samples
from npusim.evaluation import floats
from npusim.evaluation.judge import Judge
from npusim.evaluation.parts import Parts
from npusim.evaluation.samples import Batch
from npusim.files.data import save_data
from npusim.files.documents import document_digest
from npusim.network import NetworkInput
from npusim.spec.quantize import quantize
from npusim.spec.width import Width
from npusim.task import Task, TaskKind
from tests.compiler.networks import images, residual, state

NETWORK = residual()
PROGRAM = npusim.compile(NETWORK, "wes_npu", "wes", images())
RAW = images(150, seed=3)
LABELS = np.arange(150) % 5
SAMPLES = ArraySamples(RAW, LABELS)
WHOLE = evaluate_samples(NETWORK, PROGRAM, SAMPLES, Options(threads=1)).to_json()


def test_top1_agreement_and_sqnr_by_their_definitions() -> None:
    integer = npusim.simulate(PROGRAM, RAW).dequantized["head"]
    real = np.concatenate([reference.run(NETWORK, RAW[i : i + 64])["head"] for i in (0, 64, 128)])
    choices = real.argmax(axis=1), integer.argmax(axis=1)
    assert WHOLE["images"] == 150
    assert WHOLE["task"] == "classification"
    assert WHOLE["float"]["top1"] == np.mean(choices[0] == LABELS)
    assert WHOLE["integer"]["top1"] == np.mean(choices[1] == LABELS)
    assert WHOLE["agreement"] == np.mean(choices[0] == choices[1])
    assert [found["index"] for found in WHOLE["disagreements"]] == np.flatnonzero(
        choices[0] != choices[1]
    ).tolist()
    exact = real.astype(np.float64)
    sqnr = 10 * np.log10(np.sum(exact**2) / np.sum((integer - exact) ** 2))
    assert WHOLE["outputs"] == [{"name": "head", "sqnr_db": pytest.approx(sqnr)}]


@pytest.mark.parametrize("options", [Options(threads=3), Options(batch=7, threads=2)])
def test_threads_and_batches_change_nothing(options: Options) -> None:
    assert evaluate_samples(NETWORK, PROGRAM, SAMPLES, options).to_json() == WHOLE


def test_integers_alone_are_the_same_integers() -> None:
    for batch in (1, 7, 150):
        found = evaluate_samples(None, PROGRAM, SAMPLES, Options(batch=batch)).to_json()
        assert found["integer"] == WHOLE["integer"]
        assert (found["agreement"], found["steps"], found["outputs"]) == (None, [], [])


def test_data_in_memory_is_judged_alike() -> None:
    found = evaluate(NETWORK, PROGRAM, [(RAW, LABELS)], threads=1)
    whole = evaluate_samples(NETWORK, PROGRAM, SAMPLES, Options(steps=150))
    assert found.to_json() == whole.to_json()
    assert found.statistics["conv"].images == 150


class Spied:
    """Samples that remember how many were asked for at once."""

    row_shape = RAW.shape[1:]

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(RAW)

    def read(self, start: int, stop: int) -> Batch:
        self.asked.append(stop - start)
        return SAMPLES.read(start, stop)

    def name(self, index: int) -> str | None:
        return None


def test_memory_is_bounded() -> None:
    for network, options in ((NETWORK, Options()), (None, Options(batch=16))):
        spied = Spied()
        evaluate_samples(network, PROGRAM, spied, options)
        assert sum(spied.asked) == len(RAW)
        assert max(spied.asked) <= 64


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many samples each computed piece had."""
    seen: list[int] = []
    original = Judge.look

    def look(self: Judge, raw: Any, *rest: Any) -> Any:
        seen.append(len(raw))
        return original(self, raw, *rest)

    monkeypatch.setattr(Judge, "look", look)
    return seen


def test_an_interrupted_run_goes_on(tmp_path: Path, looks: list[int]) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done >= 100:
            raise Stopped

    options = Options(folder=tmp_path)
    with pytest.raises(Stopped):
        evaluate_samples(NETWORK, PROGRAM, SAMPLES, options, stop)
    assert looks == [64, 64]
    looks.clear()
    assert evaluate_samples(NETWORK, PROGRAM, SAMPLES, options).to_json() == WHOLE
    assert looks == [22]
    looks.clear()
    assert evaluate_samples(NETWORK, PROGRAM, SAMPLES, options).to_json() == WHOLE
    assert looks == []


def test_pieces_are_told_from_others(tmp_path: Path, looks: list[int]) -> None:
    """Another program, other labels, other pixels, another task: all is computed anew."""
    options = Options(folder=tmp_path, limit=64)
    evaluate_samples(NETWORK, PROGRAM, SAMPLES, options)
    other = npusim.compile(NETWORK, "wes_npu", "layerwise", images())
    raw = RAW.copy()
    raw[5, 0, 0, 0] ^= 1
    changed = [
        (other, SAMPLES, options),
        (PROGRAM, ArraySamples(RAW, LABELS[::-1].copy()), options),
        (PROGRAM, ArraySamples(raw, LABELS), options),
        (PROGRAM, SAMPLES, replace(options, task=Task(kind=TaskKind.EMBEDDING))),
        (PROGRAM, SAMPLES, replace(options, label_offset=-1)),
        (PROGRAM, SAMPLES, replace(options, steps=0)),
    ]
    for program, samples, chosen in changed:
        looks.clear()
        evaluate_samples(NETWORK, program, samples, chosen)
        assert looks == [64]


def test_a_damaged_piece_is_computed_again(tmp_path: Path, looks: list[int]) -> None:
    options = Options(folder=tmp_path)
    evaluate_samples(NETWORK, PROGRAM, SAMPLES, options)
    for index, path in enumerate(sorted((tmp_path / "parts").glob("*.npz"))):
        path.write_bytes([b"", b"PK\3\4", path.read_bytes()[:-30]][index])
    looks.clear()
    assert evaluate_samples(NETWORK, PROGRAM, SAMPLES, options).to_json() == WHOLE
    assert sorted(looks) == [22, 64, 64]


def test_float_runs_once_for_two_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = npusim.compile(NETWORK, "wes_npu", "layerwise", images())
    fresh = evaluate_samples(NETWORK, other, SAMPLES, Options(steps=0)).to_json()
    options = Options(cache=tmp_path, steps=0)
    evaluate_samples(NETWORK, PROGRAM, SAMPLES, options)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the float network ran again")

    monkeypatch.setattr(floats.reference, "run", refuse)
    assert evaluate_samples(NETWORK, other, SAMPLES, options).to_json() == fresh
    changed = NETWORK.replace(preprocess={"mean": (1.0,), "std": (2.0,)})
    with pytest.raises(AssertionError, match="ran again"):
        evaluate_samples(changed, PROGRAM, SAMPLES, options)


def test_a_step_alone_is_the_step_fed_by_floats_codes() -> None:
    """Every step cut out as a program of its own, fed by exactly quantized values of the float network."""
    few = RAW[:3]
    seen: dict[str, Any] = {}
    reference.run(NETWORK, few, observe=seen.__setitem__)
    found = evaluate_samples(NETWORK, PROGRAM, ArraySamples(few), Options()).steps
    assert [quality.name for quality in found] == [step.name for step in PROGRAM.steps]
    for step, quality in zip(PROGRAM.steps, found, strict=True):
        codes = {name: few_codes(name, few, seen) for name in step.inputs}
        tensors = {name: PROGRAM.tensors[name] for name in (*step.inputs, step.output)}
        alone = PROGRAM.replace(
            input_names=tuple(dict.fromkeys(step.inputs)),
            output_names=(step.output,),
            steps=(step,),
            tensors=tensors,
            real=PROGRAM.real.replace(
                tensors={name: PROGRAM.real.tensors[name] for name in tensors},
                accumulators={},
                byte_tables={},
            ),
        )
        made = npusim.simulate(alone, codes).dequantized[step.output]
        exact = seen[step.output].astype(np.float64)
        wanted = 10 * np.log10(np.sum(exact**2) / np.sum((made - exact) ** 2))
        assert quality.alone_sqnr_db == pytest.approx(wanted)
    assert found[0].alone_sqnr_db == found[0].sqnr_db  # nothing comes before the first step
    assert found[-1].alone_sqnr_db > found[-1].sqnr_db


def few_codes(name: str, raw: Any, seen: dict[str, Any]) -> Any:
    """A tensor's codes, exactly: of bytes by the program's table, of other values by A9."""
    real, kind = PROGRAM.real.tensors[name], PROGRAM.tensors[name]
    if name == "x":
        return PROGRAM.real.byte_tables[name][0, raw].astype(kind.dtype)
    width, scale = Width(kind.bits, kind.signed), Fraction(real.scale)
    flat = [quantize(Fraction(float(v)), scale, real.zero_point, width) for v in seen[name].reshape(-1)]
    return np.array(flat, kind.dtype).reshape(seen[name].shape)


def test_samples_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="do not fit the network's input"):
        evaluate_samples(NETWORK, PROGRAM, ArraySamples(images(2, (5, 6, 3))), Options())
    with pytest.raises(InputError, match="no samples"):
        evaluate(NETWORK, PROGRAM, [])


def test_several_files_are_one_set(tmp_path: Path) -> None:
    save_data(tmp_path / "a.h5", {"images": RAW[:70], "labels": LABELS[:70]})
    save_data(tmp_path / "b.npz", {"images": RAW[70:], "labels": LABELS[70:]})
    with FileSamples([tmp_path / "a.h5", tmp_path / "b.npz"]) as samples:
        found = evaluate_samples(NETWORK, PROGRAM, samples, Options()).to_json()
        assert samples.name(69) == "a.h5[69]"
        assert samples.name(70) == "b.npz[0]"
    for row in found["disagreements"]:
        row["name"] = None
    assert found == WHOLE
    save_data(tmp_path / "c.h5", {"images": RAW[:2]})
    with pytest.raises(InputError, match="some data files have labels"):
        FileSamples([tmp_path / "a.h5", tmp_path / "c.h5"])
    save_data(tmp_path / "d.h5", {"images": images(2, (5, 6, 3)), "labels": LABELS[:2]})
    with pytest.raises(InputError, match="holds other samples than a.h5"):
        FileSamples([tmp_path / "a.h5", tmp_path / "d.h5"])


def test_the_networks_task_decides() -> None:
    told = NETWORK.replace(task={"kind": "classification", "label_offset": -1})
    found = evaluate_samples(told, PROGRAM, ArraySamples(RAW, LABELS + 1), Options()).to_json()
    assert found["float"] == WHOLE["float"]
    embedded = NETWORK.replace(task={"kind": "embedding"})
    assert "cosine" in evaluate_samples(embedded, PROGRAM, SAMPLES, Options()).measures


def test_a_task_changes_no_program() -> None:
    told = NETWORK.replace(task={"kind": "embedding"})
    assert npusim.compile(told, "wes_npu", "wes", images()) == PROGRAM
    assert state(told).network.task is not None


def test_document_digests_see_every_array() -> None:
    conv, *rest = NETWORK.layers
    weights = conv.weights.copy()
    weights[0, 0, 0, 0] += 1
    assert document_digest(NETWORK) == document_digest(residual())
    assert document_digest(NETWORK.replace(layers=(conv.replace(weights=weights), *rest))) != document_digest(
        NETWORK
    )


def test_spectrograms_are_cut_into_windows() -> None:
    """Five frames side by side, one window for each start (MLPerf Tiny's anomaly detection)."""
    from npusim.layers.dense import Dense
    from npusim.network import Network

    random = np.random.default_rng(0)
    frames = random.normal(size=(6, 9, 4)).astype(np.float32)
    layer = Dense(name="y", inputs=("x",), weights=random.normal(size=(20, 20)))
    inputs = (NetworkInput(name="x", shape=(20,)),)
    network = Network(name="auto", inputs=inputs, layers=(layer,), outputs=("y",))
    windows = np.array([[np.concatenate(spectrum[s : s + 5]) for s in range(5)] for spectrum in frames])
    program = npusim.compile(network, "wes_npu", "wes", windows.reshape(-1, 20))
    labels = np.array([0, 1, 0, 1, 1, 0])
    found = evaluate_samples(network, program, ArraySamples(frames, labels), Options()).to_json()
    made = npusim.simulate(program, windows.reshape(-1, 20).astype(np.float64)).dequantized["y"]
    errors = ((made.reshape(6, -1) - windows.reshape(6, -1)) ** 2).mean(axis=1)
    assert (found["task"], found["images"]) == ("reconstruction", 6)
    assert found["integer"]["error"] == pytest.approx(errors.mean())
    pairs = [(errors[p] > errors[n]) for p in (1, 3, 4) for n in (0, 2, 5)]
    assert found["integer"]["auc"] == pytest.approx(np.mean(pairs))


def test_the_code_digest_sees_what_answers_are_made_of() -> None:
    """Every room that the simulator and the float reference import is hashed, and read."""
    import npusim.evaluation.parts as parts

    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, npusim.evaluation.judge; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("npusim.") and name.count(".") > 1}
    assert rooms <= set(parts._ROOMS)
    assert all(list((Path(npusim.__file__).parent / room).rglob("*.py")) for room in parts._ROOMS)


def test_a_cache_that_cannot_be_written_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def full(self: Parts, key: str, records: Any) -> None:
        tried.append(key)
        raise InputError("cannot be written: No space left on device")

    monkeypatch.setattr(Parts, "save", full)
    assert evaluate_samples(NETWORK, PROGRAM, SAMPLES, Options(cache=tmp_path)).to_json() == WHOLE
    assert len(tried) == 1
