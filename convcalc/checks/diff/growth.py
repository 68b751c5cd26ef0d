"""Which layers made a network grow, beside what the lock says of them."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import Contribution, heaviest
from convcalc.checks.diff.alignment import Alignment
from convcalc.checks.lock.file import LockedLayer, LockedNetwork, locked_network
from convcalc.quantities import DTYPES

#: Totals that the lock has layer by layer, and the figure that it has of them.
_FIGURES = {"params": "params", "macs": "macs", "weights": "params"}


def grown_parts(
    analysis: Analysis, metric: str, locked: LockedNetwork
) -> tuple[list[Contribution], bool]:
    """The layers that a total's growth comes from, and whether their values are the growth.

    Of totals that the lock does not have layer by layer they are the heaviest of those that
    changed, with what they add to the total now.
    """
    now = locked_network("", "", analysis.report, {}).layers
    before = matched_layers(locked.layers, now)
    figure = _FIGURES.get(metric)
    if figure is not None:
        size = DTYPES[locked.dtype] if metric == "weights" else 1
        grown = []
        for part in heaviest(analysis, figure):
            known = before.get(part.path)
            more = part.value - (getattr(known, figure) if known is not None else 0)
            if more > 0:
                grown.append(part._replace(value=more * size))
        if grown:
            return sorted(grown, key=lambda part: -part.value), True
    parts = heaviest(analysis, metric, locked.dtype)
    changed = [part for part in parts if now.get(part.node.unit) != before.get(part.node.unit)]
    return changed or parts, False


def matched_layers(
    before: Mapping[str, LockedLayer], now: Mapping[str, LockedLayer]
) -> dict[str, LockedLayer]:
    """What each layer was, by its path now; layers that are new are left out.

    An inserted layer renames those behind it, conv3 to conv4, so layers are matched by what they
    are, and by name where that leaves a choice.

    >>> conv = LockedLayer("conv 3x3", (8, 4, 4), 80, 1280)
    >>> matched_layers({"conv0": conv}, {"conv0": conv._replace(params=9), "conv1": conv})
    {'conv1': LockedLayer(kind='conv 3x3', output=(8, 4, 4), params=80, macs=1280)}
    """
    old, new = list(before.items()), list(now.items())
    numbers: dict[object, int] = {}

    def keys(layers: list[tuple[str, LockedLayer]], loose: bool) -> list[int]:
        whats = [layer.kind if loose else layer for _, layer in layers]
        return [numbers.setdefault(what, len(numbers)) for what in whats]

    def akin(i: int, j: int) -> bool:
        return old[i][1].kind == new[j][1].kind or old[i][0] == new[j][0]

    def unlike(i: int, j: int) -> int:
        (path, layer), (other_path, other) = old[i], new[j]
        differing = [one != two for one, two in zip(layer, other, strict=True)]
        return 500 * (path != other_path) + 100 * sum(differing)

    pairs = Alignment(
        [keys(old, False), keys(old, True)], [keys(new, False), keys(new, True)], akin, unlike
    ).pairs()
    return {new[j][0]: old[i][1] for i, j in pairs}
