"""Which units of a datapath vectors can be made of, by name."""

from __future__ import annotations

from difflib import get_close_matches

from npusim.datapath import Datapath
from npusim.datapath.operations import PIPELINES, PipelineRole, Source
from npusim.errors import InputError
from npusim.vectors.units.column import ColumnVectors
from npusim.vectors.units.combine import CombineVectors
from npusim.vectors.units.pipeline import PipelineVectors
from npusim.vectors.units.unit import VectorUnit

COLUMN = "mac.column"
DEFAULT_BEATS = 4
_COMBINED = {Source.SUM, Source.DIFFERENCE, Source.PRODUCT}
_ALIASES = {"rescale": "mac.result", "mac_column": COLUMN, "pool": "average_pool.result"}


def unit_names(datapath: Datapath) -> list[str]:
    """The MAC column, every pipeline that has stages, and every operation on two codes as a whole.

    Examples
    --------
    >>> from npusim.datapath import load_datapath
    >>> unit_names(load_datapath("wes_npu"))[:5]
    ['mac.column', 'mac.result', 'add', 'add.operand', 'add.result']
    """
    names = [COLUMN]
    for operation, pipeline in datapath.pipelines.items():
        roles = [role for role in PIPELINES[operation].sources if pipeline.stages(role)]
        if len(roles) > 1 and PIPELINES[operation].sources[PipelineRole.RESULT] in _COMBINED:
            names.append(operation)
        names += [f"{operation}.{role}" for role in roles]
    return names


def unit_named(datapath: Datapath, name: str, beats: int = DEFAULT_BEATS) -> VectorUnit:
    """A unit by its name, or by an alias: `rescale`, `mac_column`, `pool`, an operation of one pipeline.

    Raises
    ------
    InputError
        If the datapath has no such unit.
    """
    known = unit_names(datapath)
    chosen = _ALIASES.get(name, name)
    if chosen.startswith(f"{COLUMN}_of_") and chosen == f"{COLUMN}_of_{beats}_beats":
        chosen = COLUMN
    own = [found for found in known if found.startswith(f"{chosen}.") and found != COLUMN]
    if chosen not in known and len(own) == 1:
        chosen = own[0]
    if chosen not in known:
        close = get_close_matches(name, [*known, *_ALIASES], n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(
            f"{datapath.name} has no such unit", key="unit", found=name, allowed=hint + ", ".join(known)
        )
    if chosen == COLUMN:
        return ColumnVectors(datapath, beats)
    operation, _, role = chosen.partition(".")
    return (
        PipelineVectors(datapath, operation, PipelineRole(role))
        if role
        else CombineVectors(datapath, operation)
    )
