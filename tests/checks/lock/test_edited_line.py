"""The line that was edited, found from the first layer that it changed."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.checks.lock.edited_line import Place, edited_line
from convcalc.checks.lock.file import locked_network
from convcalc.checks.lock.layers import changes_since


def edited(old: str, new: str) -> Place:
    """Where the first change is between two specs, the old one being locked."""
    before, after = [convcalc.analyze(convcalc.loads(text)) for text in (old, new)]
    found = changes_since(locked_network("", "", before, {}), after)
    return edited_line(found.changes[0], found)


def line_of(old: str, new: str) -> int | None:
    span = edited(old, new).span
    return span.line if span is not None else None


BLOCKS = """\
input: [3, 32, 32]
blocks:
  unit(c, s=1):
    - {conv: c, kernel: 3, stride: s, padding: 1}
    - {conv: 2*c, kernel: 1}
  stage(c, n):
    - {unit: c, repeat: n, first: {s: 2}}
layers:
  - {stage: [8, 2]}
  - {stage: [16, 3]}
  - {dense: 10}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "calls"),
    [
        # A line of a block that changes every call of it was edited itself.
        ("{conv: 2*c, kernel: 1}", "{conv: 3*c, kernel: 1}", 5, ["stage", "unit"]),
        ("{conv: 2*c, kernel: 1}", "{conv: 2*c, kernel: 1, bias: false}", 5, ["stage", "unit"]),
        ("first: {s: 2}", "first: {s: 1}", 7, ["stage"]),
        ("{unit: c,", "{unit: 2*c,", 4, ["stage", "unit"]),
        # One that is as ever in another call is not.
        ("[8, 2]", "[9, 2]", 9, []),
        ("[16, 3]", "[17, 3]", 10, []),
        # What is new, what is missing: the call that makes more or fewer.
        ("[8, 2]", "[8, 3]", 7, ["stage"]),
        ("[16, 3]", "[16, 4]", 7, ["stage"]),
        ("  - {stage: [8, 2]}\n", "  - {stage: [8, 2]}\n  - {stage: [8, 2]}\n", 10, []),
        ("    - {conv: 2*c, kernel: 1}\n", "    - {conv: 2*c, kernel: 1}\n    - relu\n", 6, []),
        ("    - {conv: 2*c, kernel: 1}\n", "", 4, []),
        ("[16, 3]", "[16, 2]", 7, ["stage"]),
    ],
)
def test_the_line_or_the_call(old: str, new: str, line: int, calls: list[str]) -> None:
    assert BLOCKS.count(old) == 1
    place = edited(BLOCKS, BLOCKS.replace(old, new))
    assert place.span is not None
    assert place.span.line == line
    if calls:
        assert [call.block for call in place.calls] == calls


NAMED = """\
input: [3, 32, 32]
defaults:
  conv: {norm: batch,
         activation: relu}
blocks:
  unit(c):
    - {conv: c, kernel: 3}
    - {maxpool: 2}
layers:
  - {unit: 8, name: stem}
  - {unit: 16}
  - {conv: 4, kernel: 1, activation: none}
  - global_avgpool
  - {dense: 10}
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        # A group has the name that its call gives it, a layer its own.
        ("name: stem", "name: head", 10),
        ("global_avgpool", "{global_avgpool: {}, name: pool}", 13),
        # What is where a group was removed, and after the last layer that is left.
        ("  - {unit: 8, name: stem}\n", "", 10),
        ("  - {unit: 16}\n", "", 11),
        ("  - {dense: 10}\n", "", 13),
        # In `defaults`, unless another layer has the same from there as before.
        ("norm: batch", "norm: layer", 3),
        ("activation: relu", "activation: silu", 4),
        ("activation: none}", "activation: silu}", 12),
        # In place of another layer, of another kind.
        ("- global_avgpool", "- flatten", 13),
        ("[3, 32, 32]", "[3, 48, 48]", 1),
    ],
)
def test_names_groups_and_defaults(old: str, new: str, line: int) -> None:
    assert NAMED.count(old) == 1
    assert line_of(NAMED, NAMED.replace(old, new)) == line
