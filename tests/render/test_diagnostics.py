"""How problems are drawn: the place, the line, the caret, the facts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.problems import Call, Entering, Help, Note, Problem, Rule, Source, Span, Value
from convcalc.render.diagnostics import diagnostic_text, diagnostics_text
from convcalc.render.table import display_width

#: What ends a line in YAML.
_LINE_BREAKS = "\r\n\x85\u2028\u2029"


def drawn(line: str, column: int, width: int = 1) -> list[str]:
    """The source line and the caret line of a problem in a file of one line."""
    span = Span(Source("a.yaml", line), 1, column, width)
    lines = diagnostic_text(Problem("code", "message", span)).splitlines()
    assert lines[:2] == [f"a.yaml:1:{column}: error[code]: message", "  |"]
    return lines[2:]


def test_the_example_of_the_design() -> None:
    text = "\n" * 7 + "  - {conv: 120, kernel: 5}\n"
    problem = Problem(
        "window-too-large",
        "conv2: kernel height 5 does not fit the padded input height 4",
        Span(Source("configs/lenet.yaml", text), 8, 25),
        (
            Entering((Value((16, 4, 4), "pool1", span=Span(Source("x", ""), 7, 1)),)),
            Rule("floor((4 - 5 + 0 + 1) / 1) = 0, must be at least 1"),
            Help("'padding: 1' gives 2, 'kernel: 4' gives 1"),
        ),
    )
    assert diagnostic_text(problem) == (
        "configs/lenet.yaml:8:25: error[window-too-large]:"
        " conv2: kernel height 5 does not fit the padded input height 4\n"
        "  |\n"
        "8 |   - {conv: 120, kernel: 5}\n"
        "  |                         ^\n"
        "  = input: (1, 16, 4, 4), from pool1 at line 7\n"
        "  = rule: floor((4 - 5 + 0 + 1) / 1) = 0, must be at least 1\n"
        "  = help: 'padding: 1' gives 2, 'kernel: 4' gives 1\n"
    )


def test_inside_blocks_every_call_is_a_place_innermost_first() -> None:
    source = Source("net.yaml", "\n".join(f"line {number}" for number in range(1, 121)))
    calls = (
        Call(Span(source, 120, 6, 3), "stage", 0, 1),
        Call(Span(source, 9, 1, 4), "unit", 2, 5),
    )
    problem = Problem("code", "message", Span(source, 3, 6), (Rule("r"),), calls)
    assert diagnostic_text(problem) == (
        "net.yaml:3:6: error[code]: message\n"
        "    |\n"
        "  3 | line 3\n"
        "    |      ^\n"
        "    : in block unit, copy 3 of 5, called at net.yaml:9:1\n"
        "  9 | line 9\n"
        "    | ^^^^\n"
        "    : in block stage, called at net.yaml:120:6\n"
        "120 | line 120\n"
        "    |      ^^^\n"
        "    = rule: r\n"
    )


def test_a_problem_without_a_place_is_its_message_and_facts() -> None:
    problem = Problem("bad-option", "no", None, (Help("yes"),))
    assert diagnostic_text(problem) == "error[bad-option]: no\n = help: yes\n"


def test_several_are_counted() -> None:
    one, other = Problem("a", "first"), Problem("b", "second")
    assert diagnostics_text([one]) == "error[a]: first\n"
    assert diagnostics_text([one, other]) == "error[a]: first\n\nerror[b]: second\n\n2 errors\n"


def test_a_place_past_the_text_shows_no_line() -> None:
    source = Source("a.yaml", "input: [3]\n\n")
    for line in (2, 3, 99):
        problem = Problem("code", "message", Span(source, line, 1))
        assert diagnostic_text(problem) == f"a.yaml:{line}:1: error[code]: message\n"


@pytest.mark.parametrize(
    ("line", "column", "width", "shown", "caret"),
    [
        ("\tkernel: 5", 10, 1, "1 |     kernel: 5", "  |             ^"),
        ("名前: relo", 5, 4, "1 | 名前: relo", "  |       ^^^^"),
        ("名前: relo", 1, 2, "1 | 名前: relo", "  | ^^^^"),
        ("e\u0301te\u0301: 5", 8, 1, "1 | e\u0301te\u0301: 5", "  |      ^"),
        ("a\x1b[31m: 5", 9, 1, "1 | a\\x1b[31m: 5", "  |            ^"),
        ("kernel:", 8, 1, "1 | kernel:", "  |        ^"),
        ("kernel:", 30, 4, "1 | kernel:", "  |        ^"),
    ],
)
def test_the_caret_stands_under_the_mistake(
    line: str, column: int, width: int, shown: str, caret: str
) -> None:
    assert drawn(line, column, width) == [shown, caret]


def test_of_a_long_line_the_part_around_the_mistake_is_shown() -> None:
    line = "x" * 5000 + "5" + "y" * 5000
    text, caret = drawn(line, 5001)
    assert len(text) < 120
    assert text.startswith("1 | ...")
    assert text.endswith("...")
    assert text[caret.index("^")] == "5"
    assert drawn("a" + "b" * 300, 1)[0].endswith("b...")


@given(
    before=st.text(st.characters(codec="utf-8", exclude_characters=_LINE_BREAKS), max_size=150),
    after=st.text(st.characters(codec="utf-8", exclude_characters=_LINE_BREAKS), max_size=150),
)
def test_whatever_the_line_holds_the_caret_is_right_and_nothing_escapes(
    before: str, after: str
) -> None:
    text, caret = drawn(f"{before}@{after}", len(before) + 1)
    assert text.isprintable()
    assert caret.endswith("^")
    # As many columns before the caret as before the mistake, whatever their characters.
    at = display_width(caret) - 1
    ends = {display_width(text[:index]) for index, mark in enumerate(text) if mark == "@"}
    assert at in ends


def test_a_message_stays_on_one_line() -> None:
    """The first line can be grepped, whatever somebody puts into a name."""
    text = diagnostic_text(Problem("code", "a\nb\x1b[0m", None, (Note("c\nd"),)))
    assert text == "error[code]: a\\nb\\x1b[0m\n = note: c\\nd\n"


def test_a_warning_is_called_one() -> None:
    one, other = Problem("a", "first"), Problem("b", "second")
    text = diagnostics_text([one, other], "warning")
    assert text == "warning[a]: first\n\nwarning[b]: second\n\n2 warnings\n"


def test_a_block_of_any_name_stays_on_its_line() -> None:
    source = Source("net.yaml", "a\n")
    call = Call(Span(source, 1, 1), "b\x08\n", 0, 1)
    text = diagnostic_text(Problem("code", "message", Span(source, 1, 1), (), (call,)))
    assert "in block b\\x08\\n, called at net.yaml:1:1\n" in text


LONG = Problem(
    "window-too-large",
    "conv2: kernel height 5 does not fit the padded input height 4",
    Span(
        Source("configs/lenet.yaml", "\n\n  - {conv: 120, kernel: 5, name: a-rather-long-name}\n"),
        3,
        25,
    ),
    (
        Entering((Value((16, 4, 4), "pool1", span=Span(Source("x", ""), 7, 1)),)),
        Rule("floor((4 - 5 + 0 + 1) / 1) = 0, must be at least 1"),
        Help("'padding: 1' gives 2, 'kernel: 4' gives 1"),
    ),
)


@pytest.mark.parametrize("width", [1, 40, 60, 80, 140])
def test_on_a_terminal_lines_break_at_words(width: int) -> None:
    lines = diagnostic_text(LONG, width=width).splitlines()
    assert all(len(line) <= max(width, 40) for line in lines)
    bare = diagnostic_text(LONG)
    # The source line may be cut, and every other word is there.
    texts = [line for line in lines if not line.startswith(("3 |", "  |"))]
    expected = [line for line in bare.splitlines() if not line.startswith(("3 |", "  |"))]
    assert " ".join(texts).split() == " ".join(expected).split()
    # The caret is below the value.
    at = next(index for index, line in enumerate(lines) if line.startswith("3 |"))
    assert lines[at][lines[at + 1].index("^")] == "5"


def test_a_wide_terminal_changes_nothing() -> None:
    assert diagnostic_text(LONG, width=200) == diagnostic_text(LONG)


@pytest.mark.parametrize("level", ["error", "warning", "note"])
@pytest.mark.parametrize("width", [1, 40, 60, 200])
def test_colours_change_no_character(level: str, width: int) -> None:
    text = diagnostic_text(LONG, level, width, colours=True)
    assert re.sub(r"\x1b\[[0-9;]+m", "", text) == diagnostic_text(LONG, level, width)
    # Every colour ends on its line.
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in text.splitlines())
    assert re.search(r"\x1b\[1;3[136]m\^", text)


def test_a_place_that_breaks_is_not_coloured() -> None:
    span = Span(Source("a path with many spaces in its name/net.yaml", "x"), 1, 1)
    text = diagnostic_text(Problem("code", "message", span), width=40, colours=True)
    assert text.startswith("a path with many spaces in its")
