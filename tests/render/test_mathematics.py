"""Explanations as mathematics: what LaTeX prints has the value that it states."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.costs.explain import explain
from convcalc.render.mathematics import explain_latex, explain_markdown, mathematics
from tests.cli.runner import run

NETWORKS = ("lenet", "mobilenet_v2", "vit_b_16", "unet3d", "tcn", "edsr", "crnn")


def value_of(latex: str) -> Fraction:
    """What a formula without symbols is, read from LaTeX."""
    text = latex
    while r"\frac" in text:
        text, found = re.subn(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1) / (\2))", text)
        assert found
    text = re.sub(r"\\left\\l(floor|ceil) ", r"\1(", text)
    text = re.sub(r" \\right\\r(floor|ceil)", ")", text)
    text = text.replace(r"\cdot", "*").replace(r"\max", "max").replace(r"\min", "min")
    text = re.sub(r"\d+", r"Fraction(\g<0>)", text)
    assert re.fullmatch(r"(?:Fraction|floor|ceil|max|min|[0-9()+*/, -])*", text)
    return Fraction(eval(text, {"Fraction": Fraction, "floor": floor, "ceil": ceil}))  # noqa: S307


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_have_the_value_behind_them(name: str) -> None:
    network = convcalc.load(name)
    seen = 0
    for node in network.operations:
        found = explain(network, node)
        for step in (*found.shape, *found.params, *found.counts):
            if step.numbers:
                assert value_of(mathematics(step.numbers)) == step.value
                seen += 1
    assert seen > 20


_NUMBERS = st.integers(-9, 9).map(lambda n: f"({n})" if n < 0 else str(n))
_FORMULAS = st.recursive(
    _NUMBERS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*"]), inner)
        | st.builds("floor(({}) / {})".format, inner, st.integers(1, 9))
        | st.builds("max({}, {})".format, inner, inner)
    ),
    max_leaves=8,
)


@given(_FORMULAS)
def test_any_formula_keeps_its_value(formula: str) -> None:
    named = {"Fraction": Fraction, "floor": floor}
    expected = eval(re.sub(r"\d+", r"Fraction(\g<0>)", formula), named)  # noqa: S307
    assert value_of(mathematics(formula)) == expected


def test_names_are_symbols_with_indices() -> None:
    names = {
        "G": "G",
        "k_h": "k_h",
        "h2": "h_2",
        "p_h0": "p_{h,0}",
        "c_in": r"c_{\mathrm{in}}",
        "c_in2": r"c_{\mathrm{in},2}",
        "heads": r"\mathrm{heads}",
    }
    assert {name: mathematics(name) for name in names} == names


def test_texts_are_escaped() -> None:
    network = convcalc.loads(
        "{input: [3, 8, 8], layers: [{conv: 4, kernel: 3, stride: 2, name: a_b}]}"
    )
    explanations = [explain(network, network.operations[0])]
    latex, markdown = explain_latex(explanations), explain_markdown(explanations)
    assert r"\paragraph{a\_b: conv 3x3 /2}" in latex
    assert "### a\\_b: conv 3x3 /2\n" in markdown
    for text in (latex, markdown):
        assert len(re.findall(r"(?<!\\){", text)) == len(re.findall(r"(?<!\\)}", text))
        assert "leaves" in text or "reads" in text  # the note on the row that no window reads


def test_a_sum_over_very_many_branches_is_its_value() -> None:
    branches = ", ".join(["[]"] * 3000)
    network = convcalc.loads(f"{{input: [1, 2, 2], layers: [{{concat: [{branches}]}}]}}")
    latex = explain_latex([explain(network, network.operations[-1])])
    assert r"\text{channels} &= 3000 \\" in latex


def test_the_command_writes_both() -> None:
    latex = run("explain", "lenet", "conv1", "--format", "latex").out
    assert latex.startswith("\\paragraph{conv1: conv 5x5}\nInput (1, 6, 14, 14), output")
    markdown = run("explain", "lenet", "conv1", "--format", "markdown").out
    assert markdown.count("$$") == 2 * markdown.count(r"\begin{aligned}") > 0
