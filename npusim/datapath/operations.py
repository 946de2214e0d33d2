"""Which operations have pipelines, and what enters them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from npusim.spec.width import Width


class PipelineRole(StrEnum):
    """Where in an operation a list of stages stands."""

    OPERAND = "operand"
    RESULT = "result"


class Domain(StrEnum):
    """What an operation reads and makes."""

    CODES = "codes"
    """Activation codes."""
    WORDS = "words"
    """Integers of up to 32 bits, whatever they mean: sums, indices, codes of any type."""


class Source(StrEnum):
    """What enters a pipeline's first stage."""

    ACCUMULATOR = "accumulator"
    """The accumulator register's whole range."""
    CODE = "code"
    """An activation code; for an operation on words, a word."""
    SUM = "sum"
    """The exact sum of two operand pipelines."""
    DIFFERENCE = "difference"
    """Their exact difference."""
    PRODUCT = "product"
    """Their exact product."""
    DISTANCE = "distance"
    """How far a code lies below the greatest of its row."""
    OPERAND = "operand"
    """What the operand pipeline makes."""
    ORDERS = "orders"
    """The exact sum of as many operand pipelines as the datapath adds orders."""
    BLEND = "blend"
    """Four codes blended by the weights of their rows and columns, in units of ``2**(-2 * bits)``."""


@dataclass(frozen=True)
class OperationPipeline:
    """The roles of an operation's pipelines, what enters each, and whose pipeline stands in for it.

    Attributes
    ----------
    domain
        What its operands are, and what its last pipeline must end in.
    """

    sources: dict[PipelineRole, Source]
    fallback: str | None = None
    domain: Domain = Domain.CODES


RESIZE_WEIGHT = "resize_weight"
"""The field whose width says how fine the weights of a bilinear resize are: units of ``2**-bits``."""

WORD = Width(32)
"""What operations on words read and make."""

_MAC = {PipelineRole.RESULT: Source.ACCUMULATOR}


def _on_words(source: Source) -> OperationPipeline:
    return OperationPipeline({PipelineRole.RESULT: source}, domain=Domain.WORDS)


PIPELINES: dict[str, OperationPipeline] = {
    "mac": OperationPipeline(_MAC),
    "conv2d": OperationPipeline(_MAC, fallback="mac"),
    "depthwise_conv2d": OperationPipeline(_MAC, fallback="mac"),
    "dense": OperationPipeline(_MAC, fallback="mac"),
    "expansion": OperationPipeline(
        {PipelineRole.OPERAND: Source.ACCUMULATOR, PipelineRole.RESULT: Source.ORDERS}
    ),
    "add": OperationPipeline({PipelineRole.OPERAND: Source.CODE, PipelineRole.RESULT: Source.SUM}),
    "sub": OperationPipeline({PipelineRole.OPERAND: Source.CODE, PipelineRole.RESULT: Source.DIFFERENCE}),
    "mul": OperationPipeline({PipelineRole.OPERAND: Source.CODE, PipelineRole.RESULT: Source.PRODUCT}),
    "matmul": OperationPipeline({PipelineRole.OPERAND: Source.CODE, PipelineRole.RESULT: Source.ACCUMULATOR}),
    "average_pool": OperationPipeline({PipelineRole.RESULT: Source.ACCUMULATOR}),
    "concat": OperationPipeline({PipelineRole.OPERAND: Source.CODE}),
    "minimum": OperationPipeline({PipelineRole.OPERAND: Source.CODE}, fallback="concat"),
    "maximum": OperationPipeline({PipelineRole.OPERAND: Source.CODE}, fallback="concat"),
    "resize": OperationPipeline({PipelineRole.RESULT: Source.BLEND}),
    "l2_normalization": OperationPipeline(
        {PipelineRole.OPERAND: Source.CODE, PipelineRole.RESULT: Source.OPERAND}
    ),
    "softmax": OperationPipeline(
        {PipelineRole.OPERAND: Source.DISTANCE, PipelineRole.RESULT: Source.OPERAND}
    ),
    "table": OperationPipeline({PipelineRole.RESULT: Source.CODE}),
    "add_words": _on_words(Source.SUM),
    "sub_words": _on_words(Source.DIFFERENCE),
    "mul_words": _on_words(Source.PRODUCT),
    "rescale_words": _on_words(Source.CODE),
    "interpolate_words": _on_words(Source.CODE),
}
"""Every operation a datapath may declare pipelines for."""
