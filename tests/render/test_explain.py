"""What `explain` prints of a layer."""

from __future__ import annotations

import re

import pytest

import convcalc
from convcalc.analysis.costs.explain import explain
from convcalc.render.explain import explanation_lines


def _lines(text: str) -> list[str]:
    """The explanation of the last layer of a spec."""
    network = convcalc.loads(text)
    return explanation_lines(explain(network, network.operations[-1]))


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("{conv: 8, kernel: 3, stride: 2, padding: same}", "p = p_h0 + p_h1 = 0 + 1 = 1"),
        ("{conv: 8, kernel: 3, stride: 2, padding: same_lower}", "p = p_h0 + p_h1 = 1 + 0 = 1"),
        (
            "{reshape: [4, -1]}\n  - {conv: 8, kernel: 3, padding: causal}",
            "p = p_l0 + p_l1 = 2 + 0 = 2",
        ),
        (
            "{maxpool: 2}",
            "height = floor((h - k + p + s) / s) = floor((12 - 2 + 0 + 2) / 2) = 6",
        ),
        ("{conv: 8, kernel: 3, dilation: 2}", "k = d*(k_h - 1) + 1 = 2*(3 - 1) + 1 = 5"),
        (
            "{conv: 8, kernel: 1, groups: 2}",
            "weight = c_out*(c_in / g)*k_h*k_w = 8*(4 / 2)*1*1 = 16",
        ),
        ("{dense: 10}", "O = u = 10"),
        ("{dense: 10}", "(O output elements, T products summed for each)"),
        ("relu", "compares = c_in*h*w = 4*12*12 = 576"),
        ("{concat: [[], []]}", "channels = c_in1 + c_in2 = 4 + 4 = 8"),
        ("flatten", "nothing to compute: the same values in the same order"),
        ("{pad: [[-2, 1], 0]}", "height = h + p_h0 + p_h1 = 12 + (-2) + 1 = 11"),
        ("{pad: 1}", "nothing to compute: values are only moved or copied"),
        ("{conv: 8, kernel: 3, padding: 1}", "without the taps on padding (--valid-taps)"),
    ],
)
def test_lines_that_a_reader_looks_for(layer: str, line: str) -> None:
    lines = _lines(f"input: [4, 12, 12]\nlayers:\n  - {layer}\n")
    assert line in [re.sub(r"\s+=", " =", shown.strip()) for shown in lines]


def test_shared_parameters_are_counted_once() -> None:
    lines = _lines(
        "{input: [4, 8, 8], layers: ["
        "{conv: 4, kernel: 1, name: a}, {conv: 4, kernel: 1, share: a}]}"
    )
    assert "  params: those of a, counted there" in lines
    assert not any(line.strip().startswith("weight") for line in lines)


def test_the_first_line_is_the_layer() -> None:
    assert _lines("{input: [4, 8, 8], layers: [relu]}")[0] == "relu0: relu"
    shared = _lines("{input: [4, 8, 8], layers: [{conv: 4, kernel: 3, name: a}]}")
    assert shared[0] == "a: conv 3x3"
