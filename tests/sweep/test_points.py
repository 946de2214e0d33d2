"""Which points a sweep has, and what its mistakes are called."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from npusim.demo import bundled
from npusim.errors import InputError
from npusim.network import load_network
from npusim.sweep.load import load_sweep, sweep_names
from npusim.sweep.plan import plan
from npusim.sweep.points import points
from tests.sweep.folders import SWEEP, sweep

ROOT = Path(__file__).parents[2]
ALL = [(bits, rounding) for bits in (14, 16, 32) for rounding in ("floor", "half_up")]


def cells(folder: Path, text: str) -> list[tuple[object, object]]:
    return [(point["bits"], point["rounding"]) for point in points(sweep(folder, text))]


def test_a_grid_is_every_combination_in_order(tmp_path: Path) -> None:
    assert cells(tmp_path, SWEEP) == ALL


def test_conditions_leave_points_out(tmp_path: Path) -> None:
    text = SWEEP + "where: [\"bits > 14 or rounding == 'floor'\", bits != 16]\n"
    assert cells(tmp_path, text) == [(14, "floor"), (32, "floor"), (32, "half_up")]


def test_a_listed_point_ranges_over_what_it_leaves_open(tmp_path: Path) -> None:
    text = SWEEP + "points:\n- {bits: 20, rounding: ceil}\n- {bits: 12}\n- {bits: 12, rounding: floor}\n"
    assert cells(tmp_path, text) == [(20, "ceil"), (12, "floor"), (12, "half_up")]


def test_options_replace_whole_stages_by_name(tmp_path: Path) -> None:
    text = SWEEP[: SWEEP.index("axes:")] + (
        "axes:\n"
        "  stage:\n"
        '    datapath: "pipelines.mac.result[1]"\n'
        "    options:\n"
        "      cut: {stage: shift_right, by: [shift, inverse_shift], rounding: floor}\n"
        "      rounded: {stage: shift_right, by: [shift, inverse_shift], rounding: half_even}\n"
        "  weights:\n"
        "    options:\n"
        "      narrow:\n"
        "        datapath: {weight.bits: 6, weight.low: -31}\n"
        "        recipe: {activation_ranges.method: min_max}\n"
        "      wide: {}\n"
    )
    tasks = [item.task for item in plan(sweep(tmp_path, text)) if item.task is not None]
    roundings = [task.datapath["pipelines"]["mac"]["result"][1]["rounding"] for task in tasks]
    assert roundings == ["floor", "floor", "half_even", "half_even"]
    assert [task.datapath["weight"]["bits"] for task in tasks] == [6, 8, 6, 8]
    methods = [p["method"] for t in tasks for p in t.recipe["passes"] if p["pass"] == "activation_ranges"]
    assert methods == ["min_max", "mse", "min_max", "mse"]
    assert len({task.digest for task in tasks}) == 4


def test_an_illegal_datapath_is_the_reason_of_its_point(tmp_path: Path) -> None:
    text = SWEEP.replace("[14, 16, 32]", "[1, 14]")
    found = plan(sweep(tmp_path, text))
    assert [item.task is None for item in found] == [True, True, False, False]
    assert found[0].reason.startswith("mac.accumulator.bits: ")


@pytest.mark.parametrize(
    ("old", "new", "on", "says"),
    [
        ("mac.accumulator.bits", "mac.acumulator.bits", "bits:", "did you mean 'accumulator'?"),
        ("mac.accumulator.bits", "mac.accumulator.bitz", "bits:", "bitz"),
        ("[14, 16, 32]", "[1, 0]", "bits:", "no point can be computed"),
        ("values: [14, 16, 32]", "value: [12]", "value: [12]", "unknown key"),
        ("values: [14, 16, 32]", "range: {first: 9, last: 3}", "range:", "below first"),
        ("values: [14, 16, 32]", "range: {first: 2, last: 600001}", "axes:", "too many combinations"),
        ("values: [14, 16, 32]", f"range: {{first: 2, last: {10**30}}}", "axes:", "too many combinations"),
        ("values: [14, 16, 32]", "values: [1]\n    range: {first: 1, last: 2}", "bits:", "give one of"),
        ("    datapath: mac.accumulator.bits\n", "", "bits:", "nowhere where its values go"),
        ("  bits:", "  digest:", "digest:", "a meaning of its own"),
        ("[net.yaml]", "[nett.yaml]", "", "file not found"),
        ("[net.yaml]", "[digit]", "networks", "no such network; found 'digit'"),
        ("[x.h5]", '["x.h5[2:9]"]', "", "no such rows"),
        ("set:", "datapaths: [wes_nup]\nset:", "datapaths", "did you mean 'wes_npu'?"),
        ("set:", "recipes: [wse]\nset:", "recipes", "did you mean 'wes'?"),
        ("set:", 'where: ["bit > 3"]\nset:', "where", "did you mean 'bits'?"),
        ("set:", 'where: ["bits > 99"]\nset:', "where", "no point meets the conditions"),
        ("set:", "points: [{bit: 3}]\nset:", "points", "did you mean 'bits'?"),
        ("set:", "points: [{recipe: dfq}]\nset:", "points", "none of the axis's values"),
        ("set:", "pareto: {cost: money}\nset:", "pareto", "allowed: accumulator_bits"),
        (
            "set:",
            "set:\n  recipe: {quantize_weight.rounding: squant}",
            "set",
            "did you mean 'quantize_weights'?",
        ),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path: Path, old: str, new: str, on: str, says: str) -> None:
    text = SWEEP.replace(old, new, 1)
    assert text != SWEEP
    with pytest.raises(InputError) as caught:
        plan(sweep(tmp_path, text))
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value.file)
    if on:
        assert caught.value.key is not None
        assert caught.value.line is not None
        assert on in text.splitlines()[caught.value.line - 1]


def test_data_that_do_not_fit_name_their_own_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="digits_test.h5: the samples do not fit"):
        plan(sweep(tmp_path, SWEEP.replace("[x.h5]", "[digits_test]")))


@pytest.mark.parametrize("name", sweep_names())
def test_sweeps_that_ship_can_be_run(name: str) -> None:
    file = load_sweep(name)
    assert file.document.path is not None
    first = file.document.path.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/sweep.schema.json"
    assert file.sweep.name == name
    planned = plan(file)
    assert [item.reason for item in planned if item.task is None] == []


def test_the_sweeps_that_ship_answer_the_questions() -> None:
    found = {name: points(load_sweep(name)) for name in sweep_names()}
    widths = [(p["bits"], p["overflow"]) for p in found["accumulator_width"]]
    assert widths == [(bits, rule) for bits in range(16, 33) for rule in ("saturate", "wrap")]
    assert {p["bits"] for p in found["inverse_shift_bits"]} == set(range(5))
    assert {"floor", "half_up", "half_even", "toward_zero"} < {p["rounding"] for p in found["rounding"]}
    multipliers = [p["bits"] for p in found["multiplier_width"]]
    assert (min(map(int, multipliers)), max(map(int, multipliers))) == (6, 31)


def test_the_sweep_of_the_documentation_can_be_run(tmp_path: Path) -> None:
    (text,) = re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "sweeps.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "sweep.yaml").write_text(text)
    load_network(bundled("digits.yaml")).save(tmp_path / "my_network.yaml")
    shutil.copy(bundled("digits_test.h5"), tmp_path / "more.h5")
    planned = plan(load_sweep(tmp_path / "sweep.yaml"))
    assert [item.reason for item in planned if item.task is None] == []
    networks, weights, rescale_and_codes, widths_and_recipes = 2, 2, 3, 3 + 5
    assert len(planned) == networks * weights * rescale_and_codes * widths_and_recipes
