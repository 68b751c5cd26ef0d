"""Activations, and arithmetic on elements."""

from __future__ import annotations

from math import prod

from convcalc.exchange.onnx.axes import axis_of
from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.values import Constant, Op, Value, scalar
from convcalc.exchange.onnx.writer import Axes, Unsupported, View, Writer

#: Activations without arguments.
ACTIVATIONS: dict[str, str] = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Selu": "selu",
    "HardSwish": "hard_swish",
    "Mish": "mish",
    "Sqrt": "sqrt",
    "silu": "silu",
    "hard_swish": "hard_swish",
    "gelu": "gelu",
    "mish": "mish",
    "relu6": "relu6",
}


def short(number: float) -> float:
    """A number that was stored as a float32, with the digits that it was written with.

    >>> short(0.10000000149011612)
    0.1
    """
    return float(f"{number:.7g}")


def unary(writer: Writer, op: Op, kind: str, args: dict[str, object] | None = None) -> None:
    """An activation, which is the same whatever the layout."""
    view = writer.view(op.x)
    node = writer.fused(kind, args or {}, view)
    writer.put(op.outputs[0], node, view.axes)


def activation(writer: Writer, op: Op) -> None:
    """An activation without arguments."""
    unary(writer, op, ACTIVATIONS[op.type])


def with_slope(writer: Writer, op: Op) -> None:
    """LeakyRelu, Elu, Celu and HardSigmoid."""
    alpha = short(op.real("alpha", {"LeakyRelu": 0.01, "HardSigmoid": 0.2}.get(op.type, 1.0)))
    if op.type == "LeakyRelu":
        unary(writer, op, "leaky_relu", {"slope": alpha})
    elif op.type == "HardSigmoid":
        beta = short(op.real("beta", 0.5))
        usual = abs(alpha - 1 / 6) < 1e-6 and beta == 0.5
        unary(writer, op, "hard_sigmoid", {} if usual else {"alpha": alpha, "beta": beta})
    else:
        unary(writer, op, op.type.lower(), {} if alpha == 1 else {"alpha": alpha})


def gelu(writer: Writer, op: Op) -> None:
    """Gelu in its exact form."""
    if op.text("approximate", "none") != "none":
        raise Unsupported
    unary(writer, op, "gelu")


def prelu(writer: Writer, op: Op) -> None:
    """PRelu with a slope for all channels or one for each."""
    slope = op.input(1)
    if not isinstance(slope, Constant):
        raise Unsupported
    view = writer.view(op.x)
    each = slope.elements != 1
    if each:
        axis = (
            len(op.x.shape)
            - len(slope.shape)
            + max(range(len(slope.shape)), key=lambda i: slope.shape[i])
        )
        if view.axes[axis] != 0 or slope.elements != op.x.shape[axis]:
            raise Unsupported
    node = writer.fused("prelu", {"per_channel": each}, view)
    path = writer.builder.nodes[node].path
    writer.tensor(path, "weight", slope, ("reshape", (slope.elements,)))
    writer.share(node, [slope])
    writer.put(op.outputs[0], node, view.axes)


def clip(writer: Writer, op: Op) -> None:
    """Clip, and Max or Min with a number."""
    least, most = _bounds(op)
    if least == 0 and most == 6:
        unary(writer, op, "relu6")
    elif least == 0 and most is None:
        unary(writer, op, "relu")
    elif least is None and most is None:
        view = writer.view(op.x)
        writer.relabel(op.outputs[0], view, view.axes)
    else:
        bounds: dict[str, object] = {}
        if least is not None:
            bounds["min"] = least
        if most is not None:
            bounds["max"] = most
        unary(writer, op, "clip", bounds)


def _bounds(op: Op) -> tuple[float | None, float | None]:
    """The bounds of a Clip; None for one that bounds nothing."""
    found: list[float | None] = []
    for place, name in ((1, "min"), (2, "max")):
        value = op.given(place)
        bound = scalar(value)
        if value is not None and bound is None:
            raise Unsupported
        if name in op.attributes:
            bound = op.real(name, 0)
        found.append(None if bound is None or abs(bound) > 1e30 else short(bound))
    return found[0], found[1]


def softmax(writer: Writer, op: Op) -> None:
    """Softmax along one axis, which becomes the channels."""
    shape = op.x.shape
    axis = axis_of(op, len(shape), -1 if op.version >= 13 else 1)
    if op.version < 13 and prod(shape[axis:]) != max(shape[axis:], default=1):
        raise Unsupported  # before version 13 it went along all axes from this one on
    if op.version < 13:
        axis = max(range(axis, len(shape)), key=lambda place: shape[place])
    view, axes = along(writer, op.x, axis)
    node = writer.fused("softmax", {}, view)
    writer.put(op.outputs[0], node, axes)


def along(writer: Writer, value: Value, axis: int) -> tuple[View, Axes]:
    """A value as a node whose channels are one of its axes."""
    view = writer.view(value)
    if view.axes[axis] == 0:
        return view, view.axes
    shape = value.shape
    others = [place for place in range(len(shape)) if place != axis and shape[place] != 1]
    others.sort(key=lambda place: view.axes[place] or 0)
    node = writer.arranged(value, [axis, *others])
    axes: list[int | None] = [None] * len(shape)
    for number, place in enumerate([axis, *others]):
        axes[place] = number
    return View(node, tuple(axes)), tuple(axes)


def rescaling(writer: Writer, op: Op, factor: float, offset: float) -> None:
    """factor*x + offset."""
    args: dict[str, object] = {}
    if factor != 1:
        args["factor"] = short(factor)
    if offset:
        args["offset"] = short(offset)
    view = writer.view(op.x)
    if not args:
        writer.relabel(op.outputs[0], view, view.axes)
        return
    writer.put(op.outputs[0], writer.add("rescaling", args, [view.node]), view.axes)


def negative(writer: Writer, op: Op) -> None:
    """Neg."""
    rescaling(writer, op, -1, 0)


def power(writer: Writer, op: Op) -> None:
    """Pow with a constant exponent."""
    exponent = scalar(op.input(1))
    if exponent is None:
        raise Unsupported
    unary(writer, op, "pow", {"exponent": exponent})


def reciprocal(writer: Writer, op: Op) -> None:
    """Reciprocal."""
    unary(writer, op, "pow", {"exponent": -1})


_JOINS = {"Add": "add", "Sum": "add", "Sub": "sub", "Mul": "mul", "Div": "div"}


def arithmetic(writer: Writer, op: Op) -> None:
    """Add, Sub, Mul, Div and Sum: of values, with a weight, or with a number."""
    values = [value for value in op.inputs if value is not None]
    if len(values) == 1:
        view = writer.view(values[0])
        writer.relabel(op.outputs[0], view, view.axes)
        return
    if len(values) == 2 and _with_number(writer, op, values[0], values[1]):
        return
    if len(values) == 2 and op.type == "Mul" and _scaled(writer, op, values):
        return
    joined(writer, op, values, _JOINS[op.type])


def _with_number(writer: Writer, op: Op, a: Value, b: Value) -> bool:
    """Arithmetic with a number that is known, or with one learned number."""
    for number, value, first in ((b, a, False), (a, b, True)):
        if not isinstance(number, Constant) or number.elements != 1:
            continue
        if len(number.shape) > len(value.shape) or isinstance(value, Constant):
            continue
        op.inputs = [value]
        if is_weight(number) or number.number() is None:
            op.inputs = [a, b]
            if op.type != "Mul":
                return False
            view = writer.view(value)
            node = writer.add("scale", {"per_channel": False}, [view.node])
            writer.tensor(writer.builder.nodes[node].path, "weight", number, ("reshape", (1,)))
            writer.put(op.outputs[0], node, view.axes)
            return True
        known = float(number.number() or 0)
        if op.type == "Div" and first:
            view = writer.view(value)
            node = writer.add("pow", {"exponent": -1}, [view.node])
            if known != 1:
                node = writer.add("rescaling", {"factor": short(known)}, [node])
            writer.put(op.outputs[0], node, view.axes)
            return True
        if op.type == "Div" and not known:
            op.inputs = [a, b]
            raise Unsupported
        factor, offset = {
            "Add": (1.0, known),
            "Sum": (1.0, known),
            "Sub": (-1.0, known) if first else (1.0, -known),
            "Mul": (known, 0.0),
            "Div": (1 / known if known else 0.0, 0.0),
        }[op.type]
        rescaling(writer, op, factor, offset)
        return True
    return False


def _scaled(writer: Writer, op: Op, values: list[Value]) -> bool:
    """A product with a learned factor for each channel."""
    for weight, value in (values, values[::-1]):
        if not isinstance(weight, Constant) or isinstance(value, Constant) or not is_weight(weight):
            continue
        rank = len(value.shape)
        places = [rank - len(weight.shape) + i for i, n in enumerate(weight.shape) if n != 1]
        if len(weight.shape) > rank or len(places) != 1:
            continue
        view = writer.view(value)
        if view.axes[places[0]] != 0 or value.shape[places[0]] != weight.elements:
            continue
        node = writer.add("scale", {}, [view.node])
        path = writer.builder.nodes[node].path
        writer.tensor(path, "weight", weight, ("reshape", (weight.elements,)))
        writer.share(node, [weight])
        writer.put(op.outputs[0], node, view.axes)
        return True
    return False


def joined(writer: Writer, op: Op, values: list[Value], kind: str) -> None:
    """A join of values that are broadcast, in the layout of the largest."""
    result = op.outputs[0].shape
    rank = len(result)
    live = [value for value in values if not isinstance(value, Constant) or writer.known(value)]
    main = max(live or values, key=lambda value: prod(value.shape))
    view = writer.view(main)
    node, axes = view.node, [*[None] * (rank - len(main.shape)), *view.axes]
    missing = [axis for axis in range(rank) if axes[axis] is None and result[axis] != 1]
    if missing:
        own = writer.shape(node)
        node = writer.reshape(node, (*own, *[1 for _ in missing]))
        for number, axis in enumerate(missing):
            axes[axis] = len(own) + number
    places: list[int | None] = [None] * len(writer.shape(node))
    for axis, place in enumerate(axes):
        if place is not None:
            places[place] = axis
    nodes = []
    orders: dict[int, list[int | None]] = {}
    for value in values:
        if value is main:
            nodes.append(node)
            continue
        lead = rank - len(value.shape)
        order = orders.get(lead)
        if order is None:
            order = [None if axis is None or axis < lead else axis - lead for axis in places]
            orders[lead] = order
        nodes.append(writer.arranged(value, order))
    channels = max([writer.shape(each)[0] for each in nodes])
    if kind in ("add", "sub"):
        for number, each in enumerate(nodes):
            own = writer.shape(each)
            if own[0] != channels:
                shape = [channels, *[-1 for _ in own[1:]]]
                nodes[number] = writer.add("broadcast", {"shape": shape}, [each])
    writer.put(op.outputs[0], writer.add(kind, {}, nodes), tuple(axes))


def largest(writer: Writer, op: Op) -> None:
    """Max and Min with a number."""
    values = [value for value in op.inputs if value is not None]
    if len(values) != 2:
        raise Unsupported
    for number, value in (values, values[::-1]):
        bound = scalar(number)
        if bound is not None and len(number.shape) <= len(value.shape):
            op.inputs = [value]
            if op.type == "Max" and bound == 0:
                unary(writer, op, "relu")
            else:
                unary(writer, op, "clip", {"min" if op.type == "Max" else "max": short(bound)})
            return
    raise Unsupported
