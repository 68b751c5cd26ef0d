"""Which tensors are alive at each step."""

from __future__ import annotations

from random import Random

import convcalc
from convcalc.analysis.memory.liveness import live_sets, peak_of, tensor_graph
from convcalc.graph import Network
from tests.networks.grow import random_spec
from tests.quick import each_seed


def live_by_definition(network: Network) -> list[int]:
    """Elements alive at each operation that is no view, from the definition, tensor by tensor."""
    nodes = network.nodes
    owner = list(range(len(nodes)))
    for index, node in enumerate(nodes):
        if node.inputs and node.layer.is_view([nodes[i].shape for i in node.inputs]):
            owner[index] = owner[node.inputs[0]]
    weights = {index for index, node in enumerate(nodes) if node.layer.constant}
    born = {o: -1 if not nodes[o].inputs else o for o in set(owner)}
    dies = {o: o if nodes[o].inputs else len(nodes) for o in set(owner)}
    read: set[int] = set()
    for index, node in enumerate(nodes):
        for source in node.reads:
            if owner[index] == index:
                dies[owner[source]] = index
                read.add(owner[source])
    for index in network.outputs.values():
        dies[owner[index]] = len(nodes)
    sizes = dict.fromkeys(set(owner), 1)
    for o in sizes:
        for size in nodes[o].shape:
            sizes[o] *= size
    # Constants lie among the weights.
    sizes.update(dict.fromkeys(weights, 0))
    return [
        sum(sizes[o] for o in sizes if born[o] <= step <= dies[o])
        for step, node in enumerate(nodes)
        if node.inputs and owner[step] == step and step not in weights
    ]


@each_seed(20, 40)
def test_live_elements_are_those_of_the_definition(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    graph = tensor_graph(network)
    lives = [found.live for found in live_sets(graph)]
    expected = live_by_definition(network)
    assert lives == expected
    assert peak_of(graph) == max(expected)


@each_seed(20, 40)
def test_the_tensors_of_a_step_make_up_what_is_alive(seed: int) -> None:
    graph = tensor_graph(convcalc.loads(random_spec(Random(seed))))
    for found in live_sets(graph):
        assert found.live == sum(graph.tensors[t].size for t in found.tensors)
        assert set(graph.operations[found.operation].reads) <= set(found.tensors)


@each_seed(20, 40)
def test_in_place_never_needs_more(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    plain = [found.live for found in live_sets(tensor_graph(network))]
    in_place = tensor_graph(network, in_place=True)
    both = tensor_graph(network, in_place=True, concat_in_place=True)
    fewer = [found.live for found in live_sets(in_place)]
    fewest = [found.live for found in live_sets(both)]
    assert all(a >= b >= c for a, b, c in zip(plain, fewer, fewest, strict=True))


def test_resnet50_in_float32() -> None:
    network = convcalc.load("resnet50")
    assert peak_of(tensor_graph(network)) * 4 == 9_633_792
    assert peak_of(tensor_graph(network, in_place=True)) * 4 == 7_225_344


SMALL = """
name: small
input: [4, 6]
layers:
"""


def peaks(layers: str, **options: bool) -> tuple[int, int]:
    """The written peak of some layers after an input of 24 elements: plainly, and in place."""
    network = convcalc.loads(SMALL + layers)
    plain = peak_of(tensor_graph(network))
    return plain, peak_of(tensor_graph(network, in_place=True, **options))


def test_views_take_nothing_and_keep_their_input_alive() -> None:
    layers = "  - flatten\n  - reshape: [4, 6]\n  - slice: [0, 4]\n  - dropout\n  - identity\n"
    assert peaks(layers) == (24, 24)
    assert peaks("  - slice: [0, 3]\n") == (24 + 18, 24 + 18)


def test_a_chain_of_elementwise_layers_runs_in_the_input() -> None:
    assert peaks("  - relu\n  - batchnorm\n  - sigmoid\n") == (48, 24)


def test_a_result_is_not_written_over() -> None:
    network = convcalc.loads(
        "name: two\ninput: [4]\nlayers:\n  - {relu: {}, name: a}\n  - {sigmoid: {}, name: b}\n"
        "outputs: [a, b]\n"
    )
    graph = tensor_graph(network, in_place=True)
    assert [found.in_place for found in live_sets(graph)] == [(0,), ()]


def test_values_may_have_six_axes() -> None:
    layers = (
        "  - {reshape: [2, 2, 1, 1, 2, 3]}\n  - relu\n  - concat:\n      - [tanh]\n      - []\n"
        "  - flatten\n  - {dense: 3}\n"
    )
    # The concatenation of 48 elements, beside its parts or around them; then the dense layer.
    assert peaks(layers, concat_in_place=True) == (24 + 24 + 48, 48 + 3)
