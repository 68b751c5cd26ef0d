"""What the attributes and constant inputs of an operation say of axes and sizes.

Every version of an operation gives the same answer here: what was an attribute became an input.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.exchange.onnx.values import Constant, Op, broadcast
from convcalc.problems import printable
from convcalc.shapes import LARGEST_SIZE, Shape


def axis_in(op: Op, axis: int, rank: int) -> int:
    """An axis counted from 0, which may have been counted from the end."""
    if not -rank <= axis < rank:
        raise op.refuse("bad-model", f"axis {axis} of a value with {rank} axes")
    return axis + rank if axis < 0 else axis


def axis_of(op: Op, rank: int, default: int = 0) -> int:
    """The attribute `axis`."""
    return axis_in(op, op.whole("axis", default), rank)


def axes_of(op: Op, rank: int) -> list[int]:
    """The axes that a reduction goes along, in order: the attribute or the input; else all."""
    axes = op.listed("axes", 1)
    if axes is None or (not axes and len(op.inputs) > 1):
        if op.whole("noop_with_empty_axes", 0):
            return []
        return [*range(rank)]
    return sorted({axis_in(op, axis, rank) for axis in axes})


def kept_axes(op: Op, shape: Shape, axes: Sequence[int]) -> Shape:
    """The shape that a reduction along some axes leaves."""
    kept = op.whole("keepdims", 1)
    sizes = [1 if axis in axes else n for axis, n in enumerate(shape) if kept or axis not in axes]
    return tuple(sizes)


def transposed_order(op: Op, rank: int) -> list[int]:
    """The order in which a Transpose puts the axes."""
    order = op.ints("perm")
    if order is None:
        return [*range(rank)][::-1]
    if sorted(order) != [*range(rank)]:
        raise op.refuse("bad-model", f"'perm' {order} does not name each of {rank} axes once")
    return order


def reshaped(op: Op, shape: Shape) -> Shape:
    """The shape that a Reshape or Flatten gives."""
    if op.type == "Flatten":
        axis = op.whole("axis", 1)
        axis = axis if axis == len(shape) else axis_in(op, axis, len(shape))
        return prod(shape[:axis]), prod(shape[axis:])
    wanted = op.listed("shape", 1)
    if wanted is None:
        raise op.refuse("bad-model", "it has no shape")
    sizes = list(wanted)
    if not op.whole("allowzero", 0):
        for axis, size in enumerate(sizes):
            if size == 0:
                if axis >= len(shape):
                    raise op.refuse("bad-model", f"size 0 on axis {axis} copies none")
                sizes[axis] = shape[axis]
    _one_sample(op, shape, sizes)
    total = prod(shape)
    if -1 in sizes:
        known = -prod(sizes)
        if sizes.count(-1) > 1 or known <= 0 or total % known:
            raise _no_reshape(op, shape, wanted)
        sizes[sizes.index(-1)] = total // known
    if any(size < 0 for size in sizes) or prod(sizes) != total:
        raise _no_reshape(op, shape, wanted)
    return tuple(sizes)


def _one_sample(op: Op, shape: Shape, sizes: list[int]) -> None:
    """Puts 1 in the place of the file's batch, where a new shape begins with it."""
    if op.batch > 1 and sizes and sizes[0] == op.batch and shape[:1] == (1,):
        sizes[0] = 1


def _no_reshape(op: Op, shape: Shape, wanted: Sequence[int]) -> Exception:
    text = printable(list(wanted), 200)
    return op.refuse("bad-model", f"{list(shape)} does not become {text}")


def squeezed(op: Op, shape: Shape) -> Shape:
    """The shape without the axes that a Squeeze removes."""
    axes = op.listed("axes", 1)
    removed = {axis_in(op, axis, len(shape)) for axis in axes} if axes is not None else None
    if removed is None:
        return tuple([size for size in shape if size != 1])
    if any(shape[axis] != 1 for axis in removed):
        raise op.refuse("bad-model", f"it removes axes {sorted(removed)} of {list(shape)}")
    return tuple([size for axis, size in enumerate(shape) if axis not in removed])


def unsqueezed(op: Op, shape: Shape) -> Shape:
    """The shape with the axes of size 1 that an Unsqueeze adds."""
    axes = op.listed("axes", 1) or []
    rank = len(shape) + len(axes)
    if rank > 100:
        raise op.refuse("bad-model", f"a value with {rank} axes")
    added = {axis_in(op, axis, rank) for axis in axes}
    if len(added) != len(axes):
        raise op.refuse("bad-model", f"it adds one axis twice: {axes}")
    sizes = iter(shape)
    return tuple([1 if axis in added else next(sizes) for axis in range(rank)])


def expanded(op: Op, shape: Shape) -> Shape:
    """The shape that an Expand repeats a value to."""
    wanted = list(op.constant_ints(1) or [])
    _one_sample(op, shape, wanted)
    result = broadcast([shape, tuple(wanted)])
    if result is None or any(size < 0 for size in result):
        raise op.refuse("bad-model", f"{list(shape)} does not expand to {wanted[:10]}")
    return result


def repeats_of(op: Op, shape: Shape) -> list[int]:
    """How often a Tile repeats each axis."""
    repeats = op.constant_ints(1) or []
    if len(repeats) != len(shape) or any(times < 0 for times in repeats):
        raise op.refuse("bad-model", f"repeats {repeats[:10]} of {list(shape)}")
    return repeats


def slices_of(op: Op, shape: Shape) -> dict[int, range]:
    """The positions that a Slice takes of some axes."""
    starts, ends = op.listed("starts", 1), op.listed("ends", 2)
    axes, steps = op.listed("axes", 3), op.constant_ints(4)
    if starts is None or ends is None or len(starts) != len(ends):
        raise op.refuse("bad-model", "it has no starts and ends, one for each axis")
    axes = [*range(len(starts))] if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if len(axes) != len(starts) or len(steps) != len(starts) or 0 in steps:
        raise op.refuse("bad-model", "it has no axis and step for each start")
    taken = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        place = axis_in(op, axis, len(shape))
        n = shape[place]
        stop = None if step < 0 and end < -n else end
        taken[place] = range(n)[slice(start, stop, step)]
    return taken


def split_sizes(op: Op, shape: Shape) -> tuple[int, list[int]]:
    """The axis that a Split cuts, and the sizes of the parts."""
    axis = axis_of(op, len(shape))
    n, parts = shape[axis], len(op.outputs)
    sizes = op.listed("split", 1)
    if sizes is None:
        each = -(-n // parts)
        sizes = [min(each, max(n - each * part, 0)) for part in range(parts)]
    if len(sizes) != parts or sum(sizes) != n or any(size < 0 for size in sizes):
        raise op.refuse("bad-model", f"parts of {sizes[:10]} do not make {n}")
    return axis, sizes


def pads_of(op: Op, rank: int) -> list[tuple[int, int]]:
    """What a Pad adds before and after each axis; less than 0 where it crops."""
    pads = op.listed("pads", 1)
    axes = op.constant_ints(3)
    places = [*range(rank)] if axes is None else [axis_in(op, axis, rank) for axis in axes]
    if pads is None or len(pads) != 2 * len(places):
        raise op.refuse("bad-model", f"it has no two pads for each of {len(places)} axes")
    sides = [(0, 0)] * rank
    for number, axis in enumerate(places):
        sides[axis] = pads[number], pads[len(places) + number]
    return sides


class WindowArguments:
    """The window of a convolution or pooling, one entry for each spatial axis."""

    __slots__ = ("dilation", "kernel", "padding", "stride")

    def __init__(self, op: Op, sizes: Sequence[int], kernel: Sequence[int]) -> None:
        rank = len(sizes)
        self.kernel = [*kernel]
        self.stride = op.ints("strides", rank, 1) or []
        self.dilation = op.ints("dilations", rank, 1) or []
        numbers = [*self.kernel, *self.stride, *self.dilation]
        if any(not 1 <= number <= LARGEST_SIZE for number in numbers) or len(kernel) != rank:
            raise op.refuse("bad-model", f"a window of {self.kernel[:10]} on {list(sizes)}")
        word = op.text("auto_pad", "NOTSET")
        if word in ("NOTSET", ""):
            pads = op.ints("pads", 2 * rank, 0) or []
            self.padding = [(pads[axis], pads[rank + axis]) for axis in range(rank)]
        elif word == "VALID":
            self.padding = [(0, 0)] * rank
        elif word in ("SAME_UPPER", "SAME_LOWER"):
            self.padding = [self._same(axis, n, word) for axis, n in enumerate(sizes)]
        else:
            raise op.refuse("bad-model", f"unknown padding {printable(word)}")

    def _same(self, axis: int, n: int, word: str) -> tuple[int, int]:
        stride = self.stride[axis]
        total = max((-(-n // stride) - 1) * stride + self.extent(axis) - n, 0)
        less, more = total // 2, total - total // 2
        return (more, less) if word == "SAME_LOWER" else (less, more)

    def extent(self, axis: int) -> int:
        """How many positions a dilated window spans."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def outputs(self, op: Op, sizes: Sequence[int]) -> list[int]:
        """The sizes of the result; rounded up with `ceil_mode`."""
        found = []
        for axis, n in enumerate(sizes):
            before, after = self.padding[axis]
            stride = self.stride[axis]
            room = n + before + after - self.extent(axis)
            if room < 0:
                raise op.refuse("bad-model", f"a window of {self.kernel} on {list(sizes)}")
            size = room // stride + 1
            if op.whole("ceil_mode", 0) and room % stride and size * stride < n + before:
                size += 1
            found.append(size)
        return found


def weight_shape(value: Constant) -> Shape:
    """The shape of a matrix without leading axes of size 1.

    >>> from convcalc.exchange.onnx.values import FLOAT
    >>> weight_shape(Constant("w", (1, 1, 8, 4), FLOAT))
    (8, 4)
    """
    shape = value.shape
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape
