"""The faces of a diff: plain, on a terminal, Markdown, JSON."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from convcalc.render.diff import diff_data, diff_markdown, diff_parts, diff_text
from convcalc.render.jsons import json_text
from convcalc.render.numbers import excess
from convcalc.render.table import display_width
from convcalc.render.terminal import print_table
from tests.render.diffs import comparison, several

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    """`python -m tests.render.update_golden` writes them anew."""
    return (GOLDEN / name).read_text(encoding="utf-8")


def on_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    for part in diff_parts([comparison()], every=False, top=None):
        if isinstance(part, str):
            out.write(part)
        else:
            print_table(part, width=width)
    return out.getvalue()


def test_plain_text() -> None:
    assert diff_text(several(), every=False, top=None) == golden("diff.txt")


def test_every_layer() -> None:
    assert diff_text([comparison()], every=True, top=None) == golden("diff_expanded.txt")


def test_one_empty_line_around_a_table() -> None:
    text = diff_text([comparison()] * 2, every=False, top=None)
    assert text.count("\n\n") == 4
    assert "\n\n\n" not in text
    assert not diff_text([comparison()], every=False, top=None).endswith("\n\n")


def test_markdown() -> None:
    assert diff_markdown(several(), every=False, top=None) == golden("diff.md")


def test_json() -> None:
    assert json_text(diff_data([comparison()], None)) == golden("diff.json")


@pytest.mark.parametrize("width", [80, 140])
def test_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = on_a_terminal(width, monkeypatch)
    assert "\x1b" not in text
    assert all(display_width(line.rstrip()) <= width for line in text.splitlines())
    assert text == golden(f"diff_{width}.txt")


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Green for what is added, red for what is removed; the marks say the same without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = on_a_terminal(140, monkeypatch).splitlines()
    for sign, colour in (("+", "32"), ("-", "31"), ("~", "33"), (">", "35"), ("=", "34")):
        marked = [line for line in lines if line.startswith(f"\x1b[{colour}m{sign}")]
        assert marked, sign


class TestTop:
    def test_what_is_left_out_is_counted(self) -> None:
        text = diff_text([comparison()], every=False, top=3)
        lines = text.split("\n\n")[0].splitlines()
        every = golden("diff.txt").split("\n\n")[0].splitlines()
        assert lines[3][0] == "="
        # A title, a heading and a rule; then the rows, and here the note.
        assert (len(lines), lines[-1]) == (3 + 3 + 1, f"{len(every) - 6} more rows.")

    def test_the_totals_stay(self) -> None:
        texts = [diff_text([comparison()], every=False, top=top) for top in (1, None)]
        assert texts[0].split("\n\n")[1] == texts[1].split("\n\n")[1]

    @pytest.mark.no_cover
    def test_markdown_fits_into_a_comment(self) -> None:
        from convcalc.analysis.costs.report import analyze
        from convcalc.checks.diff.diff import compare
        from convcalc.checks.diff.versions import Comparison
        from convcalc.language.load import loads

        def text(kernel: str) -> str:
            layers = "".join(
                f"  - {{conv: {i + 4}, kernel: {kernel}, padding: same, name: {'n' * 60}{i}}}\n"
                for i in range(900)
            )
            return f"input: [3, 8, 8]\nlayers:\n{layers}"

        old = analyze(loads(text("3")))
        new = analyze(loads(text("5").replace("nnn", "mmm")))
        one = Comparison("changed", "a", "b", old, new, compare(old, new))
        assert len(diff_markdown([one], every=True, top=None)) < 65_536

    @pytest.mark.no_cover
    def test_very_many_networks_fit_into_a_comment(self) -> None:
        many = several() * 200
        text = diff_markdown(many, every=True, top=None)
        assert 55_000 < len(text) < 65_536
        assert "not shown here. 1200 networks: 200 same, " in text.splitlines()[-1]
        assert "more rows." in text


class TestData:
    def test_the_totals_are_those_of_both_networks(self) -> None:
        one = comparison()
        (data,) = diff_data([one], None)["networks"]
        assert one.old
        assert one.new
        assert data["totals"]["params"] == {
            "before": one.old.totals.params,
            "after": one.new.totals.params,
            "change": one.new.totals.params - one.old.totals.params,
        }

    def test_the_changes_add_up(self) -> None:
        (data,) = diff_data([comparison()], None)["networks"]
        for key in ("params", "macs", "flops"):
            own = sum(change[key] for change in data["changes"])
            follows = sum(one[key] for change in data["changes"] for one in change["follows"])
            assert own + follows == data["totals"][key]["change"]

    def test_files_that_came_and_went(self) -> None:
        data: list[Any] = diff_data(several(), {"revision": "HEAD", "commit": "1"})["networks"]
        assert [one["status"] for one in data] == [
            "changed",
            "same",
            "renamed",
            "renamed",
            "new",
            "deleted",
        ]
        assert data[4]["old"] is None
        assert data[4]["totals"]["params"]["before"] == 0
        assert data[5]["new"] is None
        assert data[5]["changes"] == []


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1000, 1041, "+4.1%"),
        (1000, 1000, "0%"),
        (0, 0, "0%"),
        (3, 0, "-100.0%"),
        (0, 3, "new"),
        (10**30, 3 * 10**30, "+200.0%"),
        (3, 2, "-33.3%"),
    ],
)
def test_percents(before: int, after: int, text: str) -> None:
    assert excess(after, before) == text
