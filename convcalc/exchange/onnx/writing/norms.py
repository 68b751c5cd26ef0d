"""Normalisations."""

from __future__ import annotations

from math import prod

from convcalc.exchange.onnx.axes import axis_of
from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.values import Constant, Op, Value
from convcalc.exchange.onnx.writer import Unsupported, View, Writer
from convcalc.exchange.onnx.writing.pointwise import along, short


def _eps(op: Op, usual: float, default: float = 1e-5) -> dict[str, object]:
    eps = short(op.real("epsilon", default))
    return {} if eps == usual or eps <= 0 else {"eps": eps}


def batch_norm(writer: Writer, op: Op) -> None:
    """BatchNormalization at inference."""
    weights = op.inputs[1:5]
    if len(weights) != 4 or not all([isinstance(value, Constant) for value in weights]):
        raise Unsupported
    x = op.x
    view = writer.view(x)
    if len(x.shape) < 2 or view.axes[1] != 0:
        view = View(writer.channels_first(x), (None, *range(len(x.shape) - 1)))
    args = _eps(op, 1e-5)
    names = ("weight", "bias", "running_mean", "running_var")
    learned = dict(zip(names, weights, strict=True))
    if _fills(writer, weights[0], 1) and _fills(writer, weights[1], 0):
        args["affine"] = False
        del learned["weight"], learned["bias"]
    node = writer.fused("batchnorm", args, view)
    path = writer.builder.nodes[node].path
    for name, value in learned.items():
        if isinstance(value, Constant):
            writer.tensor(path, name, value)
    writer.share(node, [value for value in learned.values() if isinstance(value, Constant)])
    writer.put(op.outputs[0], node, view.axes)


def _fills(writer: Writer, value: Value | None, number: int) -> bool:
    """Whether a constant of the code is this number for all channels."""
    return (
        isinstance(value, Constant)
        and not is_weight(value)
        and writer.places.is_filled(value, number)
    )


def layer_norm(writer: Writer, op: Op) -> None:
    """LayerNormalization and RMSNormalization along one axis, or along all of them."""
    x = op.x
    rank = len(x.shape)
    axes = op.ints("axes") or [*range(axis_of(op, rank, -1), rank)]
    wide = [axis for axis in axes if x.shape[axis] != 1]
    scale, bias = _learned(op.given(1), 1), _learned(op.given(2), 0)
    kind = "rmsnorm" if op.type in ("RMSNormalization", "rms_norm") else "layernorm"
    if len(wide) > 1:
        _over_all(writer, op, wide, kind)
        return
    axis = wide[0] if wide else axes[-1]
    view, labels = along(writer, x, axis)
    args: dict[str, object] = _eps(op, 1e-5 if kind == "layernorm" else 1e-6)
    if kind == "layernorm" and scale is not None and bias is None:
        # A layernorm without a bias is one without both, and a scale.
        node = writer.fused(kind, {**args, "affine": False}, view)
        node = writer.add("scale", {}, [node])
    else:
        if scale is None:
            args["affine"] = False
        node = writer.fused(kind, args, view)
    _affine(writer, node, scale, bias)
    writer.put(op.outputs[0], node, labels)


def _learned(value: Value | None, usual: int) -> Value | None:
    """A weight; None for a constant of the code that changes nothing, as exporters write it."""
    if not isinstance(value, Constant) or is_weight(value):
        return value
    numbers = value.numbers()
    if numbers is None:
        # Too many to be read: all of one kind, or not in the file.
        return None
    return None if value.uniform() == usual else value


def _affine(writer: Writer, node: int, scale: Value | None, bias: Value | None) -> None:
    path = writer.builder.nodes[node].path
    for name, value in (("weight", scale), ("bias", bias)):
        if isinstance(value, Constant):
            writer.tensor(path, name, value, ("reshape", (value.elements,)))
        elif value is not None:
            raise Unsupported
    weights = [value for value in (scale, bias) if isinstance(value, Constant)]
    writer.share(node, weights)


def _over_all(writer: Writer, op: Op, axes: list[int], kind: str) -> None:
    """A norm along all axes of a sample: that of one group of channels."""
    x = op.x
    others = [axis for axis in range(len(x.shape)) if axis not in axes and x.shape[axis] != 1]
    if others or kind != "layernorm":
        raise Unsupported
    view = writer.view(x)
    node = writer.add("groupnorm", {"groups": 1, "affine": False, **_eps(op, 1e-5)}, [view.node])
    scale, bias = op.given(1), op.given(2)
    for value, join in ((scale, "mul"), (bias, "add")):
        if value is None:
            continue
        lead = len(x.shape) - len(value.shape)
        own = writer.shape(node)
        places: list[int | None] = [None] * len(own)
        for axis, place in enumerate(view.axes):
            if place is not None and axis >= lead:
                places[place] = axis - lead
        node = writer.add(join, {}, [node, writer.arranged(value, places)])
    writer.put(op.outputs[0], node, view.axes)


def group_norm(writer: Writer, op: Op) -> None:
    """GroupNormalization, and the pattern of it."""
    x = op.x
    groups = op.whole("num_groups", 1)
    scale, bias = op.given(1), op.given(2)
    view = writer.view(x)
    if view.axes[1] != 0:
        view = View(writer.channels_first(x), (None, *range(len(x.shape) - 1)))
    args: dict[str, object] = {"groups": groups, **_eps(op, 1e-5)}
    each = [value.shape for value in (scale, bias) if value is not None]
    if not each:
        args["affine"] = False
    elif any(prod(shape) != x.shape[1] for shape in each):
        raise Unsupported
    node = writer.fused("groupnorm", args, view)
    _affine(writer, node, scale, bias)
    writer.put(op.outputs[0], node, view.axes)


def global_response_norm(writer: Writer, op: Op) -> None:
    """The pattern of a global response normalisation."""
    view, axes = along(writer, op.x, op.whole("axis", 1))
    node = writer.add("grn", _eps(op, 1e-6), [view.node])
    _affine(writer, node, op.given(1), op.given(2))
    writer.put(op.outputs[0], node, axes)


def instance_norm(writer: Writer, op: Op) -> None:
    """InstanceNormalization."""
    scale, bias = op.given(1), op.given(2)
    affine = scale is not None
    if affine and bias is None:
        raise Unsupported
    args: dict[str, object] = {"affine": affine, **_eps(op, 1e-5)}
    source = writer.channels_first(op.x)
    view = View(source, (None, *range(len(op.x.shape) - 1)), sole=writer.view(op.x).sole)
    node = writer.fused("instancenorm", args, view)
    _affine(writer, node, scale, bias)
    writer.put_first(op.outputs[0], node)


def response_norm(writer: Writer, op: Op) -> None:
    """LRN."""
    args: dict[str, object] = {
        "size": op.whole("size", 1),
        "alpha": short(op.real("alpha", 1e-4)),
        "beta": short(op.real("beta", 0.75)),
        "k": short(op.real("bias", 1.0)),
    }
    view, axes = along(writer, op.x, 1)
    writer.put(op.outputs[0], writer.add("lrn", args, [view.node]), axes)


def l2_norm(writer: Writer, op: Op) -> None:
    """LpNormalization with p = 2, and the pattern of it."""
    if op.whole("p", 2) != 2:
        raise Unsupported
    axis = axis_of(op, len(op.x.shape), -1)
    view, axes = along(writer, op.x, axis)
    writer.put(op.outputs[0], writer.add("l2norm", {}, [view.node]), axes)
