"""Operations that move, select or repeat values, and reductions along axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod

from convcalc.exchange.onnx.axes import (
    axes_of,
    axis_of,
    repeats_of,
    slices_of,
    split_sizes,
    transposed_order,
)
from convcalc.exchange.onnx.values import Constant, Op, Value
from convcalc.exchange.onnx.writer import Axes, Unsupported, View, Writer
from convcalc.exchange.onnx.writing.pointwise import along
from convcalc.shapes import MOST_WINDOW_AXES

#: The longest list of indices that a `gather` of ours takes.
_MOST_INDICES = 1000


def transpose(writer: Writer, op: Op) -> None:
    """Transpose: the same node with its axes named in another order."""
    view = writer.view(op.x)
    order = transposed_order(op, len(op.x.shape))
    writer.relabel(op.outputs[0], view, tuple([view.axes[axis] for axis in order]))


def reshape(writer: Writer, op: Op) -> None:
    """Reshape, Flatten, Squeeze and Unsqueeze."""
    old, new = op.x.shape, op.outputs[0].shape
    view = writer.view(op.x)
    groups = split_groups(old, new)
    axes: list[int | None] = [None] * len(new)
    if all([len(before) == len(after) == 1 for before, after in groups]):
        for before, after in groups:
            axes[after[0]] = view.axes[before[0]]
        writer.relabel(op.outputs[0], view, tuple(axes))
        return
    own = writer.shape(view.node)
    if all([_contiguous(view, own, before) for before, _ in groups]):
        # In the node's own order: axes that were split or merged stay where they are.
        groups.sort(key=lambda group: view.axes[group[0][0]] or 0)
        order = None
    else:
        groups.sort(key=lambda group: min([view.axes[axis] or 0 for axis in group[0]]))
        order = [axis for before, _ in groups for axis in before]
    shape = tuple([new[axis] for _, after in groups for axis in after]) or (1,)
    if order is None:
        node = writer.reshape(view.node, shape)
    else:
        node = writer.reshape(writer.arranged(op.x, order), shape)
    place = 0
    for _, after in groups:
        for axis in after:
            axes[axis] = place
            place += 1
    writer.put(op.outputs[0], node, tuple(axes))


def split_groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Which axes of a shape become which of another, in the smallest groups; no axes of size 1.

    >>> split_groups((1, 197, 2304), (1, 197, 3, 12, 64))
    [([1], [1]), ([2], [2, 3, 4])]
    """
    olds = [axis for axis, size in enumerate(old) if size != 1]
    news = [axis for axis, size in enumerate(new) if size != 1]
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(olds) and j < len(news):
        before, after = [olds[i]], [news[j]]
        left, right = old[olds[i]], new[news[j]]
        i, j = i + 1, j + 1
        while left != right:
            if left < right:
                left *= old[olds[i]]
                before.append(olds[i])
                i += 1
            else:
                right *= new[news[j]]
                after.append(news[j])
                j += 1
        groups.append((before, after))
    return groups


def _contiguous(view: View, own: Sequence[int], axes: Sequence[int]) -> bool:
    """Whether some axes follow each other in the node, with none but those of size 1 between."""
    places = [view.axes[axis] for axis in axes]
    for first, second in pairwise(places):
        if first is None or second is None or second <= first:
            return False
        if prod(own[first + 1 : second]) != 1:
            return False
    return True


def _taken(writer: Writer, view: View, axis: int, part: range, n: int) -> int:
    """The node with a range of one axis of a value."""
    place = view.axes[axis]
    if len(part) == n and part.step == 1:
        return view.node
    if not part:
        raise Unsupported
    if place is None:
        raise Unsupported
    if part.step < 0:
        if n > 1000:
            raise Unsupported
        return writer.add("gather", {"indices": [*part], "axis": place}, [view.node])
    args: dict[str, object] = {"channels": [part.start, part[-1] + 1]}
    if place:
        args["axis"] = place
    if part.step != 1:
        args["step"] = part.step
    return writer.add("slice", args, [view.node])


def _cropped(writer: Writer, view: View, parts: Mapping[int, range]) -> int | None:
    """The node with ranges of several spatial axes, where that is a crop of a map."""
    shape = writer.shape(view.node)
    places = {view.axes[axis]: part for axis, part in parts.items()}
    if not 2 <= len(shape) <= 1 + MOST_WINDOW_AXES:
        return None
    for place, part in places.items():
        if not place or part.step != 1 or not part:
            return None
    rows = [places.get(place, range(n)) for place, n in enumerate(shape)][1:]
    cut = [[row.start, n - row.stop] for row, n in zip(rows, shape[1:], strict=True)]
    return writer.add("crop", {"padding": cut}, [view.node]) if any(map(any, cut)) else None


def slice_(writer: Writer, op: Op) -> None:
    """Slice."""
    if 0 in op.outputs[0].shape:
        return
    view = writer.view(op.x)
    parts = slices_of(op, op.x.shape)
    if len(parts) > 1 and (cropped := _cropped(writer, view, parts)) is not None:
        writer.put(op.outputs[0], cropped, view.axes)
        return
    for axis, part in parts.items():
        node = _taken(writer, view, axis, part, op.x.shape[axis])
        view = View(node, view.axes, view.sole and node == view.node)
    if view.node == writer.view(op.x).node:
        writer.relabel(op.outputs[0], view, view.axes)
    else:
        writer.put(op.outputs[0], view.node, view.axes)


def split(writer: Writer, op: Op) -> None:
    """Split: a slice for each part that is read."""
    axis, sizes = split_sizes(op, op.x.shape)
    view = writer.view(op.x)
    start = 0
    for value, size in zip(op.outputs, sizes, strict=True):
        if value.users and size:
            part = range(start, start + size)
            node = _taken(writer, view, axis, part, op.x.shape[axis])
            if node == view.node:
                writer.relabel(value, view, view.axes)
            else:
                writer.put(value, node, view.axes)
        start += size


def gather(writer: Writer, op: Op) -> None:
    """Gather of constant indices."""
    indices = op.input(1)
    numbers = indices.numbers() if isinstance(indices, Constant) else None
    if not isinstance(indices, Constant) or numbers is None:
        raise Unsupported
    x = op.x
    axis = axis_of(op, len(x.shape))
    n = x.shape[axis]
    taken = indices.evenly()
    if taken and taken[0] < 0:
        # Counted from the end.
        taken = range(taken.start + n, taken.stop + n, taken.step) if taken[-1] < 0 else None
    view = writer.view(x)
    place = view.axes[axis]
    axes: list[int | None] = [
        *view.axes[:axis],
        *[None for _ in indices.shape],
        *view.axes[axis + 1 :],
    ]
    if taken and len(taken) == 1:
        node = _taken(writer, view, axis, taken, n)
        # The axis of size 1 that is left is named by none.
        if node == view.node:
            writer.relabel(op.outputs[0], view, tuple(axes))
        else:
            writer.put(op.outputs[0], node, tuple(axes))
        return
    if place is None:
        raise Unsupported
    if taken:
        node = _taken(writer, view, axis, taken, n)
    elif len(numbers) > _MOST_INDICES:
        raise Unsupported
    else:
        picked = [round(number) + (n if number < 0 else 0) for number in numbers]
        args: dict[str, object] = {"indices": picked}
        if place:
            args["axis"] = place
        node = writer.add("gather", args, [view.node])
    own = writer.shape(node)
    wide = [number for number, size in enumerate(indices.shape) if size != 1]
    sizes = [indices.shape[number] for number in wide]
    node = writer.reshape(node, (*own[:place], *sizes, *own[place + 1 :]))
    extra = len(sizes) - 1
    axes = [each if each is None or each < place else each + extra for each in axes]
    for number, which in enumerate(wide):
        axes[axis + which] = place + number
    writer.put(op.outputs[0], node, tuple(axes))


def concat(writer: Writer, op: Op) -> None:
    """Concat along any axis, in the layout of the largest value."""
    values = [value for value in op.inputs if value is not None and 0 not in value.shape]
    axis = axis_of(op, len(op.outputs[0].shape))
    if len(values) == 1:
        view = writer.view(values[0])
        writer.relabel(op.outputs[0], view, view.axes)
        return
    live = [value for value in values if not isinstance(value, Constant)]
    main = max(live or values, key=lambda value: prod(value.shape))
    view = writer.view(main)
    axes: list[int | None] = [*view.axes]
    own = writer.shape(view.node)
    node = view.node
    if axes[axis] is None:
        unnamed = [place for place in range(len(own)) if place not in axes]
        if unnamed:
            axes[axis] = unnamed[0]
        else:
            node = writer.reshape(node, (*own, 1))
            axes[axis] = len(own)
    places: list[int | None] = [None] * len(writer.shape(node))
    for number, place in enumerate(axes):
        if place is not None:
            places[place] = number
    nodes = [node if value is main else writer.arranged(value, places) for value in values]
    args = {"axis": axes[axis]} if axes[axis] else {}
    writer.put(op.outputs[0], writer.add("concat", args, nodes), tuple(axes))


def expand(writer: Writer, op: Op) -> None:
    """Expand."""
    _repeated(writer, op, op.x, op.outputs[0].shape)


def _repeated(writer: Writer, op: Op, value: Value, result: Sequence[int]) -> None:
    """A value whose axes of size 1 are repeated to a shape."""
    view = writer.view(value)
    axes: list[int | None] = [*[None] * (len(result) - len(value.shape)), *view.axes]
    shape = (*[1] * (len(result) - len(value.shape)), *value.shape)
    grown = [axis for axis, size in enumerate(result) if size != shape[axis]]
    if not grown:
        writer.relabel(op.outputs[0], view, tuple(axes))
        return
    node = view.node
    for axis in grown:
        if axes[axis] is None:
            own = writer.shape(node)
            node = writer.reshape(node, (*own, 1))
            axes[axis] = len(own)
    sizes = [-1] * len(writer.shape(node))
    for axis in grown:
        sizes[axes[axis] or 0] = result[axis]
    node = writer.add("broadcast", {"shape": sizes}, [node])
    writer.put(op.outputs[0], node, tuple(axes))


def tile(writer: Writer, op: Op) -> None:
    """Tile of axes of size 1, or of an axis as a whole."""
    repeats = repeats_of(op, op.x.shape)
    if any([times != 1 and size != 1 for times, size in zip(repeats, op.x.shape, strict=True)]):
        wide = [axis for axis, times in enumerate(repeats) if times != 1]
        if len(wide) != 1 or repeats[wide[0]] > 100:
            raise Unsupported
        view = writer.view(op.x)
        place = view.axes[wide[0]]
        nodes = [view.node] * repeats[wide[0]]
        node = writer.add("concat", {"axis": place} if place else {}, nodes)
        writer.put(op.outputs[0], node, view.axes)
        return
    _repeated(writer, op, op.x, op.outputs[0].shape)


_REDUCTIONS = {"ReduceMean": "reduce_mean", "ReduceSum": "reduce_sum", "ReduceMax": "reduce_max"}
_GLOBAL = {"ReduceMean": "global_avgpool", "ReduceMax": "global_maxpool"}


def reduction(writer: Writer, op: Op) -> None:
    """ReduceMean, ReduceSum and ReduceMax; along all spatial axes a global pooling."""
    x = op.x
    axes = [axis for axis in axes_of(op, len(x.shape)) if x.shape[axis] != 1]
    view = writer.view(x)
    places = [view.axes[axis] for axis in axes]
    node = view.node
    if axes:
        own = writer.shape(node)
        spatial = [place for place in range(1, len(own)) if own[place] != 1]
        found = sorted([place for place in places if place is not None])
        if op.type in _GLOBAL and found == spatial and len(own) > 1:
            node = writer.add(_GLOBAL[op.type], {}, [node])
        else:
            node = writer.add(_REDUCTIONS[op.type], {"axes": found}, [node])
    left = _left(op, view)
    if node == view.node:
        writer.relabel(op.outputs[0], view, left)
    else:
        writer.put(op.outputs[0], node, left)


def length(writer: Writer, op: Op) -> None:
    """ReduceL2 and ReduceSumSquare: products, their sum, and its root."""
    view = writer.view(op.x)
    squares = writer.add("mul", {}, [view.node, view.node])
    axes = [view.axes[axis] for axis in axes_of(op, len(op.x.shape)) if op.x.shape[axis] != 1]
    node = squares
    if axes:
        places = sorted([place for place in axes if place is not None])
        node = writer.add("reduce_sum", {"axes": places}, [squares])
    if op.type == "ReduceL2":
        node = writer.add("sqrt", {}, [node])
    writer.put(op.outputs[0], node, _left(op, view))


def smallest(writer: Writer, op: Op) -> None:
    """ReduceMin: the largest of the negated values, negated."""
    view = writer.view(op.x)
    axes = [view.axes[axis] for axis in axes_of(op, len(op.x.shape)) if op.x.shape[axis] != 1]
    node = writer.add("rescaling", {"factor": -1}, [view.node])
    if axes:
        places = sorted([place for place in axes if place is not None])
        node = writer.add("reduce_max", {"axes": places}, [node])
    node = writer.add("rescaling", {"factor": -1}, [node])
    writer.put(op.outputs[0], node, _left(op, view))


def _left(op: Op, view: View) -> Axes:
    """The axes that a reduction leaves."""
    if op.whole("keepdims", 1):
        return view.axes
    gone = axes_of(op, len(op.x.shape))
    return tuple([place for axis, place in enumerate(view.axes) if axis not in gone])


def channel_shuffle(writer: Writer, op: Op) -> None:
    """The pattern of a channel shuffle."""
    view, axes = along(writer, op.x, 1)
    node = writer.add("channel_shuffle", {"groups": op.whole("groups", 1)}, [view.node])
    writer.put(op.outputs[0], node, axes)


def pixel_shuffle(writer: Writer, op: Op) -> None:
    """The pattern of a pixel shuffle, or of what undoes one."""
    node = writer.add(op.type, {"factor": op.whole("factor", 1)}, [writer.channels_first(op.x)])
    writer.put_first(op.outputs[0], node)


def depth_to_space(writer: Writer, op: Op) -> None:
    """DepthToSpace: a pixel shuffle, or one with the axes of its blocks in another order."""
    block = op.whole("blocksize", 1)
    _, channels, height, width = op.x.shape
    node = writer.channels_first(op.x)
    if op.text("mode", "DCR") == "CRD":
        node = writer.add("pixel_shuffle", {"factor": block}, [node])
    else:
        each = channels // (block * block)
        node = writer.reshape(node, (block, block, each, height, width))
        node = writer.transpose(node, [2, 3, 0, 4, 1])
        node = writer.reshape(node, (each, height * block, width * block))
    writer.put_first(op.outputs[0], node)


def space_to_depth(writer: Writer, op: Op) -> None:
    """SpaceToDepth."""
    block = op.whole("blocksize", 1)
    _, channels, height, width = op.x.shape
    node = writer.channels_first(op.x)
    node = writer.reshape(node, (channels, height // block, block, width // block, block))
    node = writer.transpose(node, [2, 4, 0, 1, 3])
    node = writer.reshape(node, (channels * block * block, height // block, width // block))
    writer.put_first(op.outputs[0], node)
