"""What is asked of the points of a space, and the answers, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from hashlib import sha256
from threading import local
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

import convcalc
from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.report import unknown_operations, unknown_text
from convcalc.analysis.metrics import measure
from convcalc.codes import CODES
from convcalc.explore.columns import LARGEST as LARGEST_NUMBER
from convcalc.explore.columns import Column
from convcalc.explore.domain import Domain, Sample
from convcalc.explore.engine import EXCLUDED, Engine
from convcalc.explore.figures import LARGEST, SUMMED
from convcalc.explore.limits import Bound
from convcalc.explore.parallel import in_order, on_processes
from convcalc.explore.variables import Variable
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.spec import Spec
from convcalc.language.load import spec as read_spec
from convcalc.problems import ConvcalcError
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.record import Record
from convcalc.roots import access
from convcalc.transform.whatif import WhatIf

#: Points of the first part, which is answered at once, and of the others.
_FIRST, _MOST = 1 << 10, 1 << 16
#: Metrics that are not below `peak_in_place`.
_ARENAS = frozenset(("arena", "tflm_arena"))
#: The same where each point needs a network of its own.
_FIRST_SLOW, _MOST_SLOW = 1 << 3, 1 << 8
#: Seconds that a part may take, of which the results are waited for.
_MOMENT = 0.5
#: A figure that was not looked for, because the point breaks a limit without it.
UNKNOWN = -1
#: The code of a point that is a network, of which the cost is known in part.
UNKNOWN_COST = "unknown-cost"


class Question(Record):
    """What is asked about a space.

    path, text  of the spec
    variables   the names of what varies, and the values
    conditions  expressions that points of the space fulfil
    args        other arguments, as they are written; `sizes` of inputs likewise
    what_if     other channels, kernels or padding of every variant
    metrics     that are wanted of each point
    bounds      that points keep
    keep        whether those that break one are wanted as well
    """

    path: str
    text: str
    variables: tuple[tuple[str, tuple[Any, ...]], ...]
    conditions: tuple[str, ...] = ()
    args: tuple[tuple[str, Any], ...] = ()
    sizes: tuple[tuple[str, tuple[int | None, ...]], ...] = ()
    what_if: WhatIf | None = None
    metrics: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    keep: bool = False
    sample: Sample | None = None
    dtype: str = DEFAULT_DTYPE
    max_layers: int = MOST_LAYERS
    allow_outside: bool = False
    max_file_size: int = 0

    @property
    def digest(self) -> str:
        """What tells it from every other question."""
        text = f"{convcalc.__version__} {self!r}"
        return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


class Counts(NamedTuple):
    """How many points were looked at, and what became of them.

    points    in all
    excluded  that the conditions exclude
    invalid   that are no networks, or of unknown cost
    broken    for each limit, those that break it and none before it
    unknown   of the invalid ones, those of unknown cost
    """

    points: int
    excluded: int
    invalid: int
    broken: tuple[int, ...]
    unknown: int = 0

    def plus(self, other: Counts) -> Counts:
        """Of both."""
        broken = [a + b for a, b in zip(self.broken, other.broken, strict=True)]
        return Counts(
            self.points + other.points,
            self.excluded + other.excluded,
            self.invalid + other.invalid,
            tuple(broken),
            self.unknown + other.unknown,
        )

    @property
    def kept(self) -> int:
        """The networks that keep every limit."""
        return self.points - self.excluded - self.invalid - sum(self.broken)


class Rows(NamedTuple):
    """Points that are wanted.

    points   their numbers
    indices  for each variable, which of its values they have
    figures  a column for each metric, UNKNOWN where it was not looked for
    codes    what is wrong with those that are no networks; "" for networks
    broken   the limits that they break, as bits
    """

    points: Column
    indices: list[Column]
    figures: dict[str, Column]
    codes: Column
    broken: Column

    def chosen(self, which: Column) -> Rows:
        """Some of them, by their places or as a mask."""
        return Rows(
            self.points[which],
            [index[which] for index in self.indices],
            {name: column[which] for name, column in self.figures.items()},
            self.codes[which],
            self.broken[which],
        )


class Explorer:
    """Answers a question; every process has one."""

    def __init__(self, question: Question, spec: Spec | None = None) -> None:
        self.question = question
        self.variables = [Variable(name, values) for name, values in question.variables]
        self.domain = Domain(self.variables, question.sample)
        self.wanted = list(dict.fromkeys([*question.metrics, *[b.metric for b in question.bounds]]))
        compiled = [name for name in self.wanted if name in SUMMED or name in LARGEST]
        self.slow = [name for name in self.wanted if name not in compiled]
        if not _ARENAS.isdisjoint(self.slow) and "peak_in_place" not in compiled:
            compiled.append("peak_in_place")
        self.engine = Engine(
            spec or read_spec(question.path, text=question.text),
            self.variables,
            compiled,
            args=dict(question.args),
            sizes=dict(question.sizes),
            what_if=question.what_if,
            conditions=question.conditions,
            dtype=question.dtype,
            max_layers=question.max_layers,
        )

    def look(self, start: int, stop: int, *, slow: bool = True) -> tuple[Rows, Counts]:
        """The points from `start` to `stop`; without `slow` metrics, which remain UNKNOWN."""
        question = self.question
        indices = self.domain.indices(start, stop)
        found = self.engine.evaluate(indices)
        figures = dict(found.figures)
        excluded = found.codes == EXCLUDED
        candidate = found.valid.copy()
        broken = np.zeros(stop - start, np.int64)
        first = [0] * len(question.bounds)
        for number, bound in enumerate(question.bounds):
            breaks = self._breaks(bound, figures)
            if breaks is not None:
                first[number] = int((candidate & breaks & (broken == 0)).sum())
                broken |= np.where(found.valid & breaks, 1 << number, 0)
        candidate &= broken == 0
        codes = found.codes
        if self.slow and slow:
            self._measure(figures, codes, candidate, indices)
            for number, bound in enumerate(question.bounds):
                if bound.metric in self.slow:
                    known = figures[bound.metric] != UNKNOWN
                    breaks = candidate & known & ~bound.kept(figures[bound.metric]).astype(bool)
                    first[number] += int((breaks & (broken == 0)).sum())
                    broken |= np.where(breaks, 1 << number, 0)
        invalid = (codes != "") & ~excluded
        counts = Counts(
            stop - start,
            int(excluded.sum()),
            int(invalid.sum()),
            tuple(first),
            int((codes == UNKNOWN_COST).sum()),
        )
        kept = ~excluded & ((broken == 0) | question.keep)
        points = np.arange(start, stop)
        shown = {name: figures.get(name, np.full(stop - start, UNKNOWN)) for name in self.wanted}
        return Rows(points, indices, shown, codes, broken).chosen(np.flatnonzero(kept)), counts

    def _breaks(self, bound: Bound, figures: Mapping[str, Column]) -> Column | None:
        """Which points are known to break a limit; None where nothing is known yet."""
        if bound.metric in figures:
            return ~bound.kept(figures[bound.metric]).astype(bool)
        if bound.metric in _ARENAS and bound.operator in ("<", "<="):
            # No allocation is smaller than what is alive at once.
            return ~bound.kept(figures["peak_in_place"]).astype(bool)
        return None

    def _measure(
        self, figures: dict[str, Column], codes: Column, wanted: Column, indices: Sequence[Column]
    ) -> None:
        """Searches for the slow metrics of some points."""
        for name in self.slow:
            figures[name] = np.full(len(codes), UNKNOWN)
        for place in np.flatnonzero(wanted):
            try:
                found = self.measured([int(index[place]) for index in indices])
            except ConvcalcError as error:
                codes[place], wanted[place] = error.problems[0].code, False
                continue
            for name, figure in found.items():
                if figure > LARGEST_NUMBER and figures[name].dtype != object:
                    figures[name] = figures[name].astype(object)
                figures[name][place] = figure

    def measured(self, indices: Sequence[int]) -> dict[str, int]:
        """The slow metrics of a point; raises ConvcalcError."""
        return self.engine.measured(indices, self.slow)

    def order(self, rows: Rows, name: str) -> Column:
        """Numbers in the order of a metric, or of the values of what varies."""
        names = [variable.name for variable in self.variables]
        if name not in names:
            return rows.figures[name]
        number = names.index(name)
        values = self.variables[number].values
        numbers = -1 in self.variables[number].unknowns
        order = sorted(range(len(values)), key=lambda i: values[i] if numbers else str(values[i]))
        ranks = np.empty(len(values), np.int64)
        ranks[order] = np.arange(len(values))
        return ranks[rows.indices[number]]

    def wrong(self, indices: Sequence[int]) -> str:
        """What is wrong with a point that is no network, in words."""
        try:
            network = self.engine.network(indices)
        except ConvcalcError as error:
            return error.problems[0].message
        unknown = unknown_operations(network)
        return unknown_text(unknown) if unknown else CODES["no-rule"].meaning

    def known(self, indices: Sequence[int]) -> dict[str, tuple[int, bool]]:
        """The wanted metrics of a point of unknown cost: what is known, and whether that is all."""
        analysis = Analysis(self.engine.network(indices))
        misses = analysis.report.totals.misses
        dtype = self.question.dtype
        return {name: (measure(analysis, name, dtype), not misses(name)) for name in self.wanted}

    def values(self, indices: Sequence[int]) -> dict[str, Any]:
        """What a point's variables are."""
        pairs = zip(self.variables, indices, strict=True)
        return {variable.name: variable.values[index] for variable, index in pairs}


class _Own(local):
    """What a thread keeps: an explorer, and the digest of its question."""

    digest = ""
    explorer: Explorer | None = None


_OWN = _Own()


class Part(NamedTuple):
    """Points of a question, from `start` to `stop`."""

    question: Question
    digest: str
    start: int
    stop: int
    slow: bool


def look(part: Part) -> tuple[Rows, Counts]:
    """What a process answers about a part."""
    if _OWN.explorer is None or _OWN.digest != part.digest:
        asked = part.question
        with access(allow_outside=asked.allow_outside, max_file_size=asked.max_file_size):
            _OWN.explorer, _OWN.digest = Explorer(asked), part.digest
    return _OWN.explorer.look(part.start, part.stop, slow=part.slow)


def sweep(
    explorer: Explorer,
    start: int = 0,
    *,
    executor: Executor | None = None,
    jobs: int = 1,
    slow: bool = True,
    looked_at: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[Rows, Counts]]:
    """The rows of a space from a point on, part by part, in the order of the points.

    executor   where parts are looked at; `jobs` processes of this machine do without
    slow       whether slow metrics are searched for
    looked_at  is called with the number of points that are done, after each part
    """
    count = explorer.domain.count
    waits = slow and bool(explorer.slow)
    if executor is None and jobs == 1:
        for begin, end in _timed_cuts(start, count, _FIRST_SLOW if waits else _FIRST):
            answer = explorer.look(begin, end, slow=slow)
            looked_at(end)
            yield answer
        return
    question, digest = explorer.question, explorer.question.digest
    sizes = (_FIRST_SLOW, _MOST_SLOW) if waits else (_FIRST, _MOST)
    parts = [Part(question, digest, a, b, slow) for a, b in _cuts(start, count, *sizes)]
    if executor is not None:
        answers = in_order(executor, look, parts)
    else:
        answers = on_processes(jobs, look, parts)
    for part, answer in zip(parts, answers, strict=True):
        looked_at(part.stop)
        yield answer


def _cuts(start: int, count: int, size: int, most: int) -> Iterator[tuple[int, int]]:
    """Parts that grow, so that the first is answered at once."""
    while start < count:
        yield start, min(start + size, count)
        start += size
        size = min(4 * size, most)


def _timed_cuts(start: int, count: int, size: int) -> Iterator[tuple[int, int]]:
    """Parts that grow as long as each takes a moment only, and shrink where one takes long."""
    while start < count:
        begun = monotonic()
        yield start, min(start + size, count)
        start += size
        passed = monotonic() - begun
        if passed < _MOMENT:
            size = min(4 * size, _MOST)
        elif passed > 4 * _MOMENT:
            size = max(size // 4, 1)
