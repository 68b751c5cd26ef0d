"""Networks to compare, and what is found as plain text."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

import convcalc
from convcalc.analysis.costs.report import Report
from convcalc.checks.diff.changes import Change, Changes
from convcalc.checks.diff.diff import Diff, compare
from tests.networks.grow import random_spec

Layers = list[dict[str, Any]]

#: Seeds of random networks that are valid.
SEEDS = st.integers(0, 1400)


def report_of(layers: Layers, shape: tuple[int, ...] = (3, 16, 16), **keys: Any) -> Report:
    """The report of a network with these layers."""
    spec = {"input": list(shape), "layers": layers, **keys}
    return convcalc.analyze(convcalc.loads(json.dumps(spec)))


def random_report(seed: int) -> Report:
    """The report of a random network."""
    return convcalc.analyze(convcalc.loads(random_spec(Random(seed))))


def diff_of(old: Layers, new: Layers, **keys: Any) -> Diff:
    """What changed between two lists of layers."""
    return compare(report_of(old, **keys), report_of(new, **keys))


def conv(channels: int = 8, **more: Any) -> dict[str, Any]:
    """A convolution that keeps the spatial sizes."""
    return {"conv": channels, "kernel": 3, "padding": 1, **more}


def marks_of(found: Changes) -> list[tuple[str, str, str]]:
    """Each change as its mark and the paths before and after."""
    return [
        (c.mark, c.old.path if c.old else "", c.new.path if c.new else "") for c in found.changes
    ]


def arguments(change: Change) -> dict[str, tuple[str, str]]:
    """What differs, by name."""
    return {one.name: (one.before, one.after) for one in change.arguments}


def growth_of(diff: Diff) -> int:
    """How many parameters the new network has more."""
    return diff.new.totals.params - diff.old.totals.params
