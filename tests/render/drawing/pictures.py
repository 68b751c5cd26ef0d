"""Drawings of networks, as the tests want them."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc import Analysis
from convcalc.graph import Network
from convcalc.render.drawing.costs import costs_of
from convcalc.render.drawing.drawing import Drawing, draw
from convcalc.render.drawing.picture import BUDGET, Picture, picture

#: More nodes than any network has: everything is open.
UNLIMITED = 10**6


def pictured(
    network: Network,
    *,
    nodes: int = BUDGET,
    depth: int | None = None,
    open_paths: Sequence[str] = (),
    cost: str = "macs",
) -> Picture:
    """The visible part of a network."""
    analysis = Analysis(network)
    units = analysis.report.units
    costs = costs_of(analysis, units, cost)
    return picture(network, units, costs, nodes=nodes, depth=depth, open_paths=open_paths)


def drawings(network: Network) -> dict[str, Drawing]:
    """The drawings that every network must have without a fault."""
    folded, more, everything = [pictured(network, nodes=nodes) for nodes in (BUDGET, 40, UNLIMITED)]
    return {
        "folded": draw(folded),
        "40": draw(more),
        "unlimited": draw(everything),
        "wide": draw(folded, broken=True),
        "unlimited wide": draw(everything, broken=True),
    }
