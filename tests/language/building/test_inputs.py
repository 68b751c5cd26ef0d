"""How the shape of an input is read: its layout, and notes on forms that may be meant otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc import ConvcalcError, Network, Problem
from convcalc.language.shipped import shipped_names
from convcalc.problems import Meant, facts_of
from convcalc.transform.whatif import scale_channels
from tests.shipped import shipped

LAYERS = "layers: [relu]"


def network(shape: object, layout: str = "") -> Network:
    stated = f"layout: {layout}\n" if layout else ""
    return convcalc.loads(f"input: {shape}\n{stated}{LAYERS}\n", name="net.yaml")


def meant(found: Network) -> tuple[str, tuple[int, ...]]:
    """The code of the one note, and the shape that it offers."""
    (note,) = found.notes
    (fact,) = facts_of(note.facts, Meant)
    return note.code, fact.shape


def refused(text: str) -> Problem:
    with pytest.raises(ConvcalcError) as caught:
        convcalc.loads(text)
    (problem,) = caught.value.problems
    return problem


class TestNotes:
    @pytest.mark.parametrize(
        ("shape", "code", "offered"),
        [
            ([1, 3, 224, 224], "input-batch-axis", (3, 224, 224)),
            ([1, 224, 224, 3], "input-batch-axis", (224, 224, 3)),
            ([1, 1, 1, 1], "input-batch-axis", (1, 1, 1)),
            ([224, 224, 3], "input-channels-last", (3, 224, 224)),
            ([8, 9, 1], "input-channels-last", (1, 8, 9)),
            ([28, 28], "input-no-channels", (1, 28, 28)),
        ],
    )
    def test_a_shape_that_may_be_meant_otherwise(
        self, shape: list[int], code: str, offered: tuple[int, ...]
    ) -> None:
        found = network(shape)
        assert found.inputs == {"input": tuple(shape)}, "the note changes nothing"
        assert meant(found) == (code, offered)

    @pytest.mark.parametrize(
        "shape",
        [[3, 224, 224], [1, 28, 28], [3, 16, 112, 112], [28, 29], [10, 10, 10], [2, 1, 3, 3]]
        + [[7, 9, 3], [9, 7, 3], [224, 224, 4], [3, 224, 3], [1, 224, 1], [784]],
    )
    def test_no_note_on_other_shapes(self, shape: list[int]) -> None:
        assert network(shape).notes == ()

    @given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
    def test_these_three_forms_and_no_others(self, shape: list[int]) -> None:
        four_with_a_one = len(shape) == 4 and shape[0] == 1
        colours_last = (
            len(shape) == 3
            and shape[2] in {1, 3}
            and shape[0] not in {1, 3}
            and shape[0] > 7
            and shape[1] > 7
        )
        two_equal = len(shape) == 2 and len(set(shape)) == 1
        text = f"{{input: {shape}, layers: [identity]}}"
        assert bool(convcalc.loads(text).notes) == (four_with_a_one or colours_last or two_equal)

    @pytest.mark.parametrize("name", shipped_names())
    def test_no_shipped_network_has_one(self, name: str) -> None:
        assert [note for note in shipped(name).notes if note.code.startswith("input")] == []

    def test_is_placed_at_the_shape(self) -> None:
        (note,) = network([28, 28]).notes
        assert str(note.span) == "net.yaml:1:8"
        assert note.text == "input: [28, 28] is read as 28 channels of 28 positions"

    def test_of_one_of_several_inputs(self) -> None:
        found = convcalc.loads(
            "{input: {left: [1, 8, 8], right: [8, 8, 1]}, outputs: [a, b],"
            " layers: [{relu: , from: left, name: a}, {relu: , from: right, name: b}]}"
        )
        (note,) = found.notes
        assert note.text == "right: [8, 8, 1] is read as 8 channels of 8x1 positions"

    def test_of_an_option_instead_of_the_file(self) -> None:
        spec = convcalc.spec("net.yaml", text=f"input: [3, 32, 32]\n{LAYERS}\n")
        (note,) = spec.network(input=[64, 48, 3]).notes
        assert (note.code, note.span) == ("input-channels-last", None)
        assert note.text == (
            "--input 64x48x3: [64, 48, 3] is read as 64 channels of 48x3 positions"
        )
        assert spec.network().notes == ()

    def test_stays_with_what_is_made_of_the_network(self) -> None:
        found = network([28, 28])
        assert scale_channels(found, 2).notes == found.notes

    def test_of_arguments(self) -> None:
        text = f"{{args: {{n: 28, c: 1}}, input: [n, n, c], {LAYERS}}}"
        assert meant(convcalc.loads(text)) == ("input-channels-last", (1, 28, 28))


class TestLayout:
    @pytest.mark.parametrize(
        ("shape", "turned"),
        [
            ([224, 200, 3], (3, 224, 200)),
            ([100, 40], (40, 100)),
            ([16, 32, 48, 2], (2, 16, 32, 48)),
            ([28, 28], (28, 28)),
            ([784], (784,)),
        ],
    )
    def test_channels_last(self, shape: list[int], turned: tuple[int, ...]) -> None:
        found = network(shape, "channels_last")
        assert found.inputs == {"input": turned}
        assert found.notes == ()

    @pytest.mark.parametrize("shape", [[1, 3, 8, 8], [24, 24, 3], [28, 28]])
    def test_channels_first_says_that_it_is_meant(self, shape: list[int]) -> None:
        found = network(shape, "channels_first")
        assert found.inputs == {"input": tuple(shape)}
        assert found.notes == ()

    def test_a_batch_axis_is_noted_before_channels_last(self) -> None:
        found = network([1, 224, 224, 3], "channels_last")
        assert found.inputs == {"input": (3, 1, 224, 224)}
        assert meant(found) == ("input-batch-axis", (224, 224, 3))

    def test_of_several_inputs(self) -> None:
        found = convcalc.loads(
            "{layout: channels_last, input: {a: [8, 9, 3], b: [5]}, outputs: [x, y],"
            " layers: [{relu: , from: a, name: x}, {relu: , from: b, name: y}]}"
        )
        assert found.inputs == {"a": (3, 8, 9), "b": (5,)}

    def test_the_option_is_channels_first_all_the_same(self) -> None:
        text = f"input: [32, 40, 3]\nlayout: channels_last\n{LAYERS}\n"
        spec = convcalc.spec("net.yaml", text=text)
        assert spec.network(input=[3, 64, 48]).inputs == {"input": (3, 64, 48)}
        with pytest.raises(ConvcalcError, match="not 2") as caught:
            spec.network(input=[3, 64])
        (fact,) = caught.value.problems[0].facts
        assert "--input 3x32x40 is the file's" in str(fact)

    @pytest.mark.parametrize(
        ("child", "shape"),
        [
            ("{extends: base.yaml}", (3, 8, 9)),
            ("{extends: base.yaml, args: {n: 10}}", (3, 10, 9)),
            ("{extends: base.yaml, input: [4, 8, 9]}", (4, 8, 9)),
            ("{extends: base.yaml, input: [4, 8, 9], layout: channels_last}", (9, 4, 8)),
        ],
    )
    def test_goes_with_the_input_of_its_file(
        self, child: str, shape: tuple[int, ...], tmp_path: Path
    ) -> None:
        base = f"{{args: {{n: 8}}, input: [n, 9, 3], layout: channels_last, {LAYERS}}}"
        (tmp_path / "base.yaml").write_text(base, encoding="utf-8")
        (tmp_path / "child.yaml").write_text(child, encoding="utf-8")
        assert convcalc.load(tmp_path / "child.yaml").inputs == {"input": shape}

    @pytest.mark.parametrize(
        ("layout", "help_text"),
        [
            ("NHWC", "it is called 'channels_last' here"),
            ("chanels_first", "did you mean 'channels_first'?"),
        ],
    )
    def test_another_word(self, layout: str, help_text: str) -> None:
        problem = refused(f"{{input: [3, 8, 8], layout: {layout}, {LAYERS}}}")
        assert problem.code == "bad-value"
        assert problem.message == "'layout' takes channels_first or channels_last"
        assert help_text in str(problem.facts)

    @pytest.mark.parametrize("value", ["[3]", "{a: b}", "''", "true"])
    def test_no_word(self, value: str) -> None:
        assert refused(f"{{input: [3, 8, 8], layout: {value}, {LAYERS}}}").code == "bad-value"

    def test_a_wrong_size_is_blamed_where_it_is_written(self) -> None:
        problem = refused(f"layout: channels_last\ninput: [8, 8, -3]\n{LAYERS}")
        assert (problem.code, problem.span and problem.span.column) == ("bad-input", 15)
        assert "[height, width, channels]" in str(problem.facts)


def test_data_formats_of_other_libraries() -> None:
    problem = refused(f"{{input: [3, 8, 8], data_format: channels_last, {LAYERS}}}")
    facts: Any = problem.facts
    assert (problem.code, facts[0].text) == ("unknown-key", "it is called 'layout' here")
