"""Whether two networks are the same, whatever their layers are called and however they are ordered.

Every node gets a number: that of its layer, of the values that it reads and of the parameters that
it shares. Two networks with as many nodes of each number, and results of equal numbers, have
everything in common that is computed of a network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from convcalc.graph import Network, Node
from convcalc.layers.base import Layer

#: A concatenation of concatenations is the list of what they concatenate; of a list, its length and
#: a polynomial in this base, whose value for two lists after each other follows from theirs.
_BASE = 1_000_003
_MODULUS = (1 << 127) - 1


def difference(first: Network, second: Network) -> str:
    """How the second network differs from the first; "" where it does not.

    >>> import convcalc
    >>> difference(convcalc.load("lenet"), convcalc.load("lenet"))
    ''
    >>> difference(convcalc.load("lenet"), convcalc.load("lenet_relu"))
    'conv0.sigmoid is missing'
    """
    numbers: dict[Hashable, int] = {}
    ours, ours_out = _numbered(first, numbers)
    theirs, theirs_out = _numbered(second, numbers)
    if list(first.inputs.values()) != list(second.inputs.values()):
        return "the inputs differ"
    counted = Counter(theirs.values())
    for path, number in ours.items():
        counted[number] -= 1
        if counted[number] < 0:
            return f"{path} is missing"
    for path, number in theirs.items():
        if counted[number] > 0:
            return f"{path} is added"
    if ours_out != theirs_out:
        return "the results differ"
    return ""


def _numbered(network: Network, numbers: dict[Hashable, int]) -> tuple[dict[str, int], list[int]]:
    """The number of each node but concatenations, by path, and those of the results.

    Equal keys in `numbers` have equal numbers.
    """
    values: list[int] = []
    spread: dict[int, tuple[int, int]] = {}
    found = {}
    for index, node in enumerate(network.nodes):
        reads = [values[read] for read in node.inputs]
        if node.layer.constant:
            reads = []
        key: Hashable
        if node.kind == "input":
            key = ("input", index)
        elif node.kind == "concat":
            axis = node.layer.argument("axis")
            length, total = 0, 0
            for read, value in zip(node.inputs, reads, strict=True):
                inner = spread.get(read) if network.nodes[read].kind == "concat" else None
                if inner is None or network.nodes[read].layer.argument("axis") != axis:
                    inner = (1, value + 1)
                length += inner[0]
                total = (total * pow(_BASE, inner[0], _MODULUS) + inner[1]) % _MODULUS
            spread[index] = (length, total)
            key = reads[0] if length == 1 else ("concat", axis, length, total)
        else:
            shared = None if node.shares is None else values[node.shares]
            key = (node.kind, _settled(node), tuple(reads), shared)
        if isinstance(key, int):
            values.append(key)
            continue
        values.append(numbers.setdefault(key, len(numbers)))
        if node.kind != "concat":
            found[node.path] = values[-1]
    return found, list(dict.fromkeys(values[index] for index in network.outputs.values()))


def _settled(node: Node) -> Hashable:
    """A layer's arguments, those that may be written in several ways as what they come to."""
    layer = node.layer
    # The shape of a constant, and that of a reshape, may be written in several ways.
    settled = ("shape",) if node.kind == "reshape" or layer.constant else ()
    rest = [_argument(layer, name) for name in layer.fields if name not in settled]
    return (node.shape if settled else (), *rest)


def _argument(layer: Layer, name: str) -> Hashable:
    value = layer.argument(name)
    if isinstance(value, Layer):
        return tuple([_argument(value, inner) for inner in value.fields])
    return value
