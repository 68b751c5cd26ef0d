"""Networks that are blocks of another: their layers become layers of its graph.

Not all of these have to be used. What follows a layer that its inputs do not fit is not read, and
that mistake is reported only where something uses what is missing. Layers that nothing uses are
removed at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from convcalc.graph import Node
from convcalc.language.building.arguments import evaluate_args
from convcalc.language.building.evaluation import Copy, Evaluator, File, Frame, Misfit
from convcalc.language.building.groups import UNKNOWN, Flow
from convcalc.language.building.layers import LayerReader
from convcalc.language.building.outputs import Use, read_outputs
from convcalc.language.reading.document import Document
from convcalc.language.reading.nodes import ListNode, MapNode
from convcalc.problems import Fact, Note, Problem, Span, Subject

#: Adds the layers of a list to the graph; the value of the last.
Sequence = Callable[[ListNode, Flow | None, Frame], Flow | None]

#: Layers that a note names.
_MOST_NAMES = 10


class NetworkReader:
    """Adds the layers of networks that are blocks.

    uses  those that are not part of another one, in order
    """

    def __init__(self, evaluator: Evaluator, layers: LayerReader) -> None:
        self._evaluator = evaluator
        self._layers = layers
        self.uses: list[Use] = []
        self._misfits: list[tuple[Problem, int]] = []

    def read(
        self, network: Document, copy: Copy, given: Mapping[str, Any], body: Frame, read: Sequence
    ) -> Flow | None:
        """Adds a network's layers, by `read`; its value, or None where it has several outputs.

        given  the arguments of the call
        body   the frame of a block at this place
        """
        file = File(network, {})
        frame = body._replace(file=file, args=file.args)
        evaluate_args(file, self._evaluator, given, frame)
        frame.group.input_name = _input_name(network)
        first = len(self._layers.nodes)
        reached = self._layers.reached
        misfit = None
        self._evaluator.trials += 1
        try:
            value = self._value(network, copy.flow, frame, read)
        except Misfit as error:
            misfit, value = error.problem, UNKNOWN
            frame.group.broken = True
            self._misfits.append((misfit, self._layers.reached or 0))
            self._layers.reached = reached
        finally:
            self._evaluator.trials -= 1
        if not self._evaluator.trials:
            nodes = range(first, len(self._layers.nodes))
            self.uses.append(Use(copy.path, nodes, copy.item.span, copy.frame.calls, misfit))
        return value

    def _value(
        self, network: Document, flow: Flow | None, frame: Frame, read: Sequence
    ) -> Flow | None:
        layers = network.keys["layers"][1]
        if not isinstance(layers, ListNode):
            raise TypeError(f"not a list of layers: {layers!r}")
        value = read(layers, flow, frame)
        if "outputs" in network.keys:
            found = read_outputs(network.keys["outputs"][1], self._evaluator, frame)
            if len(found) == 1:
                return next(iter(found.values()))
            frame.group.results = tuple(found)
            return None
        return value

    def report(self) -> None:
        """Records the mistakes after which no more of a network was read: that is needed."""
        for problem, reached in self._misfits:
            if self._layers.reached is None:
                self._layers.reached = reached
            self._evaluator.refuse(problem)


def _input_name(network: Document) -> str:
    """What the one input of a network is called in it."""
    entry = network.keys.get("input")
    if entry is not None and isinstance(entry[1], MapNode):
        return next(iter(entry[1].entries), "input")
    return "input"


def unused_notes(nodes: list[Node], uses: Iterable[Use], removed: set[int]) -> list[Problem]:
    """A note for each place where a network is used of which layers are removed."""
    notes: dict[tuple[Span, str], Problem] = {}
    for use in uses:
        names = _widest([nodes[index].unit for index in use.nodes], use, removed)
        facts: tuple[Fact, ...] = ()
        if use.misfit is not None:
            names.append("what follows")
            facts = (Note(f"no more of it was read: {use.misfit.text}"),)
        if len(names) > _MOST_NAMES:
            names[_MOST_NAMES:] = [f"{len(names) - _MOST_NAMES} more"]
        if names:
            *others, last = names
            message = f"nothing uses {', '.join(others)}{' and ' if others else ''}{last}"
            subject = Subject(layer=use.path)
            note = Problem("unused-layers", message, use.span, facts, use.calls, subject)
            notes.setdefault((use.span, message), note)
    return list(notes.values())


def _widest(units: list[str], use: Use, removed: set[int]) -> list[str]:
    """The layers and groups of a use all of whose nodes are removed, each within no other."""
    total: dict[str, int] = {}
    gone: dict[str, int] = {}
    start = len(use.path) + 1
    for index, unit in zip(use.nodes, units, strict=True):
        end = len(unit)
        while end > start:
            total[unit[start:end]] = total.get(unit[start:end], 0) + 1
            gone[unit[start:end]] = gone.get(unit[start:end], 0) + (index in removed)
            end = unit.rfind(".", start, end)
    names = [name for name in total if total[name] == gone[name]]
    whole = set(names)
    return [name for name in names if name.rpartition(".")[0] not in whole]
