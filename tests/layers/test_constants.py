"""Constants: their sizes, what they learn, and that nothing of what enters is used."""

from __future__ import annotations

from math import prod

import pytest

import convcalc
from convcalc.analysis.costs.balance import balance
from convcalc.analysis.costs.depth import weighted_depth
from convcalc.analysis.field.fields import fields
from convcalc.analysis.memory.liveness import peak_of, tensor_graph
from convcalc.analysis.memory.training import kept_tensors
from convcalc.analysis.training.step import train
from convcalc.counts import Counts
from convcalc.graph import Network
from convcalc.layers.traits import SAME
from convcalc.problems import RuleError
from convcalc.transform.whatif import apply
from tests.layers.shorthand import counts, made, params, shape, unreadable

#: A class token before the patches, and a learned and a fixed position, as vision transformers
#: begin.
TOKENS = """
input: [3, 32, 32]
args: {width: 12}
layers:
  - {conv: width, kernel: 8, stride: 8}
  - {reshape: [width, -1]}
  - concat: {class: [{parameter: [width, 1]}], patches: []}
    axis: 1
  - {add: {tokens: [], position: [parameter]}, name: learned}
  - {add: {tokens: [], position: [buffer]}, name: fixed}
  - {dense: 10, name: end}
"""


@pytest.fixture(scope="module")
def tokens() -> Network:
    return convcalc.loads(TOKENS)


@pytest.mark.parametrize("kind", ["parameter", "buffer"])
def test_sizes(kind: str) -> None:
    assert shape(made(kind, shape=[768, 1]), (768, 196)) == (768, 1)
    assert shape(made(kind, shape=[100]), (256, 25, 38)) == (100,)
    assert shape(made(kind), (768, 197)) == (768, 197)
    assert counts(made(kind), (768, 197)) == Counts()


def test_one_is_learned_and_the_other_is_kept() -> None:
    given = [(768, 197)]
    assert params(made("parameter"), *given) == 768 * 197
    assert made("parameter").buffers(given) == {}
    assert params(made("buffer"), *given) == 0
    assert {name: prod(size) for name, size in made("buffer").buffers(given).items()} == {
        "value": 768 * 197
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (8, "shape must be a list of 1 to 6 sizes, channels first, not 8"),
        ([], "shape must be a list of 1 to 6 sizes, channels first, not []"),
        ([768, 0], "shape must be a list of 1 to 6 sizes, channels first, not [768, 0]"),
        (
            [1] * 7,
            "shape must be a list of 1 to 6 sizes, channels first, not [1, 1, 1, 1, 1, 1, 1]",
        ),
    ],
)
def test_what_is_no_shape(value: object, message: str) -> None:
    assert unreadable("parameter", shape=value).message == message


def test_a_given_shape_is_an_argument_and_another_follows_what_enters() -> None:
    given = made("parameter", shape=[768, 1])
    rule = given.channel_rule([(768, 196)])
    assert rule.relation == "own"
    assert given.with_channels(rule, 1536, 0) == made("parameter", shape=[1536, 1])
    assert made("parameter").channel_rule([(768, 197)]) == SAME
    assert made("parameter").with_channels(SAME, 1536, 0) == made("parameter")


def test_what_ifs_change_them_with_what_they_are_tied_to(tokens: Network) -> None:
    double = {node.path: node.shape for node in apply(tokens, double_channels=True).nodes}
    assert double["concat0.class.parameter0"] == (24, 1)
    assert double["learned.position.parameter0"] == double["fixed"] == (24, 17)


def test_they_depend_on_no_input(tokens: Network) -> None:
    seen = fields(tokens)
    assert seen["concat0.class.parameter0"].axes == {}
    assert seen["learned.position.parameter0"].size_text() == "-"
    assert seen["learned"].size_text() == "8x8"
    token = convcalc.loads(f"{TOKENS}  - {{slice: [0, 1], from: fixed, axis: 1, name: token}}\n"
                           "outputs: [end, token]\n")  # fmt: skip
    assert fields(token)["token"].axes == {}


def test_they_take_no_memory_but_the_weights(tokens: Network) -> None:
    graph = tensor_graph(tokens)
    kinds = [tokens.nodes[operation.node].kind for operation in graph.operations]
    assert kinds == ["conv", "concat", "add", "add", "dense"]
    # The input and the sum, then the sum in its place.
    network = convcalc.loads("{input: [4, 6], layers: [{parameter: [4, 6]}, {add: [input, []]}]}")
    assert peak_of(tensor_graph(network)) == 2 * 24
    assert peak_of(tensor_graph(network, in_place=True)) == 24


def test_a_learned_map_is_not_written_over() -> None:
    network = convcalc.loads("{input: [4, 6], layers: [{add: [[{parameter: [4, 6]}, relu], []]}]}")
    graph = tensor_graph(network, in_place=True)
    relu, add = graph.operations
    assert (relu.reads, relu.reusable) == ((), ())
    assert len(add.reads) == 2


@pytest.mark.parametrize("batch", [1, 5])
def test_gradients_of_all_samples_are_summed(tokens: Network, batch: int) -> None:
    step = train(tokens, batch=batch)
    costs = {layer.node.path: layer.cost for layer in step.layers}
    for path, elements in (("concat0.class", 12), ("learned.position", 12 * 17)):
        cost = costs[f"{path}.parameter0"]
        assert cost.weight_gradient == Counts(adds=(batch - 1) * elements)
        assert cost.step.flops == 2 * elements
        assert (cost.input_gradient, cost.forward) == (Counts(), Counts())
    assert costs["fixed.position.buffer0"].total == Counts()


def test_no_gradient_goes_to_what_enters() -> None:
    text = "{input: [2, 3], layers: [{conv: 2, kernel: 1}, {add: [[], [parameter], [buffer]]}]}"
    step = train(convcalc.loads(text))
    # A value of one use has one gradient: none comes from the constants.
    assert all(layer.cost.gradient_sums == Counts() for layer in step.layers)


def test_a_factor_is_kept_among_the_weights() -> None:
    layers = "{conv: 2, kernel: 1}, {mul: [[], [parameter], [parameter, relu], [buffer]]}"
    network = convcalc.loads(f"{{input: [2, 3], layers: [{layers}]}}")
    kept = [(tensor.path, tensor.what, tensor.bytes) for tensor in kept_tensors(train(network))]
    # Of the four factors the two constants are no activations. The product of the first two is
    # needed for the third, that of three for no one: the fourth wants no gradient.
    assert kept == [
        *(("input", "value", 24), ("conv0", "value", 24), ("mul0.branch2.relu0", "value", 24)),
        ("mul0", "numbers", 24),
    ]


def test_they_are_read_once_for_a_batch(tokens: Network) -> None:
    one, many = [balance(convcalc.analyze(tokens, batch=batch)).units for batch in (1, 7)]
    for path in ("learned.position.parameter0", "fixed.position.buffer0"):
        assert one[path] == many[path]
        assert one[path].weights == one[path].bytes == 4 * 12 * 17
    assert (one["learned"].read, many["learned"].read) == (4 * 12 * 17, 7 * 4 * 12 * 17)


def test_a_path_from_a_constant_is_not_deeper_than_it() -> None:
    text = (
        "{input: [2], layers: [{dense: 2, repeat: 3, name: a},"
        " {sequential: [{parameter: [2]}, {dense: 2}], name: b}, {add: [a2, b]}]}"
    )
    assert weighted_depth(convcalc.loads(text)) == 3


def test_a_value_that_only_enters_a_constant_is_not_used() -> None:
    with pytest.raises(convcalc.ConvcalcError) as caught:
        convcalc.loads("{input: [2], layers: [{dense: 2}, {parameter: [4]}, {dense: 2}]}")
    (problem,) = caught.value.problems
    assert (problem.code, problem.text) == ("unused-value", "nobody uses the value of 'dense0'")


def test_a_constant_is_the_same_for_every_sample(tokens: Network) -> None:
    shaped = convcalc.loads("{input: [2, 3], layers: [{mul: [[], [{parameter: [2, 3]}]]}]}")
    found = convcalc.execute(shaped, batch=4, layers=["mul0.branch1"])
    values = found["mul0.branch1.parameter0"]
    assert values.shape == (4, 2, 3)
    assert (values == values[:1]).all()


def test_elements_can_share_fewer_numbers() -> None:
    layer = made("parameter", shape=[3, 49, 49], learned=3 * 13 * 13)
    assert shape(layer, (96, 7, 7)) == (3, 49, 49)
    assert params(layer, (96, 7, 7)) == 507
    assert layer.buffers([(96, 7, 7)]) == {"value": (3, 49, 49)}
    with pytest.raises(RuleError) as caught:
        shape(made("parameter", shape=[2, 3], learned=7), (8, 4))
    assert (caught.value.code, caught.value.field) == ("bad-value", "learned")
    assert caught.value.message == "2x3 elements cannot share 7 numbers"
