"""The layers that made a network grow since it was locked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.metrics import Contribution, heaviest
from convcalc.checks.diff.records import Record
from convcalc.checks.diff.wording import layer_texts
from convcalc.checks.lock.file import LockedNetwork
from convcalc.checks.lock.layers import changes_since
from convcalc.quantities import DTYPES

#: Totals that the lock has layer by layer, and the figure that it has of them.
_FIGURES: dict[str, Callable[[Cost], int]] = {
    "params": lambda cost: cost.params,
    "macs": lambda cost: cost.macs,
    "weights": lambda cost: cost.params,
}


class Grown(NamedTuple):
    """Where a total's growth comes from.

    layers   those that grew, by how much; if the lock does not have the total layer by layer, the
             heaviest of those that changed, with what they add to it now
    grew     whether these values are the growth
    changes  what changed of each layer, by its path
    """

    layers: list[Contribution]
    grew: bool
    changes: dict[str, str]


def growth_of(analysis: Analysis, metric: str, locked: LockedNetwork) -> Grown:
    """Where the growth of a total over the lock comes from."""
    found = changes_since(locked, analysis.report)
    changes = layer_texts(found)
    grown: list[Contribution] = []
    if metric in _FIGURES:
        size = DTYPES[locked.dtype] if metric == "weights" else 1
        for record in found.records[1]:
            before = found.before(record)
            more = _figure(record, metric) - (_figure(before, metric) if before else 0)
            if more > 0 and record.unit is not None:
                grown.append(Contribution(record.path, record.unit.node, more * size))
    if grown:
        return Grown(sorted(grown, key=lambda layer: -layer.value), True, changes)
    heavy = heaviest(analysis, metric, locked.dtype)
    changed = [layer for layer in heavy if layer.node.unit in changes]
    return Grown(changed or heavy, False, changes)


def _figure(record: Record, metric: str) -> int:
    return _FIGURES[metric](record.cost)
