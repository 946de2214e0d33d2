"""One error for one mistake: the right line, key, found and allowed."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from npusim.errors import InputError
from npusim.files.yaml_file import parse_yaml, validate


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rule(Enum):
    FLOOR = "floor"
    HALF_UP = "half_up"


class Conv(Strict):
    kind: Literal["conv2d"]
    stride: int = Field(default=1, ge=1)
    conv2d: int = 0
    rule: Rule = Rule.FLOOR

    @field_validator("stride")
    @classmethod
    def _even(cls, stride: int) -> int:
        if stride == 13:
            raise ValueError("stride must not be 13")
        return stride


class Pool(Strict):
    kind: Literal["pool"]
    size: tuple[int, int]
    scale: float = 1.0


class Net(Strict):
    name: str
    bias: int | list[int] = 0
    limits: dict[str, Pool] = {}
    layers: list[Annotated[Conv | Pool, Field(discriminator="kind")]]

    @model_validator(mode="after")
    def _named(self) -> Net:
        if self.name == "bad":
            raise InputError("layers do not meet", key="layers[1].size", found="x")
        if self.name == "keyless":
            raise InputError("nothing fits")
        return self


GOOD = """\
name: net
layers:
- kind: conv2d
  stride: 8
  rule: half_up
- kind: pool
  size: [2, 3]
  scale: 2
"""


def mistake(old: str, new: str) -> InputError:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        validate(parse_yaml(GOOD.replace(old, new), "net.yaml"), Net)
    assert caught.value.file == "net.yaml"
    return caught.value


def test_good_document() -> None:
    net = validate(parse_yaml(GOOD), Net)
    assert net.layers == [
        Conv(kind="conv2d", stride=8, rule=Rule.HALF_UP),
        Pool(kind="pool", size=(2, 3), scale=2.0),
    ]


@pytest.mark.parametrize("value", ["8.0", '"8"', "true", "~", "[8]", "8.5", "eight"])
def test_only_8_is_8(value: str) -> None:
    error = mistake("stride: 8", f"stride: {value}")
    assert (error.line, error.key) == (4, "layers[0].stride")


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ("stride: 8", "strde: 8", 4, "layers[0].strde", "did you mean 'stride'"),
        ("name: net", "nme: net", 1, "nme", "did you mean 'name'"),
        ("stride: 8", "stride: 0", 4, "layers[0].stride", "greater than or equal to 1"),
        ("stride: 8", "stride: 13", 4, "layers[0].stride", "must not be 13"),
        ("stride: 8", "conv2d: x", 4, "layers[0].conv2d", "valid integer"),
        ("rule: half_up", "rule: half_upp", 5, "layers[0].rule", "did you mean 'half_up'"),
        ("kind: pool", "kind: poll", 6, "layers[1].kind", "did you mean 'pool'"),
        ("kind: pool", "kind: 3", 6, "layers[1].kind", "conv2d, pool"),
        (
            "- kind: pool\n  size",
            "- size",
            6,
            "layers[1].kind",
            "required key is missing; allowed: conv2d, pool",
        ),
        ("  size: [2, 3]\n", "", 6, "layers[1].size", "required key is missing"),
        ("[2, 3]", "[2]", 7, "layers[1].size[1]", "required item is missing"),
        ("[2, 3]", "[2, 3.0]", 7, "layers[1].size[1]", "valid integer"),
        ("[2, 3]", "[2,\n    x]", 8, "layers[1].size[1]", "found 'x'"),
        ("name: net", "name: net\nbias: [1, x]", 2, "bias[1]", "valid integer"),
        ("name: net", "limits:\n  low: {kind: pool, size: [1, 1], sale: 1}", 2, "limits.low.sale", "'scale'"),
        ("name: net", "name: bad", 7, "layers[1].size", "layers do not meet; found 'x'"),
        ("name: net", "name: keyless", None, None, "nothing fits"),
        (GOOD, "[1, 2]", 1, None, "wrong value"),
        (GOOD, "text", 1, None, "wrong value"),
    ],
)
def test_mistakes(old: str, new: str, line: int | None, key: str | None, words: str) -> None:
    error = mistake(old, new)
    assert words in str(error)
    assert (error.line, error.key) == (line, key)


def test_number_of_further_problems_is_told() -> None:
    assert "(and 2 further problems)" in str(
        mistake(GOOD, "name: net\nlayers:\n- {kind: conv2d, stride: x, conv2d: y, rule: z}\n")
    )


def test_context_reaches_validators() -> None:
    class Seen(Strict):
        value: int

        @field_validator("value")
        @classmethod
        def _look(cls, value: int, info: object) -> int:
            return value + info.context["more"]  # type: ignore[attr-defined, no-any-return]

    assert validate(parse_yaml("value: 1"), Seen, {"more": 2}).value == 3
