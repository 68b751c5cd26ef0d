"""Recurrent layers: whole ones from zero, and single steps from a given state."""

from __future__ import annotations

from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.values import Constant, Op, Value
from convcalc.exchange.onnx.writer import Unsupported, Writer

#: The most steps that are written one by one.
_MOST_STEPS = 16


def recurrent(writer: Writer, op: Op) -> None:
    """LSTM and GRU along the first axis, on which the time is unless `layout` says otherwise."""
    x, weight, bias = op.x, op.input(1), op.given(3)
    constants = [weight, op.input(2), *([bias] if bias is not None else [])]
    lengths, peepholes = op.given(4), op.given(7)
    if not all([isinstance(value, Constant) for value in constants]) or peepholes is not None:
        raise Unsupported
    if (lengths is not None and not isinstance(lengths, Constant)) or not _usual(op):
        raise Unsupported
    time, batch = (1, 0) if op.whole("layout", 0) else (0, 1)
    if x.shape[batch] != 1:
        raise Unsupported
    states = [_state(writer, op.given(place)) for place in ((5, 6) if op.type == "LSTM" else (5,))]
    if any(states) or (len(op.outputs) > 2 and op.outputs[2].users):
        if op.type != "LSTM":
            raise Unsupported
        _steps(writer, op, time, states)
        return
    _whole(writer, op, time)


def _usual(op: Op) -> bool:
    """Whether the gates are computed as `lstm` and `gru` do."""
    known = {"activation_alpha", "activation_beta", "clip"}
    if known & op.attributes.keys() or op.whole("input_forget", 0):
        return False
    if op.text("direction", "forward") == "reverse":
        return False
    activations = op.attributes.get("activations")
    usual = [b"Sigmoid", b"Tanh"] + ([b"Tanh"] if op.type == "LSTM" else [])
    if activations is not None and activations not in (usual, usual * 2):
        return False
    return op.type == "LSTM" or op.whole("linear_before_reset", 0) == 1


def _state(writer: Writer, value: Value | None) -> Value | None:
    """A state to begin with; None where that is 0."""
    if not isinstance(value, Constant):
        return value
    numbers = value.numbers()
    if numbers is None:
        return value if is_weight(value) and not writer.places.is_filled(value, 0) else None
    return None if value.uniform() == 0 else value


#: The places of PyTorch's gates among ONNX's.
_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}


def _weights(writer: Writer, op: Op, node: int) -> None:
    """Notes where the numbers of a whole layer lie, which has its gates in PyTorch's order."""
    path = writer.builder.nodes[node].path
    directions, sums, _ = op.input(1).shape
    gates = _GATES[op.type]
    units = sums // len(gates)
    for direction in range(directions):
        suffix = "_reverse" if direction else ""
        for name, place, start in (
            ("weight_ih", 1, 0),
            ("weight_hh", 2, 0),
            ("bias_ih", 3, 0),
            ("bias_hh", 3, sums),
        ):
            value = op.given(place)
            if not isinstance(value, Constant):
                continue
            width = value.shape[2:]
            writer.tensor(
                path,
                f"{name}{suffix}",
                value,
                ("slice", (0, direction, direction + 1)),
                ("slice", (1, start, start + sums)),
                ("reshape", (len(gates), units, *width)),
                ("take", (0, *gates)),
                ("reshape", (sums, *width)),
            )


def _whole(writer: Writer, op: Op, time: int) -> None:
    """A layer that goes along a sequence from zero."""
    x = op.x
    directions, sums, _ = op.input(1).shape
    units = sums // (4 if op.type == "LSTM" else 3)
    steps = x.shape[time]
    args: dict[str, object] = {"units": units, "bias": op.given(3) is not None}
    if directions == 2:
        args["bidirectional"] = True
    node = writer.add(op.type.lower(), args, [writer.arranged(x, [2, time])])
    _weights(writer, op, node)
    whole = node
    every: list[int | None] = [0, None, None, 0]
    if directions == 2:
        whole = writer.reshape(node, (2, units, steps))
        every = [2, 0, None, 1]
    else:
        every = [1, None, None, 0]
    if op.whole("layout", 0):
        every = [None, every[0], every[1], every[3]]
    if op.outputs and op.outputs[0].users:
        writer.put(op.outputs[0], whole, tuple(every))
    if len(op.outputs) > 1 and op.outputs[1].users:
        ends = []
        for direction in range(directions):
            part = node
            if directions == 2:
                channels = [direction * units, (direction + 1) * units]
                part = writer.add("slice", {"channels": channels}, [part])
            place = steps - 1 if direction == 0 else 0
            if steps > 1:
                part = writer.add("slice", {"channels": [place, place + 1], "axis": 1}, [part])
            ends.append(writer.reshape(part, (1, units)))
        last = ends[0] if len(ends) == 1 else writer.add("concat", {}, ends)
        final = (0, None, 1) if not op.whole("layout", 0) else (None, 0, 1)
        writer.put(op.outputs[1], last, final)


def _step_weights(writer: Writer, op: Op, node: int, place: int) -> None:
    """Notes where the numbers lie of one product of a step, its gates in ONNX's order."""
    path = writer.builder.nodes[node].path
    weight, bias = op.input(place), op.given(3)
    if isinstance(weight, Constant):
        writer.tensor(path, "weight", weight, ("reshape", weight.shape[1:]))
    if isinstance(bias, Constant):
        sums = weight.shape[1]
        start = (place - 1) * sums
        part = ("slice", (1, start, start + sums))
        writer.tensor(path, "bias", bias, part, ("reshape", (sums,)))


def _steps(writer: Writer, op: Op, time: int, states: list[Value | None]) -> None:
    """The steps of an LSTM that begins with a given state, or whose last state is read."""
    x = op.x
    directions, sums, inner = op.input(1).shape
    units, steps = sums // 4, x.shape[time]
    if directions != 1 or steps > _MOST_STEPS or op.whole("layout", 0):
        raise Unsupported
    whole = writer.arranged(x, [2, time])
    bias = op.given(3) is not None
    hidden, cell = [
        writer.reshape(writer.arranged(state, [2]), (units,)) if state is not None else None
        for state in states
    ]
    made: list[int] = []
    first: list[int] = []
    for step in range(steps):
        value = whole
        if steps > 1:
            value = writer.add("slice", {"channels": [step, step + 1], "axis": 1}, [whole])
        dense = {"units": 4 * units, "bias": bias}
        gates = writer.add("dense", dense, [writer.reshape(value, (inner,))])
        _step_weights(writer, op, gates, 1)
        used = [gates]
        if hidden is not None:
            recurrent = writer.add("dense", dense, [hidden])
            _step_weights(writer, op, recurrent, 2)
            used.append(recurrent)
            gates = writer.add("add", {}, [gates, recurrent])
        if len(first) == len(used):
            writer.builder.share(used, first)
        elif step == 0:
            first = used
        else:
            raise Unsupported
        parts = [
            writer.add("slice", {"channels": [gate * units, (gate + 1) * units]}, [gates])
            for gate in range(4)
        ]
        enter, leave, keep = [writer.add("sigmoid", {}, [part]) for part in parts[:3]]
        new = writer.add("mul", {}, [enter, writer.add("tanh", {}, [parts[3]])])
        if cell is not None:
            new = writer.add("add", {}, [writer.add("mul", {}, [keep, cell]), new])
        cell = new
        hidden = writer.add("mul", {}, [leave, writer.add("tanh", {}, [cell])])
        made.append(hidden)
    if op.outputs[0].users:
        columns = [writer.reshape(node, (units, 1)) for node in made]
        node = columns[0] if steps == 1 else writer.add("concat", {"axis": 1}, columns)
        writer.put(op.outputs[0], node, (1, None, None, 0))
    for result, last in zip(op.outputs[1:], (hidden, cell), strict=False):
        if result.users and last is not None:
            writer.put(result, last, (None, None, 0))
