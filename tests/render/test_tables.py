"""Tables in their formats, and numbers as people read them."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.render.numbers import excess, grouped, percent, ratio, short
from convcalc.render.table import (
    Column,
    Table,
    bar,
    csv_text,
    display_width,
    latex_text,
    markdown_text,
    plain_text,
    wrapped,
)
from convcalc.render.terminal import print_table

GOLDEN = Path(__file__).parent / "golden"

TABLE = Table(
    "net: input (1, 3, 224, 224)",
    [
        Column("name", "name"),
        Column("kind"),
        Column("multiplies", "number"),
        Column("share", "share", 20_000_000_000),
    ],
    [
        (
            "stage4.bottleneck2.add0.main.conv1",
            "conv 3x3 + batchnorm",
            15_470_264_320,
            15_000_000_000,
        ),
        ("[bold]名前[/bold]", "dense", 4096, 5_000_000_000),
        ("pool0", "maxpool 2x2 /2", 0, 0),
    ],
    ("total", "", 15_470_268_416, ""),
    ["A note that stands below."],
)


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_difference_in_percent_has_its_sign_and_two_digits(figure: int, base: int) -> None:
    text = excess(figure, base)
    if figure == base:
        assert text == "0%"
        return
    exact = Fraction(100 * (figure - base), base)
    shown = Fraction(text.rstrip("%").replace(",", ""))
    assert text[0] == ("+" if figure > base else "-")
    assert shown != 0
    assert abs(shown - exact) <= min(Fraction(1, 20), abs(exact) / 20)


@given(st.integers(min_value=0, max_value=10**30))
def test_short_numbers_are_right_to_three_digits(number: int) -> None:
    text = short(number)
    units = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
    units |= {"Z": 10**21, "Y": 10**24}
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        value = Fraction(mantissa) * 10 ** int(exponent)
    elif text[-1] in units:
        value = Fraction(text[:-1]) * units[text[-1]]
    else:
        value = Fraction(text)
    assert abs(value - number) * 200 <= number
    assert len(text) <= 9


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00k"),
        (12345, "12.3k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (-12345, "-12.3k"),
        (10**27, "1.00e27"),
        (-(10**30) - 5 * 10**27, "-1.01e30"),
    ],
)
def test_short_numbers(number: int, text: str) -> None:
    assert short(number) == text


def test_numbers_beyond_what_python_prints() -> None:
    assert short(10**5000).endswith("e5000")
    assert grouped(10**5000).endswith("e5000")


@given(st.integers(0, 10**40), st.integers(1, 10**40))
def test_shares_round_to_the_nearest_tenth(part: int, whole: int) -> None:
    part = min(part, whole)
    assert abs(Fraction(percent(part, whole)[:-1]) - Fraction(100 * part, whole)) <= Fraction(1, 20)
    assert len(bar(part, whole)) <= 10


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_ratios_are_exact_or_marked_as_rounded(before: int, after: int) -> None:
    text = ratio(before, after)
    shown, true = Fraction(text.lstrip("~")[1:]), Fraction(after, before)
    assert abs(shown - true) <= Fraction(1, 2000)
    # The mark tells that a figure was rounded.
    assert text.startswith("~") == (shown != true)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (0, 0, "x1"),
        (0, 7, "new"),
        (7, 0, "x0"),
        (2, 3, "x1.5"),
        (3, 2, "~x0.667"),
        (121, 1, "~x0.00826"),
        (10**9, 1, "x0.000000001"),
        (1000, 1999, "x1.999"),
        (10000, 19999, "~x2.000"),
    ],
)
def test_ratios(before: int, after: int, text: str) -> None:
    assert ratio(before, after) == text


def test_nothing_is_no_share() -> None:
    assert percent(0, 0) == "0.0%"
    assert bar(0, 0) == ""


def test_plain_text() -> None:
    assert plain_text(TABLE) == (GOLDEN / "plain.txt").read_text(encoding="utf-8")


def test_markdown() -> None:
    assert markdown_text(TABLE) == (GOLDEN / "table.md").read_text(encoding="utf-8")


def test_an_empty_cell_and_a_key_for_programs() -> None:
    table = Table("", [Column("after", key="adds_after"), Column("n", "number")], [(None, 1)])
    assert csv_text(table) == "adds_after,n\n,1\n"
    assert plain_text(table) == "after  n\n--------\n       1\n"


def test_a_table_without_title_totals_and_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(Table("", [Column("a")], [("b",)]), width=20)
    assert [line.rstrip() for line in out.getvalue().splitlines()] == ["a", "─", "b"]


NOTED = Table(
    "",
    [Column("a")],
    [("b",)],
    (),
    ["A note of many words. " * 8, "https://example.org/" + "x" * 90],
)


def test_notes_of_plain_text_break_at_words_and_at_the_same_width_everywhere() -> None:
    notes = plain_text(NOTED).splitlines()[3:]
    assert " ".join(notes).split() == " ".join(NOTED.notes).split()
    assert [len(line) <= 100 for line in notes] == [True, True, False]
    assert notes[-1] == NOTED.notes[-1]


@pytest.mark.parametrize("width", [20, 80, 140])
def test_notes_on_a_terminal_break_at_words(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(NOTED, width=width)
    notes = out.getvalue().splitlines()[3:]
    assert " ".join(notes).split() == " ".join(NOTED.notes).split()
    assert all(len(line) <= width for line in notes[:-1])
    assert notes[-1] == NOTED.notes[-1]


@given(
    text=st.text(st.sampled_from("ab \u540d"), max_size=80),
    width=st.integers(1, 40),
    hanging=st.integers(0, 6),
)
def test_a_text_keeps_its_words_where_it_is_wrapped(text: str, width: int, hanging: int) -> None:
    lines = wrapped(text, width, hanging).split("\n")
    assert " ".join(lines).split() == text.split()
    for line in lines:
        assert display_width(line) <= width or len(line.split()) == 1


@given(width=st.integers(10, 200), longest=st.integers(1, 60))
def test_a_number_never_loses_digits(width: int, longest: int) -> None:
    columns = [Column("name", "name"), Column("kind"), *[Column("n", "number")] * 4]
    row = ("n" * longest, "k" * longest, 123_456, 7_890, 12, 345_678_901)
    out = io.StringIO()
    with redirect_stdout(out):
        print_table(Table("", columns, [row]), width=width)
    lines = [line.split() for line in out.getvalue().splitlines()]
    last = next(words[-4:] for words in lines if "12" in words)
    exact = [f"{number:,}" for number in row[2:]]
    assert last in (exact, ["123k", "7.89k", "12", "346M"])


def test_a_name_is_cut_on_its_left_and_totals_are_kept_where_they_fit() -> None:
    columns = [Column("name", "name"), *[Column(letter, "number") for letter in "nmkl"]]
    figures = [123_456_789, 1_234_567_890, 98_765_432, 987_654_321]
    rows: list[list[str | int | None]] = [[f"stage0.block{n}.conv0", *figures] for n in (10, 11)]
    table = Table("", columns, rows, ("total", *[2 * figure for figure in figures]))

    def drawn(width: int) -> list[list[str]]:
        out = io.StringIO()
        with redirect_stdout(out):
            print_table(table, width=width)
        return [line.split() for line in out.getvalue().splitlines()]

    assert drawn(40)[2] == ["…lock10.conv0", "123M", "1.23G", "98.8M", "988M"]
    lines = drawn(60)
    assert lines[2] == ["stage0.block10.conv0", "123M", "1.23G", "98.8M", "988M"]
    # There is space for the digits of two of them.
    assert lines[5] == ["total", "246,913,578", "2.47G", "197,530,864", "1.98G"]


def test_names_are_cut_before_shapes() -> None:
    columns = [Column("name", "name"), Column("predicted", "shape"), Column("observed", "shape")]
    shape = "(1, 128, 112, 112)"
    table = Table("net", columns, [("stage4.bottleneck2.add0.main.conv1.batchnorm", shape, shape)])

    def drawn(width: int) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            print_table(table, width=width)
        return out.getvalue()

    assert drawn(60).count(shape) == 2
    assert drawn(48).count(shape) == 2
    # Where even short names do not save enough, nothing is too holy.
    assert "(1, 128" in drawn(40)
    assert max(map(len, drawn(40).splitlines())) <= 40


def test_prose_wraps_where_others_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    table = Table("", [Column("kind"), Column("meaning", "prose")], [("conv", "word " * 30)])
    print_table(table, width=40)
    assert out.getvalue().count("word") == 30
    assert all(len(line) <= 40 for line in out.getvalue().splitlines())


def test_csv_holds_exact_numbers() -> None:
    assert csv_text(TABLE).splitlines()[1] == (
        "stage4.bottleneck2.add0.main.conv1,conv 3x3 + batchnorm,15470264320,15000000000"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_a_terminal_of_any_width_is_never_overrun(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(TABLE, width=width)
    text = out.getvalue()
    assert all(display_width(line.rstrip()) <= width for line in text.splitlines())
    assert text == (GOLDEN / f"terminal_{width}.txt").read_text(encoding="utf-8")


def test_no_color_has_no_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(TABLE, width=100)
    assert "\x1b" not in out.getvalue()
    # What looks like markup is part of the name.
    assert "[bold]名前[/bold]" in out.getvalue()


def test_latex_escapes_what_means_something_to_it() -> None:
    table = Table(
        r"50% of \input{x}",
        [Column("name"), Column("MACs", "number"), Column("share", "share", 40)],
        [[r"a_b{$^~#&\}", 30, 30], ["3\u00d73 <|>", 10, 10]],
        ["total", 40, 40],
        ["note\\"],
    )
    assert latex_text(table).splitlines() == [
        r"% 50\% of \textbackslash{}input\{x\}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"name & MACs & share \\",
        r"\midrule",
        r"a\_b\{\$\textasciicircum{}\textasciitilde{}\#\&\textbackslash{}\} & 30 & 75.0\% \\",
        r"3$\times$3 \textless{}\textbar{}\textgreater{} & 10 & 25.0\% \\",
        r"\midrule",
        r"total & 40 & 100.0\% \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"% note\textbackslash{}",
    ]
