"""What one position of a sliding window reads and makes, on a part of a layer small enough to see.

A window slides on the *wide* map: the input of a convolution or a pooling, the output of a
transposed convolution. Each of its positions belongs to one cell of the other, *narrow* map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from convcalc.arithmetic import Window
from convcalc.layers.base import Layer
from convcalc.record import Record
from convcalc.shapes import Shape

#: The most maps of a layer of several planes, padding included, that is shown whole.
_MOST_PLANES = 4
#: Cells of an axis that are shown, where the window is no longer than that; channels of a map.
MOST_CELLS, MOST_CHANNELS = 9, 3
#: The longest window and the most padding that are drawn at all.
_LONGEST = 15
#: The largest map of which numbers and several channels are shown.
_MOST_NUMBERS = 100
#: The largest map, with its padding, of which three channels are shown.
_MOST_POSITIONS = 200

State = Literal["cell", "padding", "unread"]
#: Numbers of a map: channels, rows, columns.
Numbers = Sequence[Sequence[Sequence[int]]]


class Axis(NamedTuple):
    """One axis: of the wide map positions `-before` up to `wide + after`, cut after `shown`.

    places  how many cells of the narrow map are shown, of `narrow`
    """

    wide: int
    narrow: int
    taps: int
    stride: int
    dilation: int
    before: int
    after: int
    shown: int
    places: int

    @property
    def extent(self) -> int:
        """The positions that a window spans."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def cut(self) -> bool:
        """Whether only a part is shown."""
        return self.shown < self.wide or self.places < self.narrow

    @property
    def positions(self) -> range:
        """The positions of the wide map that are shown, padding included."""
        after = self.after if self.shown == self.wide else 0
        return range(-self.before, self.shown + after)

    def start(self, place: int) -> int:
        """The first position of a window."""
        return place * self.stride - self.before

    def read(self, place: int) -> list[int]:
        """The positions that a window reads."""
        return [self.start(place) + tap * self.dilation for tap in range(self.taps)]

    def complete(self, position: int) -> bool:
        """Whether no window that is left out reaches a position of the wide map."""
        return self.places == self.narrow or position < self.start(self.places)

    def ever_read(self, position: int) -> bool:
        """Whether any window reads a position."""
        for tap in range(self.taps):
            place, rest = divmod(position + self.before - tap * self.dilation, self.stride)
            if not rest and 0 <= place < self.narrow:
                return True
        return False


#: The axis of rows where there are columns only.
_ONE_ROW = Axis(1, 1, 1, 1, 1, 0, 0, 1, 1)


class Numbered(Record):
    """The numbers of a part of a layer, as a run of it gave them.

    input, output  of the part that is shown; of three axes, planes take the place of channels:
                   those of the first channel, then those of the second
    weight   the kernel by output channel and channel of its group; empty for a pooling; of a
             transposed convolution by input channel
    bias     a number for each output channel, if there are some
    """

    input: Numbers
    output: Numbers
    weight: Sequence[Numbers] = ()
    bias: Sequence[int] = ()


class Scene(Record):
    """A layer whose windows can be drawn.

    title    what the layer is
    kind     its kind;  rank  how many axes it has
    scatters whether the window lies on the output
    rows, columns  the axes;  depth  the one before them, where all of it is shown
    inputs, outputs  how many channels are shown; `channels` of how many each output reads
    groups   groups of channels that are kept apart
    whole    whether that is all of the layer;  numbers  if the part was run
    """

    title: str
    kind: str
    rank: int
    scatters: bool
    rows: Axis
    columns: Axis
    channels: int
    inputs: int
    outputs: int
    whole: bool
    groups: int = 1
    depth: Axis = _ONE_ROW
    numbers: Numbered | None = None

    @property
    def narrow_text(self) -> str:
        """What the narrow map is: the output of all but transposed convolutions."""
        return "input" if self.scatters else "output"

    @property
    def wide_text(self) -> str:
        """What the wide map is."""
        return "output" if self.scatters else "input"

    def reads(self, output: int) -> range:
        """The channels of the input that an output channel reads."""
        if not self.whole:
            return range(self.inputs)
        start = output // (self.outputs // self.groups) * self.channels
        return range(start, start + self.channels)

    @property
    def planes(self) -> list[tuple[int, int]]:
        """The maps that are read: a channel and a position of the depth each."""
        return [(channel, z) for channel in range(self.inputs) for z in self.depth.positions]

    @property
    def default(self) -> tuple[int, int]:
        """The cell that is shown if none is asked for: it shows both padding and the step."""
        column = min(1, self.columns.places - 1)
        row = min(1, self.rows.places - 1) if self.scatters else 0
        return row, column

    def state(self, row: int, column: int) -> State:
        """What a cell of the wide map is."""
        if not (0 <= row < self.rows.wide and 0 <= column < self.columns.wide):
            return "padding"
        if self.rows.ever_read(row) and self.columns.ever_read(column):
            return "cell"
        return "unread"

    def sizes(self, narrow: bool) -> str:
        """The sizes of a map: `5\u00d75`."""
        sizes = [axis.narrow if narrow else axis.wide for axis in (self.rows, self.columns)]
        return "\u00d7".join([str(size) for size in sizes[2 - min(self.rank, 2) :]])


def scene_of(
    layer: Layer,
    inputs: Sequence[Shape],
    title: str,
    most: int = MOST_CELLS,
    *,
    planes: bool = True,
) -> Scene | None:
    """The windows of a layer, on the last two axes; None where it has none that can be drawn.

    planes  whether a small layer with three axes or with groups of channels is shown whole
    """
    windows = layer.windows(inputs)
    if not windows:
        return None
    axes = [
        _axis(window, layer.scatters, most, stepping=window is windows[-1])
        for window in windows[-2:]
    ]
    if any([axis is None for axis in axes]):
        return None
    found = [axis for axis in axes if axis is not None]
    columns = found[-1]
    rows = found[0] if len(found) > 1 else _ONE_ROW
    weight = layer.parameters(inputs).get("weight", ())
    # A kernel has output channels first and then those that each output reads; a transposed one
    # has the input channels first. What has no kernel works on each channel alone.
    c_in = int(inputs[0][0])
    channels = int(weight[1]) if weight else 1
    if layer.scatters:
        channels = c_in // int(str(layer.argument("groups")))
    outputs = int(layer.output_shape(inputs)[0])
    depth = _axis(windows[0], layer.scatters, most, stepping=True) if len(windows) > 2 else _ONE_ROW
    shown = 1 if layer.scatters else min(channels, MOST_CHANNELS)
    if len(rows.positions) * len(columns.positions) > _MOST_POSITIONS:
        shown = min(shown, 2)
    if rows.shown * columns.shown > _MOST_NUMBERS:
        shown = 1
    groups = c_in // channels
    # All channels are shown, and so is each plane of the depth, if those are few.
    whole = (
        depth is not None
        and not any([axis.cut for axis in (depth, *found)])
        and shown == channels
        and (planes or (groups == 1 and len(windows) <= 2))
        and max(c_in, outputs) <= MOST_CHANNELS
        and c_in * len(depth.positions) <= (_MOST_PLANES if len(windows) > 2 else MOST_CHANNELS)
        and (not layer.scatters or (planes and c_in == outputs == 1 and len(windows) <= 2))
    )
    return Scene(
        title=title,
        kind=layer.kind,
        rank=len(windows),
        scatters=layer.scatters,
        rows=rows,
        columns=columns,
        channels=channels,
        inputs=c_in if whole else shown,
        outputs=outputs if whole else 1,
        whole=whole,
        groups=groups,
        depth=depth if whole and depth is not None else _ONE_ROW,
    )


def _axis(window: Window, scatters: bool, most: int, *, stepping: bool) -> Axis | None:
    """The part of an axis that is drawn; None for a window that is too long to be seen.

    stepping  whether a second window is shown, however long they are
    """
    n, out, before = int(window.n), int(window.out), int(window.before)
    wide, narrow = (out, n) if scatters else (n, out)
    # How far the last window reaches beyond the map, padding or not.
    reach = (narrow - 1) * window.stride + window.extent - before - wide
    after = max(reach, 0) if scatters else max(reach, int(window.after))
    if window.extent > _LONGEST or before > _LONGEST or min(wide, narrow) < 1:
        return None
    if window.stride > _LONGEST:
        return None
    needed = window.extent - before
    if stepping or window.extent <= most:
        needed += window.stride
    shown = min(wide, max(most, needed))
    places = narrow
    if shown < wide or after > _LONGEST:
        after = min(after, _LONGEST)
        places = (shown + before - window.extent) // window.stride + 1
    places = max(min(places, narrow, 2 * most), 1)
    return Axis(
        wide,
        narrow,
        int(window.taps),
        int(window.stride),
        int(window.dilation),
        before,
        after,
        shown,
        places,
    )


class Term(NamedTuple):
    """One value that a position reads: its channel, its place, and the kernel's number for it.

    Of a transposed convolution, the place is the one of the output that their product is added to.
    """

    channel: int
    row: int
    column: int
    value: int
    weight: int
    depth: int = 0


class Frame(Record):
    """One position of the window.

    output  channel of the result;  row, column, depth  of the cell of the narrow map
    terms   what is multiplied and summed, padding included, if the part was run
    bias    what is added to the sum;  result  the number of the cell
    """

    output: int
    row: int
    column: int
    terms: tuple[Term, ...] = ()
    bias: int | None = None
    result: int | None = None
    depth: int = 0


def frame(scene: Scene, output: int, row: int, column: int, depth: int = 0) -> Frame:
    """One position, with its numbers if there are some."""
    numbers = scene.numbers
    if numbers is None:
        return Frame(output, row, column, depth=depth)
    if scene.scatters:
        return Frame(output, row, column, tuple(_scattered(scene, numbers, row, column)))
    terms = []
    channels = scene.reads(output)
    for channel in channels:
        for tap, z in enumerate(scene.depth.read(depth)):
            plane = channel * scene.depth.wide + z
            kernel = (channel - channels.start) * scene.depth.taps + tap
            inside = 0 <= z < scene.depth.wide
            for i, y in enumerate(scene.rows.read(row)):
                for j, x in enumerate(scene.columns.read(column)):
                    value = number_at(numbers.input, plane, y, x) if inside else 0
                    weight = numbers.weight[output][kernel][i][j] if numbers.weight else 1
                    terms.append(Term(channel, y, x, value, weight, z))
    bias = numbers.bias[output] if numbers.bias else None
    result = numbers.output[output * scene.depth.narrow + depth][row][column]
    return Frame(output, row, column, tuple(terms), bias, result, depth)


def _scattered(scene: Scene, numbers: Numbered, row: int, column: int) -> Iterator[Term]:
    """The products of one cell of the input of a transposed convolution."""
    value = number_at(numbers.input, 0, row, column)
    for i, y in enumerate(scene.rows.read(row)):
        for j, x in enumerate(scene.columns.read(column)):
            yield Term(0, y, x, value, numbers.weight[0][0][i][j])


def frames(scene: Scene) -> list[Frame]:
    """Every position that is shown, in the order in which a program would compute them."""
    return [
        frame(scene, output, row, column, depth)
        for output in range(scene.outputs)
        for depth in range(scene.depth.places)
        for row in range(scene.rows.places)
        for column in range(scene.columns.places)
    ]


def number_at(numbers: Numbers, channel: int, row: int, column: int) -> int:
    """A number of a map; 0 outside, as padding has it."""
    rows = numbers[channel]
    inside = 0 <= row < len(rows) and 0 <= column < len(rows[0])
    return rows[row][column] if inside else 0


def sentence(scene: Scene, shown: Frame) -> str:
    """What a position reads: `output (0, 1) reads rows \u22121 to 1, columns 1 to 3`."""
    ways = []
    inside = 1
    total = 1
    channels = scene.reads(shown.output)
    if scene.whole and scene.groups > 1:
        last = f"s {channels[0]} to {channels[-1]}" if len(channels) > 1 else f" {channels[0]}"
        ways.append(f"channel{last}")
    for axis, place, name in (
        (scene.depth, shown.depth, "plane"),
        (scene.rows, shown.row, "row"),
        (scene.columns, shown.column, "column" if scene.rank > 1 else "position"),
    ):
        if axis is _ONE_ROW:
            continue
        read = axis.read(place)
        inside *= len([position for position in read if 0 <= position < axis.wide])
        total *= len(read)
        step = f" in steps of {axis.dilation}" if axis.dilation > 1 and len(read) > 1 else ""
        if len(read) == 1:
            ways.append(f"{name} {_signed(read[0])}")
        else:
            ways.append(f"{name}s {_signed(read[0])} to {_signed(read[-1])}{step}")
    deep = () if scene.depth is _ONE_ROW else (shown.depth,)
    cell = f"({', '.join([str(place) for place in (*deep, shown.row, shown.column)])})"
    if scene.rank == 1:
        cell = f"{shown.column}"
    places = f": {inside} of {total} places lie inside" if inside < total else ""
    if scene.scatters:
        return f"input {cell} times the kernel is added to {', '.join(ways)}{places}"
    which = f"channel {shown.output} at {cell}" if scene.outputs > 1 else cell
    return f"output {which} reads {', '.join(ways)}{places}"


def part(scene: Scene) -> str:
    """What of the layer is shown, where that is not all of it; "" for all."""
    parts = []
    if not scene.whole and scene.groups > 1:
        each = "channel" if scene.channels == 1 else "group"
        parts.append(f"the first of {scene.groups} {each}s that are kept apart")
    if scene.channels > scene.inputs:
        parts.append(f"{scene.inputs} of the {scene.channels} channels that are summed")
    if scene.rank > 2 and scene.depth is _ONE_ROW:
        parts.append("two of the three axes: rows and columns")
    if any([axis.cut for axis in (scene.rows, scene.columns)]):
        parts.append("the first positions")
    return f"shown: {', '.join(parts)}" if parts else ""


def never_read(scene: Scene) -> str:
    """What of the input no window reads; "" where each is read."""
    if scene.scatters:
        return ""
    parts = []
    across = "column" if scene.rank > 1 else "position"
    for axis, name in ((scene.rows, "row"), (scene.columns, across)):
        if axis is _ONE_ROW:
            continue
        missed = [place for place in range(axis.shown) if not axis.ever_read(place)]
        if missed and axis.shown == axis.wide:
            plural = "s" if len(missed) > 1 else ""
            parts.append(f"{name}{plural} {', '.join([str(place) for place in missed])}")
    return f"never read: {'; '.join(parts)}" if parts else ""


def arithmetic(scene: Scene, shown: Frame) -> str:
    """The numbers of a position: `1\u00b70 + 2\u00b71 + 4\u00b72 + 5\u00b73 = 25`."""
    if not shown.terms:
        return ""
    if scene.scatters:
        taps = scene.columns.taps
        rows = [shown.terms[start : start + taps] for start in range(0, len(shown.terms), taps)]
        kernel = "; ".join([", ".join([_signed(term.weight) for term in row]) for row in rows])
        numbers = scene.numbers
        last = ""
        if numbers is not None and numbers.bias:
            last = f"; at last, the bias {_signed(numbers.bias[0])} is added everywhere"
        return f"{_signed(shown.terms[0].value)} \u00b7 ({kernel}) is added{last}"
    if shown.result is None:
        return ""
    result = _signed(shown.result)
    if scene.numbers is not None and scene.numbers.weight:
        products = [f"{_signed(term.value)}\u00b7{_factor(term.weight)}" for term in shown.terms]
        bias = [] if shown.bias is None else [_factor(shown.bias)]
        return f"{' + '.join([*products, *bias])} = {result}"
    inside = [term for term in shown.terms if _inside(scene, term)]
    values = ", ".join([_signed(term.value) for term in inside])
    if scene.kind == "maxpool":
        return f"max({values}) = {result}"
    if scene.kind == "minpool":
        return f"min({values}) = {result}"
    if scene.kind == "avgpool":
        # Padding counts as zeros, or not at all, as the layer has it.
        if sum([term.value for term in shown.terms]) == shown.result * len(shown.terms):
            values = ", ".join([_signed(term.value) for term in shown.terms])
        return f"mean({values}) = {result}"
    return ""


def _inside(scene: Scene, term: Term) -> bool:
    if not 0 <= term.depth < scene.depth.wide:
        return False
    return 0 <= term.row < scene.rows.wide and 0 <= term.column < scene.columns.wide


def _signed(value: int) -> str:
    return str(value).replace("-", "\u2212")


def _factor(value: int) -> str:
    return f"({_signed(value)})" if value < 0 else str(value)


#: Kinds whose results are sums of products, or chosen numbers, or means of them.
_RUN = frozenset(
    {"conv", "depthwise", "conv_transpose", "maxpool", "minpool", "avgpool"},
)


def can_run(scene: Scene) -> bool:
    """Whether the numbers of a scene can be shown."""
    few = scene.rows.shown * scene.columns.shown <= _MOST_NUMBERS
    return few and (scene.rank <= 2 or scene.whole) and scene.kind in _RUN


def part_of(layer: Layer, scene: Scene, inputs: Sequence[Shape]) -> tuple[Layer, Shape]:
    """The layer and the input that are run for the numbers of a scene that `can_run`."""
    axes = (scene.depth, scene.rows, scene.columns)[3 - scene.rank :]
    sizes = tuple([axis.places if scene.scatters else axis.shown for axis in axes])
    settled = layer.settled(inputs)
    if scene.whole:
        return settled, (scene.inputs, *sizes)
    channels = 1 if scene.scatters else scene.inputs
    wanted: dict[str, Any] = {"groups": 1, "channels": 1, "multiplier": 1, "bias": False}
    changes = {name: value for name, value in wanted.items() if name in layer.fields}
    return settled.replace(**changes), (channels, *sizes)


def step_of(scene: Scene) -> int:
    """By what the inputs of a run are multiples, so that the results are whole numbers."""
    return scene.rows.taps * scene.columns.taps * scene.depth.taps if scene.kind == "avgpool" else 1
