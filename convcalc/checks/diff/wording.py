"""What a change is called: the same words in a diff, in growth and in `lock --check`."""

from __future__ import annotations

from convcalc.checks.diff.changes import Changes
from convcalc.checks.diff.hunks import Hunk, single_hunks
from convcalc.checks.diff.records import Argument, Record
from convcalc.problems import printable
from convcalc.shapes import Shape, cross_text


def hunk_text(hunk: Hunk) -> str:
    """What happened to the layers of a hunk: `kernel 3 -> 5, output 8x30x30 -> 8x28x28`."""
    change = hunk.changes[0]
    count = len(hunk.changes)
    many = f"{count} layers: " if count > 1 else ""
    if hunk.groups:
        groups = f"{hunk.groups} groups, " if hunk.groups > 1 else ""
        return f"{groups}{count} layers"
    if change.old is not None and change.new is not None:
        parts = [_argument_text(argument) for argument in change.arguments]
        if hunk.mark == "moved":
            parts.insert(0, "moved")
        elif change.renamed:
            parts.append(f"was {change.old.path}")
        if count == 1 and change.old.output != change.new.output:
            parts.append(_output_text(change.old, change.new))
        return many + (", ".join(parts) or "costs differ")
    text = f"{many}{change.layer.summary}"
    sizes = {one.layer.output for one in hunk.changes}
    return f"{text}, output {size_text(change.layer.output)}" if len(sizes) == 1 else text


def headline(hunk: Hunk) -> str:
    """A hunk as a sentence: `conv0 changed: kernel 3 -> 5`."""
    text = hunk_text(hunk)
    return f"{hunk.name} {text}" if hunk.mark == "moved" else f"{hunk.name} {hunk.mark}: {text}"


def follower_text(old: Record, new: Record) -> str:
    """What follows for a layer from the change of another one."""
    if old.output != new.output:
        return f"follows: {_output_text(old, new)}"
    before, after = [", ".join(size_text(shape) for shape in one.inputs) for one in (old, new)]
    return f"follows: input {before} -> {after}" if before != after else "follows"


def layer_texts(found: Changes) -> dict[str, str]:
    """What happened to each layer of the new version that is not as it was, by its path."""
    texts: dict[str, str] = {}
    for hunk in single_hunks(found):
        change = hunk.changes[0]
        if change.new is not None:
            texts[change.new.path] = "added" if hunk.mark == "added" else hunk_text(hunk)
        for _, follower in change.follows:
            texts[follower.path] = f"follows {change.layer.path}"
    return texts


def size_text(shape: Shape) -> str:
    """A shape without the batch axis, which no change is about."""
    return cross_text(shape[1:])


def _argument_text(argument: Argument) -> str:
    return f"{argument.name} {printable(argument.before)} -> {printable(argument.after)}"


def _output_text(old: Record, new: Record) -> str:
    return f"output {size_text(old.output)} -> {size_text(new.output)}"
