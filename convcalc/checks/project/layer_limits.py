"""Which layers and groups a pattern of `budget: {layers: ...}` is about, and what each costs."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import Contribution, contributions


class Matching(NamedTuple):
    """What a pattern matched.

    matched  each layer or group with what it adds to the total
    open     whether the pattern has wildcards, so that matching nothing is no mistake
    names    of all layers and groups, where nothing matched
    """

    matched: list[Contribution]
    open: bool
    names: tuple[str, ...] = ()


def matching_layers(
    analysis: Analysis, pattern: str, metric: str, dtype: str, convention: str
) -> Matching:
    """The layers and groups that a pattern matches.

    A pattern without a dot is held against the last part of every name, `conv*` against
    `stage1.conv0`; one with dots against whole names, part by part.
    """
    parts = contributions(analysis, metric, dtype, convention)
    groups: dict[str, Contribution] = {}
    for part in parts:
        names = part.path.split(".")
        for length in range(1, len(names) + 1):
            path = ".".join(names[:length])
            known = groups.get(path)
            if known is None:
                groups[path] = part._replace(path=path)
            else:
                groups[path] = known._replace(value=known.value + part.value)
    matched = [part for path, part in groups.items() if _matches(path, pattern)]
    if matched:
        return Matching(matched, True)
    return Matching([], any(mark in pattern for mark in "*?["), tuple(groups))


def _matches(path: str, pattern: str) -> bool:
    names, wanted = path.split("."), pattern.split(".")
    if len(wanted) == 1:
        return fnmatchcase(names[-1], pattern)
    return len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))
