"""The top level of a file: its keys, its names, and the signatures of its blocks."""

from __future__ import annotations

import pytest

from convcalc import ConvcalcError, Network, loads
from convcalc.facts import worded
from convcalc.language.keys import LAYER_FUNCTIONS
from convcalc.layers import CHOICES, KINDS
from convcalc.problems import Note


def paths(network: Network) -> list[str]:
    return [node.path for node in network.operations]


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["conv", "sequential", "none", "batch", "same", "zeros", "max", "divisible", "repeat"]
        + ["when", "first", "in_channels", "in_size", "and", "if", "true"],
    )
    def test_of_blocks_and_arguments_that_are_taken(self, name: str) -> None:
        for text in (
            f"args: {{{name}: 3}}",
            f"blocks: {{{name}(c): [relu]}}",
            f"blocks: {{unit({name}): [relu]}}",
            f"blocks: {{'unit(c, {name}=3)': [relu]}}",
        ):
            with pytest.raises(ConvcalcError) as caught:
                loads(f"{text}\ninput: [3]\nlayers: [relu]\n")
            assert [problem.code for problem in caught.value.problems] == ["taken-name"]

    @pytest.mark.parametrize("name", [*KINDS, *CHOICES, "copy", *LAYER_FUNCTIONS])
    def test_that_are_taken_are_refused_with_what_they_mean(self, name: str) -> None:
        """Alone: nothing that follows from such a name is reported beside it."""
        for text in (
            f"{{args: {{{name}: 3}}, layers: [{{dense: {name}}}]",
            f"{{blocks: {{unit({name}): [{{dense: {name}}}]}}, layers: [{{unit: 3}}]",
            f"{{blocks: {{{name}(c): [{{dense: c}}]}}, layers: [{{{name}: 3}}]",
            f"{{extends: lenet, args: {{{name}: 3}}, layers: [{{dense: {name}}}]",
        ):
            with pytest.raises(ConvcalcError) as caught:
                loads(f"{text}, input: [3, 8, 8]}}")
            (problem,) = caught.value.problems
            assert problem.code == "taken-name"
            assert f"'{name}' cannot name " in problem.message
            (meaning,) = [fact.text for fact in problem.facts if isinstance(fact, Note)]
            assert name in meaning
            assert len(meaning) > len(f"the kind {name}: ")

    @pytest.mark.parametrize(
        "text",
        [
            "{args: {unit: 3}, blocks: {unit: [relu]}}",
            "{blocks: {unit(other): [relu], other: [relu]}}",
        ],
    )
    def test_blocks_and_arguments_do_not_share_one(self, text: str) -> None:
        with pytest.raises(ConvcalcError, match="taken-name"):
            loads(f"{text[:-1]}, input: [3], layers: [relu]}}")

    def test_names_of_arguments_of_kinds_are_free(self) -> None:
        text = "{args: {kernel: 3, channels: 4, name0: 1}, input: [3, 8, 8], layers: ["
        assert loads(text + "{conv: channels, kernel: kernel}]}").operations[0].shape == (4, 6, 6)


class TestSignatures:
    @pytest.mark.parametrize(
        "signature",
        ["unit", "unit()", "unit( )", "'unit(c=3)'", "'unit(c = 3, d = max(c, 2))'", "' unit '"]
        + ["'unit(c=[1, 2], d=c[0])'", "'unit(c=in_channels,d=relu)'"],
    )
    def test_that_are_read(self, signature: str) -> None:
        network = loads(f"blocks:\n  {signature}: [relu]\ninput: [3]\nlayers: [unit]\n")
        assert paths(network) == ["unit0.relu0"]

    @pytest.mark.parametrize(
        "signature",
        ["unit(", "unit)", "unit(a))", "unit a", "u-nit", "2unit", "'unit(a b)'", "'unit(a,)'"]
        + ["'unit(1)'", "'unit(a=)'", "'unit(=3)'", "'unit(a, a)'", "'unit(a=1, b)'", "''"],
    )
    def test_that_are_refused(self, signature: str) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads(f"blocks:\n  {signature}: [relu]\ninput: [3]\nlayers: [unit]\n")
        codes = {problem.code for problem in caught.value.problems}
        assert codes <= {"bad-signature", "bad-expression", "missing-value", "unknown-kind"}

    def test_a_quoted_signature_is_pointed_into(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("blocks:\n  'unit(a=1 +)': [relu]\ninput: [3]\nlayers: [relu]\n")
        (problem,) = caught.value.problems
        assert problem.span is not None
        assert (problem.span.line, problem.span.column) == (2, 13)


class TestTopLevel:
    def test_mistakes_are_reported_from_top_to_bottom(self) -> None:
        text = "layer: 1\ninput: 3\nargs: [1]\ndefaults: {conv: 1, cnv: {}}\nblocks: 3\nlayers: 4\n"
        with pytest.raises(ConvcalcError) as caught:
            loads(text)
        spans = [problem.span for problem in caught.value.problems if problem.span]
        assert [(s.line, s.column) for s in spans] == sorted((s.line, s.column) for s in spans)
        assert [s.line for s in spans] == [1, 2, 3, 4, 4, 5, 6]

    @pytest.mark.parametrize("key", ["args", "defaults", "blocks"])
    def test_an_empty_key_is_as_good_as_none(self, key: str) -> None:
        assert loads(f"{key}:\ninput: [3]\nlayers: [relu]\n").inputs == {"input": (3,)}

    def test_a_missing_key_is_reported_at_the_top(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("name: x\n")
        assert [str(problem) for problem in caught.value.problems] == [
            "-:1:1: error[missing-key]: the spec has no 'input'",
            "-:1:1: error[missing-key]: the spec has no 'layers'",
        ]

    def test_a_misspelt_key_is_not_reported_as_missing_too(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("inputs: [3]\nmodel: [relu]\n")
        assert [problem.code for problem in caught.value.problems] == ["unknown-key"] * 2

    def test_a_space_is_missing(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("{input:3: , layers: [relu]}")
        (problem,) = caught.value.problems
        assert worded(problem.facts) == (("help", "a space is missing after the ':'"),)

    def test_a_name_is_a_word(self) -> None:
        for name in ("[a]", "{a: b}", ""):
            with pytest.raises(ConvcalcError, match="'name' takes a name"):
                loads(f"name: {name}\ninput: [3]\nlayers: [relu]\n")

    def test_a_strange_key_does_not_hide_a_missing_one(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("optimizer: adam\ninput: [3]\n")
        assert {problem.code for problem in caught.value.problems} == {"unknown-key", "missing-key"}
