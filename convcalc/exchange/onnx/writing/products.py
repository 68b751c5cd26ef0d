"""Products of matrices: dense layers where one of them is a weight, else `matmul`."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.exchange.onnx.axes import weight_shape
from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.shapes import einsum_terms
from convcalc.exchange.onnx.values import Constant, Op, Value
from convcalc.exchange.onnx.writer import Axes, Unsupported, Writer


def gemm(writer: Writer, op: Op) -> None:
    """Gemm: a dense layer where the second matrix is a weight."""
    a, b, c = op.x, op.input(1), op.given(2)
    if op.whole("transA", 0) or a is b:
        raise Unsupported
    units = op.outputs[0].shape[1]
    bias = c if isinstance(c, Constant) and c.elements == units else None
    if not isinstance(b, Constant):
        if c is not None or op.whole("transB", 0):
            raise Unsupported
        matmul(writer, op)
        return
    if c is not None and bias is None:
        raise Unsupported
    if len(a.shape) != 2:
        view = writer.view(a)  # before version 11 an input was flattened
        order = [axis for axis in range(len(a.shape)) if a.shape[axis] != 1]
        node = dense(
            writer, writer.arranged(a, order), b, bias, op.whole("transB", 0), units, flat=True
        )
        del view
        writer.put(op.outputs[0], node, (None, 0))
        return
    on_axis(writer, op, a, 1, b, bias, transposed=bool(op.whole("transB", 0)))


def matmul(writer: Writer, op: Op) -> None:
    """MatMul, of values or with a weight on either side; with a bias as third input."""
    a, b = op.x, op.input(1)
    bias = op.given(2)
    if not (bias is None or isinstance(bias, Constant)):
        raise Unsupported
    if isinstance(b, Constant) and is_matrix(b) and not isinstance(a, Constant):
        on_axis(writer, op, a, len(a.shape) - 1, b, bias)
        return
    if isinstance(a, Constant) and is_matrix(a) and len(b.shape) >= 2 and bias is None:
        on_axis(writer, op, b, len(b.shape) - 2, a, None, transposed=True)
        return
    if bias is not None:
        raise Unsupported
    _between(writer, op, a, b)


def is_matrix(value: Constant) -> bool:
    """Whether a constant is a matrix of weights."""
    return len(weight_shape(value)) == 2 and (is_weight(value) or value.numbers() is None)


def on_axis(
    writer: Writer,
    op: Op,
    x: Value,
    axis: int,
    weight: Constant,
    bias: Constant | None,
    *,
    transposed: bool = False,
) -> None:
    """A dense layer on one axis of a value, which becomes its channels.

    transposed  whether the weight has a row for each unit
    """
    matrix = weight_shape(weight)
    units = matrix[0] if transposed else matrix[1]
    others = [place for place in range(len(x.shape)) if place != axis and x.shape[place] != 1]
    view = writer.view(x)
    own = writer.shape(view.node)
    result: list[int | None] = [None] * len(op.outputs[0].shape)
    # A vector has no axis for the rows that a matrix has.
    lead = len(result) - len(x.shape)
    if not others:
        source = view.node
        if own[0] != x.shape[axis] and len(own) > 1:
            source = writer.arranged(x, [axis])
        node = dense(writer, source, weight, bias, transposed, units, flat=True)
        result[axis + lead] = 0
    else:
        if view.axes[axis] == 0:
            source = view.node
            places: list[int | None] = [*view.axes]
        else:
            # The others keep the order in which the node has them.
            others.sort(key=lambda place: view.axes[place] or 0)
            source = writer.arranged(x, [axis, *others])
            places = [None] * len(x.shape)
            for number, place in enumerate([axis, *others]):
                places[place] = number
        node = dense(writer, source, weight, bias, transposed, units, flat=False)
        result[lead:] = places
    writer.put(op.outputs[0], node, tuple(result))


def dense(
    writer: Writer,
    source: int,
    weight: Constant,
    bias: Constant | None,
    transposed: int,
    units: int,
    *,
    flat: bool,
) -> int:
    """A dense layer; `flat` where it reads all of the value and not each position."""
    if flat:
        made = writer.builder.nodes[source]
        if made.kind == "flatten":
            source = made.inputs[0]  # a dense layer flattens what it reads
    args = {"units": units, "bias": bias is not None, "positionwise": not flat}
    node = writer.add("dense", args, [source])
    path = writer.builder.nodes[node].path
    matrix = ("reshape", weight_shape(weight))
    order = () if transposed else (("transpose", (1, 0)),)
    writer.tensor(path, "weight", weight, matrix, *order)
    if bias is not None:
        writer.tensor(path, "bias", bias, ("reshape", (units,)))
    writer.share(node, [weight, bias])
    return node


def _between(writer: Writer, op: Op, a: Value, b: Value) -> None:
    """The product of two values."""
    if len(a.shape) < 2 or len(b.shape) < 2:
        raise Unsupported
    result = op.outputs[0]
    rank = len(result.shape)
    before = [axis for axis in range(rank - 2) if result.shape[axis] != 1]
    axes: list[int | None] = [None] * rank
    for place, axis in enumerate([*before, rank - 2, rank - 1]):
        axes[axis] = place
    nodes = [
        writer.arranged(
            value, [*_leading(value, before, rank), len(value.shape) - 2, len(value.shape) - 1]
        )
        for value in (a, b)
    ]
    writer.put(result, writer.add("matmul", {}, nodes), tuple(axes))


def _leading(value: Value, axes: Sequence[int], rank: int) -> list[int | None]:
    """Axes of a result as those of one that is broadcast to it; None where it has none."""
    missing = rank - len(value.shape)
    return [axis - missing if axis >= missing else None for axis in axes]


def einsum(writer: Writer, op: Op) -> None:
    """Einsum of two values: a product of matrices on all other axes alike."""
    terms, result = einsum_terms(op)
    if len(terms) != 2 or any(len({*term}) != len(term) for term in (*terms, result)):
        raise Unsupported
    left, right = terms
    summed = [letter for letter in left if letter in right and letter not in result]
    both = [letter for letter in left if letter in right and letter in result]
    rows = [letter for letter in left if letter not in right]
    columns = [letter for letter in right if letter not in left]
    if not summed or any(letter not in result for letter in (*rows, *columns)):
        raise Unsupported
    sizes = {
        letter: size
        for term, value in zip(terms, (op.x, op.input(1)), strict=True)
        for letter, size in zip(term, value.shape, strict=True)
    }
    both = [letter for letter in both if sizes[letter] != 1]

    def total(letters: Sequence[str]) -> int:
        size = 1
        for letter in letters:
            size *= sizes[letter]
        return size

    groups = ([rows, summed], [summed, columns])
    nodes = []
    for value, term, (first, second) in zip((op.x, op.input(1)), terms, groups, strict=True):
        order = [term.index(letter) for letter in (*both, *first, *second)]
        node = writer.arranged(value, order)
        shape = (*[sizes[letter] for letter in both], total(first), total(second))
        nodes.append(writer.reshape(node, shape))
    node = writer.add("matmul", {}, nodes)
    letters = [*both, *rows, *columns]
    if len(rows) != 1 or len(columns) != 1:
        node = writer.reshape(node, tuple([sizes[letter] for letter in letters]) or (1,))
    axes: Axes = tuple([letters.index(letter) if letter in letters else None for letter in result])
    writer.put(op.outputs[0], node, axes)
