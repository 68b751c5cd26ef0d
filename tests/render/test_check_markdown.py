"""The comment under a pull request: what it says, how long it gets, and that names stay names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import Problem, printable
from convcalc.render.check_markdown import COMMENT_LIMIT, MARKER, SUMMARY_LIMIT, check_markdown
from tests.quick import fewer_examples
from tests.render.checked import CHECKED, MANY, OVER

if TYPE_CHECKING:
    from markdown_it.token import Token

GOLDEN = Path(__file__).parent / "golden" / "check.md"


def parsed(text: str) -> list[Token]:
    """The page as a reader of Markdown takes it."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def tables(text: str) -> list[list[list[str]]]:
    """The tables' cells as they are shown, each table with its heading."""
    found: list[list[list[str]]] = []
    for token in parsed(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level > 2:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


def test_is_the_golden_page() -> None:
    assert check_markdown(CHECKED) == GOLDEN.read_text(encoding="utf-8")


def test_begins_with_the_marker_which_is_not_shown() -> None:
    text = check_markdown(CHECKED)
    assert text.startswith(MARKER + "\n")
    assert re.fullmatch("<!-- [a-z-]+ -->", MARKER)


@pytest.mark.parametrize(
    ("checked", "heading"),
    [
        (CHECKED, "convcalc: 3 of 4 networks failed"),
        (CHECKED[3:], "convcalc: 1 network checked, all ok"),
        ((), "convcalc: 0 networks checked, all ok"),
    ],
)
def test_heading_counts(checked: tuple[CheckedNetwork, ...], heading: str) -> None:
    assert check_markdown(checked).splitlines()[1] == f"### {heading}"


def test_tables_show_names_as_they_are() -> None:
    name = "models/|`*_[x](y)<b>@team#1 &amp;\\|.yaml"
    network = CHECKED[0]._replace(file=name)
    limits, networks = tables(check_markdown([network]))
    assert limits[1][0] == networks[1][0] == f"{name} (width=0.5)"
    assert limits[1][1] == "budget macs"


@given(MANY, st.sampled_from([1000, 3000, COMMENT_LIMIT]))
@example([CheckedNetwork("a.yaml", "", 1, (Problem("code", "~~~~ and `\n"),))], 1000)
def test_is_never_too_long_and_names_are_never_markup(
    checked: list[CheckedNetwork], limit: int
) -> None:
    text = check_markdown(checked, limit)
    assert len(text.encode("utf-8")) <= limit
    whole = check_markdown(checked, SUMMARY_LIMIT)
    networks = tables(whole)[-1] if checked else []
    shown = sorted(row[0].strip() for row in networks[1:])
    assert shown == sorted(printable(network.name, 500).strip() for network in checked)
    for token in parsed(whole):
        children = [child.type for child in token.children or []]
        assert not {"link_open", "image", "html_inline", "em_open"} & set(children)


@fewer_examples(4)
@given(st.integers(1, 150), st.integers(600, COMMENT_LIMIT))
def test_is_cut_between_rows_and_says_how_much_is_missing(count: int, limit: int) -> None:
    checked = [
        CHECKED[0]._replace(
            file=f"models/{number}.yaml",
            problems=tuple(p._replace(message=f"{number}") for p in CHECKED[0].problems),
            warnings=tuple(p._replace(message=f"{number} near") for p in CHECKED[0].warnings),
        )
        for number in range(count)
    ]
    text = check_markdown(checked, limit)
    assert len(text.encode()) <= limit
    left = {
        what: int(missing)
        for missing, what in re.findall(r"^(\d+) of \d+ (\w+) left out: ", text, re.MULTILINE)
    }
    # Each network has three limits broken, three problems, and its totals.
    limits = re.findall(r"\| (?:\*\*failed\*\*|warning) \|\n", text)
    assert len(limits) == 3 * count - left.get("limits", 0)
    assert len(re.findall(r": (?:error|warning)\[", text)) == 3 * count - left.get("problems", 0)
    assert text.count("| **failed** | 1,792 |") == count - left.get("networks", 0)
    assert text.count("~~~") == 2 * text.count("<details")
    assert text.count("<details") == text.count("</details>")


def test_what_is_left_out_is_as_little_as_can_be() -> None:
    checked = [CheckedNetwork(f"models/{number:04}.yaml", "", 0) for number in range(3000)]
    size = len(check_markdown(checked).encode())
    assert COMMENT_LIMIT - 200 < size <= COMMENT_LIMIT


def test_a_problem_that_holds_a_fence_stays_in_its_block() -> None:
    problem = OVER._replace(message="~~~\n# heading", span=None)
    (block,) = [
        t
        for t in parsed(check_markdown([CheckedNetwork("a", "", 1, (problem,))]))
        if t.tag == "code"
    ]
    assert "error[over-budget]: ~~~" in block.content
    assert "# heading" in block.content


def test_a_mistake_that_many_networks_share_is_reported_once() -> None:
    checked = [CheckedNetwork(f"{number}.yaml", "", 2, (OVER,)) for number in range(3)]
    assert check_markdown(checked).count("error[over-budget]") == 1
