"""What counters report for the layers of a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.counters.conventions import CONVENTIONS, Convention, Extra, Operation
from convcalc.gc_pause import gc_paused
from convcalc.problems import ConvcalcError, Fact, Help, Note, Problem, Subject

#: By name, in the order in which they are shown.
BY_NAME: Mapping[str, Convention] = {convention.name: convention for convention in CONVENTIONS}
#: Layers without a rule that an error lists.
_MOST_LISTED = 10


class Counted(NamedTuple):
    """What a counter reports for some operations, and how many of them have no rule.

    The figure is None where none has a rule: it is not known to be 0.
    """

    figure: int | None
    missing: int


class CounterReport:
    """A network as a counter reports it.

    layers     the figure of each operation, in the report's order; None where there is no rule
    total      the sum of those that there are
    uncovered  the operations without a rule
    """

    def __init__(
        self, convention: Convention, report: Report, layers: Sequence[int | None]
    ) -> None:
        self.convention = convention
        self.layers = layers
        self.total = sum([figure for figure in layers if figure])
        self.uncovered: list[LayerReport] = []
        if None in layers:
            pairs = zip(report.layers, layers, strict=True)
            self.uncovered = [layer for layer, figure in pairs if figure is None]
        self._report = report

    @cached_property
    def _by_path(self) -> dict[str, int | None]:
        pairs = zip(self._report.layers, self.layers, strict=True)
        return {layer.node.path: figure for layer, figure in pairs}

    def of(self, members: Sequence[LayerReport]) -> Counted:
        """The sum over some of the operations."""
        figures = [self._by_path[member.node.path] for member in members]
        known = [figure for figure in figures if figure is not None]
        return Counted(sum(known) if known else None, len(figures) - len(known))

    @property
    def ignored(self) -> list[LayerReport]:
        """The operations that compute something and are reported as 0."""
        pairs = zip(self._report.layers, self.layers, strict=True)
        return [layer for layer, figure in pairs if figure == 0 and layer.cost.flops]

    @property
    def partial(self) -> str:
        """How the total must be marked; empty where it is whole."""
        return partial_text(len(self.uncovered))

    def ignored_kinds(self) -> dict[str, int]:
        """The number of ignored operations by kind, the most frequent first."""
        found: dict[str, int] = {}
        for layer in self.ignored:
            found[layer.node.kind] = found.get(layer.node.kind, 0) + 1
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def partial_text(missing: int) -> str:
    """`partial: 3 layers not covered`, or nothing where none is missing."""
    if not missing:
        return ""
    return f"partial: {missing} layer{'s' if missing > 1 else ''} not covered"


@gc_paused()
def counter_reports(
    report: Report, conventions: Iterable[Convention] = CONVENTIONS
) -> list[CounterReport]:
    """What counters report for every operation, for all samples of the report's batch.

    Counters include taps that fall on padding, whatever `valid_taps` is. A batch counts as that
    many samples, but for what is computed once for all.

    >>> import convcalc
    >>> report = convcalc.analyze(convcalc.load("resnet50"))
    >>> [(found.convention.name, found.total) for found in counter_reports(report)][:2]
    [('torch', 8178368512), ('fvcore', 4111512576)]
    """
    operations, places = _distinct(report)
    found = []
    for convention in conventions:
        figures = [convention.figure(operation, report.batch) for operation in operations]
        found.append(CounterReport(convention, report, [figures[place] for place in places]))
    return found


def extra_count(report: Report, extra: Extra) -> int:
    """What is added to a count, for all samples of the batch."""
    operations, places = _distinct(report)
    figures = [extra.figure(operation) for operation in operations]
    return report.batch * sum([figures[place] for place in places])


def _distinct(report: Report) -> tuple[list[Operation], list[int]]:
    """The distinct operations, and for every operation the index of its equal among them.

    Copies of a layer have the same figures, which are computed once.
    """
    # A part's layer belongs to one attention, so that its object is enough.
    known: dict[tuple[int, tuple[tuple[int, ...], ...]], int] = {}
    operations: list[Operation] = []
    places: list[int] = []
    nodes = report.network.nodes
    for layer in report.layers:
        node = layer.node
        shapes = tuple([nodes[index].shape for index in node.inputs])
        place = known.setdefault((id(node.layer), shapes), len(operations))
        if place == len(operations):
            operations.append(Operation(node.layer, shapes, node.shape, node.written))
        places.append(place)
    return operations, places


def require_rules(
    found: Sequence[CounterReport],
    help_text: str = "--partial shows the total of the others, marked so",
) -> None:
    """Raises ConvcalcError, status 1, where a convention has no rule for a layer."""
    missing: dict[str, tuple[LayerReport, list[Convention]]] = {}
    for entry in found:
        for layer in entry.uncovered:
            missing.setdefault(layer.node.path, (layer, []))[1].append(entry.convention)
    if not missing:
        return
    problems = [_no_rule(*pair) for pair in list(missing.values())[:_MOST_LISTED]]
    more = len(missing) - len(problems)
    facts: list[Fact] = [Note(f"and {more} more layers")] if more else []
    facts.append(Help(help_text))
    last = problems[-1]
    problems[-1] = last._replace(facts=(*last.facts, *facts))
    raise ConvcalcError(problems)


def _no_rule(layer: LayerReport, conventions: Sequence[Convention]) -> Problem:
    node = layer.node
    names = ", ".join([convention.name for convention in conventions])
    verb = "have" if len(conventions) > 1 else "has"
    reasons = dict.fromkeys(convention.missing.get(node.kind, "") for convention in conventions)
    return Problem(
        "no-rule",
        f"{names} {verb} no rule for {node.kind}",
        node.span,
        tuple([Note(reason) for reason in reasons if reason]),
        node.calls,
        Subject(layer=node.path),
    )
