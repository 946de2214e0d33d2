"""What a report knows: gathered once, then only shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from npusim.analysis.proof import ProofReport, StepProof
from npusim.evaluate import Evaluation
from npusim.network import Network
from npusim.program import Program
from npusim.report.histograms import Histogram
from npusim.report.sweeps import SweepResults
from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.statistics import StepStatistics
from npusim.steps.mac_array import MacArrayStep


@dataclass(frozen=True)
class FileFact:
    """A file that the report was made from: its role, its name without folders, its digest."""

    role: str
    name: str
    sha256: str


@dataclass(frozen=True)
class EventFact:
    """How often one event happened at one stage of a step, and where first (image, ..., channel)."""

    stage: str
    event: str
    count: int
    first: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StepFacts:
    """One step of a program, and what was proven and seen of it.

    Attributes
    ----------
    operation
        ``conv2d``, ``dense``, or the step's kind.
    sqnr
        Of its output in dB, everything before it integer too; None if not measured.
    alone
        The same with every step before it in float.
    """

    index: int
    name: str
    operation: str
    shape: tuple[int, ...]
    macs: int
    proof: StepProof | None
    statistics: StepStatistics | None
    sqnr: float | None
    alone: float | None

    @property
    def available_bits(self) -> int | None:
        """The declared accumulator's width; None without one."""
        return None if self.proof is None else self.proof.register.bits

    @property
    def proven_bits(self) -> int | None:
        """The least width that cannot overflow on codes that can arrive."""
        return None if self.proof is None else self.proof.reachable_bits

    @property
    def proven(self) -> Interval | None:
        """The accumulators that can occur, prefixes included where these count."""
        return None if self.proof is None else self.proof.reachable.hull(self.proof.moment)

    @property
    def seen(self) -> Interval | None:
        """The accumulators that did occur."""
        record = None if self.statistics is None else self.statistics.accumulator
        return None if record is None else Interval(record.lowest, record.highest)

    @property
    def overflows(self) -> int | None:
        """Accumulators that overflowed; None if nothing was run."""
        return None if self.statistics is None or self.seen is None else self.statistics.overflows

    @property
    def outputs(self) -> int:
        """Values it made, over all images."""
        return 0 if self.statistics is None else self.statistics.images * prod(self.shape)

    def count(self, *events: Event) -> int | None:
        """How often any of these happened; None if nothing was run."""
        return None if self.statistics is None else self.statistics.count(*events)

    @property
    def activation_clips(self) -> int | None:
        """Clips at a bound that an activation function set."""
        return self.count(Event.ACTIVATION)

    @property
    def saturation_clips(self) -> int | None:
        """Clips at the end of a code range or register."""
        return self.count(Event.SATURATED_LOW, Event.SATURATED_HIGH)

    @property
    def events(self) -> Iterator[EventFact]:
        """Everything counted, accumulator first."""
        found = self.statistics
        if found is None:
            return
        record = found.accumulator
        if record is not None and record.first_overflow is not None:
            yield EventFact("accumulator", "overflow", found.overflows, found.locate(record.first_overflow))
        for stage, events in found.events.items():
            for event, counted in events.items():
                yield EventFact(stage, event, counted.count, found.locate(counted.first))


@dataclass(frozen=True, eq=False)
class Subject:
    """A program and what is known of it.

    Attributes
    ----------
    label
        What it is called in the report.
    statistics
        By step; empty where nothing was run.
    evaluation
        Against the float network; None without network or data.
    """

    label: str
    program: Program
    proof: ProofReport
    statistics: Mapping[str, StepStatistics] = field(default_factory=dict)
    evaluation: Evaluation | None = None

    @property
    def weight_bytes(self) -> int:
        """Of all weights, at the datapath's width."""
        bits = self.program.datapath.weight.bits
        return (
            sum(step.weights.size * bits for step in self.program.steps if isinstance(step, MacArrayStep))
            // 8
        )

    @property
    def output_sqnr(self) -> float | None:
        """Of the first output in dB."""
        outputs = {} if self.evaluation is None else self.evaluation.outputs
        return next(iter(outputs.values()), None)

    @property
    def steps(self) -> tuple[StepFacts, ...]:
        """Every step, in execution order."""
        proofs = {proof.step: proof for proof in self.proof.steps}
        qualities = {} if self.evaluation is None else {found.name: found for found in self.evaluation.steps}
        facts = []
        for index, step in enumerate(self.program.ordered_steps):
            output = self.program.tensors[step.output]
            quality = qualities.get(step.name)
            facts.append(
                StepFacts(
                    index=index + 1,
                    name=step.name,
                    operation=step.operation.value if isinstance(step, MacArrayStep) else step.kind,
                    shape=output.shape,
                    macs=step.macs(self.program.input_types(step), output),
                    proof=proofs.get(step.name),
                    statistics=self.statistics.get(step.name),
                    sqnr=None if quality is None else quality.sqnr_db,
                    alone=None if quality is None else quality.alone_sqnr_db,
                )
            )
        return tuple(facts)


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that one page shows.

    Attributes
    ----------
    images
        How many were run; 0 without data.
    histograms, histogram_images
        Of the accumulators, by step, and over how many images.
    compared
        Other programs of the same network.
    names
        By index, what people call the images that are answered differently.
    """

    subject: Subject
    network: Network | None = None
    images: int = 0
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    histogram_images: int = 0
    compared: tuple[Subject, ...] = ()
    sweeps: tuple[SweepResults, ...] = ()
    files: tuple[FileFact, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
