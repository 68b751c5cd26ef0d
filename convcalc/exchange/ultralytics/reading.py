"""Reading such a file: its rows, its scale, and what each row reads."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convcalc.exchange.assembly import Assembly, Fused, network_name
from convcalc.exchange.files import ModelFile, most_bytes
from convcalc.exchange.model import Choices, Model
from convcalc.exchange.ultralytics.heads import HEADS, Form
from convcalc.exchange.ultralytics.modules import MODULES
from convcalc.exchange.ultralytics.writing import SILU, Arguments, Writer, number_of
from convcalc.language.load import decoded
from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode, read_yaml
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, Span, helps, printable
from convcalc.roots import ALLOWS_MORE
from convcalc.shapes import LARGEST_SIZE
from convcalc.spelling import did_you_mean

if TYPE_CHECKING:
    from fractions import Fraction

#: The keys that a file of this sort has.
KEYS = ("backbone", "head")
#: Sizes of an image that the file does not say: of a detector, and of a classifier.
_SIZE, _CLASSIFIER_SIZE = 640, 224
#: The letter of the scale in a file's name: `yolov8n.yaml`, `yolo11s-seg.yaml`.
_SCALE_IN_NAME = re.compile(r"yolo(?:e-)?v?\d+([a-z])(?![a-z])", re.ASCII)
#: Channels are multiples of this after they were scaled.
_MULTIPLE = 8
#: Activations by PyTorch's names.
_ACTIVATIONS: Mapping[str, Fused] = {
    "SiLU": SILU,
    "ReLU": ("relu", {}),
    "ReLU6": ("relu6", {}),
    "GELU": ("gelu", {}),
    "Mish": ("mish", {}),
    "Hardswish": ("hard_swish", {}),
    "LeakyReLU": ("leaky_relu", {}),
    "ELU": ("elu", {}),
}
_ACTIVATION = re.compile(r"(?:torch\.)?(?:nn\.)?(\w+)\(([^()]*)\)\Z", re.ASCII)
#: The most bytes of a file, of which YAML takes a microsecond and seventy bytes each.
_MOST_BYTES = 1024 * 1024
#: Names that a row's arguments may take from the top of the file.
_NAMES = ("nc", "kpt_shape", "anchors", "nm", "npr")
#: Modules of which a file's classifiers have separable convolutions.
_RECENT = ("C3k2", "A2C2f")


def read(file: ModelFile, choices: Choices) -> Model:
    """The network that a file describes, at the scale of its name or of `choices`.

    Raises ConvcalcError with status 2: bad-model where the file is not of this form,
    unsupported-model at a module that is not known, and the code of the rule that is broken where
    sizes do not fit.
    """
    assembly = Assembly(file.name, choices)
    most = most_bytes(_MOST_BYTES)
    if len(file.data) > most:
        message = f"the file is longer than {most} bytes"
        raise assembly.error("file-too-large", message, help_text=ALLOWS_MORE)
    source = decoded(file.name, bytes(file.data), file.path, "a network's YAML")
    start = Span(source, 1, 1)
    try:
        root = read_yaml(source)
    except ConvcalcError as error:
        raise ConvcalcError(error.problems, UNUSABLE) from None
    if not isinstance(root, MapNode) or not all(key in root.entries for key in KEYS):
        raise assembly.error("bad-model", "the file has no 'backbone' and 'head'", span=start)
    return _Reader(assembly, root).read(network_name(file.path), file.path)


class _Reader:
    """Adds the modules of a file's rows.

    values  what each row computes: one value, or several
    """

    def __init__(self, assembly: Assembly, root: MapNode) -> None:
        self.assembly = assembly
        self.root = root
        self.values: list[list[int]] = []
        self.read_rows: set[int] = set()
        #: The names of the file's scales, and the one that is taken.
        self.scales: dict[str, YamlNode] = {}
        self.scale = assembly.choices.scale
        #: Whether nobody named it.
        self.assumed = False
        self.depth, self.width, self.most_channels = self.scaling()
        self.activation = self.read_activation()
        self.separable = False

    def read(self, name: str, path: str) -> Model:
        rows: list[YamlNode] = []
        for key in KEYS:
            node = self.root.entries[key][1]
            if not isinstance(node, ListNode):
                raise self.wrong(f"'{key}' is a list of rows", node)
            rows += node.items
        if not rows:
            raise self.wrong("the file has no rows", self.root)
        most = self.assembly.choices.max_layers
        if len(rows) > most:
            raise self.assembly.too_many(f"model.{most}", rows[most].span)
        classifies = any(self.module_of(row) == "Classify" for row in rows)
        size = _CLASSIFIER_SIZE if classifies else _SIZE
        channels = self.top_number("ch", self.top_number("channels", 3))
        image = self.assembly.input("input", (channels, size, size), self.root.span)
        for row in rows:
            self.values.append(self.row(row, image))
        results = [
            value
            for n, values in enumerate(self.values)
            if n not in self.read_rows
            for value in values
        ]
        outputs = {self.assembly.node(value).unit: value for value in results}
        model = self.assembly.model(name, outputs, path)
        model.network.notes = self.notes()
        return model

    # What the file says of all rows.

    def scaling(self) -> tuple[Fraction, Fraction, int]:
        """How many times as deep and as wide the network is, and its most channels."""
        from fractions import Fraction

        node = self.root.entries["scales"][1] if "scales" in self.root.entries else self.root
        if node is not self.root and isinstance(node, MapNode):
            self.scales = {name: value for name, (_, value) in node.entries.items()}
        if not self.scales and not self.scale:
            depth = self.top_fraction("depth_multiple")
            return depth, self.top_fraction("width_multiple"), LARGEST_SIZE
        if not self.scale:
            match = _SCALE_IN_NAME.match(os.path.basename(self.assembly.file))
            self.assumed = match is None or match[1] not in self.scales
            self.scale = next(iter(self.scales)) if match is None or self.assumed else match[1]
        if self.scale not in self.scales:
            message = f"the file has no scale '{printable(self.scale)}'"
            help_text = did_you_mean(self.scale, self.scales)
            raise self.wrong(message, node, help_text, code="bad-option")
        node = self.scales[self.scale]
        numbers = [number_of(item.text) for item in items_of(node) if isinstance(item, ScalarNode)]
        if len(numbers) != 3 or not all(n is not None and 0 < n <= LARGEST_SIZE for n in numbers):
            raise self.wrong("a scale is [depth, width, most channels]", node)
        depth, width, most = [Fraction(n or 1) for n in numbers]
        if max(depth, width) > 1000 or most.denominator != 1:
            raise self.wrong("a scale is [depth, width, most channels]", node)
        return depth, width, int(most)

    def notes(self) -> tuple[Problem, ...]:
        """That a scale was taken which nobody named."""
        if not self.assumed:
            return ()
        message = f"no scale is named: this is '{printable(self.scale)}', the first one"
        names = ", ".join([printable(name) for name in list(self.scales)[:20]])
        help_text = f"--scale takes {names}; so does the file's name"
        span = self.scales[self.scale].span
        return (Problem("assumed-scale", message, span, helps(help_text)),)

    def top_fraction(self, key: str) -> Fraction:
        from fractions import Fraction

        if key not in self.root.entries:
            return Fraction(1)
        node = self.root.entries[key][1]
        number = number_of(node.text) if isinstance(node, ScalarNode) else None
        if number is None or not 0 < number <= 1000:
            raise self.wrong(f"'{key}' is a number above 0", node)
        return Fraction(number)

    def top_number(self, key: str, default: int) -> int:
        if key not in self.root.entries:
            return default
        node = self.root.entries[key][1]
        number = number_of(node.text) if isinstance(node, ScalarNode) else None
        if not isinstance(number, int) or not 0 < number <= LARGEST_SIZE:
            raise self.wrong(f"'{key}' is a whole number from 1 on", node)
        return number

    def read_activation(self) -> Sequence[Fused]:
        """What follows a convolution: SiLU, or what the file says."""
        if "activation" not in self.root.entries:
            return [SILU]
        node = self.root.entries["activation"][1]
        text = node.text if isinstance(node, ScalarNode) else ""
        match = _ACTIVATION.match(text)
        if match is None or match[1] not in {*_ACTIVATIONS, "Identity"}:
            message = f"the activation '{printable(text)}' is not known"
            raise self.wrong(message, node, code="unsupported-model")
        if match[1] == "Identity":
            return []
        kind, arguments = _ACTIVATIONS[match[1]]
        slope = number_of(match[2].partition(",")[0].strip()) if match[2] else None
        if kind == "leaky_relu" and slope is not None:
            arguments = {"slope": slope}
        return [(kind, arguments)]

    # Rows.

    def row(self, node: YamlNode, image: int) -> list[int]:
        """The values of a row: [what it reads, how often, a module, its arguments]."""
        parts = items_of(node)
        if len(parts) != 4:
            raise self.wrong("a row is [from, repeats, module, arguments]", node)
        module = parts[2].text if isinstance(parts[2], ScalarNode) else ""
        number = len(self.values)
        word = re.sub(r"\W", "", module.rpartition(".")[2].lower(), flags=re.ASCII) or "layer"
        writer = Writer(
            self.assembly, f"{word}{number}", f"model.{number}", node.span, self.activation
        )
        read = [value for place in self.places(parts[0]) for value in self.values_of(place, image)]
        arguments = self.arguments(parts[3])
        repeats = self.repeats(parts[1])
        a = Arguments(arguments, writer, module)
        if module in _RECENT:
            self.separable = True
        if module in HEADS:
            return HEADS[module](writer, read, a, Form(self.separable, self.channels))
        if module == "Concat":
            axis = a.whole(0, 1) - 1
            return [writer.add("concat", read, axis=axis)]
        if module == "CBLinear":
            return self.split(writer, self.only(read, node), a.wholes(0))
        if module == "CBFuse":
            return [self.fused(writer, parts[0], a.wholes(0), image)]
        if module not in MODULES:
            message = f"the module '{printable(module)}' is not known"
            help_text = did_you_mean(module, [*MODULES, *HEADS, "Concat"])
            raise self.wrong(message, parts[2], help_text, code="unsupported-model")
        made = MODULES[module]
        if made.channels:
            # Channels that are the number of classes are not scaled.
            wanted = a.whole(0)
            if not (isinstance(parts[3], ListNode) and is_word(parts[3].items[0], "nc")):
                arguments[0] = self.channels(wanted)
        if module in _RECENT:
            self.adapt(module, arguments)
        value = self.only(read, node)
        if made.repeats:
            return [made.make(writer, value, a, repeats)]
        if repeats == 1:
            return [made.make(writer, value, a, 1)]
        for i in range(repeats):
            value = made.make(writer.inside(str(i)), value, a, 1)
        return [value]

    def adapt(self, module: str, arguments: list[object]) -> None:
        """What the larger scales change beside depth and width."""
        if module == "C3k2" and self.scale in {"m", "l", "x"}:
            arguments += [False] * (2 - len(arguments))
            arguments[1] = True
        if module == "A2C2f" and self.scale in {"l", "x"}:
            from fractions import Fraction

            arguments += [None] * (3 - len(arguments))
            arguments[3:] = [True, Fraction(6, 5)]

    def split(self, w: Writer, value: int, sizes: Sequence[int]) -> list[int]:
        """CBLinear: a convolution whose result is taken apart (arXiv:2402.13616)."""
        if min(sizes) < 1:
            raise w.wrong("CBLinear takes a list of channels")
        y = w.conv(value, sum(sizes), biased=True)
        if len(sizes) == 1:
            return [y]
        first, values = 0, []
        for i, size in enumerate(sizes):
            values.append(w.part(y, first, first + size, f"part{i}"))
            first += size
        return values

    def fused(self, w: Writer, reads: YamlNode, chosen: Sequence[int], image: int) -> int:
        """CBFuse: the sum of the chosen part of each value, at the size of the last one."""
        places = self.places(reads)
        (target,) = self.values_of(places[-1], image)[-1:]
        terms = []
        for i, (place, part) in enumerate(zip(places[:-1], chosen, strict=False)):
            values = self.values_of(place, image)
            if not 0 <= part < len(values):
                raise w.wrong(f"row {place} has no part {part}")
            value = values[part]
            if w.sizes(value) != w.sizes(target):
                size = list(w.sizes(target))
                value = w.add("upsample", [value], f"resized{i}", size=size)
            terms.append(value)
        return w.add("add", [*terms, target], "add")

    def channels(self, wanted: int) -> int:
        """Channels at this scale: at most so many, as wide, and a multiple of eight."""
        scaled = min(wanted, self.most_channels) * self.width
        return -(-scaled // _MULTIPLE) * _MULTIPLE

    def repeats(self, node: YamlNode) -> int:
        number = number_of(node.text) if isinstance(node, ScalarNode) else None
        if not isinstance(number, int) or not 1 <= number <= 1000:
            raise self.wrong("a row is repeated a whole number of times, from 1 on", node)
        return max(round(number * self.depth), 1) if number > 1 else 1

    def places(self, node: YamlNode) -> list[int]:
        """The rows that a row reads, by their numbers; -1 is the image."""
        found = []
        for item in items_of(node) if isinstance(node, ListNode) else [node]:
            number = number_of(item.text) if isinstance(item, ScalarNode) else None
            if isinstance(number, int) and number < 0:
                number += len(self.values)
            if not isinstance(number, int) or not -1 <= number < len(self.values):
                text = printable(item.text) if isinstance(item, ScalarNode) else "a list"
                help_text = f"this is row {len(self.values)}"
                raise self.wrong(f"'{text}' is the number of no earlier row", item, help_text)
            if number == -1 and self.values:
                raise self.wrong("there are not so many rows before this one", item)
            found.append(number)
        if not found:
            raise self.wrong("a row reads a row", node)
        return found

    def values_of(self, place: int, image: int) -> list[int]:
        if place < 0:
            return [image]
        self.read_rows.add(place)
        return self.values[place]

    def only(self, read: Sequence[int], node: YamlNode) -> int:
        if len(read) != 1:
            raise self.wrong(f"this module reads one value, not {len(read)}", node)
        return read[0]

    def module_of(self, node: YamlNode) -> str:
        parts = items_of(node)
        word = parts[2] if len(parts) > 2 else None
        return word.text if isinstance(word, ScalarNode) else ""

    def arguments(self, node: YamlNode) -> list[object]:
        """The arguments of a row, with what they take from the top of the file."""
        if not isinstance(node, ListNode):
            raise self.wrong("the arguments of a module are a list", node)
        return [self.value(item, 0) for item in node.items]

    def value(self, node: YamlNode, depth: int) -> object:
        if isinstance(node, ListNode) and depth < 3:
            return [self.value(item, depth + 1) for item in node.items]
        if not isinstance(node, ScalarNode):
            raise self.wrong("this is no argument of a module", node)
        text = node.text
        if text in _NAMES and text in self.root.entries and depth == 0:
            return self.value(self.root.entries[text][1], 1)
        words = {"None": None, "null": None, "True": True, "true": True, "False": False}
        if text in words or text == "false":
            return words.get(text, False)
        number = number_of(text)
        return text if number is None else number

    def wrong(
        self, message: str, node: YamlNode, help_text: str = "", code: str = "bad-model"
    ) -> ConvcalcError:
        return self.assembly.error(code, message, span=node.span, help_text=help_text)


def items_of(node: YamlNode) -> Sequence[YamlNode]:
    """The items of a list; none of what is no list."""
    return node.items if isinstance(node, ListNode) else []


def is_word(node: YamlNode, word: str) -> bool:
    """Whether a node is this word."""
    return isinstance(node, ScalarNode) and node.text == word
