"""Hints on layers as importers and editors ask for them: without a document."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcalc.codes import CODES
from convcalc.language.hints.layers import (
    argument_beside,
    channels_last,
    missing_arguments,
    no_kind,
    refused_follower,
    refused_value,
    two_kinds,
    unknown_argument,
    unknown_kind,
)
from convcalc.layers import KINDS, layer_class
from convcalc.problems import Help, Meant, Source, Span, facts_of

HERE = Span(Source("a.yaml", "x\n"), 1, 1)


@pytest.mark.parametrize(
    ("word", "code", "help_text"),
    [
        ("Conv2d", "foreign-name", ""),
        ("separableconv", "foreign-name", "write depthwise, then conv with kernel: 1"),
        ("rnn", "unknown-kind", "'convcalc kinds' lists the kinds"),
        ("connv", "unknown-kind", "did you mean 'conv'?"),
        ("stemm", "unknown-kind", "did you mean 'stem'?"),
        ("conv:64", "missing-space", "a space is missing after the ':', write 'conv: 64'"),
        ("conv(64, 3)", "unknown-kind", "write {conv: 64, kernel: 3}"),
        ("stem(64, 3)", "unknown-kind", "write {stem: [64, 3]}"),
        ("(1", "unquoted-expression", None),
    ],
)
def test_a_word_that_is_no_kind(word: str, code: str, help_text: str | None) -> None:
    problem = unknown_kind(word, HERE, ["stem"])
    assert (problem.code, problem.span) == (code, HERE)
    assert code in CODES
    if help_text is not None:
        assert [fact.text for fact in facts_of(problem.facts, Help)] == (
            [help_text] * bool(help_text)
        )


def test_of_a_layer_without_a_kind_all_foreign_names_are_reported() -> None:
    problems = no_kind({"Conv2d": HERE, "out_channels": HERE, "name": HERE}, HERE, [])
    assert [problem.message for problem in problems] == [
        "'Conv2d' is called 'conv' here",
        "conv has no 'out_channels'",
    ]
    assert [problem.code for problem in no_kind({"name": HERE}, HERE, [])] == ["no-kind"]


def test_two_words_in_one_layer() -> None:
    assert argument_beside("pad", ["conv", "pad"])
    assert not argument_beside("conv", ["conv", "pad"])
    assert two_kinds("conv", "relu") == "write 'activation: relu'"
    assert two_kinds("conv", "batchnorm") == "write 'norm: batch'"
    assert two_kinds("conv", "dense") == "put each into a mapping of its own"


def test_an_argument_that_is_none() -> None:
    names = ["channels", "kernel"]
    foreign = unknown_argument("conv", "kernel_size", HERE, names, ["name"])
    assert (foreign.code, foreign.facts) == (
        "foreign-name",
        (Help("it is called 'kernel' here"),),
    )
    misspelt = unknown_argument("conv", "kernl", HERE, names, ["name"])
    assert (misspelt.code, misspelt.facts) == ("unknown-key", (Help("did you mean 'kernel'?"),))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "input"])
def test_the_pattern_of_a_kind_names_all_that_it_needs(kind: str) -> None:
    required = [name for name, field in layer_class(kind).fields.items() if field.required]
    if required:
        pattern = missing_arguments(kind)
        joins = layer_class(kind).joins
        if joins and not joins.word:
            first = f"{{{joins.required[0]}: [...], "
        else:
            first = required.pop(0).upper()
        assert pattern.startswith(f"write {{{kind}: {first}")
        assert all(f"{name}: {name.upper()}" in pattern for name in required)


def test_a_value_that_is_refused() -> None:
    fields = layer_class("conv").fields
    assert refused_value("SAME", fields["padding"].type) == Help("it is called 'same' here")
    whole = Help("floor, ceil, round or divisible makes it whole")
    assert refused_value(Fraction(1, 2), fields["kernel"].type) == whole
    assert refused_value(Fraction(4, 2), fields["kernel"].type) is None
    assert refused_value(Fraction(1, 2), layer_class("dropout").fields["rate"].type) is None


@pytest.mark.parametrize(
    ("role", "value", "help_text"),
    [
        ("norm", "batchnorm", "write 'batch', or {batchnorm: ...} with its arguments"),
        ("norm", "relu", "it belongs to 'activation'"),
        ("activation", "swish", "it is called 'silu' here"),
        ("activation", "rleu", "did you mean 'relu'?"),
        ("activation", "zzz", ""),
    ],
)
def test_a_word_that_is_no_follower(role: str, value: str, help_text: str) -> None:
    words = ["none", "batch"] if role == "norm" else ["none", "relu", "silu"]
    assert refused_follower(role, value, words) == help_text


def test_channels_that_are_written_last() -> None:
    asked = Meant("input", (3, 224, 224), "shapes are channels first")
    assert channels_last((224, 224, 3), {"input": (224, 224, 3)}) == asked
    assert channels_last((64, 112, 1), {"input": (224, 224, 3)}) == asked
    assert channels_last((64, 3, 112), {"input": (224, 224, 3)}) is None
    assert channels_last((3, 5, 5), {"input": (3, 224, 224)}) is None
