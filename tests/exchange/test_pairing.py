"""Which nodes of two networks correspond."""

from __future__ import annotations

import pytest
from hypothesis import given

from convcalc.exchange.pairing import foldable, pair
from convcalc.graph import GraphBuilder, Network
from convcalc.language.load import load, loads
from convcalc.layers import layer_class
from tests.quick import every_network, fewer_examples
from tests.transform.networks import networks


def described(network: Network, text: str) -> list[tuple[str, str]]:
    """The pairs of a network with another, by their paths, without inputs."""
    other = loads(text)
    return [
        (network.nodes[mine].path, other.nodes[theirs].path)
        for mine, theirs in pair(network, other).pairs
        if network.nodes[mine].inputs
    ]


def reversed_branches(network: Network) -> Network:
    """The same network, its nodes in another order, as far from the first as possible."""
    readers: dict[int, int] = {}
    for node in network.nodes:
        for source in {*node.inputs, *([] if node.shares is None else [node.shares])}:
            readers[source] = readers.get(source, 0) + 1
    # Kahn's algorithm from the end: of the nodes that nobody left reads, the first comes last.
    left = dict(readers)
    ready = [i for i in range(len(network.nodes)) if i not in readers]
    order: list[int] = []
    while ready:
        index = ready.pop(0)
        order.append(index)
        node = network.nodes[index]
        for source in {*node.inputs, *([] if node.shares is None else [node.shares])}:
            left[source] -= 1
            if not left[source]:
                ready.append(source)
    order.reverse()
    inputs = [i for i in range(len(network.nodes)) if network.nodes[i].is_input]
    order = [*inputs, *[i for i in order if not network.nodes[i].is_input]]
    builder, places = GraphBuilder(), {}
    for number, index in enumerate(order):
        node = network.nodes[index]
        if node.is_input:
            places[index] = builder.input(node.path, node.shape)
            continue
        inputs_of = [places[i] for i in node.inputs]
        places[index] = builder.add(node.layer, inputs_of, path=f"renamed{number}")
        if node.shares is not None:
            builder.nodes[places[index]].shares = places[node.shares]
    return builder.network("other", {k: places[v] for k, v in network.outputs.items()})


@pytest.mark.no_cover
@every_network
def test_a_network_corresponds_to_itself(name: str) -> None:
    network = load(name)
    found = pair(network, network)
    assert found.whole
    assert all(mine == theirs for mine, theirs in found.pairs)


@given(networks())
@fewer_examples(2)
def test_names_and_order_do_not_matter(network: Network) -> None:
    other = reversed_branches(network)
    found = pair(network, other)
    assert found.whole
    for mine, theirs in found.pairs:
        assert network.nodes[mine].layer == other.nodes[theirs].layer
        assert network.nodes[mine].shape == other.nodes[theirs].shape


def test_views_need_no_counterpart() -> None:
    plain = loads("{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}, {dense: 5}]}")
    text = "{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}, flatten, {dropout: 0.5}, {dense: 5}]}"
    assert pair(plain, loads(text)).whole
    assert described(plain, text) == [("conv0", "conv0"), ("dense0", "dense0")]


def test_how_arguments_are_written_does_not_matter() -> None:
    same = "{input: [3, 9, 9], layers: [{conv: 4, kernel: 3, padding: same}, {maxpool: 2}]}"
    text = "{input: [3, 9, 9], layers: [{conv: 4, kernel: [3, 3], padding: 1},"
    text += " {maxpool: 2, stride: 2}]}"
    assert pair(loads(same), loads(text)).whole


@pytest.mark.parametrize(
    "other",
    [
        "{conv: 4, kernel: 3, padding: 1, dilation: 1, groups: 2}",
        "{conv: 4, kernel: 3, padding: 2, dilation: 2}",
        "{conv: 4, kernel: 5, padding: 2}",
        "{conv: 5, kernel: 3, padding: 1}",
        "{conv: 4, kernel: 3, padding: 1, bias: false}",
        "{conv: 4, kernel: 3, padding: [[2, 0], [1, 1]]}",
    ],
)
def test_another_layer_has_no_counterpart(other: str) -> None:
    text = "{input: [4, 8, 8], layers: [{conv: 4, kernel: 3, padding: 1}, {dense: 2}]}"
    found = pair(loads(text), loads(text.replace("{conv: 4, kernel: 3, padding: 1}", other)))
    assert not found.whole
    assert found.first[0] == 1


def test_the_branches_of_a_difference_are_not_exchanged() -> None:
    def text(first: str, second: str) -> str:
        return (
            "{input: [4, 8, 8], layers: [{sub: [[{conv: 4, kernel: 1, activation: "
            + first
            + "}], [{conv: 4, kernel: 1, activation: "
            + second
            + "}]]}]}"
        )

    network = loads(text("relu", "sigmoid"))
    assert pair(network, loads(text("relu", "sigmoid"))).whole
    assert not pair(network, loads(text("sigmoid", "relu"))).whole
    added, other = [
        loads(text(*both).replace("sub", "add")) for both in (("relu", "tanh"), ("tanh", "relu"))
    ]
    assert pair(added, other).whole


def test_sharing_is_part_of_the_structure() -> None:
    apart = (
        "{input: [4, 8, 8], layers: [{conv: 4, kernel: 1, name: a}, {conv: 4, kernel: 1, name: b}]}"
    )
    shared = apart.replace("name: b", "name: b, share: a")
    assert pair(loads(shared), loads(shared)).whole
    assert not pair(loads(apart), loads(shared)).whole


def test_a_concatenation_may_be_made_in_steps() -> None:
    start = (
        "{input: [4, 8, 8], layers: [{conv: 2, kernel: 1, name: a}, {conv: 3, kernel: 1, name: b}, "
    )
    at_once = start + "{conv: 4, kernel: 1, name: c}, {concat: [a, b, c]}, {dense: 5}]}"
    steps = start + "{concat: [a, b], name: both}, {from: b, conv: 4, kernel: 1, name: c},"
    steps += " {concat: [both, c]}, {dense: 5}]}"
    assert pair(loads(at_once), loads(steps)).whole
    other = steps.replace("[both, c]", "[c, both]")
    assert not pair(loads(at_once), loads(other)).whole


def test_a_narrow_branch_may_stand_on_either_side() -> None:
    gate = "[global_avgpool, {conv: 4, kernel: 1, activation: sigmoid}]"
    texts = [f"{{mul: [[], {gate}]}}", f"{{mul: [{gate}, []]}}"]
    first, second = (loads(f"{{input: [4, 8, 8], layers: [relu, {text}]}}") for text in texts)
    assert pair(first, second).whole


def test_a_folded_normalisation() -> None:
    text = """
input: [4, 8, 8]
layers:
  - {conv: 6, kernel: 3, bias: false, norm: batch, activation: relu}
  - {depthwise: 3, norm: batch}
  - batchnorm
  - {conv: 4, kernel: 1}
"""
    network = loads(text)
    folded = text.replace(", bias: false, norm: batch", "").replace(", norm: batch", "")
    norms = foldable(network)
    assert [network.nodes[norm].path for norm in norms] == [
        "conv0.batchnorm", "depthwise0.batchnorm"
    ]  # fmt: skip
    assert not pair(network, loads(folded)).whole
    assert pair(network, loads(folded), norms).whole
    # Before training every shift is 0, and an exporter writes no bias.
    without = folded.replace("{conv: 6, kernel: 3,", "{conv: 6, kernel: 3, bias: false,")
    assert pair(network, loads(without), norms).whole
    # Where nothing was folded, a bias matters.
    other = folded.replace("{conv: 4, kernel: 1}", "{conv: 4, kernel: 1, bias: false}")
    left = pair(network, loads(other), norms)
    assert [network.nodes[index].path for index in left.first] == ["conv1"]


def test_where_a_parameter_stands_does_not_matter() -> None:
    builders = []
    for place in (0, 1):
        builder = GraphBuilder()
        image = builder.input("image", (3, 4, 4))
        relu = builder.add(loads("{input: [3, 4, 4], layers: [relu]}").nodes[1].layer, [image])
        parameter = layer_class("parameter").read({"shape": [3, 4, 4]}, 2)
        token = builder.add(parameter, [(image, relu)[place]], path="token")
        value = builder.add(layer_class("add").read({}, 2), [relu, token])
        builders.append(builder.network("net", {"out": value}))
    assert pair(builders[0], builders[1]).whole
