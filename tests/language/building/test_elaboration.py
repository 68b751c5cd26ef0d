"""From items to nodes: names, copies, conditions, references, groups, joins, blocks, defaults."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import convcalc.layers
from convcalc import ConvcalcError, Network, analyze, loads, spec
from convcalc.facts import worded
from convcalc.language.building import elaboration
from convcalc.layers import KINDS
from convcalc.layers.fields import PerAxis, Whole, field
from convcalc.layers.joins import Concat
from convcalc.layers.traits import Branches
from convcalc.problems import Problem
from convcalc.shapes import Shape

BLOCKS = """
args: {w: 4, body: unit, acts: [relu, gelu]}
blocks:
  unit(c, s=1, act=relu):
    - {conv: c, kernel: 1, stride: s, activation: act}
  twice(what, n=2):
    - {what: n, repeat: n}
  only(what):
    - what
  join(skip, c=in_channels):
    - {concat: [[], skip]}
    - {conv: c, kernel: 1}
  chain(widths):
    - {conv: 'widths[0]', kernel: 1}
    - {conv: 'sum(widths)', kernel: 1}
  later(c=in_channels, d=c * 2, e=d + in_size[0]):
    - {conv: e, kernel: 1}
  narrow(act=none):
    - {conv: in_channels - 1, kernel: 1, activation: act}
  empty():
    - []
"""


def network(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> Network:
    """The network of some layers, written as a flow list's content."""
    return loads(f"{top}\ninput: {shape}\nlayers: [{layers}]\n")


def built(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> list[str]:
    """Every operation as `path kind CxHxW`."""
    return [
        f"{node.path} {node.kind} {'x'.join(map(str, node.shape))}"
        for node in network(layers, top=top, shape=shape).operations
    ]


def names(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> str:
    """The operations' paths in one line."""
    return " ".join(node.path for node in network(layers, top=top, shape=shape).operations)


def shapes(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> list[int]:
    """The channels of every operation."""
    return [node.shape[0] for node in network(layers, top=top, shape=shape).operations]


def wiring(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> dict[str, list[str]]:
    """What each operation reads."""
    nodes = network(layers, top=top, shape=shape).nodes
    return {n.path: [nodes[i].path for i in n.inputs] for n in nodes if n.inputs}


def problems(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> list[Problem]:
    with pytest.raises(ConvcalcError) as caught:
        network(layers, top=top, shape=shape)
    return list(caught.value.problems)


def messages(layers: str, *, top: str = "", shape: str = "[3, 8, 8]") -> list[str]:
    return [problem.text for problem in problems(layers, top=top, shape=shape)]


class TestLayer:
    @pytest.mark.parametrize(
        "layer",
        [
            "{conv: 4, kernel: 3, stride: 2}",
            "{stride: 2, kernel: 3, conv: 4}",
            "{conv: {channels: 4, kernel: 3, stride: 2}}",
            "{conv: {channels: 4}, kernel: 3, stride: 2}",
            "{conv: , channels: 4, kernel: 3, stride: 2}",
            "{conv: '4', kernel: \"3\", stride: 4 / 2}",
            "{conv: 4, kernel: [3, 3], stride: '[2, 2]'}",
            "{conv: 1e0 * 4, kernel: in_channels, stride: 2}",
        ],
    )
    def test_may_be_written_in_many_ways(self, layer: str) -> None:
        assert built(layer) == ["conv0 conv 4x3x3"]

    @pytest.mark.parametrize("layer", ["relu", "{relu: }", "{relu: {}}", "'relu'"])
    def test_without_arguments(self, layer: str) -> None:
        assert built(layer) == ["relu0 relu 3x8x8"]

    def test_a_quoted_nothing_is_something(self) -> None:
        assert messages("{relu: ''}") == ["relu0: relu takes no argument"]

    def test_a_list_as_first_argument(self) -> None:
        assert built("{slice: [1, 3]}, {transpose: [1, 0, 2]}, {reshape: [4, -1]}") == [
            "slice0 slice 2x8x8",
            "transpose0 transpose 8x2x8",
            "reshape0 reshape 4x32",
        ]

    def test_pad_beside_conv_is_the_foreign_argument(self) -> None:
        (problem,) = problems("{conv: 8, kernel: 3, pad: 1}")
        assert problem.code == "foreign-name"
        assert worded(problem.facts) == (("help", "it is called 'padding' here"),)
        assert built("{pad: 1}") == ["pad0 pad 3x10x10"]

    def test_every_wrong_argument_is_reported_at_once(self) -> None:
        found = messages(
            "{conv: 0, kernel: 2.5, stride: [1], padding: smae, bias: 1, dilation: -1}"
        )
        assert len(found) == 6

    def test_a_foreign_name_is_reported_before_anything_else_of_its_layer(self) -> None:
        assert messages("{conv: 0, kernal: 3, filters: 3}, {dense: 0}") == [
            "conv0: conv has no 'filters'",
            "dense0: units must be a whole number from 1 to 2147483647, not 0",
        ]


class TestNames:
    def test_are_the_kinds_prefix_and_a_counter(self) -> None:
        assert names("{conv: 4, kernel: 1}, {maxpool: 2}, relu, {conv: 4, kernel: 1}") == (
            "conv0 pool0 relu0 conv1"
        )

    def test_every_pooling_kind_is_a_pool(self) -> None:
        assert names("{maxpool: 1}, {minpool: 1}, {avgpool: 1}, {adaptive_avgpool: 2}") == (
            "pool0 pool1 pool2 pool3"
        )
        assert names("global_avgpool, global_maxpool, {adaptive_maxpool: 1}") == "pool0 pool1 pool2"

    def test_the_counter_passes_over_names_already_taken(self) -> None:
        assert names("relu, {relu: , name: relu1}, relu, relu") == "relu0 relu1 relu2 relu3"
        assert names("{relu: , name: relu0}, relu") == "relu0 relu1"
        assert names("{tanh: , name: conv0}, {conv: 3, kernel: 1}") == "conv0 conv1"

    def test_named_layers_are_not_counted(self) -> None:
        assert names("{relu: , name: a}, relu, {relu: , name: b}, relu") == "a relu0 b relu1"

    def test_layers_that_are_left_out_are_not_counted(self) -> None:
        assert names("{relu: , when: false}, relu, {relu: , repeat: 0}, relu") == "relu0 relu1"

    def test_are_plain_data(self) -> None:
        assert names(
            "{relu: , name: 010}, {relu: , name: w}, {tanh: , from: w}", top="args: {w: 1}"
        ) == ("010 w tanh0")
        assert names("{relu: , name: a-b_C9}") == "a-b_C9"

    def test_a_name_is_given_once_in_a_group(self) -> None:
        (problem,) = problems("{relu: , name: a}, {tanh: , name: a}")
        assert problem.code == "duplicate-name"
        assert worded(problem.facts) == (("first", "line 3, column 11"),)
        assert names("{relu: , name: a}, [{relu: , name: a}]") == "a sequential0.a"

    def test_a_written_name_may_not_be_that_of_a_counted_layer(self) -> None:
        assert [p.code for p in problems("relu, {tanh: , name: relu0}")] == ["duplicate-name"]

    @pytest.mark.parametrize("name", ["input", "a.b", "'a b'", "é", "''", "[a]", "{a: b}"])
    def test_that_are_refused(self, name: str) -> None:
        assert problems(f"{{relu: , name: {name}}}")[0].code in {
            "bad-name",
            "taken-name",
            "missing-value",
        }

    def test_a_blocks_name_is_its_prefix(self) -> None:
        assert names("{unit: 2}, {unit: 2, name: a}, {unit: 2}", top=BLOCKS) == (
            "unit0.conv0 unit0.conv0.relu a.conv0 a.conv0.relu unit1.conv0 unit1.conv0.relu"
        )


class TestCopies:
    def test_go_on_counting(self) -> None:
        assert names("relu, {relu: , repeat: 2}, relu") == "relu0 relu1 relu2 relu3"

    def test_a_name_is_numbered_whenever_repeat_is_written(self) -> None:
        assert names("{relu: , name: u, repeat: 2}") == "u0 u1"
        assert names("{relu: , name: u, repeat: 1}") == "u0"
        assert names("{relu: , name: u}") == "u"

    def test_none(self) -> None:
        assert names("{relu: , name: u, repeat: 0}, tanh") == "tanh0"

    def test_as_many_as_an_expression_says(self) -> None:
        assert names("{relu: , repeat: 1 + w / 4}", top="args: {w: 4}") == "relu0 relu1"

    def test_repeat_is_evaluated_once_the_arguments_for_each_copy(self) -> None:
        assert built("{conv: in_channels + 1, kernel: 1, repeat: in_channels}") == [
            "conv0 conv 4x8x8",
            "conv1 conv 5x8x8",
            "conv2 conv 6x8x8",
        ]

    def test_when_is_evaluated_for_each_copy(self) -> None:
        assert names("{maxpool: 2, when: min(in_size) > 2, repeat: 5}, relu") == "pool0 pool1 relu0"

    def test_the_first_one_differs(self) -> None:
        assert built("{conv: 4, kernel: 1, repeat: 3, first: {stride: 2, channels: 2}}") == [
            "conv0 conv 2x4x4",
            "conv1 conv 4x4x4",
            "conv2 conv 4x4x4",
        ]
        first = "first: {norm: batch, activation: none}"
        assert names(f"{{conv: 4, kernel: 1, repeat: 2, activation: relu, {first}}}") == (
            "conv0 conv0.batchnorm conv1 conv1.relu"
        )

    def test_the_only_one_is_the_first(self) -> None:
        assert built("{conv: 4, kernel: 1, first: {stride: 2}}") == ["conv0 conv 4x4x4"]

    def test_the_first_is_the_first_written_also_if_it_is_left_out(self) -> None:
        layers = "{maxpool: 2, repeat: 2, when: in_channels > 9, first: {stride: 1}}, relu"
        assert names(layers) == "relu0"

    def test_the_first_of_a_block_call(self) -> None:
        assert built("{unit: 4, repeat: 2, act: none, first: {s: 2, c: 2}}", top=BLOCKS) == [
            "unit0.conv0 conv 2x4x4",
            "unit1.conv0 conv 4x4x4",
        ]
        assert built("{unit: [4, 1, none], repeat: 2, first: {s: 2}}", top=BLOCKS) == [
            "unit0.conv0 conv 4x4x4",
            "unit1.conv0 conv 4x4x4",
        ]

    def test_the_first_of_a_join(self) -> None:
        assert (
            names("{add: [[], []], repeat: 2, first: {activation: relu}}") == "add0 add0.relu add1"
        )

    def test_of_a_group(self) -> None:
        assert names(
            "{sequential: [relu, tanh], name: g, repeat: 2}, {sequential: [relu], repeat: 2}"
        ) == ("g0.relu0 g0.tanh0 g1.relu0 g1.tanh0 sequential0.relu0 sequential1.relu0")

    def test_first_holds_the_targets_arguments(self) -> None:
        assert messages("{sequential: [relu], repeat: 2, first: {stride: 2}}") == [
            "sequential0: sequential has no argument 'stride'"
        ]
        assert messages("{add: [[], []], repeat: 2, first: {bias: true}}")[0].startswith(
            "add0: add has no argument 'bias'"
        )


class TestCopy:
    """`copy`: the number of the copy."""

    def test_counts_from_0(self) -> None:
        layers = "{conv: 2 + copy, kernel: 1, repeat: 3}, {conv: 9 - copy, kernel: 1, repeat: 1}"
        assert shapes(layers) == [2, 3, 4, 9]

    def test_is_that_of_the_nearest_repeat_around(self) -> None:
        inner = "{conv: 1 + copy, kernel: 1, repeat: 2}, {conv: 5 + copy, kernel: 1}"
        layers = f"{{sequential: [[{inner}]], repeat: 2}}"
        assert shapes(layers) == [1, 2, 5, 1, 2, 6]

    def test_holds_in_branches_norms_and_what_is_repeated_in_turn(self) -> None:
        layers = (
            "{concat: [[{conv: 1 + copy, kernel: 1, repeat: 1 + copy}], {when: copy == 1,"
            " layers: [{conv: 7, kernel: 1, norm: {groupnorm: 6 * copy + 1}}]}], repeat: 2}"
        )
        assert shapes(layers) == [1, 1, 2, 7, 7, 9]

    def test_is_that_of_the_layer_itself_in_when_and_first(self) -> None:
        layers = "{conv: 4, kernel: 1, when: copy % 2 == 1, first: {kernel: 3}, repeat: 4, name: c}"
        assert names(layers) == "c1 c3"
        layers = "{conv: 2, kernel: 1, first: {channels: 8 + copy}, repeat: 2}"
        assert shapes(layers.replace("conv: 2", "conv: , channels: 2")) == [8, 2]

    def test_is_not_that_of_its_own_layer_in_repeat(self) -> None:
        layers = "{sequential: [{conv: 1 + copy, kernel: 1, repeat: copy}], repeat: 3}"
        assert shapes(layers) == [1, 1, 2]

    def test_is_handed_to_blocks(self) -> None:
        top = "args: {widths: [[4, 1], [5, 2]]}\nblocks:\n  b(c): [{conv: c, kernel: 1}]\n"
        layers = "{b: 'widths[copy][0] + widths[copy][1]', repeat: len(widths)}"
        assert shapes(layers, top=top) == [5, 7]

    def test_has_no_value_inside_of_a_block_that_is_repeated(self) -> None:
        top = "blocks:\n  b(c=copy): [{conv: 2, kernel: 1}]\n  d: [{relu: , when: copy > 0}]\n"
        found = problems("{b: , repeat: 2}, {d: , repeat: 2}, {dense: copy}", top=top)
        assert [problem.code for problem in found] == ["unknown-name"] * 3
        assert all("'copy' has no value here" in problem.message for problem in found)

    @pytest.mark.parametrize("top", ["args: {n: copy}", "input: [copy, 3]"])
    def test_has_no_value_where_no_layer_is(self, top: str) -> None:
        text = f"{top}\n{'' if 'input' in top else 'input: [3]'}\nlayers: [{{dense: 2, repeat: 2}}]"
        with pytest.raises(ConvcalcError, match="'copy' has no value here"):
            loads(text)

    def test_takes_part_in_defaults_where_they_are_used(self) -> None:
        top = "defaults: {conv: {kernel: 1 + 2 * copy}}"
        layers = "{conv: 2, repeat: 2}"
        assert built(layers, top=top) == ["conv0 conv 2x8x8", "conv1 conv 2x6x6"]


class TestReferences:
    def test_from_takes_an_earlier_value(self) -> None:
        assert wiring("{relu: , name: a}, tanh, {elu: , from: a}, {add: [tanh0, []]}") == {
            "a": ["input"],
            "tanh0": ["a"],
            "elu0": ["a"],
            "add0": ["tanh0", "elu0"],
        }

    def test_of_copies_the_first_takes_it(self) -> None:
        found = wiring("tanh, {relu: , from: input, repeat: 2}, {add: [[], tanh0]}")
        assert (found["relu0"], found["relu1"]) == (["input"], ["relu0"])

    def test_of_copies_the_first_present_takes_it(self) -> None:
        layers = (
            "{conv: 5, kernel: 1}, "
            "{conv: 2, kernel: 1, from: input, when: in_channels == 3, repeat: 2}, "
            "{concat: [[], conv0]}"
        )
        assert wiring(layers)["conv1"] == ["input"]

    def test_the_input_has_a_name(self) -> None:
        assert wiring("relu, {add: [[], input]}")["add0"] == ["relu0", "input"]

    def test_go_outward_then_stop_at_a_block(self) -> None:
        assert wiring("{relu: , name: a}, [[{tanh: , from: a}]]")[
            "sequential0.sequential0.tanh0"
        ] == ["a"]
        top = "blocks: {peek: [{tanh: , from: a}]}"
        (problem,) = problems("{relu: , name: a}, peek", top=top)
        assert problem.code == "unknown-layer"
        assert [call.block for call in problem.calls] == ["peek"]

    def test_the_inner_one_hides_the_outer_one(self) -> None:
        layers = "{relu: , name: a}, [{tanh: , name: a}, {elu: , from: a}]"
        assert wiring(layers)["sequential0.elu0"] == ["sequential0.a"]

    def test_go_into_groups_blocks_and_branches(self) -> None:
        layers = (
            "{sequential: [{unit: 3, name: u}], name: g, repeat: 2},"
            " {add: {left: [{tanh: , name: t}], right: []}, name: j},"
            " {concat: [[], g0.u.conv0, j.left.t, j.left, g1.u, g0]}"
        )
        assert wiring(layers, top=BLOCKS)["concat0"] == [
            "j",
            "g0.u.conv0.relu",
            "j.left.t",
            "j.left.t",
            "g1.u.conv0.relu",
            "g0.u.conv0.relu",
        ]

    def test_stand_for_the_value_after_norm_and_activation(self) -> None:
        layers = "{conv: 3, kernel: 1, norm: batch, activation: relu, name: a}, {add: [[], a]}"
        assert wiring(layers)["add0"] == ["a.relu", "a.relu"]

    def test_to_what_is_left_out(self) -> None:
        assert messages("{relu: , name: a, when: false}, [{tanh: , from: a}]") == [
            "the layer 'a' is left out here, by its 'when' or 'repeat'"
        ]

    def test_within_a_branch_to_an_earlier_branch(self) -> None:
        layers = "{concat: {a: [{tanh: , name: t}], b: [{relu: , from: a.t}]}}"
        assert wiring(layers)["concat0.b.relu0"] == ["concat0.a.t"]

    @pytest.mark.parametrize(
        ("reference", "help_text"),
        [
            ("stm", "did you mean 'stem'?"),
            ("unit", "its copies are called 'unit0', 'unit1', ..."),
            ("g.tahn0", "in 'g': did you mean 'tanh0'?"),
            ("stem.x", "did you mean 'stem'?"),
            ("zzz", "earlier values: input, stem, unit0, unit1, g"),
        ],
    )
    def test_that_lead_nowhere_get_what_was_meant(self, reference: str, help_text: str) -> None:
        layers = (
            "{relu: , name: stem}, {relu: , name: unit, repeat: 2}, {sequential: [tanh], name: g}"
        )
        (problem,) = problems(f"{layers}, {{relu: , from: {reference}}}")
        assert worded(problem.facts) == (("help", help_text),)


class TestGroups:
    def test_a_list_is_a_group(self) -> None:
        assert names("[relu, [tanh]], {sequential: [relu]}") == (
            "sequential0.relu0 sequential0.sequential0.tanh0 sequential1.relu0"
        )

    def test_an_empty_one_is_what_enters(self) -> None:
        assert wiring("[], relu, {sequential: [], name: e}, {tanh: , from: e}") == {
            "relu0": ["input"],
            "tanh0": ["relu0"],
        }

    def test_may_have_common_keys(self) -> None:
        layers = (
            "tanh, {sequential: [relu, elu], name: g, from: input, when: true}, {add: [[], tanh0]}"
        )
        assert wiring(layers)["g.relu0"] == ["input"]

    def test_in_channels_follows_inside(self) -> None:
        assert built(
            "[{conv: in_channels * 2, kernel: 1}, {conv: in_channels * 2, kernel: 1}]"
        ) == [
            "sequential0.conv0 conv 6x8x8",
            "sequential0.conv1 conv 12x8x8",
        ]

    def test_depth_is_bounded_also_through_blocks(self) -> None:
        blocks = "".join(f"  b{i}: [[[[b{i + 1}]]]]\n" for i in range(60))
        (problem,) = problems("b0", top=f"blocks:\n{blocks}  b60: [relu]\n")
        assert problem.code == "nesting-too-deep"


class TestJoins:
    def test_branches_in_a_list_are_numbered(self) -> None:
        assert names("{concat: [[relu], [], [tanh, elu]]}") == (
            "concat0.branch0.relu0 concat0.branch2.tanh0 concat0.branch2.elu0 concat0"
        )

    def test_branches_in_a_mapping_are_named(self) -> None:
        assert names("{concat: {a: [relu], b: []}, name: j}") == "j.a.relu0 j"

    def test_a_branch_keeps_its_number_when_another_is_left_out(self) -> None:
        assert names("{concat: [{when: false, layers: []}, [relu], [tanh]]}") == (
            "concat0.branch1.relu0 concat0.branch2.tanh0 concat0"
        )

    def test_all_branches_get_the_same_value(self) -> None:
        assert wiring("relu, {concat: [[], [tanh], input, relu0]}")["concat0"] == [
            "relu0",
            "concat0.branch1.tanh0",
            "input",
            "relu0",
        ]

    def test_a_word_is_a_layers_name_and_never_a_kind(self) -> None:
        assert wiring("{tanh: , name: r}, elu, {add: [r, []]}")["add0"] == ["r", "elu0"]
        assert messages("{add: [[], relu]}") == [
            "add0.branch1: in a join a word is a layer's name, and none is called 'relu'"
        ]

    def test_a_word_looks_outside_the_join(self) -> None:
        layers = "{relu: , name: a}, {concat: {b: [tanh], a: [elu], c: a}}"
        assert wiring(layers)["concat0"] == ["concat0.b.tanh0", "concat0.a.elu0", "a"]

    def test_a_branch_with_a_condition(self) -> None:
        layers = (
            "{{add: {{skip: {{when: {}, layers: []}}, main: [relu]}}, activation: tanh, name: j}}"
        )
        assert names(layers.format("in_channels == 3")) == "j.main.relu0 j j.tanh"
        assert names(layers.format("in_channels != 3")) == "j.main.relu0 j.tanh"

    def test_a_branch_may_have_layers_without_a_condition(self) -> None:
        assert names("{add: [{layers: [relu]}, {when: true, layers: input}]}") == (
            "add0.branch0.relu0 add0"
        )

    def test_one_left_is_that_branch_with_the_joins_name_norm_and_activation(self) -> None:
        layers = (
            "{mul: {a: [relu], b: {when: false, layers: []}}, norm: batch, activation: tanh, "
            "name: j}, {elu: , from: j}"
        )
        assert wiring(layers) == {
            "j.a.relu0": ["input"],
            "j.batchnorm": ["j.a.relu0"],
            "j.tanh": ["j.batchnorm"],
            "elu0": ["j.tanh"],
        }

    @pytest.mark.parametrize("branches", ["[]", "{}", "[{when: false, layers: []}]"])
    def test_none_left_is_an_error(self, branches: str) -> None:
        (problem,) = problems(f"{{add: {branches}}}")
        assert problem.code == "no-branches"

    def test_layers_of_a_branch_may_all_be_left_out(self) -> None:
        layers = "{add: {a: [{relu: , when: false}], b: [tanh]}}"
        assert wiring(layers)["add0"] == ["input", "add0.b.tanh0"]

    def test_broadcast_over_the_spatial_axes(self) -> None:
        assert built("{mul: [[], [global_avgpool]]}")[-1] == "mul0 mul 3x8x8"
        assert built("{add: [[{conv: 3, kernel: [8, 1]}], [{conv: 3, kernel: [1, 8]}]]}")[-1] == (
            "add0 add 3x8x8"
        )

    def test_a_mismatch_shows_every_branch_with_its_shape_and_line(self) -> None:
        text = (
            "input: [3, 8, 8]\nlayers:\n  - add:\n    - []\n    - - {conv: 4, kernel: 1}\n"
            "    - [relu]\n"
        )
        with pytest.raises(ConvcalcError) as caught:
            loads(text)
        (problem,) = caught.value.problems
        assert worded(problem.facts) == (
            ("branch", "branch0: (1, 3, 8, 8), the network's input at line 1"),
            ("branch", "branch1: (1, 4, 8, 8), from add0.branch1.conv0 at line 5"),
            ("branch", "branch2: (1, 3, 8, 8), from add0.branch2.relu0 at line 6"),
        )


class TestCopiesInJoins:
    """`NAME*`: all copies of a layer."""

    def test_are_branches_in_the_order_of_their_numbers(self) -> None:
        layers = "{relu: , name: u, repeat: 12}, {concat: [input, u*, u3]}"
        expected = ["input", *[f"u{number}" for number in range(12)], "u3"]
        assert wiring(layers)["concat0"] == expected

    def test_of_unnamed_layers_are_named_by_their_kind_or_block(self) -> None:
        layers = "relu, tanh, relu, {unit: 3, repeat: 2}, {add: [relu*, unit*]}"
        read = ["relu0", "relu1", "unit0.conv0.relu", "unit1.conv0.relu"]
        assert wiring(layers, top=BLOCKS)["add0"] == read

    def test_that_are_left_out_are_no_branches(self) -> None:
        layers = "{relu: , name: u, repeat: 4, when: copy != 1}, {concat: [u*]}"
        assert wiring(layers)["concat0"] == ["u0", "u2", "u3"]

    def test_a_layer_inside_each(self) -> None:
        top = "blocks:\n  b: [{sequential: [{relu: , name: r}], name: g}, tanh]\n"
        found = wiring("{b: , repeat: 2}, {add: [[], b*.g.r]}, {add: [[], b*.g]}", top=top)
        assert found["add0"] == ["b1.tanh0", "b0.g.r", "b1.g.r"]
        assert found["add1"] == ["add0", "b0.g.r", "b1.g.r"]

    def test_a_layer_inside_is_taken_where_it_is_present(self) -> None:
        top = "blocks:\n  b(kept): [relu, {tanh: , name: t, when: kept}]\n"
        found = wiring("{b: copy % 2 == 0, repeat: 3}, {add: [b*.t]}", top=top)
        assert found["add0"] == ["b0.t", "b2.t"]

    def test_inside_of_a_group_by_its_name(self) -> None:
        layers = "{sequential: [{relu: , name: u, repeat: 2}, tanh], name: g}, {add: [[], g.u*]}"
        assert wiring(layers)["add0"] == ["g.tanh0", "g.u0", "g.u1"]

    def test_are_those_of_the_nearest_group_that_has_any(self) -> None:
        layers = (
            "{relu: , name: u, repeat: 3}, [{add: [[], u*]}, {tanh: , name: u, repeat: 2},"
            " {add: [[], u*]}]"
        )
        found = wiring(layers)
        assert found["sequential0.add0"] == ["u2", "u0", "u1", "u2"]
        assert found["sequential0.add1"] == ["sequential0.u1", "sequential0.u0", "sequential0.u1"]

    def test_before_the_join(self) -> None:
        layers = "relu, {concat: [[], {when: copy > 0, layers: c*}], name: c, repeat: 3}"
        found = wiring(layers)
        assert found["c1"] == ["relu0", "relu0"]
        assert found["c2"] == ["c1", "relu0", "c1"]

    def test_one_copy_alone_is_that_copy(self) -> None:
        assert wiring("{relu: , name: u, repeat: 1}, {add: [u*], name: a}, tanh, {mul: [[], a]}")[
            "mul0"
        ] == ["tanh0", "u0"]

    def test_a_branch_after_them_keeps_its_number(self) -> None:
        layers = "{relu: , name: u, repeat: 3}, {concat: [u*, [tanh]]}"
        assert "concat0.branch1.tanh0" in wiring(layers)

    def test_are_named_in_a_mismatch(self) -> None:
        layers = "{conv: copy + 3, kernel: 1, name: u, repeat: 2}, {add: [u*]}"
        (problem,) = problems(layers)
        assert [text for label, text in worded(problem.facts) if label == "branch"] == [
            "u0: (1, 3, 8, 8), from u0 at line 3",
            "u1: (1, 4, 8, 8), from u1 at line 3",
        ]

    def test_of_a_broken_layer_are_no_mistake(self) -> None:
        layers = "{conv: 0, kernel: 1, name: u, repeat: 3}, {add: [u*]}, {dense: x}"
        assert [problem.code for problem in problems(layers)] == ["bad-value", "unknown-name"]

    @pytest.mark.parametrize(
        ("branch", "message", "help_text"),
        [
            (
                "unt*",
                "no earlier layers are called 'unt0', 'unt1' and so on",
                "did you mean 'unit*'?",
            ),
            ("zzz*", "no earlier layers are called 'zzz0', 'zzz1' and so on", ""),
            (
                "one*",
                "no earlier layers are called 'one0', 'one1' and so on",
                "'one' is one layer: write it without the '*'",
            ),
            ("out*", "every copy of 'out' is left out here, by its 'when' or 'repeat'", ""),
            (
                "unit*.rleu0",
                "no copy of 'unit' has a layer 'rleu0'",
                "in 'unit0': did you mean 'relu0'?",
            ),
            (
                "unit*0",
                "'unit*0' names no copies",
                "all copies of a layer are NAME*, and a layer in each of them is NAME*.LAYER",
            ),
        ],
    )
    def test_that_are_none(self, branch: str, message: str, help_text: str) -> None:
        layers = (
            "{sequential: [relu], name: unit, repeat: 2}, {tanh: , name: one},"
            " {elu: , name: out, repeat: 2, when: false}"
        )
        (problem,) = problems(f"{layers}, {{add: [[], {branch}]}}")
        assert problem.message == message
        assert dict(worded(problem.facts)).get("help", "") == help_text

    def test_are_no_branch_with_a_name(self) -> None:
        (message,) = messages("{relu: , name: u, repeat: 2}, {add: {a: u*, b: []}}")
        assert message == "add0.a: 'u*' may be several values, and the branch has one name"

    @pytest.mark.parametrize(
        "layer", ["{tanh: , from: u*}", "{unit: u*}"], ids=["from", "a block's argument"]
    )
    def test_stand_in_joins_only(self, layer: str) -> None:
        (problem,) = problems(f"{{relu: , name: u, repeat: 2}}, {layer}", top=BLOCKS)
        assert "{concat: [u*]}" in worded(problem.facts)[-1][1]


class TestShapesOfLayers:
    """`size_of(NAME)` and `channels_of(NAME)`."""

    TOP = (
        "blocks:\n"
        "  up(skip): [{upsample: {size: size_of(skip)}}, {conv: channels_of(skip), kernel: 1},"
        " {add: [skip, []]}]\n"
        "  far(x, c=channels_of(x), size=size_of(input)): [{conv: c + sum(size), kernel: 1}]\n"
    )

    def test_of_earlier_layers(self) -> None:
        layers = (
            "{conv: 5, kernel: 1, name: a}, {maxpool: [2, 4]}, [{conv: 7, kernel: 1, name: b}],"
            " {conv: 'channels_of(a) + channels_of(sequential0.b) + size_of(pool0)[1]', kernel: 1},"
            " {upsample: {size: size_of(a)}}, {add: [[], [{maxpool: 2}, {upsample: {size:"
            " size_of( input )}}]]}"
        )
        shapes = [node.shape for node in network(layers).nodes]
        assert shapes[-5:] == [(14, 4, 2), (14, 8, 8), (14, 4, 4), (14, 8, 8), (14, 8, 8)]

    def test_of_what_an_argument_holds(self) -> None:
        layers = "{conv: 5, kernel: 2, name: a}, {maxpool: 2}, {up: a}"
        assert wiring(layers, top=self.TOP)["up0.add0"] == ["a", "up0.conv0"]
        assert network(layers, top=self.TOP).nodes[-1].shape == (5, 7, 7)

    def test_in_a_signature_they_know_the_arguments_before_and_what_enters(self) -> None:
        layers = "{conv: 5, kernel: 1, name: a}, {maxpool: 2}, {far: a}"
        assert network(layers, top=self.TOP).nodes[-1].shape == (5 + 4 + 4, 4, 4)

    def test_of_a_layer_inside_of_another(self) -> None:
        layers = "[{conv: 5, kernel: 1, name: a}, relu], {maxpool: 2}, {up: sequential0.a}"
        found = wiring(layers, top=self.TOP)
        assert found["up0.add0"] == ["sequential0.a", "up0.conv0"]

    def test_of_features_have_no_sizes(self) -> None:
        layers = "{dense: 4, name: a}, {dense: len(size_of(a)) + channels_of(a)}"
        assert network(layers).nodes[-1].shape == (4,)

    def test_in_defaults_they_are_of_the_layers_where_those_are_used(self) -> None:
        top = "defaults: {conv: {channels: channels_of(a)}}"
        layers = "{relu: , name: a}, [{conv: 5, kernel: 1, name: a}, {conv: , kernel: 1}]"
        assert shapes(layers, top=top) == [3, 5, 5]

    def test_of_a_layer_that_is_wrong_is_no_mistake(self) -> None:
        layers = "{conv: 0, kernel: 1, name: a}, {conv: channels_of(a), kernel: 1}, {dense: x}"
        assert [problem.code for problem in problems(layers)] == ["bad-value", "unknown-name"]

    @pytest.mark.parametrize("text", ["args: {n: size_of(a)}", "expect: {params: channels_of(a)}"])
    def test_where_no_layer_comes_before(self, text: str) -> None:
        with pytest.raises(ConvcalcError, match="'a' has no value here: no layer comes before"):
            loads(f"input: [3]\n{text}\nlayers: [relu]")

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            ("{conv: channels_of(stm), kernel: 1}", "no earlier layer is called 'stm'"),
            ("{conv: channels_of(out), kernel: 1}", "the layer 'out' is left out here"),
            ("{conv: channels_of(stem.x), kernel: 1}", "no earlier layer is called 'stem.x'"),
            ("{up: 3}", "'skip' holds 3, and a layer is needed here"),
            ("{peek: 3}", "no earlier layer is called 'stem'"),
        ],
    )
    def test_of_what_is_no_layer(self, layer: str, message: str) -> None:
        layers = "{relu: , name: stem}, {relu: , name: out, when: false}"
        top = self.TOP + "  peek(c): [{conv: channels_of(stem), kernel: 1}]\n"
        found = [problem.message for problem in problems(f"{layers}, {layer}", top=top)]
        assert message in found[0]


class TestBlocks:
    @pytest.mark.parametrize(
        "call",
        [
            "{unit: 4}",
            "{unit: w}",
            "{unit: [4]}",
            "{unit: [4, 1, relu]}",
            "{unit: {c: 4}}",
            "{unit: , c: 4}",
            "{unit: [4, 1], act: relu}",
            "{unit: {c: 4, act: relu}, s: 1}",
            "{unit: {act: relu, s: in_channels - 2, c: 4}}",
            "{unit: 4, act: 'acts[0]'}",
            "{body: 4}",
            "{body: , c: 4}",
        ],
    )
    def test_are_called_in_many_ways(self, call: str) -> None:
        assert built(call, top=BLOCKS) == [
            "unit0.conv0 conv 4x8x8",
            "unit0.conv0.relu relu 4x8x8",
        ]

    def test_a_call_without_arguments_is_a_word(self) -> None:
        assert built("later", top=BLOCKS) == ["later0.conv0 conv 14x8x8"]

    def test_defaults_may_use_earlier_arguments_and_what_enters(self) -> None:
        assert built("{later: 2}", top=BLOCKS) == ["later0.conv0 conv 12x8x8"]
        assert built("{later: , d: 1}", top=BLOCKS) == ["later0.conv0 conv 9x8x8"]

    def test_in_channels_is_what_enters_the_layer_inside_too(self) -> None:
        assert built("narrow, narrow", top=BLOCKS) == [
            "narrow0.conv0 conv 2x8x8",
            "narrow1.conv0 conv 1x8x8",
        ]

    def test_see_the_files_arguments_but_not_their_callers(self) -> None:
        top = (
            "args: {w: 4}\nblocks:\n  inner: [{dense: w}]\n  outer(c): [inner, "
            "{dense: c}]\n  bad: [{dense: c}]\n  worse(c): [bad]\n"
        )
        assert built("{outer: 2}", top=top) == [
            "outer0.inner0.dense0 dense 4",
            "outer0.dense0 dense 2",
        ]
        (problem,) = problems("{worse: 2}", top=top)
        assert problem.code == "unknown-name"
        assert [call.block for call in problem.calls] == ["worse", "bad"]

    def test_a_list_may_be_an_argument(self) -> None:
        expected = ["chain0.conv0 conv 3x8x8", "chain0.conv1 conv 7x8x8"]
        for call in ("{chain: [[3, 4]]}", "{chain: '[3, 4]'}", "{chain: {widths: [3, 4]}}"):
            assert built(call, top=BLOCKS) == expected

    def test_a_kind_or_block_handed_on(self) -> None:
        assert names("{only: later}, {only: flatten}", top=BLOCKS) == (
            "only0.later0.conv0 only1.flatten0"
        )
        assert names("{twice: unit}", top=BLOCKS).split()[::2] == [
            "twice0.unit0.conv0",
            "twice0.unit1.conv0",
        ]
        assert names("{twice: [dense, 1]}", top=BLOCKS) == "twice0.dense0"

    def test_a_word_is_judged_where_it_is_used(self) -> None:
        found = problems("{unit: 4, act: same}, {unit: 4, act: 3}", top=BLOCKS)
        assert [problem.span.line for problem in found if problem.span] == [5, 5]
        assert [problem.calls[0].block for problem in found] == ["unit", "unit"]

    def test_an_unknown_word_is_reported_at_the_call(self) -> None:
        (problem,) = problems("{unit: 4, act: rleu}", top=BLOCKS)
        assert problem.calls == ()
        assert (
            worded(problem.facts) == (("help", "did you mean 'relu'?"),)
            or "relu" in worded(problem.facts)[0][1]
        )

    def test_a_layers_name_handed_on_is_looked_up_where_the_call_stands(self) -> None:
        layers = "{conv: 2, kernel: 1, name: stem}, tanh, {join: stem}, [{join: stem, c: 5}]"
        found = wiring(layers, top=BLOCKS)
        assert found["join0.concat0"] == ["tanh0", "stem"]
        assert found["sequential0.join0.concat0"] == ["join0.conv0", "stem"]

    def test_a_layers_name_may_be_handed_on_again(self) -> None:
        top = BLOCKS + "  outer(x): [{join: x}, relu]\n"
        layers = "{conv: 2, kernel: 1, name: stem}, tanh, {outer: stem}"
        assert wiring(layers, top=top)["outer0.join0.concat0"] == ["tanh0", "stem"]

    def test_an_inner_layer_is_not_what_an_outer_name_means(self) -> None:
        top = "blocks:\n  b(skip): [{relu: , name: a}, {concat: [[], skip]}]\n"
        assert wiring("{tanh: , name: a}, elu, {b: a}", top=top)["b0.concat0"] == ["b0.a", "a"]

    def test_a_layers_name_handed_on_may_follow_from(self) -> None:
        top = BLOCKS + "  tap(x): [{tanh: , from: x}]\n"
        layers = "{relu: , name: stem}, elu, {tap: stem}, {add: [stem, elu0, tap0]}"
        assert wiring(layers, top=top)["tap0.tanh0"] == ["stem"]

    def test_a_layers_name_may_be_held_by_an_argument_of_the_file(self) -> None:
        layers = "relu, {elu: , name: add}, {tanh: , from: taken}, {concat: [[], add]}"
        assert wiring(layers, top="args: {taken: add}")["tanh0"] == ["add"]
        assert messages(layers, top="args: {taken: gelu}") == ["no earlier layer is called 'gelu'"]

    def test_a_number_is_no_layer(self) -> None:
        top = "args: {w: 4}\nblocks:\n  tap(x): [{tanh: , from: x}, {add: [[], x]}]\n"
        assert messages("{tap: 2}, {relu: , from: w}", top=top) == [
            "'x' holds 2, and a layer is needed here",
            "tap0.add0.branch1: 'x' holds 2, and a layer is needed here",
            "'w' holds 4, and a layer is needed here",
        ]

    def test_an_argument_hides_that_of_the_file(self) -> None:
        top = (
            "args: {c: 4, n: 7}\nblocks:\n"
            "  b(c, n=n + c, d=c):"
            " [{conv: c, kernel: 1}, {conv: n, kernel: 1}, {dense: d}, inner]\n"
            "  inner(): [{dense: c}]\n"
        )
        assert shapes("{b: 5}, {dense: c}", top=top) == [5, 12, 5, 4, 4]
        assert shapes("{b: [c, 1]}", top=top) == [4, 1, 4, 4]

    def test_a_default_does_not_know_its_own_argument(self) -> None:
        top = "blocks:\n  b(c=c): [{dense: c}]\n"
        assert messages("b", top=top)[0].startswith("b0: default of 'c': 'c' is neither")

    def test_input_is_what_enters_the_block(self) -> None:
        top = (
            "blocks:\n"
            "  tap(x): [relu, {add: [input, [], [{tanh: , from: input}]]}, {add: [[], x]}]\n"
            "  outer(): [elu, {tap: input}]\n"
        )
        found = wiring("{identity: , name: a}, outer", top=top)
        assert found["outer0.tap0.add0"][:2] == ["outer0.elu0", "outer0.tap0.relu0"]
        assert found["outer0.tap0.add0.branch2.tanh0"] == ["outer0.elu0"]
        assert found["outer0.tap0.add1"] == ["outer0.tap0.add0", "a"]

    def test_input_is_an_argument_where_a_block_has_one_of_that_name(self) -> None:
        top = "blocks:\n  tap(input): [relu, {concat: [[], input]}]\n"
        found = wiring("{tanh: , name: a}, elu, {tap: a}", top=top)
        assert found["tap0.concat0"] == ["tap0.relu0", "a"]

    def test_what_enters_a_block_is_no_layer_of_it(self) -> None:
        top = "blocks:\n  tap(): [relu]\n"
        assert messages("tap, {tanh: , from: tap0.input}", top=top) == [
            "no earlier layer is called 'tap0.input'"
        ]

    def test_where_nothing_enters_the_block_input_is_nothing(self) -> None:
        top = "blocks:\n  tap(x): [{relu: , from: x}, {add: [[], input]}]\n"
        text = f"{top}input: {{a: [3], b: [3]}}\nlayers: [{{tap: a}}, {{add: [[], b]}}]"
        with pytest.raises(ConvcalcError) as caught:
            loads(text)
        assert [problem.message for problem in caught.value.problems] == [
            "no value enters this block"
        ]

    def test_a_layers_name_is_no_number(self) -> None:
        (message,) = messages("{relu: , name: stem}, {unit: stem}", top=BLOCKS)
        assert message.endswith("not the layer 'stem'")

    def test_may_be_empty(self) -> None:
        assert wiring("empty, relu", top=BLOCKS) == {"relu0": ["input"]}

    def test_call_and_copy_are_kept_with_the_nodes(self) -> None:
        nodes = network("{twice: unit, repeat: 2}", top=BLOCKS).operations
        last = nodes[-1].calls
        assert [(call.block, call.copy, call.copies) for call in last] == [
            ("twice", 1, 2),
            ("unit", 1, 2),
        ]

    @pytest.mark.parametrize(
        ("top", "layers"),
        [
            ("blocks: {a: [a]}", "a"),
            ("blocks: {a: [b], b: [c], c: [{a: }]}", "b"),
            ("blocks: {a: [{add: [[], [a]]}]}", "a"),
            ("blocks: {'a(n)': [n]}\nargs: {again: a}", "{a: again}"),
            ("blocks: {a: [{a: , when: in_channels > 5}]}", "a"),
        ],
    )
    def test_that_contain_themselves_are_refused(self, top: str, layers: str) -> None:
        found = {problem.code for problem in problems(layers, top=top)}
        assert found <= {"block-recursion", "missing-argument"}
        assert found

    def test_a_block_that_nobody_calls_may_contain_itself(self) -> None:
        assert names("relu", top="blocks: {a: [a]}") == "relu0"

    def test_every_missing_argument_is_reported(self) -> None:
        top = "blocks:\n  b(x, y, z=1): [{dense: x + y + z}]\n"
        assert messages("b", top=top) == ["b0: b needs 'x' and 'y'"]

    def test_a_mistake_in_an_argument_hides_none_in_the_body(self) -> None:
        top = "blocks:\n  b(x): [{dense: x}, {dense: 0}]\n"
        assert len(problems("{b: 2 +}", top=top)) == 2


class TestFused:
    def test_norm_comes_first(self) -> None:
        for keys in ("norm: batch, activation: relu", "activation: relu, norm: batch"):
            assert built(f"{{conv: 4, kernel: 1, {keys}}}") == [
                "conv0 conv 4x8x8",
                "conv0.batchnorm batchnorm 4x8x8",
                "conv0.relu relu 4x8x8",
            ]

    @pytest.mark.parametrize(
        "layer",
        [
            "{conv: 4, kernel: 1, %s}",
            "{depthwise: 1, %s}",
            "{conv_transpose: 4, kernel: 1, %s}",
            "{dense: 4, %s}",
            "{add: [[], []], %s}",
            "{mul: [[], []], %s}",
            "{concat: [[], []], %s}",
        ],
    )
    def test_stands_behind_convolutions_dense_layers_and_joins(self, layer: str) -> None:
        kinds = [node.kind for node in network(layer % "norm: batch, activation: gelu").operations]
        assert kinds[1:] == ["batchnorm", "gelu"]

    @pytest.mark.parametrize(
        ("norm", "kind"),
        [
            ("batch", "batchnorm"),
            ("layer", "layernorm"),
            ("instance", "instancenorm"),
            ("rms", "rmsnorm"),
            ("{l2norm: }", "l2norm"),
            ("{groupnorm: 2}", "groupnorm"),
            ("{groupnorm: {groups: 2, eps: 0.001}}", "groupnorm"),
            ("{batchnorm: , affine: false}", "batchnorm"),
            ("{lrn: 3}", "lrn"),
            ("batch if in_channels == 4 else none", "batchnorm"),
        ],
    )
    def test_norms(self, norm: str, kind: str) -> None:
        assert network(f"{{conv: 4, kernel: 1, norm: {norm}}}").operations[1].kind == kind

    def test_a_mapping_gives_arguments(self) -> None:
        layer = network("{conv: 4, kernel: 1, activation: {leaky_relu: 0.25}}").operations[1].layer
        assert getattr(layer, "slope", None) == 0.25

    def test_in_a_norms_mapping_in_channels_is_what_enters_the_norm(self) -> None:
        layer = (
            network("{conv: 8, kernel: 1, norm: {groupnorm: in_channels // 2}}").operations[1].layer
        )
        assert getattr(layer, "groups", None) == 4

    def test_none_takes_a_default_away(self) -> None:
        top = "defaults: {conv: {norm: batch, activation: relu}}"
        layers = (
            "{conv: 4, kernel: 1}, {conv: 4, kernel: 1, norm: none}, "
            "{conv: 4, kernel: 1, activation: none}"
        )
        assert names(layers, top=top) == (
            "conv0 conv0.batchnorm conv0.relu conv1 conv1.relu conv2 conv2.batchnorm"
        )

    def test_a_kind_without_them_says_so(self) -> None:
        assert messages("{maxpool: 2, activation: relu}") == [
            "pool0: maxpool has no argument 'activation'"
        ]


class TestDefaults:
    def test_hold_per_kind(self) -> None:
        top = "defaults: {conv: {kernel: 3, padding: 1}, maxpool: {stride: 1}}"
        assert built("{conv: 4}, {depthwise: 3}, {maxpool: 2}", top=top) == [
            "conv0 conv 4x8x8",
            "depthwise0 depthwise 4x6x6",
            "pool0 maxpool 4x5x5",
        ]

    def test_hold_inside_blocks_and_branches(self) -> None:
        top = "defaults: {conv: {kernel: 1}}\nblocks: {b: [{conv: 2}]}"
        assert (
            names("b, {concat: [[{conv: 2}], []]}", top=top)
            == "b0.conv0 concat0.branch0.conv0 concat0"
        )

    def test_what_is_written_goes_before(self) -> None:
        top = "defaults: {conv: {kernel: 3, stride: 2}}"
        assert built("{conv: 4, kernel: 1}", top=top) == ["conv0 conv 4x4x4"]

    def test_are_evaluated_where_they_are_used(self) -> None:
        top = "args: {w: 2}\ndefaults: {conv: {channels: w * in_channels, kernel: 1}}"
        assert built("conv, conv", top=top) == ["conv0 conv 6x8x8", "conv1 conv 12x8x8"]

    def test_hold_for_what_is_fused(self) -> None:
        top = (
            "defaults: {batchnorm: {affine: false}, groupnorm: {groups: 2}, "
            "leaky_relu: {slope: 0.5}}"
        )
        layers = (
            "{conv: 4, kernel: 1, norm: batch, activation: leaky_relu}, "
            "{conv: 4, kernel: 1, norm: group}"
        )
        found = {node.path: node.layer for node in network(layers, top=top).operations}
        assert getattr(found["conv0.batchnorm"], "affine", None) is False
        assert getattr(found["conv0.leaky_relu"], "slope", None) == 0.5
        assert getattr(found["conv1.groupnorm"], "groups", None) == 2

    def test_of_joins(self) -> None:
        top = "defaults: {add: {activation: relu}}"
        assert names("{add: [[], []]}, {mul: [[], []]}", top=top) == "add0 add0.relu mul0"

    def test_a_wrong_one_is_reported_once_and_where_it_is_written(self) -> None:
        top = "defaults: {conv: {kernel: 0}}"
        (problem,) = problems("{conv: 4}, {conv: 4, repeat: 3}", top=top)
        assert problem.span is not None
        assert (problem.span.line, problem.span.column) == (1, 27)

    @pytest.mark.parametrize("kind", ["unit", "sequential", "cnv", "Conv2d", "input"])
    def test_are_for_kinds_only(self, kind: str) -> None:
        top = f"defaults: {{{kind}: {{}}}}\nblocks: {{unit: [relu]}}"
        assert [problem.code for problem in problems("relu", top=top)] == ["unknown-kind"]


class TestShare:
    def test_counts_parameters_once(self) -> None:
        layers = (
            "{conv: 3, kernel: 3, padding: 1, name: head}, "
            "{conv: 3, kernel: 3, padding: 1, share: head, repeat: 2}"
        )
        report = analyze(network(layers))
        assert report.totals.params == 3 * 3 * 9 + 3

    def test_a_shared_one_leads_to_the_first(self) -> None:
        layers = (
            "{conv: 3, kernel: 1}, {conv: 3, kernel: 1, share: conv0}, "
            "{conv: 3, kernel: 1, share: conv1}"
        )
        assert [node.shares for node in network(layers).operations] == [None, 1, 1]

    def test_whole_blocks(self) -> None:
        nodes = network("{unit: 3}, {unit: 3, share: unit0}", top=BLOCKS).nodes
        assert [node.shares for node in nodes] == [None, None, None, 1, None]

    def test_with_a_norm(self) -> None:
        layers = (
            "{conv: 3, kernel: 1, norm: batch}, {conv: 3, kernel: 1, norm: batch, share: conv0}"
        )
        assert [node.shares for node in network(layers).operations] == [None, None, 1, 2]

    def test_another_activation_stride_or_padding_does_not_matter(self) -> None:
        layers = (
            "{conv: 3, kernel: 1, activation: relu}, {conv: 3, kernel: 1, stride: 2, share: conv0}"
        )
        assert [node.shares for node in network(layers).operations] == [None, None, 1]

    @pytest.mark.parametrize(
        ("layers", "message"),
        [
            (
                "{conv: 3, kernel: 1}, {dense: 3, share: conv0}",
                "dense0: cannot share the parameters of conv0, a conv: not the same kind",
            ),
            (
                "{conv: 3, kernel: 1}, {relu: , share: conv0}",
                "relu0: cannot share the parameters of conv0, a conv: not the same kind",
            ),
            (
                "{conv: 3, kernel: 1}, {conv: 3, kernel: 3, share: conv0}",
                "conv1: cannot share the parameters of conv0: their sizes differ",
            ),
            (
                "{conv: 3, kernel: 1, norm: batch}, {conv: 3, kernel: 1, share: conv0}",
                "conv1: 1 layer with parameters cannot share those of 2 layers with parameters",
            ),
            ("{conv: 3, kernel: 1, share: conv0}", "conv0: no earlier layer is called 'conv0'"),
        ],
    )
    def test_what_does_not_fit(self, layers: str, message: str) -> None:
        assert messages(layers) == [message]


class TestInputsAndOutputs:
    TWO = "{a: [3, 8, 8], b: [1, 8, 8]}"

    def test_one_input_may_have_a_name(self) -> None:
        assert wiring("relu, {add: [[], image]}", shape="{image: [3, 8, 8]}")["add0"] == [
            "relu0",
            "image",
        ]

    def test_with_several_the_first_layer_says_from(self) -> None:
        assert built("{relu: , from: b}, {concat: [a, []]}", shape=self.TWO)[-1] == (
            "concat0 concat 4x8x8"
        )
        assert messages("relu, {concat: [a, b]}", shape=self.TWO) == ["relu0: no value enters here"]

    def test_with_several_a_join_may_begin(self) -> None:
        assert names("{concat: [a, [{conv: 2, kernel: 1, from: b}]]}", shape=self.TWO) == (
            "concat0.branch1.conv0 concat0"
        )
        assert messages("{concat: [a, [], b]}", shape=self.TWO) == [
            "concat0.branch1: no value enters here"
        ]

    def test_with_several_a_group_or_block_may_begin(self) -> None:
        assert names("[{relu: , from: a}], {add: [[], a]}, {concat: [[], b]}", shape=self.TWO) == (
            "sequential0.relu0 add0 concat0"
        )

    def test_the_last_value_is_the_result(self) -> None:
        assert network("relu, {conv: 3, kernel: 1, activation: tanh}").outputs == {"conv0": 3}
        assert network("relu, {tanh: , when: false}").outputs == {"relu0": 1}

    def test_results_may_be_named(self) -> None:
        top = "outputs: [conv0, sequential0.relu0, tanh0]"
        layers = "{conv: 3, kernel: 1, norm: batch}, [relu], tanh"
        assert network(layers, top=top).outputs == {"conv0": 2, "sequential0.relu0": 3, "tanh0": 4}

    def test_values_that_nobody_uses(self) -> None:
        assert messages("relu, {tanh: , from: input}") == ["nobody uses the value of 'relu0'"]
        assert messages("{relu: , from: a}", shape=self.TWO) == ["nobody uses the input 'b'"]
        assert messages("relu, tanh", top="outputs: [relu0]") == [
            "nobody uses the value of 'tanh0'"
        ]

    @pytest.mark.parametrize(
        ("outputs", "code"),
        [
            ("relu0", "bad-value"),
            ("[]", "bad-value"),
            ("{a: relu0}", "bad-value"),
            ("[relu1]", "unknown-layer"),
            ("[relu0, relu0]", "duplicate-name"),
            ("[[relu0]]", "bad-name"),
            ("[1 + 1]", "bad-name"),
        ],
    )
    def test_wrong_outputs(self, outputs: str, code: str) -> None:
        assert [problem.code for problem in problems("relu", top=f"outputs: {outputs}")] == [code]

    @pytest.mark.parametrize(
        ("shape", "line", "column"),
        [
            ("3", 2, 8),
            ("[]", 2, 8),
            ("[1, 2, 3, 4, 5]", 2, 8),
            ("[3, 0, 8]", 2, 12),
            ("[3, 8.5]", 2, 12),
            ("[3, w]", 2, 12),
            ("[3, in_channels]", 2, 12),
            ("{}", 2, 8),
            ("{a: 3}", 2, 12),
            ("{a b: [3]}", 2, 9),
        ],
    )
    def test_wrong_inputs(self, shape: str, line: int, column: int) -> None:
        span = problems("{relu: , name: r}", shape=shape)[0].span
        assert span is not None
        assert (span.line, span.column) == (line, column)

    def test_sizes_may_be_expressions(self) -> None:
        assert network("relu", top="args: {n: 2}", shape="[n, n * 4]").inputs == {"input": (2, 8)}


class TestRanks:
    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ("[3, 20]", ["conv0 conv 4x18", "pool0 maxpool 4x9"]),
            ("[3, 20, 10]", ["conv0 conv 4x18x8", "pool0 maxpool 4x9x4"]),
            ("[3, 20, 10, 6]", ["conv0 conv 4x18x8x4", "pool0 maxpool 4x9x4x2"]),
        ],
    )
    def test_follow_from_the_input(self, shape: str, expected: list[str]) -> None:
        assert built("{conv: 4, kernel: 3}, {maxpool: 2}", shape=shape) == expected

    def test_features_alone_are_a_plain_mlp(self) -> None:
        assert built("{dense: 8, activation: relu}, {dense: 2}", shape="[100]") == [
            "dense0 dense 8",
            "dense0.relu relu 8",
            "dense1 dense 2",
        ]

    @pytest.mark.parametrize(
        ("shape", "padding", "expected"),
        [
            ("[1, 10]", "[[1, 0]]", "conv0 conv 1x9"),
            ("[1, 10]", "[1]", "conv0 conv 1x10"),
            ("[1, 10]", "same", "conv0 conv 1x10"),
            ("[1, 10, 10]", "[1, 0]", "conv0 conv 1x10x8"),
            ("[1, 10, 10]", "[[1, 0], 2]", "conv0 conv 1x9x12"),
            ("[1, 10, 10]", "valid", "conv0 conv 1x8x8"),
            ("[1, 5, 5, 5]", "[0, 1, [0, 2]]", "conv0 conv 1x3x5x5"),
        ],
    )
    def test_padding_in_all_forms(self, shape: str, padding: str, expected: str) -> None:
        assert built(f"{{conv: 1, kernel: 3, padding: {padding}}}", shape=shape) == [expected]

    def test_a_list_has_one_entry_per_axis(self) -> None:
        assert messages("{conv: 1, kernel: 2, padding: [1, 0]}", shape="[1, 10]") == [
            "conv0: padding lists 2 values, but the input has 1 spatial axis"
        ]


IDLE = "{relu: , when: in_channels > 3, repeat: n}"
#: Each block calls the next one twice.
DOUBLING = ", ".join(
    f"b{i}(x): [{{b{i + 1}: x, when: x > 0}}, {{b{i + 1}: x, when: x > 0}}]" for i in range(40)
)


class TestBounds:
    @pytest.mark.parametrize(
        ("layers", "top"),
        [
            ("{relu: , repeat: 30001}", ""),
            ("{relu: , repeat: 999999999999}", ""),
            ("{relu: , repeat: 10 ** 30}", ""),
            ("{sequential: [{relu: , repeat: 301}], repeat: 100}", ""),
            ("{relu: , repeat: 20000}, {relu: , repeat: 20000}", ""),
            ("{relu: , when: false, repeat: 40000}", ""),
            ("{a: 500}", "blocks: {a(n): [{b: n, repeat: n}], b(n): [{relu: , repeat: n}]}"),
            ("{a: 10}", "blocks: {a(n): [{relu: , repeat: n ** n}]}"),
            ("{add: [[{relu: , repeat: 29999}], [{relu: , repeat: 29999}]]}", ""),
        ],
    )
    def test_too_many_layers_are_refused_before_they_are_built(self, layers: str, top: str) -> None:
        assert [problem.code for problem in problems(layers, top=top)] == ["too-many-layers"]

    @pytest.mark.no_cover
    @pytest.mark.parametrize(
        ("layers", "top"),
        [
            ("{relu: , when: in_channels > 3, repeat: 30000}, tanh", ""),
            ("{sequential: [], repeat: 30000}, relu", ""),
            ("{add: [[]], repeat: 29999}, relu", ""),
            ("{a: 50}", f"blocks: {{a(n): [{{b: n, repeat: 10 * n}}], b(n): [{IDLE}]}}"),
            ("{b0: 1}, relu", f"blocks: {{{DOUBLING}, b40(x): [{{relu: , when: x > 5}}]}}"),
        ],
    )
    def test_copies_that_come_to_nothing_are_counted_too(self, layers: str, top: str) -> None:
        assert [found.code for found in problems(layers, top=top)] == ["too-many-steps"]

    @pytest.mark.no_cover
    def test_after_a_mistake_no_layers_are_made_and_that_is_no_mistake(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert len(problems("{dense: 0}, {relu: , repeat: 25000}, {dense: -1}")) == 2
        monkeypatch.setattr(elaboration, "_STEPS_AFTER_A_MISTAKE", 26_000)
        assert len(problems("{dense: 0}, {relu: , repeat: 27000}, {dense: -1}")) == 1

    def test_many_copies_are_fine(self) -> None:
        assert len(network("{relu: , repeat: 5000}").operations) == 5000

    def test_many_mistakes_are_cut_off(self) -> None:
        layers = ", ".join("{conv: 0, kernel: 0}" for _ in range(500))
        assert len(problems(layers)) == 100


class TestProblems:
    def test_stand_in_the_order_of_the_file(self) -> None:
        layers = "{conv: 0, kernel: 1}, {dense: x}, {cnv: 3}, {relu: , from: q}"
        columns = [p.span.column for p in problems(layers) if p.span]
        assert columns == sorted(columns)
        assert len(columns) == 4

    def test_one_in_a_repeated_layer_is_reported_once(self) -> None:
        assert len(problems("{conv: 0, kernel: 1, repeat: 50}")) == 1

    def test_one_in_a_block_is_reported_once_however_often_it_is_called(self) -> None:
        top = "blocks: {b: [{conv: 0, kernel: 1}]}"
        assert len(problems("b, b, {b: , repeat: 5}", top=top)) == 1

    def test_two_in_a_block_with_different_arguments_are_reported(self) -> None:
        assert len(problems("{unit: 0}, {unit: -1}", top=BLOCKS)) == 2

    @pytest.mark.parametrize(
        "mistake",
        [
            "{conv: 0, kernel: 3, name: stem}",
            "{conv: 4, kernel: 99, name: stem}",
            "{conv: 4, name: stem}",
            "{cnov: 4, kernel: 3, name: stem}",
            "{Conv2d: 4, kernel: 3, name: stem}",
            "{conv: 4, kernel: 3, relu: , name: stem}",
            "{conv: 4, kernel: 3, from: nowhere, name: stem}",
            "{conv: 4, kernel: 3, when: 1, name: stem}",
            "{conv: 4, kernel: 3, share: nowhere, name: stem}",
            "{add: [[], [{conv: 9, kernel: 1}]], name: stem}",
            "{add: [[], nowhere], name: stem}",
            "{sequential: 3, name: stem}",
            "{sequential: [{conv: 0, kernel: 1}], name: stem}",
            "{unit: , name: stem}",
            "{unit: 4, act: rleu, name: stem}",
        ],
    )
    def test_what_follows_a_mistake_is_no_mistake(self, mistake: str) -> None:
        """Nothing is told of what takes the value, its shape, its name, or a later number."""
        rest = (
            "{conv: in_channels * 2, kernel: 3, groups: in_channels},"
            " {dense: 'in_size[0]', when: 'in_size[0] > 2', repeat: in_channels},"
            " {concat: [[], stem, stem.conv0, conv1]}, {relu: , from: stem},"
            " {unit: in_channels}, {later: }, {add: [[], dense0]}"
        )
        assert len(problems(f"{mistake}, {rest}", top=BLOCKS)) == 1

    def test_a_call_of_a_broken_block_is_no_mistake(self) -> None:
        for broken in ("broken: 3", "'broken(': [relu]", "broken(c=1 +): [relu]"):
            layers = "{broken: 4, name: stem}, {relu: , from: stem.x}, {conv: 4, kernel: 1}"
            assert len(problems(layers, top=f"{BLOCKS}  {broken}\n")) == 1

    def test_what_is_wrong_besides_is_reported(self) -> None:
        layers = (
            "{conv: 0, kernel: 3}, {conv: 4, kernel: 0, activation: rleu}, {add: [[], nowhere]}"
        )
        assert len(problems(layers)) == 4

    def test_sizes_have_a_limit(self) -> None:
        (problem,) = problems("flatten", shape="[2147483647, 2]")
        assert problem.code == "size-too-large"

    def test_a_network_that_cannot_be_has_a_reason(self) -> None:
        """An error without a problem would be refused without a word."""
        for layers in ("{add: [{when: 'in_channels > 2 / 0', layers: []}]}", "{unit: unit}"):
            assert problems(layers, top=BLOCKS)


class TestHelp:
    """What each message suggests, where the cases under tests/diagnostics do not show it."""

    @pytest.mark.parametrize(
        ("layers", "message"),
        [
            (
                "[relu], {tanh: , name: sequential0}",
                "the name 'sequential0' is taken by an earlier",
            ),
            ("{unit: , c: }", "unit0: the value of 'c' is missing"),
            ("{concat: {a b: []}}", "concat0: 'a b' cannot name a branch"),
            (
                "{concat: [{layers: {relu: }}]}",
                "concat0.branch0: the layers of a branch are a list",
            ),
            ("{concat: [[], ~]}", "concat0.branch1: no earlier layer is called '~'"),
            ("{concat: [[], ]}, {concat: [[], '']}", "concat1.branch1: a branch is missing here"),
            (
                "{only: relu}, {pick: tanh}",
                "pick0.concat0.branch1: no earlier layer is called 'tanh'",
            ),
            ("{relu: , first: 3}", "first takes a mapping of arguments"),
            ("{relu: , first: {repeat: 3}}", "first holds arguments, not the common key 'repeat'"),
            ("{relu: , from: {a: b}}", "from takes the name of one earlier layer"),
            ("{relu: , when: {a: b}}", "a number, a word or a list is needed here, not a mapping"),
            ("{relu: , when: [true]}", "when must be true or false, not [true]"),
            ("{relu: , repeat: [2]}", "repeat must be a whole number from 0 on, not [2]"),
            ("{conv: 4, kernel: 3, norm: {n: 3}}", "conv0: 'n' is neither a kind nor a block"),
            ("{conv: 4, kernel: 3, norm: {unit: 3}}", "conv0: norm must be one of none, batch"),
            ("{conv: 4, kernel: 3, activation: {relu: , x: 3}}", "conv0: relu has no argument 'x'"),
            ("{conv: 4, kernel: nil}", "conv0: 'nil' is neither an argument in scope nor a word"),
            ("{fc_norm: 3}", "'fc_norm' is neither a kind nor a block"),
            ("input", "'input' is neither a kind nor a block"),
            ("max(1)", "'max(1)' is neither a kind nor a block"),
            ("3", "'3' is neither a kind nor a block"),
            ("''", "a layer is missing here"),
            (
                "{relu: , gelu: }",
                "a layer is one kind or block, but 'relu' and 'gelu' stand in one",
            ),
            ("{repeat: 2}", "no key of this mapping names a kind or block"),
            ("{type: conv}", "a layer has no 'type'"),
            ("{filters: 3, kernel: 3}", "'filters' is neither a kind nor a block"),
            ("{ZeroPad2d: 3}", "'ZeroPad2d' is called 'pad' here"),
            ("{upsample: , size: 3, factor: 2}", "upsample0: takes either factor or size"),
            (
                "{conv: acts, kernel: 1}",
                "conv0: channels must be a whole number from 1 to 2147483647",
            ),
        ],
    )
    def test_messages(self, layers: str, message: str) -> None:
        top = BLOCKS + "  pick(x): [{concat: [[], x]}]\n"
        assert any(found.startswith(message) for found in messages(layers, top=top))

    @pytest.mark.parametrize(
        ("layers", "help_text"),
        [
            ("{conv: 4, kernel: 1, norm: lrn}", "write {lrn: ...}"),
            (
                "{conv: 4, kernel: 1, norm: batchnorm}",
                "write 'batch', or {batchnorm: ...} with its arguments",
            ),
            ("{conv: 4, kernel: 1, norm: relu}", "it belongs to 'activation'"),
            ("{conv: 4, kernel: 1, activation: layernorm}", "it belongs to 'norm'"),
            ("{unit: 4, act: identity}", "it is called 'none' here"),
            ("{unit: 4, act: replicate}", None),
            ("{conv: 4, kernel: 1, norm: {which: 3}}", "8 / 3 must be whole"),
            (
                "{upsample: 2, mode: 'relu if w > 3 else nearest'}",
                "one of bicubic, bilinear, nearest",
            ),
            ("{pad: 1, mode: identity}", "one of circular, reflect, replicate, zeros"),
            (
                "{conv: 4, kernel: 1, padding: w * 0.3}",
                "floor, ceil, round or divisible makes it whole",
            ),
        ],
    )
    def test_hints(self, layers: str, help_text: str | None) -> None:
        top = BLOCKS.replace("args: {", "args: {which: groupnorm, ")
        (problem,) = problems(layers.replace("conv: 4", "conv: 8"), top=top)
        assert (worded(problem.facts)[-1][1] if worded(problem.facts) else None) == help_text

    def test_long_lists_in_files(self) -> None:
        top = f"args: {{many: [{', '.join(['1'] * 1200)}]}}"
        assert [problem.code for problem in problems("relu", top=top)] == ["list-too-long"]


class TestExpect:
    def test_is_kept_with_its_place(self) -> None:
        text = (
            "{input: [4], layers: [{dense: 2}], expect: {params: 2 * 5, output: [2], "
            "layers: {dense0: [2]}}}"
        )
        found = {fact.metric: fact.value for fact in spec("-", text=text).expectations}
        assert found == {"params": 10, "output": (2,), "layers.dense0": (2,)}

    def test_of_several_results(self) -> None:
        text = (
            "{input: [4], layers: [relu, tanh], outputs: [relu0, tanh0], "
            "expect: {outputs: {relu0: [4]}}}"
        )
        assert [fact.metric for fact in spec("-", text=text).expectations] == ["outputs.relu0"]

    @pytest.mark.parametrize(
        "expect",
        ["3", "{parms: 3}", "{params: -1}", "{params: 2.5}", "{params: [3]}", "{output: 3}"]
        + ["{output: [0]}", "{layers: 3}", "{layers: {dense0: x}}", "{macs: 4M}", "{params: }"],
    )
    def test_wrong_ones(self, expect: str) -> None:
        assert len(problems("{dense: 2}", top=f"expect: {expect}")) == 1


class Blend(Concat, kind="blend"):
    """A join with arguments, which no shipped kind has."""

    amount: int = field(Whole(1, 9), "a number")
    shift: tuple[int, ...] = field(PerAxis(0), "one for each axis", default=0)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = inputs[0]
        return (channels * self.amount, *[n + s for n, s in zip(sizes, self.shift, strict=True)])


class TestJoinsWithArguments:
    @pytest.fixture(autouse=True)
    def with_blend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(KINDS, "blend", ("none", "Blend"))
        monkeypatch.setitem(convcalc.layers._loaded, "blend", Blend)

    def test_are_read_as_those_of_any_kind(self) -> None:
        network = loads(
            "{input: [2, 4, 4], defaults: {blend: {shift: 1, activation: relu}}, layers: ["
            "{blend: [[], [relu]], amount: in_channels},"
            "{blend: {a: [], b: [tanh]}, amount: 1, shift: [2, 0], activation: none},"
            "{blend: [[], []], amount: 2, repeat: 2, first: {amount: 3}}]}"
        )
        found = {node.path: node.shape for node in network.operations if node.kind == "blend"}
        assert found == {
            "blend0": (4, 5, 5),
            "blend1": (4, 7, 5),
            "blend2": (12, 8, 6),
            "blend3": (24, 9, 7),
        }
        assert [node.path for node in network.operations if node.kind == "relu"][1:] == [
            "blend0.relu",
            "blend2.relu",
            "blend3.relu",
        ]

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            ("{blend: [[], []]}", "blend0: blend needs 'amount' (a number)"),
            ("{blend: [[], []], amount: 12}", "blend0: amount must be a whole number from 1 to 9"),
            ("{blend: [[], []], amount: x}", "blend0: 'x' is neither"),
            ("{blend: [[], []], amount: 1, shift: [1]}", "blend0: shift lists 1 values"),
            ("{blend: [[], []], amount: 1, more: 2}", "blend0: blend has no argument 'more'"),
        ],
    )
    def test_are_refused_as_those_of_any_kind(self, layer: str, message: str) -> None:
        (found,) = messages(layer)
        assert found.startswith(message)


class Pick(Concat, kind="pick"):
    """A join whose branches have names of their own, one of them optional."""

    joins = Branches.named("value", "offset", optional="mask")

    amount: int = field(Whole(), "a number", default=1)


class TestJoinsWithNamedBranches:
    @pytest.fixture(autouse=True)
    def with_pick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(KINDS, "pick", ("none", "Pick"))
        monkeypatch.setitem(convcalc.layers._loaded, "pick", Pick)

    def test_hand_them_over_in_the_kinds_order(self) -> None:
        branches = "mask: [tanh], offset: [sigmoid], value: [relu]"
        made = network(f"{{pick: {{{branches}}}, amount: 2}}")
        *_, pick = made.operations
        assert [node.path for node in made.operations] == [
            "pick0.mask.tanh0",
            "pick0.offset.sigmoid0",
            "pick0.value.relu0",
            "pick0",
        ]
        assert [made.nodes[index].kind for index in pick.inputs] == ["relu", "sigmoid", "tanh"]

    def test_may_lack_the_optional_one(self) -> None:
        mask = "mask: {when: false, layers: []}"
        layers = f"{{pick: {{offset: [{{conv: 5, kernel: 1}}], value: [], {mask}}}}}"
        assert built(layers)[-1] == "pick0 pick 8x8x8"

    def test_may_be_names_of_layers_and_refer_to_each_other(self) -> None:
        layers = "{relu: , name: a}, {pick: {value: a, offset: [{tanh: , from: value}]}}"
        made = network(layers)
        assert [made.nodes[index].path for index in made.nodes[-1].inputs] == [
            "a",
            "pick0.offset.tanh0",
        ]

    def test_can_be_referred_to(self) -> None:
        layers = "{pick: {value: [relu], offset: [tanh]}, name: p}, {add: [[], [gelu]], name: q}"
        made = network(f"{layers}, {{concat: [q, p.offset]}}")
        assert [made.nodes[index].path for index in made.nodes[-1].inputs] == [
            "q",
            "p.offset.tanh0",
        ]

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            ("{pick: [[], []]}", "pick takes a mapping of the branches value, offset, mask"),
            ("{pick: 3}", "pick takes a mapping of the branches value, offset, mask"),
            ("pick", "pick takes a mapping of the branches value, offset, mask"),
            ("{pick: {value: []}}", "pick needs the branch 'offset'"),
            ("{pick: {mask: []}}", "pick needs the branches 'value' and 'offset'"),
            (
                "{pick: {value: [], offset: {when: false, layers: []}, mask: []}}",
                "pick needs the branch 'offset'",
            ),
            ("{pick: {value: [], offset: [], masc: []}}", "pick has no branch 'masc'"),
            (
                "{pick: {value: [], offset: [], amount: 3}}",
                "'amount' is an argument and belongs beside 'pick', not among its branches",
            ),
        ],
    )
    def test_are_refused_where_they_are_others(self, layer: str, message: str) -> None:
        (found,) = messages(layer)
        assert found.partition(": ")[2] == message

    def test_are_checked_for_mistakes_of_their_own(self) -> None:
        layers = "{pick: {value: [{conv: 0, kernel: 1}], offset: [{dense: -1}]}}"
        assert len(problems(layers)) == 2
