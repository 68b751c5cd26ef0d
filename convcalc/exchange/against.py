"""A spec compared with the model that it describes: structure, figures and, on a run, values."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from convcalc.analysis.costs.report import analyze
from convcalc.exchange.pairing import Pairing, foldable, pair
from convcalc.graph import Network, Node
from convcalc.problems import Note, Problem, Subject
from convcalc.shapes import tuple_text


class Counterparts(NamedTuple):
    """A network and the model that it is compared with.

    pairing  the nodes that correspond
    figures  those totals that differ: their name, the network's and the model's
    folded   the batch normalisations that the model has folded into the layers before them, and
             these layers; the network's totals are compared as if it had folded them, too
    """

    network: Network
    model: Network
    pairing: Pairing
    figures: tuple[tuple[str, int, int], ...]
    folded: Mapping[int, int] = MappingProxyType({})

    @property
    def same(self) -> bool:
        """Whether structure and figures are the same."""
        return self.pairing.whole and not self.figures

    @property
    def paths(self) -> dict[str, str]:
        """What the model calls each paired node: its path by ours."""
        nodes, others = self.network.nodes, self.model.nodes
        return {nodes[mine].path: others[theirs].path for mine, theirs in self.pairing.pairs}


def counterparts(network: Network, model: Network) -> Counterparts:
    """The two networks, node by node.

    Where more of the two corresponds if batch normalisations are folded into the layers before
    them, as exporters do, that is how they are compared.
    """
    ours, theirs = analyze(network).totals, analyze(model).totals
    pairing, params = pair(network, model), ours.params
    folded = {} if pairing.whole else foldable(network)
    if folded:
        other = pair(network, model, folded)
        if len(other.first) + len(other.second) < len(pairing.first) + len(pairing.second):
            pairing = other
            params -= sum([_fewer_params(network, *each) for each in folded.items()])
            params -= sum([_missing_bias(network, model, folded, *each) for each in other.pairs])
        else:
            folded = {}
    figures = (("params", params, theirs.params), ("macs", ours.macs, theirs.macs))
    differing = tuple([figure for figure in figures if figure[1] != figure[2]])
    return Counterparts(network, model, pairing, differing, folded)


def _missing_bias(
    network: Network, model: Network, folded: Mapping[int, int], mine: int, theirs: int
) -> int:
    """The numbers of the bias that a layer with a folded normalisation has not in the model."""
    if mine not in folded or model.nodes[theirs].layer.argument("bias"):
        return 0
    layer = network.nodes[folded[mine]].layer.replace(bias=True)
    return prod(layer.parameters(network.input_shapes(network.nodes[folded[mine]]))["bias"])


def _fewer_params(network: Network, norm: int, layer: int) -> int:
    """How many learned numbers less a layer with a bias has than a layer and its normalisation."""

    def params(index: int, **changes: object) -> int:
        node = network.nodes[index]
        shapes = node.layer.replace(**changes).parameters(network.input_shapes(node))
        return sum([prod(shape) for shape in shapes.values()])

    return params(norm) + params(layer) - params(layer, bias=True)


def difference(found: Counterparts, model: str) -> Problem | None:
    """The first layer that differs as a problem, with the totals that do; None where none does.

    model  what the model's file is called
    """
    if found.same:
        return None
    ours, theirs = found.pairing.first, found.pairing.second
    if ours:
        ours = (found.folded.get(ours[0], ours[0]), *ours[1:])
    facts = [Note(_described(found.network, ours[0], "here"))] if ours else []
    if theirs:
        facts.append(Note(_described(found.model, theirs[0], f"in {model}")))
    facts += [
        Note(f"{name}: {mine:,} here, {other:,} in {model}") for name, mine, other in found.figures
    ]
    node: Node | None = found.network.nodes[ours[0]] if ours else None
    count = len(ours) + len(theirs)
    message = f"the first difference from {model}; operations without a counterpart: {count}"
    if node is None and theirs:
        message = f"operations of {model} without a counterpart: {len(theirs)}"
    elif node is None:
        message = f"its figures are not those of {model}"
    return Problem(
        "model-differs",
        message,
        node.span if node else None,
        tuple(facts),
        node.calls if node else (),
        Subject(layer=node.path if node else ""),
    )


def _described(network: Network, index: int, where: str) -> str:
    """A node with what it computes."""
    node = network.nodes[index]
    shapes = network.input_shapes(node)
    entering = ", ".join([tuple_text(shape) for shape in shapes])
    text = node.layer.described(shapes)
    return f"{where}: {node.path}, {text}, {entering} -> {tuple_text(node.shape)}"
