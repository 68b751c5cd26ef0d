"""A lower bound on the number of layers of a spec, before any is built.

Blocks that call blocks multiply: thirty lines can ask for 10^30 layers. The bound takes one pass
over the lines. A repeat that depends on a block's arguments counts once, such a condition as false.
"""

from __future__ import annotations

from convcalc.language.building.evaluation import Evaluator, File
from convcalc.language.keys import GROUP
from convcalc.language.reading.document import Block, Document
from convcalc.language.reading.expressions import ExpressionError, UnknownSizeError
from convcalc.language.reading.items import Refusal
from convcalc.language.reading.nodes import DEEPEST, ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers import KINDS, layer_class
from convcalc.problems import Problem


def bound_layers(layers: ListNode, document: Document, evaluator: Evaluator) -> None:
    """Refuses a network that is sure to have too many layers, or a block that contains itself."""
    counter = _Counter(document, evaluator)
    count = 0
    for item in layers.items:
        try:
            count = counter.bounded(count + counter.item(item, ()), item)
        except _Endless:
            pass


class _Endless(Exception):
    """A block contains itself; already recorded."""


class _Counter:
    """Counts layers.

    document, args  the file that is looked at, and what is known of its arguments
    """

    def __init__(self, document: Document, evaluator: Evaluator) -> None:
        self.document = document
        self.args = evaluator.file.args
        self.evaluator = evaluator
        self.known: dict[Block, int] = {}
        self.depth = 0

    def items(self, node: YamlNode, blocks: tuple[str, ...]) -> int:
        if not isinstance(node, ListNode):
            return 0
        self.depth += 1
        if self.depth > DEEPEST:
            self.evaluator.stop(
                Problem(
                    "nesting-too-deep",
                    f"blocks and groups are nested more than {DEEPEST} deep",
                    node.span,
                )
            )
        count = sum([self.item(item, blocks) for item in node.items])
        self.depth -= 1
        return count

    def item(self, node: YamlNode, blocks: tuple[str, ...]) -> int:
        if isinstance(node, ListNode):
            return self.items(node, blocks)
        if isinstance(node, ScalarNode):
            word = node.text.strip()
            return self.block(word, node, blocks) if word in self.document.blocks else 1
        if not isinstance(node, MapNode):
            return 0
        count = 1
        for text, (key, value) in node.entries.items():
            if text in self.document.blocks:
                count = self.block(text, key, blocks)
                break
            if text == GROUP:
                count = self.items(value, blocks)
                break
            if text in KINDS and layer_class(text).joins:
                count = 1 + self.branches(value, blocks)
                break
        if "when" in node.entries and self.constant(node.entries["when"][1], True) is not True:
            return 0
        if "repeat" in node.entries:
            repeat = node.entries["repeat"][1]
            copies = self.constant(repeat, 1)
            if type(copies) is int and copies > 1:
                count = self.bounded(count * copies, repeat)
        return count

    def bounded(self, count: int, node: YamlNode) -> int:
        """The count, if a network may have so many layers."""
        if count > self.evaluator.max_layers:
            self.evaluator.too_many_layers(node.span, count)
        return count

    def branches(self, node: YamlNode, blocks: tuple[str, ...]) -> int:
        if isinstance(node, MapNode):
            branches = [value for _, value in node.entries.values()]
        else:
            branches = node.items if isinstance(node, ListNode) else []
        return sum([self.items(branch, blocks) for branch in branches])

    def block(self, name: str, node: ScalarNode, blocks: tuple[str, ...]) -> int:
        if name in blocks:
            chain = " -> ".join([*blocks[blocks.index(name) :], name])
            self.evaluator.refuse(
                Problem("block-recursion", f"a block cannot contain itself: {chain}", node.span)
            )
            raise _Endless
        block = self.document.blocks[name]
        if block not in self.known:
            count = 0
            if isinstance(block.body, ListNode):
                count = self.items(block.body, (*blocks, name))
            elif block.body is not None:
                count = self.network(block.body)
            self.known[block] = count
        return self.known[block]

    def network(self, network: Document) -> int:
        """The layers of a network that is a block; its arguments depend on the call."""
        outer = self.document, self.args
        self.document, self.args = network, {}
        try:
            return self.items(network.keys["layers"][1], ())
        finally:
            self.document, self.args = outer

    def constant(self, node: YamlNode, otherwise: object) -> object:
        """The value of what depends on the file's arguments only."""
        evaluator = self.evaluator
        scope = evaluator.file_scope(File(self.document, self.args))
        try:
            if isinstance(node, ScalarNode):
                value = evaluator.attempt(node, scope)
                evaluator.spend(1 + scope.extra, node.span)
                return value
            return evaluator.evaluate(node, scope)
        except (Refusal, ExpressionError, UnknownSizeError):
            return None if otherwise is True else otherwise
