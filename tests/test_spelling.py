"""Which names a misspelt word is compared with, and what is offered."""

from __future__ import annotations

import pytest

from convcalc.spelling import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "names", "wanted"),
    [
        ("conf", ["conv", "dense"], ["conv"]),
        ("CONV", ["conv", "dense"], ["conv"]),
        ("zzz", ["conv", "dense"], []),
        ("conv", [], []),
        ("adan", ["adam", "adamw", "sgd"], ["adam", "adamw"]),
    ],
)
def test_nearest(word: str, names: list[str], wanted: list[str]) -> None:
    assert nearest(word, names) == wanted


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("pixel_unshuffle", "pixel_shuffle"),
        ("pixel_unshufle", "pixel_shuffle"),
        ("pixel_shuffle", "pixel_unshuffle"),
        ("hardtanh", "tanh"),
        ("hard_tanh", "tanh"),
        ("tanh", "hard_tanh"),
        ("log_softmax", "softmax"),
        ("softmin", "softmax"),
        ("downsample", "upsample"),
        ("max_unpool", "maxpool"),
        ("unpool", "pool"),
        ("minpol", "maxpool"),
        ("encoder", "decoder"),
        ("output", "input"),
    ],
)
def test_the_opposite_and_the_unlike_are_not_offered(word: str, name: str) -> None:
    assert nearest(word, [name]) == []


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("pixel_shufle", "pixel_shuffle"),
        ("hard_sigmod", "hard_sigmoid"),
        ("softmx", "softmax"),
        ("upsampel", "upsample"),
        ("minpol", "minpool"),
        ("input_", "input"),
        ("dens", "dense"),
        ("unt0", "unit0"),
    ],
)
def test_a_slip_beside_such_a_part_is(word: str, name: str) -> None:
    assert nearest(word, [name]) == [name]


def test_of_very_many_names_those_that_begin_alike_are_looked_at() -> None:
    names = [f"layer{number}" for number in range(100_000)]
    assert nearest("stem", names) == []
    assert nearest("steem", [*names, "stem"]) == ["stem"]


def test_few_names_are_listed_where_none_is_near() -> None:
    assert did_you_mean("zzz", ["b", "a", "b"]) == "one of a, b"
    assert did_you_mean("zzz", [f"name{number}" for number in range(21)]) == ""
    assert did_you_mean("conf", ["conv", "dense"]) == "did you mean 'conv'?"
    assert did_you_mean("x", []) == ""
