"""The inputs of a network: their shapes as written, or as overridden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

from convcalc.graph import GraphBuilder
from convcalc.language.building.evaluation import Evaluator
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.keys import LAYOUTS
from convcalc.language.reading.document import NAME
from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers.fields import value_text
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    Fact,
    Help,
    Meant,
    Problem,
    Span,
    Subject,
    helps,
    listed,
    printable,
)
from convcalc.shapes import LARGEST_SIZE, Shape, cross_text
from convcalc.symbols import settled, unknown, whole

#: Spatial axes of an input.
MOST_AXES = 3

#: Sizes without the batch axis, channels first; or those of several inputs by name.
InputShapes = Sequence[int] | Mapping[str, Sequence[int]]
#: The same, where None leaves a size as the file has it.
InputSizes = Sequence[int | None] | Mapping[str, Sequence[int | None]]

#: What an override is about.
_OPTION = Subject(option="--input")
#: A picture has as many channels as one of these, if no more is known.
_USUAL_CHANNELS = (1, 3)
#: And at least so many pixels on each axis.
_LEAST_PIXELS = 8


class InputReader:
    """Adds the inputs that a file's `input` describes.

    overrides  take the place of the shapes in the file; their channels stand first
    layout     the file's `layout`, if it has one
    """

    def __init__(
        self,
        evaluator: Evaluator,
        builder: GraphBuilder,
        overrides: InputShapes | InputSizes | None,
        layout: YamlNode | None = None,
    ) -> None:
        self._evaluator = evaluator
        self._builder = builder
        self._overrides = overrides
        self._layout = self._read_layout(layout) if layout else ""

    def _read_layout(self, node: YamlNode) -> str | None:
        """One of the layouts; None after a mistake."""
        text = node.text if isinstance(node, ScalarNode) else ""
        if text in LAYOUTS:
            return text
        from convcalc.language.hints.foreign import foreign_word  # only a mistake needs them
        from convcalc.spelling import did_you_mean

        ours = foreign_word(text, LAYOUTS)
        help_text = f"it is called '{ours}' here" if ours else did_you_mean(text, LAYOUTS)
        message = f"'layout' takes {' or '.join(LAYOUTS)}"
        self._evaluator.wrong("bad-value", message, node, help_text)
        return None

    def read(self, node: YamlNode, top: Group) -> Flow | None:
        """Adds the inputs to the graph and to the top group.

        Returns the value that enters the first layer; None where there are several inputs. Notes
        mistakes in the file; raises ConvcalcError with status 2 where an override cannot be used.
        """
        if isinstance(node, MapNode):
            if not node.entries:
                self._evaluator.wrong("bad-value", "'input' names no input", node)
            self._check_override(list(node.entries))
            for name, (key, value) in node.entries.items():
                if name != "input" and not NAME.match(name):
                    message = f"'{printable(name)}' cannot name an input"
                    self._evaluator.wrong("bad-name", message, key)
                top.values[name] = self._input(name, value)
            flows = list(top.values.values())
            return flows[0] if len(flows) == 1 else None
        self._check_override(["input"])
        flow = top.values["input"] = self._input("input", node)
        return flow

    def _check_override(self, names: list[str]) -> None:
        inputs = self._overrides
        if inputs is None:
            return
        unknown = [name for name in inputs if name not in names] if _is_mapping(inputs) else []
        if unknown or (not _is_mapping(inputs) and len(names) > 1):
            what = f"no input is called '{printable(unknown[0])}'" if unknown else "which input?"
            help_text = f"its inputs are {listed(names)}: write NAME=CxHxW"
            raise _unusable("unknown-input", what, help_text)

    def _input(self, name: str, node: YamlNode) -> Flow:
        inputs = self._overrides
        given: Any = inputs.get(name) if isinstance(inputs, Mapping) else inputs
        written = settled(self._evaluator.file_value(node))
        last = self._layout == "channels_last"
        shape = [*written[-1:], *written[:-1]] if last and isinstance(written, list) else written
        if given is not None:
            own, shape = shape, settled(_sizes(given))
            if isinstance(own, list) and len(own) != len(shape):
                raise _other_rank(name, own, shape)
            if isinstance(own, list):
                pairs = zip(own, shape, strict=True)
                shape = [size if size is not None else kept for kept, size in pairs]
        if shape is None or self._layout is None:
            return UNKNOWN
        reason = not_a_shape(shape)
        if reason:
            if given is not None:
                raise _unusable("bad-input", reason)
            order = "[height, width, channels]" if last else "[channels, height, width]"
            self._evaluator.wrong(
                "bad-input",
                reason,
                _blamed(node, written),
                f"input: {order}, without the batch axis",
                Subject(layer=name),
            )
            return UNKNOWN
        if given is None:
            self._note(name, tuple(shape), written, node.span, Subject(layer=name))
        else:
            subject = Subject(option="--input", value="x".join([str(size) for size in shape]))
            self._note(name, tuple(shape), shape, None, subject)
        index = self._builder.input(name, tuple(shape), node.span)
        return Flow(index, tuple(shape))

    def _note(
        self, name: str, shape: Shape, written: list[int], span: Span | None, subject: Subject
    ) -> None:
        """Notes how a shape is read, where people write other shapes in this form."""
        if self._layout == "channels_first" or any(map(unknown, shape)):
            return
        code, meant, why = _misread(written)
        if not code or (self._layout and code != "input-batch-axis"):
            return
        channels = f"{shape[0]} channel{'s' * (shape[0] > 1)}"
        facts: tuple[Fact, ...] = (Meant(name, tuple(meant), why),)
        if not self._layout:
            other = "'layout: channels_last' reads it so, "
            other = other if code == "input-channels-last" else ""
            facts += (Help(f"{other}'layout: channels_first' says that it is meant as it is"),)
        message = f"{written} is read as {channels} of {cross_text(shape[1:])} positions"
        self._evaluator.notes.append(Problem(code, message, span, facts, (), subject))


def _misread(written: list[int]) -> tuple[str, list[int], str]:
    """The code of a form in which people write other shapes, the shape that is meant, and why.

    >>> _misread([1, 3, 224, 224])
    ('input-batch-axis', [3, 224, 224], 'shapes have no batch axis')
    >>> _misread([28, 28])
    ('input-no-channels', [1, 28, 28], 'a picture has channels')
    """
    match written:
        case [1, _, _, _]:
            return "input-batch-axis", written[1:], "shapes have no batch axis"
        case [height, width, channels] if (
            channels in _USUAL_CHANNELS
            and height not in _USUAL_CHANNELS
            and min(height, width) >= _LEAST_PIXELS
        ):
            meant = [channels, height, width]
            return "input-channels-last", meant, "shapes are channels first"
        case [height, width] if height == width:
            return "input-no-channels", [1, *written], "a picture has channels"
    return "", [], ""


def _sizes(given: Any) -> list[Any]:
    """Sizes given from Python, of any integer type; raises ConvcalcError where they are none."""
    try:
        if isinstance(given, str | bytes):
            raise TypeError
        return [size if size is None or unknown(size) else index(size) for size in given]
    except TypeError:
        message = f"sizes are a list of whole numbers, not {printable(repr(given))}"
        raise _unusable("bad-input", message) from None


def _other_rank(name: str, written: list[Any], given: list[int]) -> ConvcalcError:
    shown, own = ["x".join(str(size) for size in shape) for shape in (given, written)]
    argument = "" if name == "input" else name
    prefix = f"{name}=" if argument else ""
    sizes = "1 size" if len(written) == 1 else f"{len(written)} sizes"
    return _unusable(
        "bad-input",
        f"the file's {name} has {sizes}, not {len(given)}",
        f"channels first, without the batch axis: --input {prefix}{own} is the file's",
        Subject(option="--input", argument=argument, value=shown),
    )


def _unusable(
    code: str, message: str, help_text: str = "", subject: Subject = _OPTION
) -> ConvcalcError:
    """A mistake in what overrides the input."""
    return ConvcalcError([Problem(code, message, None, helps(help_text), (), subject)], UNUSABLE)


def _is_mapping(inputs: InputShapes | InputSizes) -> bool:
    return isinstance(inputs, Mapping)


def not_a_shape(shape: object, most_axes: int = MOST_AXES + 1) -> str:
    """Why a value is not a shape; empty where it is one."""
    if not isinstance(shape, list):
        return f"a shape is a list of sizes, not {value_text(shape)}"
    if not 1 <= len(shape) <= most_axes:
        axes = f"channels and up to {MOST_AXES} spatial sizes"
        return f"a shape has {axes}, not {len(shape)} numbers"
    for size in shape:
        if not whole(size) or not 1 <= size <= LARGEST_SIZE:
            return f"a size is a whole number from 1 to {LARGEST_SIZE}, not {value_text(size)}"
    return ""


def _blamed(node: YamlNode, shape: object) -> YamlNode:
    """The size that makes a list no shape, or the list."""
    if isinstance(node, ListNode) and isinstance(shape, list) and len(shape) <= MOST_AXES + 1:
        for item, size in zip(node.items, shape, strict=False):
            if not whole(size) or not 1 <= size <= LARGEST_SIZE:
                return item
    return node
