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


def has_wildcards(pattern: str) -> bool:
    """Whether a pattern may match several names."""
    return any(mark in pattern for mark in "*?[")


class LayerCosts:
    """What each layer and group adds to a total, by its path."""

    def __init__(self, analysis: Analysis, metric: str, dtype: str, convention: str) -> None:
        self._by_path: dict[str, Contribution] = {}
        self._by_name: dict[str, list[Contribution]] = {}
        found = self._by_path
        for part in contributions(analysis, metric, dtype, convention):
            names = part.path.split(".")
            for length in range(1, len(names) + 1):
                path = ".".join(names[:length])
                known = found.get(path)
                if known is None:
                    found[path] = part._replace(path=path)
                else:
                    found[path] = known._replace(value=known.value + part.value)
        for path, part in found.items():
            self._by_name.setdefault(path.rpartition(".")[2], []).append(part)

    def __len__(self) -> int:
        return len(self._by_path)

    def matching(self, pattern: str) -> Matching:
        """The layers and groups that a pattern matches.

        A pattern without a dot is held against the last part of every name, `conv*` against
        `stage1.conv0`; one with dots against whole names, part by part.
        """
        wildcards = has_wildcards(pattern)
        if "." in pattern:
            wanted = pattern.split(".")
            matched = [
                part
                for path, part in (self._by_path.items() if wildcards else self._exact(pattern))
                if _matches(path.split("."), wanted)
            ]
        elif wildcards:
            matched = [
                part
                for name, parts in self._by_name.items()
                if fnmatchcase(name, pattern)
                for part in parts
            ]
        else:
            matched = self._by_name.get(pattern, [])
        if matched:
            return Matching(matched, True)
        return Matching([], wildcards, tuple(self._by_path))

    def _exact(self, path: str) -> list[tuple[str, Contribution]]:
        return [(path, self._by_path[path])] if path in self._by_path else []


def _matches(names: list[str], wanted: list[str]) -> bool:
    return len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))
