"""What is shown of a network with mistakes."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.language.building.spec import NetworkError
from convcalc.render.partial import partial_text


def shown(text: str) -> str:
    with pytest.raises(NetworkError) as caught:
        convcalc.loads(text)
    return partial_text(caught.value)


def rows(text: str) -> list[str]:
    """The names of the layers that are shown."""
    return [line.split()[0] for line in shown(text).splitlines() if "(1, " in line]


def test_the_last_layers_and_how_many_there_are_before() -> None:
    text = shown(
        "{input: [1, 9], layers: [{relu: , repeat: 30}, {conv: 2, kernel: 10}, {relu: , name: x}]}"
    )
    lines = text.splitlines()
    assert lines[:2] == ["", "shapes up to the mistake, 18 earlier layers left out:"]
    assert lines[4].split() == ["relu18", "relu", "(1,", "1,", "9)"]
    assert len(lines) == 4 + 12


def test_nothing_that_comes_after_the_mistake() -> None:
    text = "{input: [1, 9], outputs: [b, c], layers: [{relu: , name: a}, {conv: 2, kernel: 10,"
    text += " name: b}, {relu: , from: a, name: c}]}"
    assert rows(text) == ["a"]


def test_a_layer_whose_norm_does_not_fit_is_shown_without_it() -> None:
    text = shown("{input: [1, 9], layers: [{conv: 3, kernel: 1, norm: {groupnorm: 2}}]}")
    assert text.splitlines()[-1].split()[:3] == ["conv0", "conv", "1"]


def test_mistakes_that_are_not_about_shapes_show_none() -> None:
    assert shown("{input: [1, 9], layers: [relu, rleu]}") == ""
    assert shown("{input: [1, 9], layers: [{relu: , name: x}, {relu: , name: x}]}") == ""


def test_nothing_where_no_layer_was_made() -> None:
    assert shown("{input: [1, 9], layers: [{conv: 2, kernel: 10}]}") == ""


def test_where_rows_were_dropped() -> None:
    text = "{input: [1, 89, 50], layers: [{maxpool: 2}, {maxpool: 2}, {maxpool: 2},"
    text += " {conv: 1, kernel: 30}]}"
    last = shown(text).splitlines()[-1]
    assert last == "rounded down: height 89 -> 44 at pool0, width 25 -> 12 at pool1"
    text = "{input: [1, 89, 89], layers: [{maxpool: 2}, {conv: 1, kernel: 60}]}"
    assert shown(text).splitlines()[-1] == "rounded down: 89 -> 44 at pool0"


def test_only_the_nearest_places_where_rows_were_dropped() -> None:
    text = "{input: [1, 1023], layers: [{maxpool: 2, repeat: 9}, {conv: 1, kernel: 2}]}"
    last = shown(text).partition("rounded down: ")[2]
    assert last.startswith("127 -> 63 at pool3,")
    assert " ".join(last.split()).endswith("7 -> 3 at pool7, 3 -> 1 at pool8")


def test_a_note_that_no_problem_offers_comes_first() -> None:
    text = shown("{input: [1, 3, 32, 32], layers: [relu, {conv: 8, kernel: 7}]}")
    assert text.startswith("\n-:1:9: note[input-batch-axis]: ")
    assert text.index("note[") < text.index("shapes up to")
    text = shown("{input: [32, 32, 3], layers: [relu, {conv: 8, kernel: 7}]}")
    assert "note[" not in text, "the problem asks for the channels already"
