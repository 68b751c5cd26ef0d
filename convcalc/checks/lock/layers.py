"""Locked layers, and those of a live network as a lock would hold them, as records to compare.

A line of the lock says what a layer is (`conv 3x3 /2 + relu`), and not all of its arguments.
"""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType

from convcalc.analysis.costs.report import Report
from convcalc.analysis.units import Unit
from convcalc.checks.diff.changes import Changes, find_changes
from convcalc.checks.diff.records import Part, Record
from convcalc.checks.lock.file import LockedLayer, LockedNetwork, locked_layer
from convcalc.gc_pause import gc_paused
from convcalc.layers import KINDS, layer_class
from convcalc.layers.base import Layer
from convcalc.shapes import Shape

#: Arguments that are the number of channels of a layer's output.
_CHANNELS = ("channels", "units")
#: What arguments are if a line does not say them.
_DEFAULTS = {"stride": "1", "dilation": "1", "groups": "1", "positionwise": "false"}
_DEFAULTS |= {"heads": "1", "window": "none", "shift": "0"}
#: A word of a line: `/2`, `d2`, `g4`, `h8`, `s3`, and the kernel, window or size without a sign.
_WORD = re.compile(r"(/|d|g|h|s|)([0-9]+(?:x[0-9]+)*)")
_SIGNS = {"/": "stride", "d": "dilation", "g": "groups", "h": "heads", "s": "shift"}
#: What a word without a sign says, the first that the kind has.
_UNSIGNED = ("kernel", "window", "size")


@gc_paused()
def changes_since(locked: LockedNetwork, report: Report) -> Changes:
    """What changed in a network since it was locked."""
    return find_changes(_locked_records(locked), _live_records(report))


class LockedRecord(Record):
    """A layer of a lock, or as much of a live layer as a lock would hold."""

    __slots__ = ("locked",)

    def __init__(
        self, index: int, path: str, locked: LockedLayer, unit: Unit | None = None
    ) -> None:
        own = _part(locked.kind.partition(" + ")[0])
        what = (locked.kind, *_shown(own, locked.output).values())
        super().__init__(index, path, own.layer, what, (1, *locked.output), locked.cost, unit)
        self.locked = locked

    @property
    def summary(self) -> str:
        return self.locked.kind

    @property
    def parts(self) -> tuple[Part, ...]:
        own, *fused = [_part(text) for text in self.locked.kind.split(" + ")]
        arguments = {**_shown(own, self.locked.output), **own.arguments}
        return (own._replace(arguments=arguments), *fused)


def _locked_records(locked: LockedNetwork) -> list[Record]:
    """A lock's layers, inputs first."""
    inputs = [(path, LockedLayer("input", shape, 0, 0)) for path, shape in locked.inputs.items()]
    layers = [*inputs, *locked.layers.items()]
    return [LockedRecord(index, path, layer) for index, (path, layer) in enumerate(layers)]


def _live_records(report: Report) -> list[Record]:
    """A live network's layers, each with no more than a lock would hold of it."""
    return [LockedRecord(unit.index, unit.path, locked_layer(unit), unit) for unit in report.units]


def _shown(part: Part, output: Shape) -> dict[str, str]:
    """The arguments that a layer's output shows."""
    if part.layer is None:
        return {"shape": str(list(output))} if part.kind == "input" else {}
    return {name: str(output[0]) for name in _CHANNELS if name in part.layer.fields}


@cache
def _part(text: str) -> Part:
    """A layer, or what is fused to one, with the arguments that its text says.

    >>> dict(_part("conv 3x3 /2").arguments)
    {'kernel': '3', 'stride': '2', 'dilation': '1', 'groups': '1'}
    """
    kind, *words = text.split(" ")
    layer: type[Layer] | None = layer_class(kind) if kind in KINDS else None
    fields = layer.fields if layer is not None else {}
    arguments = {name: value for name, value in _DEFAULTS.items() if name in fields}
    literal = next((name for name, declared in fields.items() if declared.type.literal), "")
    for word in words:
        if literal:
            arguments[literal] = word
            continue
        match = _WORD.fullmatch(word)
        if match is None:
            arguments[word] = "true"
            continue
        name = _SIGNS.get(match[1]) or next((n for n in _UNSIGNED if n in fields), "size")
        sizes = match[2].split("x")
        arguments[name] = sizes[0] if len(set(sizes)) == 1 else f"[{', '.join(sizes)}]"
    ordered = {name: arguments[name] for name in (*fields, *arguments) if name in arguments}
    return Part(kind, layer, MappingProxyType(ordered))
