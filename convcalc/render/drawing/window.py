"""What one position of a sliding window reads and makes, on a part of a layer small enough to see.

A window slides on the *wide* map: the input of a convolution or a pooling, the output of a
transposed convolution. Each of its positions belongs to one cell of the other, *narrow* map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from convcalc.arithmetic import Window
from convcalc.layers.base import Layer
from convcalc.record import Record
from convcalc.shapes import Shape

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

    input, output  of the part that is shown
    weight   the kernel by output channel and channel of its group; empty for a pooling
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
    rows, columns  the axes
    inputs, outputs  how many channels are shown; `channels` of how many each output reads
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
    numbers: Numbered | None = None

    @property
    def narrow_text(self) -> str:
        """What the narrow map is: the output of all but transposed convolutions."""
        return "input" if self.scatters else "output"

    @property
    def wide_text(self) -> str:
        """What the wide map is."""
        return "output" if self.scatters else "input"

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
    layer: Layer, inputs: Sequence[Shape], title: str, most: int = MOST_CELLS
) -> Scene | None:
    """The windows of a layer, on the last two axes; None where it has none that can be drawn."""
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
    channels = int(weight[1]) if weight and not layer.scatters else 1
    outputs = int(layer.output_shape(inputs)[0])
    whole = (
        len(windows) <= 2
        and not any([axis.cut for axis in found])
        and not layer.scatters
        and channels <= MOST_CHANNELS
        and outputs <= MOST_CHANNELS
        and channels == int(inputs[0][0])
    )
    shown = min(channels, MOST_CHANNELS)
    if len(rows.positions) * len(columns.positions) > _MOST_POSITIONS:
        shown = min(shown, 2)
    if rows.shown * columns.shown > _MOST_NUMBERS:
        shown = 1
    return Scene(
        title=title,
        kind=layer.kind,
        rank=len(windows),
        scatters=layer.scatters,
        rows=rows,
        columns=columns,
        channels=channels,
        inputs=shown,
        outputs=outputs if whole else 1,
        whole=whole,
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
    """One value that a position reads: its channel, its place, and the kernel's number for it."""

    channel: int
    row: int
    column: int
    value: int
    weight: int


class Frame(Record):
    """One position of the window.

    output  channel of the result;  row, column  of the cell of the narrow map
    terms   what is multiplied and summed, padding included, if the part was run
    bias    what is added to the sum;  result  the number of the cell
    """

    output: int
    row: int
    column: int
    terms: tuple[Term, ...] = ()
    bias: int | None = None
    result: int | None = None


def frame(scene: Scene, output: int, row: int, column: int) -> Frame:
    """One position, with its numbers if there are some."""
    numbers = scene.numbers
    if numbers is None or scene.scatters:
        return Frame(output, row, column)
    terms = []
    for channel in range(scene.inputs):
        for i, y in enumerate(scene.rows.read(row)):
            for j, x in enumerate(scene.columns.read(column)):
                value = number_at(numbers.input, channel, y, x)
                weight = numbers.weight[output][channel][i][j] if numbers.weight else 1
                terms.append(Term(channel, y, x, value, weight))
    bias = numbers.bias[output] if numbers.bias else None
    return Frame(output, row, column, tuple(terms), bias, numbers.output[output][row][column])


def frames(scene: Scene) -> list[Frame]:
    """Every position that is shown, in the order in which a program would compute them."""
    return [
        frame(scene, output, row, column)
        for output in range(scene.outputs)
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
    for axis, place, name in (
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
    cell = f"({shown.row}, {shown.column})" if scene.rank > 1 else f"{shown.column}"
    places = f": {inside} of {total} places lie inside" if inside < total else ""
    if scene.scatters:
        return f"input {cell} times the kernel is added to {', '.join(ways)}{places}"
    return f"output {cell} reads {', '.join(ways)}{places}"


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
    if shown.result is None or not shown.terms:
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
    return ""


def _inside(scene: Scene, term: Term) -> bool:
    return 0 <= term.row < scene.rows.wide and 0 <= term.column < scene.columns.wide


def _signed(value: int) -> str:
    return str(value).replace("-", "\u2212")


def _factor(value: int) -> str:
    return f"({_signed(value)})" if value < 0 else str(value)


def can_run(scene: Scene) -> bool:
    """Whether the numbers of a scene can be shown: they are sums of products, or chosen ones."""
    few = scene.rows.shown * scene.columns.shown <= _MOST_NUMBERS
    return few and scene.rank <= 2 and scene.kind in {"conv", "depthwise", "maxpool", "minpool"}


def part_of(layer: Layer, scene: Scene, inputs: Sequence[Shape]) -> tuple[Layer, Shape]:
    """The layer and the input that are run for the numbers of a scene that `can_run`."""
    rank = len(inputs[0]) - 1
    changes: dict[str, Any] = {}
    if "groups" in layer.fields:
        changes["groups"] = 1
    if "channels" in layer.fields:
        changes["channels"] = scene.outputs
    if "multiplier" in layer.fields:
        changes["multiplier"] = 1
    if "bias" in layer.fields and not scene.whole:
        changes["bias"] = False
    axes = (scene.rows, scene.columns)[2 - rank :]
    sizes = tuple([axis.shown for axis in axes])
    return layer.settled(inputs).replace(**changes), (scene.inputs, *sizes)
