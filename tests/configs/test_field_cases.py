"""Networks from public questions and issues, with the figures that others measured or published.

Each case in `tests/data/field_cases` is a network as its author would write it, and beside it the
right answers and how those were found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import convcalc
from convcalc import Analysis, ConvcalcError, Spec
from convcalc.language.load import spec
from convcalc.problems import Branch, facts_of

FOLDER = Path(__file__).parent.parent / "data" / "field_cases"


class Rewritten(NamedTuple):
    """A file that is not written in convcalc's words.

    code  of the error or note that it gets; "" where it is read, as something else
    old   what is written, and `new` what is to be written instead
    """

    code: str
    old: str
    new: str


REWRITTEN = {
    "19-batch-axis": Rewritten("input-batch-axis", "[1, 3, 224, 224]", "[3, 224, 224]"),
    "31-fpn-odd": Rewritten(
        "join-mismatch", "{upsample: 2}", "{upsample: {size: size_of(lateral)}}"
    ),
    "53-yolov5-focus": Rewritten("foreign-name", "space_to_depth", "pixel_unshuffle"),
    "55-segnet-unpool": Rewritten("foreign-name", "max_unpool", "unpool"),
    "65-deform-conv": Rewritten(
        "bad-value",
        "{deform_conv: 64,",
        "{deform_conv: {value: input, offset: offset}, channels: 64,",
    ),
    "69-rezero-scalar": Rewritten("", ", scale]", ", {scale: , per_channel: false}]"),
    "93-keras-dense-rank3": Rewritten("", "{dense: 10}", "{dense: 10, positionwise: true}"),
    "95-no-channel-axis": Rewritten("input-no-channels", "[28, 28]", "[1, 28, 28]"),
}

#: Cases that convcalc cannot answer yet, and why. One that it answers is removed here.
NOT_YET: dict[str, str] = {}

#: Questions that no command answers. The list may only become shorter.
UNANSWERED = {
    "smallest_input": "no command finds the sizes that work",
    "works_at": "no command finds the sizes that work",
    "whole_model": "the case is one block of it",
    "params_reported": "the network of the report is not known exactly",
}

#: What is no question: where a figure comes from, and what belongs to others.
COMMENTS = {"how", "input", "layer", "sizes", "published", "published_params"}


def shape_at(text: str) -> list[int]:
    return [int(size) for size in text.split("x")]


def outputs(analysis: Analysis) -> list[list[int]]:
    network = analysis.report.network
    return [list(network.nodes[index].shape) for index in network.outputs.values()]


def check_output(analysis: Analysis, expected: list[Any]) -> None:
    several = isinstance(expected[0], list)
    assert outputs(analysis) == (expected if several else [expected])


def sizes_of_field(analysis: Analysis, path: str) -> set[int]:
    """Without what makes fields global: who asks for a field does not ask for the whole input."""
    (axes,) = analysis.local_fields[path].axes.values()
    return {axis.size for axis in axes}


def check_field(analysis: Analysis, expected: int) -> None:
    """That of a unit of the output, whose units all have the same away from the edges."""
    network = analysis.report.network
    (last,) = network.outputs.values()
    assert sizes_of_field(analysis, network.nodes[last].path) == {expected}


def check_last_pool(analysis: Analysis, expected: int) -> None:
    pools = [node.path for node in analysis.report.network.nodes if node.layer.prefix == "pool"]
    assert sizes_of_field(analysis, pools[-1]) == {expected}


def check_layers(analysis: Analysis, expected: dict[str, list[int]]) -> None:
    shapes = {unit.path: list(unit.output[1:]) for unit in analysis.report.units}
    assert {path: shapes[path] for path in expected} == expected


def close(figure: Callable[[Analysis], int]) -> Callable[[Analysis, float], None]:
    """To the digits that a paper prints: within one percent."""

    def check(analysis: Analysis, expected: float) -> None:
        assert figure(analysis) == pytest.approx(expected, rel=0.01)

    return check


def exactly(figure: Callable[[Analysis], int]) -> Callable[[Analysis, int], None]:
    def check(analysis: Analysis, expected: int) -> None:
        assert figure(analysis) == expected

    return check


#: Questions about a network that can be read.
CHECKS: dict[str, Callable[[Analysis, Any], None]] = {
    "output": check_output,
    "params": exactly(lambda analysis: analysis.report.totals.params),
    "macs": exactly(lambda analysis: analysis.report.totals.macs),
    "buffers": exactly(lambda analysis: analysis.report.totals.buffers),
    "keras_count_params": exactly(
        lambda analysis: analysis.report.totals.params + analysis.report.totals.buffers
    ),
    "memory_int8_in_place": exactly(lambda analysis: analysis.peak(in_place=True)),
    "macs_about": close(lambda analysis: analysis.report.totals.macs),
    "params_about": close(lambda analysis: analysis.report.totals.params),
    "field": check_field,
    "field_at_last_pool": check_last_pool,
    "layers": check_layers,
}


def check_refused(spec: Spec, expected: dict[str, Any], input: Sequence[int] | None = None) -> None:
    with pytest.raises(ConvcalcError) as caught:
        spec.network(input=input)
    (problem,) = caught.value.problems
    if expected["error"].isidentifier() or "-" in expected["error"]:
        assert problem.code == expected["error"]
    else:  # a text of PyTorch's, about a pooling of nothing
        assert problem.code == "window-too-large"
    if "layer" in expected:
        assert problem.subject.layer == expected["layer"]
    if "sizes" in expected:
        branches = [list(branch.value.shape[1:]) for branch in facts_of(problem.facts, Branch)]
        assert branches == expected["sizes"]


def check_meant(spec: Spec, meant: dict[str, Any]) -> None:
    """What the author meant: the shapes of the input, the output and of layers, and figures."""
    analysis = Analysis(spec.network())
    network = analysis.report.network
    for name, value in meant.items():
        if name == "input":
            assert [list(shape) for shape in network.inputs.values()] == [value]
        elif name in CHECKS:
            CHECKS[name](analysis, value)
        else:
            inside = [node for node in network.nodes if f"{node.path}.".startswith(f"{name}.")]
            assert list(inside[-1].shape) == value


def check(spec: Spec, expected: dict[str, Any]) -> None:
    """Asks all questions of a case."""
    if "error" in expected:
        check_refused(spec, expected)
        return
    for text, question in expected.items():
        if text in CHECKS:
            CHECKS[text](Analysis(spec.network()), question)
        elif text == "meant":
            check_meant(spec, question)
        elif text == "frames":
            for length, frames in question.items():
                (shape,) = outputs(Analysis(spec.network(input=[1, int(length)])))
                assert shape[-1] == frames
        elif text.startswith("at_"):
            shape = [3, *shape_at(text.removeprefix("at_"))]
            if "error" in question:
                check_refused(spec, question, shape)
            else:
                analysis = Analysis(spec.network(input=shape))
                for name, value in question.items():
                    CHECKS[name](analysis, value)
        else:
            assert text in COMMENTS | UNANSWERED.keys(), text


NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=NOT_YET[name]))
        if name in NOT_YET
        else name
        for name in NAMES
    ],
)
def test_a_case(name: str) -> None:
    expected = json.loads((FOLDER / f"{name}.expect.json").read_text(encoding="utf-8"))
    path = FOLDER / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    if name in REWRITTEN:
        code, old, new = REWRITTEN[name]
        network, problems = convcalc.read(path)
        codes = {problem.code for problem in [*problems, *(network.notes if network else ())]}
        assert codes == ({code} if code else set())
        assert old in text
        text = text.replace(old, new)
    check(spec(path, text=text), expected)


def test_what_is_left_open_is_asked_by_some_case() -> None:
    """A question that is answered, or a case that is gone, does not stay in a list."""
    asked = [
        json.loads((FOLDER / f"{name}.expect.json").read_text(encoding="utf-8")) for name in NAMES
    ]
    assert set(UNANSWERED) <= {question for questions in asked for question in questions}
    assert not set(UNANSWERED) & set(CHECKS)
    assert {*NOT_YET, *REWRITTEN} <= set(NAMES)
    assert len(NAMES) == 48
