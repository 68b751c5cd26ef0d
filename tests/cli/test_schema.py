"""The JSON Schema takes what the reader takes, and tells the mistakes that an editor can see."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from convcalc.layers import KINDS
from convcalc.spec.schema import spec_schema
from convcalc.spec.shipped import shipped_names, shipped_path
from tests.networks.grow import random_spec

VALIDATOR = jsonschema.Draft7Validator(spec_schema())


def errors(text: str) -> list[Any]:
    return list(VALIDATOR.iter_errors(yaml.safe_load(text)))


def layer_errors(text: str) -> list[Any]:
    return errors(f"input: [8, 16, 16]\nlayers:\n  - {text}\n")


def test_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(spec_schema())


@pytest.mark.parametrize("name", shipped_names())
def test_takes_every_shipped_network(name: str) -> None:
    path = shipped_path(name)
    assert path is not None
    assert errors(Path(path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("seed", range(40))
def test_takes_random_networks(seed: int) -> None:
    assert errors(random_spec(Random(seed))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_takes_a_kind_as_a_word(kind: str) -> None:
    assert layer_errors(kind) == []


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
    assert layer_errors(layer) == []


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
def test_tells_mistakes_of_structure(layer: str) -> None:
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
def test_tells_mistakes_at_the_top(text: str) -> None:
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
