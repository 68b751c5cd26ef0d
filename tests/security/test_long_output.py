"""What a short file makes convcalc write stays in proportion to the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import run, spec

MANY = 3_000
BRANCHES = ", ".join(f"[{{conv: {size + 1}, kernel: 1}}]" for size in range(MANY))
POOLED = ", ".join(f"[{{maxpool: {size % 8 + 1}}}]" for size in range(MANY))
INPUTS = "{" + ", ".join(f"in{number}: [3, 8, 8]" for number in range(MANY)) + "}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"input: [3, 8, 8]\nlayers: [{{add: [{BRANCHES}]}}]\n", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
        (f"input: [3, 8, 8]\nlayers: [{{mul: [{POOLED}]}}]\n", "8x8, 4x4, 2x2, 1x1\n"),
        (f"input: [3, 8, 8]\nlayers: [{{concat: [{POOLED}]}}]\n", "8x8, 4x4, 2x2, 1x1\n"),
        (f"input: {INPUTS}\nlayers: [relu]\n", "in8, in9 and 2,990 more"),
    ],
)
def test_a_message_lists_a_few_of_many(text: str, said: str, tmp_path: Path) -> None:
    result = run("check", spec(tmp_path, text))
    assert result.status == 1
    assert said in result.err
    assert len(result.err) < 2_000


def test_the_branches_that_differ_are_among_those_listed(tmp_path: Path) -> None:
    last = ", ".join(["[]"] * MANY + ["[{maxpool: 2}]"])
    result = run("check", spec(tmp_path, f"input: [3, 8, 8]\nlayers: [{{add: [{last}]}}]\n"))
    assert "add needs equal spatial sizes (or 1), not 8x8, 4x4\n" in result.err
    assert f"branch: branch{MANY}: (1, 3, 4, 4)" in result.err
    assert "note: and 2,999 more branches" in result.err
