"""A spec in segments: the layers of its top, read a few at a time for what enters them.

Between two segments exactly one value is alive: the last layer's, which enters the next. So the
costs of a network are the sums of its segments', and what is alive at a step is alive in its
segment. Layers that name others are in one segment with these; a network with several inputs, and
what `outputs` names, is one segment to its end.

Segments are read strictly, for numbers that may be unknown: the first mistake ends the reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from convcalc.gc_pause import gc_paused
from convcalc.graph import GraphBuilder, Network
from convcalc.language.building.arguments import read_args
from convcalc.language.building.elaboration import Elaborator
from convcalc.language.building.evaluation import STEPS, Evaluator
from convcalc.language.building.groups import Flow, Group
from convcalc.language.building.inputs import InputReader, InputSizes
from convcalc.language.building.outputs import find_unused, read_outputs
from convcalc.language.keys import GROUP
from convcalc.language.reading.document import Document
from convcalc.language.reading.expressions import Expression, Scope, UnknownSizeError
from convcalc.language.reading.items import Item
from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers import KINDS, layer_class
from convcalc.layers.fields import value_text
from convcalc.problems import Problem, RuleError
from convcalc.shapes import Shape

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAME = re.compile(r"[\w-]+\*?", re.ASCII)
_NUMBER = re.compile(r"\d+\Z", re.ASCII)


#: The code of what a condition of a space excludes.
EXCLUDED = "excluded"


class Refused(Exception):
    """Raised at the first mistake; `code` is what is wrong."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Unreadable(Exception):
    """Raised where a segment cannot be read alone, or has no value."""


class _Strict(Evaluator):
    """Ends the reading at the first mistake, before it is put into words."""

    def failing(self, error: RuleError) -> None:
        if not self.trials:
            raise Refused(error.code)

    def _record(self, problem: Problem) -> None:
        raise Refused(problem.code)


class Effort:
    """What reading segments took so far, in layers."""

    def __init__(self) -> None:
        self.layers = 0


class Segment(NamedTuple):
    """Layers that follow one another, and the arguments of the file that they may use."""

    items: tuple[YamlNode, ...]
    args: frozenset[str]


class Segments:
    """The segments of a spec.

    parts   in order
    inputs  the names of the network's inputs
    effort  what reading them took so far, also as one segment
    """

    def __init__(
        self,
        document: Document,
        expressions: dict[str, Expression],
        items: dict[int, Item],
        max_layers: int,
    ) -> None:
        self._document = document
        self._expressions = expressions
        self._items = items
        self._max_layers = max_layers
        self.effort = Effort()
        written = document.keys["input"][1]
        self.inputs = list(written.entries) if isinstance(written, MapNode) else ["input"]
        layers = document.keys["layers"][1]
        self._layers = tuple(layers.items) if isinstance(layers, ListNode) else ()
        ends = _ends(document, self._layers, self.inputs)
        starts = [0, *ends[:-1]]
        self.parts = tuple([self._part(a, b) for a, b in zip(starts, ends, strict=True)])

    def joined(self) -> Segments:
        """The same network as one segment."""
        whole = object.__new__(Segments)
        whole.__dict__.update(self.__dict__)
        whole.parts = (self._part(0, len(self._layers)),)
        return whole

    def _part(self, start: int, end: int) -> Segment:
        document = self._document
        nodes = [*self._layers[start:end]]
        if end == len(self._layers) and "outputs" in document.keys:
            nodes.append(document.keys["outputs"][1])
        words = _all_words(nodes, document)
        return Segment(self._layers[start:end], frozenset(words & document.args.keys()))

    def shapes(
        self,
        args: Mapping[str, object],
        sizes: InputSizes | None,
        conditions: tuple[Sequence[Expression], Mapping[str, Any]] = ((), {}),
    ) -> dict[str, Shape]:
        """The shapes of the network's inputs; reads every argument.

        sizes       as `Spec.network` takes them
        conditions  that arguments fulfil, and names in them that are no arguments

        Raises Refused at the first mistake, with the code EXCLUDED where a condition is false;
        RuleError where a condition has no value; ConvcalcError for a mistake in `sizes`.
        """
        evaluator = _Strict(self._document, self._expressions, self._max_layers)
        builder = GraphBuilder()
        read_args(self._document, evaluator, args)
        expressions, names = conditions
        known = {**evaluator.file.args, **names}
        for condition in expressions:
            try:
                holds = condition.evaluate(Scope(known, self._document.words, entering=False))
            except UnknownSizeError:
                raise RuleError("unknown-name", "a name in it has no value") from None
            if not isinstance(holds, bool):
                raise RuleError("bad-value", f"it is true or false, not {value_text(holds)}")
            if not holds:
                raise Refused(EXCLUDED)
        self._read_inputs(evaluator, builder, sizes, Group("", None))
        return {node.path: node.shape for node in builder.nodes}

    def _read_inputs(
        self, evaluator: Evaluator, builder: GraphBuilder, sizes: InputSizes | None, top: Group
    ) -> Flow | None:
        keys = self._document.keys
        layout = keys["layout"][1] if "layout" in keys else None
        return InputReader(evaluator, builder, sizes, layout).read(keys["input"][1], top)

    @gc_paused()
    def network(
        self, part: Segment, args: Mapping[str, object], entering: Mapping[str, Shape]
    ) -> tuple[Network, int]:
        """The network of a segment for what enters it, and the steps that reading it took.

        entering  the shapes of the inputs by name; of a later segment what the one before makes

        Raises Refused at the first mistake, Unreadable where the segment needs others.
        """
        evaluator = _Strict(self._document, self._expressions, self._max_layers)
        builder = GraphBuilder()
        try:
            return self._network(part, args, entering, evaluator, builder), evaluator.steps
        finally:
            self.effort.layers += max(len(builder.nodes), evaluator.steps // STEPS, 1)

    def _network(
        self,
        part: Segment,
        args: Mapping[str, object],
        entering: Mapping[str, Shape],
        evaluator: Evaluator,
        builder: GraphBuilder,
    ) -> Network:
        read_args(self._document, evaluator, args, only=part.args)
        elaborator = Elaborator(evaluator, builder, self._items)
        top = Group("", None)
        for name, shape in entering.items():
            top.values[name] = Flow(builder.input(name, shape), shape)
        flow = next(iter(top.values.values())) if len(top.values) == 1 else None
        frame = evaluator.file_frame(top)
        written = self._document.keys["layers"][1]
        layers = ListNode(written.source, written.line, written.column, written.width)
        layers.items = list(part.items)
        value = elaborator.sequence(layers, flow, frame)
        found: dict[str, Flow | None] = {"value": value}
        is_last = bool(self._layers) and part.items[-1] is self._layers[-1]
        if is_last and "outputs" in self._document.keys:
            found = {**read_outputs(self._document.keys["outputs"][1], evaluator, frame)}
        outputs = {}
        for name, flow in found.items():
            if flow is None or flow.node is None:
                raise Unreadable
            outputs[name] = flow.node
        unused, without_use, removed = find_unused(builder.nodes, outputs, elaborator.uses)
        if unused or without_use:
            raise Refused("unused-value")
        if removed:
            numbers = builder.remove(removed)
            outputs = {name: numbers[number] for name, number in outputs.items()}
        return Network("segment", *builder.in_order(outputs))


def _ends(document: Document, layers: Sequence[YamlNode], inputs: Sequence[str]) -> list[int]:
    """Where segments end, each as the number of layers before it."""
    count = len(layers)
    if len(inputs) != 1:
        return [count]
    joined = [False] * count  # with the layer after it
    makes: dict[str, int] = {inputs[0]: 0}
    for number, item in enumerate(layers):
        names = _names_used([item], document)
        if number == count - 1 and "outputs" in document.keys:
            names |= _names_used([document.keys["outputs"][1]], document)
        first = min([makes[name] for name in names if name in makes], default=number)
        own = _made(item, document)
        if own is None:
            return [count]
        for place in range(first, number):
            joined[place] = True
        for name in own:
            makes.setdefault(name, number)
    return [place + 1 for place in range(count) if not joined[place]]


def _made(item: YamlNode, document: Document) -> list[str] | None:
    """The names that a layer may have; `conv#` stands for any number. None if that is not known."""
    if isinstance(item, MapNode) and "name" in item.entries:
        node = item.entries["name"][1]
        name = node.text.strip() if isinstance(node, ScalarNode) else ""
        numbered = _NUMBER.sub("", name)
        return [name, f"{numbered}#", f"{name}#"]
    words = list(item.entries) if isinstance(item, MapNode) else []
    if isinstance(item, ScalarNode):
        words = [item.text.strip()]
    for word in words:
        if word in document.blocks or word == GROUP:
            return [f"{word}#"]
        if word in KINDS:
            return [f"{layer_class(word).prefix}#"]
    return None  # the kind is what an argument holds


def _names_used(nodes: Iterable[YamlNode], document: Document) -> set[str]:
    """The names of layers that nodes, and the arguments in them, may mention."""
    found: set[str] = set()
    args: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        for text in _texts(node):
            for name in _NAME.findall(text):
                found.add(name)
                found.add(f"{_NUMBER.sub('', name.rstrip('*'))}#" if name[-1:] in _ENDS else name)
            for word in _WORD.findall(text):
                found.add(word)
                if _NUMBER.search(word):
                    found.add(f"{_NUMBER.sub('', word)}#")
                if word in document.args and word not in args:
                    args.add(word)
                    waiting.append(document.args[word][1])
    return found


#: How the name of a copy ends, or that of all copies.
_ENDS = "0123456789*"


def _all_words(nodes: Iterable[YamlNode], document: Document) -> set[str]:
    """The words that nodes mention, with those of blocks, defaults and arguments in them."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        for text in _texts(node):
            for word in _WORD.findall(text):
                if word in found:
                    continue
                found.add(word)
                if word in document.blocks:
                    block = document.blocks[word]
                    waiting.append(block.key)
                    if isinstance(block.body, YamlNode):
                        waiting.append(block.body)
                if word in document.args:
                    waiting.append(document.args[word][1])
                waiting += [value for _, value in document.defaults.get(word, {}).values()]
    return found


def _texts(node: YamlNode) -> Iterator[str]:
    """The keys and scalars of a node."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, ScalarNode):
            yield found.text
        elif isinstance(found, ListNode):
            waiting += found.items
        elif isinstance(found, MapNode):
            for key, value in found.entries.values():
                waiting += [key, value]
