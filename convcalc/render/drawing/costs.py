"""The cost that a drawing shows: a metric of every unit, and of what is folded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import COSTS
from convcalc.analysis.metrics import together
from convcalc.analysis.units import Unit
from convcalc.metrics import METRICS, Metric

#: The names of metrics that layers have.
LAYER_METRICS = tuple([name for name, metric in METRICS.items() if metric.of != "network"])
#: Figures that follow from the shapes, whatever a layer computes; and from what it learns.
_OF_SHAPES = ("activations", "live", "live_in_place")
_LEARNED = ("weights", "step")
#: The shares from which on a tint is the next darker one, in thousandths.
_TINTS = (10, 30, 100, 250)


class Costs:
    """A metric of every unit.

    metric   which one
    values   the known figure of each unit
    unknown  whether a unit has a part that is not known
    whole    that of the network, of which a share is a part
    """

    def __init__(
        self, metric: Metric, values: Sequence[int], unknown: Sequence[bool], whole: int
    ) -> None:
        self.metric = metric
        self.values = values
        self.unknown = unknown
        self.whole = whole
        self._sums = [0, *accumulate(values)]
        self._unknowns = [0, *accumulate([int(one) for one in unknown])]

    def of(self, start: int, stop: int) -> int:
        """The known figure of units `start` up to, not including, `stop`."""
        if self.metric.together is sum:
            return self._sums[stop] - self._sums[start]
        return max(self.values[start:stop], default=0)

    def known(self, start: int, stop: int) -> bool:
        """Whether all of these units' figures are known."""
        return self._unknowns[stop] == self._unknowns[start]

    def share(self, start: int, stop: int) -> str:
        """The share of these units: `26.7%`, `<0.1%`, `?` where it is unknown, "" for none."""
        if not self.known(start, stop):
            return "?"
        return share_text(self.of(start, stop), self.whole)

    def tint(self, start: int, stop: int) -> int:
        """How dark these units are, from 0 for no cost to 5."""
        value = self.of(start, stop)
        if not value or not self.known(start, stop):
            return 0
        return 1 + sum([1000 * value >= limit * self.whole for limit in _TINTS])


def share_text(part: int, whole: int) -> str:
    """A share with one decimal; "" for nothing.

    >>> share_text(1, 3), share_text(1, 10**6), share_text(0, 5)
    ('33.3%', '<0.1%', '')
    """
    if not part or not whole:
        return ""
    tenths = (2000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}%" if tenths else "<0.1%"


def costs_of(analysis: Analysis, units: Sequence[Unit], name: str) -> Costs:
    """A metric of each unit; raises ConvcalcError where a kind has no rule for it."""
    metric = METRICS[name]
    values, unknown = [], []
    for unit in units:
        if name in COSTS:
            known = unit.cost.known(name)
            figure = COSTS[name](unit.cost)
        else:
            figure = together(analysis, name, unit.members) or 0
            missing = unit.cost.unlisted if name in _LEARNED else unit.cost.unknown
            known = None if missing and name not in _OF_SHAPES else figure
        values.append(figure)
        unknown.append(known is None)
    whole = metric.together(values) if values else 0
    return Costs(metric, values, unknown, whole)
