"""Networks of darknet: `.cfg` files, read as AlexeyAB's darknet reads them.

A file is a list of sections. Each is a layer with a number, from 0 on, that reads the layer before
it, or those that it names by their numbers. The weights are in another file, which is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from convcalc.exchange.assembly import Assembly, Fused, network_name
from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices, Model
from convcalc.layers.opaque import Opaque
from convcalc.problems import ConvcalcError, Source, Span, printable
from convcalc.roots import current_access
from convcalc.shapes import LARGEST_SIZE, Shape, cross_text, elements
from convcalc.spelling import did_you_mean

#: A whole number at the beginning of a value; darknet also reads 3.0 as 3.
_WHOLE = re.compile(r"([+-]?\d{1,18})(?:\.\d*)?(?![\d.])")
_REAL = re.compile(r"[+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?")

#: darknet's activations, and what computes them here.
_ACTIVATIONS: Mapping[str, Sequence[Fused]] = {
    "linear": (),
    "logistic": (("sigmoid", {}),),
    "relu": (("relu", {}),),
    "relu6": (("relu6", {}),),
    "leaky": (("leaky_relu", {"slope": 0.1}),),
    "elu": (("elu", {}),),
    "selu": (("selu", {}),),
    "gelu": (("gelu", {}),),
    "swish": (("silu", {}),),
    "mish": (("mish", {}),),
    "tanh": (("tanh", {}),),
    "hardtan": (("clip", {"min": -1, "max": 1}),),
}
#: Those that no kind computes.
_OTHER_ACTIVATIONS = (
    *("loggy", "ramp", "relie", "plse", "stair", "lhtan", "revleaky", "hard_mish"),
    *("normalize_channels", "normalize_channels_softmax", "normalize_channels_softmax_maxval"),
)
#: How often layers may name others, for each layer that a network may have.
_REFERENCES = 4
#: Options that change a layer in a way that is not read.
_UNREAD = ("antialiasing", "maxpool_depth", "reverse", "weights_normalization")


def read(file: ModelFile, choices: Choices) -> Model:
    """The network of a darknet `.cfg` file, without weights.

    Its results are the values that no layer reads.

    Raises ConvcalcError with status 2: bad-model where the file is no list of sections or a value
    is no number; unsupported-model where a section has no counterpart; and the code of the rule
    that is broken where sizes do not fit.
    """
    assembly = Assembly(file.name, choices)
    sections = _sections(file, assembly)
    return _Reader(assembly).read(sections, network_name(file.path), file.path)


class _Section:
    """A section: its word, its place, and its options with theirs."""

    def __init__(self, word: str, span: Span, number: int) -> None:
        self.word = word
        self.span = span
        #: As darknet numbers layers: the first section, of the network, has none.
        self.number = number
        self.options: dict[str, tuple[str, Span]] = {}

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"layer {self.number} [{self.word}]" if self.number >= 0 else f"[{self.word}]"


def _sections(file: ModelFile, assembly: Assembly) -> list[_Section]:
    most = current_access().max_file_size
    text = bytes(file.data[: most + 1]).decode("utf-8", "replace")
    source = Source(file.name, text, file.path)
    if len(file.data) > most:
        help_text = "--max-file-size allows more"
        message, start = f"the file is longer than {most} bytes", Span(source, 1, 1)
        raise assembly.error("file-too-large", message, span=start, help_text=help_text)
    sections: list[_Section] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;\0":
            continue
        span = Span(source, number, len(raw) - len(raw.lstrip()) + 1, len(line))
        if line.startswith("["):
            word, bracket, _ = line[1:].partition("]")
            if not bracket or not word.strip():
                raise assembly.error("bad-model", "a section is written [name]", span=span)
            sections.append(_Section(word.strip().lower(), span, len(sections) - 1))
            if len(sections) - 1 > assembly.choices.max_layers:
                raise assembly.too_many(sections[-1].name, span)
            continue
        key, equals, value = line.partition("=")
        if not equals or not sections:
            what = "an option before the first section" if equals else "no section and no option"
            message = f"'{printable(line)}' is {what}"
            help_text = "a darknet file is a list of sections: [net], [convolutional], ..."
            raise assembly.error("bad-model", message, span=span, help_text=help_text)
        # Of an option that is written twice, darknet takes the first.
        sections[-1].options.setdefault(key.strip(), (value.partition("#")[0].strip(), span))
    if not sections or sections[0].word not in {"net", "network"}:
        span = sections[0].span if sections else Span(source, 1, 1)
        message = "a darknet file begins with the section [net]"
        raise assembly.error("bad-model", message, span=span)
    return sections


class _Reader:
    """Makes layers of sections.

    values  what each layer of the file computes, by its number
    last    what the next layer reads, unless it names others
    """

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.values: list[int] = []
        self.last = 0
        self.section = _Section("net", Span(Source("", ""), 1, 1), -1)
        self.read_layers: set[int] = set()
        #: How many layers were named by others.
        self.references = 0
        #: The nodes with the weights of each layer that has any, and its norm.
        self.weights: dict[int, list[int]] = {}
        #: The path of the layers that one section becomes.
        self.group = ""

    def read(self, sections: Sequence[_Section], name: str, path: str) -> Model:
        self.section = net = sections[0]
        sizes = [self.whole(key, 0, low=0) for key in ("channels", "height", "width")]
        if not all(sizes):
            count = self.whole("inputs", 0, low=0)
            if not count:
                help_text = "write width, height and channels"
                raise self.wrong("unknown-dimension", "[net] names no size", help_text=help_text)
            sizes = [count]
        self.last = self.assembly.input("input", tuple(sizes), net.span)
        for section in sections[1:]:
            self.section = section
            make = _SECTIONS.get(section.word)
            if make is None:
                message = f"the section [{printable(section.word)}] cannot be read"
                help_text = did_you_mean(section.word, _SECTIONS)
                raise self.wrong("unsupported-model", message, help_text=help_text)
            for key in _UNREAD:
                if key in section.options and self.text(key) not in {"0", "none"}:
                    message = f"'{key}' in a [{section.word}] is not read"
                    raise self.wrong("unsupported-model", message, key)
            self.last = make(self)
            self.values.append(self.last)
        if len(sections) == 1:
            raise self.wrong("no-layers", "the network has no layers")
        unread = [v for n, v in enumerate(self.values) if n not in self.read_layers]
        outputs = {self.assembly.node(index).unit: index for index in unread}
        return self.assembly.model(name, outputs, path)

    # Options.

    def text(self, key: str, default: str = "") -> str:
        """The value of an option of the section, as written."""
        return self.section.options[key][0] if key in self.section.options else default

    def whole(self, key: str, default: int, *, low: int = 1, high: int = LARGEST_SIZE) -> int:
        """The whole number that an option of the section has."""
        if key not in self.section.options:
            return default
        match = _WHOLE.match(self.text(key))
        if match is None or not low <= int(match[1]) <= high:
            message = f"'{key}' is a whole number from {low} on, not '{printable(self.text(key))}'"
            raise self.wrong("bad-model", message, key)
        return int(match[1])

    def real(self, key: str, default: float) -> float:
        """The number that an option of the section has."""
        if key not in self.section.options:
            return default
        match = _REAL.match(self.text(key))
        if match is None:
            message = f"'{key}' is a number, not '{printable(self.text(key))}'"
            raise self.wrong("bad-model", message, key)
        return float(match[0])

    def numbers(self, key: str) -> list[int]:
        """The layers that an option lists, by their numbers; negative ones count backwards."""
        self.references += self.text(key).count(",") + 1
        if self.references > _REFERENCES * self.assembly.choices.max_layers:
            raise self.wrong("too-many-layers", "layers name others too many times", key)
        texts = [text.strip() for text in self.text(key).split(",")]
        found = []
        for text in texts if texts[-1] else texts[:-1]:
            match = _WHOLE.fullmatch(text)
            number = int(match[1]) if match else len(self.values)
            number += len(self.values) if number < 0 else 0
            if not 0 <= number < len(self.values):
                message = f"'{printable(text)}' is the number of no earlier layer"
                help_text = f"this is layer {len(self.values)}"
                raise self.wrong("unknown-layer", message, key, help_text)
            found.append(number)
        if not found:
            raise self.wrong("bad-model", f"'{key}' names no layer", key)
        return found

    def wrong(self, code: str, message: str, key: str = "", help_text: str = "") -> ConvcalcError:
        """A mistake in the section, or in one of its options."""
        section = self.section
        span = section.options[key][1] if key in section.options else section.span
        return self.assembly.error(code, message, section.name, span, help_text)

    # Layers.

    def earlier(self, number: int) -> int:
        """The value of an earlier layer."""
        self.read_layers.add(number)
        return self.values[number]

    def current(self) -> int:
        """The value of the layer before."""
        self.read_layers.add(len(self.values) - 1)
        return self.last

    def add(self, kind: str, inputs: Sequence[int], **arguments: object) -> int:
        """Adds a layer of the section."""
        return self.add_at("", kind, inputs, arguments)

    def add_at(
        self, path: str, kind: str, inputs: Sequence[int], arguments: Mapping[str, object]
    ) -> int:
        """Adds a layer of the section with this path."""
        section = self.section
        return self.assembly.add(
            kind, inputs, arguments, path=path, name=section.name, span=section.span
        )

    def follow(self, index: int, fused: Sequence[Fused]) -> int:
        """Adds norms and activations, fused where that can be."""
        section = self.section
        for kind, arguments in fused:
            index = self.assembly.follow(
                kind, index, arguments, name=section.name, span=section.span
            )
        return index

    def shape(self, index: int) -> Shape:
        return self.assembly.shape(index)

    def map(self) -> int:
        """The value of the layer before as a map: plain features are channels of one position."""
        value = self.current()
        shape = self.shape(value)
        return value if len(shape) > 1 else self.add("reshape", [value], shape=[shape[0], 1, 1])

    def weighted(self, kind: str, inputs: Sequence[int], **arguments: object) -> int:
        """A layer with weights: its biases are those of its norm, where it has one."""
        norm: list[Fused] = []
        if self.whole("batch_normalize", 0, low=0):
            norm = [("batchnorm", {"eps": 0.00001})]
        index = self.add(kind, inputs, bias=not norm, **arguments)
        normed = self.follow(index, norm)
        self.weights[len(self.values)] = sorted({index, normed})
        if "share_index" in self.section.options:
            (number,) = self.numbers("share_index")[:1]
            theirs, section = self.weights.get(number, []), self.section
            self.assembly.share(self.weights[len(self.values)], theirs, section.name, section.span)
        return self.activated(normed, "logistic")

    def activated(self, index: int, default: str) -> int:
        """The value after the section's activation."""
        word = self.text("activation", default)
        if word in _OTHER_ACTIVATIONS:
            return self.opaque([index], self.shape(index), word, 0)
        if word not in _ACTIVATIONS:
            message = f"there is no activation '{printable(word)}'"
            help_text = did_you_mean(word, [*_ACTIVATIONS, *_OTHER_ACTIVATIONS])
            raise self.wrong("bad-model", message, "activation", help_text)
        return self.follow(index, _ACTIVATIONS[word])

    def opaque(
        self, inputs: Sequence[int], shape: Shape, op: str = "", params: int | None = None
    ) -> int:
        """An operation without a rule."""
        section = self.section
        layer = Opaque(op=op or section.word, shape=shape, params=params)
        return self.assembly.add_layer(layer, inputs, name=section.name, span=section.span)

    def convolutional(self) -> int:
        size, stride = self.whole("size", 1), self.whole("stride", 1)
        dilation = self.whole("dilation", 1)
        padding = size // 2 if self.whole("pad", 0, low=0) else self.whole("padding", 0, low=0)
        if dilation > 1 and 2 * padding != size - 1:
            message = "a dilated convolution is read only if its padding keeps the size"
            raise self.wrong("unsupported-model", message, "dilation")
        return self.weighted(
            "conv",
            [self.map()],
            channels=self.whole("filters", 1),
            kernel=size,
            stride=[self.whole("stride_y", stride), self.whole("stride_x", stride)],
            padding=padding * dilation,
            dilation=dilation,
            groups=self.whole("groups", 1),
        )

    def deconvolutional(self) -> int:
        size = self.whole("size", 1)
        padding = size // 2 if self.whole("pad", 0, low=0) else self.whole("padding", 0, low=0)
        return self.weighted(
            "conv_transpose",
            [self.map()],
            channels=self.whole("filters", 1),
            kernel=size,
            stride=self.whole("stride", 1),
            padding=padding,
        )

    def connected(self) -> int:
        return self.weighted("dense", [self.current()], units=self.whole("output", 1))

    def pooled(self, kind: str, **arguments: object) -> int:
        stride = self.whole("stride", 1)
        size = self.whole("size", stride)
        padding = self.whole("padding", size - 1, low=0)
        return self.add(
            kind,
            [self.map()],
            kernel=size,
            stride=[self.whole("stride_y", stride), self.whole("stride_x", stride)],
            padding=[[padding // 2, padding - padding // 2]] * 2,
            **arguments,
        )

    def maxpool(self) -> int:
        return self.pooled("maxpool")

    def local_avgpool(self) -> int:
        return self.pooled("avgpool", count_include_pad=False)

    def avgpool(self) -> int:
        return self.add("global_avgpool", [self.map()])

    def upsample(self) -> int:
        index = self.add("upsample", [self.map()], factor=self.whole("stride", 2))
        scale = self.real("scale", 1)
        return index if scale == 1 else self.add("rescaling", [index], factor=scale)

    def route(self) -> int:
        groups = self.whole("groups", 1)
        group = self.whole("group_id", 0, low=0)
        parts = []
        for number in self.numbers("layers"):
            part = self.earlier(number)
            channels = self.shape(part)[0]
            if channels % groups or group >= groups:
                message = f"group {group} of {groups} is no part of {channels} channels"
                raise self.wrong("groups-mismatch", message, "groups")
            if groups > 1:
                each = channels // groups
                part = self.add("slice", [part], channels=[each * group, each * (group + 1)])
            parts.append(part)
        return parts[0] if len(parts) == 1 else self.add("concat", parts)

    def shortcut(self) -> int:
        value = self.current()
        shape = self.shape(value)
        branches = [value, *[self.fitted(self.earlier(n), shape) for n in self.numbers("from")]]
        weights = self.text("weights_type", "none")
        if weights not in {"none", "per_feature", "per_layer", "per_channel"}:
            message = f"'{printable(weights)}' is no type of weights"
            raise self.wrong("bad-model", message, "weights_type")
        if weights != "none":
            each = weights == "per_channel"
            branches = [self.add("scale", [branch], per_channel=each) for branch in branches]
        return self.activated(self.add("add", branches), "linear")

    def fitted(self, index: int, shape: Shape) -> int:
        """A value as a shortcut adds it to a map: the places and channels that both have."""
        if self.shape(index) == shape:
            return index
        if len(shape) != 3 or len(self.shape(index)) != 3:
            raise self.wrong("join-mismatch", "a shortcut adds maps, or equal numbers of features")
        _, h, w = self.shape(index)
        stride = h // shape[1]
        if not stride or stride != w // shape[2]:
            sizes = f"{cross_text(self.shape(index))} to {cross_text(shape)}"
            message = f"a shortcut that adds {sizes} is not read"
            raise self.wrong("unsupported-model", message, "from")
        for axis in (1, 2):
            stop = (shape[axis] - 1) * stride + 1
            if stride > 1 or stop < self.shape(index)[axis]:
                index = self.add("slice", [index], channels=[0, stop], axis=axis, step=stride)
        channels, wanted = self.shape(index)[0], shape[0]
        if channels > wanted:
            return self.add("slice", [index], channels=[0, wanted])
        if channels < wanted:
            # Zeros take the place of channels that are not there; only spatial axes are padded.
            index = self.add("transpose", [index], order=[1, 0, 2])
            index = self.add("pad", [index], padding=[[0, wanted - channels], 0])
            index = self.add("transpose", [index], order=[1, 0, 2])
        return index

    def scale_channels(self) -> int:
        gate = self.map()
        (number,) = self.numbers("from")[:1]
        return self.activated(self.add("mul", [self.earlier(number), gate]), "linear")

    def reorg3d(self) -> int:
        """Blocks of positions become channels, those of one place in its block together."""
        value, stride = self.map(), self.whole("stride", 1)
        channels = self.shape(value)[0]
        index = self.add("pixel_unshuffle", [value], factor=stride)
        return self.add("channel_shuffle", [index], groups=channels)

    def reorg(self) -> int:
        """The same as darknet first had it: of the values as if they were a larger map."""
        value, stride = self.map(), self.whole("stride", 1)
        c, h, w = self.shape(value)
        block = stride * stride
        if c % block or h % stride or w % stride:
            message = f"blocks of {stride}x{stride} do not divide {cross_text((c, h, w))}"
            raise self.wrong("window-mismatch", message, "stride")
        index = self.add("reshape", [value], shape=[c // block, h * stride, w * stride])
        index = self.add("pixel_unshuffle", [index], factor=stride)
        index = self.add("channel_shuffle", [index], groups=c // block)
        return self.add("reshape", [index], shape=[c * block, h // stride, w // stride])

    def dropout(self) -> int:
        return self.add("dropout", [self.current()], rate=self.real("probability", 0.5))

    def softmax(self) -> int:
        value, groups = self.current(), self.whole("groups", 1)
        if "tree" in self.section.options:
            return self.opaque([value], self.shape(value), params=0)
        shape = self.shape(value)
        if self.whole("spatial", 0, low=0) or elements(shape) == shape[0]:
            return self.add("softmax", [value], groups=groups)
        index = self.add("softmax", [self.add("flatten", [value])], groups=groups)
        return self.add("reshape", [index], shape=list(shape))

    def crop(self) -> int:
        value = self.map()
        sizes = self.shape(value)[1:]
        padding = []
        for key, size in zip(("crop_height", "crop_width"), sizes, strict=True):
            cut = size - self.whole(key, 1, high=size)
            padding.append([cut // 2, cut - cut // 2])
        index = self.add("crop", [value], padding=padding)
        if self.whole("noadjust", 0, low=0):
            return index
        return self.add("rescaling", [index], factor=2, offset=-1)

    def activation(self) -> int:
        return self.activated(self.current(), "linear")

    def batchnorm(self) -> int:
        return self.add("batchnorm", [self.current()])

    def normalization(self) -> int:
        size = self.whole("size", 5)
        alpha = self.real("alpha", 0.0001) * size  # darknet does not divide it by the size
        beta, k = self.real("beta", 0.75), self.real("kappa", 1)
        return self.add("lrn", [self.current()], size=size, alpha=alpha, beta=beta, k=k)

    def l2norm(self) -> int:
        return self.add("l2norm", [self.current()])

    def passed(self) -> int:
        """A layer that hands its input on: of training, or of what is done with the results."""
        return self.current()

    def local(self) -> int:
        value = self.map()
        size, stride = self.whole("size", 1), self.whole("stride", 1)
        padding = size // 2 * 2 if self.whole("pad", 0, low=0) else 0
        sizes = [(n + padding - size) // stride + 1 for n in self.shape(value)[1:]]
        return self.activated(self.opaque([value], (self.whole("filters", 1), *sizes)), "logistic")

    def recurrent_maps(self) -> int:
        value = self.map()
        size, stride = self.whole("size", 3), self.whole("stride", 1)
        padding = size // 2 if self.whole("pad", 0, low=0) else self.whole("padding", 0, low=0)
        sizes = [(n + 2 * padding - size) // stride + 1 for n in self.shape(value)[1:]]
        return self.opaque([value], (self.whole("output", 1), *sizes))

    def recurrent(self) -> int:
        return self.opaque([self.current()], (self.whole("output", 1),))

    # What detectors compute of their last maps.

    def boxes(self, count: int, each: int) -> int:
        """The last map with the numbers of each of its boxes on an axis of their own."""
        value = self.map()
        c, h, w = self.shape(value)
        if c != count * each:
            message = f"{count} boxes of {each} numbers take {count * each} channels, not {c}"
            raise self.wrong("bad-model", message)
        self.group = self.assembly.numbered(self.section.word)
        return self.add_at(
            f"{self.group}.boxes", "reshape", [value], {"shape": [count, each, h, w]}
        )

    def part(self, boxes: int, first: int, last: int, *kinds: Fused) -> int:
        """Some numbers of all boxes, computed further."""
        taken = {"channels": [first, last], "axis": 1}
        index = self.add_at(f"{self.group}.slice{first}", "slice", [boxes], taken)
        for kind, arguments in kinds:
            index = self.add_at(f"{self.group}.{kind}{first}", kind, [index], arguments)
        return index

    def joined(self, parts: Sequence[int]) -> int:
        """The parts of the boxes as one map again."""
        index = self.add_at(f"{self.group}.concat", "concat", parts, {"axis": 1})
        count, each, *sizes = self.shape(index)
        shape = [count * each, *sizes]
        return self.add_at(f"{self.group}.map", "reshape", [index], {"shape": shape})

    def yolo(self) -> int:
        count = len([text for text in self.text("mask").split(",") if text.strip()])
        each = 5 + self.whole("classes", 20, low=0)
        count = count or self.whole("num", 1)
        scale = self.real("scale_x_y", 1)
        places: list[Fused] = []
        if scale != 1:
            places = [("rescaling", {"factor": scale, "offset": (1 - scale) / 2})]
        boxes = self.boxes(count, each)
        if self.whole("new_coords", 0, low=0):
            parts = [self.part(boxes, 0, 2, *places), self.part(boxes, 2, each)]
        else:
            parts = [
                self.part(boxes, 0, 2, ("sigmoid", {}), *places),
                self.part(boxes, 2, 4),
                self.part(boxes, 4, each, ("sigmoid", {})),
            ]
        return self.joined(parts)

    def gaussian_yolo(self) -> int:
        """As yolo, with a deviation after each of the four numbers of a box."""
        count = len([text for text in self.text("mask").split(",") if text.strip()])
        each = 9 + self.whole("classes", 20, low=0)
        scale = self.real("scale_x_y", 1)
        boxes = self.boxes(count or self.whole("num", 1), each)
        sigmoid: Fused = ("sigmoid", {})
        place: Fused = ("rescaling", {"factor": scale, "offset": (1 - scale) / 2})
        if scale == 1:
            parts = [self.part(boxes, 0, 4, sigmoid)]
        else:
            parts = []
            for first in (0, 2):
                parts.append(self.part(boxes, first, first + 1, sigmoid, place))
                parts.append(self.part(boxes, first + 1, first + 2, sigmoid))
        parts += [self.part(boxes, 4, 5), self.part(boxes, 5, 6, sigmoid)]
        parts += [self.part(boxes, 6, 7), self.part(boxes, 7, each, sigmoid)]
        return self.joined(parts)

    def region(self) -> int:
        value, classes = self.current(), self.whole("classes", 20, low=0)
        count, coords = self.whole("num", 1), self.whole("coords", 4)
        if "tree" in self.section.options or "map" in self.section.options:
            return self.opaque([value], self.shape(value), params=0)
        boxes = self.boxes(count, coords + 1 + classes)
        parts = [
            self.part(boxes, 0, 2, ("sigmoid", {})),
            self.part(boxes, 2, coords),
            self.part(boxes, coords, coords + 1, ("sigmoid", {})),
        ]
        if classes:
            parts.append(self.part(boxes, coords + 1, coords + 1 + classes))
        return self.joined(parts)


#: What makes a layer of a section, by its word.
_SECTIONS: Mapping[str, Callable[[_Reader], int]] = {
    "convolutional": _Reader.convolutional,
    "conv": _Reader.convolutional,
    "deconvolutional": _Reader.deconvolutional,
    "deconv": _Reader.deconvolutional,
    "connected": _Reader.connected,
    "conn": _Reader.connected,
    "maxpool": _Reader.maxpool,
    "max": _Reader.maxpool,
    "local_avgpool": _Reader.local_avgpool,
    "avgpool": _Reader.avgpool,
    "avg": _Reader.avgpool,
    "upsample": _Reader.upsample,
    "route": _Reader.route,
    "shortcut": _Reader.shortcut,
    "scale_channels": _Reader.scale_channels,
    "sam": _Reader.scale_channels,
    "reorg": _Reader.reorg,
    "reorg3d": _Reader.reorg3d,
    "dropout": _Reader.dropout,
    "softmax": _Reader.softmax,
    "soft": _Reader.softmax,
    "crop": _Reader.crop,
    "activation": _Reader.activation,
    "batchnorm": _Reader.batchnorm,
    "normalization": _Reader.normalization,
    "lrn": _Reader.normalization,
    "l2norm": _Reader.l2norm,
    "cost": _Reader.passed,
    "detection": _Reader.passed,
    "local": _Reader.local,
    "rnn": _Reader.recurrent,
    "lstm": _Reader.recurrent,
    "gru": _Reader.recurrent,
    "crnn": _Reader.recurrent_maps,
    "conv_lstm": _Reader.recurrent_maps,
    "contrastive": _Reader.passed,
    "yolo": _Reader.yolo,
    "gaussian_yolo": _Reader.gaussian_yolo,
    "region": _Reader.region,
}
