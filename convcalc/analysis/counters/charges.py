"""What conventions charge for the layers of a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.counters.conventions import CONVENTIONS, Convention, Extra, Piece
from convcalc.diagnostics import ConvcalcError, Fact, Help, Note, Problem, Subject

#: By name, in the order in which they are shown.
BY_NAME: Mapping[str, Convention] = {convention.name: convention for convention in CONVENTIONS}
#: Layers without a rule that are told one by one.
_MOST_TOLD = 10


class Charges:
    """A network under a convention.

    layers     what each operation is charged, in the report's order; None where there is no rule
    total      their sum, of those that have one
    uncovered  the operations without a rule
    """

    def __init__(
        self, convention: Convention, report: Report, layers: Sequence[int | None]
    ) -> None:
        self.convention = convention
        self.layers = layers
        self.total = sum([charge for charge in layers if charge])
        self.uncovered: list[LayerReport] = []
        if None in layers:
            pairs = zip(report.layers, layers, strict=True)
            self.uncovered = [layer for layer, charge in pairs if charge is None]
        self._report = report

    @property
    def unseen(self) -> list[LayerReport]:
        """The operations that compute something and are charged nothing."""
        pairs = zip(self._report.layers, self.layers, strict=True)
        return [layer for layer, charge in pairs if charge == 0 and layer.cost.flops]

    @property
    def partial(self) -> str:
        """How the total must be marked; empty where it is whole."""
        return partial_text(len(self.uncovered))

    def unseen_kinds(self) -> dict[str, int]:
        """How many operations of which kind are charged nothing, the most frequent first."""
        found: dict[str, int] = {}
        for layer in self.unseen:
            found[layer.node.kind] = found.get(layer.node.kind, 0) + 1
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def partial_text(missing: int) -> str:
    """`partial: 3 layers not covered`, or nothing where none is missing."""
    if not missing:
        return ""
    return f"partial: {missing} layer{'s' if missing > 1 else ''} not covered"


def charges(report: Report, conventions: Iterable[Convention] = CONVENTIONS) -> list[Charges]:
    """What conventions charge for every operation, for all samples of the report's batch.

    A counter does not know of `valid_taps`: it charges for what lies on padding as well. A batch is
    charged as so many samples.

    >>> import convcalc
    >>> report = convcalc.analyze(convcalc.load("resnet50"))
    >>> [(found.convention.name, found.total) for found in charges(report)][:2]
    [('torch', 8178368512), ('fvcore', 4111512576)]
    """
    pieces, places = _pieces(report)
    found = []
    for convention in conventions:
        costs = [convention.charge(piece) for piece in pieces]
        batched = [None if cost is None else cost * report.batch for cost in costs]
        found.append(Charges(convention, report, [batched[place] for place in places]))
    return found


def extra_charge(report: Report, extra: Extra) -> int:
    """What is put on top of a count, for all samples of the batch."""
    pieces, places = _pieces(report)
    costs = [extra.charge(piece) for piece in pieces]
    return report.batch * sum([costs[place] for place in places])


def _pieces(report: Report) -> tuple[list[Piece], list[int]]:
    """What is different among the operations, and which of it each operation is.

    Copies of a layer are charged the same, so that each is looked at once.
    """
    known: dict[tuple[int, tuple[tuple[int, ...], ...]], int] = {}
    pieces: list[Piece] = []
    places: list[int] = []
    nodes = report.network.nodes
    for layer in report.layers:
        node = layer.node
        shapes = tuple([nodes[index].shape for index in node.inputs])
        place = known.setdefault((id(node.layer), shapes), len(pieces))
        if place == len(pieces):
            pieces.append(Piece(node.layer, shapes, node.shape))
        places.append(place)
    return pieces, places


def require_rules(
    found: Sequence[Charges], help_text: str = "--partial shows the total of the others, marked so"
) -> None:
    """Refuses conventions that have no rule for a layer, naming both; ConvcalcError, status 1."""
    lacking: dict[str, tuple[LayerReport, list[Convention]]] = {}
    for entry in found:
        for layer in entry.uncovered:
            lacking.setdefault(layer.node.path, (layer, []))[1].append(entry.convention)
    if not lacking:
        return
    problems = [_no_rule(*pair) for pair in list(lacking.values())[:_MOST_TOLD]]
    more = len(lacking) - len(problems)
    facts: list[Fact] = [Note(f"and {more} more layers")] if more else []
    facts.append(Help(help_text))
    last = problems[-1]
    problems[-1] = last._replace(facts=(*last.facts, *facts))
    raise ConvcalcError(problems)


def _no_rule(layer: LayerReport, conventions: Sequence[Convention]) -> Problem:
    node = layer.node
    names = ", ".join([convention.name for convention in conventions])
    verb = "have" if len(conventions) > 1 else "has"
    reasons = dict.fromkeys(convention.lacks.get(node.kind, "") for convention in conventions)
    return Problem(
        "no-rule",
        f"{names} {verb} no rule for {node.kind}",
        node.span,
        tuple([Note(reason) for reason in reasons if reason]),
        node.calls,
        Subject(layer=node.path),
    )
