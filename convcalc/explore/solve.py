"""The best point of a space, with the proof: what became of every other point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from convcalc.explore.columns import Column
from convcalc.explore.ranking import Ranking
from convcalc.explore.sweep import Counts, Explorer, Rows, sweep
from convcalc.problems import ConvcalcError
from convcalc.record import Record


class Objective(Record):
    """What is made as large or as small as can be: a metric, or a number that varies."""

    name: str
    largest: bool

    def column(self, explorer: Explorer, rows: Rows) -> Column:
        """What each row has of it, as numbers in the same order."""
        return explorer.order(rows, self.name)


class Answer(NamedTuple):
    """A point: what its variables are, and its figures."""

    values: dict[str, Any]
    figures: dict[str, int]


class Solution(NamedTuple):
    """The best point, and what became of all points.

    best       None where no point keeps every limit; `runner_up` where only one does
    equal      the other points that are known to be as good as the best
    counts     of all points; of those that break a limit on a slow metric, the ones that were tried
    unneeded   points that keep the fast limits, are no better than the runner-up, and whose slow
               metrics were therefore not looked for
    """

    best: Answer | None
    runner_up: Answer | None
    equal: int
    counts: Counts
    unneeded: int

    @property
    def kept(self) -> int:
        """The points that are known to keep every limit."""
        return self.counts.kept - self.unneeded


def solve(
    explorer: Explorer,
    objective: Objective,
    *,
    jobs: int = 1,
    looked_at: Callable[[int], None] = lambda _: None,
) -> Solution:
    """The best point of a whole space, assuming nothing about what grows with what.

    Every point is looked at. The figures of the best are held against its own network, which is
    read and analysed; RuntimeError where they differ.
    """
    slow = {bound.metric for bound in explorer.question.bounds} & set(explorer.slow)
    measured = objective.name in explorer.slow
    lazy = bool(slow) and not measured
    key = objective.name
    ranking = Ranking(
        lambda rows: explorer.order(rows, key),
        ascending=not objective.largest,
        top=None if lazy else 2,
    )
    total = Counts(0, 0, 0, (0,) * len(explorer.question.bounds))
    best: Any = None
    equal = 0
    for rows, counts in sweep(explorer, jobs=jobs, looked_at=looked_at, slow=not lazy):
        networks = rows.chosen(np.flatnonzero(rows.codes == ""))
        ranking.add(networks)
        total = total.plus(counts)
        if not lazy:
            best, equal = _equal(explorer, objective, networks, best, equal)
    ranked = ranking.rows()
    if not lazy:
        found = [_answer(explorer, ranked, place) for place in range(len(ranked.points))]
        return _checked(explorer, Solution(*_two(found), max(equal - 1, 0), total, 0))
    found, tried, broken = [], 0, [0] * len(explorer.question.bounds)
    invalid = 0
    for answer in _measured(explorer, ranked):
        tried += 1
        if answer is None:
            invalid += 1
            continue
        bounds = enumerate(explorer.question.bounds)
        breaks = [n for n, b in bounds if not b.kept(np.array(answer.figures[b.metric]))]
        if breaks:
            broken[breaks[0]] += 1
            continue
        found.append(answer)
        if len(found) == 2:
            break
    counts = total._replace(
        invalid=total.invalid + invalid,
        broken=tuple([a + b for a, b in zip(total.broken, broken, strict=True)]),
    )
    unneeded = len(ranked.points) - tried
    return _checked(explorer, Solution(*_two(found), 0, counts, unneeded))


def _two(found: list[Answer]) -> tuple[Answer | None, Answer | None]:
    first, second, *_ = [*found, None, None]
    return first, second


def _equal(
    explorer: Explorer, objective: Objective, rows: Rows, best: Any, equal: int
) -> tuple[Any, int]:
    """The best objective so far, and how many points have it."""
    if not len(rows.points):
        return best, equal
    column = objective.column(explorer, rows)
    here = column.max() if objective.largest else column.min()
    count = int((column == here).sum())
    if best is None or (here > best if objective.largest else here < best):
        return here, count
    return best, equal + count if here == best else equal


def _answer(explorer: Explorer, rows: Rows, place: int) -> Answer:
    indices = [int(index[place]) for index in rows.indices]
    figures = {name: int(column[place]) for name, column in rows.figures.items()}
    return Answer(explorer.values(indices), figures)


def _measured(explorer: Explorer, rows: Rows) -> Iterator[Answer | None]:
    """The answers in order, with their slow metrics; None where there is none."""
    for place in range(len(rows.points)):
        answer = _answer(explorer, rows, place)
        try:
            more = explorer.measured([int(index[place]) for index in rows.indices])
        except ConvcalcError:
            yield None
        else:
            yield answer._replace(figures={**answer.figures, **more})


def _checked(explorer: Explorer, solution: Solution) -> Solution:
    """Holds the best point against its own network."""
    if solution.best is not None:
        names = list(solution.best.figures)
        indices = [
            variable.values.index(value)
            for variable, value in zip(
                explorer.variables, solution.best.values.values(), strict=True
            )
        ]
        alone = explorer.engine.measured(indices, names)
        if alone != solution.best.figures:
            raise RuntimeError(f"{alone} are the figures, not {solution.best.figures}")
    return solution
