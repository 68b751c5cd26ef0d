"""A spec that was read, and the networks that its arguments make of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from convcalc import given
from convcalc.gc_pause import gc_paused
from convcalc.graph import GraphBuilder, Network
from convcalc.language.building.arguments import read_args, value_text
from convcalc.language.building.elaboration import Elaborator
from convcalc.language.building.evaluation import (
    MOST_LAYERS,
    STEPS,
    Evaluator,
    Frame,
    TooMany,
)
from convcalc.language.building.expectations import Expectation, read_expectations
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.building.inputs import InputReader, InputShapes
from convcalc.language.building.outputs import Use, find_unused, read_outputs
from convcalc.language.building.size import bound_layers
from convcalc.language.keys import kind_arguments
from convcalc.language.reading.document import NAME, Document, Replaced
from convcalc.language.reading.expressions import Expression, Scope, parse
from convcalc.language.reading.files import Exists, Opener, read_document
from convcalc.language.reading.items import Item, Refusal, check_arguments
from convcalc.language.reading.nodes import MOST_PROBLEMS, ListNode, ScalarNode, YamlNode
from convcalc.problems import (
    ConvcalcError,
    Fact,
    Help,
    Note,
    Problem,
    Reason,
    Related,
    RuleError,
    Source,
    Span,
    printable,
)
from convcalc.shapes import Shape

if TYPE_CHECKING:
    from convcalc.language.building.segments import Segments
    from convcalc.language.reading.limits import Limit

#: What to do with a value that nothing uses.
_USE_IT = "take it by 'from', or name it in 'outputs'"
#: What to call a network that layers are built on, the first that is free.
_TRUNKS = ("trunk", "backbone", "base", "network")
#: Characters and layers of a file that is read for a note on it.
_LONGEST_TRUNK = 100_000
_LARGEST_TRUNK = 3_000
#: Characters of a file whose reading takes as long as making and analysing a layer.
_CHARACTERS = 100


class NetworkError(ConvcalcError):
    """A network with mistakes.

    network  what could be read of it, as in a `Reading`
    reached  how many of its nodes were made before the first layer that its inputs do not fit;
             0 where the mistakes are of another sort
    variant  what was asked for
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        network: Network | None,
        reached: int = 0,
        variant: Variant | None = None,
    ) -> None:
        super().__init__(problems)
        self.network = network
        self.reached = reached
        self.variant = variant


class Variant(NamedTuple):
    """A network of a spec: the arguments and the input that are not the file's."""

    spec: Spec
    args: Mapping[str, object]
    input: InputShapes | None


class Reading(NamedTuple):
    """What could be read of a network, and what is wrong with it.

    network   all layers up to the mistakes, and beyond them those that do not depend on one; the
              whole network where there is no problem, and None where the spec itself is unreadable
    problems  the mistakes, in the order in which they are written
    """

    network: Network | None
    problems: tuple[Problem, ...]


class Spec:
    """A spec file that was read, with all that it extends; it makes networks of its arguments.

    name          of the network: the file's `name`, or the name of the file
    source        the text that was read
    bases         the files that it extends, and where each is named
    expectations  the facts that it states about itself, as it is: `expect`
    budget        the limits that it sets itself
    tags          the words that it is found by
    problems      what is wrong with the parts that no argument changes
    effort        what reading it and making its networks took so far, in layers

    A file is read once, however many networks are made of it.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._expressions: dict[str, Expression] = {}
        self._items: dict[int, Item] = {}
        self.effort = self._passing = document.characters // _CHARACTERS
        evaluator = Evaluator(document, self._expressions)
        self._args: dict[str, Any] = evaluator.file.args
        self.name = os.path.splitext(os.path.basename(document.source.path))[0] or "network"
        self.expectations: tuple[Expectation, ...] = ()
        self.budget: tuple[Limit, ...] = ()
        self.tags: tuple[str, ...] = ()
        #: Problems of the arguments as the file has them, and those of what no argument changes.
        self._args_problems: list[Problem] = []
        self._own_problems: list[Problem] = []
        try:
            read_args(document, evaluator, {})
            self._args_problems = evaluator.problems[len(document.problems) :]
            self._read_own(evaluator)
        except TooMany:
            pass
        noted = len(document.problems) + len(self._args_problems)
        self._own_problems = evaluator.problems[noted:]

    def __repr__(self) -> str:
        args = "".join([f" {name}={value_text(value)}" for name, value in self._args.items()])
        return f"<Spec {self.name} of {self.source.name}:{args or ' no arguments'}>"

    @property
    def source(self) -> Source:
        """The text that was read."""
        return self._document.source

    @property
    def bases(self) -> Mapping[Source, Span]:
        """The files that it extends, and where each is named."""
        return self._document.bases

    @property
    def args(self) -> dict[str, Any]:
        """The arguments with their defaults; None where a default is wrong."""
        return dict(self._args)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong before any layer is read."""
        return self._sorted([*self._document.problems, *self._args_problems, *self._own_problems])

    def network(
        self,
        args: Mapping[str, object] | None = None,
        input: InputShapes | None = None,
        *,
        max_layers: int = MOST_LAYERS,
    ) -> Network:
        """The network that these arguments and this input make.

        args        override the file's arguments, as `--set` does: {"width": "0.5"} or {"width": 2}
        input       overrides the input's sizes, without the batch axis: [3, 96, 96]; or those of
                    some of several inputs, by name
        max_layers  the most layers that the network may have, as `--max-layers` sets it

        Raises ConvcalcError: status 1 where the spec is wrong, 2 where an override is.

        >>> import convcalc
        >>> spec = convcalc.spec("mobilenet_v2")
        >>> convcalc.analyze(spec.network({"width": "0.5"}, [3, 96, 96])).totals.macs
        18885440
        """
        (network, problems), reached = self._read(args, input, max_layers)
        if problems or network is None:
            raise NetworkError(problems, network, reached, Variant(self, args or {}, input))
        return network

    def read(
        self,
        args: Mapping[str, object] | None = None,
        input: InputShapes | None = None,
        *,
        max_layers: int = MOST_LAYERS,
    ) -> Reading:
        """The network as far as it can be read, and every mistake.

        The arguments are those of `network`. Raises ConvcalcError with status 2 where an override
        cannot be used.

        >>> import convcalc
        >>> spec = convcalc.spec("wrong.yaml", text="{input: [8], layers: [{dense: 4}, {dens: 2}]}")
        >>> network, problems = spec.read()
        >>> [node.path for node in network.nodes], [problem.code for problem in problems]
        (['input', 'dense0'], ['unknown-kind'])
        """
        return self._read(args, input, max_layers)[0]

    def segments(self, max_layers: int = MOST_LAYERS) -> Segments:
        """The network in segments, each of which is read for what enters it.

        Raises ConvcalcError where the file itself is wrong.
        """
        from convcalc.language.building.segments import Segments  # few commands explore

        given.whole("max_layers", max_layers)
        if self._document.problems or self._own_problems or self._args_problems:
            raise ConvcalcError(self.problems)
        keys = self._document.keys
        layers = keys["layers"][1] if "layers" in keys else None
        if "input" not in keys or not (isinstance(layers, ListNode) and layers.items):
            self.network()  # raises with what is wrong
        return Segments(self._document, self._expressions, self._items, max_layers)

    @gc_paused()
    def _read(
        self, args: Mapping[str, object] | None, input: InputShapes | None, max_layers: int
    ) -> tuple[Reading, int]:
        """A reading, and the nodes that were made before the first layer that does not fit."""
        args = given.mapping("args", args)
        max_layers = given.whole("max_layers", max_layers)
        builder = _NetworkBuilder(self._document, self._expressions, self._items, max_layers)
        builder.evaluator.notes += self._own_notes
        network = None
        try:
            network = builder.build(self.name, args, input, self._own_problems)
        except TooMany:
            network = builder.made(self.name, {})
        finally:
            made = len(builder.builder.nodes)
            self.effort += max(made, builder.evaluator.steps // STEPS, self._passing, 1)
        reading = Reading(network, self._sorted(builder.evaluator.problems))
        return reading, builder.elaborator.layers.reached or 0

    def changes(self, args: Mapping[str, object]) -> dict[str, Any] | None:
        """The arguments that these values change, in the file's order; None if one is refused.

        Values that say what the file says are left out. Raises ConvcalcError with status 2 where
        the file has no such argument, or a value cannot be read.
        """
        evaluator = Evaluator(self._document, self._expressions)
        changed = read_args(self._document, evaluator, args)
        return changed if not evaluator.problems else None

    def argument(self, name: str, value: object) -> Any:
        """What a value of an argument is read as: a number, a word, a list.

        Raises ConvcalcError with status 2 as `changes` does.

        >>> import convcalc
        >>> convcalc.spec("mobilenet_v2").argument("width", "0.5 + 0.25")
        Fraction(3, 4)
        """
        evaluator = Evaluator(self._document, self._expressions)
        read_args(self._document, evaluator, {given.text("name", name): value})
        return evaluator.file.args[name]

    def number(self, value: object) -> Any:
        """What a number of a variant is read as; raises RuleError where it is none.

        >>> import convcalc
        >>> convcalc.spec("lenet").number("2*16"), convcalc.spec("lenet").number(0.35)
        (32, Fraction(7, 20))
        """
        text = value if isinstance(value, str) else value_text(value)
        found = parse(text).evaluate(Scope(self._args, self._document.words, entering=False))
        if isinstance(found, bool | str | list):
            raise RuleError("bad-value", f"a number is needed, not '{printable(text)}'")
        return found

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """The axes of each input by name, channels included, as the file has them."""
        return {name: len(shape) for name, shape in self.shapes({}).items()}

    def shapes(self, args: Mapping[str, object]) -> Mapping[str, Shape]:
        """The shapes of the inputs by name; raises ConvcalcError where they are wrong."""
        from convcalc.language.building.segments import Refused  # few commands explore

        try:
            return self.segments().shapes(args, None)
        except Refused:
            return self.network(args).inputs  # raises with what is wrong

    def variant(self, args: Mapping[str, object]) -> str | None:
        """What the network with these arguments is called: "width=0.5 depths=[2, 2]".

        The file as it is has the name ""; None where a value is refused. Raises as `changes` does.
        """
        changed = self.changes(args)
        if changed is None:
            return None
        return " ".join([f"{name}={value_text(value)}" for name, value in changed.items()])

    @cached_property
    def _own_notes(self) -> list[Problem]:
        """The note that the layers replace those of the extended file and use nothing of it."""
        replaced = self._document.replaced
        if replaced is None:
            return []
        named = replaced.named
        message = f"these layers replace those of '{printable(named.text)}', and use nothing of it"
        facts = tuple([Help(text) for text in self._trunk(replaced)])
        return [Problem("layers-replaced", message, replaced.layers.span, facts)]

    def _trunk(self, replaced: Replaced) -> list[str]:
        """What to write so that layers follow those of the file that they replace."""
        if replaced.length > _LONGEST_TRUNK:
            return []
        try:
            spec = Spec(replaced.read())
            if len(spec.network(max_layers=_LARGEST_TRUNK).inputs) > 1:
                return []  # it cannot be a block
            last = _last_map(spec.network(max_layers=_LARGEST_TRUNK))
        except ConvcalcError:
            return []
        document = self._document
        taken = {**document.words, **document.args}
        name = next((word for word in _TRUNKS if word not in taken), "")
        text = replaced.named.text
        if not name or not re.match(r"[\w./-]+\Z", text):
            return []
        block = f"'blocks: {{{name}: {text}}}'"
        if "blocks" in document.keys:
            block = f"'{name}: {text}' to 'blocks'"
        calls = f"'- {{{name}: , name: {name}}}' and '- {{identity: , from: {name}.{last}}}'"
        return [f"to build on its layers instead, add {block}", f"and begin 'layers' with {calls}"]

    def _read_own(self, evaluator: Evaluator) -> None:
        """Reads what no argument changes."""
        keys = self._document.keys
        self._check_defaults(evaluator)
        if "name" in keys:
            node = keys["name"][1]
            if isinstance(node, ScalarNode) and node.text:
                self.name = node.text
            else:
                evaluator.wrong("bad-value", "'name' takes a name", node)
        if "expect" in keys:
            self.expectations = tuple(read_expectations(keys["expect"][1], evaluator))
        if "budget" in keys:
            from convcalc.language.reading.limits import read_budget  # few specs have one

            self.budget = read_budget(keys["budget"][1], evaluator.refuse)
        if "tags" in keys:
            self.tags = tuple(_read_tags(keys["tags"][1], evaluator))

    def _check_defaults(self, evaluator: Evaluator) -> None:
        for document in self._document.networks():
            for kind, arguments in document.defaults.items():
                names = kind_arguments(kind)
                for text, (key, value) in arguments.items():
                    try:
                        check_arguments(Item(kind, key, None), kind, names, {text: (key, value)})
                    except Refusal as error:
                        evaluator.refused(error, evaluator.file_frame())

    def _sorted(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Problems by their place: file by file in the order of their first, then top down."""
        bases, used = self._document.bases, self._document.used
        files: dict[object, int] = {}

        def place(problem: Problem) -> tuple[int, int, int]:
            if problem.span is None:
                return (-1, 0, 0)
            source, line, column, _ = problem.span
            return (files.setdefault(source, len(files)), line, column)

        def led_there(problem: Problem) -> Problem:
            """With the place that names its file, unless a call of a block leads there."""
            source = problem.span.source if problem.span else None
            if source not in bases or (problem.calls and source in used):
                return problem
            reason = Reason.USES if source in used else Reason.EXTENDS
            return problem._replace(facts=(Related(reason, bases[source]), *problem.facts))

        return tuple(sorted(map(led_there, problems), key=place)[:MOST_PROBLEMS])


def _read_tags(node: YamlNode, evaluator: Evaluator) -> list[str]:
    """The words that a file is found by."""
    if not isinstance(node, ListNode):
        shown = node.text if isinstance(node, ScalarNode) and NAME.match(node.text) else "TAG"
        evaluator.wrong("bad-value", "'tags' takes a list of words", node, f"tags: [{shown}]")
        return []
    tags: list[str] = []
    for item in node.items:
        if not isinstance(item, ScalarNode) or not NAME.match(item.text):
            help_text = "letters, digits, '_' and '-'"
            evaluator.wrong("bad-name", "a tag is a word", item, help_text)
        elif item.text in tags:
            evaluator.wrong("duplicate-name", f"the tag '{item.text}' is written twice", item)
        else:
            tags.append(item.text)
    return tags


def _last_map(network: Network) -> str:
    """The last layer of a network, at its top, whose value has axes beside its channels.

    Without any it is the layer before the last.
    """
    names: dict[str, int] = {}
    for node in network.operations:
        names[node.unit.partition(".")[0]] = len(node.shape)
    maps = [name for name, rank in names.items() if rank > 1]
    return maps[-1] if maps else [*names][-2:][0]


@gc_paused()
def read_spec(source: Source, opener: Opener, exists: Exists = os.path.isfile) -> Spec:
    """The spec in a text.

    `opener` opens the files that it extends, and `exists` reports whether there is such a file.
    Raises ConvcalcError where a file cannot be opened, or is not a mapping in YAML.
    """
    return Spec(read_document(source, opener, exists))


class _NetworkBuilder:
    """Makes one network of a document."""

    def __init__(
        self,
        document: Document,
        expressions: dict[str, Expression],
        items: dict[int, Item],
        max_layers: int,
    ) -> None:
        self.document = document
        self.evaluator = Evaluator(document, expressions, max_layers)
        self.builder = GraphBuilder()
        self.elaborator = Elaborator(self.evaluator, self.builder, items)
        self.top = Group("", None)

    def build(
        self,
        name: str,
        args: Mapping[str, object],
        inputs: InputShapes | None,
        own_problems: Sequence[Problem],
    ) -> Network:
        """The network, as far as it can be made; mistakes are recorded in the evaluator."""
        read_args(self.document, self.evaluator, args)
        for problem in own_problems:
            self.evaluator.refuse(problem)
        flow = self._inputs(inputs)
        layers = self._layers_node()
        if layers is None:
            return self.made(name, {})
        bound_layers(layers, self.document, self.evaluator)
        frame = self.evaluator.file_frame(self.top)
        outputs = self._outputs(self.elaborator.sequence(layers, flow, frame), frame)
        if not self.evaluator.problems:
            outputs = self._check_used(outputs)
        return self.made(name, outputs)

    def made(self, name: str, outputs: Mapping[str, int]) -> Network:
        """The network of the nodes that were made."""
        source = self.document.source.name
        return Network(name, *self.builder.in_order(outputs), source, self.evaluator.notes)

    def _missing(self, key: str, help_text: str) -> None:
        """Refuses a spec without a key; one that was misspelt is reported already."""
        if key in self.document.meant:
            return
        facts = (Help(help_text),)
        place = self.document.start
        self.evaluator.refuse(Problem("missing-key", f"the spec has no '{key}'", place, facts))

    def _inputs(self, overrides: InputShapes | None) -> Flow | None:
        """Makes the input nodes; the value that enters the first layer, if there is just one."""
        entry = self.document.keys.get("input")
        if entry is None:
            self._missing("input", "input: [channels, height, width], without the batch axis")
            self.top.values["input"] = UNKNOWN
            return UNKNOWN
        layout = self.document.keys.get("layout")
        reader = InputReader(
            self.evaluator, self.builder, overrides, None if layout is None else layout[1]
        )
        return reader.read(entry[1], self.top)

    def _layers_node(self) -> ListNode | None:
        entry = self.document.keys.get("layers")
        if entry is None:
            self._missing("layers", "layers: a list of layers")
            return None
        node = entry[1]
        if not isinstance(node, ListNode):
            self.evaluator.wrong(
                "bad-value", "'layers' takes a list of layers", node, "put a '-' before each layer"
            )
            return None
        if not node.items:
            self.evaluator.wrong("bad-value", "'layers' holds no layer", node)
            return None
        return node

    def _outputs(self, value: Flow | None, frame: Frame) -> dict[str, int]:
        """The results by name: what `outputs` names, or the value of the last layer."""
        entry = self.document.keys.get("outputs")
        if entry is not None:
            found: dict[str, Flow | None] = {**read_outputs(entry[1], self.evaluator, frame)}
        else:
            found = {self.top.last: value}
            key = self.document.keys["layers"][0]
            if value is None:
                help_text = f"name some of {self.top.results_of(self.top.last)}"
                message = f"'{self.top.last}' has several outputs, and 'outputs' names none"
                self.evaluator.wrong("no-input", message, key, help_text)
            elif value != UNKNOWN and not self.top.last:
                message = "every layer is left out, by 'when' or 'repeat'"
                self.evaluator.wrong("no-layers", message, key)
        outputs = {n: flow.node for n, flow in found.items() if flow and flow.node is not None}
        if len(outputs) < len(found) and not self.evaluator.problems:
            self.elaborator.report_misfits()
        return outputs

    def _check_used(self, outputs: dict[str, int]) -> dict[str, int]:
        """A value that nobody uses is a mistake, in wiring or in `outputs`.

        Of networks that are blocks, layers that nobody uses are removed, which a note says.
        Returns the outputs, as they are then numbered.
        """
        nodes, uses = self.builder.nodes, self.elaborator.uses
        unused, without_use, removed = find_unused(nodes, outputs, uses)
        constants: dict[int, str] = {}
        for node in nodes:
            if node.layer.constant:
                constants.update(dict.fromkeys(node.inputs, node.path))
        # Copies of a layer are written at one place, where the mistake is.
        layers: dict[object, list[int]] = {}
        for index in unused:
            layers.setdefault(nodes[index].span or nodes[index].path, []).append(index)
        for index, *copies in layers.values():
            node = nodes[index]
            what, help_text = "the value of", _USE_IT
            if node.kind == "input":
                what, help_text = "the input", "take it by 'from', or remove it"
            if index in constants:
                help_text += f": '{constants[index]}' uses nothing of what enters it"
            problem = Problem("unused-value", f"nobody uses {what} '{node.path}'", node.span)
            facts = _copies([nodes[copy].path for copy in copies], help_text)
            self.evaluator.refuse(problem._replace(facts=facts, calls=node.calls))
        networks: dict[Span, list[Use]] = {}
        for use in without_use:
            networks.setdefault(use.span, []).append(use)
        for use, *others in networks.values():
            problem = Problem("unused-value", f"nobody uses the value of '{use.path}'", use.span)
            facts = _copies([other.path for other in others], _USE_IT)
            self.evaluator.refuse(problem._replace(facts=facts, calls=use.calls))
        if not self.evaluator.problems and (removed or any(use.misfit for use in uses)):
            from convcalc.language.building.networks import unused_notes  # few specs have blocks so

            self.evaluator.notes += unused_notes(nodes, uses, removed)
            numbers = self.builder.remove(removed)
            outputs = {name: numbers[index] for name, index in outputs.items()}
        return outputs


def _copies(paths: Sequence[str], help_text: str) -> tuple[Fact, ...]:
    """The facts of an unused value: its copies, and what to do."""
    facts: tuple[Fact, ...] = (Help(help_text),)
    if not paths:
        return facts
    more = "another copy" if len(paths) == 1 else f"{len(paths)} more copies"
    return (Note(f"and so for {more} of it, up to {paths[-1]}"), *facts)
