"""From a document to the graph of layers.

Elaboration calls blocks, repeats layers, decides conditions, and gives and looks up names. It adds
layers in execution order, because an expression may use the shape that enters its layer. A layer
with a mistake has no value; what depends on it is still checked, and follow-on errors are not
reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.graph import GraphBuilder
from convcalc.language.building.blocks import ArgumentBinder
from convcalc.language.building.evaluation import Copy, Evaluator, Frame, TooMany, scope_of
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.building.joins import JoinReader
from convcalc.language.building.layers import LayerReader
from convcalc.language.building.outputs import Use
from convcalc.language.keys import GROUP
from convcalc.language.reading.document import Block
from convcalc.language.reading.expressions import LayerReference, UnknownSizeError
from convcalc.language.reading.items import (
    Item,
    Made,
    Refusal,
    argument_names,
    check_arguments,
    is_empty,
    is_head,
    read_item,
    refusal,
)
from convcalc.language.reading.nodes import DEEPEST, ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers import KINDS, layer_class
from convcalc.layers.fields import value_text
from convcalc.problems import Call, Problem, Reason, Related, Rule, RuleError, Span, Subject, helps
from convcalc.symbols import counted

if TYPE_CHECKING:
    from convcalc.language.building.networks import NetworkReader

#: Copies, calls and groups that may add no layer, beyond ten for each layer that is added.
_IDLE_STEPS = 20_000
_STEPS_AFTER_A_MISTAKE = 200_000


class Elaborator:
    """Builds the nodes of one network."""

    def __init__(
        self,
        evaluator: Evaluator,
        builder: GraphBuilder,
        items: dict[int, Item],
    ) -> None:
        self.evaluator = evaluator
        self.builder = builder
        self.layers = LayerReader(evaluator, builder)
        self._binder = ArgumentBinder(evaluator, self.layers)
        self._joins = JoinReader(evaluator, self.layers)
        self._networks: NetworkReader | None = None
        self._items = items
        #: The operations of each layer and group by path, of so many nodes: filled by the first
        #: layer that shares parameters.
        self._extents: dict[str, range] = {}
        self._indexed = 0
        self._depth = 0
        self._copies = 1
        self._steps = 0

    # Lists of layers.

    def sequence(self, node: ListNode, flow: Flow | None, frame: Frame) -> Flow | None:
        """The layers of a list, in the group of the frame, one after the other; the last value.

        It is None where the last layer is a network with several outputs.
        """
        document, group = frame.file.document, frame.group
        self._depth += 1
        if self._depth > DEEPEST:
            self.evaluator.stop(
                Problem(
                    "nesting-too-deep",
                    f"blocks and groups are nested more than {DEEPEST} deep",
                    node.span,
                    (),
                    frame.calls,
                )
            )
        for child in node.items:
            try:
                item = self._items.get(id(child))
                if item is None:
                    item = read_item(child, document, frame.args)
                    if is_head(item.head, document):
                        # Which key names the kind may depend on what the arguments hold.
                        self._items[id(child)] = item
            except Refusal as error:
                self.evaluator.refused(group.as_layer(child, error), frame)
                self._unreadable(child, group)
                flow = UNKNOWN
                continue
            for wrong in item.refusals:
                self.evaluator.refused(wrong, frame)
                group.unsure = True
                flow = UNKNOWN
            flow = self._item(item, flow, frame)
        self._depth -= 1
        return flow

    def _unreadable(self, node: YamlNode, group: Group) -> None:
        """Records that a group misses a layer, so that references to it are not reported."""
        group.unsure = True
        if isinstance(node, MapNode) and "name" in node.entries:
            name = node.entries["name"][1]
            if isinstance(name, ScalarNode):
                group.values.setdefault(name.text, UNKNOWN)

    def _item(self, item: Item, flow: Flow | None, frame: Frame) -> Flow | None:
        """All copies of an item."""
        document, group = frame.file.document, frame.group
        target = item.head
        if not is_head(target, document):
            held = frame.args.get(target)
            if held is None:
                self._unreadable(item.key, group)
                return UNKNOWN
            if not isinstance(held, str) or (held not in KINDS and held not in document.blocks):
                message = (
                    f"'{target}' holds {value_text(held)}, which is neither a kind nor a block"
                )
                help_text = ""
                if isinstance(held, LayerReference):
                    message = (
                        f"'{target}' holds the layer '{held.name}',"
                        " and a kind or block is needed here"
                    )
                    help_text = (
                        f"its value is taken by 'from: {target}', and as a branch by {target}"
                        " without [...]"
                    )
                self.evaluator.refused(
                    refusal("unknown-kind", message, item.span, help_text), frame
                )
                self._unreadable(item.key, group)
                return UNKNOWN
            target = held
        entering = flow
        try:
            if item.from_ is not None and not item.refusals:
                entering = self._taken(item.from_, frame)
            copies = self._copies_of(item, entering, frame)
        except Refusal as error:
            self.evaluator.refused(error, frame)
            return self._give_up(item, target, group)
        except UnknownSizeError:
            return self._give_up(item, target, group)
        outer_copies = self._copies
        self._copies *= max(copies, 1)
        if self._copies > self.evaluator.max_layers and item.repeat is not None:
            self.evaluator.too_many_layers(item.repeat.span, self._copies, frame.calls)
        for copy in range(copies):
            self._step(item, frame)
            if item.repeat is not None:
                frame = frame.in_copy(copy)
            try:
                if item.when is not None and not self.evaluator.holds(item.when, entering, frame):
                    self._note_left_out(item, copy, group)
                    continue
            except Refusal as error:
                self.evaluator.refused(error, frame)
                flow = entering = self._give_up(item, target, group)
                continue
            except UnknownSizeError:
                flow = entering = self._give_up(item, target, group)
                continue
            name = self._name(item, target, copy, group, frame)
            flow = entering = self._layer(Copy(item, target, name, entering, frame, copy, copies))
            group.values[name] = flow
            group.last = name
        if copies == 0:
            self._note_left_out(item, 0, group)
        self._copies = outer_copies
        return flow

    def _step(self, item: Item, frame: Frame) -> None:
        """Counts a copy; gives up where copies and calls go on without adding layers.

        With conditions on a block's arguments, a short file can visit 2^40 places and add no layer,
        so that the limit on layers alone would not stop it.
        """
        self._steps += 1
        self.evaluator.spend(5, item.span)
        if self._steps > _IDLE_STEPS + 10 * len(self.builder.nodes):
            if self.evaluator.problems:
                # After a mistake no layers are added, but those below it are still checked.
                if self._steps > _STEPS_AFTER_A_MISTAKE:
                    raise TooMany
                return
            self.evaluator.stop(
                Problem(
                    "too-many-steps",
                    f"{self._steps} copies and calls have made only"
                    f" {len(self.builder.nodes)} layers",
                    item.span,
                    (Rule("copies, calls and groups must add layers"),),
                    frame.calls,
                )
            )

    def _taken(self, node: ScalarNode, frame: Frame) -> Flow:
        """The value that `from` names; unknown after a mistake, which is recorded."""
        try:
            return frame.lookup(node)
        except Refusal as error:
            self.evaluator.refused(error, frame)
            return UNKNOWN

    def _give_up(self, item: Item, target: str, group: Group) -> Flow:
        """Names a layer that has a mistake, so that references to it are not reported."""
        if not self.evaluator.problems:
            self.report_misfits()
        name = item.name.text if item.name else group.names.numbered(_prefix(target))
        group.values.setdefault(name, UNKNOWN)
        group.last = name
        group.unsure = True
        return UNKNOWN

    def _note_left_out(self, item: Item, copy: int, group: Group) -> None:
        if item.name is not None:
            group.left_out.add(item.name.text if item.repeat is None else f"{item.name.text}{copy}")
            group.left_out.add(item.name.text)

    def _copies_of(self, item: Item, entering: Flow | None, frame: Frame) -> int:
        if item.repeat is None:
            return 1
        value = counted(self.evaluator.evaluate(item.repeat, scope_of(frame, entering), ()))
        if type(value) is not int or value < 0:
            raise refusal(
                "bad-value",
                f"repeat must be a whole number from 0 on, not {value_text(value)}",
                item.repeat.span,
            )
        if value > self.evaluator.max_layers:
            self.evaluator.too_many_layers(item.repeat.span, value, frame.calls)
        return value

    # Names.

    def _name(self, item: Item, target: str, copy: int, group: Group, frame: Frame) -> str:
        if item.name is None:
            return group.names.numbered(_prefix(target))
        name = item.name.text if item.repeat is None else f"{item.name.text}{copy}"
        if name in group.values:
            message = f"the name '{name}' is taken by an earlier layer of this group"
            first = self._place(group.path_of(name))
            facts = (Related(Reason.FIRST, first),) if first else ()
            self.evaluator.refuse(
                Problem("duplicate-name", message, item.name.span, facts, frame.calls)
            )
        return name

    def _place(self, path: str) -> Span | None:
        """Where a layer is written, if it is one operation."""
        return next((node.span for node in self.builder.nodes if node.path == path), None)

    # One layer.

    def _layer(self, copy: Copy) -> Flow | None:
        """One copy of an item; its value, or None of a network with several outputs."""
        item, target, frame = copy.item, copy.target, copy.frame
        blocks = frame.file.document.blocks
        if copy.flow is None and not _may_begin(copy):
            self.evaluator.refuse(
                Problem(
                    "no-input",
                    "no value enters here",
                    item.span,
                    helps(self.layers.input_help(frame.group)),
                    frame.calls,
                    Subject(layer=copy.path),
                )
            )
            return UNKNOWN
        before = len(self.builder.nodes)
        value: Flow | None = UNKNOWN
        try:
            if target == GROUP:
                value = self._sequential(copy)
            elif target in blocks:
                value = self._call(copy, blocks[target])
            elif layer_class(target).joins:
                value = self._joins.read(copy, self.sequence)
            else:
                value = self._kind(copy)
            if item.share is not None and (value != UNKNOWN or self._is_broken(copy)):
                self._share(item.share, before, frame.group)
        except Refusal as error:
            self.evaluator.refused(error, frame, copy.path)
            return UNKNOWN
        except UnknownSizeError:
            value = UNKNOWN
        if value == UNKNOWN and not self.evaluator.problems and not self._is_broken(copy):
            self.report_misfits()
        return value

    def report_misfits(self) -> None:
        """Records the mistakes after which no more of a network that is a block was read."""
        if self._networks is not None:
            self._networks.report()

    @property
    def uses(self) -> Sequence[Use]:
        """The networks that are blocks, in order; those in others are parts of them."""
        return self._networks.uses if self._networks is not None else ()

    def _is_broken(self, copy: Copy) -> bool:
        """Whether it is a network of which no more could be read."""
        inner = copy.frame.group.groups.get(copy.name)
        return inner is not None and inner.broken

    # Kinds.

    def _kind(self, copy: Copy) -> Flow:
        item, kind, flow, frame, path = copy.item, copy.target, copy.flow, copy.frame, copy.path
        cls = layer_class(kind)
        rank = len(flow.shape) - 1 if flow and flow.shape else -1
        made = item.layers.get((kind, rank)) if copy.first is None else None
        if made is None:
            document = frame.file.document
            names = argument_names(kind, document)
            given, wrong = self.layers.arguments(item, copy.first, kind, names)
            if wrong is not None:
                self.evaluator.refused(wrong, frame, path)
            fused = self.layers.fused_arguments(kind, given, document)
            layer, constant = self.layers.make(
                cls, given, item.span, path, flow, frame, complete=wrong is None
            )
            if layer is None:
                # What is fused to it is read for mistakes of its own.
                return self.layers.fuse(fused, UNKNOWN, path, frame, item.span)
            made = Made(layer, given, fused)
            if constant and copy.first is None:
                item.layers[kind, rank] = made
        flows = (flow, *self.layers.beside(cls, made.arguments, frame))
        value = self.layers.add(made.layer, path, path, flows, item.span, made.arguments, frame)
        if not made.fused:
            return value
        return self.layers.fuse(made.fused, value, path, frame, item.span)

    # Groups and blocks.

    def _sequential(self, copy: Copy) -> Flow | None:
        item = copy.item
        check_arguments(item, GROUP, [], item.arguments)
        if copy.first is not None:
            check_arguments(item, GROUP, [], copy.first.entries, ())
        if not isinstance(item.value, ListNode):
            raise refusal(
                "bad-value",
                "sequential takes a list of layers",
                item.value.span if item.value and not is_empty(item.value) else item.span,
                "write {sequential: [{conv: 64, kernel: 3}, relu]}",
            )
        frame = copy.frame
        inner = Group(copy.path, frame.group)
        value = self.sequence(item.value, copy.flow, frame.within(inner))
        frame.group.groups[copy.name] = inner
        return value

    def _call(self, copy: Copy, block: Block) -> Flow | None:
        item, frame = copy.item, copy.frame
        if block in frame.blocks:
            again = [*frame.blocks[frame.blocks.index(block) :], block]
            chain = " -> ".join([called.name for called in again])
            raise refusal("block-recursion", f"a block cannot contain itself: {chain}", item.span)
        if block.body is None:
            raise UnknownSizeError
        inner = Group(copy.path, None, copy.flow)
        given = self._binder.bind(block, copy, inner)
        calls = (*frame.calls, Call(item.span, block.name, copy.number, copy.copies))
        args = {**frame.file.args, **given}
        body = Frame(frame.file, args, inner, None, calls, (*frame.blocks, block))
        frame.group.groups[copy.name] = inner
        if isinstance(block.body, ListNode):
            return self.sequence(block.body, copy.flow, body)
        depth, copies = self._depth, self._copies
        if self._networks is None:
            from convcalc.language.building.networks import NetworkReader  # few blocks are one

            self._networks = NetworkReader(self.evaluator, self.layers)
        value = self._networks.read(block.body, copy, given, body, self.sequence)
        # What was begun there may have no end.
        self._depth, self._copies = depth, copies
        return value

    # Shared parameters.

    def _share(self, node: ScalarNode, before: int, group: Group) -> None:
        """Lets the nodes from `before` on use the parameters of an earlier layer.

        Operations without parameters, such as another activation, may differ.
        """
        if not group.results_of(node.text):
            shared = group.lookup(node)
            if shared == UNKNOWN and self.evaluator.problems:
                return  # how many layers it has follows from a mistake that is reported
        target = group.path_of_reference(node.text)
        try:
            self.builder.share(range(before, len(self.builder.nodes)), self._nodes_of(target))
        except RuleError as error:
            raise refusal(error.code, error.message, node.span, "", error.facts) from None

    def _nodes_of(self, path: str) -> range:
        """The operations of a layer or group: they were added one after the other."""
        nodes = self.builder.nodes
        for index in range(self._indexed, len(nodes)):
            unit = nodes[index].unit
            end = len(unit)
            while end > 0:
                first = self._extents.get(unit[:end], range(index, index)).start
                self._extents[unit[:end]] = range(first, index + 1)
                end = unit.rfind(".", 0, end)
        self._indexed = len(nodes)
        return self._extents.get(path, range(0))


def _may_begin(copy: Copy) -> bool:
    """Whether a layer may stand where no value enters."""
    block = copy.frame.file.document.blocks.get(copy.target)
    if block is not None:
        return isinstance(block.body, ListNode)
    # Groups, blocks and joins may name their inputs inside.
    return copy.target not in KINDS or layer_class(copy.target).joins is not None


def _prefix(target: str) -> str:
    """What unnamed layers of a kind or block are called, before their number."""
    return layer_class(target).prefix if target in KINDS else target
