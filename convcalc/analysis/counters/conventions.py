"""Conventions: what well-known counters call FLOPs or MACs, each as one declarative entry.

An entry states, for every kind, what the counter reports for a layer of it: a sum of quantities
with whole factors, 0, or that there is no rule. Kinds are listed here and in no other analysis,
because what a counter does with a kind is a property of the counter. The entries were measured, and
the tests compare them with the measurements.

The reading is the plain one: every layer a module of PyTorch, a global average an adaptive pool,
joins written with operators, a matmul as `torch.matmul`; of attention the two products likewise,
the softmax as the function. What a counter does where that is not so is a known deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from math import prod
from typing import NamedTuple

from convcalc.arithmetic import Ratio, Window
from convcalc.layers.base import Layer, parameter_count
from convcalc.shapes import Shape


class Operation:
    """One operation on one sample: its layer, its input shapes, its output shape.

    names  what rules may call it: `softmax of attention` where it is a part, and its kind
    """

    __slots__ = ("_amounts", "inputs", "layer", "names", "output")

    def __init__(
        self, layer: Layer, inputs: Sequence[Shape], output: Shape, written: Layer | None = None
    ) -> None:
        self.layer = layer
        self.inputs = inputs
        self.output = output
        part = [f"{layer.kind} of {written.kind}"] if written is not None else []
        self.names = (*part, layer.kind)
        self._amounts: dict[str, int] = {}

    def amount(self, name: str) -> int:
        """How much of a quantity it has; computed once for all conventions."""
        found = self._amounts.get(name)
        if found is None:
            found = self._amounts[name] = QUANTITIES[name].of(self)
        return found

    @property
    def rank(self) -> int:
        """The number of spatial axes that it reads."""
        return len(self.inputs[0]) - 1

    @property
    def elements(self) -> int:
        """The elements of its first input."""
        return prod(self.inputs[0])

    @property
    def positions(self) -> int:
        """The spatial positions of its output."""
        return prod(self.output[1:])

    @property
    def windows(self) -> Sequence[Window]:
        """Its window on each spatial axis."""
        return self.layer.windows(self.inputs)

    def argument(self, name: str) -> int:
        """A whole number that the layer was given, 0 where it was not."""
        value = getattr(self.layer, name, None)
        return value if isinstance(value, int) else 0

    def gives(self, name: str) -> bool:
        """Whether it was given an argument at all."""
        return getattr(self.layer, name, None) is not None

    def is_mode(self, mode: str) -> bool:
        """Whether the mode of an upsampling is called so in PyTorch."""
        theirs = getattr(self.layer, "mode", "")
        if theirs == "nearest" and self.layer.argument("coordinates") != "asymmetric":
            theirs = "nearest-exact"
        return bool(theirs == mode)

    def learned(self, name: str) -> Shape | None:
        """The shape of one of its learned arrays."""
        return self.layer.parameters(self.inputs).get(name)


# --- Quantities -----------------------------------------------------------------------------------


def _macs(operation: Operation) -> int:
    # Counters multiply what lies on padding as well, whatever --valid-taps says.
    counts = operation.layer.counts(operation.inputs, operation.output)
    return operation.layer.macs(operation.inputs, operation.output, counts)


def _weights_everywhere(operation: Operation) -> int:
    return prod(operation.learned("weight") or (0,)) * operation.positions


def _macs_over_groups(operation: Operation) -> int:
    c_in, per_group, *kernel = operation.learned("weight") or (0, 0)
    sizes = operation.inputs[0][1:]
    return c_in * (per_group // operation.argument("groups")) * prod(kernel) * prod(sizes)


def _bias_as_forward(operation: Operation) -> int:
    if not operation.learned("bias"):
        return 0
    per_group = (operation.learned("weight") or (0, 0))[1]
    windows = operation.windows
    sizes = [(w.n + w.before + w.after - w.extent) // w.stride + 1 for w in windows]
    return per_group * prod(sizes)


def _taps(operation: Operation) -> int:
    return prod((operation.learned("weight") or ())[2:]) * operation.positions


def _input_biases(operation: Operation) -> int:
    arrays = operation.layer.parameters(operation.inputs)
    found = {name: shape for name, shape in arrays.items() if name.startswith("bias_ih")}
    return parameter_count(found) * operation.positions


def _by_factors(operation: Operation) -> int:
    """Its inputs times its factors, which is more than its outputs where an axis is rounded."""
    factors: Sequence[Ratio] = getattr(operation.layer, "factor", ())
    parts = prod([factor.denominator for factor in factors])
    return operation.elements * prod([factor.numerator for factor in factors]) // parts


def _factored(operation: Operation) -> int:
    if operation.gives("size"):
        return prod(operation.output)
    factors: Sequence[Ratio] = getattr(operation.layer, "factor", ())
    if len(set(factors)) > 1:
        return operation.elements * prod([f.numerator // f.denominator for f in factors])
    return _by_factors(operation)


def _hidden_units(operation: Operation) -> int:
    first, second = operation.learned("hidden_weight"), operation.learned("weight")
    return _macs(operation) // (first[1] + second[0]) if first and second else 0


class Quantity(NamedTuple):
    """Something of a layer that counters count, and how a formula calls it.

    once  whether a batch has no more of it than a sample
    """

    text: str
    of: Callable[[Operation], int]
    once: bool = False


#: By the name that rules use.
QUANTITIES: dict[str, Quantity] = {
    "macs": Quantity("MACs", _macs),
    "bias": Quantity("biased outputs", lambda p: prod(p.output) if p.learned("bias") else 0),
    "weights-everywhere": Quantity("weights x output positions", _weights_everywhere),
    "parameters": Quantity("parameters", lambda p: parameter_count(p.layer.parameters(p.inputs))),
    "inputs": Quantity("inputs", lambda p: p.elements),
    "affine": Quantity("scaled inputs", lambda p: p.elements if p.learned("weight") else 0),
    "inputs-2d": Quantity("2-D inputs", lambda p: p.elements if p.rank == 2 else 0),
    "outputs": Quantity("outputs", lambda p: prod(p.output)),
    "window-outputs": Quantity(
        "outputs x window", lambda p: prod(p.output) * prod([w.taps for w in p.windows])
    ),
    "added": Quantity("added outputs", lambda p: prod(p.output) * (len(p.inputs) - 1)),
    "rows": Quantity("rows", lambda p: p.positions * p.argument("groups")),
    "padded-channels": Quantity(
        "inputs with size - 1 channels more",
        lambda p: (p.output[0] + p.argument("size") - 1) * p.positions,
    ),
    "nearest": Quantity("nearest outputs", lambda p: prod(p.output) * p.is_mode("nearest")),
    "nearest-2d": Quantity(
        "2-D nearest outputs", lambda p: prod(p.output) * (p.rank == 2 and p.is_mode("nearest"))
    ),
    "linear-1d": Quantity(
        "1-D linear outputs", lambda p: prod(p.output) * (p.rank == 1 and p.is_mode("bilinear"))
    ),
    "bilinear-2d": Quantity(
        "2-D bilinear outputs", lambda p: prod(p.output) * (p.rank == 2 and p.is_mode("bilinear"))
    ),
    "bicubic-2d": Quantity(
        "2-D bicubic outputs", lambda p: prod(p.output) * (p.rank == 2 and p.is_mode("bicubic"))
    ),
    "resized-inputs": Quantity(
        "inputs, or positions where a size is given",
        lambda p: p.positions if p.gives("size") else p.elements,
    ),
    "resized-outputs": Quantity(
        "inputs x factors, or positions where a size is given",
        lambda p: p.positions if p.gives("size") else _by_factors(p),
    ),
    "factored-outputs": Quantity(
        "inputs x factors, whole ones if they differ, or outputs where a size is given",
        _factored,
    ),
    "macs-over-groups": Quantity("MACs / groups", _macs_over_groups),
    "first-by-columns": Quantity(
        "elements of the first branch x columns of the second",
        lambda p: p.elements * p.inputs[1][-1],
    ),
    "taps": Quantity("taps x positions", _taps),
    "masked-taps": Quantity("masked taps x positions", lambda p: _taps(p) * (len(p.inputs) > 2)),
    "input-biases": Quantity("half of the biases x steps", _input_biases),
    "bias-as-forward": Quantity("biases at a forward convolution's positions", _bias_as_forward),
    "offset-macs": Quantity("MACs on the offsets", _macs, once=True),
    "offset-units": Quantity("hidden units on the offsets", _hidden_units, once=True),
    "offset-parameters": Quantity(
        "parameters of the network on offsets",
        lambda p: parameter_count(p.layer.parameters(p.inputs)) if _hidden_units(p) else 0,
        once=True,
    ),
}

# --- Families of kinds, as the rules need them ----------------------------------------------------

_CONVOLUTIONS = ("conv", "depthwise")
_WEIGHTED = (*_CONVOLUTIONS, "conv_transpose", "dense")
_AVERAGES = ("global_avgpool", "adaptive_avgpool")
_MAXIMA = ("global_maxpool", "adaptive_maxpool")
_POOLS = ("maxpool", "avgpool", *_MAXIMA, *_AVERAGES)
_SET_NORMS = ("layernorm", "groupnorm", "instancenorm")
_NORMS = ("batchnorm", *_SET_NORMS, "lrn")
#: Normalisations that no counter knows but by their parameters.
_MAGNITUDES = ("rmsnorm", "l2norm", "grn")
#: Activations that no counter knows.
_STRANGE = (
    *("selu", "celu", "mish", "softplus", "hard_sigmoid", "hard_swish", "tanh", "sigmoid"),
    "clip",
)
_ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "prelu", "elu", "gelu", "silu", "softmax"),
    *_STRANGE,
)
#: What only moves values, or is one.
_MOVES = (
    *("parameter", "buffer", "stochastic_depth", "pixel_unshuffle", "indices", "unpool"),
    *("dropout", "identity", "flatten", "reshape", "transpose", "pad", "crop", "slice"),
    *("pixel_shuffle", "channel_shuffle", "concat", "gather", "broadcast"),
)
_RECURRENT = ("lstm", "gru")
#: What is written with an operator, or a function that no counter watches.
_OPERATORS = (
    *("add", "sub", "mul", "div", "scale", "pow", "sqrt", "rescaling"),
    *("reduce_mean", "reduce_max", "reduce_sum", "channel_avgpool", "channel_maxpool"),
)
#: The products of attention, and what no counter sees of it.
_PRODUCTS = ("attention_scores", "attention_values")
_UNSEEN = ("attention_norm",)
#: What sums products.
_ACCUMULATING = (*_WEIGHTED, *_RECURRENT, "matmul", *_PRODUCTS)

_HAND_MADE = "PyTorch has no such layer, and what it says depends on how one is written"
#: Where a layer without a counterpart in PyTorch is charged for each of its parts.
_NO_COUNTERPART = {"minpool": _HAND_MADE, "conv_lstm": _HAND_MADE}
#: Where one without sums of products costs nothing however it is written.
_NO_CONV_LSTM = {"conv_lstm": _HAND_MADE}

# --- The conventions ------------------------------------------------------------------------------

#: What a counter reports for a layer: the sum of quantities with their factors.
Rule = tuple[tuple[int, str], ...]


class Convention(NamedTuple):
    """A counter's way of counting.

    counter     the tool, as its users call it
    version     of the tool, which the rules were measured with
    unit        the tool's word for one of what it counts
    rules       what it reports, by kind
    ignored     kinds that it reports as 0
    missing     kinds without a rule, and why
    about       what it leaves out or counts twice, in a sentence
    deviations  what the tool does where a network is not written as the plain reading has it
    """

    name: str
    counter: str
    version: str
    unit: str
    rules: Mapping[str, Rule]
    ignored: Sequence[str]
    missing: Mapping[str, str]
    about: str
    deviations: Sequence[str] = ()

    def formula(self, kinds: Container[str] | None = None) -> str:
        """What it reports, as text: one sum, with the kinds of each quantity.

        Of these `kinds` only, if any are given.
        """
        where: dict[tuple[int, str], list[str]] = {}
        for kind, rule in self.rules.items():
            for part in rule if kinds is None or kind in kinds else ():
                where.setdefault(part, []).append(kind)
        text = ""
        for (factor, name), listed in where.items():
            sign = ("- " if factor < 0 else "+ ") if text else ""
            times = f"{abs(factor)}*" if abs(factor) != 1 else ""
            text += f" {sign}{times}{QUANTITIES[name].text} of {_listed(listed)}"
        return text.lstrip() or "nothing"

    @property
    def per_mac(self) -> int:
        """What it reports for a product of a convolution and its addition: 1 or 2."""
        return self.rules["conv"][0][0]

    def figure(self, operation: Operation, batch: int = 1) -> int | None:
        """What it reports for an operation on so many samples; None where it has no rule."""
        for name in operation.names:
            rule = self.rules.get(name)
            if rule is not None:
                return sum(
                    [
                        factor * operation.amount(what) * (1 if QUANTITIES[what].once else batch)
                        for factor, what in rule
                    ]
                )
            if name in self.ignored:
                return 0
        return None


def _listed(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"


def _rules(*rules: tuple[Sequence[str], Rule]) -> dict[str, Rule]:
    """A rule for each kind; a kind that is named again gets the sum of both."""
    table: dict[str, Rule] = {}
    for kinds, rule in rules:
        for kind in kinds:
            table[kind] = (*table.get(kind, ()), *rule)
    return table


_EVERY_OTHER = (
    "minpool",
    *_POOLS,
    *_NORMS,
    *_MAGNITUDES,
    *_ACTIVATIONS,
    *_OPERATORS,
    "upsample",
    "deform_conv",
    *_MOVES,
    *_UNSEEN,
)
_NO_DEFORMABLE = "does not see a deformable convolution"
_NO_SDPA = "does not see scaled_dot_product_attention"
_NO_FUSED = "does not see MultiheadAttention, which without gradients is one operation"
_FUNCTIONS = "counts torch.add and torch.mul as N, but not the operators + and *"

_DEEPSPEED_RULES: tuple[tuple[Sequence[str], Rule], ...] = (
    (_CONVOLUTIONS, ((2, "macs"), (1, "bias"))),
    (("dense",), ((2, "macs"),)),
    (("matmul",), ((2, "first-by-columns"),)),
    (_PRODUCTS, ((2, "macs"),)),
    (("attention_bias",), ((2, "offset-macs"), (1, "offset-units"))),
    (("batchnorm",), ((1, "inputs"), (1, "affine"))),
    (_SET_NORMS, ((4, "inputs"), (1, "affine"))),
    (("lrn",), ((3, "inputs"), (1, "padded-channels"))),
    (_POOLS, ((1, "inputs"),)),
    (
        ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "softmax"),
        ((1, "inputs"),),
    ),
    (("lstm",), ((2, "macs"), (2, "input-biases"), (2, "outputs"))),
    (("gru",), ((2, "macs"), (2, "input-biases"), (1, "outputs"))),
)
_DEEPSPEED_FREE = ("relu6", *_MAGNITUDES, *_STRANGE, *_OPERATORS, "deform_conv", *_MOVES, *_UNSEEN)
_DEEPSPEED_DEVIATIONS = (
    "sees functions as well as modules, but ReLU6 and Sigmoid modules call none that it watches",
    "does not see x.mean()",
    _NO_DEFORMABLE,
    _NO_FUSED,
    _FUNCTIONS,
    "charges an upsampling to a given size for one channel of one sample",
)

_DARKNET_COUNTED = (*_CONVOLUTIONS, "maxpool", "avgpool", "add")
_DARKNET_FREE = tuple(
    [
        kind
        for kind in (*_EVERY_OTHER, *_ACCUMULATING, "attention_bias")
        if kind not in (*_DARKNET_COUNTED, "minpool")
    ]
)

#: In the order in which they are shown.
CONVENTIONS: tuple[Convention, ...] = (
    Convention(
        "torch",
        "FlopCounterMode of PyTorch",
        "2.13",
        "FLOPs",
        _rules((_ACCUMULATING, ((2, "macs"),)), (("attention_bias",), ((2, "offset-macs"),))),
        _EVERY_OTHER,
        _NO_CONV_LSTM,
        "A product and its addition are two; biases, normalisations, activations and poolings are"
        " left out.",
        ["training counts a grouped convolution's weight gradient `groups` times", _NO_DEFORMABLE],
    ),
    Convention(
        "fvcore",
        "FlopCountAnalysis of fvcore",
        "0.1.5.post20221221",
        "flops",
        _rules(
            (_WEIGHTED, ((1, "macs"),)),
            (("matmul",), ((1, "first-by-columns"),)),
            (_PRODUCTS, ((1, "macs"),)),
            (("attention_bias",), ((1, "offset-macs"),)),
            (("batchnorm",), ((1, "inputs"), (1, "affine"))),
            (_SET_NORMS, ((4, "inputs"), (1, "affine"))),
            (_AVERAGES, ((1, "inputs-2d"),)),
            (("upsample",), ((1, "nearest-2d"), (4, "bilinear-2d"))),
        ),
        (
            *("maxpool", "avgpool", *_MAXIMA, *_RECURRENT, "lrn", *_MAGNITUDES, *_ACTIVATIONS),
            *(*_OPERATORS, "deform_conv", *_MOVES, *_UNSEEN),
        ),
        _NO_COUNTERPART,
        "A flop is a multiply-add; biases, activations and other poolings than adaptive averages"
        " are left out, and adaptive averages and upsamplings count on maps of two axes only.",
        [
            "does not see x.mean()",
            _NO_SDPA,
            _NO_FUSED,
            "warns of operators that it does not know, such as an LSTM, and charges nothing",
            _NO_DEFORMABLE,
        ],
    ),
    Convention(
        "torchinfo",
        "summary of torchinfo",
        "1.8.0",
        "mult-adds",
        _rules(
            (
                (*_CONVOLUTIONS, "conv_transpose", "deform_conv"),
                ((1, "weights-everywhere"), (1, "bias")),
            ),
            (("dense", "batchnorm", *_SET_NORMS, "rmsnorm", "prelu"), ((1, "parameters"),)),
            (_RECURRENT, ((1, "macs"), (2, "input-biases"))),
            (("attention_bias",), ((1, "offset-parameters"),)),
        ),
        (
            *("minpool", *_POOLS, "lrn", "l2norm", "grn"),
            *[kind for kind in _ACTIVATIONS if kind != "prelu"],
            *(*_OPERATORS, "matmul", "upsample", *_MOVES, *_PRODUCTS, *_UNSEEN),
        ),
        _NO_CONV_LSTM,
        "Every parameter once, a convolution's at each output position, a transposed one's too:"
        " biases count, a normalisation hardly, and a dense layer on a map for one position only.",
        [
            "charges nothing for a parameter of a block itself, such as ConvNeXt's layer scale",
            "does not see function calls, such as F.linear",
        ],
    ),
    Convention(
        "ptflops-aten",
        "get_model_complexity_info of ptflops, backend aten",
        "0.7.5",
        "MACs",
        _rules(
            ((*_WEIGHTED, "gru", "matmul", *_PRODUCTS), ((1, "macs"),)),
            (_WEIGHTED, ((1, "bias"),)),
            (("gru",), ((1, "input-biases"),)),
            (("attention_bias",), ((1, "offset-macs"), (1, "offset-units"))),
        ),
        ("lstm", *_EVERY_OTHER),
        _NO_CONV_LSTM,
        "Biases count as one more product; normalisations, activations and poolings are left out,"
        " and so is an LSTM, which is one operator there, and one of a GRU's two biases.",
        [
            "a dense layer on a map that is not contiguous loses its bias",
            _NO_SDPA,
            _NO_FUSED,
            _NO_DEFORMABLE,
        ],
    ),
    Convention(
        "ptflops-pytorch",
        "get_model_complexity_info of ptflops, backend pytorch",
        "0.7.5",
        "MACs",
        _rules(
            (_WEIGHTED, ((1, "macs"), (1, "bias"))),
            (("matmul",), ((1, "first-by-columns"),)),
            (_PRODUCTS, ((1, "macs"),)),
            (("attention_bias",), ((1, "offset-macs"), (3, "offset-units"))),
            (("batchnorm", "groupnorm", "instancenorm"), ((1, "inputs"), (1, "affine"))),
            (("layernorm",), ((1, "inputs"),)),
            (("lrn",), ((3, "inputs"), (1, "padded-channels"))),
            ((*_POOLS, "relu", "prelu", "elu", "gelu"), ((2, "inputs"),)),
            (("relu6", "leaky_relu", "silu", "softmax"), ((1, "inputs"),)),
            (("upsample",), ((1, "outputs"), (1, "factored-outputs"))),
            (("lstm",), ((1, "macs"), (2, "input-biases"), (10, "outputs"))),
            (("gru",), ((1, "macs"), (2, "input-biases"), (7, "outputs"))),
            (("deform_conv",), ((1, "macs"), (1, "bias"), (24, "taps"), (1, "masked-taps"))),
        ),
        (*_MAGNITUDES, *_STRANGE, *_OPERATORS, *_MOVES, *_UNSEEN),
        _NO_COUNTERPART,
        "ReLU, GELU and poolings are counted twice, as the module and as the function that it"
        " calls; biases count, and so do normalisations.",
        [
            "counts a plain function call, such as F.relu, once",
            "does not see x.mean(), F.linear, nor a subclass of a module, such as LayerNorm2d",
            _FUNCTIONS,
            "does not see the operator @, but counts torch.matmul",
            _NO_SDPA,
            "averages what modules do over a batch, but not what functions do",
            "charges a deformable convolution's reading of values for one channel only",
        ],
    ),
    Convention(
        "thop",
        "profile of thop",
        "0.1.1.post2209072238",
        "MACs",
        _rules(
            ((*_CONVOLUTIONS, "conv_transpose"), ((1, "weights-everywhere"),)),
            (("dense",), ((1, "macs"),)),
            (("attention_bias",), ((1, "offset-macs"),)),
            (("batchnorm", "layernorm", "instancenorm"), ((2, "inputs"), (2, "affine"))),
            (("avgpool",), ((1, "outputs"),)),
            (_AVERAGES, ((1, "inputs"), (1, "outputs"))),
            (("prelu",), ((1, "inputs"),)),
            (("softmax",), ((3, "inputs"), (-1, "rows"))),
            (
                ("upsample",),
                ((1, "nearest"), (5, "linear-1d"), (11, "bilinear-2d"), (259, "bicubic-2d")),
            ),
            (("lstm",), ((1, "macs"), (2, "input-biases"), (8, "outputs"))),
            (("gru",), ((1, "macs"), (2, "input-biases"), (7, "outputs"))),
        ),
        (
            *(
                "maxpool",
                *_MAXIMA,
                "groupnorm",
                "lrn",
                *_MAGNITUDES,
                "relu",
                "relu6",
                "leaky_relu",
                "elu",
            ),
            *("gelu", "silu", *_STRANGE, *_OPERATORS, "matmul", "deform_conv", *_MOVES),
            *(*_PRODUCTS, *_UNSEEN, "softmax of attention"),
        ),
        _NO_COUNTERPART,
        "A normalisation, which folded is one multiply-add an element, counts as four; biases and"
        " most activations are left out, and a transposed convolution's weights count at each"
        " output position instead of each input position.",
        [
            "does not see function calls, such as F.adaptive_avg_pool2d, nor x.mean()",
            _NO_DEFORMABLE,
            "does not see a subclass of a module, such as LayerNorm2d, nor MultiheadAttention",
        ],
    ),
    Convention(
        "calflops",
        "calculate_flops of calflops, FLOPs",
        "0.3.2",
        "FLOPs",
        _rules(
            (("conv_transpose",), ((2, "macs-over-groups"), (1, "bias-as-forward"))),
            *_DEEPSPEED_RULES,
            (("upsample",), ((1, "resized-inputs"),)),
        ),
        _DEEPSPEED_FREE,
        _NO_COUNTERPART,
        "The biases of convolutions count, those of dense layers do not; ReLU6, Sigmoid and joins"
        " are left out; a transposed convolution's groups and size are taken wrongly.",
        (
            *_DEEPSPEED_DEVIATIONS,
            "does not see the operator @, but counts torch.matmul",
            _NO_SDPA,
            "ends with an error at an upsampling by other factors on each axis",
        ),
    ),
    Convention(
        "calflops-macs",
        "calculate_flops of calflops, MACs",
        "0.3.2",
        "MACs",
        _rules(
            ((*_CONVOLUTIONS, "dense"), ((1, "macs"),)),
            (("matmul",), ((1, "first-by-columns"),)),
            (_PRODUCTS, ((1, "macs"),)),
            (("attention_bias",), ((1, "offset-macs"),)),
            (("conv_transpose",), ((1, "macs-over-groups"),)),
        ),
        (*_RECURRENT, *_EVERY_OTHER),
        _NO_CONV_LSTM,
        "The products alone, those of recurrent layers left out; those of a transposed convolution"
        " are divided by its groups once too often.",
        [_NO_DEFORMABLE],
    ),
    Convention(
        "deepspeed",
        "FLOPS profiler of DeepSpeed",
        "0.19.8",
        "FLOPs",
        _rules(
            (("conv_transpose",), ((2, "macs"), (1, "bias"))),
            *_DEEPSPEED_RULES,
            (("upsample",), ((1, "resized-outputs"),)),
        ),
        _DEEPSPEED_FREE,
        _NO_COUNTERPART,
        "As calflops, which was made from it, with transposed convolutions and upsamplings put"
        " right since.",
        _DEEPSPEED_DEVIATIONS,
    ),
    Convention(
        "torchvision",
        "model table of torchvision",
        "0.28",
        "FLOPS",
        _rules((_ACCUMULATING, ((1, "macs"),)), (("attention_bias",), ((1, "offset-macs"),))),
        _EVERY_OTHER,
        _NO_CONV_LSTM,
        "The table's GFLOPS are MACs / 10^9: a product and its addition are one.",
        ["no network of it has a recurrent layer or a deform_conv, which count as half of torch"],
    ),
    Convention(
        "darknet",
        "darknet of AlexeyAB, which lists BFLOPS as it reads a network",
        "2025-12-15",
        "FLOPs",
        _rules(
            (_CONVOLUTIONS, ((2, "macs"),)),
            (("maxpool", "avgpool"), ((1, "window-outputs"),)),
            (("add",), ((1, "added"),)),
            (("conv_lstm",), ((2, "macs"), (9, "outputs"))),
        ),
        _DARKNET_FREE,
        {"minpool": "darknet has no such layer"},
        "The BFLOPS are these / 10^9: a convolution's product and its addition are two, a pooling"
        " counts each tap and a shortcut each addition; biases, normalisations, activations and"
        " dense layers are left out.",
        [
            "prints three decimals of 10^9",
            "counts other things under `darknet ops`: no pooling and no shortcut, but dense layers",
            "lists a conv_lstm for one of its steps",
            "has no layers of some kinds, which count nothing here",
        ],
    ),
)


class Extra(NamedTuple):
    """What people add to a count: a text, and the rule of each kind."""

    text: str
    rules: Mapping[str, Rule]

    def figure(self, operation: Operation) -> int:
        """What is added for an operation on one sample."""
        rule = self.rules.get(operation.layer.kind, ())
        return sum([factor * operation.amount(name) for factor, name in rule])

    def within(self, convention: Convention) -> bool:
        """Whether a convention counts that already."""
        return any(
            name == counted
            for kind, rule in self.rules.items()
            for _, name in rule
            for _, counted in convention.rules.get(kind, ())
        )


EXTRAS: tuple[Extra, ...] = (
    Extra("with biases", _rules((_WEIGHTED, ((1, "bias"),)))),
    Extra("with batchnorm, one an element", _rules((("batchnorm",), ((1, "inputs"),)))),
    Extra("with batchnorm, two an element", _rules((("batchnorm",), ((2, "inputs"),)))),
)
