"""The layers that made a network grow since it was locked."""

from __future__ import annotations

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import Contribution, heaviest
from convcalc.checks.lock.file import LockedNetwork
from convcalc.checks.lock.layers import changes_since
from convcalc.quantities import DTYPES

#: Totals that the lock has layer by layer, and the figure that it has of them.
_FIGURES = {"params": "params", "macs": "macs", "weights": "params"}


def grown_layers(
    analysis: Analysis, metric: str, locked: LockedNetwork
) -> tuple[list[Contribution], bool]:
    """The layers that a total's growth comes from, and whether their values are the growth.

    Of totals that the lock does not have layer by layer they are the heaviest of those that
    changed, with what they add to the total now.
    """
    found = changes_since(locked, analysis.report)
    figure = _FIGURES.get(metric)
    grown: list[Contribution] = []
    changed: set[str] = set()
    for record in found.records[1]:
        before = found.before(record)
        same = before is not None and (before.what, before.output, before.cost) == (
            record.what,
            record.output,
            record.cost,
        )
        if same or record.unit is None:
            continue
        changed.add(record.path)
        if figure is not None:
            size = DTYPES[locked.dtype] if metric == "weights" else 1
            more = getattr(record.cost, figure)
            more -= getattr(before.cost, figure) if before is not None else 0
            if more > 0:
                grown.append(Contribution(record.path, record.unit.node, more * size))
    if grown:
        return sorted(grown, key=lambda part: -part.value), True
    parts = heaviest(analysis, metric, locked.dtype)
    return [part for part in parts if part.node.unit in changed] or parts, False
