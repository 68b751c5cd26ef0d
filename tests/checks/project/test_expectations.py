"""Expectations: each that does not hold is a problem at its own line."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.checks.project.expectations import broken_expectations
from convcalc.facts import worded
from convcalc.problems import Problem

LENET_FACTS = """
    params: 61706
    buffers: 0
    multiplies: 416520
    adds: 427756
    divides: 8084
    compares: 0
    specials: 6508
    macs: 416520
    flops: 858868
"""

SPEC = """
args: {width: 4}
input: [3, 8, 8]
layers:
  - sequential:
      - {conv: width, kernel: 3, activation: relu}
      - {add: [[], [{conv: width, kernel: 1}]]}
    name: stage
  - {dense: 10}
expect:
"""


def broken_in(text: str) -> list[Problem]:
    """What does not hold of a spec."""
    spec = convcalc.spec("-", text=text)
    return broken_expectations(spec.expectations, convcalc.analyze(spec.network()))


def broken(expect: str, spec: str = SPEC) -> list[str]:
    """The places and messages of what does not hold."""
    return [
        f"{problem.span.line - spec.count(chr(10)) if problem.span else None}: {problem.message}"
        for problem in broken_in(spec + expect)
    ]


def test_figures_that_are_published_hold() -> None:
    lenet = """
input: [1, 28, 28]
layers:
  - {conv: 6, kernel: 5, padding: 2, activation: sigmoid}
  - {avgpool: 2}
  - {conv: 16, kernel: 5, activation: sigmoid}
  - {avgpool: 2}
  - {dense: 120, activation: sigmoid}
  - {dense: 84, activation: sigmoid}
  - {dense: 10}
expect:
"""
    assert broken(LENET_FACTS.strip("\n"), lenet) == []
    for line in LENET_FACTS.strip().splitlines():
        name, value = line.split(":")
        off = f"  {name.strip()}: {int(value) + 1}"
        (message,) = broken(off, lenet)
        assert message == f"1: expected {name.strip()} {int(value) + 1:,}, found {int(value):,}"


@pytest.mark.parametrize(
    ("expected", "note"),
    [
        (1, "off by +119 (+11,900.00%)"),
        (61, "off by +59 (+96.72%)"),
        (119, "off by +1 (+0.84%)"),
        (140, "off by -20 (-14.29%)"),
        (0, "off by +120"),
    ],
)
def test_by_how_much_a_figure_is_off(expected: int, note: str) -> None:
    text = f"{{input: [11], layers: [{{dense: 10}}], expect: {{params: {expected}}}}}"
    (problem,) = broken_in(text)
    assert worded(problem.facts) == (("note", note),)


def test_shapes_of_operations_layers_and_groups() -> None:
    good = """
  output: [10]
  outputs: {dense0: [10]}
  layers:
    stage: [4, 6, 6]
    stage.conv0: [4, 6, 6]
    stage.conv0.relu: [4, 6, 6]
    stage.add0: [4, 6, 6]
    dense0: [10]
"""
    assert broken(good) == []


def test_every_wrong_shape_is_reported_at_its_line() -> None:
    wrong = """  output: [11]
  outputs: {dense0: [10, 1], dense1: [10]}
  layers:
    stage: [4, 6]
    stage.conv1: [4, 6, 6]
"""
    assert broken(wrong) == [
        "1: expected dense0 to put out [11], found [10]",
        "2: expected dense0 to put out [10, 1], found [10]",
        "2: no output is called 'dense1'",
        "4: expected stage to put out [4, 6], found [4, 6, 6]",
        "5: no layer is called 'stage.conv1'",
    ]


def test_one_output_of_two_must_be_named() -> None:
    spec = "input: [4]\nlayers: [{dense: 2}, {dense: 3}]\noutputs: [dense0, dense1]\nexpect:\n"
    assert broken("  output: [3]", spec) == [
        "1: 'output' is one shape, but the network has 2 results"
    ]
    assert broken("  outputs: {dense0: [2], dense1: [3]}", spec) == []


def test_a_network_without_expectations_keeps_them_all() -> None:
    assert broken_in("{input: [4], layers: [relu]}") == []


@pytest.mark.parametrize(
    ("expected", "help_text"),
    [
        ("[1, 4, 6, 5]", "a shape is written without the batch axis"),
        ("[6, 5, 4]", "channels come first"),
        ("[1, 6, 5, 4]", ""),
        ("[4, 6]", ""),
    ],
)
def test_a_shape_in_another_librarys_order_gets_help(expected: str, help_text: str) -> None:
    spec = f"""
input: [3, 8, 7]
layers: [{{conv: 4, kernel: 3}}]
expect: {{output: {expected}}}
"""
    (problem,) = broken_in(spec)
    assert worded(problem.facts) == ((("help", help_text),) if help_text else ())
