"""What of a network a datapath's fields cannot hold, and what the compiler makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import npusim
from npusim.cli.app import app
from npusim.compiler.legality import NetworkLegality, network_legality
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.demo import bundled, load_images
from npusim.errors import CheckFailed
from npusim.network import load_network
from npusim.steps.mac import MacStep

WES = load_datapath("wes_npu")
IMAGES = load_images("digits_calibration.h5")[0][:32]
NETWORK = load_network(bundled("digits_rescaled.yaml"))


def asked(datapath: Datapath) -> NetworkLegality:
    return network_legality(NETWORK, datapath, "wes", IMAGES)


def test_short_inverse_shifts_are_told_with_what_the_compiler_did() -> None:
    short = change_datapath(WES, {"fields.inverse_shift.bits": 3}, "short")
    report = asked(short)
    assert report.refused is None
    program = npusim.compile(NETWORK, short, recipe="wes", calibration=IMAGES)
    steps = {step.name: step for step in program.steps if isinstance(step, MacStep)}
    assert {one.misfit.key for one in report.adjustments} == {"fields.inverse_shift"}
    for one in report.adjustments:
        held = np.asarray(steps[one.misfit.step].fields["inverse_shift"])
        assert one.instead == f"{held.min()}..{held.max()}"
        assert one.misfit.allowed == "0..7"
        assert one.misfit.sufficient == "fields.inverse_shift: {bits: 4, signed: false, per: channel}"
    assert asked(WES).adjustments == ()  # with what would do, all is held


def test_short_shifts_leave_multipliers_unnormalised() -> None:
    short = change_datapath(WES, {"fields.shift.bits": 4, "fields.inverse_shift.bits": 4}, "short")
    report = asked(short)
    told = {one.misfit.step for one in report.adjustments if one.misfit.key == "fields.shift"}
    assert told
    assert report.refused is not None or told <= set(report.unnormalised)
    for one in report.adjustments:
        if one.misfit.key == "fields.shift":
            assert one.misfit.sufficient == "fields.shift: {bits: 5, signed: false, per: layer}"


def test_narrow_biases_are_told() -> None:
    narrow = change_datapath(WES, {"mac.bias.bits": 16}, "narrow")
    report = asked(narrow)
    told = [one for one in report.adjustments if one.misfit.key == "bias"]
    assert told
    assert all(one.misfit.allowed == "-32768..32767" for one in told)
    bits = max(int(str(one.misfit.sufficient).split(": ")[1]) for one in told)
    enough = asked(change_datapath(WES, {"mac.bias.bits": bits}, "enough"))
    assert not [one for one in enough.adjustments if one.misfit.key == "bias"]


def run(*arguments: object) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(app, ["prove", *map(str, arguments), "--legality"])
    return result.stdout, result.exception


def test_the_command(tmp_path: Path) -> None:
    calibration = bundled("digits_calibration.h5")
    given = bundled("digits_rescaled.yaml"), "--calibration", calibration, "--datapath", "wes_npu_inverse3"
    text, error = run(*given)
    assert error is None
    assert "bits: 4, signed: false, per: channel" in text
    plain = json.loads(run(*given, "--json")[0])
    assert plain["legal"]
    assert plain["misfits"][0]["instead"] == "0..7"
    npusim.compile(NETWORK, "wes_npu", recipe="wes", calibration=IMAGES).save(tmp_path / "p.yaml")
    assert run(tmp_path / "p.yaml") == ("digits_rescaled on wes_npu: fits\n", None)
    text, error = run(tmp_path / "p.yaml", "--datapath", "wes_npu_inverse3")
    assert isinstance(error, CheckFailed)
    assert "fields.inverse_shift" in text
    assert not json.loads(run(tmp_path / "p.yaml", "--datapath", "wes_npu_inverse3", "--json")[0])["legal"]


@pytest.mark.parametrize("missing", ["none.yaml"])
def test_user_mistakes_are_told(missing: str) -> None:
    assert isinstance(run(missing)[1], npusim.InputError)
