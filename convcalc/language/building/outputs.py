"""The results of a network: the values that `outputs` names."""

from __future__ import annotations

from convcalc.language.building.evaluation import Evaluator, Frame
from convcalc.language.building.groups import Flow
from convcalc.language.reading.document import NAME
from convcalc.language.reading.items import Refusal, reference
from convcalc.language.reading.nodes import ListNode, ScalarNode, YamlNode


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
