"""The arithmetic of one layer as equations, in symbols and in numbers.

The layer's own rules run on `Traced` integers, which carry their formulas, so that no formula is
written a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from convcalc.arithmetic import Window, unused
from convcalc.graph import Network, Node
from convcalc.layers.base import Layer, parameter_count
from convcalc.shapes import Shape, axis_name
from convcalc.traced import Traced

_AXES = {1: ("l",), 2: ("h", "w"), 3: ("d", "h", "w")}


class Equation(NamedTuple):
    """One line: the name of a value, its formula in symbols and in numbers, and the value."""

    what: str
    symbol: str
    numbers: str
    value: int


class Explanation(NamedTuple):
    """How a layer's figures are computed.

    shape, params, counts  the equations; `counts` for one sample, taps on padding included; there
                           are none where they are unknown
    total_params           the sum of the parameters; None where that is unknown
    valid                  the counts without the taps that fall on padding, where they differ
    notes                  input that the windows leave unused; that nothing is computed
    """

    node: Node
    inputs: tuple[Shape, ...]
    shape: list[Equation]
    params: list[Equation]
    total_params: int | None
    counts: list[Equation]
    valid: list[Equation]
    notes: list[str]


def explain(network: Network, node: Node) -> Explanation:
    """The arithmetic of one operation, for one sample."""
    shapes = tuple(network.input_shapes(node))
    if node.layer.unknown:
        return _unknown(node, shapes)
    layer, inputs = _symbolic_layer(node.layer, shapes)
    output = layer.output_shape(inputs)
    parameters = layer.parameters(inputs)
    plain_counts = node.layer.counts(shapes, node.shape)
    symbolic = layer.counts(inputs, _named_output(output))
    valid = node.layer.counts(shapes, node.shape, valid_taps=True)
    shared = None if node.shares is None else network.nodes[node.shares]
    if shared is not None:
        parameters = {}
    return Explanation(
        node,
        shapes,
        _shape_steps(output),
        [step for name, shape in parameters.items() for step in _steps(name, prod(shape))],
        int(parameter_count(parameters)),
        _count_steps(plain_counts._asdict(), symbolic._asdict()),
        [
            Equation(name, "", "", count)
            for (name, count), both in zip(valid._asdict().items(), plain_counts, strict=True)
            if count != both
        ],
        [
            *([f"params: those of {shared.path}, counted there"] if shared else []),
            *_notes(node, shapes, computes=any(plain_counts)),
        ],
    )


def _unknown(node: Node, shapes: tuple[Shape, ...]) -> Explanation:
    """What is known of an operation that is unknown: its result, and perhaps its parameters."""
    layer = node.layer
    arrays = {} if node.shares is not None else layer.parameters(shapes)
    params = [step for name, shape in arrays.items() for step in _steps(name, prod(shape))]
    shape = _shape_steps(node.shape)
    unknown = "counts and parameters are" if layer.unlisted else "counts are"
    note = f"what {layer.argument('op')} computes is unknown, so its {unknown}, and not 0"
    total = None if layer.unlisted else parameter_count(arrays)
    return Explanation(node, shapes, shape, params, total, [], [], [note])


def _symbolic_layer(layer: Layer, shapes: Sequence[Shape]) -> tuple[Layer, Sequence[Shape]]:
    """The layer and its input shapes with every number replaced by a Traced."""
    axes = _axes(len(shapes[0]) - 1)
    listed = axes[layer.time_axes :]
    layer = layer.settled(shapes)
    changes: dict[str, Any] = {}
    for name, declared in layer.fields.items():
        # One group, one output a channel: left out of the formulas, as in textbooks.
        if declared.symbol and not (declared.default == 1 and getattr(layer, name) == 1):
            changes[name] = _symbolic(getattr(layer, name), declared.symbol, listed)
    inputs: list[Shape] = []
    for index, shape in enumerate(shapes):
        suffix = str(index + 1) if len(shapes) > 1 else ""
        # The query and the key of an attention may differ in their number of axes.
        names = [f"c_in{suffix}", *[f"{axis}{suffix}" for axis in _axes(len(shape) - 1)]]
        sizes = zip(shape, names, strict=True)
        inputs.append(tuple([Traced(size, name) for size, name in sizes]))
    return layer.replace(**changes), inputs


def _axes(rank: int) -> Sequence[str]:
    """What the spatial axes are called in formulas."""
    return _AXES.get(rank) or "ijklm"[:rank]


def _symbolic(value: Any, symbol: str, axes: Sequence[str]) -> Any:
    """A field's value, traced: `k_h` and `k_w` for a kernel, `p_h0` and `p_h1` for padding."""
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return Traced(value, symbol)
    parts: list[Any] = []
    for axis, entry in enumerate(value):
        name = axes[axis] if axis < len(axes) else str(axis)
        if isinstance(entry, tuple):
            sides = (f"{symbol}_{name}0", f"{symbol}_{name}1")
            parts.append(tuple([Traced(s, text) for s, text in zip(entry, sides, strict=True)]))
        else:
            # Where all axes agree, one letter says it.
            alike = len(set(value)) == 1
            parts.append(Traced(entry, symbol if alike and symbol != "k" else f"{symbol}_{name}"))
    return tuple(parts)


def _named_output(output: Shape) -> Shape:
    """The output's sizes under names of their own, so that counts need not repeat the formulas."""
    rank = len(output) - 1
    names = ["c_out", *[f"{axis}_out" for axis in _axes(rank)]]
    return tuple([_short(size, name) for size, name in zip(output, names, strict=True)])


def _short(size: int, name: str) -> int:
    # A plain number or a single symbol is as short as a new name.
    if not isinstance(size, Traced) or size.symbol.isidentifier():
        return size
    return Traced(int(size), name)


def _shape_steps(output: Shape) -> list[Equation]:
    rank = len(output) - 1
    whats = ["channels" if rank else "features", *[axis_name(axis, rank) for axis in range(rank)]]
    steps: list[Equation] = []
    for what, size in zip(whats, output, strict=True):
        steps += _steps(what, size)
    return steps


def _count_steps(plain: dict[str, int], symbolic: dict[str, int]) -> list[Equation]:
    steps: list[Equation] = []
    for name, count in symbolic.items():
        if plain[name]:
            steps += _steps(name, count, every=True)
    # A definition that two classes use (T, O) is listed once.
    return list(dict.fromkeys(steps))


def _steps(what: str, value: int, every: bool = False) -> list[Equation]:
    """The definitions that a value uses, then the value.

    Those that only rename something, such as k = k_h, are left out unless `every` one is wanted.
    """
    if not isinstance(value, Traced):
        return [Equation(what, "", "", int(value))]
    steps = [
        Equation(d.name, d.symbol, d.numbers, d.value)
        for d in value.where
        if every or d.numbers != str(d.value)
    ]
    return [*steps, Equation(what, value.symbol, value.numbers, int(value))]


def _notes(node: Node, shapes: Sequence[Shape], computes: bool) -> list[str]:
    notes: list[str] = []
    windows = () if node.layer.scatters else node.layer.windows(shapes)
    for axis, window in enumerate(windows):
        left = unused(
            window.n, window.extent, window.before + window.after, window.stride, window.out
        )
        name = axis_name(axis, len(windows))
        if left > 0:
            notes.append(_unused_note(left, window, name))
        elif left < 0:
            notes.append(f"{name}: the last window hangs {-left} over the edge (ceil_mode)")
    remark = node.layer.remark(shapes)
    if remark:
        notes.append(remark)
    if node.layer.constant:
        notes.append("nothing to compute: the same values whatever the network's input is")
    elif node.layer.view:
        notes.append("nothing to compute: the same values in the same order")
    elif not computes:
        notes.append("nothing to compute: values are only moved or copied")
    return notes


def _unused_note(left: int, window: Window, name: str) -> str:
    positions = "position" if left == 1 else "positions"
    real = max(left - window.after, 0)
    padding = left - real
    if not real:
        return f"{name}: the floor leaves {left} {positions} of padding unused"
    first, last = window.n - real, window.n - 1
    which = f"{first}" if real == 1 else f"{first} to {last}"
    text = f"{name}: the floor leaves {left} {positions} unused: input {which}"
    return f"{text}, and {padding} of padding" if padding else text


def find_nodes(network: Network, name: str) -> list[Node]:
    """The operations of this name: the one with this path, or all of the unit with this path."""
    exact = [node for node in network.operations if node.path == name and node.unit != name]
    return exact or [node for node in network.operations if node.unit == name]
