"""Networks grown at random: they are sound, and take every part of the language."""

from __future__ import annotations

from random import Random

import convcalc
from tests.networks.grow import random_spec
from tests.quick import each_seed

SEEDS = range(150)


@each_seed(40, len(SEEDS))
def test_paths_are_unique_and_point_at_the_file(seed: int) -> None:
    text = random_spec(Random(seed))
    network = convcalc.loads(text)
    paths = [node.path for node in network.nodes]
    assert len(set(paths)) == len(paths)
    lines = text.split("\n")
    for node in network.operations:
        assert node.span is not None
        written = lines[node.span.line - 1][node.span.column - 1 :]
        # Where a layer is written stands its kind, an argument that names it, or its block's list.
        assert written.strip()


@each_seed(40, len(SEEDS))
def test_nodes_read_earlier_nodes_and_every_value_is_used(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    used = set(network.outputs.values())
    for index, node in enumerate(network.nodes):
        assert all(source < index for source in node.inputs)
        used.update(node.inputs)
    assert used == set(range(len(network.nodes)))


def test_the_networks_take_every_part_of_the_language() -> None:
    kinds: set[str] = set()
    text = ""
    for seed in SEEDS:
        spec = random_spec(Random(seed))
        text += spec
        kinds.update(node.kind for node in convcalc.loads(spec).nodes)
    assert {"conv", "depthwise", "conv_transpose", "dense", "add", "mul", "concat"} <= kinds
    for word in ("repeat:", "first:", "when:", "blocks:", "groups:", "dilation:", "same_lower"):
        assert word in text
