"""One segment of a network for many points: traced once for each path, evaluated in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from convcalc.explore.columns import LARGEST, Column, Columns
from convcalc.explore.paths import Paths
from convcalc.explore.variables import Variable
from convcalc.language.building.segments import Effort, Refused
from convcalc.polynomials import MOST_WORK, Polynomial, Space, Trace, Unsupported
from convcalc.problems import ConvcalcError, RuleError
from convcalc.shapes import Shape

#: What became of a point: it holds, it is invalid, or its own network must be read.
VALID, INVALID, UNSURE = 0, 1, 2

#: The numbers of axes of the values between two segments: of several inputs, or of one value.
Ranks = tuple[int, ...]


class Result(NamedTuple):
    """What a segment comes to, in unknowns.

    shapes   of what leaves it
    sums     its parts of summed metrics, the steps of reading it, and its nodes
    largest  for each other metric, the candidates of which the largest is its figure
    """

    shapes: tuple[Shape, ...]
    sums: Sequence[Any]
    largest: Sequence[Sequence[Any]]

    @property
    def ranks(self) -> Ranks:
        """The numbers of axes of what leaves it."""
        return tuple(map(len, self.shapes))


class Leaf(NamedTuple):
    """What a traced path came to.

    result  None where the points are invalid, or nothing is known
    code    of the first mistake, where they are invalid
    """

    result: Result | None
    code: str = ""


#: Computes a segment for the values of variables by name, and the sizes that enter.
Compute = Callable[[Sequence[Any], Sequence[Any]], Result]

#: What takes as long as reading a layer: terms of formulas that are made, and those that are
#: evaluated at a point.
_TERMS, _EVALUATED = 300, 300_000
#: Numbers that a point counts for beside those of its formulas.
_EACH_POINT = 100


class Budget:
    """What traces and their formulas may take in all, in layers.

    effort  what reading took so far
    most    None where there is no limit
    """

    def __init__(self, effort: Effort, most: int | None) -> None:
        self._effort = effort
        self._most = most
        self._formulas = self._numbers = 0
        self.most_terms = MOST_WORK if most is None else min(MOST_WORK, most * _TERMS)

    def is_left(self) -> bool:
        """Whether another trace or formula may begin."""
        if self._most is None:
            return True
        formulas = self._formulas // _TERMS + self._numbers // _EVALUATED
        return self._effort.layers + formulas < self._most

    def made(self, terms: int) -> None:
        """Counts terms that a trace made."""
        self._formulas += terms

    def evaluated(self, numbers: int) -> None:
        """Counts numbers that formulas added up."""
        self._numbers += numbers


class Group(NamedTuple):
    """Points whose values between two segments have the same numbers of axes.

    points  their numbers
    sizes   a row of sizes for each, all shapes' one after the other
    """

    ranks: Ranks
    points: Column
    sizes: Column


class Totals:
    """The figures of some points, which segments add to.

    status  VALID, INVALID or UNSURE
    codes   of invalid points
    """

    def __init__(self, count: int, sums: int, largest: int) -> None:
        self.status: Column = np.zeros(count, np.int8)
        self.codes: Column = np.full(count, "", object)
        self.sums: Column = np.zeros((count, sums), np.int64)
        self.largest: Column = np.zeros((count, largest), np.int64)

    def widen(self) -> None:
        """Makes room for figures beyond 64 bits."""
        self.sums, self.largest = self.sums.astype(object), self.largest.astype(object)


class Unit:
    """A segment for inputs with certain numbers of axes.

    ranges  the least and the largest of each size that enters, for which traces hold; rounded
            outward, so that sizes that are met later rarely lie outside
    used    the variables that some trace uses, by their numbers
    most    what no figure of a point exceeds
    """

    def __init__(
        self,
        compute: Compute,
        variables: Sequence[Variable],
        ranges: Sequence[tuple[int, int]],
        budget: Budget,
        *,
        for_people: bool = False,
    ) -> None:
        self._compute = compute
        self._budget = budget
        self._variables = variables
        self.ranges = [
            (1 << (low.bit_length() - 1), 1 << (high - 1).bit_length()) for low, high in ranges
        ]
        self._space = Space(budget.most_terms, for_people=for_people)
        self._symbols = [v.symbol(self._space) if v.unknowns else None for v in variables]
        self._sizes = [
            self._space.variable(f"size {axis}", low, high)
            for axis, (low, high) in enumerate(self.ranges)
        ]
        self._columns: Mapping[str, Column] = {}
        self.paths: Paths[Leaf] = Paths(self._traced, budget.is_left)
        self.used: set[int] = set()
        self.most = 0

    def fits(self, sizes: Column) -> bool:
        """Whether sizes lie within those that traces hold for."""
        lows, highs = np.array(self.ranges, np.int64).reshape(-1, 2).T
        return bool((sizes >= lows).all() and (sizes <= highs).all())

    def evaluate(self, group: Group, indices: Sequence[Column], totals: Totals) -> list[Group]:
        """Adds the segment to the totals of a group of points; the groups that leave it.

        indices  for each variable, which of its values each point of the totals has
        """
        points, count = group.points, len(group.points)
        self._budget.evaluated(_EACH_POINT * count)
        columns = {f"size {axis}": group.sizes[:, axis] for axis in range(len(self.ranges))}
        for variable, index in zip(self._variables, indices, strict=True):
            for unknown in variable.unknowns.values():
                columns[unknown.name] = unknown.column[index[points]]
        self._columns = columns
        evaluated = Columns(self._space, columns, self._budget.evaluated)
        found: dict[Ranks, list[Group]] = {}
        for leaf, members in self.paths.sort(evaluated, count):
            where = points[members]
            if leaf is None or leaf.result is None:
                totals.status[where] = INVALID if leaf is not None and leaf.code else UNSURE
                totals.codes[where] = leaf.code if leaf is not None else ""
                continue
            left = self._add(leaf.result, evaluated, where, members, totals)
            found.setdefault(leaf.result.ranks, []).append(left)
        return [_joined(groups) for groups in found.values()]

    def traced_paths(self, indices: Sequence[Column], count: int) -> list[tuple[Trace, Leaf, int]]:
        """The paths of points where nothing enters, with how many of the points each has."""
        columns = {
            unknown.name: unknown.column[index]
            for variable, index in zip(self._variables, indices, strict=True)
            for unknown in variable.unknowns.values()
        }
        self._columns = columns
        sorted_ = self.paths.sort(Columns(self._space, columns), count)
        numbers = {id(leaf): place for place, leaf in enumerate(self.paths.leaves)}
        return [
            (self.paths.traces[numbers[id(leaf)]], leaf, len(members))
            for leaf, members in sorted_
            if leaf is not None
        ]

    def _add(
        self, result: Result, columns: Columns, where: Column, members: Column, totals: Totals
    ) -> Group:
        def at_members(value: Any) -> Column:
            column = np.asarray(columns.of(value))
            return column[members] if column.ndim else column

        if self.most > LARGEST and totals.sums.dtype != object:
            totals.widen()
        for place, figure in enumerate(result.sums):
            totals.sums[where, place] += at_members(figure)
        for place, candidates in enumerate(result.largest):
            for candidate in candidates:
                before = totals.largest[where, place]
                totals.largest[where, place] = np.maximum(before, at_members(candidate))
        sizes = [size for shape in result.shapes for size in shape]
        left = np.zeros((len(where), len(sizes)), np.int64)
        for place, size in enumerate(sizes):
            left[:, place] = at_members(size)
        return Group(result.ranks, where, left)

    def _traced(self, point: int) -> tuple[Trace, Leaf]:
        trace = Trace({name: int(column[point]) for name, column in self._columns.items()})
        self._space.started(trace)
        try:
            leaf = Leaf(self._compute(self._symbols, self._sizes))
            if trace.peeked:
                leaf = Leaf(None)  # what follows may depend on a number that is no guard
        except (Refused, RuleError) as error:
            leaf = Leaf(None, error.code)
        except ConvcalcError as error:
            leaf = Leaf(None, error.problems[0].code)
        except (Unsupported, RecursionError, TypeError, AttributeError):
            leaf = Leaf(None)  # a rule does with numbers what unknowns cannot do
        finally:
            self._space.trace = None
            self._budget.made(self._space.work)
        self._note(trace, leaf)
        return trace, leaf

    def _note(self, trace: Trace, leaf: Leaf) -> None:
        """Notes which variables a trace uses, and how large its figures may be."""
        waiting: list[Any] = [guard.of for guard in trace.guards]
        if leaf.result is not None:
            figures = [
                *leaf.result.sums,
                *[part for parts in leaf.result.largest for part in parts],
            ]
            for figure in figures:
                most = figure.most if isinstance(figure, Polynomial) else abs(figure)
                self.most = max(self.most, most)
            waiting += figures
            waiting += [size for shape in leaf.result.shapes for size in shape]
        names = _variables_in(self._space, waiting)
        for number, variable in enumerate(self._variables):
            if any(unknown.name in names for unknown in variable.unknowns.values()):
                self.used.add(number)


def _joined(groups: Sequence[Group]) -> Group:
    if len(groups) == 1:
        return groups[0]
    points = np.concatenate([group.points for group in groups])
    return Group(groups[0].ranks, points, np.concatenate([group.sizes for group in groups]))


def regrouped(groups: Sequence[Group]) -> list[Group]:
    """Groups of the same numbers of axes as one."""
    found: dict[Ranks, list[Group]] = {}
    for group in groups:
        found.setdefault(group.ranks, []).append(group)
    return [_joined(same) for same in found.values()]


def _variables_in(space: Space, values: Sequence[Any]) -> set[str]:
    """The names of the variables in polynomials."""
    waiting = list(values)
    names: set[str] = set()
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, Polynomial) or value.number in seen:
            continue
        seen.add(value.number)
        for number in {index for monomial in value.terms for index in monomial}:
            atom = space.atoms[number]
            if atom.operation == "variable":
                names.add(atom.operands[0])
            else:
                waiting += atom.operands
    return names
