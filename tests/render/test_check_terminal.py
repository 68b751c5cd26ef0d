"""The report on a terminal is the report, in colour."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from convcalc.render.check_terminal import print_check

if TYPE_CHECKING:
    import pytest

REPORT = """\
models/a.yaml (width=0.5): ok, macs 75.2% of 20M

models/[bold]b: ok.yaml: FAILED
  metric  found  limit  over by          where
  macs      120    100  20 (+20.00%)     convcalc.yaml:6
  To do: make the network smaller, or edit the limit at convcalc.yaml:6.

2 checked, 1 failed
"""


def printed(text: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        print_check(text)
    return out.getvalue()


def test_without_colour_it_is_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    assert printed(REPORT) == REPORT


def test_long_lines_break_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    shown = printed(REPORT)
    assert shown.split() == REPORT.split()
    assert all(len(line) <= 40 for line in shown.splitlines())
    assert "models/a.yaml (width=0.5): ok, macs\n    75.2% of 20M\n" in shown
    assert "  To do: make the network smaller, or\n      edit the limit" in shown


def test_a_place_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    path = f"models/{'long' * 10}.yaml"
    assert path in printed(f"{path}: ok\n\n1 checked, all ok\n")


def test_in_colour_nothing_but_colour_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    coloured = printed(REPORT)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == REPORT
    assert re.search("\x1b\\[1;31mFAILED\x1b", coloured)
    assert re.search("\x1b\\[32mok\x1b", coloured)
    assert re.search("\x1b\\[1m1 failed\x1b", coloured)
