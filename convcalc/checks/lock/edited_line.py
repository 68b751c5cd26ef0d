"""The line of a file that was edited, given the first layer that it changed.

That is the layer's own line, or a call of a block around it: a line of a block that makes the same
layer as ever in another call was not edited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from convcalc.checks.diff.changes import Change, Changes
from convcalc.checks.diff.records import Record
from convcalc.graph import Node
from convcalc.problems import Call, Span


class Place(NamedTuple):
    """A line, and the block calls around it, outermost first; no line for a network in Python."""

    span: Span | None
    calls: tuple[Call, ...]


def edited_line(change: Change, found: Changes) -> Place:
    """Where the edit was made that made a change."""
    if change.new is None:
        return _removing(change.layer, found)
    if change.old is None:
        return _adding(change.new, found)
    if change.mark == "changed":
        return _changing(change.old, change.new, found)
    if change.mark == "renamed" and change.old.name == change.new.name:
        return _regrouping(change.new, found)
    return _own(change.new)


def _own(record: Record) -> Place:
    return Place(record.span, record.calls)


def _call(record: Record, depth: int) -> Place:
    """The call around a layer that has `depth` calls around itself, or else the layer's line."""
    calls = record.calls
    return Place(calls[depth].span, calls[:depth]) if depth < len(calls) else _own(record)


def _adding(record: Record, found: Changes) -> Place:
    """The outermost call of which every layer is new, or else the layer's own line."""
    others = [one for one in found.records[1] if found.old_of[one.index] >= 0]
    return _call_without(record, others)


def _regrouping(record: Record, found: Changes) -> Place:
    """The outermost call of which every layer is in another group, or else the layer's line."""
    renamed = {change.new for change in found.changes if change.mark == "renamed"}
    return _call_without(record, [one for one in found.records[1] if one not in renamed])


def _call_without(record: Record, others: Sequence[Record]) -> Place:
    """The outermost call around a layer that is around none of the others, or the layer's line."""
    around = {one.calls[: depth + 1] for one in others for depth in range(len(one.calls))}
    for depth in range(len(record.calls)):
        if record.calls[: depth + 1] not in around:
            return _call(record, depth)
    return _own(record)


def _removing(record: Record, found: Changes) -> Place:
    """What is now in the removed layer's place: in its group, or else the nearest of its group."""
    old, layers = found.records
    place = 1 + next((j for j in reversed(found.new_of[: record.index]) if j >= 0), -1)
    here = layers[min(place, len(layers) - 1)]
    parts = record.path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        kept = [j for i, j in enumerate(found.new_of) if j >= 0 and _within(old[i], parts[:length])]
        if kept:
            group = layers[kept[0]].path.split(".")[:length]  # it may have another number now
            inside = [one for one in layers if _within(one, group)]
            if here not in inside:
                here = min(inside, key=lambda one: abs(one.index - place))
            return _call(here, _calls_around(group, inside))
    return _call(here, 0)


def _within(record: Record, group: Sequence[str]) -> bool:
    return record.path.split(".")[: len(group)] == group


def _calls_around(group: Sequence[str], inside: Sequence[Record]) -> int:
    """How many calls are around the layers of a group itself.

    As many as its path has names that are a block's with a number; if calls have names of their
    own, as many as all layers in the group have in common.
    """
    first = inside[0].calls
    named = 0
    for part in group:
        if named < len(first) and part.rstrip("0123456789") == first[named].block:
            named += 1
    shared = 0
    for calls in zip(*[record.calls for record in inside], strict=False):
        if any(call != calls[0] for call in calls):
            break
        shared += 1
    return min(named or shared, shared)


#: What a layer is, from what it alone decides to what layers before it decide as well.
_ASPECTS: tuple[Callable[[Record], object], ...] = (
    lambda record: record.summary,
    lambda record: record.output[1],
    lambda record: record.output,
    lambda record: (record.summary, record.output, record.cost),
)


def _changing(old: Record, new: Record, found: Changes) -> Place:
    """The layer's line, that of what is fused to it, or a call of a block around it."""
    layers = found.records[1]

    def same(record: Record, aspect: Callable[[Record], object]) -> bool:
        before = found.before(record)
        return before is not None and aspect(before) == aspect(record)

    node = _fused_node(old, new)
    if node is not None:
        # It may be written in `defaults`, and others that are written there may be as ever.
        others = [one for one in layers if any(n.span == node.span for n in _nodes(one))]
        if not any(same(other, _ASPECTS[-1]) for other in others):
            return Place(node.span, node.calls)
    aspect = next((one for one in _ASPECTS if one(old) != one(new)), _ASPECTS[-1])
    alike = [record for record in layers if record.span == new.span]
    inner = 0
    while inner < len(new.calls) and any(same(record, aspect) for record in alike):
        inner += 1
        calls = _innermost(new.calls, inner)
        alike = [record for record in alike if _innermost(record.calls, inner) == calls]
    return _call(new, len(new.calls) - inner) if inner else _own(new)


def _nodes(record: Record) -> Sequence[Node]:
    return record.unit.nodes if record.unit is not None else ()


def _innermost(calls: Sequence[Call], count: int) -> list[tuple[Span, int]]:
    return [(call.span, call.copy) for call in calls[len(calls) - count :]]


def _fused_node(old: Record, new: Record) -> Node | None:
    """The norm or activation that is another one, or was not there, if nothing else changed."""
    before, after = [[part.kind for part in record.parts] for record in (old, new)]
    nodes = _nodes(new)
    if new.output != old.output or len(after) != len(nodes) or old.parts[0] != new.parts[0]:
        return None
    for index in range(1, len(after)):
        if index >= len(before) or after[index] != before[index]:
            return None if after[index] in before[index:] else nodes[index]
    return None
