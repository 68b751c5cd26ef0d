"""Deformable convolutions: sizes, costs, refusals, what-ifs and fields."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.analysis.field.fields import fields
from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.shapes import Shape
from convcalc.transform.whatif import scale_channels, with_kernel
from tests.layers.shorthand import counts, made, params, refusal, shape

#: A deformable 3x3 with a convolution that makes its offsets, and with a mask.
SPEC = """
input: [64, 64, 64]
layers:
  - deform_conv:
      value: []
      offset: [{conv: 18, kernel: 3, padding: 1}]
    channels: 64
    kernel: 3
    padding: 1
"""
MASKED = SPEC.replace(
    "    channels", "      mask: [{conv: 9, kernel: 3, padding: 1}, sigmoid]\n    channels"
)


def test_its_parameters_are_those_of_a_convolution() -> None:
    # As torchvision's DeformConv2d(64, 64, 3) and PyTorch's Conv2d(64, 18, 3) have them.
    report = convcalc.analyze(convcalc.loads(SPEC))
    assert report.totals.params == 36_928 + 10_386
    assert convcalc.loads(SPEC).operations[-1].shape == (64, 64, 64)


@pytest.mark.parametrize(
    ("values", "inputs", "expected"),
    [
        ({"kernel": 3, "padding": 1}, [(8, 9, 9), (18, 9, 9)], (16, 9, 9)),
        ({"kernel": 3, "stride": 2}, [(8, 9, 9), (18, 4, 4), (9, 4, 4)], (16, 4, 4)),
        ({"kernel": [1, 3], "offset_groups": 4}, [(8, 9, 9), (24, 9, 7)], (16, 9, 7)),
        ({"kernel": 5, "padding": "same"}, [(8, 9), (5, 9)], (16, 9)),
    ],
)
def test_sizes(values: dict[str, object], inputs: list[Shape], expected: Shape) -> None:
    layer = made("deform_conv", len(inputs[0]) - 1, channels=16, **values)
    assert shape(layer, *inputs) == expected


def test_each_value_is_interpolated_once_for_all_output_channels() -> None:
    value, offset, mask = (4, 6, 5), (18, 6, 5), (9, 6, 5)
    layer = made("deform_conv", channels=6, kernel=3, padding=1)
    conv = made("conv", channels=6, kernel=3, padding=1)
    plain, read = counts(conv, value), 4 * 30 * 9
    # As a bilinear upsampling does: 3 interpolations of a multiplication and two additions. Each
    # offset is added to its place, and the place before it is taken off.
    expected = plain.plus(Counts(3 * read, 6 * read + 2 * 18 * 30))
    assert counts(layer, value, offset) == expected
    masked = counts(layer, value, offset, mask)
    assert masked == expected.plus(Counts(multiplies=read))
    assert layer.macs([value, offset, mask], (6, 6, 5), masked) == plain.multiplies
    assert params(layer, value, offset) == params(conv, value)


def test_no_tap_is_left_out_beside_the_map() -> None:
    layer, inputs = made("deform_conv", channels=6, kernel=3, padding=1), [(4, 6, 5), (18, 6, 5)]
    assert counts(layer, *inputs, valid_taps=True) == counts(layer, *inputs)


@pytest.mark.parametrize(
    ("values", "inputs", "message", "facts"),
    [
        (
            {},
            [(8, 9, 9), (9, 7, 7)],
            "deform_conv needs 18 channels of offset, not 9",
            (("rule", "spatial axes * offset_groups * taps = 2 * 1 * 3 * 3 = 18"),),
        ),
        (
            {"offset_groups": 2},
            [(8, 9, 9), (36, 7, 7), (9, 7, 7)],
            "deform_conv needs 18 channels of mask, not 9",
            (("rule", "offset_groups * taps = 2 * 3 * 3 = 18"),),
        ),
        (
            {"stride": 2},
            [(8, 9, 9), (18, 7, 7)],
            "deform_conv needs offset at each of its 4x4 output positions, not at 7x7",
            (),
        ),
        ({}, [(8, 9, 9), (18, 49)], "deform_conv needs branches of one rank", ()),
    ],
)
def test_branches_that_do_not_fit(
    values: dict[str, object],
    inputs: list[Shape],
    message: str,
    facts: tuple[tuple[str, str], ...],
) -> None:
    error = refusal(made("deform_conv", 2, channels=16, kernel=3, **values), *inputs)
    assert (error.code, error.message, worded(error.facts)) == ("join-mismatch", message, facts)


def test_groups_divide_the_channels() -> None:
    inputs = [(8, 9, 9), (18, 7, 7)]
    for values in ({"groups": 3}, {"offset_groups": 3}, {"groups": 16}):
        error = refusal(made("deform_conv", 2, channels=16, kernel=3, **values), *inputs)
        assert error.code == "groups-mismatch"


def test_units_may_see_the_whole_map() -> None:
    (rows, columns) = fields(convcalc.loads(SPEC))["deform_conv0"].axes["input"]
    assert rows.whole
    assert columns.whole
    assert (rows.size, columns.size) == (64, 64)


@pytest.mark.parametrize("text", [SPEC, MASKED])
def test_what_ifs_keep_as_many_offsets_as_taps(text: str) -> None:
    more = "  - {conv: 3, kernel: 1}\n"
    network = convcalc.loads(text + more)
    wider = scale_channels(network, 2)
    assert wider.operations[-2].shape[0] == 128
    assert wider.operations[0].shape[0] == 18
    assert with_kernel(network, 5).operations[-1].shape == network.operations[-1].shape


def test_a_training_step_reads_values_again() -> None:
    network = convcalc.loads(MASKED)
    step = convcalc.train(network, batch=2, input_gradient=True)
    macs = 64 * 64 * 64 * 9 * (64 + 18 + 9) * 2
    assert (step.totals.forward_macs, step.totals.backward_macs) == (macs, 2 * macs)
