"""Networks held against the lock: which changed, and which line did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.units import Unit
from convcalc.checks.lock.file import Lock, LockedLayer, LockedNetwork, unit_text
from convcalc.checks.project.own_file import in_own_file
from convcalc.metrics import TOTALS
from convcalc.problems import (
    AlsoIn,
    Call,
    ChangedTotals,
    Fact,
    Help,
    Locked,
    Note,
    Problem,
    Reason,
    Related,
    Source,
    Span,
    Subject,
    facts_of,
    printable,
    without_help,
)
from convcalc.quantities import change_text
from convcalc.shapes import Shape, cross_text

if TYPE_CHECKING:
    from convcalc.language.building.spec import Spec

#: What accepts a change.
ACCEPT = "`convcalc lock` accepts the change"
#: The code of every problem that a lock makes.
STALE = "stale-lock"
#: Layers that are named in one message.
_MOST_LAYERS = 3


def stale_problem(
    lock: Lock, found: LockedNetwork, report: Report, of_file: Spec
) -> Problem | None:
    """What is not as the lock says, at the line of the first layer that differs; None if nothing.

    `found` is the network's entry as it would be locked now, `report` what it was made of, and
    `of_file` the spec of that network.
    """
    locked = lock.find(found.file, found.variant)
    if locked is None:
        message = f"{printable(found.title, 200)} is not in the lock"
        help_text = "`convcalc lock` adds it"
        problem = Problem(STALE, message, first_line(of_file), (Help(help_text),))
        return in_own_file(problem, of_file.bases)
    if locked == found and list(locked.layers) == list(found.layers):
        return None
    path, text, span, calls = _first_difference(locked, found, report)
    span = span or first_line(of_file)
    facts: list[Fact] = [_locked_at(lock, locked, path)]
    differing = _differing(locked, found)
    others = [name for name in differing if name != path]
    if others:
        facts.append(Note(f"{_counted(others)} not as locked: {_named(others)}"))
    if locked.dtype != found.dtype:
        facts.append(Note(f"bytes are locked as {locked.dtype}, and are {found.dtype} now"))
    if locked.totals != found.totals:
        facts.append(ChangedTotals(total_changes(locked.totals, found.totals)))
    subject = Subject(variant=found.variant)
    problem = Problem(STALE, text, span, (*facts, Help(ACCEPT)), calls, subject)
    place = lock.spans[found.file, found.variant]
    return in_own_file(problem, of_file.bases, place)


def at_the_cause(
    problems: Sequence[Problem],
    lock: Lock,
    found: LockedNetwork,
    report: Report,
    bases: Mapping[Source, Span],
) -> list[Problem]:
    """Broken expectations at the line of the first layer that is not as locked, if one is not.

    What an expectation says held when the network was locked, most likely; what has changed since
    is what broke it.
    """
    locked = lock.find(found.file, found.variant)
    if not problems or locked is None or list(locked.layers.items()) == list(found.layers.items()):
        return list(problems)
    path, text, span, calls = _first_difference(locked, found, report)
    moved = []
    for problem in problems:
        facts: list[Fact] = [_locked_at(lock, locked, path)._replace(change=text)]
        if problem.span is not None:
            facts.append(Related(Reason.EXPECTATION, problem.span))
        there = problem._replace(span=span, calls=calls, facts=(*facts, *problem.facts))
        moved.append(in_own_file(there, bases, problem.span))
    return moved


def _locked_at(lock: Lock, locked: LockedNetwork, path: str) -> Locked:
    """Where a layer is locked, or the network where the layer is not."""
    return Locked(lock.place(locked, path), path if path in locked.layers else "")


def gone_problem(lock: Lock, network: LockedNetwork, reason: str) -> Problem:
    """A network that is locked and is there no more."""
    message = f"{printable(network.title, 200)} is locked, but {reason}"
    span = lock.spans[network.file, network.variant]
    return Problem(STALE, message, span, (Help("`convcalc lock` removes it"),))


def told_once(problems: Sequence[tuple[str, Problem]]) -> list[Problem]:
    """Problems of several networks, each told at its line once, with the other networks as a note.

    problems  the title of a network with one of its problems, in order

    One edited line makes every variant of a file stale, and a mistake in it is one of each. The
    first of them stands for all, with its figures.
    """
    first: dict[object, Problem] = {}
    others: dict[object, dict[str, None]] = {}
    for title, problem in problems:
        stale = problem.code == STALE and problem.span is not None
        # In a block the line alone does not tell: the call around it may be what was edited.
        spans = [problem.span, *[call.span for call in problem.calls]]
        key = (*spans, *facts_of(problem.facts, Help)) if stale else problem.identity
        if key not in first:
            first[key], others[key] = problem, {}
        elif stale:
            others[key][title] = None
    return [_with_others(problem, [*others[key]]) for key, problem in first.items()]


def _with_others(problem: Problem, titles: Sequence[str]) -> Problem:
    if not titles:
        return problem
    facts = (*without_help(problem.facts), AlsoIn(tuple(titles)), *facts_of(problem.facts, Help))
    return problem._replace(facts=facts)


def total_changes(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """The most telling of the totals that differ: "params 61,706 -> 80,000 (+29.65%)"."""
    names = [*before, *[name for name in after if name not in before]]
    differ = [name for name in names if before.get(name) != after.get(name)]
    headlines = [name for name, metric in TOTALS.items() if metric.headline]
    shown = [name for name in headlines if name in differ] or differ[: len(headlines)]
    texts = [_change(name, before.get(name), after.get(name)) for name in shown]
    more = len(differ) - len(shown)
    return "; ".join([*texts, *([f"and {more} more"] if more else [])])


def _change(name: str, before: int | None, after: int | None) -> str:
    if before is None or after is None:
        what = "is not locked yet" if before is None else "is locked but not measured any more"
        return f"{printable(name)} {what}"
    unit = unit_text(name)
    return f"{printable(name)} {before:,} -> {after:,}{unit} ({change_text(before, after)})"


def first_line(of_file: Spec) -> Span:
    """The first line of the file, for what no layer is to blame for."""
    return Span(of_file.source, 1, 1)


class _Difference(NamedTuple):
    """The first place where a network is not as locked.

    path   of the layer; "" where it is none
    text   what is different there
    span   the line to blame
    calls  the block calls around that line
    """

    path: str
    text: str
    span: Span | None
    calls: tuple[Call, ...] = ()


def _first_difference(locked: LockedNetwork, found: LockedNetwork, report: Report) -> _Difference:
    for node in report.network.nodes:
        before = locked.inputs.get(node.path)
        if node.kind == "input" and node.shape != before:
            was = f"locked as {cross_text(before)}" if before else "not locked"
            text = f"the input {node.path} is {cross_text(node.shape)}, {was}"
            return _Difference("", text, node.span)
    told = [unit for unit in report.units if unit.members]
    layers = list(locked.layers.items())
    for index, unit in enumerate(told):
        now = found.layers[unit.path]
        before_layer = locked.layers.get(unit.path)
        if before_layer is None:
            text = f"{unit.path} is not locked: {_described(now)}"
            return _Difference(unit.path, text, *_added(unit, locked, told))
        if index >= len(layers) or layers[index][0] != unit.path:
            text = f"{unit.path} is not locked here: {_instead(layers, index)}"
            missing = layers[index][0] if index < len(layers) else unit.path
            return _Difference(unit.path, text, *_removed(unit, missing, told[:index], told))
        if before_layer != now:
            text = f"{unit.path} is not as locked: {_layer_changes(before_layer, now)}"
            return _Difference(unit.path, text, *_changed(unit, locked, found, told))
    if len(layers) > len(told):
        missing = layers[len(told)][0]
        text = f"nothing follows {told[-1].path}, where {missing} is locked"
        return _Difference(told[-1].path, text, *_removed(told[-1], missing, told, told))
    if locked.outputs != found.outputs:
        text = f"the outputs are {_puts(found.outputs)}, locked as {_puts(locked.outputs)}"
        return _Difference("", text, None)
    text = f"the totals of {printable(found.file, 200)} are not as locked"
    if locked.dtype != found.dtype:
        text = (
            f"the dtype of {printable(found.file, 200)} is {found.dtype}, locked as {locked.dtype}"
        )
    return _Difference("", text, None)


_Place = tuple[Span | None, tuple[Call, ...]]


def _own(unit: Unit) -> _Place:
    """The line where a layer is written."""
    return unit.span, unit.calls


def _call(unit: Unit, depth: int) -> _Place:
    """The line of the call around a layer that has `depth` calls around itself, if there is one."""
    calls = unit.node.calls
    return (calls[depth].span, calls[:depth]) if depth < len(calls) else _own(unit)


def _added(unit: Unit, locked: LockedNetwork, told: Sequence[Unit]) -> _Place:
    """The line that adds a layer: its own, or the call of a block that is all new."""
    known = {""}
    for path in locked.layers:
        parts = path.split(".")
        known.update([".".join(parts[:length]) for length in range(1, len(parts))])
    group = unit.path
    while group not in known:
        group = group.rpartition(".")[0]
    return _call(unit, _calls_of(group, told))


def _removed(unit: Unit, missing: str, before: Sequence[Unit], told: Sequence[Unit]) -> _Place:
    """The line that stands where another layer is locked: in that layer's group, or its last."""
    group = missing
    inside: list[Unit] = []
    while group and not inside:
        group = group.rpartition(".")[0]
        inside = [other for other in before if other.path.startswith(f"{group}.")]
    if group and not unit.path.startswith(f"{group}."):
        unit = inside[-1]
    return _call(unit, _calls_of(group, told))


def _calls_of(group: str, told: Sequence[Unit]) -> int:
    """How many calls are around the layers of a group itself.

    As many as its path has names that are a block's with a number; where calls have names of their
    own, as many as all layers in the group have in common.
    """
    found = [unit.node.calls for unit in told if unit.path.startswith(f"{group}.")]
    if not group or not found:
        return 0
    named = 0
    for part in group.split("."):
        if named < len(found[0]) and part.rstrip("0123456789") == found[0][named].block:
            named += 1
    shared = 0
    for calls in zip(*found, strict=False):
        if any(call != calls[0] for call in calls):
            break
        shared += 1
    return min(named or shared, shared)


def _changed(
    unit: Unit, locked: LockedNetwork, found: LockedNetwork, told: Sequence[Unit]
) -> _Place:
    """The line that changes a layer: where it is written, or a call of the block around it.

    A line of a block that makes the same layer as ever in another call is not to blame: then it is
    the call.
    """
    before, now = locked.layers[unit.path], found.layers[unit.path]
    node = unit.node
    fused = _fused(unit, before, now)
    if fused is not None:
        # It may be written in `defaults`, which other layers follow as ever.
        span = fused.node.span
        others = [o for o in told if any(member.node.span == span for member in o.members)]
        if not any(locked.layers.get(o.path) == found.layers[o.path] for o in others):
            return span, node.calls
    aspect = next(one for one in _ASPECTS if one(before) != one(now))

    def same(other: Unit) -> bool:
        was = locked.layers.get(other.path)
        return was is not None and aspect(was) == aspect(found.layers[other.path])

    alike = [other for other in told if other.node.span == node.span]
    inner = 0
    while inner < len(node.calls) and any(same(other) for other in alike):
        inner += 1
        calls = _innermost(node.calls, inner)
        alike = [o for o in alike if _innermost(o.node.calls, inner) == calls]
    return _call(unit, len(node.calls) - inner) if inner else (node.span, node.calls)


#: What a layer is, from what it alone decides to what other layers before it change as well.
_ASPECTS: tuple[Callable[[LockedLayer], object], ...] = (
    lambda layer: layer.kind,
    lambda layer: layer.output[0],
    lambda layer: layer.output,
    lambda layer: layer,
)


def _innermost(calls: Sequence[Call], count: int) -> list[tuple[Span, int]]:
    return [(call.span, call.copy) for call in calls[len(calls) - count :]]


def _fused(unit: Unit, before: LockedLayer, now: LockedLayer) -> LayerReport | None:
    """What is fused behind a layer and is another one, or was not there, if that is all."""
    ours, theirs = now.kind.split(" + "), before.kind.split(" + ")
    if now.output != before.output or len(ours) != len(unit.members):
        return None
    for index, member in enumerate(unit.members[1:], 1):
        if index >= len(theirs) or ours[index] != theirs[index]:
            return None if ours[index] in theirs[index:] else member
    return None


def _instead(before: Sequence[tuple[str, LockedLayer]], index: int) -> str:
    """What is locked where another layer stands now."""
    if index < len(before):
        return f"{before[index][0]} is, {_described(before[index][1])}"
    return "the order is another"


def _described(layer: LockedLayer) -> str:
    shape = cross_text(layer.output)
    return f"{layer.kind} -> {shape}, params {layer.params:,}, macs {layer.macs:,}"


def _layer_changes(before: LockedLayer, now: LockedLayer) -> str:
    parts = []
    if before.kind != now.kind:
        parts.append(f"{before.kind} -> {now.kind}")
    if before.output != now.output:
        parts.append(f"output {cross_text(before.output)} -> {cross_text(now.output)}")
    if before.params != now.params:
        parts.append(_change("params", before.params, now.params))
    if before.macs != now.macs:
        parts.append(_change("macs", before.macs, now.macs))
    return ", ".join(parts)


def _differing(locked: LockedNetwork, found: LockedNetwork) -> list[str]:
    names = [path for path, layer in found.layers.items() if locked.layers.get(path) != layer]
    return [*names, *[path for path in locked.layers if path not in found.layers]]


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} other layer is" if len(names) == 1 else f"{len(names)} other layers are"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_LAYERS])
    return f"{shown}, ..." if len(names) > _MOST_LAYERS else shown


def _puts(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {cross_text(shape)}" for name, shape in shapes.items())
