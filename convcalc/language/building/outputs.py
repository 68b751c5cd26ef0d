"""The results of a network: the values that `outputs` names, and what none of them is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcalc.graph import Node
from convcalc.language.building.evaluation import Evaluator, Frame
from convcalc.language.building.groups import Flow
from convcalc.language.reading.document import NAME
from convcalc.language.reading.items import Refusal, reference
from convcalc.language.reading.nodes import ListNode, ScalarNode, YamlNode
from convcalc.problems import Call, Problem, Span
from convcalc.record import Record


class Use(Record):
    """The layers of a network that is a block, in the graph of another.

    path    of the block
    nodes   which they are
    span    where the block is called, and `calls` the block calls around that place
    misfit  the mistake after which no more of it was read
    """

    path: str
    nodes: range
    span: Span
    calls: tuple[Call, ...]
    misfit: Problem | None


def read_outputs(node: YamlNode, evaluator: Evaluator, frame: Frame) -> dict[str, Flow]:
    """The values that `outputs` names, in the group of the frame; mistakes are recorded."""
    if not isinstance(node, ListNode) or not node.items:
        shown = node.text if isinstance(node, ScalarNode) and NAME.match(node.text) else "NAME"
        help_text = f"outputs: [{shown}]"
        evaluator.wrong("bad-value", "'outputs' takes a list of layers' names", node, help_text)
        return {}
    outputs: dict[str, Flow] = {}
    for item in node.items:
        try:
            name = reference(item, "outputs")
            flow = frame.group.lookup(name)
        except Refusal as error:
            evaluator.refused(error, frame)
            continue
        if name.text in outputs:
            evaluator.wrong("duplicate-name", f"'{name.text}' is named twice", name)
        outputs[name.text] = flow
    return outputs


def find_unused(
    nodes: list[Node], outputs: Mapping[str, int], uses: Sequence[Use]
) -> tuple[list[int], list[Use], set[int]]:
    """What of a graph no result is made of.

    Returns the nodes of the file itself that nothing reads and the uses of networks of which
    nothing is needed, which are mistakes, and the nodes that only networks have of which a part is
    needed.
    """
    within = bytearray(len(nodes))
    for use in uses:
        within[use.nodes.start : use.nodes.stop] = b"\1" * len(use.nodes)
    # Needed by others to be there, and read by others: constants need what they do not read.
    needed, read = bytearray(len(nodes)), bytearray(len(nodes))
    for index in outputs.values():
        needed[index] = read[index] = 1
    layers, networks, removed = [], [], set()
    begins = {use.nodes.start: use for use in uses if use.nodes}
    for index in range(len(nodes) - 1, -1, -1):
        if needed[index] or not within[index]:
            if not read[index] and not within[index]:
                layers.append(index)
            _mark(nodes[index], needed, read)
        else:
            removed.add(index)
        begun = begins.get(index)
        if begun is not None and not any(needed[index : begun.nodes.stop]):
            networks.append(begun)
            removed.difference_update(begun.nodes)
            # What enters it is not the mistake.
            for member in begun.nodes:
                _mark(nodes[member], needed, read)
    return layers[::-1], networks[::-1], removed


def _mark(node: Node, needed: bytearray, read: bytearray) -> None:
    for index in node.inputs:
        needed[index] = 1
    for index in node.reads:
        read[index] = 1
