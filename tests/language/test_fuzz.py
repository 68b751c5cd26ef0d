"""Mangled specs: every text is either a network or refused with a place, never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc import ConvcalcError, loads
from convcalc.graph import Network
from convcalc.render.diagnostics import diagnostics_text

_SPEC = """\
name: everything
input: {image: [3, 32, 32], depth: [1, 32, 32]}
args: {width: 0.5, classes: 10, nonlinear: relu6, widths: [8, 16]}
defaults:
  conv: {bias: false, norm: batch, activation: nonlinear}
  groupnorm: {groups: 2}
blocks:
  unit(c, s=1, act=relu):
    - add:
        skip: {when: s == 1 and in_channels == c, layers: []}
        main:
          - {conv: 2*in_channels, kernel: 1}
          - {depthwise: 3, stride: s, padding: same, norm: group}
          - {conv: c, kernel: 1, activation: none}
      activation: act
  up(c, skip):
    - {upsample: 2}
    - {concat: [[], skip]}
    - {conv: c, kernel: 3, padding: [[1, 1], 1]}
  fit(skip, c=channels_of(skip)):
    - {conv: c, kernel: 1, name: fitted}
    - {upsample: {size: size_of(skip)}}
    - {add: [[], [{conv: c, kernel: 1, from: skip}], [{upsample: 1, from: input}]]}
layers:
  - {concat: [image, depth], name: joined}
  - {conv: 'max(8, floor(16 * width))', kernel: 3, padding: 1, name: stem}
  - {unit: ['widths[0]', 1], repeat: 2, name: stage}
  - [{maxpool: 2}, {conv: 'widths[1]', kernel: 1}]
  - {unit: {c: 16, act: gelu}, repeat: 2, first: {s: 1}}
  - {up: [8, stage1]}
  - {conv: 'widths[copy]', kernel: 1 + 2 * copy, padding: copy, repeat: len(widths), name: loop}
  - {concat: [loop*, up*.concat0], name: copies}
  - {fit: copies, repeat: 2}
  - {mul: [[], [global_avgpool, {conv: in_channels, kernel: 1, activation: sigmoid}]]}
  - {dense: classes if classes > 1 else 2, activation: {leaky_relu: 1e-1}, from: stage1}
  - {dropout: , name: last}
outputs: [last, mul0]
expect: {output: [10], layers: {stem: [8, 32, 32]}}
"""

_CHARACTERS = list("[]{}:,-#&*!|>'\"%@`?~\n\t\0")
_WORDS = """
: |- |  |\n  - |{}|[]|[[]]|{a: }|null|true|010|1:30|1e9|-1|0|2.5|99999999999|conv|relu|add|name|
repeat|first|when|from|share|norm|unit|act|image|in_channels|in_size|copy|input|max(|size_of(|
channels_of(stem)|loop*|unit*.add0|stage1.add0|.add0|min(1, 2)|(|)|**|//|if|
else| and |not |<<: |---|...
"""
_PIECES = st.one_of(
    st.text(max_size=3), st.sampled_from(_CHARACTERS), st.sampled_from(_WORDS.strip().split("|"))
)


def refusal(text: str) -> ConvcalcError | None:
    """What is wrong with a spec; every problem must have a place and be drawable."""
    try:
        network = loads(text, name="mangled.yaml")
    except ConvcalcError as error:
        check(error)
        return error
    assert isinstance(network, Network)
    return None


def check(error: ConvcalcError) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.span is not None
        assert problem.span.line >= 1
        assert problem.span.column >= 1
        assert problem.message
    assert diagnostics_text(error.problems).startswith("mangled.yaml:")


def test_the_spec_that_is_mangled_is_good() -> None:
    assert refusal(_SPEC) is None


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A good spec after a few slips of the hand."""
    text = _SPEC
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            length = draw(st.sampled_from([0, 0, 1, 2, 5, 20]))
            text = text[:start] + draw(_PIECES) + text[start + length :]
            continue
        lines = text.splitlines(keepends=True)
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        to = draw(st.integers(0, max(len(lines) - 1, 0)))
        slip = draw(st.sampled_from(["remove", "double", "swap", "indent", "cut"]))
        if slip == "cut":
            text = text[:start]
            continue
        if lines and slip == "remove":
            del lines[at]
        elif lines and slip == "double":
            lines.insert(to, lines[at])
        elif lines and slip == "swap":
            lines[at], lines[to] = lines[to], lines[at]
        elif lines:
            lines[at] = "  " + lines[at] if draw(st.booleans()) else lines[at][1:]
        text = "".join(lines)
    return text


@settings(max_examples=150)
@given(mangled())
def test_a_mangled_spec_is_a_network_or_refused(text: str) -> None:
    refusal(text)


@given(st.text(max_size=60))
def test_any_text_is_a_network_or_refused(text: str) -> None:
    refusal(text)


@pytest.mark.long
@settings(max_examples=20_000)
@given(mangled())
def test_many_mangled_specs(text: str) -> None:
    refusal(text)
