"""What the zoo costs with twice the channels.

What holds of the what-ifs on any network stands in tests/transform.
"""

from __future__ import annotations

import pytest

import convcalc
from convcalc.graph import Network
from convcalc.layers.convolution import Conv
from convcalc.transform.whatif import scale_channels
from tests.quick import each_network
from tests.shipped import shipped
from tests.zoo.torchvision import PUBLISHED


def inner_convolutions(network: Network) -> list[str]:
    """The paths of the ungrouped convolutions between the first and the last weighted layer."""
    weighted = [node for node in network.nodes if node.layer.accumulates]
    return [
        node.path
        for node in weighted[1:-1]
        if isinstance(node.layer, Conv) and node.layer.groups == 1
    ]


@pytest.mark.no_cover
@each_network(PUBLISHED)
def test_double_channels_makes_inner_convolutions_four_times_dearer(name: str) -> None:
    network = shipped(name)
    before, after = (
        {row.node.path: row.cost.counts.multiplies for row in convcalc.analyze(which).layers}
        for which in (network, scale_channels(network, 2))
    )
    inner = inner_convolutions(network)
    assert inner
    assert {path: after[path] for path in inner} == {path: 4 * before[path] for path in inner}
