"""From a document to a network: arguments, inputs, layers, results and expectations."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.collection import collector_paused
from convcalc.diagnostics import (
    UNUSABLE,
    ConvcalcError,
    Problem,
    Source,
    did_you_mean,
    printable,
    refused,
)
from convcalc.graph import Expectation, Limit, Network, Node
from convcalc.language.building.elaborate import Elaborator
from convcalc.language.building.evaluation import Frame, TooMany
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.building.size import bound_layers
from convcalc.language.reading.document import (
    NAME,
    Document,
    Exists,
    Opener,
    extended,
    read_document,
)
from convcalc.language.reading.expressions import ExpressionError, Scope, UnknownSizeError
from convcalc.language.reading.items import Item, Refusal, check_arguments, reference
from convcalc.language.reading.nodes import (
    MOST_PROBLEMS,
    ListNode,
    MapNode,
    ScalarNode,
    YamlNode,
    read_yaml,
)
from convcalc.layers import layer_class
from convcalc.layers.fields import decimal_text, value_text
from convcalc.layers.structure import Input
from convcalc.shapes import LARGEST_SIZE

#: Spatial axes that windows can have.
MOST_AXES = 3

#: Totals that `expect` may state, beside `output` and `layers`.
METRICS = (
    "params",
    "buffers",
    "multiplies",
    "adds",
    "divides",
    "compares",
    "specials",
    "macs",
    "flops",
)

InputShapes = Sequence[int] | Mapping[str, Sequence[int]]


@collector_paused()
def build(
    source: Source,
    opener: Opener,
    args: Mapping[str, object] | None = None,
    inputs: InputShapes | None = None,
    exists: Exists = os.path.isfile,
) -> Network:
    """The network that a spec describes.

    `opener` opens the files that it extends, and `exists` says whether there is such a file.
    `args` override the file's own arguments: texts as on the command line, or plain values.
    `inputs` override its input shape, or some of several by name. Raises ConvcalcError.
    """
    document = read_document(source, opener, exists)
    builder = _Builder(document, args or {}, inputs)
    try:
        network = builder.network()
    except TooMany:
        network = None
    problems = builder.evaluator.problems
    if problems or network is None:
        bases = document.bases
        told = [
            extended(p, bases[p.span.source]) if p.span and p.span.source in bases else p
            for p in problems
        ]
        raise ConvcalcError(_in_reading_order(told)[:MOST_PROBLEMS])
    return network


class Variants:
    """The arguments of one spec: which texts of `--set` make the same network of it."""

    def __init__(self, source: Source, opener: Opener, exists: Exists = os.path.isfile) -> None:
        self._document = read_document(source, opener, exists)

    def name(self, args: Mapping[str, object]) -> str | None:
        """The variant that `args` make, "width=0.5 depths=[2, 2]"; None where they are refused.

        Arguments stand in the file's order, with their values and not as they were written; those
        that say what the file says are left out, so the file itself is "". Raises ConvcalcError.
        """
        builder = _Builder(self._document, args, None)
        builder.read_args()
        if builder.evaluator.problems:
            return None
        return " ".join([f"{name}={_as_text(value)}" for name, value in builder.changed.items()])


def _in_reading_order(problems: list[Problem]) -> list[Problem]:
    """Problems by their place: file by file in the order of their first, then top down."""
    files: dict[object, int] = {}

    def place(problem: Problem) -> tuple[int, int, int]:
        if problem.span is None:
            return (-1, 0, 0)
        source, line, column, _ = problem.span
        return (files.setdefault(source, len(files)), line, column)

    return sorted(problems, key=place)


class _Builder:
    def __init__(
        self, document: Document, args: Mapping[str, object], inputs: InputShapes | None
    ) -> None:
        self.document = document
        self.overrides = args
        self.override_inputs = inputs
        #: The overrides that are other values than the file's own.
        self.changed: dict[str, Any] = {}
        self.elaborator = Elaborator(document)
        self.evaluator = self.elaborator.evaluator
        self.frame = Frame(self.evaluator.args, (), ())
        self.top = Group("", None)

    def network(self) -> Network | None:
        self.read_args()
        self._check_defaults()
        flow = self._inputs()
        name = self._name()
        expect = self._expect()
        budget = self._budget()
        layers = self._layers_node()
        if layers is None:
            return None
        bound_layers(layers, self.document, self.evaluator)
        value = self.elaborator.sequence(layers, flow, self.top, self.frame)
        outputs = self._outputs(value)
        if self.evaluator.problems:
            return None
        self._check_used(outputs)
        altered = " ".join(
            flag
            for flag, used in (("--set", self.changed), ("--input", self.override_inputs))
            if used
        )
        return Network(
            name,
            self.document.source.name,
            self.elaborator.maker.nodes,
            outputs,
            expect,
            altered,
            budget,
            self.document.bases,
        )

    def _refuse(self, code: str, message: str, node: YamlNode | None, help_text: str = "") -> None:
        facts = (("help", help_text),) if help_text else ()
        self.evaluator.refuse(Problem(code, message, node.span if node else None, facts))

    def _evaluate(self, node: YamlNode, choices: Sequence[str] | None = ()) -> Any:
        """A value of the file's own scope; None after a mistake, which is noted."""
        scope = Scope(self.evaluator.args, self.evaluator.words, entering=False)
        try:
            return self.evaluator.evaluate(node, scope, choices)
        except Refusal as refusal:
            self.evaluator.refused(refusal, self.frame)
        except UnknownSizeError:
            pass  # an argument it needs is wrong, which is told already
        return None

    def _name(self) -> str:
        entry = self.document.keys.get("name")
        if entry is not None:
            if isinstance(entry[1], ScalarNode) and entry[1].text:
                return entry[1].text
            self._refuse("bad-value", "'name' takes a name", entry[1])
        name = os.path.basename(self.document.source.path)
        return os.path.splitext(name)[0] or "network"

    def _missing(self, key: str, help_text: str) -> None:
        """Refuses a spec without a key; one that was misspelt is told already."""
        if key in self.document.meant:
            return
        facts = (("help", help_text),)
        place = self.document.start
        self.evaluator.refuse(Problem("missing-key", f"the spec has no '{key}'", place, facts))

    # Arguments.

    def read_args(self) -> None:
        """Evaluates the arguments, in the file's order: each may use those before it."""
        args = self.evaluator.args
        for name in self.overrides:
            if name not in self.document.args:
                raise ConvcalcError(
                    [
                        Problem(
                            "unknown-argument",
                            f"--set {printable(name)}: the file has no such argument",
                            None,
                            (("help", did_you_mean(name, self.document.args) or "it has none"),),
                        )
                    ],
                    UNUSABLE,
                )
        for name, (_, node) in self.document.args.items():
            if name in self.overrides:
                args[name] = self._override(name, self.overrides[name])
                if not self._is_own(node, args[name]):
                    self.changed[name] = args[name]
            else:
                args[name] = self._evaluate(node, None)

    def _is_own(self, node: YamlNode, value: object) -> bool:
        """Whether an override says what the file says; mistakes in the file's value wait."""
        scope = Scope(self.evaluator.args, self.evaluator.words, entering=False)
        try:
            own = self.evaluator.evaluate(node, scope, None)
        except (Refusal, UnknownSizeError):
            return False
        return type(own) is type(value) and bool(own == value)

    def _override(self, name: str, value: object) -> Any:
        if not isinstance(value, str):
            value = _as_text(value)
        source = Source(f"--set {name}", value)
        try:
            node = read_yaml(source)
            if node is None:
                raise ExpressionError("missing-value", "a value is missing")
            scope = Scope(self.evaluator.args, self.evaluator.words, entering=False)
            return self.evaluator.evaluate(node, scope)
        except ConvcalcError as error:
            raise ConvcalcError(error.problems, UNUSABLE) from None
        except UnknownSizeError:
            return None  # an earlier argument that it needs is wrong, which is told already
        except (Refusal, ExpressionError) as error:
            help_text = error.help if isinstance(error, ExpressionError) else ""
            facts = error.facts if isinstance(error, Refusal) else (("help", help_text),)
            message = f"--set {printable(name)}={printable(value)}: {error.message}"
            facts = tuple([fact for fact in facts if fact[1]])
            raise ConvcalcError([Problem(error.code, message, None, facts)], UNUSABLE) from None

    def _check_defaults(self) -> None:
        for kind, arguments in self.document.defaults.items():
            cls = layer_class(kind)
            names = [*cls.fields, *(("norm", "activation") if cls.fuses else ())]
            for text, (key, value) in arguments.items():
                try:
                    check_arguments(Item(kind, key, None), kind, names, {text: (key, value)})
                except Refusal as refusal:
                    self.evaluator.refused(refusal, self.frame)

    # Inputs.

    def _inputs(self) -> Flow | None:
        """Makes the input nodes; the value that enters the first layer, if there is just one."""
        entry = self.document.keys.get("input")
        if entry is None:
            self._missing("input", "input: [channels, height, width], without the batch axis")
            self.top.values["input"] = UNKNOWN
            return UNKNOWN
        node = entry[1]
        if isinstance(node, MapNode):
            if not node.entries:
                self._refuse("bad-value", "'input' names no input", node)
            self._check_override(list(node.entries))
            for name, (key, value) in node.entries.items():
                if name != "input" and not NAME.match(name):
                    self._refuse("bad-name", f"'{printable(name)}' cannot name an input", key)
                self.top.values[name] = self._input(name, value)
            flows = list(self.top.values.values())
            return flows[0] if len(flows) == 1 else None
        self._check_override(["input"])
        flow = self.top.values["input"] = self._input("input", node)
        return flow

    def _check_override(self, names: list[str]) -> None:
        inputs = self.override_inputs
        if inputs is None:
            return
        unknown = [name for name in inputs if name not in names] if _is_mapping(inputs) else []
        if unknown or (not _is_mapping(inputs) and len(names) > 1):
            what = f"no input is called '{printable(unknown[0])}'" if unknown else "which input?"
            help_text = f"its inputs are {', '.join(names)}: write NAME=CxHxW"
            raise refused("unknown-input", f"--input: {what}", help_text)

    def _input(self, name: str, node: YamlNode) -> Flow:
        inputs = self.override_inputs
        given: Any = inputs.get(name) if isinstance(inputs, Mapping) else inputs
        shape = written = self._evaluate(node)
        if given is not None:
            shape = list(given)
            if isinstance(written, list) and len(written) != len(shape):
                raise _other_rank(name, written, shape)
        if shape is None:
            return UNKNOWN
        reason = _not_a_shape(shape)
        if reason:
            if given is not None:
                raise refused("bad-input", f"--input: {reason}")
            self._refuse(
                "bad-input",
                f"{name}: {reason}",
                _blamed(node, shape),
                "input: [channels, height, width], without the batch axis",
            )
            return UNKNOWN
        layer = Input(shape=tuple(shape))
        nodes = self.elaborator.maker.nodes
        nodes.append(Node(name, name, layer, (), tuple(shape), node.span))
        return Flow(len(nodes) - 1, tuple(shape))

    # Layers and results.

    def _layers_node(self) -> ListNode | None:
        entry = self.document.keys.get("layers")
        if entry is None:
            self._missing("layers", "layers: a list of layers")
            return None
        node = entry[1]
        if not isinstance(node, ListNode):
            self._refuse(
                "bad-value", "'layers' takes a list of layers", node, "put a '-' before each layer"
            )
            return None
        if not node.items:
            self._refuse("bad-value", "'layers' holds no layer", node)
            return None
        return node

    def _outputs(self, value: Flow) -> dict[str, int]:
        entry = self.document.keys.get("outputs")
        if entry is None:
            if value.node is None:
                return {}
            last = self.top.last
            if not last:
                key = self.document.keys["layers"][0]
                self._refuse("no-layers", "every layer is left out, by 'when' or 'repeat'", key)
            return {last: value.node}
        node = entry[1]
        if not isinstance(node, ListNode) or not node.items:
            shown = node.text if isinstance(node, ScalarNode) and NAME.match(node.text) else "NAME"
            help_text = f"outputs: [{shown}]"
            self._refuse("bad-value", "'outputs' takes a list of layers' names", node, help_text)
            return {}
        outputs: dict[str, int] = {}
        for item in node.items:
            try:
                name = reference(item, "outputs")
                flow = self.top.lookup(name)
            except Refusal as refusal:
                self.evaluator.refused(refusal, self.frame)
                continue
            if name.text in outputs:
                self._refuse("duplicate-name", f"'{name.text}' is named twice", name)
            if flow.node is not None:
                outputs[name.text] = flow.node
        return outputs

    def _check_used(self, outputs: dict[str, int]) -> None:
        """A value that nobody uses is a mistake, in wiring or in `outputs`."""
        nodes = self.elaborator.maker.nodes
        used = set(outputs.values())
        for node in nodes:
            used.update(node.inputs)
        for index, node in enumerate(nodes):
            if index not in used:
                what = "the input" if node.kind == "input" else "the value of"
                help_text = "take it by 'from', or name it in 'outputs'"
                if node.kind == "input":
                    help_text = "take it by 'from', or remove it"
                self.evaluator.refuse(
                    Problem(
                        "unused-value",
                        f"nobody uses {what} '{node.path}'",
                        node.span,
                        (("help", help_text),),
                        node.calls,
                    )
                )

    # Expectations.

    def _expect(self) -> list[Expectation]:
        entry = self.document.keys.get("expect")
        found: list[Expectation] = []
        if entry is None:
            return found
        node = entry[1]
        if not isinstance(node, MapNode):
            self._refuse("bad-value", "'expect' takes a mapping", node)
            return found
        for text, (key, value) in node.entries.items():
            if text in METRICS:
                number = self._evaluate(value)
                if number is not None and (type(number) is not int or number < 0):
                    shown = value_text(number)
                    self._refuse("bad-value", f"{text} must be a whole number, not {shown}", value)
                elif number is not None:
                    found.append(Expectation(text, number, value.span))
            elif text in ("output", "outputs"):
                if isinstance(value, MapNode):
                    found += self._expected_shapes("outputs", value)
                else:
                    found += self._expected_shape("output", value)
            elif text == "layers":
                if isinstance(value, MapNode):
                    found += self._expected_shapes("layers", value)
                else:
                    help_text = "layers: {conv0: [6, 28, 28]}"
                    message = "'layers' maps layers' names to shapes"
                    self._refuse("bad-value", message, value, help_text)
            else:
                names = [*METRICS, "output", "layers"]
                help_text = did_you_mean(text, names)
                if text.isdecimal():
                    help_text = "a number is written without commas"
                message = f"'{printable(text)}' is nothing that can be expected"
                self._refuse("unknown-key", message, key, help_text)
        return found

    def _expected_shapes(self, metric: str, node: MapNode) -> list[Expectation]:
        found: list[Expectation] = []
        for name, (_, value) in node.entries.items():
            found += self._expected_shape(f"{metric}.{name}", value)
        return found

    def _expected_shape(self, metric: str, node: YamlNode) -> list[Expectation]:
        shape = self._evaluate(node)
        if shape is None:
            return []
        reason = _not_a_shape(shape, most_axes=8)
        if reason:
            listed = isinstance(shape, list) and any(isinstance(size, list) for size in shape)
            help_text = "write outputs: {NAME: [...]}" if listed and metric == "output" else ""
            self._refuse("bad-value", f"{metric}: {reason}", node, help_text)
            return []
        return [Expectation(metric, tuple(shape), node.span)]

    def _budget(self) -> Sequence[Limit]:
        entry = self.document.keys.get("budget")
        if entry is None:
            return ()
        from convcalc.language.reading.limits import read_budget

        return read_budget(entry[1], self.evaluator.refuse)


def _other_rank(name: str, written: list[Any], given: list[int]) -> ConvcalcError:
    shown, own = ["x".join(str(size) for size in shape) for shape in (given, written)]
    prefix = "" if name == "input" else f"{name}="
    sizes = "1 size" if len(written) == 1 else f"{len(written)} sizes"
    return refused(
        "bad-input",
        f"--input {prefix}{shown}: the file's {name} has {sizes}, not {len(given)}",
        f"channels first, without the batch axis: --input {prefix}{own} is the file's",
    )


def _is_mapping(inputs: InputShapes) -> bool:
    return isinstance(inputs, Mapping)


def _not_a_shape(shape: object, most_axes: int = MOST_AXES + 1) -> str:
    """Why a value is not a shape; empty where it is one."""
    if not isinstance(shape, list):
        return f"a shape is a list of sizes, not {value_text(shape)}"
    if not 1 <= len(shape) <= most_axes:
        axes = f"channels and up to {MOST_AXES} spatial sizes"
        return f"a shape has {axes}, not {len(shape)} numbers"
    for size in shape:
        if type(size) is not int or not 1 <= size <= LARGEST_SIZE:
            return f"a size is a whole number from 1 to {LARGEST_SIZE}, not {value_text(size)}"
    return ""


def _blamed(node: YamlNode, shape: object) -> YamlNode:
    """The size that makes a list no shape, or the list."""
    if isinstance(node, ListNode) and isinstance(shape, list) and len(shape) <= MOST_AXES + 1:
        for item, size in zip(node.items, shape, strict=False):
            if type(size) is not int or not 1 <= size <= LARGEST_SIZE:
                return item
    return node


def _as_text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_as_text(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    from fractions import Fraction  # only a variant's name needs it

    return decimal_text(value) if isinstance(value, Fraction) else str(value)
