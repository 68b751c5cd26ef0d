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
    depths: list[int] = []
    for node in network.nodes:
        before = max([depths[index] for index in node.reads], default=0)
        depths.append(before + node.layer.weighted)
    return max(depths[index] for index in network.outputs.values())
