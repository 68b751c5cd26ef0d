"""Making layers of their written arguments, and the norm and activation fused behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.diagnostics import Problem, RuleError, Span, did_you_mean, printable
from convcalc.graph import Node, result_shape
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.base import Layer
from convcalc.layers.fields import value_text
from convcalc.shapes import Shape, tuple_text, with_batch
from convcalc.spec.document import Document
from convcalc.spec.evaluation import MOST_LAYERS, Evaluator, Frame
from convcalc.spec.expressions import UnknownSizeError
from convcalc.spec.foreign import foreign_word
from convcalc.spec.groups import UNKNOWN, Flow
from convcalc.spec.items import Argument, Item, Refusal, check_arguments, is_empty, read_item
from convcalc.spec.reader import MapNode, ScalarNode, YamlNode


class LayerMaker:
    """Appends nodes: one for a layer, one for each that is fused behind it."""

    def __init__(self, document: Document, evaluator: Evaluator) -> None:
        self.document = document
        self.evaluator = evaluator
        self.nodes: list[Node] = []

    def arguments(
        self, item: Item, first: MapNode | None, target: str, names: list[str]
    ) -> dict[str, Argument]:
        """The arguments as written: beside the kind, in its mapping, and of the first copy."""
        check_arguments(item, target, names, item.arguments)
        given = dict(item.arguments)
        value = item.value
        if isinstance(value, MapNode):
            check_arguments(item, target, names, value.entries)
            for text, (key, node) in value.entries.items():
                if text in given:
                    raise Refusal(
                        "duplicate-key",
                        f"the argument '{text}' is given twice",
                        given[text].key.span,
                        "",
                        (("first", f"line {key.line}, column {key.column}"),),
                    )
                given[text] = Argument(key, node)
        elif value is not None and not is_empty(value):
            if not names:
                raise Refusal("bad-value", f"{target} takes no argument", value.span)
            if names[0] in given:
                raise Refusal(
                    "duplicate-key",
                    f"the argument '{names[0]}' is given twice: it is the value of '{item.head}'",
                    given[names[0]].key.span,
                )
            if isinstance(item.key, ScalarNode):
                given[names[0]] = Argument(item.key, value)
        if item.first is not None:
            check_arguments(item, target, names, item.first.entries)
        if first is not None:
            for text, (key, node) in first.entries.items():
                given[text] = Argument(key, node)
        return given

    def find_followers(self, kind: str, followers: dict[str, Argument | None]) -> None:
        """Puts in the norm and activation of `defaults` where the layer does not say."""
        defaults = self.document.defaults.get(kind)
        if defaults:
            for key, written in followers.items():
                if written is None and key in defaults:
                    followers[key] = Argument(*defaults[key])

    def make(
        self,
        cls: type[Layer],
        given: dict[str, Argument],
        span: Span,
        path: str,
        flow: Flow | None,
        frame: Frame,
    ) -> tuple[Layer | None, bool]:
        """A layer of these arguments and whether it is the same in every copy.

        None where a mistake was found or the input's shape is not known; every argument is looked
        at all the same.
        """
        shape = flow.shape if flow else None
        scope = self.evaluator.scope(frame, flow)
        arguments = given
        defaults = self.document.defaults.get(cls.kind)
        if defaults:
            for text, entry in defaults.items():
                if text in cls.fields and text not in arguments:
                    arguments[text] = Argument(*entry)
        values: dict[str, Any] = {}
        failed = shape is None
        constant = True
        for text, argument in arguments.items():
            try:
                if is_empty(argument.node):
                    raise Refusal(
                        "missing-value", f"the value of '{text}' is missing", argument.key.span
                    )
                values[text] = self.evaluator.evaluate(argument.node, scope)
                constant = constant and self.evaluator.constant(argument.node)
                if shape is None and not isinstance(values[text], list):
                    # Lists depend on the rank, which is not known.
                    cls.fields[text].type.read(values[text], 2)
            except UnknownSizeError:
                failed = True
            except Refusal as refusal:
                failed = True
                self.evaluator.refused(refusal, frame, path)
            except RuleError as error:
                failed = True
                self._broken(error, text, argument, path, frame)
        for text, declared in cls.fields.items():
            if declared.required and text not in arguments:
                failed = True
                self.evaluator.refused(
                    Refusal("missing-argument", f"{cls.kind} needs '{text}': {declared.doc}", span),
                    frame,
                    path,
                )
        if failed or shape is None:
            return None, False
        if len(shape) - 1 < cls.least_rank:
            self.evaluator.refuse(
                Problem(
                    "wrong-rank",
                    f"{path}: {cls.kind} needs an input with spatial axes,"
                    f" not the {shape[0]} features that enter",
                    span,
                    self._entering((flow,)),
                    frame.calls,
                )
            )
            return None, False
        try:
            return cls.read(values, len(shape) - 1), constant
        except RuleError as error:
            text = error.field
            named = arguments.get(text)
            message = error.message.removeprefix(f"{text} ")
            plain = RuleError(error.code, message, text, error.facts)
            if named is not None:
                self._broken(plain, text, named, path, frame)
            return None, False

    def _broken(
        self, error: RuleError, text: str, argument: Argument, path: str, frame: Frame
    ) -> None:
        facts = error.facts
        value = argument.node
        if isinstance(value, ScalarNode):
            ours = foreign_word(value.text.strip())
            if ours:
                facts = (("help", f"it is called '{ours}' here"),)
        if value.source is not argument.key.source:
            value = argument.key
        self.evaluator.refuse(
            Problem(error.code, f"{path}: {text} {error.message}", value.span, facts, frame.calls)
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
        facts: tuple[tuple[str, str], ...] | None = None,
    ) -> Flow:
        """Appends a node; its value."""
        shapes: list[Shape] = []
        inputs: list[int] = []
        for flow in flows:
            if flow is None or flow.node is None or flow.shape is None:
                return UNKNOWN
            shapes.append(flow.shape)
            inputs.append(flow.node)
        try:
            shape = result_shape(layer, shapes)
        except RuleError as error:
            blamed = given.get(error.field)
            place = blamed.node.span if blamed else span
            if blamed is None and error.field and layer.kind in given:
                place = given[layer.kind].node.span
            shown = self._entering(flows) if facts is None else facts
            self.evaluator.refuse(
                Problem(
                    error.code,
                    f"{path}: {error.message}",
                    place,
                    (*shown, *error.facts),
                    frame.calls,
                )
            )
            return UNKNOWN
        if len(self.nodes) >= MOST_LAYERS:
            self.evaluator.too_many_layers(span, len(self.nodes) + 1, frame)
        self.nodes.append(Node(path, unit, layer, tuple(inputs), shape, span, frame.calls))
        return Flow(len(self.nodes) - 1, shape)

    def _entering(self, flows: Sequence[Flow | None]) -> tuple[tuple[str, str], ...]:
        """What enters a layer, and where it comes from, for a message."""
        return tuple([("input", self.origin(flow)) for flow in flows if flow is not None])

    def origin(self, flow: Flow) -> str:
        """A value's shape and the layer that makes it."""
        if flow.node is None or flow.shape is None:
            return "unknown"
        node = self.nodes[flow.node]
        text = tuple_text(with_batch(flow.shape, 1))
        if node.kind == "input":
            return f"{text}, the network's input"
        line = f" at line {node.span.line}" if node.span else ""
        return f"{text}, from {node.path}{line}"

    def follow(self, fused: list[Argument], flow: Flow, unit: str, frame: Frame) -> Flow:
        for argument in fused:
            role = argument.key.text
            try:
                flow = self._follower(role, argument.node, flow, unit, frame)
            except Refusal as refusal:
                self.evaluator.refused(refusal, frame, unit)
                flow = UNKNOWN
            except UnknownSizeError:
                flow = UNKNOWN
        return flow

    def _follower(self, role: str, node: YamlNode, flow: Flow, unit: str, frame: Frame) -> Flow:
        given: dict[str, Argument] = {}
        if isinstance(node, MapNode):
            item = read_item(node, self.document, frame.args)
            kind = item.head
            if kind not in KINDS and isinstance(frame.args.get(kind), str):
                kind = frame.args[kind]
            for common in (item.name, item.repeat, item.first, item.when, item.from_, item.share):
                if common is not None:
                    raise Refusal("bad-value", f"{role} takes no common keys", common.span)
            self._check_role(role, kind, item.span)
            given = self.arguments(item, None, kind, list(layer_class(kind).fields))
        else:
            if is_empty(node):
                raise Refusal("missing-value", f"the value of '{role}' is missing", node.span)
            word = self.evaluator.evaluate(node, self.evaluator.scope(frame, flow))
            if word == "none":
                return flow
            if not isinstance(word, str):
                raise Refusal(
                    "bad-value", f"{role} takes a word, not {value_text(word)}", node.span
                )
            kind = NORM_WORDS.get(word, word) if role == "norm" else word
            if role == "norm" and word == kind:
                short = [key for key, value in NORM_WORDS.items() if value == word]
                help_text = f"write '{short[0]}'" if short else ""
                if not short and word in KINDS and layer_class(word).role == "norm":
                    help_text = f"write {{{word}: ...}}"
                raise self._not_a(role, word, node.span, help_text)
            self._check_role(role, kind, node.span)
        cls = layer_class(kind)
        layer, _ = self.make(cls, given, node.span, f"{unit}.{kind}", flow, frame)
        if layer is None:
            return UNKNOWN
        return self.add(layer, f"{unit}.{kind}", unit, (flow,), node.span, given, frame)

    def _check_role(self, role: str, kind: str, span: Span) -> None:
        if kind not in KINDS or layer_class(kind).role != role:
            raise self._not_a(role, kind, span)

    def _not_a(self, role: str, word: str, span: Span, help_text: str = "") -> Refusal:
        if role == "norm":
            good = ["none", *NORM_WORDS]
        else:
            good = ["none", *[k for k, home in KINDS.items() if home[0] == "activation"]]
        ours = foreign_word(word)
        help_text = help_text or (f"it is called '{ours}' here" if ours in good else "")
        return Refusal(
            "bad-value",
            f"'{printable(word)}' is no {'normalisation' if role == 'norm' else 'activation'}",
            span,
            help_text or did_you_mean(word, good),
        )
