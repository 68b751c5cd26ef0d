"""Metrics of any number of variants of a network, exactly.

The network is traced with unknowns in place of what varies, segment by segment
(`convcalc.explore.units`), and the formulas are evaluated for all points at once. What cannot be
traced is read and analysed like any other network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.report import unknown_text
from convcalc.analysis.metrics import measure
from convcalc.explore.columns import LARGEST as LARGEST_NUMBER
from convcalc.explore.columns import Column
from convcalc.explore.figures import LARGEST, LOST, SUMMED, largest, summed
from convcalc.explore.runs import Run, Shapes
from convcalc.explore.units import (
    INVALID,
    UNSURE,
    VALID,
    Budget,
    Compute,
    Group,
    Leaf,
    Ranks,
    Result,
    Totals,
    Unit,
)
from convcalc.explore.variables import Assignment, Variable
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS, STEPS
from convcalc.language.building.segments import EXCLUDED, Refused, Segments, Unreadable
from convcalc.language.building.spec import Spec
from convcalc.language.reading.expressions import Expression, parse
from convcalc.polynomials import Trace
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, RuleError, Subject, refused
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.transform.whatif import WhatIf

#: Points that are evaluated together.
CHUNK = 1 << 14
#: What a problem of a condition is about.
WHEN = "when"
#: Points at which the sizes in a network are looked at before all others.
PROBES = 256


__all__ = ["EXCLUDED", "Engine", "Evaluated"]


class Evaluated(NamedTuple):
    """What became of some points.

    figures  a column for each metric, with 0 where the point is invalid
    valid    which points are networks
    codes    what is wrong first with the others: the code of a mistake
    """

    figures: dict[str, Column]
    valid: Column
    codes: Column


class Engine:
    """Metrics of the networks that a spec and values of variables make.

    metrics     compiled ones, of which each is in `SUMMED` or `LARGEST`; others are measured
    variables   what varies; a point has the number of one value of each
    args        other arguments, as `Spec.network` takes them, and `sizes` of inputs
    what_if     other channels, kernels or padding of each network
    conditions  expressions in the arguments and in what varies: where one is false, a point is none
                of the space, and its code is EXCLUDED
    most_effort what tracing may take in all, in layers; what is not traced then is read one by one,
                and where that takes as much again, ConvcalcError with status 2 is raised
    """

    def __init__(
        self,
        spec: Spec,
        variables: Sequence[Variable],
        metrics: Sequence[str],
        *,
        args: Mapping[str, object] | None = None,
        sizes: Mapping[str, Sequence[int | None]] | None = None,
        what_if: WhatIf | None = None,
        conditions: Sequence[str] = (),
        dtype: str = DEFAULT_DTYPE,
        max_layers: int = MOST_LAYERS,
        most_effort: int | None = None,
    ) -> None:
        self._spec = spec
        self._most_effort = most_effort
        self._effort_before = spec.effort
        self.variables = list(variables)
        self.metrics = list(metrics)
        self.dtype = dtype
        self._max_layers = max_layers
        self._most_steps = STEPS * max(max_layers, 1000) // 2
        self._what_if = what_if
        self._segments = spec.segments(max_layers)
        if what_if is not None:
            # It changes the layers of a whole network, and not how the next segment is read.
            self._segments = self._segments.joined()
        self._budget = Budget(self._segments.effort, most_effort)
        plain = {name: spec.argument(name, value) for name, value in (args or {}).items()}
        settings = [variable.setting for variable in variables]
        self._assignment = Assignment(settings, spec.args, plain, sizes or {}, spec.ranks)
        self._conditions = Conditions(conditions, variables)
        self._chains: dict[tuple[int, ...], _Chain] = {}
        self._fixed = [i for i, variable in enumerate(variables) if not variable.unknowns]
        self.loaded = 0
        self._probed = False
        self._first_condition()

    @property
    def paths(self) -> int:
        """How many paths were traced."""
        return sum([chain.paths for chain in self._chains.values()])

    def evaluate(self, indices: Sequence[Column], *, load: bool = True) -> Evaluated:
        """The metrics of points, given by the number of each variable's value.

        load  whether points that cannot be traced are read one by one; else they are not valid, and
              have no code
        """
        count = len(indices[0]) if indices else 1
        if not self._probed and count > PROBES:
            self._probed = True
            self._evaluate(self._probes(), load=False)
        found: list[Evaluated] = [
            self._evaluate([index[start : start + CHUNK] for index in indices], load=load)
            for start in range(0, count, CHUNK)
        ]
        if len(found) == 1:
            return found[0]
        return Evaluated(
            {name: np.concatenate([part.figures[name] for part in found]) for name in self.metrics},
            np.concatenate([part.valid for part in found]),
            np.concatenate([part.codes for part in found]),
        )

    def _probes(self) -> list[Column]:
        """Some points of the whole space: corners, and a few between."""
        random = np.random.default_rng(0)
        return [
            np.concatenate([[0, len(v) - 1], random.integers(0, len(v), PROBES - 2)])
            for v in self.variables
        ]

    def _evaluate(self, indices: Sequence[Column], *, load: bool = True) -> Evaluated:
        """The same for points that are not too many; those that need it are read if asked."""
        count = len(indices[0]) if indices else 1
        if not self._fixed:
            return self._of_chain((), indices, count, load)
        keys = np.zeros(count, np.int64)
        for number in self._fixed:
            keys = keys * len(self.variables[number]) + indices[number]
        figures: dict[str, Column] = {}
        valid, codes = np.zeros(count, bool), np.full(count, "", object)
        for key in np.unique(keys):
            points = np.flatnonzero(keys == key)
            choice = tuple([int(indices[number][points[0]]) for number in self._fixed])
            part = self._of_chain(choice, [index[points] for index in indices], len(points), load)
            for name, column in part.figures.items():
                whole = figures.setdefault(name, np.zeros(count, np.int64))
                if column.dtype == object and whole.dtype != object:
                    whole = figures[name] = whole.astype(object)
                whole[points] = column
            valid[points], codes[points] = part.valid, part.codes
        return Evaluated(figures, valid, codes)

    def _of_chain(
        self, choice: tuple[int, ...], indices: Sequence[Column], count: int, load: bool
    ) -> Evaluated:
        chain = self._chains.get(choice)
        if chain is None:
            chain = self._chains[choice] = self._chain(choice, self._segments)
        try:
            totals = chain.evaluate(indices, count)
        except Unreadable:
            chain = self._chains[choice] = self._chain(choice, self._segments.joined())
            totals = chain.evaluate(indices, count)
        # What comes near a limit on whole networks is read as one.
        steps, layers = totals.sums[:, -2], totals.sums[:, -1]
        near = (steps > self._most_steps) | (layers >= self._max_layers) | (layers == 0)
        totals.status[(totals.status == VALID) & near.astype(bool)] = UNSURE
        found = chain.figures(totals)
        for column in found.values():
            column[totals.status != VALID] = 0
        unsure = np.flatnonzero(totals.status == UNSURE)
        for point in unsure if load else ():
            self._load(totals, found, int(point), [int(index[point]) for index in indices])
        return Evaluated(found, totals.status == VALID, totals.codes)

    def _chain(self, choice: tuple[int, ...], segments: Segments) -> _Chain:
        fixed = dict(zip(self._fixed, choice, strict=True))
        values = [
            variable.values[fixed[number]] if number in fixed else None
            for number, variable in enumerate(self.variables)
        ]
        return _Chain(
            segments,
            self._assignment,
            self._conditions,
            self.variables,
            values,
            self.metrics,
            self.dtype,
            budget=self._budget,
            what_if=self._what_if,
        )

    def _load(
        self, totals: Totals, found: dict[str, Column], point: int, indices: Sequence[int]
    ) -> None:
        """Reads and analyses the network of a point that could not be traced."""
        spent = self._spec.effort - self._effort_before
        if self._most_effort is not None and spent > self._most_effort:
            message = (
                "formulas do not hold for this network, and reading every point takes too long"
            )
            raise refused("bad-option", message, "fewer values of what varies take less")
        self.loaded += 1
        try:
            self._check_conditions(indices)
            figures = self.measured(indices, self.metrics)
        except (Refused, RuleError) as error:
            totals.status[point], totals.codes[point] = INVALID, error.code
            return
        except ConvcalcError as error:
            totals.status[point], totals.codes[point] = INVALID, error.problems[0].code
            return
        totals.status[point] = VALID
        for name, figure in figures.items():
            if figure > LARGEST_NUMBER and found[name].dtype != object:
                found[name] = found[name].astype(object)
            found[name][point] = figure

    def _values(self, indices: Sequence[int]) -> list[Any]:
        return [v.values[index] for v, index in zip(self.variables, indices, strict=True)]

    def _first_condition(self) -> None:
        """Tries the conditions at the first point, where most mistakes in them show."""
        for text in self._conditions.texts:
            try:
                self._check(Conditions([text], self.variables), [0] * len(self.variables))
            except (Refused, ConvcalcError):
                pass  # the point is none of the space, or no network
            except RuleError as error:
                problem = error.at(None, Subject(argument=WHEN, value=text))
                raise ConvcalcError([problem], UNUSABLE) from None

    def _check_conditions(self, indices: Sequence[int]) -> None:
        """Raises Refused where a condition excludes a point."""
        if self._conditions.texts:
            self._check(self._conditions, indices)

    def _check(self, conditions: Conditions, indices: Sequence[int]) -> None:
        values = self._values(indices)
        args, sizes = self._assignment.of(values)
        self._segments.shapes(args, sizes, conditions.among(values))

    def formulas(self, indices: Sequence[Column]) -> list[tuple[Trace, Leaf, int]]:
        """The paths of points through whole networks, with how many of the points each has.

        Where something varies that is no number, each value of it has paths of its own.
        """
        found: list[tuple[Trace, Leaf, int]] = []
        keys = np.zeros(len(indices[0]), np.int64)
        for number in self._fixed:
            keys = keys * len(self.variables[number]) + indices[number]
        for key in np.unique(keys):
            points = np.flatnonzero(keys == key)
            choice = tuple([int(indices[number][points[0]]) for number in self._fixed])
            unit = self._chain(choice, self._segments.joined()).whole()
            chosen = [index[points] for index in indices]
            found += unit.traced_paths(chosen, len(points))
        return found

    def network(self, indices: Sequence[int]) -> Network:
        """The network of a point; raises ConvcalcError as `Spec.network` does."""
        args, sizes = self._assignment.of(self._values(indices))
        network = self._spec.network(args, sizes, max_layers=self._max_layers)
        return network if self._what_if is None else self._what_if.applied(network)

    def measured(self, indices: Sequence[int], metrics: Sequence[str]) -> dict[str, int]:
        """Metrics of a point as its own network has them; raises ConvcalcError."""
        analysis = Analysis(self.network(indices))
        totals = analysis.report.totals
        if totals.unknown or totals.unlisted:
            message = f"its cost is known in part only: {unknown_text(analysis.report.unknown)}"
            raise ConvcalcError([Problem("unknown-cost", message)])
        return {name: measure(analysis, name, self.dtype) for name in metrics}


class Conditions:
    """Conditions between the arguments and what varies, parsed; raises ConvcalcError.

    texts  as they are written
    """

    def __init__(self, texts: Sequence[str], variables: Sequence[Variable]) -> None:
        self.texts = texts
        self._variables = variables
        self._parsed: list[Expression] = []
        for text in texts:
            try:
                self._parsed.append(parse(text))
            except RuleError as error:
                problem = error.at(None, Subject(argument=WHEN, value=text))
                raise ConvcalcError([problem], UNUSABLE) from None

    def among(self, values: Sequence[Any]) -> tuple[list[Expression], dict[str, Any]]:
        """The conditions, and the names of sizes in them with their values."""
        names: dict[str, Any] = {}
        for variable, value in zip(self._variables, values, strict=True):
            if not variable.setting.argument:
                name, _, item = variable.name.partition("[")
                if not item:
                    names[name] = value
                else:
                    axes = names.setdefault(name, [None] * 3)
                    axes[variable.setting.item or 0] = value
        return self._parsed, names


class _Chain:
    """The segments of a network one after the other, for one choice of what is no number.

    values  the values of the variables that are no numbers; None for the others
    """

    def __init__(
        self,
        segments: Segments,
        assignment: Assignment,
        conditions: Conditions,
        variables: Sequence[Variable],
        values: Sequence[Any],
        metrics: Sequence[str],
        dtype: str,
        *,
        budget: Budget,
        what_if: WhatIf | None,
    ) -> None:
        self._budget = budget
        self._what_if = what_if
        self._segments = segments
        self._assignment = assignment
        self._conditions = conditions
        self._variables = variables
        self._values = values
        self._dtype = dtype
        self._sums = [name for name in metrics if name in SUMMED or name == LOST]
        self._largest = [name for name in metrics if name in LARGEST]
        self._units: dict[tuple[int, Ranks], Unit] = {}
        self._runs: list[Run] = []
        self._used: list[set[int]] = []
        self.traces = 0

    def evaluate(self, indices: Sequence[Column], count: int) -> Totals:
        """The figures of points; raises Unreadable where segments cannot be read alone.

        The last two sums are the steps of reading the network, and its layers.
        """
        if not self._runs:
            # What segments use, and how large sizes become, is found at some points before all.
            self._used = [set(range(len(self._variables)))] * (len(self._segments.parts) + 1)
            self._runs = self._made_runs()
            some = np.linspace(0, count - 1, min(count, PROBES)).astype(np.int64)
            self._evaluated([index[some] for index in indices], len(some))
            self._used = self._all_used()
            self._runs = self._made_runs()
        while True:
            totals = self._evaluated(indices, count)
            used = self._all_used()
            if used == self._used:
                return totals
            # New traces use variables that did not tell rows apart.
            self._used = used
            self._runs = self._made_runs()

    def figures(self, totals: Totals) -> dict[str, Column]:
        """The metrics of points by name."""
        found = {name: totals.sums[:, place] for place, name in enumerate(self._sums)}
        found.update({name: totals.largest[:, i] for i, name in enumerate(self._largest)})
        return found

    def _evaluated(self, indices: Sequence[Column], count: int) -> Totals:
        widths = (len(self._sums) + 2, len(self._largest))
        totals = Totals(count, *widths)
        points, shapes = np.arange(count), np.zeros(count, np.int32)
        bound = 0
        for run in self._runs:
            chosen = indices if len(points) == count else [index[points] for index in indices]
            rows = run.find(shapes, chosen)
            bound += run.most
            if bound > LARGEST_NUMBER and totals.sums.dtype != object:
                totals.widen()
            status = run.rows.status[rows]
            if status.any():
                wrong = points[status != VALID]
                totals.status[wrong] = status[status != VALID]
                totals.codes[wrong] = run.rows.codes[rows[status != VALID]]
                points, rows = points[status == VALID], rows[status == VALID]
            if len(points) == count:
                totals.sums += run.rows.sums[rows]
                np.maximum(totals.largest, run.rows.largest[rows], out=totals.largest)
            else:
                totals.sums[points] += run.rows.sums[rows]
                largest = np.maximum(totals.largest[points], run.rows.largest[rows])
                totals.largest[points] = largest
            shapes = run.left[rows]
            if not len(points):
                break
        return totals

    def _all_used(self) -> list[set[int]]:
        """The variables that each segment uses; the first is what reads the inputs."""
        found: list[set[int]] = [set() for _ in range(len(self._segments.parts) + 1)]
        for (part, _), unit in self._units.items():
            found[part + 1] |= unit.used
        return found

    def _made_runs(self) -> list[Run]:
        """Runs of segments that use no other variables than the first of them."""
        parts: list[list[int]] = []
        for part, used in enumerate(self._used, -1):
            if parts and used <= self._used[parts[-1][0] + 1]:
                parts[-1].append(part)
            else:
                parts.append([part])
        entering = Shapes()
        entering.numbers(Group((), np.zeros(1, np.int64), np.zeros((1, 0), np.int64)))
        runs = []
        widths = (len(self._sums) + 2, len(self._largest))
        for run in parts:
            used_here = sorted(self._used[run[0] + 1])
            leaving = Shapes() if run is not parts[-1] else None
            runs.append(Run(run, self._unit, self._variables, used_here, entering, leaving, widths))
            if leaving is not None:
                entering = leaving
        return runs

    def _unit(self, part: int, group: Group) -> Unit:
        unit = self._units.get((part, group.ranks))
        if unit is None or not unit.fits(group.sizes):
            lows, highs = group.sizes.min(axis=0), group.sizes.max(axis=0)
            if unit is not None:
                # The old traces do not hold for these sizes: wider ones take their place.
                lows = np.minimum(lows, [low for low, _ in unit.ranges])
                highs = np.maximum(highs, [high for _, high in unit.ranges])
                self.traces += len(unit.paths.leaves)
            ranges = list(zip(lows.tolist(), highs.tolist(), strict=True))
            unit = Unit(self._compute(part, group.ranks), self._variables, ranges, self._budget)
            self._units[part, group.ranks] = unit
        return unit

    @property
    def paths(self) -> int:
        """How many paths were traced."""
        return self.traces + sum([len(unit.paths.leaves) for unit in self._units.values()])

    def whole(self) -> Unit:
        """The network as one computation, its inputs included, in formulas for people."""

        def network(symbols: Sequence[Any], _: Sequence[Any]) -> Result:
            read = self._compute(-1, ())(symbols, ())
            ranks = tuple(map(len, read.shapes))
            sizes = [size for shape in read.shapes for size in shape]
            return self._compute(0, ranks)(symbols, sizes)

        return Unit(network, self._variables, (), self._budget, for_people=True)

    def _compute(self, part: int, ranks: Ranks) -> Compute:
        def inputs(symbols: Sequence[Any], _: Sequence[Any]) -> Result:
            values = self._all_values(symbols)
            args, sizes = self._assignment.of(values)
            shapes = self._segments.shapes(args, sizes, self._conditions.among(values))
            return Result(tuple(shapes.values()), (0,) * (len(self._sums) + 2), ())

        def segment(symbols: Sequence[Any], sizes: Sequence[Any]) -> Result:
            args, _ = self._assignment.of(self._all_values(symbols))
            names = self._segments.inputs if part == 0 else ["input"]
            rest = iter(sizes)
            entering = {
                name: tuple([next(rest) for _ in range(rank)])
                for name, rank in zip(names, ranks, strict=True)
            }
            of = self._segments.parts[part]
            network, steps = self._segments.network(of, args, entering)
            if self._what_if is not None:
                network = self._what_if.applied(network)
            analysis = Analysis(network)
            alone = len(self._segments.parts) == 1
            return Result(
                tuple([network.nodes[index].shape for index in network.outputs.values()]),
                [
                    *summed(analysis, self._sums, self._dtype, alone=alone),
                    steps,
                    len(network.operations),
                ],
                largest(analysis, self._largest, self._dtype, alone=alone),
            )

        return inputs if part < 0 else segment

    def _all_values(self, symbols: Sequence[Any]) -> list[Any]:
        """The variables' values, unknown where they are numbers."""
        return [
            value if symbol is None else symbol
            for symbol, value in zip(symbols, self._values, strict=True)
        ]
