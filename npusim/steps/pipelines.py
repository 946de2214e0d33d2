"""From a datapath's stages and a step's fields to what kernels run and probes count."""

from __future__ import annotations

from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.stages import BaseStage


def require_pipeline(datapath: Datapath, operation: str, role: PipelineRole) -> tuple[BaseStage, ...]:
    """An operation's list of stages.

    Raises
    ------
    InputError
        If the datapath has no such operation.
    """
    pipeline = datapath.pipeline(operation)
    stages = None if pipeline is None else pipeline.stages(role)
    if stages is None:
        raise InputError(
            f"the datapath {datapath.name} has no {operation} pipeline",
            allowed=", ".join(datapath.pipelines),
        )
    return stages


def stage_points(stages: tuple[BaseStage, ...], prefix: str = "") -> tuple[str, ...]:
    """The tap and event name of every stage of a pipeline, such as ``1.shift_right``."""
    return tuple(f"{prefix}{index}.{stage.stage}" for index, stage in enumerate(stages))


def operand_prefix(index: int) -> str:
    """What stands before the points of an input's operand pipeline."""
    return f"operand_{index}."
