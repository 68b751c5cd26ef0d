"""A spec is read once; its arguments make networks of it, each as if the file were read anew."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc import ConvcalcError, Network, Spec, loads
from convcalc.language.load import spec
from convcalc.language.reading.items import Item
from convcalc.language.reading.nodes import YamlNode
from tests.quick import every_network

SMALL = """
input: [3, 8, 8]
args: {width: 4, act: relu, body: unit}
defaults: {conv: {kernel: 3, padding: 1, activation: act}}
blocks:
  unit(c): [{conv: c}, {conv: c, repeat: 2, first: {kernel: 1}}]
layers:
  - {body: width, repeat: 2}
  - {dense: width}
expect: {output: [width]}
budget: {params: 1k}
"""


def described(network: Network) -> list[object]:
    """All that a network is, for comparison."""
    nodes = [
        (n.path, n.unit, n.layer, n.inputs, n.shape, n.span and n.span[1:], n.shares)
        for n in network.nodes
    ]
    return [network.name, network.source, network.outputs, nodes]


def small() -> Spec:
    return spec("small.yaml", text=SMALL)


def test_says_what_the_file_says() -> None:
    read = small()
    assert (read.name, read.source.text, read.problems) == ("small", SMALL, ())
    assert read.args == {"width": 4, "act": "relu", "body": "unit"}
    assert [(fact.metric, fact.value) for fact in read.expectations] == [("output", (4,))]
    assert [(limit.metric, limit.most) for limit in read.budget] == [("params", 1000)]
    assert read.bases == {}


def test_its_expectations_are_about_the_file_as_it_is() -> None:
    read = small()
    read.network({"width": 7})
    assert [fact.value for fact in read.expectations] == [(4,)]


def test_each_network_is_that_of_a_file_read_anew() -> None:
    read = small()
    for args in ({}, {"width": 2}, {"act": "tanh"}, {"width": "3", "act": "none"}, {}):
        for shape in (None, [3, 9, 9]):
            fresh = loads(SMALL, name="small.yaml", args=args, input=shape)
            assert described(read.network(args, shape)) == described(fresh)


@pytest.mark.no_cover
@every_network
def test_a_shipped_network_twice(name: str) -> None:
    read = spec(name)
    assert described(read.network()) == described(read.network())


def test_an_override_that_is_refused_leaves_the_spec_as_it_was() -> None:
    read = small()
    before = described(read.network())
    for args, status in ({"width": 0}, 1), ({"width": "x"}, 2), ({"body": 3}, 1), ({"no": 1}, 2):
        with pytest.raises(ConvcalcError) as caught:
            read.network(args)
        assert caught.value.status == status
    assert described(read.network()) == before


#: Which key names the kind depends on what the arguments hold.
HEADS = """
input: [3, 8, 8]
args: {one: conv, two: 3, three: relu}
blocks:
  unit(c): [{conv: c}, {three: }]
  pair(a, b): [{a: 3, b: 1}, {one: 4, two: 5}]
layers:
  - {one: 4, two: 3, kernel: 1}
  - three
  - {pair: three, b: two}
  - {sequential: [{two: 2, three: 3}]}
"""
HELD = st.sampled_from(["conv", "3", "relu", "unit", "dense", "kernel", "no", "1.5"])


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional={"one": HELD, "two": HELD, "three": HELD})))
def test_what_is_read_does_not_depend_on_what_was_read_before(calls: list[dict[str, str]]) -> None:
    read = spec("heads.yaml", text=HEADS)
    for args in calls:
        outcomes = []
        for each in read, spec("heads.yaml", text=HEADS):
            try:
                network, problems = each.read(args)
            except ConvcalcError as error:
                network, problems = None, tuple(error.problems)
            outcomes.append((network and described(network), problems))
        assert outcomes[0] == outcomes[1]


def test_names_of_variants() -> None:
    read = small()
    assert read.variant({"act": "tanh", "width": "2 * 3"}) == "width=6 act=tanh"
    assert read.variant({"width": "4.0"}) == ""


def test_what_can_be_read_of_a_file_with_mistakes() -> None:
    text = """
input: [3, 8, 8]
layers:
  - {conv: 4, kernel: 3}
  - {conv: 4, kernel: 9, name: too_large}
  - relu
  - {conv: 8, kernel: 3, from: conv0}
  - {dense: none}
"""
    network, problems = spec("-", text=text).read()
    assert network is not None
    assert [node.path for node in network.nodes] == ["input", "conv0", "conv1"]
    assert [problem.code for problem in problems] == ["window-too-large", "bad-value"]


def test_reading_a_file_without_mistakes() -> None:
    read = small()
    network, problems = read.read()
    assert problems == ()
    assert network is not None
    assert described(network) == described(read.network())


def test_mistakes_in_what_no_argument_changes_are_known_before_any_layer() -> None:
    read = spec("-", text="{input: [4], layers: [{dens: 2}], expect: {parms: 3}, name: }")
    assert [problem.code for problem in read.problems] == ["unknown-key", "bad-value"]
    with pytest.raises(ConvcalcError) as caught:
        read.network()
    codes = [problem.code for problem in caught.value.problems]
    assert codes == ["unknown-kind", "unknown-key", "bad-value"]


def test_a_file_that_is_no_spec_is_refused(tmp_path: Path) -> None:
    for text in ("", "[1, 2]", "{input: [", "a: *b"):
        with pytest.raises(ConvcalcError) as caught:
            spec("-", text=text)
        assert caught.value.status == 1
    with pytest.raises(ConvcalcError) as caught:
        spec(tmp_path / "none.yaml")
    assert caught.value.status == 2


def test_what_depends_on_a_misspelt_default_is_not_read() -> None:
    text = """
input: [3, 8, 8]
defaults: {conv: {kernel: 3, paddin: 1}}
layers:
  - relu
  - {conv: 3}
  - {add: [[], [{conv: 3}]]}
"""
    network, problems = spec("-", text=text).read()
    assert network is not None
    assert [node.path for node in network.nodes] == ["input", "relu0"]
    assert [problem.code for problem in problems] == ["unknown-key"]


@pytest.mark.parametrize("given", ["3x8x8", 5, [3, "a", 8], [3, 8.5, 8]])
def test_an_input_that_is_no_list_of_sizes_is_refused(given: object) -> None:
    with pytest.raises(ConvcalcError, match="sizes are a list of whole numbers") as caught:
        small().network(input=given)  # type: ignore[arg-type]
    assert caught.value.status == 2


def test_sizes_of_any_integer_type() -> None:
    assert small().network(input=[*np.array([3, 16, 16])]).inputs == {"input": (3, 16, 16)}


@pytest.mark.parametrize("layer", ["{conv: 8, kernel: 3}", "{add: [[], [relu]]}", "{unit: 3}"])
def test_a_spec_is_freed_without_the_garbage_collector(layer: str) -> None:
    start = "input: [3, 90, 90]\nblocks: {unit(c): [{conv: c, kernel: 1}]}\nlayers:\n"
    garbage = []
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for copies in 1, 40:
            gc.collect()
            network = loads(start + f"  - {layer}\n" * copies)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            gc.set_debug(0)
            garbage.append(sum(isinstance(found, Item | YamlNode) for found in gc.garbage))
            gc.garbage.clear()
            del network
    finally:
        gc.set_debug(0)
        if was_enabled:
            gc.enable()
    assert garbage == [0, 0]
