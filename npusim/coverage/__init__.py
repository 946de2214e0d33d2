"""Coverage: which arithmetic situations of a datapath a set of vectors shows, and which nothing can show.

Bins are derived from a datapath's stages. Vectors for them are solved for and confirmed by the spec; what
cannot be hit has a certificate that `checker` re-checks. Vectors from anywhere can be graded.
"""

from __future__ import annotations

from npusim.coverage.column_bins import column_bins
from npusim.coverage.column_cover import ColumnCover, cover_column, grade_column
from npusim.coverage.column_unit import ColumnUnit, ColumnVector
from npusim.coverage.cover import Cover, cover, grade
from npusim.coverage.report import Outcome, Report, Status
from npusim.coverage.stage_bins import pipeline_bins
from npusim.coverage.unit import PipelineUnit, PipelineVector

__all__ = [
    "ColumnCover",
    "ColumnUnit",
    "ColumnVector",
    "Cover",
    "Outcome",
    "PipelineUnit",
    "PipelineVector",
    "Report",
    "Status",
    "column_bins",
    "cover",
    "cover_column",
    "grade",
    "grade_column",
    "pipeline_bins",
]
