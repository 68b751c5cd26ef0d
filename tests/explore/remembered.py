"""Figures of many variants without unknowns: what was computed of a segment is remembered.

A second way to the same figures: numbers are numbers, and each segment of a network is read and
analysed once for the arguments that it uses and the shapes that enter it. Nothing is traced, no
formula is evaluated, and no bound decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure
from convcalc.explore.variables import Assignment, Variable
from convcalc.language.building.segments import Refused, Unreadable
from convcalc.language.building.spec import Spec
from convcalc.shapes import Shape

#: Metrics that are the sum of the segments', and those that are the largest of them.
SUMS = ("params", "macs", "flops", "multiplies", "adds", "compares", "specials", "operations")
PEAKS = ("peak_memory", "peak_in_place")


class Remembered:
    """The figures of variants of a spec."""

    def __init__(self, spec: Spec, variables: Sequence[Variable]) -> None:
        self._variables = variables
        self._segments = spec.segments()
        settings = [variable.setting for variable in variables]
        self._assignment = Assignment(settings, spec.args, {}, {}, spec.ranks)
        self._known: dict[tuple[Any, ...], tuple[list[int], tuple[Shape, ...]] | str] = {}
        self.read = 0

    def figures(self, indices: Sequence[int]) -> dict[str, int] | str:
        """A point's figures by name, or the code of what is wrong with it."""
        values = [v.values[i] for v, i in zip(self._variables, indices, strict=True)]
        args, sizes = self._assignment.of(values)
        try:
            entering: Mapping[str, Shape] = self._segments.shapes(args, sizes)
        except Refused as error:
            return error.code
        figures = [0] * (len(SUMS) + len(PEAKS))
        for place in range(len(self._segments.parts)):
            found = self._of_segment(place, args, entering)
            if isinstance(found, str):
                return found
            parts, leaving = found
            for number, part in enumerate(parts):
                is_sum = number < len(SUMS)
                figures[number] = figures[number] + part if is_sum else max(figures[number], part)
            entering = dict(zip(["input"], leaving, strict=False))
        return dict(zip((*SUMS, *PEAKS), figures, strict=True))

    def _of_segment(
        self, place: int, args: Mapping[str, Any], entering: Mapping[str, Shape]
    ) -> tuple[list[int], tuple[Shape, ...]] | str:
        part = self._segments.parts[place]
        used = tuple([repr(args[name]) for name in sorted(part.args & args.keys())])
        key = (place, used, tuple(entering.values()))
        if key not in self._known:
            self.read += 1
            try:
                network, _ = self._segments.network(part, args, entering)
            except Refused as error:
                self._known[key] = error.code
            except Unreadable:
                raise AssertionError("the segments of this spec can be read alone") from None
            else:
                analysis = Analysis(network)
                parts = [measure(analysis, name) for name in (*SUMS, *PEAKS)]
                shapes = [network.nodes[index].shape for index in network.outputs.values()]
                self._known[key] = parts, tuple(shapes)
        return self._known[key]
