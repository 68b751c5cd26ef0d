"""Random networks whose groups, joins and lines have nothing to do with what people draw."""

from __future__ import annotations

from random import Random

from convcalc.graph import GraphBuilder, Network
from convcalc.layers.activation import ReLU
from convcalc.layers.base import Layer
from convcalc.layers.convolution import Conv
from convcalc.layers.joins import Add, Concat, Matmul, Sub
from convcalc.layers.opaque import Opaque

_NAMES = ("a", "stage", "left", "b1", "a_rather_long_name_of_a_group")


def random_network(seed: int) -> Network:
    """A network of up to 30 layers that read any earlier ones, in groups that come and go."""
    random = Random(seed)
    builder = GraphBuilder()
    for number in range(random.choice((1, 1, 1, 3))):
        builder.input(f"input{number}", (4, 4))
    group: list[str] = []
    near = random.random()
    for number in range(random.randint(1, 30)):
        while group and random.random() < 0.25:
            group.pop()
        while random.random() < 0.3 and len(group) < 5:
            group.append(random.choice(_NAMES) + str(random.randint(0, 2)))

        def source() -> int:
            whole = [place for place, node in enumerate(builder.nodes) if node.shape == (4, 4)]
            return whole[-1] if random.random() < near else random.choice(whole)

        path = ".".join([*group, f"layer{number}"])
        branches = random.choice((1, 1, 1, 2, 2, 3, 5))
        if branches == 1:
            layer: Layer = random.choice(
                (ReLU(), ReLU(), Opaque(op="Odd", shape=(4, 4), params=None))
            )
            builder.add(layer, [source()], path=path)
            continue
        # A join: some of its branches have layers of their own, in its own group.
        ends = []
        for place in range(branches):
            end = source()
            for step in range(random.choice((0, 0, 1, 3))):
                name = f"{path}.branch{place}.relu{step}"
                end = builder.add(ReLU(), [end], path=name)
                if random.random() < 0.1:
                    end = builder.add(Add(), [end, source()], path=f"{name}_sum")
            ends.append(end)
        joined: Layer = random.choice((Add(), Add(), Concat(), Sub() if branches == 2 else Add()))
        if branches == 2 and random.random() < 0.2:
            joined = Matmul()
        end = builder.add(joined, ends, path=path)
        if builder.nodes[end].shape != (4, 4):
            narrow = Conv.read({"channels": 4, "kernel": 1}, rank=1)
            builder.add(narrow, [end], path=f"{path}_narrow")
    return builder.network("random", {"output": len(builder.nodes) - 1})
