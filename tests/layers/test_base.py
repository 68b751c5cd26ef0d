"""Layers in general: arguments, immutability, equality, and the rules of all kinds."""

from __future__ import annotations

import copy
import pickle

import pytest

from convcalc import analyze
from convcalc.arithmetic import Ratio, Window
from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.layers import KINDS, NODE_KINDS, layer_class
from convcalc.layers.base import Layer, divisible_by_groups, only, parameter_count
from convcalc.layers.convolution import Conv
from convcalc.layers.dense import Dense
from convcalc.layers.elementwise import ElementwiseLayer
from convcalc.layers.fields import Whole, field
from convcalc.layers.pooling import MaxPool
from convcalc.layers.traits import ChannelRule
from convcalc.problems import RuleError
from tests.executor.values import network_of
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.layers.shorthand import made
from tests.oracle.random_layers import drawn

every_kind = pytest.mark.parametrize("kind", [*KINDS, *[k for k in NODE_KINDS if k not in KINDS]])
every_node_kind = pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)


class TestArguments:
    def test_a_missing_one_is_named(self) -> None:
        with pytest.raises(TypeError, match="conv needs kernel"):
            layer_class("conv")(channels=3)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(TypeError, match=r"dense takes units, bias, positionwise, not .*size"):
            layer_class("dense")(units=3, size=4)

    def test_defaults_fill_in(self) -> None:
        assert Dense(units=10) == Dense(units=10, bias=True, positionwise=False)

    def test_a_kinds_own_required_ones_come_first(self) -> None:
        class Base(Layer):
            """A made-up kind."""

            inherited: int = field(Whole(), "inherited")

        class Made(Base, kind="made"):
            """A made-up kind."""

            optional: int = field(Whole(), "with a default", default=1)
            required: int = field(Whole(), "without")

        assert list(Made.fields) == ["required", "inherited", "optional"]
        assert Made.prefix == "made"
        assert list(Base.fields) == ["inherited"]

    def test_reading_blames_the_argument(self) -> None:
        with pytest.raises(RuleError) as caught:
            Dense.read({"units": 0}, 2)
        assert caught.value.field == "units"
        assert caught.value.code == "bad-value"
        assert caught.value.message == "units must be a whole number from 1 to 2147483647, not 0"

    def test_reading_spreads_one_number_over_the_axes(self) -> None:
        conv = made("conv", 3, channels=2, kernel=3, stride=[1, 2, 2], padding=[1, [0, 1], 0])
        assert isinstance(conv, Conv)
        assert conv.kernel == (3, 3, 3)
        assert conv.stride == (1, 2, 2)
        assert conv.padding == ((1, 1), (0, 1), (0, 0))
        assert conv.dilation == (1, 1, 1)

    def test_reading_leaves_none_where_others_decide(self) -> None:
        assert made("maxpool", kernel=2) == made("maxpool", kernel=2, stride=None)


class TestImmutability:
    def test_attributes_cannot_be_set(self) -> None:
        layer = Dense(units=10)
        with pytest.raises(AttributeError, match=r"immutable; use replace\(units=\.\.\.\)"):
            layer.units = 11  # type: ignore[misc]
        assert layer.units == 10

    def test_replace_makes_another(self) -> None:
        layer = Dense(units=10)
        other = layer.replace(units=11)
        assert (layer.units, other.units, other.bias) == (10, 11, True)
        assert type(other) is Dense

    def test_replace_refuses_what_the_kind_has_not(self) -> None:
        with pytest.raises(TypeError, match="dense takes"):
            Dense(units=10).replace(channels=11)


class TestEquality:
    def test_holds_for_equal_arguments_in_any_order(self) -> None:
        one = Dense(units=10, bias=False)
        other = Dense(bias=False, units=10)
        assert one == other
        assert hash(one) == hash(other)
        assert len({one, other}) == 1

    def test_arguments_make_a_difference(self) -> None:
        assert Dense(units=10) != Dense(units=11)
        assert len({Dense(units=10), Dense(units=11), Dense(units=10)}) == 2

    def test_kinds_make_a_difference(self) -> None:
        assert made("identity") != made("flatten")
        assert hash(made("identity")) != hash(made("flatten"))
        assert made("maxpool", kernel=2) != made("minpool", kernel=2)
        assert Dense(units=10) != 10

    def test_repr_says_it_all(self) -> None:
        assert repr(Dense(units=10)) == "Dense(units=10, bias=True, positionwise=False)"


@every_kind
def test_every_kind_can_be_copied_compared_and_written_out(kind: str) -> None:
    for number in range(10):
        layer, _ = drawn(kind, f"copy {number}")
        names = {cls.__name__: cls for cls in (type(layer), Ratio, MaxPool)}
        again = eval(repr(layer), names)  # noqa: S307 - our own
        for other in (again, layer.replace(), copy.copy(layer), copy.deepcopy(layer)):
            assert other == layer
            assert hash(other) == hash(layer)
        assert pickle.loads(pickle.dumps(layer)) == layer  # noqa: S301 - our own


@every_kind
def test_every_kind_documents_itself(kind: str) -> None:
    cls = layer_class(kind)
    text = cls.__doc__ or ""
    first, _, rest = text.partition("\n")
    assert first.endswith((".", "..."))
    assert "Shape:" in rest
    assert "Counts:" in rest
    networks = [network_of(*drawn(kind, f"document {number}")) for number in range(20)]
    learns = any(analyze(network).totals.params for network in networks)
    assert ("Params:" in rest) == learns
    assert ("wrong-rank" in rest) == (cls.least_rank > 0)
    for declared in cls.fields.values():
        assert declared.doc


@every_kind
def test_every_kind_sums_up_in_a_few_words(kind: str) -> None:
    for number in range(10):
        layer, shapes = drawn(kind, f"summary {number}")
        assert layer.summary().split()[0] == kind
        assert len(layer.summary()) <= 40
        assert layer.described(shapes).startswith(kind)
        assert len(layer.described(shapes)) <= 60


@every_node_kind
def test_leaving_out_taps_never_adds_an_operation(kind: str) -> None:
    for number in range(20):
        layer, shapes = drawn(kind, f"fewer {number}")
        output = layer.output_shape(shapes)
        textbook = layer.counts(shapes, output)
        valid = layer.counts(shapes, output, valid_taps=True)
        assert all(0 <= some <= all_ for some, all_ in zip(valid, textbook, strict=True))


class TestSharedPieces:
    def test_a_window_spans_its_dilated_taps(self) -> None:
        window = Window(n=32, taps=3, stride=1, dilation=6, before=6, after=6, out=32)
        assert window.extent == 13

    def test_parameters_are_counted_over_all_arrays(self) -> None:
        assert parameter_count({"weight": (6, 1, 5, 5), "bias": (6,)}) == 156
        assert parameter_count({}) == 0

    def test_only_takes_one(self) -> None:
        assert only([(3, 8, 8)]) == (3, 8, 8)
        with pytest.raises(ValueError, match="unpack"):
            only([(3,), (3,)])

    def test_groups_must_divide(self) -> None:
        divisible_by_groups(6, 3, "input channels")
        with pytest.raises(RuleError) as caught:
            divisible_by_groups(7, 3, "input channels")
        error = caught.value
        assert error.code == "groups-mismatch"
        assert error.message == "7 input channels cannot be split into 3 equal groups"
        assert error.field == "groups"
        assert worded(error.facts) == (("rule", "7 / 3 must be whole"),)

    def test_an_abstract_layer_does_nothing(self) -> None:
        layer = Layer()
        with pytest.raises(NotImplementedError):
            layer.output_shape([])
        with pytest.raises(NotImplementedError):
            layer.counts([], ())
        assert layer.parameters([]) == layer.buffers([]) == {}
        assert layer.windows([]) == ()

    def test_a_layer_stays_as_it_is_where_a_change_does_not_concern_it(self) -> None:
        layer = made("relu")
        assert layer.with_channels(ChannelRule("same"), 8, 0) is layer
        assert layer.with_kernel(5) is layer
        assert layer.with_double_padding([(3, 8, 8)]) is layer

    def test_an_elementwise_kind_costs_its_elements(self) -> None:
        class Twice(ElementwiseLayer, kind="twice"):
            """2*x."""

            cost = Counts(multiplies=1)

        assert Twice().output_shape([(2, 3)]) == (2, 3)
        assert Twice().counts([(2, 3)], (2, 3)) == Counts(multiplies=6)
