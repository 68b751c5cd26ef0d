"""Which layers made a network grow, beside what the lock says of them."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.analysis.measures import Part, Subject, heaviest
from convcalc.checks.lock import LockedLayer, LockedNetwork, locked_network

#: Totals that the lock has layer by layer, and the figure that it has of them.
_FIGURES = {"params": "params", "macs": "macs", "weights": "params"}
#: Layers before times layers after, of the part that changed, up to which they are matched by what
#: they are. Beyond, layers of the same name are taken for the same.
_MOST_PAIRS = 1_000_000


def grown_parts(subject: Subject, metric: str, locked: LockedNetwork) -> tuple[list[Part], bool]:
    """The layers that a total's growth comes from, and whether their values are the growth.

    Of totals that the lock does not have layer by layer they are the heaviest of those that
    changed, with what they add to the total now.
    """
    now = locked_network("", "", subject.report, {}).layers
    before = matched_layers(locked.layers, now)
    figure = _FIGURES.get(metric)
    if figure is not None:
        size = subject.number_bytes if metric == "weights" else 1
        grown = []
        for part in heaviest(subject, figure):
            known = before.get(part.path)
            more = part.value - (getattr(known, figure) if known is not None else 0)
            if more > 0:
                grown.append(part._replace(value=more * size))
        if grown:
            return sorted(grown, key=lambda part: -part.value), True
    parts = heaviest(subject, metric)
    changed = [part for part in parts if now.get(part.node.unit) != before.get(part.node.unit)]
    return changed or parts, False


def matched_layers(
    before: Mapping[str, LockedLayer], now: Mapping[str, LockedLayer]
) -> dict[str, LockedLayer]:
    """What each layer was, by its path now; layers that are new are left out.

    An inserted layer renames those behind it, conv3 to conv4, so layers are matched by what they
    are before they are matched by name.

    >>> conv = LockedLayer("conv 3x3", (8, 4, 4), 80, 1280)
    >>> matched_layers({"conv0": conv}, {"conv0": conv._replace(params=9), "conv1": conv})
    {'conv1': LockedLayer(kind='conv 3x3', output=(8, 4, 4), params=80, macs=1280)}
    """
    old, new = list(before.values()), list(now.values())
    names = list(now)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    pairs = [(index, index) for index in range(start)]
    pairs += [(len(old) - 1 - back, len(new) - 1 - back) for back in range(end)]
    middle = range(start, len(old) - end), range(start, len(new) - end)
    if len(middle[0]) * len(middle[1]) <= _MOST_PAIRS:
        from difflib import SequenceMatcher

        matcher = SequenceMatcher(
            None,
            old[middle[0].start : middle[0].stop],
            new[middle[1].start : middle[1].stop],
            False,
        )
        for tag, a, a_end, b, b_end in matcher.get_opcodes():
            # What was replaced by as many layers became those.
            if tag == "equal" or a_end - a == b_end - b:
                pairs += [(start + a + i, start + b + i) for i in range(a_end - a)]
    found = {names[b]: old[a] for a, b in pairs}
    taken = {a for a, _ in pairs}
    for place, path in enumerate(before):
        if place not in taken and path in now and path not in found:
            found[path] = old[place]
    return found
