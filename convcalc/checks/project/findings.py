"""What became of each network that was checked: the limits it was held to, and its problems.

Every format of `convcalc check` is drawn from a sequence of `CheckedNetwork`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.costs.report import Unknown
from convcalc.problems import Contributor, Problem, Span

if TYPE_CHECKING:
    from convcalc.language.building.spec import NetworkError


class Finding(NamedTuple):
    """One limit held against one network.

    metric    as written: "macs", "peak_memory", "layers.conv*.params", "output"
    rule      who set the limit: "budget", "warn", "growth" or "fail-on"
    found     what the network comes to
    limit     the most it may come to
    unit      "" for counts, "B" for bytes
    ok        whether the limit is kept
    baseline  the lock's value, for a limit on growth
    problem   what is reported where it is not kept; for rule "warn" it is a warning
    written   the limit as it is written: "310M", "+2%", "60kB (int8)"
    place     where it is written: "convcalc.yaml:6"; or the option that set it
    span      the same, if it is in a file
    reads     what was found, where one figure does not say it: an output's sizes
    parts     what is to blame, the worst first: the heaviest layers, or those that grew most
    least     whether the network comes to that at least: a part of its cost is unknown
    dtype     of bytes, the type of the numbers; "" for counts
    """

    metric: str
    rule: str
    found: int
    limit: int
    unit: str
    ok: bool
    baseline: int | None = None
    problem: Problem | None = None
    written: str = ""
    place: str = ""
    span: Span | None = None
    reads: str = ""
    parts: tuple[Contributor, ...] = ()
    least: bool = False
    dtype: str = ""


class CheckedNetwork(NamedTuple):
    """What became of one network.

    file      its display path
    variant   the args it was given, "width=0.5 classes=10"; "" for the file as it is
    status    0, 1 (wrong, or a limit is broken) or 2 (it cannot be opened or decoded)
    problems  errors: of reading, of expectations, of findings
    warnings  the notes on the network, and the problems of findings of rule "warn"
    findings  every limit that was held against it
    totals    every measured total by name; {} where the network could not be built
    baseline  the lock's totals; {} without one
    skipped   what was not checked and why, or ""
    error     of a network that could not be built, what could be read of it
    unknown   the operations of which the cost is unknown
    least     the totals of which a part is unknown
    dtype     the type of the numbers whose bytes the totals are; "" without totals
    """

    file: str
    variant: str
    status: int
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    totals: dict[str, int] = {}  # noqa: RUF012 - never changed
    baseline: dict[str, int] = {}  # noqa: RUF012
    skipped: str = ""
    error: NetworkError | None = None
    unknown: tuple[Unknown, ...] = ()
    least: frozenset[str] = frozenset()
    dtype: str = ""

    @property
    def name(self) -> str:
        """The file, and the variant in brackets where it is one."""
        return f"{self.file} ({self.variant})" if self.variant else self.file


def worst_status(checked: Sequence[CheckedNetwork]) -> int:
    """The exit status that these networks ask for; 0 where there are none."""
    return max([network.status for network in checked], default=0)
