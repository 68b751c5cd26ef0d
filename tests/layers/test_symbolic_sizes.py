"""Rules hold on sizes that are not known yet, wherever they decide nothing.

The sizes of a random layer's inputs, or its arguments, become symbols that record what is computed
with them. The formulas are evaluated afterwards, at these sizes and at others for which the rules
decide the same, and held against the rules on plain integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.layers.base import Layer
from convcalc.layers.fields import PaddingSides, PerAxis, Real, Whole, WholeList
from convcalc.problems import RuleError
from convcalc.shapes import Shape
from convcalc.symbols import common_divisor, larger, smaller, whole
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.layers.recorded import Recorded, Trace, evaluated
from tests.layers.shorthand import made
from tests.oracle.random_layers import drawn

_FITS = "whether the window fits the padded input"
_DIVIDES = "whether groups divide the channels"
#: The functions that decide something by a size, by kind, and what they decide. Parameters, counts
#: and gradients decide nothing more than the shape: they look at the same windows.
DECISIONS: dict[str, dict[str, str]] = {
    "conv": {"sliding_windows": _FITS, "divisible_by_groups": _DIVIDES},
    "depthwise": {"sliding_windows": _FITS},
    "conv_transpose": {
        "transposed_windows": "whether padding leaves an output, and output_padding is a step",
        "divisible_by_groups": _DIVIDES,
    },
    **{
        kind: {"sliding_windows": _FITS, "windows": "whether a window could lie on padding alone"}
        for kind in ("maxpool", "indices", "minpool", "avgpool")
    },
    "unpool": {"output_shape": "whether there are as many values as places"},
    **{
        kind: {"divisible_by_groups": _DIVIDES}
        for kind in ("groupnorm", "channel_shuffle", "softmax")
    },
    "parameter": {"output_shape": "whether there are as many elements as numbers"},
    "reshape": {"output_shape": "whether the new shape holds the values"},
    "pad": {"output_shape": "whether anything is left, and enough for a reflection or a turn"},
    "crop": {"output_shape": "whether anything is left"},
    "deform_conv": {
        "sliding_windows": _FITS,
        "divisible_by_groups": _DIVIDES,
        "output_shape": "whether offset groups divide the channels",
        "_check": "whether there is an offset for each tap at each position",
    },
    "conv_lstm": {"sliding_windows": _FITS},
    "upsample": {"output_shape": "whether a factor leaves a position"},
    "pixel_shuffle": {"output_shape": "whether the channels fall into blocks"},
    "pixel_unshuffle": {"output_shape": "whether the positions fall into blocks"},
    "slice": {"output_shape": "whether the range is there"},
    **{
        kind: {"output_shape": "whether channels are equal", "broadcast": "which of two sizes is 1"}
        for kind in ("add", "sub")
    },
    **{kind: {"broadcast": "which of two sizes is 1"} for kind in ("mul", "div")},
    "concat": {"output_shape": "whether the sizes of the other axes are equal"},
    "gather": {"output_shape": "whether the positions are there"},
    "broadcast": {"output_shape": "which sizes of the input are 1, and which stay"},
    **{
        kind: {"_check_windows": "whether windows tile the map"}
        for kind in ("attention_scores", "attention_values")
    },
    "matmul": {
        "output_shape": "whether rows are as long as columns",
        "broadcast": "which of two sizes is 1",
    },
}
#: Kinds that need the numbers to leave out taps on padding, which are counted by Euclid's steps, or
#: pairs that a shift keeps apart: no shift is on an axis that is one window.
NEED_NUMBERS_FOR_VALID_TAPS = {"conv", "depthwise", "conv_transpose", "conv_lstm", "lrn"} | {
    *("maxpool", "minpool", "avgpool", "attention_scores", "attention_bias", "attention_values"),
}
#: Arguments that are no sizes, but the numbers of axes and positions.
NO_SIZES = {"axes", "axis", "indices", "order"}
#: Layers of each kind.
LAYERS = 40


def symbolic(layer: Layer, shapes: Sequence[Shape], what: str) -> tuple[Trace, Any, list[Any]]:
    """The layer and its inputs with symbols for sizes: those of the inputs, or the arguments."""
    trace = Trace()
    if what == "inputs":
        return trace, layer, [trace.symbols(f"input{i}", shape) for i, shape in enumerate(shapes)]
    arguments = {
        name: trace.symbols(name, getattr(layer, name))
        for name in layer.fields
        if name not in NO_SIZES
    }
    return trace, layer.replace(**arguments), list(shapes)


def figures(layer: Layer, shapes: Sequence[Shape], output: Shape) -> dict[str, Any]:
    """What a kind's rules compute besides the shape."""
    counts = layer.counts(shapes, output)
    step = {"wanted": [True] * len(shapes), "batch": 2}
    back = layer.backward_counts(shapes, output, **step)  # type: ignore[arg-type]
    return {
        "parameters": layer.parameters(shapes),
        "buffers": layer.buffers(shapes),
        "counts": counts,
        "macs": layer.macs(shapes, output, counts),
        "training": layer.training_counts(shapes, output, batch=2),
        "backward": back,
        "backward_macs": layer.backward_macs(shapes, output, back),
        "kept": layer.kept(shapes, output, **step),  # type: ignore[arg-type]
    }


def hold(layer: Layer, shapes: Sequence[Shape], what: str, factor: int) -> set[str]:
    """Holds formulas against plain rules; the functions that decided something."""
    trace, unknown, inputs = symbolic(layer, shapes, what)
    output = unknown.output_shape(inputs)
    deciding = trace.functions
    found = figures(unknown, inputs, output)
    assert trace.functions <= deciding, f"{layer!r} decides after its shape: {trace.functions}"
    larger_sizes = {name: size * factor for name, size in trace.sizes.items()}
    for sizes in (trace.sizes, larger_sizes):
        if trace.holds(sizes):
            plain = layer.replace(**evaluated(vars(unknown), sizes))
            known = [evaluated(shape, sizes) for shape in inputs]
            shape = plain.output_shape(known)
            assert evaluated(output, sizes) == shape, f"{plain!r} on {known}"
            assert evaluated(found, sizes) == figures(plain, known, shape), f"{plain!r} on {known}"
    return deciding


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_a_kind_decides_what_is_listed_and_nothing_else(kind: str) -> None:
    deciding = set()
    for what in ("inputs", "arguments"):
        for number in range(LAYERS):
            deciding |= hold(*drawn(kind, f"symbolic {number}"), what, 2 + number % 3)
    assert deciding == set(DECISIONS.get(kind, ()))


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_only_windows_need_numbers_to_leave_out_padding(kind: str) -> None:
    deciding = set()
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"symbolic {number}")
        trace, unknown, inputs = symbolic(layer, shapes, "inputs")
        output = unknown.output_shape(inputs)
        before = trace.functions
        counts = unknown.counts(inputs, output, valid_taps=True)
        plain = layer.counts(shapes, layer.output_shape(shapes), valid_taps=True)
        assert evaluated(counts, trace.sizes) == plain
        deciding |= trace.functions - before
    assert bool(deciding) == (kind in NEED_NUMBERS_FOR_VALID_TAPS), deciding


@given(
    st.sampled_from(list(KNOWN_NODE_KINDS)),
    st.integers(0, 10**6),
    st.sampled_from(["inputs", "arguments"]),
    st.integers(2, 7),
)
def test_rules_hold_on_symbols(kind: str, seed: int, what: str, factor: int) -> None:
    deciding = hold(*drawn(kind, f"symbolic {seed}"), what, factor)
    assert deciding <= set(DECISIONS.get(kind, ()))


def test_shapes_are_followed_without_a_decision_where_any_size_fits() -> None:
    trace = Trace()
    size = trace.size("n", 9)
    conv = made("conv", channels=8, kernel=3, stride=2, padding="same")
    (channels, height, width) = conv.output_shape([(3, size, 7)])
    assert (channels, width) == (8, 4)
    assert [evaluated(height, {"n": n}) for n in range(1, 6)] == [1, 1, 2, 2, 3]


class TestArguments:
    """Arguments are read as they are; their limits are decided."""

    @pytest.mark.parametrize(
        ("field", "rank", "read"),
        [
            (Whole(1, 9), 2, lambda n: n),
            (PerAxis(), 2, lambda n: (n, n)),
            (PaddingSides("same"), 1, lambda n: ((n, n),)),
            (Real(0, 9), 2, lambda n: n),
        ],
    )
    def test_one_number(self, field: Any, rank: int, read: Any) -> None:
        number = Trace().size("n", 4)
        assert field.read(number, rank) == read(number)
        with pytest.raises(RuleError):
            field.read(Trace().size("n", -1), rank)

    def test_lists(self) -> None:
        trace = Trace()
        one, other = trace.size("one", 1), trace.size("other", 2)
        assert PerAxis().read([one, other], 2) == (one, other)
        assert PaddingSides().read([[one, other]], 1) == ((one, other),)
        assert WholeList("a list", 0, 3).read([one, other], 2) == (one, other)


class TestFunctions:
    """What rules use instead of max, min and gcd."""

    @given(st.integers(), st.integers())
    def test_they_are_those_of_integers(self, a: int, b: int) -> None:
        assert (larger(a, b), smaller(a, b)) == (max(a, b), min(a, b))
        trace = Trace()
        symbols = trace.size("a", a), trace.size("b", b)
        for function in (larger, smaller, common_divisor):
            for operands in (symbols, (symbols[0], b), (a, symbols[1])):
                assert evaluated(function(*operands), trace.sizes) == function(a, b)

    def test_a_symbol_is_a_whole_number(self) -> None:
        assert whole(Trace().size("n", 3))
        assert whole(3)
        assert not any(map(whole, (True, 3.0, "3", None)))

    @pytest.mark.parametrize("escape", [int, float, range, [1, 2].__getitem__])
    def test_a_recorded_size_cannot_become_a_number(self, escape: Any) -> None:
        with pytest.raises(AssertionError):
            escape(Recorded("n", Trace()))
