"""From a sweep to tasks: datapaths and recipes changed and checked, inputs found by content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from npusim.compiler.recipe import load_recipe
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.changes import apply_changes, parse_path
from npusim.datapath.load import datapath_from
from npusim.errors import InputError
from npusim.files.explain import Location, parse_dotted
from npusim.sweep.inputs import Bundle, Rows, find_network, find_rows
from npusim.sweep.load import SweepFile
from npusim.sweep.model import Change
from npusim.sweep.points import Point, points
from npusim.sweep.recipe_changes import change_recipe
from npusim.sweep.sources import code_digest
from npusim.sweep.tasks import Plain, PointTask


@dataclass(frozen=True)
class Planned:
    """A point with what is to be computed for it, or with the reason why nothing can be.

    Attributes
    ----------
    place
        Where in the file the value stands that is the reason.
    """

    point: Point
    task: PointTask | None
    reason: str = ""
    place: Location = ()


@dataclass(frozen=True)
class _Inputs:
    """What a network's points read."""

    network: Bundle
    data: tuple[Rows, ...]
    calibration: Rows | None
    images: int


def plan(file: SweepFile) -> list[Planned]:
    """Every point of a sweep.

    A datapath or recipe that a point's values make illegal is that point's reason; a mistake that all
    points share is the sweep's own.

    Raises
    ------
    InputError
        Naming file, line and key.
    """
    _check_bases(file)
    inputs = {name: _inputs(file, name, index) for index, name in enumerate(file.sweep.networks)}
    resolved = _Resolver(file)
    found = [_planned(file, point, inputs[str(point["network"])], resolved) for point in points(file)]
    if all(planned.task is None for planned in found):
        raise file.error(InputError(f"no point can be computed: {found[0].reason}"), found[0].place)
    return found


def _planned(file: SweepFile, point: Point, inputs: _Inputs, resolved: _Resolver) -> Planned:
    try:
        datapath, recipe = resolved(point)
    except InputError as error:
        return Planned(point, None, str(error), resolved.place)
    sweep = file.sweep
    task = PointTask(
        network=inputs.network,
        data=inputs.data,
        calibration=inputs.calibration,
        label_offset=sweep.label_offset,
        images=inputs.images,
        step_images=min(sweep.step_images, inputs.images),
        datapath=datapath,
        recipe=recipe,
        code=code_digest(),
    )
    return Planned(point, task)


def _check_bases(file: SweepFile) -> None:
    """Datapaths and recipes as they are named exist and are legal before anything is changed."""
    kinds: list[tuple[str, Sequence[str], Any]] = [
        ("datapaths", file.sweep.datapaths, load_datapath),
        ("recipes", file.sweep.recipes, load_recipe),
    ]
    for key, names, load in kinds:
        for index, name in enumerate(names):
            try:
                load(_source(file, name))
            except InputError as error:
                raise file.error(error, (key, index)) from None


def _source(file: SweepFile, name: str) -> str | Path:
    """A preset's name as it is, a path from the sweep's folder."""
    path = Path(name)
    return file.folder / path if path.suffix or len(path.parts) > 1 else name


def _inputs(file: SweepFile, name: str, index: int) -> _Inputs:
    sweep = file.sweep
    key: Location = ("networks", index)
    try:
        network, bundle = find_network(name, file.folder)
        data = []
        for row, entry in enumerate(sweep.data):
            key = ("data", row)
            data.append(find_rows(entry, file.folder, network))
        key = ("calibration",)
        calibration = (
            None if sweep.calibration is None else find_rows(sweep.calibration, file.folder, network)
        )
    except InputError as error:
        raise file.error(error, key) from None
    count = sum(rows.stop - rows.start for rows in data)
    images = count if sweep.images is None else min(sweep.images, count)
    return _Inputs(bundle, tuple(data), calibration, images)


class _Resolver:
    """Datapath and recipe of points, as plain data."""

    def __init__(self, file: SweepFile) -> None:
        self._file = file
        self.place: Location = ()
        """Where in the file the value stands that is being put in."""
        self._datapath = cache(lambda name: load_datapath(_source(file, name)))
        self._recipe = cache(lambda name: load_recipe(_source(file, name)))

    def __call__(self, point: Point) -> tuple[Plain, Plain]:
        datapath, recipe = self._datapath(point["datapath"]), self._recipe(point["recipe"])
        data = datapath.model_dump(mode="json", exclude_none=True)
        places: dict[str, Location] = {}
        for place, change in self._changes(point):
            self.place = place
            recipe = change_recipe(recipe, change.recipe)
            if change.datapath:
                data = apply_changes(data, {**change.datapath, "name": _name(datapath.name, point)})
                places |= dict.fromkeys(change.datapath, place)
        return (
            self._checked(data, places).model_dump(mode="json", exclude_none=True),
            recipe.model_dump(mode="json", by_alias=True, exclude_none=True),
        )

    def _checked(self, data: Plain, places: Mapping[str, Location]) -> Datapath:
        """The datapath, or the error of the value that is closest to what it complains about."""
        try:
            return datapath_from(data)
        except InputError as error:
            complaint = parse_dotted(error.key or "")
            if places:
                self.place = places[max(places, key=lambda path: _shared(parse_path(path), complaint))]
            raise

    def _changes(self, point: Point) -> Iterator[tuple[Location, Change]]:
        """First what all points replace, then the axes in order."""
        yield ("set",), self._file.sweep.changes
        for name, axis in self._file.sweep.axes.items():
            yield ("axes", name), axis.change(point[name])


def _shared(one: Sequence[str | int], other: Sequence[str | int]) -> int:
    """How many parts two paths begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _name(base: str, point: Point) -> str:
    """The base's name with the values of the axes."""
    words = [str(value) for name, value in point.items() if name not in {"network", "datapath", "recipe"}]
    text = "_".join([base, *words])
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.+-") else "_" for c in text)[:100]
