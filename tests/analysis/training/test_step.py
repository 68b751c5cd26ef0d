"""Training steps of whole networks."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

import convcalc
from convcalc.analysis.training.step import train
from convcalc.counts import Counts
from convcalc.graph import GraphBuilder, Network
from convcalc.language.shipped import shipped_names
from convcalc.layers import NODE_KINDS, layer_class
from convcalc.layers.base import Layer
from convcalc.layers.elementwise import ElementwiseLayer
from convcalc.problems import ConvcalcError
from convcalc.shapes import Shape
from tests.networks.grow import random_spec
from tests.quick import each_network, each_seed
from tests.shipped import shipped

FORKED = """
input: [2, 4, 4]
layers:
  - {conv: 3, kernel: 1, bias: false, name: a}
  - concat: [[], a, [relu]]
"""


class _Unknown(Layer, kind="unknown"):
    """A kind that nobody has worked the derivative out of."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()


class _UnknownElements(ElementwiseLayer, kind="unknown_elements"):
    """The same of an element-wise kind."""


def chain(*layers: Layer) -> Network:
    """A network of layers that keep the shape (2, 3)."""
    builder = GraphBuilder()
    index = builder.input("input", (2, 3))
    for layer in layers:
        index = builder.add(layer, [index])
    return builder.network("chain", {builder.nodes[index].path: index})


class TestMobileNetV2:
    """The weighted layers, two operations a product, as a counter of products sees them."""

    network = convcalc.load("mobilenet_v2")

    def products(self, *, input_gradient: bool) -> int:
        totals = train(self.network, input_gradient=input_gradient).totals
        return 2 * (totals.forward_macs + totals.backward_macs)

    def test_forward(self) -> None:
        assert 2 * train(self.network).totals.forward_macs == 601_548_544

    def test_forward_and_backward(self) -> None:
        assert self.products(input_gradient=False) == 1_782_969_600

    def test_with_the_gradient_of_the_image(self) -> None:
        assert self.products(input_gradient=True) == 1_804_645_632

    def test_a_counter_that_counts_grouped_weight_gradients_for_each_group(self) -> None:
        """PyTorch 2.13's FlopCounterMode: it also includes the gradient of the image."""
        more = 0
        for layer in train(self.network, input_gradient=True).layers:
            if layer.node.kind == "depthwise":
                groups = layer.node.shape[0]
                more += 2 * (groups - 1) * layer.cost.weight_gradient_macs
        assert self.products(input_gradient=True) + more == 12_301_377_024


class TestWhereAGradientFlows:
    def test_not_into_the_first_layer_with_parameters(self) -> None:
        first = train(convcalc.load("lenet")).layers[0].cost
        assert first.input_gradient == Counts()
        assert first.weight_gradient.multiplies == first.forward.multiplies

    def test_nor_through_layers_before_it(self) -> None:
        network = convcalc.loads(
            "input: [2, 8, 8]\nlayers: [tanh, {maxpool: 2}, {conv: 3, kernel: 1}, tanh]"
        )
        layers = train(network).layers
        assert [bool(layer.cost.backward.flops) for layer in layers] == [False, False, True, True]
        reaching = train(network, input_gradient=True).layers
        assert all(layer.cost.backward.flops for layer in reaching)

    def test_not_into_a_branch_without_parameters(self) -> None:
        network = convcalc.loads(
            "input: [2, 4, 4]\nlayers: [{mul: {gate: [tanh], main: [{conv: 2, kernel: 1}]}}]"
        )
        gate, _, join = train(network).layers
        assert gate.cost.backward == Counts()
        # Only the convolution's branch gets its gradient: one product an element.
        assert join.cost.input_gradient == Counts(multiplies=32)

    def test_nowhere_in_a_network_without_parameters(self) -> None:
        totals = train(convcalc.loads("input: [2, 4, 4]\nlayers: [relu]")).totals
        assert (totals.backward, totals.step) == (Counts(), Counts())


def test_gradients_are_summed_where_a_value_is_used_again() -> None:
    conv, *_ = train(convcalc.loads(FORKED)).layers
    assert conv.node.path == "a"
    assert conv.cost.gradient_sums == Counts(adds=2 * 3 * 4 * 4)


def test_a_result_that_is_used_as_well_gets_the_losss_gradient_too() -> None:
    network = convcalc.loads(
        "input: [2, 4, 4]\noutputs: [a, b]\n"
        "layers: [{conv: 3, kernel: 1, name: a}, {conv: 1, kernel: 1, name: b}]"
    )
    first, second = train(network).layers
    assert first.cost.gradient_sums == Counts(adds=3 * 4 * 4)
    assert second.cost.gradient_sums == Counts()


def test_shared_parameters_are_changed_once() -> None:
    network = convcalc.loads(
        "input: [2, 4, 4]\nlayers:\n"
        "  - {conv: 2, kernel: 1, name: a}\n  - {conv: 2, kernel: 1, share: a}\n"
    )
    first, second = train(network).layers
    assert first.cost.step == Counts(multiplies=6, adds=6)
    assert second.cost.step == Counts()
    assert second.cost.weight_gradient.adds == first.cost.weight_gradient.adds + 4
    assert second.cost.bias_gradient.adds == first.cost.bias_gradient.adds + 2


@pytest.mark.parametrize("name", ["resnet18", "lenet", "mobilenet_v2"])
def test_a_batch_costs_no_more_steps(name: str) -> None:
    network = convcalc.load(name)
    one, four = train(network).totals, train(network, batch=4).totals
    assert four.step == one.step
    assert four.forward_macs == 4 * one.forward_macs
    assert four.backward_macs == 4 * one.backward_macs
    # The samples' gradients of a weight are summed: n*T products need n*T - 1 additions.
    assert four.weight_gradient.adds > 4 * one.weight_gradient.adds


def assert_each_product_has_two(network: Network) -> None:
    """Every product of the forward pass has one for its weight and one for its input.

    A product of two activations has two for inputs.
    """
    reaching = train(network, batch=2, input_gradient=True).totals
    costs = convcalc.analyze(network, batch=2).layers
    pairs = sum(row.cost.macs for row in costs if row.node.kind in OF_ACTIVATIONS)
    assert reaching.weight_gradient_macs == reaching.forward_macs - pairs
    assert reaching.input_gradient_macs == reaching.forward_macs + pairs
    step = train(network, batch=2)
    first = [
        layer.cost.forward_macs
        for layer in step.layers
        if layer.cost.input_gradient_macs == 0 and layer.cost.weight_gradient_macs
    ]
    assert step.totals.backward_macs == 2 * step.totals.forward_macs - sum(first)
    assert reaching.forward_macs == convcalc.analyze(network, batch=2).totals.macs


#: Kinds that multiply activations with each other.
OF_ACTIVATIONS = {"matmul", "attention_scores", "attention_values"}
#: Networks in which products have another one, or none, for an input: see below.
OTHERS = ("crnn", "detr_resnet50", "swin_v2_t", "swin_v2_s", "swin_v2_b")


@pytest.mark.no_cover
@each_network(name for name in shipped_names() if name not in OTHERS)
def test_each_product_of_a_shipped_network_has_two(name: str) -> None:
    assert_each_product_has_two(shipped(name))


def test_each_product_of_a_recurrent_network_has_two_but_that_with_the_first_state() -> None:
    totals = train(shipped("crnn"), batch=2, input_gradient=True).totals
    per_step = 4 * 256 * 256  # the state's products of four gates
    first = 2 * 2 * 2 * per_step  # of two samples, in two layers, in two directions
    assert totals.backward_macs == 2 * totals.forward_macs - first


def test_no_gradient_reaches_the_offsets_of_a_continuous_position_bias() -> None:
    totals = train(shipped("swin_v2_t"), batch=2, input_gradient=True).totals
    first = 12 * (15 * 15) * 2 * 512  # in each of 12 layers once: offsets, two numbers, units
    assert totals.backward_macs == 2 * totals.forward_macs - first


def test_no_gradient_reaches_the_zeros_that_a_decoder_starts_from() -> None:
    totals = train(shipped("detr_resnet50"), batch=2, input_gradient=True).totals
    first = 2 * 100 * 256 * 256  # of two samples, the values of the first layer's boxes
    assert totals.backward_macs == 2 * totals.forward_macs - first


@each_seed(30, 100)
def test_each_product_of_a_random_network_has_two(seed: int) -> None:
    assert_each_product_has_two(convcalc.loads(random_spec(Random(seed))))


@pytest.mark.parametrize("layer", [_Unknown(), _UnknownElements()])
def test_a_kind_without_a_rule_is_an_error_that_names_it(layer: Layer) -> None:
    with pytest.raises(ConvcalcError) as caught:
        train(chain(layer_class("scale")(), layer, layer_class("relu")(), layer))
    assert [problem.code for problem in caught.value.problems] == ["no-backward-rule"] * 2
    first = caught.value.problems[0].text
    assert first == f"{layer.kind}0: {layer.kind} has no rule for the backward pass"


@pytest.mark.parametrize("layer", [_Unknown(), _UnknownElements()])
def test_what_it_keeps_is_not_known_either(layer: Layer) -> None:
    with pytest.raises(Exception, match="has no rule for the backward pass"):
        layer.kept([(2, 3)], (2, 3), wanted=[True])


@pytest.mark.parametrize("kind", NODE_KINDS)
def test_every_kind_documents_its_gradients(kind: str) -> None:
    assert "    Grads:  " in (layer_class(kind).__doc__ or "")


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "2"])
def test_a_batch_that_is_none_is_refused(batch: object) -> None:
    with pytest.raises(ConvcalcError, match="batch must be a whole number"):
        train(chain(layer_class("relu")()), batch=batch)  # type: ignore[arg-type]
