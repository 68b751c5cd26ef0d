"""The depth of a network."""

from __future__ import annotations

from convcalc.graph import Network


def weighted_depth(network: Network) -> int:
    """Weighted layers (convolutions and dense layers) on the longest path from input to result.

    The number in a network's name: 16 for VGG-16, 50 for ResNet-50, whose projection shortcuts are
    not on the longest path.

    >>> import convcalc
    >>> weighted_depth(convcalc.load("vgg16"))
    16
    """
    return max(depth for depth in _depths(network, 0) if depth is not None)


def depth_from_inputs(network: Network) -> int | None:
    """The same, of a network that follows another whose result is its input.

    None where that does not add up: a path that begins within it may be longer than any that comes
    through its input.

    >>> import convcalc
    >>> depth_from_inputs(convcalc.load("vgg16"))
    16
    """
    through = [depth for depth in _depths(network, None) if depth is not None]
    return max(through) if through and max(through) == weighted_depth(network) else None


def _depths(network: Network, within: int | None) -> list[int | None]:
    """The weighted layers on the longest path to each result; None where no path leads there.

    within  the depth of what has no input; None where paths do not begin there
    """
    depths: list[int | None] = []
    for node in network.nodes:
        before = [depth for index in node.reads if (depth := depths[index]) is not None]
        start = 0 if node.is_input else within
        longest = max(before) if before else start
        depths.append(None if longest is None else longest + node.layer.weighted)
    return [depths[index] for index in network.outputs.values()]
