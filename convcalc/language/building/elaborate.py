"""From a document to the graph of layers.

Blocks are called, copies made, conditions decided, names given and looked up; every layer is made
with the shape that enters it known, because expressions may ask for it. A mistake leaves its layer
without a value: what depends on it is checked as far as that goes, and no knock-on error is told.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from convcalc.diagnostics import (
    Branch,
    Call,
    Help,
    Problem,
    Reason,
    Related,
    Rule,
    RuleError,
    Span,
    Subject,
    printable,
)
from convcalc.graph import GraphBuilder
from convcalc.language.building.evaluation import MOST_LAYERS, Evaluator, Frame, TooMany
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.building.making import LayerMaker, given_twice
from convcalc.language.keys import GROUP
from convcalc.language.reading.document import NAME, Block, Document, Parameter
from convcalc.language.reading.expressions import (
    Expression,
    ExpressionError,
    LayerReference,
    Scope,
    UnknownSizeError,
)
from convcalc.language.reading.items import (
    Argument,
    Item,
    Made,
    Refusal,
    argument_names,
    check_arguments,
    is_empty,
    read_item,
    refusal,
)
from convcalc.language.reading.nodes import DEEPEST, ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers import KINDS, layer_class
from convcalc.layers.fields import value_text

#: Copies, calls and groups that may come to nothing, beside ten for each layer that is made.
_IDLE_STEPS = 20_000
_STEPS_AFTER_A_MISTAKE = 200_000


class Copy(NamedTuple):
    """One copy of an item at its place.

    target  the kind, block or group that it is
    name    what it is called in its group
    flow    the value that enters; None where none does
    number  which copy it is, of how many `copies`
    """

    item: Item
    target: str
    name: str
    flow: Flow | None
    group: Group
    frame: Frame
    number: int
    copies: int

    @property
    def path(self) -> str:
        """Its group path."""
        return self.group.path_of(self.name)

    @property
    def first(self) -> MapNode | None:
        """The arguments that differ in this copy."""
        return self.item.first if self.number == 0 else None


class Elaborator:
    """Builds the nodes of one network."""

    def __init__(
        self,
        document: Document,
        evaluator: Evaluator,
        builder: GraphBuilder,
        items: dict[int, Item],
    ) -> None:
        self.document = document
        self.evaluator = evaluator
        self.builder = builder
        self.maker = LayerMaker(document, evaluator, builder)
        self._items = items
        #: The operations of layers whose parameters are shared, by path.
        self._shared: dict[str, list[int]] = {}
        self._depth = 0
        self._copies = 1
        self._steps = 0

    # Lists of layers.

    def sequence(self, node: ListNode, flow: Flow | None, group: Group, frame: Frame) -> Flow:
        """The layers of a list, one after the other; the value of the last."""
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
                    item = read_item(child, self.document, frame.args)
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
            flow = self._item(item, flow, group, frame)
        self._depth -= 1
        return UNKNOWN if flow is None else flow

    def _unreadable(self, node: YamlNode, group: Group) -> None:
        """Notes that a layer is missing from a group, so that references to it are not blamed."""
        group.unsure = True
        if isinstance(node, MapNode) and "name" in node.entries:
            name = node.entries["name"][1]
            if isinstance(name, ScalarNode):
                group.values.setdefault(name.text, UNKNOWN)

    def _item(self, item: Item, flow: Flow | None, group: Group, frame: Frame) -> Flow | None:
        """All copies of an item."""
        target = item.head
        if target not in KINDS and target not in self.document.blocks and target != GROUP:
            held = frame.args.get(target)
            if held is None:
                self._unreadable(item.key, group)
                return UNKNOWN
            if not isinstance(held, str) or (
                held not in KINDS and held not in self.document.blocks
            ):
                shown = f"'{target}' holds {value_text(held)}, which"
                self.evaluator.refused(
                    refusal("unknown-kind", f"{shown} is neither a kind nor a block", item.span),
                    frame,
                )
                self._unreadable(item.key, group)
                return UNKNOWN
            target = held
        entering = flow
        try:
            if item.from_ is not None and not item.refusals:
                entering = self._taken(item.from_, group, frame)
            copies = self._copies_of(item, entering, frame)
        except Refusal as error:
            self.evaluator.refused(error, frame)
            return self._give_up(item, target, group)
        except UnknownSizeError:
            return self._give_up(item, target, group)
        outer_copies = self._copies
        self._copies *= max(copies, 1)
        if self._copies > MOST_LAYERS and item.repeat is not None:
            self.evaluator.too_many_layers(item.repeat.span, self._copies, frame)
        for copy in range(copies):
            self._step(item, frame)
            try:
                if item.when is not None and not self._holds(item.when, entering, frame):
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
            flow = entering = self._layer(
                Copy(item, target, name, entering, group, frame, copy, copies)
            )
            group.values[name] = flow
            group.last = name
        if copies == 0:
            self._note_left_out(item, 0, group)
        self._copies = outer_copies
        return flow

    def _step(self, item: Item, frame: Frame) -> None:
        """Counts a copy, and gives up where copies and calls go on without adding layers.

        Conditions that depend on a block's arguments can make a short file visit 2^40 places that
        all come to nothing; the bound on layers would never be met.
        """
        self._steps += 1
        if self._steps > _IDLE_STEPS + 10 * len(self.builder.nodes):
            if self.evaluator.problems:
                # After a mistake no layers are made; what stands below it is still looked at.
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

    def _taken(self, node: ScalarNode, group: Group, frame: Frame) -> Flow:
        """The value that `from` names; unknown after a mistake, which is noted."""
        try:
            return group.lookup(node)
        except Refusal as error:
            if isinstance(frame.args.get(node.text), LayerReference):
                help_text = f"'from' is no expression; {{add: [{node.text}]}} takes what it names"
                error = Refusal(error.problems[0]._replace(facts=(Help(help_text),)))
            self.evaluator.refused(error, frame)
            return UNKNOWN

    def _give_up(self, item: Item, target: str, group: Group) -> Flow:
        """Names a layer that could not be made, so that references to it are not blamed."""
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
        value = self.evaluator.evaluate(item.repeat, self.evaluator.scope(frame, entering), ())
        if type(value) is not int or value < 0:
            raise refusal(
                "bad-value",
                f"repeat must be a whole number from 0 on, not {value_text(value)}",
                item.repeat.span,
            )
        if value > MOST_LAYERS:
            self.evaluator.too_many_layers(item.repeat.span, value, frame)
        return value

    def _holds(self, when: YamlNode, entering: Flow | None, frame: Frame) -> bool:
        value = self.evaluator.evaluate(when, self.evaluator.scope(frame, entering), ())
        if not isinstance(value, bool):
            raise refusal(
                "bad-value",
                f"when must be true or false, not {value_text(value)}",
                when.span,
                "compare it, as in 'when: s > 1'",
            )
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

    def _layer(self, copy: Copy) -> Flow:
        """One copy of an item."""
        item, target, frame = copy.item, copy.target, copy.frame
        if copy.flow is None and not self._may_begin(item, target, copy.number):
            self.evaluator.refuse(
                Problem(
                    "no-input",
                    "no value enters here",
                    item.span,
                    (Help(self._input_help()),),
                    frame.calls,
                    Subject(layer=copy.path),
                )
            )
            return UNKNOWN
        before = len(self.builder.nodes)
        try:
            if target == GROUP:
                value = self._sequential(copy)
            elif target in self.document.blocks:
                value = self._call(copy)
            elif layer_class(target).joins:
                value = self._join(copy)
            else:
                value = self._kind(copy)
            if item.share is not None and value.node is not None:
                self._share(item.share, before, copy.group)
        except Refusal as error:
            self.evaluator.refused(error, frame, copy.path)
            return UNKNOWN
        except UnknownSizeError:
            return UNKNOWN
        return value

    def _may_begin(self, item: Item, target: str, copy: int) -> bool:
        # Groups, blocks and joins may name their inputs inside.
        return (
            target == GROUP
            or target in self.document.blocks
            or layer_class(target).joins is not None
            or (copy == 0 and item.from_ is not None)
        )

    def _input_help(self) -> str:
        names = ", ".join(node.path for node in self.builder.nodes if node.kind == "input")
        return f"with several inputs ({names}) the first layer says 'from'"

    # Kinds.

    def _kind(self, copy: Copy) -> Flow:
        item, kind, flow, frame, path = copy.item, copy.target, copy.flow, copy.frame, copy.path
        cls = layer_class(kind)
        rank = len(flow.shape) - 1 if flow and flow.shape else -1
        made = item.layers.get((kind, rank)) if copy.first is None else None
        if made is None:
            names = argument_names(kind, self.document)
            given, wrong = self.maker.arguments(item, copy.first, kind, names)
            if wrong is not None:
                self.evaluator.refused(wrong, frame, path)
            followers = {key: given.pop(key, None) for key in ("norm", "activation")}
            self.maker.find_followers(kind, followers)
            layer, constant = self.maker.make(
                cls, given, item.span, path, flow, frame, complete=wrong is None
            )
            fused = [node for node in followers.values() if node is not None]
            if layer is None:
                # Its followers are still read for mistakes of their own.
                return self.maker.follow(fused, UNKNOWN, path, frame)
            made = Made(layer, given, fused)
            if constant and copy.first is None:
                item.layers[kind, rank] = made
        value = self.maker.add(made.layer, path, path, (flow,), item.span, made.arguments, frame)
        return self.maker.follow(made.fused, value, path, frame) if made.fused else value

    # Groups and blocks.

    def _sequential(self, copy: Copy) -> Flow:
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
        inner = Group(copy.path, copy.group)
        value = self.sequence(item.value, copy.flow, inner, copy.frame)
        copy.group.groups[copy.name] = inner
        return value

    def _call(self, copy: Copy) -> Flow:
        item, frame = copy.item, copy.frame
        block = self.document.blocks[copy.target]
        if block.name in frame.blocks:
            chain = " -> ".join([*frame.blocks[frame.blocks.index(block.name) :], block.name])
            raise refusal("block-recursion", f"a block cannot contain itself: {chain}", item.span)
        if block.body is None:
            raise UnknownSizeError
        args = self._block_arguments(block, copy)
        call = Call(item.span, block.name, copy.number, copy.copies)
        inner_frame = Frame(args, (*frame.calls, call), (*frame.blocks, block.name))
        inner = Group(copy.path, None)
        value = self.sequence(block.body, copy.flow, inner, inner_frame)
        copy.group.groups[copy.name] = inner
        return value

    def _block_arguments(self, block: Block, copy: Copy) -> dict[str, Any]:
        item, first, flow, frame = copy.item, copy.first, copy.flow, copy.frame
        names = [parameter.name for parameter in block.parameters]
        positional: list[YamlNode] = []
        if isinstance(item.value, ListNode):
            positional = item.value.items
            if len(positional) > len(names):
                takes = f"{len(names)} argument{'s' if len(names) != 1 else ''}"
                raise refusal(
                    "bad-value",
                    f"{block.name} takes {takes}, not {len(positional)}",
                    positional[len(names)].span,
                    f"its signature is {block.key.text}",
                )
            written = Item(item.head, item.key, None)
            written.arguments = item.arguments
            written.first = item.first
            given, wrong = self.maker.arguments(written, first, block.name, names)
            for text, node in zip(names, positional, strict=False):
                if text in item.arguments:
                    raise given_twice(text, item.arguments[text].key, node)
                replaced = first is not None and text in first.entries
                if not replaced and isinstance(item.key, ScalarNode):
                    given[text] = Argument(item.key, node)
        else:
            given, wrong = self.maker.arguments(item, first, block.name, names)
        if wrong is not None:
            raise wrong
        scope = self.evaluator.scope(frame, flow, copy.group)
        # What a mistake leaves without a value is None: the body is read all the same, and what
        # depends on the value there is not judged.
        args = dict(self.evaluator.args)
        inner = self.evaluator.scope(Frame(args, frame.calls, frame.blocks), flow)
        missing = []
        for parameter in block.parameters:
            name = parameter.name
            args[name] = None
            try:
                if name in given:
                    args[name] = self._handed(name, given[name], scope)
                elif parameter.default is not None:
                    args[name] = self._default(parameter, parameter.default, inner, item)
                else:
                    missing.append(f"'{name}'")
            except Refusal as error:
                self.evaluator.refused(error, frame, copy.path)
            except UnknownSizeError:
                pass
        if missing:
            message = f"{block.name} needs {' and '.join(missing)}"
            help_text = f"its signature is {block.key.text}"
            wrong = refusal("missing-argument", message, item.span, help_text)
            self.evaluator.refused(wrong, frame, copy.path)
        return args

    def _handed(self, name: str, argument: Argument, scope: Scope) -> Any:
        if is_empty(argument.node):
            message = f"the value of '{name}' is missing"
            raise refusal("missing-value", message, argument.key.span)
        return self.evaluator.evaluate(argument.node, scope)

    def _default(self, parameter: Parameter, default: Expression, scope: Scope, item: Item) -> Any:
        try:
            return default.evaluate(scope)
        except ExpressionError as error:
            told = self.evaluator.explained(error, scope, None, bool(default.word))
            start = parameter.default_span
            span = start._replace(column=start.column + error.offset, width=max(error.width, 1))
            message = f"default of '{parameter.name}': {told.message}"
            called = Related(Reason.CALL, item.span)
            raise refusal(told.code, message, span, "", (called, *told.facts)) from None

    # Joins.

    def _join(self, copy: Copy) -> Flow:
        item, kind, first, group = copy.item, copy.target, copy.first, copy.group
        flow, frame, path = copy.flow, copy.frame, copy.path
        check_arguments(item, kind, ["norm", "activation"], item.arguments)
        followers: dict[str, Argument | None] = {
            key: item.arguments.get(key) for key in ("norm", "activation")
        }
        if first is not None:
            check_arguments(item, kind, ["norm", "activation"], first.entries, ())
            for text, entry in first.entries.items():
                followers[text] = Argument(*entry)
        self.maker.find_followers(kind, followers)
        inner = Group(path, group)
        values: list[tuple[str, Flow]] = []
        for label, node in self._branches(item, kind):
            found = self._branch(label, node, flow, inner, group, frame)
            if found is not None:
                values.append((label, found))
                inner.values[label] = found
        group.groups[copy.name] = inner
        fused = [argument for argument in followers.values() if argument is not None]
        if not values:
            raise refusal(
                "no-branches",
                f"no branch of {kind} is left",
                item.span,
                "",
                (Rule("one branch at least must have no condition or one that holds"),),
            )
        cls = layer_class(kind)
        if len(values) == 1 and (cls.joins is None or cls.joins.least == 1):
            return self.maker.follow(fused, values[0][1], path, frame)
        layer, _ = self.maker.make(cls, {}, item.span, path, Flow(0, (1, 1, 1)), frame)
        facts = tuple([Branch(label, self.maker.origin(value)) for label, value in values])
        flows = [value for _, value in values]
        if layer is None:
            return UNKNOWN
        value = self.maker.add(layer, path, path, flows, item.span, {}, frame, facts)
        return self.maker.follow(fused, value, path, frame)

    def _branches(self, item: Item, kind: str) -> list[tuple[str, YamlNode]]:
        value = item.value
        if isinstance(value, ListNode):
            return [(f"branch{index}", node) for index, node in enumerate(value.items)]
        if isinstance(value, MapNode):
            for text, (key, _) in value.entries.items():
                if text in ("when", "layers"):
                    raise refusal(
                        "taken-name",
                        f"'{text}' cannot name a branch",
                        key.span,
                        "a branch with a condition is written NAME: {when: ..., layers: [...]}",
                    )
                if text == "input" or not NAME.match(text):
                    raise refusal("bad-name", f"'{printable(text)}' cannot name a branch", key.span)
            return [(text, node) for text, (_, node) in value.entries.items()]
        span = item.span if value is None or is_empty(value) else value.span
        raise refusal(
            "bad-value",
            f"{kind} takes a list or mapping of branches",
            span,
            f"write {{{kind}: [[], [{{conv: 64, kernel: 1}}]]}}, where [] is what enters",
        )

    def _branch(
        self,
        label: str,
        node: YamlNode,
        flow: Flow | None,
        inner: Group,
        group: Group,
        frame: Frame,
    ) -> Flow | None:
        """A branch's value; None where its condition fails."""
        layers = node
        try:
            if isinstance(node, MapNode):
                layers_or_none = self._conditional(node, flow, frame)
                if layers_or_none is None:
                    return None
                layers = layers_or_none
            if isinstance(layers, ScalarNode):
                return self._named(layers, group, frame)
        except Refusal as error:
            self.evaluator.refused(error, frame, inner.path_of(label))
            return UNKNOWN
        except UnknownSizeError:
            return UNKNOWN
        if not isinstance(layers, ListNode):
            raise TypeError(f"not a branch: {layers!r}")
        if flow is None and not layers.items:
            facts = (Help(self._input_help()),)
            problem = Problem("no-input", "no value enters here", layers.span, facts, frame.calls)
            self.evaluator.refuse(problem.about(layer=inner.path_of(label)))
            return UNKNOWN
        branch = Group(inner.path_of(label), inner)
        value = flow if not layers.items else self.sequence(layers, flow, branch, frame)
        inner.groups[label] = branch
        return value

    def _conditional(self, node: MapNode, flow: Flow | None, frame: Frame) -> YamlNode | None:
        """The layers of a branch `{when: ..., layers: [...]}`; None where the condition fails."""
        for text, (key, _) in node.entries.items():
            if text not in ("when", "layers"):
                raise refusal(
                    "bad-branch",
                    f"a branch is a list of layers, a name, or {{when: ..., layers: [...]}}:"
                    f" '{printable(text)}' is no key of it",
                    key.span,
                    "put the layer into a list: [{conv: 64, kernel: 1}]",
                )
        if "layers" not in node.entries:
            raise refusal(
                "bad-branch",
                "this branch has no 'layers'",
                node.span,
                "write {when: ..., layers: [...]}; [] is what enters",
            )
        layers = node.entries["layers"][1]
        if isinstance(layers, MapNode) or is_empty(layers):
            raise refusal("bad-branch", "the layers of a branch are a list", layers.span)
        if "when" in node.entries and not self._holds(node.entries["when"][1], flow, frame):
            return None
        return layers

    def _named(self, node: ScalarNode, group: Group, frame: Frame) -> Flow:
        """The value that a word in a join stands for."""
        word = node.text.strip()
        if not word:
            raise refusal(
                "missing-value", "a branch is missing here", node.span, "the incoming value is []"
            )
        held = frame.args.get(word)
        if isinstance(held, LayerReference):
            return Flow(held.node, held.shape)
        if word in frame.args and held is None:
            return UNKNOWN
        found = group.find(word)
        if found is not None:
            return found
        if isinstance(held, str):
            return group.lookup(
                ScalarNode(node.source, node.line, node.column, node.width, held, False)
            )
        if word in KINDS or word in self.document.blocks:
            raise refusal(
                "unknown-layer",
                f"in a join a word is a layer's name, and none is called '{word}'",
                node.span,
                f"the kind or block is written as a list: [{word}]",
            )
        return group.lookup(node)

    # Shared parameters.

    def _share(self, node: ScalarNode, before: int, group: Group) -> None:
        """Lets the nodes from `before` on use the parameters of an earlier layer's.

        Operations without parameters, such as another activation, may differ.
        """
        group.lookup(node)
        target = group.path_of_reference(node.text)
        theirs = self._shared.get(target)
        if theirs is None:
            nodes = self.builder.nodes
            theirs = self._shared[target] = [
                index
                for index in range(before)
                if nodes[index].unit == target or nodes[index].path.startswith(f"{target}.")
            ]
        try:
            self.builder.share(range(before, len(self.builder.nodes)), theirs)
        except RuleError as error:
            raise refusal(error.code, error.message, node.span, "", error.facts) from None


def _prefix(target: str) -> str:
    """What unnamed layers of a kind or block are called, before their number."""
    return layer_class(target).prefix if target in KINDS else target
