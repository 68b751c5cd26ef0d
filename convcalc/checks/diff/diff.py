"""The difference of two live networks: what changed, layer by layer, and in their results."""

from __future__ import annotations

from convcalc.analysis.costs.report import Report
from convcalc.checks.diff.changes import Changes, find_changes
from convcalc.checks.diff.records import records_of


class Diff(Changes):
    """What changed between two networks.

    old, new  their reports
    results   whether other layers are the networks' results, or they have other shapes
    """

    __slots__ = ("new", "old", "results")

    def __init__(self, old: Report, new: Report, found: Changes, results: bool) -> None:
        super().__init__(found.records, found.changes, found.new_of, found.old_of)
        self.old = old
        self.new = new
        self.results = results

    def __bool__(self) -> bool:
        return bool(self.changes) or self.results


def compare(old: Report, new: Report) -> Diff:
    """The layers that differ between two networks, each with what follows from it.

    >>> import convcalc
    >>> old, new = [
    ...     convcalc.analyze(convcalc.loads(f"{{input: [1, 8, 8], layers: [{text}{{dense: 10}}]}}"))
    ...     for text in ("{conv: 4, kernel: 3}, ", "{conv: 4, kernel: 3}, relu, ")
    ... ]
    >>> [(change.mark, change.layer.path) for change in compare(old, new).changes]
    [('added', 'relu0')]
    """
    found = find_changes(records_of(old), records_of(new))
    return Diff(old, new, found, _other_results(old, new, found))


def _other_results(old: Report, new: Report, found: Changes) -> bool:
    """Whether the results have other shapes, or are others of the layers in both."""
    if list(old.outputs.values()) != list(new.outputs.values()):
        return True
    before, after = [
        [places[report.network.nodes[index].unit] for index in report.network.outputs.values()]
        for report, places in (
            (report, {record.path: record.index for record in records})
            for report, records in zip((old, new), found.records, strict=True)
        )
    ]
    # Where a result was added, removed or replaced, that change is reported.
    return any(
        -1 not in (found.new_of[i], found.old_of[j]) and found.new_of[i] != j
        for i, j in zip(before, after, strict=True)
    )
