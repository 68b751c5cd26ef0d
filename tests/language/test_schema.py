"""The JSON Schema takes what the reader takes, and tells the mistakes that an editor can see."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

import convcalc.layers
from convcalc.language.keys import COMMON_KEYS, TOP_KEYS
from convcalc.language.schema import spec_schema
from convcalc.language.shipped import shipped_path
from convcalc.layers import KINDS, layer_class
from convcalc.layers.joins import Concat
from convcalc.layers.traits import Branches
from tests.diagnostics.update import (
    FOLDER,
    case_names,
    config_names,
    expected,
    expected_of_config,
)
from tests.language.editor import edited
from tests.networks.grow import random_spec
from tests.quick import each_seed, every_network

VALIDATOR = jsonschema.Draft7Validator(spec_schema())


def errors(text: str) -> list[Any]:
    return list(VALIDATOR.iter_errors(edited(text)))


def layer_errors(text: str) -> list[Any]:
    """Of a layer in a file that has nothing else."""
    return errors(f"input: [8, 16, 16]\nlayers:\n  - {text}\n")


#: Arguments, a block, and defaults for all that needs some.
CONTEXT = """
args: {a: 1, act: relu, wide: true, deep: true, k: 3}
blocks: {"unit(c, s=1)": [{conv: c, kernel: 1}]}
defaults: {conv: {kernel: 3}}
"""


def errors_in_context(layer: str) -> list[Any]:
    """Of a layer in a file whose words may mean anything."""
    return errors(f"{CONTEXT}input: [8, 16, 16]\nlayers:\n  - {layer}\n")


def test_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(spec_schema())


@pytest.mark.no_cover
@every_network
def test_takes_every_shipped_network(name: str) -> None:
    path = shipped_path(name)
    assert path is not None
    assert errors(Path(path).read_text(encoding="utf-8")) == []


@pytest.mark.no_cover
@each_seed(20, 40)
def test_takes_random_networks(seed: int) -> None:
    assert errors(random_spec(Random(seed))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_takes_a_kind_as_a_word(kind: str) -> None:
    """Unless it needs an argument, which only `defaults` can give."""
    assert errors_in_context(kind) == []
    needs = any(declared.required for declared in layer_class(kind).fields.values())
    assert (layer_errors(kind) != []) == needs


@pytest.mark.parametrize(
    "layer",
    [
        "{conv: 64, kernel: 3, stride: [1, 2], padding: [[0, 1], 2], norm: batch}",
        "{conv: {channels: 64, kernel: 3}, name: c, repeat: 2, first: {stride: 2}, when: a > 1}",
        "{conv: 4*c, kernel: k, padding: same_lower, bias: wide, activation: act}",
        "{conv: 8, kernel: 3, norm: {groupnorm: 8}, activation: {leaky_relu: 0.1}}",
        "{relu: , name: r}",
        "{unit: 8, s: 2}",
        "{unit: [8, 3]}",
        "{add: {skip: [], main: [{conv: 8, kernel: 1}]}, activation: relu}",
        "{concat: [[], enc1, {when: deep, layers: [relu]}]}",
        "[{conv: 64, kernel: 1}, [relu]]",
        "{sequential: [relu], name: stage1, from: c, share: d}",
        "{slice: [0, 4]}",
        "{reshape: [4, -1]}",
        "{upsample: 2, mode: bilinear}",
    ],
)
def test_takes_what_the_language_offers(layer: str) -> None:
    assert errors_in_context(layer) == []


@pytest.mark.parametrize(
    "layer",
    [
        "{conv: in_channels, kernel: 'in_size[0] // 2', padding: same, bias: 'true'}",
        "{conv: {channels: 8}, kernel: 3, norm: {groupnorm: 4}, activation: {elu: 0.5}}",
        "{conv: 8, kernel: 3, activation: relu if in_channels > 3 else none}",
        "{conv: 8, repeat: 1, first: {kernel: 3}}",
        "{concat: [[], {when: true, layers: [{conv: 3, kernel: 1}]}, [sequential, [relu]]]}",
        "{upsample: , size: [4, 4], mode: bilinear}",
        "{relu: , from: input, repeat: 2, when: in_channels == 3}",
    ],
)
def test_takes_what_a_file_without_arguments_offers(layer: str) -> None:
    assert layer_errors(layer) == []


@pytest.mark.parametrize(
    "layer",
    [
        "{conv: 8, kernel: 3, padding: smae}",
        "{conv: 8, kernel: 3, padding: [same, 1]}",
        "{conv: 8, kernel: three}",
        "{conv: {channels: 8, kernel: three}}",
        "{conv: 8, kernel: 3, activation: rleu}",
        "{conv: 8, kernel: 3, norm: group}",
        "{conv: 8, kernel: 3, norm: {groupnorm: }}",
        "{conv: 8}",
        "{conv: , kernel: 3}",
        "{conv: {kernel: 3}}",
        "{cnov: 8, kernel: 3}",
        "Relu",
        "[rleu]",
        "{sequential: [{dense: }]}",
        "{add: [[], [dense]]}",
        "{add: {a: [], b: {when: true, layers: [rleu]}}}",
        "{relu: , repeat: two}",
        "{relu: , when: deep}",
        "{conv: 8, kernel: 3, repeat: 2, first: {stride: two}}",
    ],
)
def test_finds_unknown_words_and_missing_arguments(layer: str) -> None:
    """Where the file has no arguments, blocks and defaults, and extends no other."""
    assert layer_errors(layer) != []


@pytest.mark.parametrize(
    "layer",
    [
        "{conv: 64, kernal: 3}",
        "{conv: 64, kernel: 0}",
        "{conv: -1, kernel: 3}",
        "{conv: [64], kernel: 3}",
        "{conv: 64, kernel: [3, 3, 3, 3]}",
        "{conv: 64, kernel: 3, padding: [[0, 1, 2]]}",
        "{dense: 10, units: 3, positions: true}",
        "{dropout: 1}",
        "{add: relu}",
        "{add: []}",
        "{add: {a: [], b: 3}}",
        "{relu: , name: 'a b'}",
        "{relu: , first: {name: r}}",
        "{sequential: relu}",
        "{sequential: [relu], kernel: 3}",
        "{conv: 8, kernel: 3, norm: {relu: 1}, activation: 3}",
        "{}",
        "3",
    ],
)
def test_finds_mistakes_of_structure(layer: str) -> None:
    assert layer_errors(layer) != []


@pytest.mark.parametrize(
    "text",
    [
        "{input: [3, 8, 8], layers: [relu], colour: red}",
        "{input: [3, 8, 8]}",
        "{layers: [relu]}",
        "{input: [3, 8, 8, 8, 8], layers: [relu]}",
        "{input: [3], layers: []}",
        "{input: [3], layers: [relu], defaults: {convolution: {bias: false}}}",
        "{input: [3], layers: [relu], defaults: {conv: {bias: maybe, pad: 3}}}",
        "{input: [3], layers: [relu], blocks: {'two words': [relu]}}",
        "{input: [3], layers: [relu], expect: {parameters: 3}}",
        "[relu]",
    ],
)
def test_finds_mistakes_at_the_top(text: str) -> None:
    assert errors(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "{extends: base.yaml}",
        "{input: {left: [3, 8, 8], right: [3, 8, 8]}, layers: [{add: [left, right]}]}",
        "{args: {width: 1.0, depths: [2, 3]}, input: [8*width], layers: [relu], outputs: [relu0]}",
        "{input: [3], blocks: {'unit(c, s=1)': [relu], plain: [relu]}, layers: [unit, plain]}",
        "{input: [3], layers: [relu], expect: {params: 0, output: [3], layers: {relu0: [3]}}}",
    ],
)
def test_takes_every_key_at_the_top(text: str) -> None:
    assert errors(text) == []


#: Codes of mistakes in structure, which an editor is to show: a wrong key, kind, type or choice,
#: what is missing, what stands in the wrong place, a name that cannot be one.
STRUCTURE = {
    "ambiguous-flops",
    "bad-branch",
    "bad-input",
    "bad-name",
    "bad-quantity",
    "bad-signature",
    "bad-spec",
    "bad-unit",
    "bad-value",
    "empty-spec",
    "foreign-name",
    "missing-argument",
    "missing-key",
    "missing-space",
    "missing-value",
    "no-kind",
    "taken-name",
    "two-kinds",
    "unknown-convention",
    "unknown-dtype",
    "unknown-key",
    "unknown-kind",
    "unknown-metric",
    "unquoted-expression",
}

#: Codes of mistakes that JSON Schema cannot know of, and why.
BEYOND = {
    **dict.fromkeys(
        [
            "yaml-alias",
            "yaml-anchor",
            "yaml-key",
            "yaml-merge-key",
            "yaml-second-document",
            "yaml-syntax",
            "yaml-tag",
            "duplicate-key",
            "nesting-too-deep",
        ],
        "the YAML parser's: gone, or refused, before a schema sees the values",
    ),
    **dict.fromkeys(
        ["bad-expression", "bad-number", "unknown-function", "unknown-name", "number-too-large"],
        "the text of an expression: a string to a schema",
    ),
    **dict.fromkeys(
        [
            "block-recursion",
            "duplicate-name",
            "no-input",
            "share-mismatch",
            "unknown-layer",
            "unused-value",
        ],
        "a name is compared with another one elsewhere in the file",
    ),
    **dict.fromkeys(
        [
            "block-not-found",
            "extends-loop",
            "extends-not-found",
            "no-lock",
            "no-match",
            "no-such-layer",
        ],
        "about other files",
    ),
    "unknown-argument": "whether an argument is one of a file that this one names",
    **dict.fromkeys(
        [
            *("bad-axis", "bad-order"),
            "branch-count",
            "broadcast-mismatch",
            "crop-too-large",
            "groups-mismatch",
            "index-out-of-range",
            "join-mismatch",
            "heads-mismatch",
            "no-branches",
            "no-layers",
            "output-padding-too-large",
            "padding-too-large",
            "reshape-mismatch",
            "size-too-large",
            "slice-out-of-range",
            "too-many-layers",
            "too-many-variants",
            *("unpool-mismatch", "upsample-size"),
            *("window-mismatch", "window-too-large"),
            "wrong-rank",
        ],
        "arithmetic: values that do not fit each other",
    ),
}

#: Cases of a structural code in which the mistake lies where a schema cannot look, and why.
BEYOND_CASES = {
    **dict.fromkeys(
        [
            "arg_named_as_block",
            "block_argument_layer_as_layer",
            "block_argument_missing",
            "block_argument_surplus",
            "block_misspelt",
            "block_word_handed_on",
            "block_word_is_no_kind",
            "kind_absent_but_a_block",
            "key_block_argument_typo",
            "loop_of_other_languages",
            "value_layer_for_number",
        ],
        "depends on the blocks or arguments that this very file defines",
    ),
    "block_default_before": "inside a signature, which is a string",
    "size_of_no_layer": "the value of an expression",
    "value_computed_fraction": "the value of an expression",
    "pad_value_of_a_copy": "whether one argument goes with another",
    "value_clip_bounds": "whether one argument is below another",
    "value_when_not_boolean": "the value of an expression",
    "extends_a_broken_file": "in the file that is extended",
    "extends_a_folder_up": "in the file that is extended",
    "extends_bad_yaml": "in the file that is extended",
    "network_arguments": "in the file of a network that is a block",
    "network_with_two_inputs": "in the file of a network that is a block",
    "window_causal_transposed": "the word is one that other kinds' padding understands",
}


def codes(message: str) -> set[str]:
    return set(re.findall(r"error\[([a-z-]+)\]", message))


def codes_of(case: str) -> set[str]:
    return codes(expected(case))


def structural(case: str) -> bool:
    return bool(codes_of(case) & STRUCTURE) and case not in BEYOND_CASES


def test_every_code_is_classified() -> None:
    found = {code for case in case_names() for code in codes_of(case)}
    found |= {code for case in config_names() for code in codes(expected_of_config(case))}
    assert found <= STRUCTURE | set(BEYOND)
    assert not STRUCTURE & set(BEYOND)


@pytest.mark.parametrize("case", [*filter(structural, case_names())])
def test_an_editor_finds_every_mistake_of_structure(case: str) -> None:
    assert errors((FOLDER / f"{case}.yaml").read_text(encoding="utf-8")) != []


@pytest.mark.parametrize("case", [*BEYOND_CASES])
def test_what_is_beyond_a_schema_is_still_beyond_it(case: str) -> None:
    """Once it is not, it belongs with the others."""
    assert codes_of(case) & STRUCTURE or case == "extends_bad_yaml"
    assert errors((FOLDER / f"{case}.yaml").read_text(encoding="utf-8")) == []


def test_most_cases_are_about_structure() -> None:
    assert sum(map(structural, case_names())) >= 120


class TestCompletion:
    """What an editor offers while one types."""

    def test_every_key_at_the_top_is_explained(self) -> None:
        properties = spec_schema()["properties"]
        assert [*properties] == [*TOP_KEYS]
        assert all(entry["description"] for entry in properties.values())

    def test_every_kind_and_common_key_is_offered_and_explained(self) -> None:
        *_, mapping = spec_schema()["definitions"]["layer"]["anyOf"]
        offered = mapping["properties"]
        assert {*offered} == {*COMMON_KEYS, *KINDS, "sequential"}
        assert all(entry["description"] for entry in offered.values())

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_argument_is_explained_with_its_default(self, kind: str) -> None:
        arguments = spec_schema()["definitions"][f"{kind} arguments"]["properties"]
        for name, declared in layer_class(kind).fields.items():
            assert arguments[name]["description"] == declared.doc
            if declared.required:
                assert "default" not in arguments[name]
            else:
                assert arguments[name].get("default") == declared.default

    def test_it_is_plain_json(self) -> None:
        assert json.loads(json.dumps(spec_schema(), allow_nan=False)) == spec_schema()


@pytest.mark.parametrize(
    ("layer", "right"),
    [
        ("{attention: {query: [], key: [], value: []}, heads: 2, dropout: 0.1}", True),
        ("{dropout: 0.1, attention: {query: a, key: [{dense: 8}], value: []}}", True),
        ("{attention: {query: [], key: [], value: []}, window: [7, 7], shift: 3}", True),
        ("{attention: {query: [], key: [], value: []}, position_bias: relative}", True),
        ("{attention: {query: [], key: [], value: []}, position_bias: relativ}", False),
        ("{attention: {query: [], key: [], value: []}, rate: 0.1}", False),
        ("{attention: {query: [], key: []}}", False),
        ("{attention: [[], [], []]}", False),
    ],
)
def test_attention(layer: str, right: bool) -> None:
    assert (layer_errors(layer) == []) == right


@pytest.mark.parametrize(
    ("layer", "right"),
    [
        ("{unpool: p}", True),
        ("{opaque: NonMaxSuppression, shape: [84, 8400]}", True),
        ("{opaque: [], op: RandomNormal, shape: [4], params: 0}", True),
        ("{opaque: {boxes: p, scores: [relu]}, op: com.x.Op-2, shape: [4]}", True),
        ("{opaque: NonMaxSuppression}", False),
        ("{opaque: [p], shape: [4]}", False),
        ("{opaque: Sort, shape: [4], size: 3}", False),
        ("opaque", False),
    ],
)
def test_names_that_are_no_expressions(layer: str, right: bool) -> None:
    assert (layer_errors(layer) == []) == right


class Pick(Concat, kind="pick"):
    """A join whose branches have names of their own, one of them optional."""

    joins = Branches.named("value", "offset", optional="mask")


@pytest.mark.parametrize(
    ("branches", "right"),
    [
        ("{value: [], offset: [relu]}", True),
        ("{offset: {when: true, layers: [relu]}, value: [], mask: [relu]}", True),
        ("{value: []}", False),
        ("{value: [], offset: [], other: []}", False),
        ("[[], []]", False),
    ],
)
def test_named_branches(branches: str, right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "pick", ("none", "Pick"))
    monkeypatch.setitem(convcalc.layers._loaded, "pick", Pick)
    validator = jsonschema.Draft7Validator(spec_schema())
    spec = edited(f"{{input: [8, 4], layers: [{{pick: {branches}}}]}}")
    assert (list(validator.iter_errors(spec)) == []) == right
