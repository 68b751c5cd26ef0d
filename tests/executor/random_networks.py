"""Random small networks: chains of layers with shortcuts, branches, shared layers and joins."""

from __future__ import annotations

from random import Random
from typing import Any

from convcalc.graph import GraphBuilder, Network
from convcalc.layers import layer_class
from convcalc.layers.base import Layer

ACTIVATIONS = ("relu", "relu6", "leaky_relu", "prelu", "silu", "gelu", "hard_swish", "sigmoid")
#: Others that keep a value's shape.
KEEPING = ("hard_sigmoid", "rmsnorm", "l2norm", "grn", "rescaling")


class _Growing:
    """A network while it grows: every new layer reads values that are there."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.builder = GraphBuilder()
        self.nodes = self.builder.nodes

    def add(self, layer: Layer, *inputs: int, shares: int | None = None) -> int:
        index = self.builder.add(layer, inputs, path=f"{layer.kind}{len(self.nodes)}")
        if shares is not None:
            self.builder.share([index], [shares])
        return index

    def kind(self, kind: str, *inputs: int, shares: int | None = None, **values: Any) -> int:
        rank = len(self.nodes[inputs[0]].shape) - 1
        return self.add(layer_class(kind).read(values, rank), *inputs, shares=shares)

    def followed(self, index: int) -> int:
        """Norm and activation behind a layer, or only one, or none."""
        if self.rng.random() < 0.5:
            index = self.kind("batchnorm", index, affine=self.rng.random() < 0.8)
        if self.rng.random() < 0.6:
            index = self.kind(self.rng.choice(ACTIVATIONS), index)
        return index

    def conv(self, index: int, channels: int) -> int:
        kernel = self.rng.choice([1, 1, 2, 3])
        rank = len(self.nodes[index].shape) - 1
        values: dict[str, Any] = {
            "bias": self.rng.random() < 0.5,
            "padding": self.rng.choice(["same", "same_lower", *["causal"] * (rank == 1)]),
        }
        if self.rng.random() < 0.25 and channels == self.nodes[index].shape[0]:
            return self.kind("depthwise", index, kernel=kernel, **values)
        groups = self.rng.choice([g for g in (1, 1, 2) if not channels % g])
        groups = groups if not self.nodes[index].shape[0] % groups else 1
        return self.kind("conv", index, channels=channels, kernel=kernel, groups=groups, **values)

    def block(self, index: int) -> int:
        """One more piece of a network, of one of the shapes that real ones have."""
        channels = self.nodes[index].shape[0]
        choice = self.rng.randrange(7)
        if choice == 0:
            return self.followed(self.conv(index, self.rng.choice([2, 4, 6])))
        if choice == 1:
            inner = self.followed(self.conv(index, 4))
            last = self.conv(inner, channels)
            if self.rng.random() < 0.5:
                last = self.kind("batchnorm", last)
            pair = (index, last) if self.rng.random() < 0.5 else (last, index)
            joined = self.kind("add", *pair)
            return self.kind("relu", joined) if self.rng.random() < 0.6 else joined
        if choice == 2:
            first, second = self.conv(index, 4), self.followed(self.conv(index, 4))
            return self.kind(self.rng.choice(["add", "mul", "concat"]), first, second)
        if choice == 3:
            gate = self.kind("sigmoid", self.conv(self.kind("global_avgpool", index), channels))
            return self.kind("mul", index, gate)
        if choice == 4:
            kind = self.rng.choice(["maxpool", "avgpool"])
            return self.kind(kind, index, kernel=3, stride=self.rng.choice([1, 2]), padding=1)
        if choice == 5:
            first = self.conv(index, channels)
            again = self.kind(self.rng.choice(["identity", "dropout"]), first)
            if self.nodes[first].kind == "conv" and self.nodes[first].layer.parameters(
                [self.nodes[index].shape]
            ) == self.nodes[first].layer.parameters([self.nodes[again].shape]):
                return self.add(self.nodes[first].layer, again, shares=first)
            return again
        return self.kind(self.rng.choice((*ACTIVATIONS, *KEEPING)), index)


def random_network(rng: Random) -> Network:
    """A network of a dozen layers or so, with one to three spatial axes and one or two outputs."""
    growing = _Growing(rng)
    rank = rng.choice([1, 2, 2, 2, 3])
    shape = (rng.choice([2, 4]), *[rng.randint(3, {1: 9, 2: 6, 3: 4}[rank]) for _ in range(rank)])
    growing.builder.input("input", shape)
    last = 0
    middle = 0
    for number in range(rng.randint(2, 5)):
        last = growing.block(last)
        middle = last if number == 1 else middle
    if rng.random() < 0.5:
        last = growing.followed(growing.kind("dense", last, units=3))
    outputs = {growing.nodes[last].path: last}
    if middle and rng.random() < 0.3:
        outputs[growing.nodes[middle].path] = middle
    return growing.builder.network("random", outputs)


def depthwise_network(rng: Random) -> Network:
    """A depthwise convolution with a pointwise one before it, behind it or both, and shortcuts."""
    growing = _Growing(rng)
    rank = rng.choice([1, 2, 2, 2, 3])
    shape = (rng.choice([2, 3]), *[rng.randint(4, {1: 12, 2: 8, 3: 5}[rank]) for _ in range(rank)])
    growing.builder.input("input", shape)
    around = rng.choice(["before", "behind", "both", "both"])
    last = 0
    if around != "behind":
        channels = rng.choice([3, 4, 6])
        last = growing.kind("conv", last, channels=channels, kernel=1, bias=rng.random() < 0.5)
        last = growing.followed(last)
    channels = growing.nodes[last].shape[0]
    values: dict[str, Any] = {
        "kernel": [rng.choice([1, 2, 3]) for _ in range(rank)],
        "stride": [rng.choice([1, 1, 2, 3]) for _ in range(rank)],
        "dilation": [rng.choice([1, 1, 2]) for _ in range(rank)],
        "padding": [[rng.randint(0, 2), rng.randint(1, 2)] for _ in range(rank)],
        "bias": rng.random() < 0.5,
    }
    if rng.random() < 0.3:
        last = growing.kind("conv", last, channels=channels, groups=channels, **values)
    else:
        last = growing.kind("depthwise", last, **values)
    last = growing.followed(last)
    if around != "before":
        last = growing.kind("conv", last, channels=shape[0], kernel=1, bias=rng.random() < 0.5)
        if growing.nodes[last].shape == shape and rng.random() < 0.7:
            last = growing.kind("add", 0, last)
        last = growing.followed(last)
    return growing.builder.network("separable", {growing.nodes[last].path: last})
