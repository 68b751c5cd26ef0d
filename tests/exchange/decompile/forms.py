"""Networks as an importer makes them: wiring and layers, and nothing of a text."""

from __future__ import annotations

from collections import Counter
from copy import copy

from convcalc.graph import Network


def imported(network: Network, *, anonymous: bool = False) -> Network:
    """The network without its places in a text.

    anonymous  whether layers are called by their kinds with a number, and not by what they are for
    """
    nodes = []
    for node in network.nodes:
        made = copy(node)
        made.span, made.calls = None, ()
        nodes.append(made)
    if anonymous:
        kinds: Counter[str] = Counter()
        units: dict[str, str] = {}
        for node in nodes:
            if node.kind != "input" and node.unit not in units:
                units[node.unit] = f"{node.kind}{kinds[node.kind]}"
                kinds[node.kind] += 1
        for node in nodes:
            if node.kind != "input":
                node.path = units[node.unit] + node.path[len(node.unit) :]
                node.unit = units[node.unit]
    return Network(network.name, nodes, network.outputs)


def lines(text: str) -> int:
    """The lines of a text that are neither blank nor a comment."""
    kept = [line.strip() for line in text.splitlines()]
    return len([line for line in kept if line and not line.startswith("#")])
