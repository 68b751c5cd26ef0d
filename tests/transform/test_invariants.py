"""What must hold of the what-ifs on any network: on random ones, and on all that ship."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcalc.analysis.costs.report import analyze
from convcalc.graph import Network, Node
from convcalc.language.load import spec
from convcalc.layers.base import Layer
from convcalc.layers.convolution import Conv
from convcalc.layers.dense import Dense
from convcalc.problems import ConvcalcError
from convcalc.transform.whatif import apply, scale_channels
from tests.configs.torchvision import PUBLISHED
from tests.quick import each_network, every_network
from tests.shipped import shipped
from tests.transform.networks import _Growth, networks


def layers(network: Network) -> list[Layer]:
    return [node.layer for node in network.nodes]


def is_depthwise(network: Network, node: Node) -> bool:
    return isinstance(node.layer, Conv) and (
        node.layer.groups == network.nodes[node.inputs[0]].shape[0] > 1
    )


def is_convolution(network: Network, node: Node) -> bool:
    """Whether a node chooses its channels as a convolution does."""
    if isinstance(node.layer, Dense):
        return node.layer.positionwise
    return node.kind in {"conv", "conv_transpose"} and not is_depthwise(network, node)


def moves_channels(node: Node) -> bool:
    """Whether a node makes other channels of its input's channels and positions."""
    return node.kind == "transpose" and vars(node.layer)["order"][0] != 0


class Classes:
    """Things that are alike: a union-find over numbers, each with the marks of its class."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.marks: list[frozenset[str]] = []

    def new(self, count: int, *marks: str) -> list[int]:
        """So many things, each in a class of its own."""
        numbers = range(len(self.parent), len(self.parent) + count)
        self.parent.extend(numbers)
        self.marks.extend([frozenset(marks)] * count)
        return list(numbers)

    def root(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = item = self.parent[self.parent[item]]
        return item

    def unite(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        if one != other:
            self.parent[other] = one
            self.marks[one] |= self.marks[other]

    def mark(self, item: int, mark: str) -> None:
        self.marks[self.root(item)] |= {mark}

    def changing(self) -> list[bool]:
        """Of each thing, whether its class has a convolution and nothing frozen."""
        changing = ["convolution" in marks and "frozen" not in marks for marks in self.marks]
        return [changing[self.root(item)] for item in self.parent]


def at_most(network: Network) -> list[int]:
    """Doubled channels by node if every single channel were free of those it does not depend on.

    Each channel is followed on its own through what the layers do with it.
    """
    classes = Classes()
    values: list[list[int]] = []
    for node in network.nodes:
        inputs = [values[index] for index in node.inputs]
        values.append(_output_channels(network, node, inputs, classes))
        if node.shares is not None and node.layer.parameters(network.input_shapes(node)):
            other = network.nodes[node.shares]
            pairs = zip([values[-1], *inputs], [node.shares, *other.inputs], strict=True)
            for mine, theirs in pairs:
                for a, b in zip(mine, values[theirs], strict=True):
                    classes.unite(a, b)
    for index in network.outputs.values():
        for channel in values[index]:
            classes.mark(channel, "frozen")
    changing = classes.changing()
    return [len(value) + sum(map(changing.__getitem__, value)) for value in values]


def _output_channels(
    network: Network, node: Node, inputs: list[list[int]], classes: Classes
) -> list[int]:
    count = node.shape[0]
    if node.kind in {"input", "dense"} or is_convolution(network, node):
        marks = ["frozen"] if node.kind == "input" else []
        marks += ["convolution"] if is_convolution(network, node) else []
        return classes.new(count, *marks)
    if len(inputs) > 1:
        return _joined_channels(node, inputs, classes)
    if node.layer.constant and vars(node.layer)["shape"]:
        return classes.new(count)
    (channels,) = inputs
    if node.kind == "slice":
        start, stop = vars(node.layer)["channels"]
        if vars(node.layer)["axis"] == 0:
            return channels[start : stop : vars(node.layer)["step"]]
        return channels
    if moves_channels(node):
        for channel in channels:
            classes.mark(channel, "frozen")
        return classes.new(count, "frozen")
    if node.kind == "channel_shuffle":
        each = count // vars(node.layer)["groups"]
        return [channel for first in range(each) for channel in channels[first::each]]
    if count < len(channels):
        each = len(channels) // count
        blocks = [channels[i : i + each] for i in range(0, len(channels), each)]
        for block in blocks:
            for channel in block[1:]:
                classes.unite(block[0], channel)
        return [block[0] for block in blocks]
    if count == len(channels):
        return channels
    return [channel for channel in channels for _ in range(count // len(channels))]


def _joined_channels(node: Node, inputs: list[list[int]], classes: Classes) -> list[int]:
    if node.kind == "concat" and vars(node.layer)["axis"] == 0:
        return [channel for value in inputs for channel in value]
    if node.kind in {"add", "sub", "mul", "div", "concat", "unpool"}:
        most = max(inputs, key=len)
        for other in inputs:
            if len(other) < len(most):  # one channel goes with many, and stays one
                classes.mark(other[0], "frozen")
                continue
            for a, b in zip(most, other, strict=True):
                classes.unite(a, b)
        return most
    if node.kind == "attention_scores":  # a channel for each key, whatever query and key have
        for a, b in zip(*inputs, strict=True):
            classes.unite(a, b)
        return classes.new(node.shape[0], "frozen")
    assert node.kind == "attention_values"
    return inputs[1]


def must_change(network: Network) -> list[Node]:
    """The convolutions that nothing at all connects with an input or a result.

    Whole values are followed: whatever is computed from a value other than by a convolution or a
    dense layer belongs together with it.
    """
    classes = Classes()
    values: list[int] = []
    for node in network.nodes:
        (value,) = classes.new(1)
        values.append(value)
        if node.kind == "attention_scores":
            classes.unite(*[values[index] for index in node.inputs])
        elif node.kind == "attention_values":
            classes.unite(value, values[node.inputs[1]])
        elif not is_convolution(network, node) and node.kind != "dense":
            for index in node.reads:
                classes.unite(value, values[index])
        if node.shares is not None:
            shared = network.nodes[node.shares]
            classes.unite(value, values[node.shares])
            for mine, theirs in zip(node.inputs, shared.inputs, strict=True):
                classes.unite(values[mine], values[theirs])
        if node.kind == "input" or moves_channels(node):
            classes.mark(value, "frozen")
        # One channel that goes with many stays one.
        counts = {network.nodes[index].shape[0] for index in node.inputs}
        if node.kind in {"mul", "div"} and len(counts) > 1:
            classes.mark(value, "frozen")
    for index in network.outputs.values():
        classes.mark(values[index], "frozen")
    return [
        node
        for node, value in zip(network.nodes, values, strict=True)
        if is_convolution(network, node) and "frozen" not in classes.marks[classes.root(value)]
    ]


def check_same_structure(before: Network, after: Network) -> None:
    for old, new in zip(before.nodes, after.nodes, strict=True):
        same = ("path", "unit", "kind", "inputs", "span", "calls", "shares")
        assert [getattr(old, name) for name in same] == [getattr(new, name) for name in same]
        assert old.shape[1:] == new.shape[1:] or old.kind in {"flatten", "reshape"}
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    for index in before.outputs.values():
        assert after.nodes[index].shape == before.nodes[index].shape


def check_doubled(before: Network, after: Network) -> None:
    check_same_structure(before, after)
    for old, new, most in zip(before.nodes, after.nodes, at_most(before), strict=True):
        assert old.shape[0] <= new.shape[0] <= most, old.path
    paths = {node.path: node for node in after.nodes}
    for node in must_change(before):
        assert paths[node.path].shape[0] == 2 * node.shape[0], node.path
    check_costs(before, after)


def check_costs(before: Network, after: Network) -> None:
    """Four times the multiplies where input and output doubled, twice where one of them did."""
    for old, new in zip(analyze(before).layers, analyze(after).layers, strict=True):
        if old.node.kind != "conv" or is_depthwise(before, old.node):
            continue
        (read,), (now,) = old.inputs, new.inputs
        ratio = Fraction(new.output[1], old.output[1]) * Fraction(now[1], read[1])
        assert new.cost.counts.multiplies == ratio * old.cost.counts.multiplies
        if vars(old.node.layer)["bias"]:
            assert new.cost.counts.adds == ratio * old.cost.counts.adds


@given(networks())
def test_doubling_any_network(network: Network) -> None:
    check_doubled(network, apply(network, double_channels=True))


@given(networks(), st.integers(2, 4))
def test_a_factor_and_its_inverse(network: Network, factor: int) -> None:
    there = scale_channels(network, factor)
    back = scale_channels(there, Fraction(1, factor))
    assert layers(back) == layers(network)
    assert [node.shape for node in back.nodes] == [node.shape for node in network.nodes]


@given(networks())
def test_a_factor_of_one(network: Network) -> None:
    assert scale_channels(network, 1) is network


@given(networks(), st.fractions(Fraction(1, 20), 4, max_denominator=20))
def test_any_factor_gives_a_network(network: Network, factor: Fraction) -> None:
    after = scale_channels(network, factor)
    check_same_structure(network, after)
    check_costs(network, after)
    for old, new, most in zip(network.nodes, after.nodes, at_most(network), strict=True):
        if most == old.shape[0]:
            assert new.shape[0] == old.shape[0], old.path


@pytest.mark.no_cover
@every_network
def test_doubling_what_ships(name: str) -> None:
    network = shipped(name)
    double = apply(network, double_channels=True)
    check_doubled(network, double)
    assert layers(scale_channels(double, Fraction(1, 2))) == layers(network)


@pytest.mark.no_cover
@every_network
def test_scaling_what_ships(name: str) -> None:
    network = shipped(name)
    check_same_structure(network, scale_channels(network, Fraction(3, 4)))


def inner_convolutions(network: Network) -> list[str]:
    """The paths of the ungrouped convolutions between the first and the last weighted layer."""
    weighted = [node for node in network.nodes if node.layer.accumulates]
    return [
        node.path
        for node in weighted[1:-1]
        if isinstance(node.layer, Conv) and node.layer.groups == 1
    ]


@pytest.mark.no_cover
@each_network(name for name in PUBLISHED if "attention" not in spec(name).tags)
def test_inner_convolutions_cost_four_times_as_much_with_double_channels(name: str) -> None:
    network = shipped(name)
    before, after = (
        {row.node.path: row.cost.counts.multiplies for row in analyze(which).layers}
        for which in (network, scale_channels(network, 2))
    )
    inner = inner_convolutions(network)
    assert inner
    assert {path: after[path] for path in inner} == {path: 4 * before[path] for path in inner}


# --- Against trying everything --------------------------------------------------------------------

TIED = (
    _Growth.plain,
    _Growth.residual,
    _Growth.squeeze_excite,
    _Growth.convnext,
    _Growth.multiplied,
    _Growth.dense_block,
    _Growth.inception,
    _Growth.long_skip,
    _Growth.shared,
    _Growth.pooled,
)


def with_channels(network: Network, changed: dict[int, int]) -> Network | None:
    """The network with these convolutions' channels (by node); None where that is no network."""
    new = layers(network)
    for index, channels in changed.items():
        name = "units" if network.nodes[index].kind == "dense" else "channels"
        new[index] = new[index].replace(**{name: channels})
    try:
        result = network.with_layers(new)
    except ConvcalcError:
        return None
    same = all(result.nodes[i].shape == network.nodes[i].shape for i in network.outputs.values())
    # One channel goes with many: branches of one each would fit by accident.
    same = same and all(
        len({shape[0] for shape in network.input_shapes(old)}) > 1
        or len({shape[0] for shape in result.input_shapes(new)}) == 1
        for old, new in zip(network.nodes, result.nodes, strict=True)
        if old.kind == "mul"
    )
    return result if same else None


@given(networks(TIED, 3))
def test_as_many_convolutions_double_as_can(network: Network) -> None:
    # Groups could make some subsets fit by accident.
    network = network.with_layers(
        [layer.replace(groups=1) if isinstance(layer, Conv) else layer for layer in layers(network)]
    )
    nodes = network.nodes
    convolutions = [index for index, node in enumerate(nodes) if is_convolution(network, node)]
    assume(len(convolutions) <= 8)
    after = apply(network, double_channels=True)
    grown = {i: after.nodes[i].shape[0] for i in convolutions}
    # A convolution of which only a part is tied to an input changes in part.
    assume(all(grown[i] in {nodes[i].shape[0], 2 * nodes[i].shape[0]} for i in convolutions))
    doubled = {i for i in convolutions if grown[i] != nodes[i].shape[0]}
    for count in range(len(convolutions) + 1):
        for subset in combinations(convolutions, count):
            valid = with_channels(network, {i: 2 * nodes[i].shape[0] for i in subset})
            if set(subset) == doubled:
                assert valid is not None
            elif valid is not None:
                assert set(subset) < doubled


@given(networks((_Growth.plain,), 4), st.fractions(Fraction(1, 10), 3, max_denominator=12))
def test_rounding_finds_the_nearest_that_fits(network: Network, factor: Fraction) -> None:
    assume(not any(is_depthwise(network, node) for node in network.nodes))
    after = scale_channels(network, factor)
    for index, node in enumerate(network.nodes):
        if not is_convolution(network, node):
            continue
        old, new = node.shape[0], after.nodes[index].shape[0]
        fitting = [n for n in range(1, 60) if with_channels(network, {index: n}) is not None]
        assert new == min(fitting, key=lambda n: (abs(n - old * factor), -n))
