"""`--double-channels` and `--scale-channels` on networks small enough to be worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcalc.graph import Network
from convcalc.language.load import loads
from convcalc.problems import ConvcalcError
from convcalc.transform.whatif import apply, scale_channels


def channels(network: Network) -> dict[str, int]:
    return {node.path: node.shape[0] for node in network.operations}


def doubled(text: str) -> dict[str, int]:
    return channels(apply(loads(text), double_channels=True))


def scaled(text: str, factor: Fraction | int) -> dict[str, int]:
    return channels(scale_channels(loads(text), factor))


def argument(network: Network, path: str, name: str) -> object:
    (layer,) = [node.layer for node in network.nodes if node.path == path]
    return getattr(layer, name)


def with_outputs(text: str, names: str) -> str:
    return f"{text.rstrip()}\n        outputs: [{names}]\n"


def some(values: dict[str, int], *paths: str) -> list[int]:
    return [values[path] for path in paths]


def test_a_chain_doubles_up_to_the_classifier() -> None:
    text = """
        input: [1, 8, 8]
        layers:
          - {conv: 6, kernel: 3, norm: batch, activation: {prelu: , per_channel: true}}
          - {maxpool: 2}
          - {conv: 16, kernel: 1}
          - flatten
          - {dense: 20, activation: relu}
          - {dense: 10}
    """
    assert doubled(text) == {
        "conv0": 12,
        "conv0.batchnorm": 12,
        "conv0.prelu": 12,
        "pool0": 12,
        "conv1": 32,
        "flatten0": 32 * 9,
        "dense0": 20,
        "dense0.relu": 20,
        "dense1": 10,
    }


def test_the_convolution_that_makes_the_result_keeps_its_channels() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 8, kernel: 3}
          - {conv: 10, kernel: 1, activation: relu}
          - global_avgpool
          - flatten
    """
    assert some(doubled(text), "conv0", "conv1", "flatten0") == [16, 10, 10]


def test_residual_units_change_together() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 16, kernel: 3, padding: 1}
          - {add: [[], [{conv: 8, kernel: 1}, {conv: 16, kernel: 3, padding: 1}]], repeat: 2}
          - add:
              shortcut: [{conv: 32, kernel: 1, stride: 2}]
              main: [{conv: 12, kernel: 1}, {conv: 32, kernel: 3, stride: 2, padding: 1}]
          - global_avgpool
          - {dense: 10}
    """
    found = doubled(text)
    assert some(found, "conv0", "add0", "add1", "add2", "dense0") == [32, 32, 32, 64, 10]
    assert some(found, "add0.branch1.conv0", "add0.branch1.conv1") == [16, 32]
    assert some(found, "add2.shortcut.conv0", "add2.main.conv0", "add2.main.conv1") == [64, 24, 64]


def test_a_residual_around_the_input_is_frozen_and_its_inside_is_not() -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - {add: [[], [{conv: 8, kernel: 1}, {conv: 4, kernel: 1}]], repeat: 3}
          - {conv: 6, kernel: 1}
          - {conv: 2, kernel: 1}
    """
    found = doubled(text)
    assert some(found, "add0", "add1", "add2", "conv0", "conv1") == [4, 4, 4, 12, 2]
    assert some(found, "add1.branch1.conv0", "add1.branch1.conv1") == [16, 4]


def test_a_residual_into_the_result_is_frozen_back_to_its_first_convolution() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 16, kernel: 1}
          - {add: [[], [{conv: 8, kernel: 1}, {conv: 16, kernel: 1}]], repeat: 2}
    """
    found = doubled(text)
    assert some(found, "conv0", "add0", "add1", "add1.branch1.conv0") == [16, 16, 16, 16]


def test_squeeze_and_excite_gates_follow_the_map() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3}
          - mul:
              - []
              - - global_avgpool
                - {conv: 6, kernel: 1}
                - {conv: 24, kernel: 1, activation: sigmoid}
          - {conv: 5, kernel: 1}
    """
    found = doubled(text)
    assert some(found, "conv0", "mul0.branch1.conv0", "mul0.branch1.conv1") == [48, 12, 48]


def test_a_gate_of_one_channel_keeps_it() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3, name: map}
          - mul: [{gate}]
          - {conv: 5, kernel: 1}
    """
    branch = "[{conv: 6, kernel: 1}, {conv: 1, kernel: 1, activation: sigmoid}]"
    for gate, branches in ((1, f"[], {branch}"), (0, f"{branch}, []")):
        found = doubled(text.replace("{gate}", branches))
        path = f"mul0.branch{gate}"
        assert some(found, "map", "mul0", f"{path}.conv0", f"{path}.conv1") == [48, 48, 12, 1]


def test_a_gate_of_pooled_channels_lets_them_change() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3, name: map}
          - mul:
              - []
              - - concat: [[channel_avgpool], [channel_maxpool]]
                - {conv: 1, kernel: 7, padding: 3, activation: sigmoid}
          - {conv: 5, kernel: 1}
    """
    found = doubled(text)
    assert some(found, "map", "mul0", "mul0.branch1.concat0", "mul0.branch1.conv0") == [
        48,
        48,
        2,
        1,
    ]


def test_blocks_of_positions_become_channels() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 6, kernel: 1}
          - {pixel_unshuffle: 2}
          - {slice: [4, 20]}
          - {conv: 5, kernel: 1}
    """
    assert some(doubled(text), "conv0", "pixel_unshuffle0", "slice0") == [12, 48, 32]


def test_maps_one_after_the_other_change_together() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3, name: map}
          - concat: [[], [{conv: 24, kernel: 1}, {maxpool: [2, 1]}]]
            axis: 1
          - {slice: [0, 1], axis: 2}
          - {conv: 5, kernel: 1}
    """
    assert some(doubled(text), "map", "concat0.branch1.conv0", "slice0", "conv0") == [48, 48, 48, 5]


def test_every_second_channel_holds_all_of_them() -> None:
    text = """
        input: [3, 8]
        layers:
          - {conv: 24, kernel: 1}
          - {slice: [0, 24], step: 2}
          - {conv: 5, kernel: 1}
    """
    assert some(doubled(text), "conv0", "slice0") == [24, 12]


def test_a_dense_gate_follows_the_map_through_its_reshape() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3}
          - mul:
              - []
              - - {global_avgpool: , keepdims: false}
                - {dense: 6, activation: relu}
                - {dense: 24, activation: sigmoid}
                - {reshape: [24, 1, 1]}
          - {conv: 5, kernel: 1}
    """
    found = doubled(text)
    # The 24 units are tied to a convolution's channels; the 6 are tied to nothing.
    assert some(found, "conv0", "mul0", "mul0.branch1.dense0", "mul0.branch1.dense1") == [
        48,
        48,
        6,
        48,
    ]


def test_a_dense_gate_may_come_first() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3}
          - mul:
              - - {global_avgpool: , keepdims: false}
                - {dense: 24, activation: sigmoid}
                - {reshape: [-1, 1, 1]}
              - [{conv: 24, kernel: 1}]
          - {conv: 5, kernel: 1}
    """
    network = loads(text)
    double = scale_channels(network, 2)
    assert some(channels(double), "conv0", "mul0.branch0.dense0", "mul0.branch1.conv0") == [
        48,
        48,
        48,
    ]
    back = scale_channels(double, Fraction(1, 2))
    assert [node.layer for node in back.nodes] == [node.layer for node in network.nodes]


def test_part_of_what_a_depthwise_convolution_makes_stands_for_all() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 4, kernel: 1, name: narrow}
          - {depthwise: 3, padding: 1, multiplier: 2, name: wide}
          - {add: [[{conv: 8, kernel: 1, from: input}], []], name: sum}
          - {slice: [0, 3], name: before}
          - {slice: [3, 8], from: sum, name: after}
          - {conv: 5, kernel: 1, from: before, name: end}
        outputs: [after, end]
    """
    # Only `after` is a result, but half a channel of `narrow` ends on either side.
    assert some(doubled(text), "narrow", "wide", "sum", "before") == [4, 8, 8, 3]
    plain = text.replace("- {add: [[{conv: 8, kernel: 1, from: input}], []], name: sum}", "")
    assert some(doubled(plain.replace("from: sum", "from: wide")), "narrow", "wide") == [4, 8]
    text = text.replace("outputs: [after, end]", "outputs: [end]").replace(
        "from: before", "from: after"
    )
    text = text.replace("- {slice: [0, 3], name: before}", "")
    assert some(doubled(text), "narrow", "wide", "sum", "after") == [8, 16, 16, 10]


def test_inverted_residual_with_depthwise() -> None:
    text = """
        input: [3, 16, 16]
        layers:
          - {conv: 16, kernel: 3, stride: 2, padding: 1}
          - add:
              - []
              - - {conv: 6*in_channels, kernel: 1}
                - {depthwise: 3, padding: 1, norm: batch}
                - {conv: 16, kernel: 1}
          - {depthwise: 3, multiplier: 2}
          - {conv: 96, kernel: 3, groups: 32}
          - global_avgpool
          - flatten
          - {dense: 10}
    """
    network = scale_channels(loads(text), 2)
    found = channels(network)
    assert some(found, "conv0", "add0.branch1.conv0", "add0.branch1.depthwise0") == [32, 192, 192]
    assert some(found, "depthwise0", "conv1", "flatten0") == [64, 192, 192]
    # As many groups as input channels: a depthwise convolution, and it stays one.
    assert argument(network, "conv1", "groups") == 64


def test_grouped_convolutions_keep_their_groups() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 64, kernel: 1}
          - add:
              - []
              - - {conv: 32, kernel: 1}
                - {conv: 32, kernel: 3, padding: 1, groups: 8, norm: {groupnorm: 4}}
                - {conv: 64, kernel: 1}
          - {conv: 7, kernel: 1}
    """
    network = scale_channels(loads(text), 2)
    assert channels(network)["add0.branch1.conv1"] == 64
    assert argument(network, "add0.branch1.conv1", "groups") == 8
    found = scaled(text, Fraction(1, 3))
    # 64/3 = 21.3 is 21; 32/3 = 10.7 goes to the nearest multiple of 8.
    assert some(found, "conv0", "add0.branch1.conv0", "add0.branch1.conv1") == [21, 8, 8]
    # And never below one channel a group.
    found = scaled(text, Fraction(1, 100))
    assert some(found, "conv0", "add0.branch1.conv0", "add0.branch1.conv1") == [1, 8, 8]


def test_a_whole_product_that_does_not_fit_the_groups_is_rounded() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 12, kernel: 1}
          - {conv: 20, kernel: 1, groups: 4}
          - {conv: 5, kernel: 1}
    """
    # Neither 6 nor 10 is four groups; of 4 and 8, and of 8 and 12, the larger.
    assert some(scaled(text, Fraction(1, 2)), "conv0", "conv1") == [8, 12]


def test_groups_of_what_a_depthwise_convolution_multiplied() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 8, kernel: 1}
          - {depthwise: 3, multiplier: 4}
          - {conv: 20, kernel: 1, groups: 4}
          - {conv: 5, kernel: 1}
    """
    # Four times any number of channels falls into four groups, so 5.6 is 6 and not 4 or 8.
    assert some(scaled(text, Fraction(7, 10)), "conv0", "depthwise0", "conv1") == [6, 24, 16]


def test_groupnorm_alone_limits_what_it_normalises() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 1, norm: {groupnorm: 6}}
          - {conv: 5, kernel: 1}
          - {conv: 2, kernel: 1}
    """
    # 24*3/5 = 14.4: nearest multiple of 6 is 12; 5*3/5 is exact.
    assert some(scaled(text, Fraction(3, 5)), "conv0", "conv1") == [12, 3]


def test_densenet_chain() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 16, kernel: 3, padding: 1}
          - concat: [[], [batchnorm, {conv: 4*12, kernel: 1}, {conv: 12, kernel: 3, padding: 1}]]
            repeat: 3
          - {conv: in_channels // 2, kernel: 1}
          - global_avgpool
          - {dense: 10}
    """
    found = doubled(text)
    assert some(found, "conv0", "concat0", "concat1", "concat2", "conv1") == [32, 56, 80, 104, 52]
    assert found["concat2.branch1.batchnorm0"] == 80


def test_a_dense_block_on_the_input_grows_by_the_convolutions_only() -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - {concat: [[], [{conv: 12, kernel: 1}]], repeat: 2}
          - {conv: 3, kernel: 1}
    """
    assert some(doubled(text), "concat0", "concat1", "conv0") == [4 + 24, 4 + 48, 3]


SHUFFLENET = """
    input: [3, 8, 8]
    blocks:
      unit(c):
        - concat:
            - [{slice: [0, c]}]
            - - {slice: [c, 2*c]}
              - {conv: c, kernel: 1}
              - {depthwise: 3, padding: 1}
              - {conv: c, kernel: 1}
        - {channel_shuffle: 2}
    layers:
      - {conv: 24, kernel: 3, padding: 1}
      - concat:
          - [{depthwise: 3, padding: 1}, {conv: 58, kernel: 1}]
          - [{conv: 58, kernel: 1}, {depthwise: 3, padding: 1}, {conv: 58, kernel: 1}]
      - {channel_shuffle: 2}
      - {unit: 58, repeat: 6}
      - global_avgpool
      - {dense: 10}
"""


def test_shufflenet_units() -> None:
    found = doubled(SHUFFLENET)
    assert some(found, "concat0", "unit0.concat0", "unit5.concat0") == [232, 232, 232]
    assert some(found, "unit5.concat0.branch0.slice0", "unit5.concat0.branch1.conv0") == [116, 116]
    double = scale_channels(loads(SHUFFLENET), 2)
    assert argument(double, "unit3.concat0.branch1.slice0", "channels") == (116, 232)


def test_shufflenet_units_round_as_a_whole_however_long_the_chain() -> None:
    # 58*3/4 = 43.5 rounds up; both halves of all units have to follow.
    found = scaled(SHUFFLENET, Fraction(3, 4))
    assert some(found, "conv0", "concat0", "unit0.concat0", "unit5.concat0") == [18, 88, 88, 88]
    # What stays inside a unit, or comes before them, is free of that.
    assert found["unit5.concat0.branch1.conv0"] == 44


def test_grouped_shuffle_units() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 24, kernel: 3}
          - - {conv: 12, kernel: 1, groups: 3}
            - {channel_shuffle: 3}
            - {depthwise: 3}
            - {conv: 48, kernel: 1, groups: 3}
          - {conv: 4, kernel: 1}
    """
    group = "sequential0."
    found = scaled(text, Fraction(1, 2))
    assert some(found, "conv0", group + "conv0", group + "channel_shuffle0") == [12, 6, 6]
    found = scaled(text, Fraction(2, 5))
    # 9.6, 4.8 and 19.2, each to the nearest multiple of 3.
    assert some(found, "conv0", group + "conv0", group + "conv1") == [9, 6, 18]


def test_inception() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 10, kernel: 1}
          - concat:
              - [{conv: 4, kernel: 1}]
              - [{conv: 3, kernel: 1}, {conv: 6, kernel: 3, padding: 1}]
              - [{maxpool: 3, stride: 1, padding: 1}]
          - {add: [[], [{conv: 20, kernel: 1}]]}
          - {conv: 5, kernel: 1}
    """
    found = doubled(text)
    assert some(found, "concat0", "concat0.branch2.pool0", "add0.branch1.conv0") == [40, 20, 40]
    # The projection that is added follows the branches piece by piece: 4/3, 6/3 and 10/3.
    found = scaled(text, Fraction(1, 3))
    assert some(found, "conv0", "concat0", "add0.branch1.conv0") == [3, 1 + 2 + 3, 6]


def test_unet_with_long_skips() -> None:
    text = """
        input: [3, 16, 16]
        layers:
          - {conv: 8, kernel: 3, padding: 1, name: enc1}
          - {maxpool: 2}
          - {conv: 16, kernel: 3, padding: 1, name: enc2}
          - {maxpool: 2}
          - {conv: 32, kernel: 3, padding: 1}
          - {conv_transpose: 16, kernel: 2, stride: 2}
          - {concat: [[], enc2]}
          - {conv: 16, kernel: 3, padding: 1}
          - {upsample: 2}
          - {concat: [[], enc1]}
          - {conv: 2, kernel: 1}
    """
    found = doubled(text)
    assert some(found, "enc1", "enc2", "conv0", "conv_transpose0", "concat0", "concat1") == [
        16,
        32,
        64,
        32,
        64,
        48,
    ]
    assert found["conv2"] == 2


def test_super_resolution_freezes_what_becomes_the_result() -> None:
    text = """
        input: [1, 8, 8]
        layers:
          - {conv: 64, kernel: 5, padding: 2}
          - {conv: 16, kernel: 3, padding: 1}
          - {pixel_shuffle: 2}
          - {conv: 12, kernel: 3, padding: 1}
          - {pixel_shuffle: 2}
    """
    found = doubled(text)
    assert some(found, "conv0", "conv1", "pixel_shuffle0", "conv2") == [128, 32, 8, 12]
    # 16*0.7 = 11.2: the nearest multiple of the four channels of a block is 12.
    found = scaled(text, Fraction(7, 10))
    assert some(found, "conv0", "conv1", "pixel_shuffle0", "conv2") == [45, 12, 3, 12]


def test_pixel_shuffle_whose_blocks_span_two_convolutions() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {concat: [[{conv: 2, kernel: 1}], [{conv: 6, kernel: 1}], [{conv: 8, kernel: 1}]]}
          - {pixel_shuffle: 2}
          - {conv: 5, kernel: 1}
    """
    found = scaled(text, 3)
    assert some(found, "concat0", "pixel_shuffle0") == [48, 12]
    # 2 + 6 are blocks together and change by one ratio, in steps of 2; 8 changes alone, by 4.
    found = scaled(text, Fraction(1, 3))
    assert some(found, *[f"concat0.branch{i}.conv0" for i in range(3)]) == [1, 3, 4]


def test_dcgan() -> None:
    text = """
        input: [100]
        layers:
          - {dense: 16*4*4}
          - {reshape: [16, 4, 4]}
          - {conv_transpose: 8, kernel: 4, stride: 2, padding: 1, norm: batch, activation: relu}
          - {conv_transpose: 3, kernel: 4, stride: 2, padding: 1, activation: tanh}
    """
    found = doubled(text)
    assert some(found, "dense0", "reshape0", "conv_transpose0", "conv_transpose1") == [
        256,
        16,
        16,
        3,
    ]


def test_positionwise_dense_is_a_convolution() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 12, kernel: 4, stride: 4, norm: layer}
          - add:
              - []
              - - {depthwise: 7, padding: 3, norm: layer}
                - {dense: 48, positionwise: true, activation: gelu}
                - {dense: 12, positionwise: true}
                - scale
          - global_avgpool
          - {dense: 10}
    """
    network = scale_channels(loads(text), 2)
    assert some(channels(network), "add0.branch1.dense0", "add0.branch1.dense1", "add0") == [
        96,
        24,
        24,
    ]
    assert channels(network)["dense0"] == 10


def test_several_inputs_and_outputs() -> None:
    text = """
        input: {left: [4, 8, 8], right: [6, 8, 8]}
        layers:
          - {conv: 8, kernel: 1, from: left, name: a}
          - {conv: 8, kernel: 1, from: right, name: b}
          - {add: [a, b], name: sum}
          - {conv: 5, kernel: 1, name: first}
          - {conv: 7, kernel: 1, from: sum, name: second}
          - {conv: 9, kernel: 1, name: third}
        outputs: [first, third]
    """
    assert some(doubled(text), "a", "b", "sum", "first", "second", "third") == [
        16,
        16,
        16,
        5,
        14,
        9,
    ]
    # As a result the sum freezes what is added, and nothing else.
    text = text.replace("[first, third]", "[first, third, sum]")
    assert some(doubled(text), "a", "b", "sum", "second") == [8, 8, 8, 14]


def test_shared_layers_change_together() -> None:
    text = """
        input: {left: [4, 8, 8], right: [4, 8, 8]}
        layers:
          - {conv: 8, kernel: 1, from: left, name: stem1}
          - {conv: 6, kernel: 3, norm: batch, name: one}
          - {conv: 8, kernel: 1, from: right, name: stem2}
          - {conv: 6, kernel: 3, norm: batch, name: two, share: one}
          - {concat: [one, two]}
          - {conv: 3, kernel: 1}
    """
    assert some(doubled(text), "stem1", "stem2", "one", "two") == [16, 16, 12, 12]
    # Frozen on one side means frozen on both: the inputs that a weight sums over, and its outputs.
    one_is_result = with_outputs(text, "one, conv0")
    assert some(doubled(one_is_result), "stem1", "stem2", "one", "two") == [16, 16, 6, 6]
    from_input = text.replace("- {conv: 8, kernel: 1, from: right, name: stem2}", "").replace(
        "share: one}", "share: one, from: right}"
    )
    four = from_input.replace("{conv: 8, kernel: 1, from: left", "{conv: 4, kernel: 1, from: left")
    assert some(doubled(four), "stem1", "one", "two") == [4, 12, 12]


def test_sharing_layers_whose_channels_differ() -> None:
    # One slope for all channels: nothing is tied, so both convolutions change.
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 8, kernel: 1}
          - {prelu: , name: a}
          - {conv: 16, kernel: 1}
          - {prelu: , share: a}
          - {conv: 3, kernel: 1}
    """
    assert some(doubled(text), "conv0", "conv1") == [16, 32]
    # One weight (4, 6) over 6 channels of one position and over 3 of two: no one ratio fits both.
    text = """
        input: [2, 2]
        layers:
          - {conv: 3, kernel: 1, name: wide}
          - {dense: 4, name: a}
          - {conv: 6, kernel: 2, from: wide, name: narrow}
          - {dense: 4, share: a}
          - {add: [[], a]}
          - {conv: 6, kernel: 1, from: narrow}
          - flatten
        outputs: [add0, flatten0]
    """
    assert some(doubled(text), "wide", "narrow", "add0") == [3, 6, 4]


def test_a_slice_across_the_boundary_of_a_concat() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {concat: [[{conv: 4, kernel: 1}], [{conv: 6, kernel: 1}]], name: both}
          - {slice: [2, 7], name: middle}
          - {conv: 5, kernel: 1}
          - {conv: 2, kernel: 1}
    """
    network = scale_channels(loads(text), 2)
    assert argument(network, "middle", "channels") == (4, 14)
    # If the slice is a result, 2 of the first four and 3 of the other six must stay.
    network = scale_channels(loads(with_outputs(text, "middle, conv1")), 2)
    found = channels(network)
    assert some(found, "both.branch0.conv0", "both.branch1.conv0") == [2 * 2 + 2, 3 + 2 * 3]
    assert argument(network, "middle", "channels") == (4, 9)


def test_a_slice_of_nothing_that_changes_moves_with_what_is_before_it() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {concat: [[{conv: 4, kernel: 1}], []]}
          - {slice: [4, 7]}
    """
    network = scale_channels(loads(text), 2)
    assert argument(network, "slice0", "channels") == (8, 11)
    assert network.nodes[-1].shape[0] == 3


def test_a_slice_added_to_a_convolution_splits_it() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 5, kernel: 1, name: c}
          - {concat: [input, [{conv: 2, kernel: 1, from: input}]]}
          - {add: [[], c]}
          - {conv: 2, kernel: 1}
    """
    # Three of the five channels are added to the input's, two to a convolution's.
    assert some(doubled(text), "c", "concat0", "add0") == [3 + 4, 7, 7]


def test_rows_that_overlap_themselves() -> None:
    text = """
        input: [3, 4, 4]
        layers:
          - {conv: 100, kernel: 1}
          - {add: [[{slice: [0, in_channels - 1]}], [{slice: [1, in_channels]}]], repeat: 40}
          - {conv: 4, kernel: 1}
    """
    # Each channel is added to the next: they are one, and change as one.
    assert some(doubled(text), "conv0", "add0", "add39") == [200, 198, 120]
    # Half of 99 is no number of channels, and half of each channel rounds up to a whole one.
    assert some(scaled(text, Fraction(1, 2)), "conv0", "add39") == [100, 60]
    text = text.replace(
        "- {conv: 4, kernel: 1}", "- {add: [[], [{concat: [[], []]}, {slice: [30, 90]}]]}"
    )
    assert some(doubled(text), "conv0", "add0", "add39", "add40") == [100, 99, 60, 60]


def test_rows_of_more_runs_than_are_paired() -> None:
    text = """
        input: [3, 2, 2]
        layers:
          - {conv: 2, kernel: 1, name: start}
          - {sequential: [{concat: [[], [{conv: 1, kernel: 1}]], repeat: 600}], name: one}
          - sequential: [{concat: [[], [{conv: 1, kernel: 1}]], repeat: 600}]
            from: start
          - {add: [[], one]}
          - {conv: 4, kernel: 1}
    """
    assert some(doubled(text), "start", "one.concat599", "add0") == [4, 1204, 1204]
    # By one ratio they all change, or none does.
    text = text.replace("{conv: 2, kernel: 1, name: start}", "{relu: , name: start}")
    assert some(doubled(text), "start", "one.concat599", "add0") == [3, 603, 603]


def test_the_same_value_twice() -> None:
    text = """
        input: [3, 4, 4]
        layers:
          - {conv: 4, kernel: 1, name: a}
          - {concat: [a, a], name: twice}
          - {add: [twice, [{conv: 8, kernel: 1, from: a}]]}
          - {add: [[], [{concat: [[{conv: 6, kernel: 1}], [{conv: 2, kernel: 1}]]}]]}
          - {conv: 5, kernel: 1}
    """
    assert some(doubled(text), "a", "twice", "add0", "add1") == [8, 16, 16, 16]


def test_groups_over_a_mixture_of_fixed_and_free_channels() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {concat: [[], [{conv: 5, kernel: 1}]]}
          - {conv: 8, kernel: 1, groups: 2}
          - {conv: 4, kernel: 1}
    """
    # 3 + 10 channels fall into no two groups, so the five stay; groups of 3 fixed ones do work.
    assert some(doubled(text), "concat0", "conv0") == [8, 16]
    three = text.replace("conv: 5", "conv: 6").replace(
        "conv: 8, kernel: 1, groups: 2", "conv: 9, kernel: 1, groups: 3"
    )
    assert some(doubled(three), "concat0", "conv0") == [15, 18]
    # Of several, those that fill whole groups by themselves change.
    more = text.replace("[[], [", "[[], [{conv: 4, kernel: 1}], [")
    assert some(doubled(more), "concat0.branch1.conv0", "concat0.branch2.conv0") == [8, 5]


def test_transposed_and_reshaped_channels() -> None:
    text = """
        input: [3, 4, 6]
        layers:
          - {conv: 8, kernel: 1}
          - {transpose: [0, 2, 1]}
          - {reshape: [8, -1]}
          - {conv: 10, kernel: 1}
          - {transpose: [1, 0]}
          - {conv: 5, kernel: 1}
          - {reshape: [-1]}
          - {dense: 10}
    """
    # The second transpose makes positions of the channels, so these are fixed.
    assert some(doubled(text), "conv0", "reshape0", "conv1", "transpose1", "conv2") == [
        16,
        16,
        10,
        24,
        10,
    ]
    text = """
        input: [3, 2, 3]
        layers:
          - {conv: 8, kernel: 1}
          - {reshape: [12, 4]}
          - {conv: 10, kernel: 1}
          - {reshape: [20, 2]}
          - {conv: 5, kernel: 1}
    """
    wider = text.replace("[12, 4]", "[4, 12]").replace("[20, 2]", "[60, 2]")
    assert some(doubled(wider), "conv0", "reshape0", "conv1", "reshape1") == [16, 8, 20, 120]
    # Six values a channel do not go into rows of four; four do into rows of two.
    assert some(doubled(text), "conv0", "reshape0", "conv1", "reshape1") == [8, 12, 20, 40]


def test_two_then_half_where_a_block_spans_runs_only_before_doubling() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {concat: [[{conv: 2, kernel: 1}], [{conv: 6, kernel: 1}]]}
          - {pixel_shuffle: 2}
          - {conv: 3, kernel: 1}
          - {depthwise: 3, multiplier: 2, padding: 1}
          - {slice: [0, 3]}
          - {conv: 5, kernel: 1}
    """
    network = loads(text)
    double = scale_channels(network, 2)
    assert some(channels(double), "concat0", "pixel_shuffle0", "conv0", "slice0") == [16, 4, 6, 6]
    back = scale_channels(double, Fraction(1, 2))
    assert [node.layer for node in back.nodes] == [node.layer for node in network.nodes]


@pytest.mark.parametrize("factor", [0, -1, Fraction(-1, 2)])
def test_a_factor_that_is_none(factor: Fraction | int) -> None:
    network = loads("{input: [3, 4, 4], layers: [{conv: 4, kernel: 1}]}")
    with pytest.raises(ConvcalcError, match="must be above 0") as caught:
        apply(network, scale_channels=factor)
    assert caught.value.status == 2


def test_channels_without_end() -> None:
    network = loads("{input: [3, 4, 4], layers: [{conv: 4, kernel: 1}, {conv: 2, kernel: 1}]}")
    with pytest.raises(ConvcalcError) as caught:
        apply(network, scale_channels=10**9)
    (problem,) = caught.value.problems
    assert caught.value.status == 1
    assert problem.code == "size-too-large"
    assert problem.text == (
        "with --scale-channels 1000000000, conv0: a size of 4000000000 is above the largest"
        " allowed, 2147483647"
    )
    assert problem.span is not None
    assert problem.span.line == 1


def test_heads_of_a_matrix_product_change_together() -> None:
    found = doubled(
        """
        input: [3, 4, 4]
        layers:
          - {conv: 8, kernel: 1, name: rows}
          - {conv: 8, kernel: 1, name: columns}
          - {matmul: [rows, columns], name: product}
          - {conv: 5, kernel: 1}
        """
    )
    assert some(found, "rows", "columns", "product", "conv0") == [16, 16, 16, 5]


def test_channels_that_are_rows_of_a_matrix_stay() -> None:
    found = doubled(
        """
        input: [3, 4]
        layers:
          - {conv: 8, kernel: 1, name: hidden}
          - {conv: 4, kernel: 1, name: rows}
          - {matmul: [rows, []], name: product}
          - {conv: 5, kernel: 1}
        """
    )
    assert some(found, "hidden", "rows", "product", "conv0") == [16, 4, 4, 5]
