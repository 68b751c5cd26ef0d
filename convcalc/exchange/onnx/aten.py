"""Graphs of PyTorch's own operators, as `torch.export` writes them, in the terms of ONNX.

PyTorch has several operators where ONNX has one; what they compute is the same, so that one reader
is enough. Nothing here imports PyTorch: `convcalc.torch` takes a traced module apart into calls.

Source: the schemas of ATen's operators (native_functions.yaml of PyTorch 2.14)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import pi, prod, sqrt
from typing import Any, NamedTuple

from convcalc.exchange.onnx.wire import Attribute, Graph, Model, Node, Tensor, ValueInfo
from convcalc.shapes import Shape

#: The versions of ONNX's operators that the graph is written in.
_OPSET = 20
_FLOAT, _INT64 = 1, 7


class Ref(NamedTuple):
    """A value of the graph, by its name."""

    name: str


class Call(NamedTuple):
    """A call of one operator.

    target   its name without the namespace: "conv2d.default"
    name     of the value that it makes
    args     the arguments in the order of its schema: numbers, texts, `Ref`s and lists of them
    named    those that are given by name
    shapes   of what it makes, one for each result
    scope    the modules around it, outermost first
    """

    target: str
    name: str
    args: tuple[Any, ...]
    named: Mapping[str, Any]
    shapes: tuple[Shape, ...]
    scope: tuple[str, ...] = ()


class Parameter(NamedTuple):
    """A parameter or buffer of a traced module.

    name    the module's own for it: "layer1.0.conv1.weight"
    whole   whether it holds whole numbers
    fixed   whether it is a constant, and no weight and no statistic
    extent  where its float32 numbers lie in the file that comes with the graph, if they do
    """

    name: str
    shape: Shape
    whole: bool = False
    fixed: bool = False
    extent: tuple[int, int] | None = None


class Traced(NamedTuple):
    """A traced module.

    inputs      the shapes of its inputs by name, with the batch
    parameters  parameters and buffers, by their values' names
    constants   the numbers of small values that no input decides
    calls       in order
    outputs     the values that are the results
    """

    inputs: Mapping[str, Shape]
    parameters: Mapping[str, Parameter]
    constants: Mapping[str, tuple[Shape, list[float] | list[int]]]
    calls: Sequence[Call]
    outputs: Sequence[str]


def model_of(traced: Traced) -> Model:
    """The graph of a traced module as one of ONNX; unknown operators keep their names."""
    return _Translation(traced).model()


class _Translation:
    """Writes the nodes of one graph."""

    def __init__(self, traced: Traced) -> None:
        self.graph = Graph()
        self.shapes: dict[str, Shape] = {}
        self._traced = traced
        self._scope = ""
        self._numbers = 0
        self._names: dict[str, str] = {}

    def model(self) -> Model:
        traced = self._traced
        for name, shape in traced.inputs.items():
            self.graph.inputs.append(_info(name, shape))
            self.shapes[name] = shape
        for name, parameter in traced.parameters.items():
            tensor = Tensor()
            tensor.name, tensor.dims, tensor.raw = parameter.name, parameter.shape, parameter.extent
            tensor.type = _INT64 if parameter.whole else _FLOAT
            tensor.fixed = parameter.fixed
            self.graph.initializers.append(tensor)
            self._names[name] = parameter.name
            self.shapes[name] = parameter.shape
        for name, (shape, numbers) in traced.constants.items():
            self._constant(name, shape, numbers)
            self.shapes[name] = shape
        for call in traced.calls:
            self._call(call)
        for name in traced.outputs:
            self.graph.outputs.append(_info(self._name(name), self.shapes.get(name)))
        model = Model()
        model.graph = self.graph
        model.opsets[""] = _OPSET
        return model

    def _call(self, call: Call) -> None:
        self._scope = str([*call.scope, ""])
        for number, shape in enumerate(call.shapes):
            self.shapes[call.name if number == 0 else f"{call.name}:{number}"] = shape
        operator = call.target.partition(".")[0]
        rule = RULES.get(operator.removesuffix("_") if operator not in RULES else operator)
        if rule is not None:
            try:
                rule(self, call)
            except _Unsaid:
                pass
            else:
                return
        outputs = [call.name, *[f"{call.name}:{n}" for n in range(1, len(call.shapes))]]
        self.graph.values += [
            _info(name, shape) for name, shape in zip(outputs, call.shapes, strict=True)
        ]
        self.node(operator, [self._name(ref.name) for ref in _refs(call)], outputs, domain="aten")

    # What rules write.

    def _name(self, name: str) -> str:
        return self._names.get(name, name)

    def value(self, given: object, *, whole: bool = False) -> str:
        """The name of an argument's value; a number becomes a constant."""
        if isinstance(given, Ref):
            return self._name(given.name)
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise _Unsaid
        return self._scalar(given, whole=whole)

    def _scalar(self, number: float, *, whole: bool) -> str:
        name = self.fresh("number")
        self._constant(name, (), [int(number)] if whole else [float(number)])
        return name

    def filled(self, number: float, count: int) -> str:
        """A constant list of one number repeated."""
        name = self.fresh("numbers")
        self._constant(name, (count,), [number] * count)
        return name

    def ints(self, numbers: Sequence[int]) -> str:
        """A constant list of whole numbers."""
        name = self.fresh("sizes")
        self._constant(name, (len(numbers),), [int(number) for number in numbers])
        return name

    def _constant(self, name: str, shape: Shape, numbers: list[float] | list[int]) -> None:
        whole = all([type(number) is int for number in numbers])
        written: Attribute = numbers
        if shape == ():
            self.node("Constant", [], [name], {"value_int" if whole else "value_float": numbers[0]})
        elif len(shape) == 1:
            self.node("Constant", [], [name], {"value_ints" if whole else "value_floats": written})
        else:
            flat = self.fresh("numbers")
            self._constant(flat, (len(numbers),), numbers)
            self.node("Reshape", [flat, self.ints(shape)], [name])

    def fresh(self, word: str) -> str:
        """A name that nothing else has."""
        self._numbers += 1
        return f"{word}.{self._numbers}"

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str] = (),
        attributes: Mapping[str, Attribute] | None = None,
        domain: str = "",
    ) -> str:
        """Adds a node; the name of its first result, which is made up if none is given."""
        node = Node()
        node.op, node.domain = op, domain
        node.inputs = list(inputs)
        node.outputs = list(outputs) or [self.fresh(op.lower())]
        node.attributes = dict(attributes or {})
        node.scopes = self._scope
        self.graph.nodes.append(node)
        return node.outputs[0]


def _info(name: str, shape: Shape | None) -> ValueInfo:
    info = ValueInfo()
    info.name, info.type, info.dims = name, _FLOAT, shape
    return info


class _Unsaid(Exception):
    """A call that cannot be said in ONNX."""


def _refs(call: Call) -> list[Ref]:
    found: list[Ref] = []
    waiting: list[Any] = [*call.named.values(), *call.args[::-1]]
    while waiting:
        given = waiting.pop()
        if isinstance(given, Ref):
            found.append(given)
        elif isinstance(given, list | tuple):
            waiting += given[::-1]
    return found


Rule = Callable[[_Translation, Call], None]


def _arguments(call: Call, **defaults: Any) -> list[Any]:
    """The arguments of a call by its schema; those that are left out have their defaults."""
    found = []
    for place, (name, default) in enumerate(defaults.items()):
        if place < len(call.args):
            found.append(call.args[place])
        else:
            found.append(call.named.get(name, default))
    return found


def _listed(given: object, count: int) -> list[int]:
    """One number for each axis, of which a single one holds for all."""
    numbers = [given] if isinstance(given, int) else list(given) if given else []  # type: ignore[call-overload]
    if any(type(number) is not int for number in numbers):
        raise _Unsaid
    return numbers * count if len(numbers) == 1 else numbers


# Convolutions, products, norms.


def _conv(to: _Translation, call: Call) -> None:
    x, weight, bias, stride, padding, dilation, groups = _arguments(
        call, input=None, weight=None, bias=None, stride=1, padding=0, dilation=1, groups=1
    )
    if call.target.startswith("convolution"):
        stride, padding, dilation, transposed, extra, groups = [*call.args[3:], *[0] * 6][:6]
        if transposed:
            _transposed(to, call, (x, weight, bias, stride, padding, extra, groups, dilation))
            return
    kernel = to.shapes[weight.name][2:]
    attributes: dict[str, Attribute] = {
        "kernel_shape": list(kernel),
        "strides": _listed(stride, len(kernel)),
        "dilations": _listed(dilation, len(kernel)),
        "group": groups,
    }
    if padding == "same":
        attributes["auto_pad"] = b"SAME_UPPER"
    elif padding != "valid":
        attributes["pads"] = _listed(padding, len(kernel)) * 2
    inputs = [to.value(given) for given in (x, weight, bias) if given is not None]
    to.node("Conv", inputs, [call.name], attributes)


def _conv_transpose(to: _Translation, call: Call) -> None:
    given = _arguments(
        call,
        input=None,
        weight=None,
        bias=None,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        dilation=1,
    )
    _transposed(to, call, tuple(given))


def _transposed(to: _Translation, call: Call, given: tuple[Any, ...]) -> None:
    x, weight, bias, stride, padding, extra, groups, dilation = given
    rank = len(to.shapes[weight.name]) - 2
    attributes: dict[str, Attribute] = {
        "kernel_shape": list(to.shapes[weight.name][2:]),
        "strides": _listed(stride, rank),
        "dilations": _listed(dilation, rank),
        "pads": _listed(padding, rank) * 2,
        "output_padding": _listed(extra, rank),
        "group": groups,
    }
    inputs = [to.value(each) for each in (x, weight, bias) if each is not None]
    to.node("ConvTranspose", inputs, [call.name], attributes)


def _linear(to: _Translation, call: Call) -> None:
    x, weight, bias = _arguments(call, input=None, weight=None, bias=None)
    if len(to.shapes[x.name]) == 2:
        inputs = [to.value(each) for each in (x, weight, bias) if each is not None]
        to.node("Gemm", inputs, [call.name], {"transB": 1})
        return
    turned = to.node("Transpose", [to.value(weight)], (), {"perm": [1, 0]})
    _product(to, call, [to.value(x), turned], bias)


def _product(to: _Translation, call: Call, inputs: Sequence[str], bias: Ref | None) -> None:
    if bias is None:
        to.node("MatMul", inputs, [call.name])
    else:
        to.node("Add", [to.node("MatMul", inputs), to.value(bias)], [call.name])


def _addmm(to: _Translation, call: Call) -> None:
    bias, x, weight = call.args[:3]
    to.node("Gemm", [to.value(x), to.value(weight), to.value(bias)], [call.name])


def _matmul(to: _Translation, call: Call) -> None:
    to.node("MatMul", [to.value(given) for given in call.args[:2]], [call.name])


def _einsum(to: _Translation, call: Call) -> None:
    equation, values = call.args[:2]
    attributes: dict[str, Attribute] = {"equation": str(equation).encode()}
    to.node("Einsum", [to.value(each) for each in values], [call.name], attributes)


def _batch_norm(to: _Translation, call: Call) -> None:
    x, weight, bias, mean, variance, training, _, eps = _arguments(
        call,
        input=None,
        weight=None,
        bias=None,
        running_mean=None,
        running_var=None,
        training=False,
        momentum=0.1,
        eps=1e-5,
    )
    if call.target.startswith("_native_batch_norm_legit_no_training"):
        training, eps = False, call.args[6]
    if training or mean is None:
        raise _Unsaid
    channels = to.shapes[x.name][1]
    affine = [
        to.filled(number, channels) if each is None else to.value(each)
        for each, number in ((weight, 1.0), (bias, 0.0))
    ]
    inputs = [to.value(x), *affine, to.value(mean), to.value(variance)]
    to.node("BatchNormalization", inputs, [call.name], {"epsilon": float(eps)})


def _layer_norm(to: _Translation, call: Call) -> None:
    x, sizes, weight, bias, eps = _arguments(
        call, input=None, normalized_shape=[], weight=None, bias=None, eps=1e-5
    )
    if weight is None:
        raise _Unsaid
    inputs = [to.value(each) for each in (x, weight, bias) if each is not None]
    attributes: dict[str, Attribute] = {"axis": -len(sizes), "epsilon": float(eps)}
    to.node("LayerNormalization", inputs, [call.name], attributes)


def _rms_norm(to: _Translation, call: Call) -> None:
    x, sizes, weight, eps = _arguments(call, input=None, normalized_shape=[], weight=None, eps=None)
    if weight is None:
        raise _Unsaid
    attributes: dict[str, Attribute] = {"axis": -len(sizes), "epsilon": float(eps or 1e-6)}
    to.node("RMSNormalization", [to.value(x), to.value(weight)], [call.name], attributes)


def _group_norm(to: _Translation, call: Call) -> None:
    x, groups, weight, bias, eps = _arguments(
        call, input=None, num_groups=1, weight=None, bias=None, eps=1e-5
    )
    if weight is None:
        raise _Unsaid
    inputs = [to.value(each) for each in (x, weight, bias)]
    attributes: dict[str, Attribute] = {"num_groups": groups, "epsilon": float(eps)}
    to.node("GroupNormalization", inputs, [call.name], attributes)


def _instance_norm(to: _Translation, call: Call) -> None:
    x, weight, bias = _arguments(call, input=None, weight=None, bias=None)
    if weight is None:
        raise _Unsaid
    to.node("InstanceNormalization", [to.value(each) for each in (x, weight, bias)], [call.name])


def _attention(to: _Translation, call: Call) -> None:
    """Scaled dot-product attention, as the product, softmax and product that it computes."""
    query, key, value, mask, _, causal, scale = _arguments(
        call,
        query=None,
        key=None,
        value=None,
        attn_mask=None,
        dropout_p=0.0,
        is_causal=False,
        scale=None,
    )
    if causal:
        raise _Unsaid
    shape = to.shapes[key.name]
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    turned = to.node("Transpose", [to.value(key)], (), {"perm": order})
    factor = float(scale) if scale is not None else 1 / sqrt(shape[-1])
    # The query has fewer numbers than the scores.
    scaled = to.value(query)
    if factor != 1:
        scaled = to.node("Mul", [scaled, to.value(factor)])
    scores = to.node("MatMul", [scaled, turned])
    if mask is not None:
        scores = to.node("Add", [scores, to.value(mask)])
    weights = to.node("Softmax", [scores], (), {"axis": -1})
    to.node("MatMul", [weights, to.value(value)], [call.name])


# Element by element.


def _unary(op: str) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        to.node(op, [to.value(call.args[0])], [call.name])

    return rule


def _slope(op: str, attribute: str, default: float) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        slope = call.args[1] if len(call.args) > 1 else default
        to.node(op, [to.value(call.args[0])], [call.name], {attribute: float(slope)})

    return rule


def _binary(op: str) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        first, second = call.args[:2]
        alpha = call.named.get("alpha", 1)
        right = to.value(second)
        if alpha != 1:
            right = to.node("Mul", [right, to.value(float(alpha))])
        if call.named.get("rounding_mode"):
            raise _Unsaid
        to.node(op, [to.value(first), right], [call.name])

    return rule


def _reversed_sub(to: _Translation, call: Call) -> None:
    to.node("Sub", [to.value(call.args[1]), to.value(call.args[0])], [call.name])


def _silu(to: _Translation, call: Call) -> None:
    x = to.value(call.args[0])
    to.node("Mul", [x, to.node("Sigmoid", [x])], [call.name])


def _hard_swish(to: _Translation, call: Call) -> None:
    to.node("HardSwish", [to.value(call.args[0])], [call.name])


def _hard_sigmoid(to: _Translation, call: Call) -> None:
    attributes: dict[str, Attribute] = {"alpha": 1 / 6, "beta": 0.5}
    to.node("HardSigmoid", [to.value(call.args[0])], [call.name], attributes)


def _gelu(to: _Translation, call: Call) -> None:
    x = to.value(call.args[0])
    if call.named.get("approximate", "none") == "none":
        to.node("Gelu", [x], [call.name])
        return
    # x times half of one more than the tanh of sqrt(2/pi) (x + 0.044715 x^3).
    cubic = to.node("Mul", [to.node("Pow", [x, to.value(3.0)]), to.value(0.044715)])
    inner = to.node("Mul", [to.node("Add", [x, cubic]), to.value(sqrt(2 / pi))])
    gate = to.node("Add", [to.node("Tanh", [inner]), to.value(1.0)])
    to.node("Mul", [to.node("Mul", [x, to.value(0.5)]), gate], [call.name])


def _clamp(to: _Translation, call: Call) -> None:
    hard = call.target.startswith("hardtanh")
    low, high = _arguments(call, x=None, min=-1.0 if hard else None, max=1.0 if hard else None)[1:]
    bounds = ["" if bound is None else to.value(float(bound)) for bound in (low, high)]
    to.node("Clip", [to.value(call.args[0]), *bounds], [call.name])


def _clamp_one(place: int) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        bounds = ["", ""]
        bounds[place] = to.value(float(call.args[1]))
        to.node("Clip", [to.value(call.args[0]), *bounds], [call.name])

    return rule


def _scaled_sum(op: str) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        x, first, second = [to.value(given) for given in call.args[:3]]
        part = to.node(op, [first, second])
        factor = call.named.get("value", 1)
        if factor != 1:
            part = to.node("Mul", [part, to.value(float(factor))])
        to.node("Add", [x, part], [call.name])

    return rule


def _relu6(to: _Translation, call: Call) -> None:
    to.node("Clip", [to.value(call.args[0]), to.value(0.0), to.value(6.0)], [call.name])


def _softmax(op: str) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        to.node(op, [to.value(call.args[0])], [call.name], {"axis": call.args[1]})

    return rule


def _prelu(to: _Translation, call: Call) -> None:
    x, slope = call.args[:2]
    name = to.value(slope)
    rank = len(to.shapes[x.name])
    if rank > 2 and prod(to.shapes[slope.name]) > 1:
        name = to.node("Reshape", [name, to.ints([-1] + [1] * (rank - 2))])
    to.node("PRelu", [to.value(x), name], [call.name])


#: Where PyTorch has the gates that ONNX has in its own order: i, o, f, c and z, r, h.
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def _recurrent(to: _Translation, call: Call) -> None:
    """Layers of LSTM or GRU, one on another."""
    kind = call.target.partition(".")[0]
    x, states, weights, biased, layers, _, _, both, batch_first = _arguments(
        call,
        input=None,
        hx=None,
        params=[],
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=False,
        bidirectional=False,
        batch_first=False,
    )
    states = [states] if isinstance(states, Ref) else states
    directions, each = (2 if both else 1), (4 if biased else 2)
    if call.target.partition(".")[2] != "input" or len(weights) != layers * directions * each:
        raise _Unsaid  # packed sequences and projections
    value = to.value(x)
    if batch_first:
        value = to.node("Transpose", [value], (), {"perm": [1, 0, 2]})
    ends: list[list[str]] = [[] for _ in states]
    for layer in range(layers):
        first = layer * directions
        value, *last = _recurrent_layer(
            to, kind, value, [weights[(first + d) * each :][:each] for d in range(directions)],
            [_part(to, state, first, directions) for state in states],
        )  # fmt: skip
        for end, made in zip(ends, last, strict=True):
            end.append(made)
    if batch_first:
        to.node("Transpose", [value], [call.name], {"perm": [1, 0, 2]})
    else:
        to.node("Identity", [value], [call.name])
    for number, end in enumerate(ends, 1):
        to.node("Concat", end, [f"{call.name}:{number}"], {"axis": 0})


def _part(to: _Translation, state: Ref, first: int, directions: int) -> str:
    """The states of one layer."""
    if to.shapes[state.name][0] == directions:
        return to.value(state)
    bounds = [to.ints([first]), to.ints([first + directions]), to.ints([0])]
    return to.node("Slice", [to.value(state), *bounds])


def _recurrent_layer(
    to: _Translation, kind: str, x: str, weights: Sequence[Sequence[Ref]], states: Sequence[str]
) -> list[str]:
    """One layer of one or two directions: its values, and its last states."""
    gates = _GATES[kind]
    sums, _ = to.shapes[weights[0][0].name]
    units = sums // len(gates)
    order = to.ints([gate * units + unit for gate in gates for unit in range(units)])
    axis = to.ints([0])

    def stacked(places: Sequence[int]) -> str:
        """Arrays of all directions in ONNX's order of the gates, some of them side by side."""
        rows = []
        for own in weights:
            turned = [to.node("Gather", [to.value(own[place]), order]) for place in places]
            row = turned[0] if len(turned) == 1 else to.node("Concat", turned, (), {"axis": 0})
            rows.append(to.node("Unsqueeze", [row, axis]))
        return rows[0] if len(rows) == 1 else to.node("Concat", rows, (), {"axis": 0})

    bias = stacked([2, 3]) if len(weights[0]) == 4 else ""
    attributes: dict[str, Attribute] = {
        "hidden_size": units,
        "direction": b"bidirectional" if len(weights) == 2 else b"forward",
    }
    if kind == "gru":
        attributes["linear_before_reset"] = 1
    inputs = [x, stacked([0]), stacked([1]), bias, "", *states]
    made = [to.fresh(kind) for _ in range(1 + len(states))]
    to.node(kind.upper(), inputs, made, attributes)
    turned = to.node("Transpose", [made[0]], (), {"perm": [0, 2, 1, 3]})
    return [to.node("Reshape", [turned, to.ints([0, 0, -1])]), *made[1:]]


def _rsqrt(to: _Translation, call: Call) -> None:
    to.node("Reciprocal", [to.node("Sqrt", [to.value(call.args[0])])], [call.name])


def _same(to: _Translation, call: Call) -> None:
    to.node("Identity", [to.value(call.args[0])], [call.name])


# Windows.


def _max_pool(to: _Translation, call: Call) -> None:
    _, kernel, stride, padding, dilation, ceil = _arguments(
        call, x=None, kernel_size=0, stride=[], padding=0, dilation=1, ceil_mode=False
    )
    rank = int(call.target[len("max_pool")])
    window = _listed(kernel, rank)
    attributes: dict[str, Attribute] = {
        "kernel_shape": window,
        "strides": _listed(stride, rank) or window,
        "pads": _listed(padding, rank) * 2,
        "dilations": _listed(dilation, rank),
        "ceil_mode": int(ceil),
    }
    if not call.target.endswith("_with_indices.default"):
        to.node("MaxPool", [to.value(call.args[0])], [call.name], attributes)
        return
    # ONNX counts places through all maps, PyTorch in each.
    places = to.fresh("places")
    to.node("MaxPool", [to.value(call.args[0])], [call.name, places], attributes)
    first = _first_places(to, to.shapes[call.args[0].name])
    to.node("Sub", [places, first], [f"{call.name}:1"])


def _first_places(to: _Translation, shape: Shape) -> str:
    """The number of the first place of each map, counted through all maps."""
    batch, channels, *sizes = shape
    starts = to.ints([number * prod(sizes) for number in range(batch * channels)])
    return to.node("Reshape", [starts, to.ints([batch, channels, *[1] * len(sizes)])])


def _max_unpool(to: _Translation, call: Call) -> None:
    x, places, sizes = call.args[:3]
    shape = (*to.shapes[x.name][:2], *sizes)
    counted = to.node("Add", [to.value(places), _first_places(to, shape)])
    to.node("MaxUnpool", [to.value(x), counted, to.ints(shape)], [call.name])


def _average_pool(to: _Translation, call: Call) -> None:
    _, kernel, stride, padding, ceil, counted, divisor = _arguments(
        call,
        x=None,
        kernel_size=0,
        stride=[],
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    )
    if divisor is not None:
        raise _Unsaid
    rank = int(call.target[len("avg_pool")])
    window = _listed(kernel, rank)
    attributes: dict[str, Attribute] = {
        "kernel_shape": window,
        "strides": _listed(stride, rank) or window,
        "pads": _listed(padding, rank) * 2,
        "ceil_mode": int(ceil),
        "count_include_pad": int(counted),
    }
    to.node("AveragePool", [to.value(call.args[0])], [call.name], attributes)


def _adaptive_pool(average: bool) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        x = call.args[0]
        rank = len(to.shapes[x.name]) - 2
        wanted = _listed(call.args[1], rank)
        if all([size == 1 for size in wanted]):
            op = "GlobalAveragePool" if average else "GlobalMaxPool"
            to.node(op, [to.value(x)], [call.name])
            return
        kind = "adaptive_avgpool" if average else "adaptive_maxpool"
        attributes: dict[str, Attribute] = {"size": [*wanted]}
        to.node(kind, [to.value(x)], [call.name], attributes)

    return rule


def _resize(mode: str) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        x = call.args[0]
        shape = call.shapes[0]
        aligned = mode != "nearest" and len(call.args) > 2 and call.args[2] is True
        coordinates = b"align_corners" if aligned else b"half_pixel"
        attributes: dict[str, Attribute] = {"mode": mode.encode()}
        if mode == "nearest":
            attributes["nearest_mode"] = b"floor"
            coordinates = b"asymmetric"
        if mode == "cubic":
            attributes["cubic_coeff_a"] = -0.75
        attributes["coordinate_transformation_mode"] = coordinates
        to.node("Resize", [to.value(x), "", "", to.ints(shape)], [call.name], attributes)

    return rule


def _pad(to: _Translation, call: Call) -> None:
    x, pads = call.args[:2]
    constant = call.target.startswith("constant_pad")
    mode = "constant" if constant else str(_arguments(call, x=None, pad=[], mode="constant")[2])
    number = call.args[2] if constant and len(call.args) > 2 else call.named.get("value", 0)
    rank = len(to.shapes[x.name])
    before, after = [0] * rank, [0] * rank
    for place in range(len(pads) // 2):
        before[-1 - place], after[-1 - place] = pads[2 * place], pads[2 * place + 1]
    modes = {"constant": b"constant", "reflect": b"reflect", "replicate": b"edge"}
    if mode not in modes:
        raise _Unsaid
    inputs = [to.value(x), to.ints([*before, *after])]
    if mode == "constant":
        inputs.append(to.value(float(number or 0)))
    to.node("Pad", inputs, [call.name], {"mode": modes[mode]})


def _pixel_shuffle(to: _Translation, call: Call) -> None:
    attributes: dict[str, Attribute] = {"blocksize": call.args[1], "mode": b"CRD"}
    to.node("DepthToSpace", [to.value(call.args[0])], [call.name], attributes)


def _pixel_unshuffle(to: _Translation, call: Call) -> None:
    x, factor = call.args[:2]
    n, c, h, w = to.shapes[x.name]
    split = to.ints([n, c, h // factor, factor, w // factor, factor])
    turned = to.node(
        "Transpose", [to.node("Reshape", [to.value(x), split])], (), {"perm": [0, 1, 3, 5, 2, 4]}
    )
    to.node("Reshape", [turned, to.ints(call.shapes[0])], [call.name])


def _channel_shuffle(to: _Translation, call: Call) -> None:
    x, groups = call.args[:2]
    n, c, *sizes = to.shapes[x.name]
    split = to.node("Reshape", [to.value(x), to.ints([n, groups, c // groups, *sizes])])
    order = [0, 2, 1, *range(3, len(sizes) + 3)]
    turned = to.node("Transpose", [split], (), {"perm": order})
    to.node("Reshape", [turned, to.ints([n, c, *sizes])], [call.name])


# Moving values.


def _reshape(to: _Translation, call: Call) -> None:
    to.node("Reshape", [to.value(call.args[0]), to.ints(call.shapes[0])], [call.name])


def _permute(to: _Translation, call: Call) -> None:
    rank = len(to.shapes[call.args[0].name])
    order = [axis % rank for axis in call.args[1]]
    to.node("Transpose", [to.value(call.args[0])], [call.name], {"perm": order})


def _transpose(to: _Translation, call: Call) -> None:
    x = call.args[0]
    rank = len(to.shapes[x.name])
    order = list(range(rank))
    if rank > 1:
        first, second = call.args[1:3] if len(call.args) > 2 else (-2, -1)
        order[first], order[second] = order[second], order[first]
    to.node("Transpose", [to.value(x)], [call.name], {"perm": order})


def _movedim(to: _Translation, call: Call) -> None:
    x, sources, targets = call.args[:3]
    rank = len(to.shapes[x.name])
    moved = {
        target % rank: source % rank
        for source, target in zip(_listed(sources, 1), _listed(targets, 1), strict=True)
    }
    rest = iter([axis for axis in range(rank) if axis not in moved.values()])
    order = [moved[axis] if axis in moved else next(rest) for axis in range(rank)]
    to.node("Transpose", [to.value(x)], [call.name], {"perm": order})


def _concat(to: _Translation, call: Call) -> None:
    values, axis = _arguments(call, tensors=[], dim=0)
    to.node("Concat", [to.value(each) for each in values], [call.name], {"axis": axis})


def _stack(to: _Translation, call: Call) -> None:
    values, axis = _arguments(call, tensors=[], dim=0)
    axes = to.ints([axis])
    parts = [to.node("Unsqueeze", [to.value(each), axes]) for each in values]
    to.node("Concat", parts, [call.name], {"axis": axis % len(call.shapes[0])})


def _split(to: _Translation, call: Call) -> None:
    x = call.args[0]
    axis = _arguments(call, x=None, size=0, dim=0)[2]
    outputs = [call.name, *[f"{call.name}:{n}" for n in range(1, len(call.shapes))]]
    sizes = [shape[axis] for shape in call.shapes]
    to.node("Split", [to.value(x), to.ints(sizes)], outputs, {"axis": axis})


def _unbind(to: _Translation, call: Call) -> None:
    x, axis = _arguments(call, x=None, dim=0)
    outputs = [call.name, *[f"{call.name}:{n}" for n in range(1, len(call.shapes))]]
    parts = [to.fresh("part") for _ in outputs]
    to.node("Split", [to.value(x), to.ints([1] * len(parts))], parts, {"axis": axis})
    for part, output in zip(parts, outputs, strict=True):
        to.node("Squeeze", [part, to.ints([axis])], [output])


def _slice(to: _Translation, call: Call) -> None:
    x, axis, start, end, step = _arguments(call, x=None, dim=0, start=None, end=None, step=1)
    bounds = [to.ints([start or 0]), to.ints([2**62 if end is None else end])]
    to.node("Slice", [to.value(x), *bounds, to.ints([axis]), to.ints([step])], [call.name])


def _narrow(to: _Translation, call: Call) -> None:
    x, axis, start, length = call.args[:4]
    inputs = [to.value(x), to.ints([start]), to.ints([start + length]), to.ints([axis])]
    to.node("Slice", inputs, [call.name])


def _select(to: _Translation, call: Call) -> None:
    x, axis, index = call.args[:3]
    place = to.value(int(index), whole=True)
    to.node("Gather", [to.value(x), place], [call.name], {"axis": axis})


def _slice_scatter(to: _Translation, call: Call) -> None:
    """A value in which a range of an axis is another one's."""
    x, part, axis, start, end, step = _arguments(
        call, x=None, src=None, dim=0, start=None, end=None, step=1
    )
    n = to.shapes[x.name][axis]
    places = range(n)[slice(start, end, step)]
    if step != 1:
        raise _Unsaid
    sizes = [places.start, len(places), n - places.stop]
    pieces = [to.fresh("part") for _ in sizes]
    to.node("Split", [to.value(x), to.ints(sizes)], pieces, {"axis": axis})
    pieces[1] = to.value(part)
    kept = [piece for piece, size in zip(pieces, sizes, strict=True) if size]
    to.node("Concat", kept, [call.name], {"axis": axis})


def _zero(to: _Translation, call: Call) -> None:
    to.node("Mul", [to.value(call.args[0]), to.value(0.0)], [call.name])


def _index_select(to: _Translation, call: Call) -> None:
    x, axis, index = call.args[:3]
    to.node("Gather", [to.value(x), to.value(index)], [call.name], {"axis": axis})


def _index(to: _Translation, call: Call) -> None:
    x, indices = call.args[:2]
    given = [axis for axis, each in enumerate(indices) if each is not None]
    if len(given) != 1:
        raise _Unsaid
    (axis,) = given
    to.node("Gather", [to.value(x), to.value(indices[axis])], [call.name], {"axis": axis})


def _embedding(to: _Translation, call: Call) -> None:
    to.node("Gather", [to.value(call.args[0]), to.value(call.args[1])], [call.name], {"axis": 0})


def _expand(to: _Translation, call: Call) -> None:
    to.node("Expand", [to.value(call.args[0]), to.ints(call.shapes[0])], [call.name])


def _repeat(to: _Translation, call: Call) -> None:
    x, times = call.args[:2]
    value = to.value(x)
    rank = len(to.shapes[x.name])
    if len(times) > rank:
        value = to.node(
            "Reshape", [value, to.ints([1] * (len(times) - rank) + [*to.shapes[x.name]])]
        )
    to.node("Tile", [value, to.ints(times)], [call.name])


def _roll(to: _Translation, call: Call) -> None:
    """Shifts in a circle: each axis is cut in two parts that change places."""
    x, shifts, axes = _arguments(call, x=None, shifts=[], dims=[])
    value, shape = to.value(x), to.shapes[x.name]
    axes = _listed(axes, 1)
    for number, (shift, axis) in enumerate(zip(_listed(shifts, len(axes)), axes, strict=True)):
        cut = -shift % shape[axis]
        where = to.ints([axis])
        first = to.node("Slice", [value, to.ints([cut]), to.ints([2**62]), where])
        second = to.node("Slice", [value, to.ints([0]), to.ints([cut]), where])
        name = [call.name] if number == len(axes) - 1 else ()
        value = to.node("Concat", [first, second], name, {"axis": axis})


def _reduction(op: str) -> Rule:
    def rule(to: _Translation, call: Call) -> None:
        x, axes, kept = _arguments(call, x=None, dim=None, keepdim=False)
        inputs = [to.value(x)]
        if axes is not None and axes != []:
            inputs.append(to.ints(_listed(axes, 1)))
        to.node(op, inputs, [call.name], {"keepdims": int(bool(kept))})

    return rule


def _vector_norm(to: _Translation, call: Call) -> None:
    x, order, axes, kept = _arguments(call, x=None, ord=2, dim=None, keepdim=False)
    if order != 2 or axes is None:
        raise _Unsaid
    inputs = [to.value(x), to.ints(_listed(axes, 1))]
    to.node("ReduceL2", inputs, [call.name], {"keepdims": int(bool(kept))})


#: What writes each operator, by its name without overload; those that change their input in place
#: have the same one.
RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _conv_transpose),
    "linear": _linear,
    "addmm": _addmm,
    **dict.fromkeys(("mm", "bmm", "matmul"), _matmul),
    "einsum": _einsum,
    **dict.fromkeys(("batch_norm", "_native_batch_norm_legit_no_training"), _batch_norm),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "scaled_dot_product_attention": _attention,
    **{
        name: _unary(op)
        for name, op in {
            "relu": "Relu",
            "sigmoid": "Sigmoid",
            "tanh": "Tanh",
            "mish": "Mish",
            "softsign": "Softsign",
            "exp": "Exp",
            "log": "Log",
            "sqrt": "Sqrt",
            "abs": "Abs",
            "neg": "Neg",
            "erf": "Erf",
            "sin": "Sin",
            "cos": "Cos",
            "floor": "Floor",
            "ceil": "Ceil",
            "reciprocal": "Reciprocal",
            "selu": "Selu",
        }.items()
    },
    "softplus": _unary("Softplus"),
    "leaky_relu": _slope("LeakyRelu", "alpha", 0.01),
    "elu": _slope("Elu", "alpha", 1.0),
    "celu": _slope("Celu", "alpha", 1.0),
    **{
        name: _binary(op)
        for name, op in {
            "add": "Add",
            "sub": "Sub",
            "mul": "Mul",
            "div": "Div",
            "pow": "Pow",
            "maximum": "Max",
            "minimum": "Min",
        }.items()
    },
    "rsub": _reversed_sub,
    "silu": _silu,
    "hardswish": _hard_swish,
    "hardsigmoid": _hard_sigmoid,
    "gelu": _gelu,
    **dict.fromkeys(("clamp", "hardtanh"), _clamp),
    "relu6": _relu6,
    "clamp_min": _clamp_one(0),
    "clamp_max": _clamp_one(1),
    "addcmul": _scaled_sum("Mul"),
    "addcdiv": _scaled_sum("Div"),
    "softmax": _softmax("Softmax"),
    "_softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "prelu": _prelu,
    **dict.fromkeys(_GATES, _recurrent),
    "rsqrt": _rsqrt,
    **dict.fromkeys(
        (
            "alias",
            "clone",
            "contiguous",
            "detach",
            "dropout",
            "feature_dropout",
            "lift_fresh_copy",
            "native_dropout",
            "to",
            "_to_copy",
            "type_as",
            "alpha_dropout",
        ),
        _same,
    ),
    **{f"max_pool{rank}d": _max_pool for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": _max_pool for rank in (1, 2, 3)},
    **{f"max_unpool{rank}d": _max_unpool for rank in (2, 3)},
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), _average_pool),
    **{f"adaptive_avg_pool{rank}d": _adaptive_pool(average=True) for rank in (1, 2, 3)},
    **{f"adaptive_max_pool{rank}d": _adaptive_pool(average=False) for rank in (1, 2, 3)},
    **{f"upsample_nearest{rank}d": _resize("nearest") for rank in (1, 2, 3)},
    "upsample_linear1d": _resize("linear"),
    "upsample_bilinear2d": _resize("linear"),
    "upsample_trilinear3d": _resize("linear"),
    "upsample_bicubic2d": _resize("cubic"),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    **dict.fromkeys(
        (
            "view",
            "reshape",
            "_unsafe_view",
            "flatten",
            "unflatten",
            "unsqueeze",
            "squeeze",
            "view_as",
            "reshape_as",
        ),
        _reshape,
    ),
    "permute": _permute,
    **dict.fromkeys(("movedim", "moveaxis"), _movedim),
    **dict.fromkeys(("transpose", "swapaxes", "t", "mT", "numpy_T"), _transpose),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concat),
    "stack": _stack,
    **dict.fromkeys(("split", "split_with_sizes", "chunk", "tensor_split"), _split),
    "unbind": _unbind,
    "slice": _slice,
    "narrow": _narrow,
    "slice_scatter": _slice_scatter,
    "zero": _zero,
    "select": _select,
    "index_select": _index_select,
    "index": _index,
    "embedding": _embedding,
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), _expand),
    "repeat": _repeat,
    "roll": _roll,
    "mean": _reduction("ReduceMean"),
    "sum": _reduction("ReduceSum"),
    "amax": _reduction("ReduceMax"),
    "amin": _reduction("ReduceMin"),
    "linalg_vector_norm": _vector_norm,
}
