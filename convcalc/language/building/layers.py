"""Layers from their written arguments, with the norm and activation that are fused to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from convcalc.graph import GraphBuilder, Node
from convcalc.language.building.evaluation import Evaluator, Frame, scope_of
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.reading.document import Document
from convcalc.language.reading.expressions import LayerReference, UnknownSizeError
from convcalc.language.reading.items import (
    Argument,
    Item,
    Refusal,
    gathered,
    is_empty,
    read_item,
    reference,
    refusal,
    unknown_arguments,
)
from convcalc.language.reading.nodes import MapNode, ScalarNode, YamlNode
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.base import Layer
from convcalc.layers.fields import value_text
from convcalc.layers.traits import ROLES
from convcalc.problems import (
    MOST_LISTED,
    Branch,
    Entering,
    Fact,
    Note,
    Problem,
    Reason,
    Related,
    Rule,
    RuleError,
    Span,
    Subject,
    Value,
    listed,
    without_help,
)
from convcalc.shapes import Shape
from convcalc.symbols import settled


class LayerReader:
    """Adds written layers to the graph, each with the norm and activation that are fused to it."""

    def __init__(self, evaluator: Evaluator, builder: GraphBuilder) -> None:
        self.evaluator = evaluator
        self.builder = builder
        self._source = evaluator.file.document.source
        self.nodes = builder.nodes
        #: How many nodes were made before the first layer that its inputs do not fit.
        self.reached: int | None = None

    def arguments(
        self, item: Item, first: MapNode | None, target: str, names: list[str]
    ) -> tuple[dict[str, Argument], Refusal | None]:
        """The arguments as written: beside the kind, in its mapping, and of the first copy.

        With them comes what is wrong with their names, if the rest may be looked at all the same.
        """
        value = item.value
        problems = unknown_arguments(item, target, names, item.arguments)
        if isinstance(value, MapNode):
            problems += unknown_arguments(item, target, names, value.entries)
        if item.first is not None:
            problems += unknown_arguments(item, target, names, item.first.entries, ())
        wrong = gathered(problems) if problems else None
        if wrong is not None:
            from convcalc.codes import is_root_cause  # only a mistake needs it

            if is_root_cause(wrong.problems[0].code):
                raise wrong
        given = {text: entry for text, entry in item.arguments.items() if text in names}
        if isinstance(value, MapNode):
            for text, (key, node) in value.entries.items():
                if text in given:
                    raise given_twice(text, given[text].key, key)
                if text in names:
                    given[text] = Argument(key, node)
        elif value is not None and not is_empty(value):
            if not names:
                raise refusal("bad-value", f"{target} takes no argument", value.span)
            if names[0] in given:
                raise given_twice(names[0], given[names[0]].key, item.key)
            if isinstance(item.key, ScalarNode):
                given[names[0]] = Argument(item.key, value)
        if first is not None:
            for text, (key, node) in first.entries.items():
                if text in names:
                    given[text] = Argument(key, node)
        return given, wrong

    def fused_arguments(
        self, kind: str, given: dict[str, Argument], document: Document
    ) -> list[Argument]:
        """Takes the norm and activation out of a layer's arguments; `defaults` has the rest."""
        defaults = document.defaults.get(kind, {})
        found = []
        for role in ROLES:
            written = given.pop(role, None)
            if written is None and role in defaults:
                written = Argument(*defaults[role], default=True)
            if written is not None:
                found.append(written)
        return found

    def make(
        self,
        cls: type[Layer],
        given: dict[str, Argument],
        span: Span,
        path: str,
        flow: Flow | None,
        frame: Frame,
        complete: bool = True,
        branch: Flow | None = None,
    ) -> tuple[Layer | None, bool]:
        """A layer with these arguments, and whether it is the same in every copy.

        flow      what enters, for the expressions in the arguments
        complete  whether no argument was left out for its name
        branch    of a join, the first: it is the input, and not what enters

        The layer is None after a mistake, or where the input's shape is not known; every argument
        is checked all the same.
        """
        entering = flow if cls.joins is None else branch
        shape = entering.shape if entering is not None else None
        scope = scope_of(frame, flow)
        arguments = given
        defaults = frame.file.document.defaults.get(cls.kind)
        if defaults:
            for text, entry in defaults.items():
                if text in cls.fields and text not in arguments:
                    arguments[text] = Argument(*entry, default=True)
        values: dict[str, Any] = {}
        failed = shape is None or not complete
        if defaults and any(text not in cls.fields and text not in cls.fuses for text in defaults):
            failed = True  # a default is misspelt, which is reported already
        constant = True
        for text, argument in arguments.items():
            try:
                if is_empty(argument.node):
                    raise refusal(
                        "missing-value", f"the value of '{text}' is missing", argument.key.span
                    )
                if cls.fields[text].type.reference:
                    values[text] = self._named(argument.node, text, frame).layer
                    constant = False
                    continue
                if cls.fields[text].type.literal and isinstance(argument.node, ScalarNode):
                    values[text] = argument.node.text.strip()
                    continue
                choices = cls.fields[text].type.words
                values[text] = settled(self.evaluator.evaluate(argument.node, scope, choices))
                constant = constant and self.evaluator.constant(argument.node)
            except UnknownSizeError:
                failed = True
            except Refusal as error:
                failed = True
                self.evaluator.refused(error, frame, path)
        missing = [
            text
            for text, declared in cls.fields.items()
            if declared.required and text not in arguments
        ]
        if missing and complete:
            failed = True
            self.evaluator.refused(_missing(cls, missing, span, arguments), frame, path)
        if shape is not None and len(shape) - 1 < cls.least_rank:
            from convcalc.language.hints.layers import confused, flattening

            failed = True
            self._stop_at()
            needs = "needs an input with spatial axes, not the"
            message = f"{cls.kind} {needs} {shape[0]} features that enter"
            likely = flattening(self.nodes, entering.node if entering else None)
            facts: Sequence[Fact] = (likely,) if likely else confused(cls.kind)
            if len(shape) > 1:
                wrong = cls.wrong_rank(shape)
                message, facts = wrong.message, wrong.facts
            self.evaluator.refuse(
                Problem(
                    "wrong-rank",
                    message,
                    span,
                    (*self._entering((entering,)), *facts),
                    frame.calls,
                    Subject(layer=path),
                )
            )
        if not failed and shape is not None:
            try:
                return cls.read(values, len(shape) - 1), constant
            except RuleError as error:
                self.evaluator.failing(error)  # reported below, with all others of this layer
        for text, value in values.items():
            self._check(cls, text, value, arguments[text], shape, path, frame)
        return None, False

    def _named(self, node: YamlNode, what: str, frame: Frame) -> Node:
        """The layer that an argument names; raises Refusal or UnknownSizeError."""
        flow = frame.lookup(reference(node, what))
        if flow.node is None:
            raise UnknownSizeError
        return self.nodes[flow.node]

    def beside(
        self, cls: type[Layer], arguments: Mapping[str, Argument], frame: Frame
    ) -> list[Flow]:
        """What a layer takes from the maxpool that it names: the places, and what entered there."""
        found: list[int] = []
        for text, declared in cls.fields.items():
            if declared.type.reference:
                pool = frame.lookup(reference(arguments[text].node, text)).node
                if pool is not None:
                    found += [self.builder.places(pool), *self.nodes[pool].inputs]
        return [Flow(index, self.nodes[index].shape) for index in found]

    def _check(
        self,
        cls: type[Layer],
        text: str,
        value: Any,
        argument: Argument,
        shape: Shape | None,
        path: str,
        frame: Frame,
    ) -> None:
        """Records what is wrong with one argument's value."""
        from convcalc.language.hints.layers import (  # only a mistake needs them
            confused,
            refused_value,
        )

        rank = len(shape) - 1 - cls.time_axes if shape is not None else 0
        field_type = cls.fields[text].type
        if field_type.per_axis and not rank and isinstance(value, list):
            return  # how long a list must be depends on the rank, which is not known
        try:
            cls.fields[text].read(value, rank)
        except RuleError as error:
            meant = refused_value(value, field_type)
            facts = (meant,) if meant is not None else error.facts
            if cls.time_axes and error.code == "wrong-rank":
                facts = (*facts, Rule("the input's first axis is time and has no entry"))
            if meant is None and text == next(iter(cls.fields)):
                facts = (*facts, *confused(cls.kind, value))
            message = error.message
            if isinstance(value, LayerReference):
                message = f"{text} must be {field_type.text}, not the layer '{value.name}'"
            elif isinstance(value, list) and set(field_type.words) & _words_in(value):
                message = f"{text} takes a word alone, for all axes, not in a list"
                facts = ()
            subject = Subject(layer=path, argument=text)
            self.evaluator.refuse(
                Problem(error.code, message, argument.node.span, facts, frame.calls, subject)
            )

    def add(
        self,
        layer: Layer,
        path: str,
        unit: str,
        flows: Sequence[Flow | None],
        span: Span,
        given: dict[str, Argument],
        frame: Frame,
        *,
        branches: Sequence[str] = (),
        follows: Span | None = None,
    ) -> Flow:
        """Appends a node; its value.

        branches  of a join, the names of what it reads
        follows   where the layer is written whose norm or activation in `defaults` this one is
        """
        shapes: list[Shape] = []
        inputs: list[int] = []
        for flow in flows:
            if flow is None or flow.node is None or flow.shape is None:
                return UNKNOWN
            shapes.append(flow.shape)
            inputs.append(flow.node)
        # A long path, and many inputs, cost more than a layer itself.
        self.evaluator.spend(5 + 10 * max(len(inputs) - 1, 0) + len(path) // 20, span)
        if len(self.nodes) >= self.evaluator.max_layers:
            self.evaluator.too_many_layers(span, len(self.nodes) + 1, frame.calls)
        try:
            index = self.builder.add(
                layer, inputs, path=path, unit=unit, span=span, calls=frame.calls
            )
        except RuleError as error:
            self.evaluator.failing(error)
            blamed = given.get(error.field)
            place = written = blamed.node.span if blamed else span
            shown = self._branches(branches, flows) if branches else self._entering(flows)
            if follows is not None or (blamed is not None and blamed.default):
                place = follows or span
                shown = (*shown, Related(Reason.DEFAULT, written))
            from convcalc.language.hints.layers import confused  # only a mistake needs it

            problem = error.at(place, Subject(layer=path), shown, frame.calls)
            if error.field == next(iter(layer.fields), ""):
                problem = problem._replace(facts=(*problem.facts, *confused(layer.kind)))
            self._stop_at()
            likely = self._likely(error.code, layer, inputs)
            if likely is not None:
                problem = problem._replace(facts=(*without_help(problem.facts), likely))
            self.evaluator.refuse(problem)
            return UNKNOWN
        return Flow(index, self.nodes[index].shape)

    def _stop_at(self) -> None:
        """Remembers how far the network could be read."""
        if self.reached is None:
            self.reached = len(self.nodes)

    def _likely(self, code: str, layer: Layer, inputs: Sequence[int]) -> Fact | None:
        """What is likely wrong where shapes do not fit a layer; None where that is not known."""
        from convcalc.language.hints import layers as hints  # only a mistake needs it

        if code == "window-too-large":
            return hints.channels_last(self.nodes[inputs[0]].shape, self._inputs())
        if code == "heads-mismatch":
            return hints.tokens_first(layer.argument("heads"), self._inputs())
        if code == "join-mismatch":
            flattened = hints.flattened(self.nodes, inputs)
            return flattened or hints.token_beside(layer, [self.nodes[index] for index in inputs])
        return None

    def _entering(self, flows: Sequence[Flow | None]) -> tuple[Fact, ...]:
        """What enters a layer, and where it comes from."""
        return tuple([Entering((self.origin(flow),)) for flow in flows if flow is not None])

    def _branches(self, names: Sequence[str], flows: Sequence[Flow | None]) -> tuple[Fact, ...]:
        """The branches of a join; of many, the first of each shape."""
        found = [(name, flow) for name, flow in zip(names, flows, strict=True) if flow is not None]
        shown = found
        if len(found) > MOST_LISTED:
            first: dict[Shape | None, tuple[str, Flow]] = {}
            for name, flow in found:
                first.setdefault(flow.shape, (name, flow))
            shown = [*first.values()][:MOST_LISTED]
        more = len(found) - len(shown)
        return (
            *[Branch(name, self.origin(flow)) for name, flow in shown],
            *([Note(f"and {more:,} more branches")] if more else []),
        )

    def _inputs(self) -> dict[str, Shape]:
        """The network's inputs, which stand first, by path."""
        inputs = takewhile(lambda node: node.kind == "input", self.nodes)
        return {node.path: node.shape for node in inputs}

    def origin(self, flow: Flow) -> Value:
        """A value's shape and the layer that makes it."""
        if flow.node is None or flow.shape is None:
            return Value(())
        node = self.nodes[flow.node]
        span = self._written(flow.node).span
        elsewhere = span is not None and span.source is not self._source
        return Value(tuple(flow.shape), node.path, node.kind == "input", span, elsewhere)

    def _written(self, number: int) -> Node:
        """The operation whose line is its layer's: a norm or activation may stand in `defaults`."""
        node = self.nodes[number]
        for index in range(number, -1, -1):
            earlier = self.nodes[index]
            if earlier.unit != node.unit:
                break
            if earlier.path == node.unit:
                return earlier
        return node

    def input_help(self, group: Group) -> str:
        """What to write in a group where no value enters."""
        if group.last:
            results = group.results_of(group.last)
            return f"'{group.last}' has several outputs: {results}" if results else ""
        names = listed([node.path for node in self.nodes if node.kind == "input"])
        return f"with several inputs ({names}) the first layer says 'from'"

    def fuse(self, fused: list[Argument], flow: Flow, unit: str, frame: Frame, span: Span) -> Flow:
        """Adds what is fused to the layer at `span`, in this order; the value of the last."""
        for argument in fused:
            role = argument.key.text
            try:
                follows = span if argument.default else None
                flow = self._fused(role, argument.node, flow, unit, frame, follows)
            except Refusal as error:
                self.evaluator.refused(error, frame, unit)
                flow = UNKNOWN
            except UnknownSizeError:
                flow = UNKNOWN
        return flow

    def _fused(
        self,
        role: str,
        node: YamlNode,
        flow: Flow,
        unit: str,
        frame: Frame,
        follows: Span | None,
    ) -> Flow:
        given: dict[str, Argument] = {}
        if isinstance(node, MapNode):
            item = read_item(node, frame.file.document, frame.args)
            kind = item.head
            if kind not in KINDS and isinstance(frame.args.get(kind), str):
                kind = frame.args[kind]
            for common in (item.name, item.repeat, item.first, item.when, item.from_, item.share):
                if common is not None:
                    raise refusal("bad-value", f"{role} takes no common keys", common.span)
            if kind in frame.args and frame.args[kind] is None:
                raise UnknownSizeError
            if kind not in _kinds_of(role):
                raise _not_a(role, kind, item.span)
            given, wrong = self.arguments(item, None, kind, list(layer_class(kind).fields))
            if wrong is not None:
                raise wrong
        else:
            kind = self._fused_kind(role, node, flow, frame)
            if kind == "none":
                return flow
        cls = layer_class(kind)
        layer, _ = self.make(cls, given, node.span, f"{unit}.{kind}", flow, frame)
        if layer is None:
            return UNKNOWN
        return self.add(
            layer, f"{unit}.{kind}", unit, (flow,), node.span, given, frame, follows=follows
        )

    def _fused_kind(self, role: str, node: YamlNode, flow: Flow, frame: Frame) -> str:
        """The kind that a word under `norm` or `activation` means, or "none"."""
        if is_empty(node):
            raise refusal("missing-value", f"the value of '{role}' is missing", node.span)
        words = _role_words(role)
        word = self.evaluator.evaluate(node, scope_of(frame, flow), words)
        if isinstance(word, str) and word in words:
            return NORM_WORDS.get(word, word)
        raise _not_a(role, word, node.span)


def given_twice(name: str, again: YamlNode, first: YamlNode) -> Refusal:
    """The refusal of an argument that is written in two places."""
    if (first.line, first.column) > (again.line, again.column):
        first, again = again, first
    place = Related(Reason.FIRST, first.span)
    message = f"the argument '{name}' is given twice"
    return refusal("duplicate-key", message, again.span, "", (place,))


def _missing(
    cls: type[Layer], names: list[str], span: Span, arguments: Mapping[str, Argument]
) -> Refusal:
    """The refusal of a layer without some of its required arguments."""
    from convcalc.language.hints.layers import missing_arguments  # only a mistake needs it
    from convcalc.language.reading.flow import flow_text

    needed = " and ".join([f"'{name}' ({cls.fields[name].doc})" for name in names])
    written = {
        name: flow_text(argument.node)
        for name, argument in arguments.items()
        if not argument.default
    }
    help_text = missing_arguments(cls.kind, written)
    return refusal("missing-argument", f"{cls.kind} needs {needed}", span, help_text)


def _words_in(values: list[Any]) -> set[str]:
    return {value for value in values if isinstance(value, str)}


def _kinds_of(role: str) -> list[str]:
    return [kind for kind in KINDS if layer_class(kind).role == role]


def _role_words(role: str) -> list[str]:
    """The words that `norm` or `activation` takes."""
    if role == "norm":
        return ["none", *NORM_WORDS]
    return ["none", *[kind for kind, home in KINDS.items() if home[0] == "activation"]]


def _not_a(role: str, value: object, span: Span) -> Refusal:
    """The refusal of a value under `norm` or `activation` that is none."""
    from convcalc.language.hints.layers import refused_follower  # only a mistake needs it

    words = _role_words(role)
    shown = value_text(getattr(value, "name", value))
    what = "an activation such as relu"
    if role == "norm":
        what = f"one of {', '.join(words)}, or a mapping such as {{groupnorm: 8}}"
    help_text = refused_follower(role, value, words) if isinstance(value, str) else ""
    return refusal("bad-value", f"{role} must be {what}, not {shown}", span, help_text)
