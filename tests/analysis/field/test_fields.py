"""Receptive fields of small networks, worked out by hand."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.analysis.field.dependencies import NetworkReadings, Positions
from convcalc.analysis.field.fields import AxisField, Fields, Propagation, fields, unit_field
from convcalc.arithmetic import Ratio
from convcalc.graph import Network


def network(layers: str, input: str = "[2, 16]", more: str = "") -> Network:
    return convcalc.loads(f"{{input: {input}, {more} layers: [{layers}]}}")


def seen(layers: str, input: str = "[2, 16]", more: str = "") -> tuple[Fields, list[str]]:
    """The fields, and the paths of the operations."""
    built = network(layers, input, more)
    return fields(built), [node.path for node in built.operations]


def last(layers: str, input: str = "[2, 16]", more: str = "") -> AxisField:
    """The field of the last layer on the first axis of the first input."""
    found, paths = seen(layers, input, more)
    return next(iter(found[paths[-1]].axes.values()))[0]


def ratio(numerator: int, denominator: int = 1) -> Ratio:
    return Ratio.of(numerator, denominator)


#: Each group of the second convolution reads one branch.
GROUPED = (
    "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]},"
    " {conv: 4, kernel: 1, groups: 2}, {slice: [0, 2]}"
)
MOVING = [
    # layers, size, stride, offset, centre
    ("{conv: 1, kernel: 5, padding: 1}", 5, ratio(1), -1, ratio(1)),
    ("{conv: 1, kernel: 3, dilation: 4}", 9, ratio(1), 0, ratio(4)),
    ("{maxpool: 2}, {conv: 1, kernel: 3, padding: 1}", 6, ratio(2), -2, ratio(1, 2)),
    ("{conv: 1, kernel: 1, stride: 3}", 1, ratio(3), 0, ratio(0)),
    ("{conv: 1, kernel: 3, stride: 2, padding: same}", 3, ratio(2), 0, ratio(1)),
    ("{conv: 1, kernel: 3, stride: 2, padding: same_lower}", 3, ratio(2), -1, ratio(0)),
    ("{conv: 1, kernel: 3, dilation: 2, padding: causal}", 5, ratio(1), -4, ratio(-2)),
    ("{conv: 1, kernel: 3, stride: 2, padding: causal}", 3, ratio(2), -2, ratio(-1)),
    ("{pad: 2}, {conv: 1, kernel: 3}", 3, ratio(1), -2, ratio(-1)),
    ("{pad: [[-2, 1]]}, {conv: 1, kernel: 3}", 3, ratio(1), 2, ratio(3)),
    ("{crop: [[3, 1]]}, {conv: 1, kernel: 3}", 3, ratio(1), 3, ratio(4)),
    # Half a pixel to the left, half to the right of its own place.
    ("{upsample: 2}", 1, ratio(1, 2), 0, ratio(-1, 4)),
    ("{upsample: 2, mode: bilinear}", 2, ratio(1, 2), -1, ratio(-1, 4)),
    # The middle one of three stands on a pixel, the others between two.
    ("{upsample: 3, mode: bilinear}", 2, ratio(1, 3), -1, ratio(-1, 3)),
    ("{upsample: 2}, {conv: 1, kernel: 3, padding: 1}", 2, ratio(1, 2), -1, ratio(-1, 4)),
    ("{upsample: 2}, {maxpool: 2}", 1, ratio(1), 0, ratio(0)),
    ("{maxpool: 2}, {upsample: 2}", 2, ratio(1), 0, ratio(0)),
    ("{pixel_shuffle: 2}", 1, ratio(1, 2), 0, ratio(-1, 4)),
    ("{conv_transpose: 1, kernel: 2, stride: 2}", 1, ratio(1, 2), 0, ratio(-1, 4)),
    ("{conv_transpose: 1, kernel: 4, stride: 2, padding: 1}", 2, ratio(1, 2), -1, ratio(-1, 4)),
    ("{conv_transpose: 1, kernel: 3}", 3, ratio(1), -2, ratio(-1)),
    # Pixels 0, 0, 1, 2, 2, 3: behind y*2/3 by 0, 2/3 and 1/3.
    ("{upsample: {size: 24}}", 1, ratio(2, 3), 0, ratio(-1, 3)),
    # Windows of 16 over 5: 0-3, 3-6, 6-9, 9-12, 12-15.
    ("{adaptive_avgpool: 5}", 4, ratio(16, 5), 0, ratio(11, 10)),
    ("softmax", 1, ratio(1), 0, ratio(0)),
    ("layernorm", 1, ratio(1), 0, ratio(0)),
    ("rmsnorm", 1, ratio(1), 0, ratio(0)),
    ("{reduce_max: [0]}, {conv: 1, kernel: 3}", 3, ratio(1), 0, ratio(1)),
    ("{gather: [1, 0, 0]}", 1, ratio(1), 0, ratio(0)),
    # Of two branches that are concatenated, the one that is picked.
    (
        "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}, {gather: [1, 0]}",
        1,
        ratio(1),
        0,
        ratio(0),
    ),
    ("{reduce_sum: [0]}, {broadcast: [3, -1]}", 1, ratio(1), 0, ratio(0)),
    ("l2norm", 1, ratio(1), 0, ratio(0)),
    ("{lrn: 3}", 1, ratio(1), 0, ratio(0)),
    ("{dense: 4, positionwise: true}", 1, ratio(1), 0, ratio(0)),
    ("{add: [[], [{conv: 2, kernel: 5, padding: 2}]]}", 5, ratio(1), -2, ratio(0)),
    # What a slice leaves of a concatenation is the branch that it takes.
    ("{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}", 5, ratio(1), -2, ratio(0)),
    (
        "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}, {slice: [0, 2]}",
        *(1, ratio(1), 0, ratio(0)),
    ),
    (
        "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}, {channel_shuffle: 2}, {slice: [0, 2]}",
        *(5, ratio(1), -2, ratio(0)),
    ),
    (
        "{concat: [[], [{maxpool: 5, stride: 1, padding: 2}]]}, {scale: }, {slice: [1, 2]}",
        *(1, ratio(1), 0, ratio(0)),
    ),
    (GROUPED, 1, ratio(1), 0, ratio(0)),
    (
        "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}, {depthwise: 3}, {slice: [2, 4]}",
        *(7, ratio(1), -2, ratio(1)),
    ),
]


@pytest.mark.parametrize(("layers", "size", "stride", "offset", "centre"), MOVING)
def test_units_that_move(layers: str, size: int, stride: Ratio, offset: int, centre: Ratio) -> None:
    more = "defaults: {conv: {bias: false}},"
    found = last(layers, "[4, 16]" if "pixel_shuffle" in layers else "[2, 16]", more)
    assert found[:4] == (size, stride, offset, centre)
    assert not found.whole
    assert not found.at_most


GATE = "{mul: [[], [global_avgpool, sigmoid]]}"
FIXED = [
    # layers, offset, size
    ("global_avgpool", 0, 16),
    ("flatten, {dense: 3}", 0, 16),
    ("{dense: 3}", 0, 16),
    ("flatten, softmax", 0, 16),
    ("flatten, layernorm", 0, 16),
    ("{groupnorm: 2}", 0, 16),
    ("instancenorm", 0, 16),
    ("grn", 0, 16),
    ("{reduce_mean: [1]}", 0, 16),
    ("{reduce_mean: [1]}, {broadcast: [2, 5]}", 0, 16),
    ("{adaptive_maxpool: 1}", 0, 16),
    ("{mul: [[], [global_avgpool, sigmoid]]}", 0, 16),
    ("{add: [[], [global_avgpool]]}, {conv: 1, kernel: 3}", 0, 16),
    ("{reshape: [4, 8]}, {dense: 3}", 0, 16),
    # A gate before which a stride left pixels unused: every unit sees all that any one does.
    ("{conv: 2, kernel: 2, stride: 3}, {mul: [[], [global_avgpool]]}", 0, 14),
    ("{conv: 2, kernel: 1, stride: 5}, {conv: 2, kernel: 3, padding: 1}, " + GATE, 0, 16),
    ("{conv: 2, kernel: 1, stride: 6}, {conv: 2, kernel: 3, padding: 1}, " + GATE, 0, 13),
    # A crop, and what a stride leaves unused: neither is seen, padding or not.
    ("{crop: [[4, 1]]}, {pad: 6}, {global_maxpool: true}", 4, 11),
    ("{conv: 1, kernel: 3, stride: 4}, {conv: 1, kernel: 3, padding: 1}, global_avgpool", 0, 15),
    ("{conv: 1, kernel: 2, stride: 3, dilation: 5}, {conv: 1, kernel: 1}, {dense: 1}", 0, 15),
    ("{transpose: [1, 0]}, softmax", 0, 16),
]


@pytest.mark.parametrize(("layers", "offset", "size"), FIXED)
def test_units_that_all_see_the_same(layers: str, offset: int, size: int) -> None:
    found = last(layers)
    assert found[:3] == (size, None, offset)
    assert found.whole
    assert found.centre == ratio(2 * offset + size - 1, 2)


def test_units_of_a_flattened_map_are_spread() -> None:
    found = last("{conv: 2, kernel: 3}, flatten, relu")
    assert found == AxisField(3, None, None, None)
    found = last("{conv: 2, kernel: 3}, flatten, relu", "[3, 20000]")
    assert found == AxisField(3, None, None, None)
    found = last("{conv: 2, kernel: 3}, {reshape: [14, 2]}")
    assert found.size == 3
    assert found.stride is None


def test_units_of_no_known_order_are_a_bound() -> None:
    # The rows of two channels become four: which pixels a window reads is not followed.
    found = last("{conv: 2, kernel: 3, padding: 1}, {reshape: [4, 8]}")
    assert (found.size, found.at_most) == (3, True)
    found = last("{conv: 2, kernel: 3, padding: 1}, {reshape: [4, 8]}, {conv: 1, kernel: 3}")
    assert (found.size, found.stride, found.at_most) == (16, None, True)
    found = last("{conv: 2, kernel: 3, padding: 1}, {reshape: [4, 8]}, {maxpool: 2}, relu")
    assert (found.size, found.at_most) == (16, True)
    found = last("{conv: 2, kernel: 3, padding: 1}, {reshape: [4, 8]}, {dense: 2}")
    assert (found.size, found.whole) == (16, True)


def test_channels_of_different_sight_that_become_positions_are_a_bound() -> None:
    branches = "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}"
    found = last(f"{branches}, {{transpose: [1, 0]}}, {{slice: [3, 4]}}")
    assert found.at_most
    assert found.size >= 5
    assert last(f"{branches}, {{reshape: [8, 8]}}").at_most
    assert not last("{conv: 2, kernel: 5}, {transpose: [1, 0]}").at_most


def test_a_map_and_its_transpose() -> None:
    built = network("{conv: 1, kernel: [3, 5]}, {transpose: [0, 2, 1]}", "[1, 9, 9]")
    assert fields(built)["transpose0"].size_text() == "3x5"
    assert fields(built)["transpose0"].offset_text() == "(0, 0)"
    # Unit (0, 2) of the transpose is unit (2, 0) of the convolution.
    assert unit_field(built, 2, (0, 2)).inputs[0] == ((2, 4), (0, 4))


def test_a_copying_pad_before_units_that_differ() -> None:
    layers = (
        "{concat: [[{conv: 1, kernel: 2, stride: 2}], [{crop: [[0, 8]]}]]},"
        " {pad: 2, mode: replicate}, {conv: 1, kernel: 2}"
    )
    # Unit 0 reads the first one twice: pixels 0 and 1.
    assert last(layers)[:3] == (10, None, 0)


def test_more_branches_than_are_kept_apart() -> None:
    """Each of 300 slices of one map wants its own rows; together they want them all."""
    branches = ", ".join(f"[{{crop: [[{i}, {300 - i}]]}}]" for i in range(300))
    built = network(f"{{add: [{branches}]}}", "[1, 310]")
    assert unit_field(built, 301, (5,)).inputs[0] == ((5, 304),)


def test_windows_that_differ_show_the_largest() -> None:
    # 7 over 4: 0-1, 1-3, 3-5, 5-6.
    assert last("{adaptive_avgpool: 4}", "[1, 7]")[:3] == (3, ratio(7, 4), 0)
    assert last("{adaptive_avgpool: 4}", "[1, 7]").uneven
    assert not last("{adaptive_avgpool: 5}", "[1, 16]").uneven
    assert last("{conv_transpose: 1, kernel: 3, stride: 2}", "[1, 8]").uneven


class TestBranches:
    def test_a_branch_of_another_centre_is_reported(self) -> None:
        # TensorFlow's padding of an even size: the 3x3 begins on the pixel, the 1x1 as well.
        layers = (
            "{add: {main: [{conv: 2, kernel: 3, stride: 2, padding: same}],"
            " shortcut: [{conv: 2, kernel: 1, stride: 2}]}}"
        )
        found, _ = seen(layers)
        (misaligned,) = found.misaligned
        assert (misaligned.node.path, misaligned.input, misaligned.axis, misaligned.rank) == (
            *("add0", "input"),
            *(0, 1),
        )
        assert misaligned.branches == (
            ("add0.main.conv0", ratio(2), ratio(1)),
            ("add0.shortcut.conv0", ratio(2), ratio(0)),
        )
        assert found.aligned("add0", "input") == [False]
        assert last(layers)[:4] == (3, ratio(2), 0, ratio(1))

    def test_a_branch_of_another_stride_is_reported_and_its_units_differ(self) -> None:
        layers = "{concat: [[{conv: 1, kernel: 2, stride: 2}], [{conv: 1, kernel: 9}]]}"
        found, _ = seen(layers)
        (misaligned,) = found.misaligned
        assert [stride for _, stride, _ in misaligned.branches] == [ratio(2), ratio(1)]
        # Unit 7 sees pixels 14 and 15, and 7 to 15; unit 0 sees 0, 1 and 0 to 8.
        axis = last(layers)
        assert (axis.size, axis.stride, axis.offset, axis.uneven) == (9, None, 0, True)

    def test_what_follows_units_that_differ(self) -> None:
        layers = (
            "{concat: [[{conv: 1, kernel: 2, stride: 2}], [{crop: [[0, 8]]}]]},"
            " {conv: 1, kernel: 2}"
        )
        # Unit y of the concatenation sees y to 2*y + 1, so the next one y to 2*y + 3.
        assert last(layers)[:3] == (10, None, 0)

    @pytest.mark.parametrize("name", ["resnet50", "unet", "googlenet", "densenet121"])
    def test_networks_with_centred_windows_are_aligned(self, name: str) -> None:
        assert not fields(convcalc.load(name)).misaligned

    CAUSAL = (
        "{add: [[], [{conv: 2, kernel: 3, padding: causal}]]}",
        "{add: [[], [{conv: 2, kernel: 3, dilation: 4, padding: [[8, 0]], repeat: 2}]]}",
        # Each branch is repeated as it is, so two units end at each place.
        "{add: [[{upsample: 2}], [{conv: 2, kernel: 3, padding: causal}, {upsample: 2}]]}",
        "{add: [[{maxpool: 2, padding: causal}], [{avgpool: 3, stride: 2, padding: causal}]]}",
    )

    @pytest.mark.parametrize("layers", CAUSAL)
    def test_causal_branches_are_aligned(self, layers: str) -> None:
        assert not seen(layers)[0].misaligned

    UNCAUSAL = (
        # One sees two positions beyond its place, or ends one before it.
        ("{add: [[], [{conv: 2, kernel: 3, padding: [[0, 2]]}]]}", "[2, 16]"),
        ("{add: [[], [{conv: 2, kernel: 2, padding: [[2, 0]]}, {crop: [[0, 1]]}]]}", "[2, 16]"),
        (
            "{add: [[{conv: 2, kernel: 3, padding: causal}], [{conv: 2, kernel: 3, padding: 1}]]}",
            "[2, 16]",
        ),
        ("{add: [[{maxpool: 2, padding: causal}], [{maxpool: 2}]]}", "[2, 16]"),
        # On a picture nothing comes first.
        ("{add: [[], [{conv: 2, kernel: 2, padding: same_lower}]]}", "[2, 16, 16]"),
    )

    @pytest.mark.parametrize(("layers", "input"), UNCAUSAL)
    def test_others_are_reported_as_ever(self, layers: str, input: str) -> None:
        assert seen(layers, input)[0].misaligned

    def test_rows_and_columns_of_a_product_need_not_lie_on_each_other(self) -> None:
        # Scores of every position with every second one, as attention with fewer keys has them.
        layers = (
            "{conv: 4, kernel: 1, name: queries}, {transpose: [1, 0], name: rows},"
            " {conv: 4, kernel: 1, stride: 2, from: queries, name: keys}, {matmul: [rows, keys]}"
        )
        assert not seen(layers)[0].misaligned

    def test_a_gate_is_no_misalignment(self) -> None:
        assert not seen("{mul: [[], [global_avgpool, sigmoid]]}")[0].misaligned


class TestInputs:
    TWO = "{left: [1, 16], right: [1, 8]}"

    def test_each_has_its_own_field(self) -> None:
        layers = (
            "{conv: 1, kernel: 4, stride: 2, padding: 1, from: left, name: l},"
            "{concat: [l, right]}, {conv: 1, kernel: 3, padding: 1}"
        )
        found, paths = seen(layers, self.TWO)
        axes = found[paths[-1]].axes
        assert axes["left"][0][:3] == (8, ratio(2), -3)
        assert axes["right"][0][:3] == (3, ratio(1), -1)
        assert found["l"].axes.keys() == {"left"}
        assert found[paths[-1]].size_text() == "8 3"

    def test_an_input_that_a_layer_does_not_depend_on_is_left_out(self) -> None:
        layers = "{concat: [left, left2]}, {slice: [0, 1]}"
        found, paths = seen(layers, "{left: [1, 8], left2: [1, 8]}")
        assert found[paths[-1]].axes.keys() == {"left"}

    def test_plain_features_have_no_axes(self) -> None:
        found, paths = seen("{dense: 3}", "[5]")
        assert found[paths[0]].axes == {"input": ()}
        assert found[paths[0]].size_text() == "-"


class TestUnits:
    def test_an_edge_cuts_the_field(self) -> None:
        built = network("{conv: 1, kernel: 3, padding: 1}, {conv: 1, kernel: 3, padding: 1}")
        ends = [unit_field(built, 2, (y,)) for y in (0, 1, 2, 15)]
        assert [found.inputs[0] for found in ends] == [((0, 2),), ((0, 3),), ((0, 4),), ((13, 15),)]
        assert [found.cut for found in ends] == [True, True, False, True]

    def test_gaps_between_taps_are_not_seen(self) -> None:
        built = network("{conv: 1, kernel: 3, dilation: 3, padding: 1}")
        # Taps at -1, 2 and 5.
        assert unit_field(built, 1, (0,)).inputs[0] == ((2, 5),)

    def test_a_unit_on_padding_alone_sees_nothing(self) -> None:
        built = network("{conv: 1, kernel: 1, padding: 2}, {conv: 1, kernel: 2}", "[1, 8, 8]")
        assert unit_field(built, 2, (0, 4)).inputs == {}
        assert unit_field(built, 2, (1, 4)).inputs == {0: ((0, 0), (2, 3))}

    @pytest.mark.parametrize(
        ("mode", "ends"), [("reflect", (0, 3)), ("replicate", (0, 0)), ("circular", (0, 15))]
    )
    def test_padding_that_copies(self, mode: str, ends: tuple[int, int]) -> None:
        built = network(f"{{pad: 3, mode: {mode}}}, {{conv: 1, kernel: 4}}")
        # Positions -3 to 0: reflected 3, 2, 1, 0; replicated 0; on the other side 13, 14, 15 and 0.
        assert unit_field(built, 2, (0,)).inputs[0] == (ends,)

    @pytest.mark.parametrize(
        ("mode", "ends"), [("reflect", (12, 15)), ("replicate", (15, 15)), ("circular", (4, 15))]
    )
    def test_padding_copies_what_is_not_cropped(self, mode: str, ends: tuple[int, int]) -> None:
        built = network(f"{{pad: [[-4, 3]], mode: {mode}}}, {{conv: 1, kernel: 4}}")
        # Positions 15 to 18: reflected 15, 14, 13, 12; on the other side 15, 4, 5 and 6.
        assert unit_field(built, 2, (11,)).inputs[0] == (ends,)


class TestSizes:
    """What the analysis costs does not grow with an axis, and odd ratios stay exact or say so."""

    def test_a_huge_axis(self) -> None:
        layers = (
            "{conv: 1, kernel: 3, stride: 2}, {upsample: 3}, {conv: 1, kernel: 1000},"
            " global_avgpool"
        )
        found, paths = seen(layers, f"[1, {2**30 + 1}]")
        assert found[paths[2]].axes["input"][0][:2] == (669, ratio(2, 3))
        assert found[paths[3]].axes["input"][0][:3] == (2**30 + 1, None, 0)

    def test_a_resize_of_thousands_of_phases(self) -> None:
        axis = last("{upsample: {size: 5003}}, {conv: 1, kernel: 3}", "[1, 4999]")
        assert (axis.size, axis.stride, axis.uneven, axis.at_most) == (3, None, True, False)

    def test_a_resize_of_too_many_units_is_a_bound(self) -> None:
        axis = last("{upsample: {size: 100003}}, {conv: 1, kernel: 3}", "[1, 100001]")
        assert axis.at_most
        assert axis.size == 100001

    def test_long_chains_of_resizes(self) -> None:
        sizes = (11, 9, 13, 7, 17, 19, 5, 23)
        layers = ", ".join(
            f"{{upsample: {{size: {n}}}}}, {{conv: 1, kernel: 2, padding: same}}" for n in sizes
        )
        assert not last(layers, "[1, 8]").at_most


def test_ratios_are_shown_as_decimals_where_they_are() -> None:
    texts = [str(ratio(*pair)) for pair in [(5, 2), (-1, 8), (-1, 16), (2, 3), (-7, 1), (0, 5)]]
    assert texts == ["2.5", "-0.125", "-1/16", "2/3", "-7", "0"]


class TestChannels:
    """Which channels of a layer have which field."""

    def test_a_slice_of_joins_in_joins_sees_the_branches_of_its_channels(self) -> None:
        inner = "{concat: [[{conv: 2, kernel: 3, padding: 1}], [{conv: 2, kernel: 7, padding: 3}]]}"
        layers = f"{{concat: [[{{conv: 3, kernel: 5, padding: 2}}], [{inner}]]}}"
        sizes = [last(f"{layers}, {{slice: [{c}, {c + 1}]}}").size for c in range(7)]
        assert sizes == [5, 5, 5, 3, 3, 7, 7]

    def test_a_group_sees_the_branches_of_its_channels(self) -> None:
        branches = ", ".join(f"[{{conv: 2, kernel: {k}, padding: {k // 2}}}]" for k in (1, 3, 5))
        grouped = f"{{concat: [{branches}]}}, {{conv: 2, kernel: 1, groups: 2}}"
        assert last(f"{grouped}, {{slice: [0, 1]}}").size == 3
        assert last(f"{grouped}, {{slice: [1, 2]}}").size == 5
        shuffled = f"{{concat: [{branches}]}}, {{channel_shuffle: 3}}"
        sizes = [last(f"{shuffled}, {{slice: [{c}, {c + 1}]}}").size for c in range(6)]
        assert sizes == [1, 3, 5, 1, 3, 5]

    def test_a_billion_channels_are_runs(self) -> None:
        layers = "{concat: [[{conv: 1000000000, kernel: 3, padding: 1}], []]}"
        assert last(layers).size == 3
        assert last(f"{layers}, {{depthwise: 3, padding: 1}}").size == 5
        assert last(f"{layers}, {{slice: [1000000000, 1000000002]}}").size == 1

    def test_a_wide_join_takes_a_step_for_each_branch(self) -> None:
        steps = []
        for count in (50, 400):
            branches = ", ".join(
                f"[{{conv: 1, kernel: {k}, padding: {k // 2}}}]"
                for k in (1 + 2 * (i % 7) for i in range(count))
            )
            propagation = Propagation(network(f"{{concat: [{branches}]}}"))
            before = propagation.runs_left
            propagation.run()
            steps.append(before - propagation.runs_left)
        assert 0 < steps[1] <= 8 * steps[0]

    def test_a_pooled_join_is_searched_branch_by_branch(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads: list[int] = []
        split = NetworkReadings.split

        def counted(
            readings: NetworkReadings, index: int, channels: Positions
        ) -> list[tuple[int, Positions]]:
            found = list(split(readings, index, channels))
            reads.append(len(found))
            return found

        monkeypatch.setattr(NetworkReadings, "split", counted)
        steps = []
        for count in (25, 200):
            branches = ", ".join(
                f"[{{conv: 1, kernel: {k}, padding: same}}]" for k in range(1, count + 1)
            )
            layers = f"{{conv: 1, kernel: 3, stride: 2}}, {{concat: [{branches}]}}, global_avgpool"
            assert last(layers, "[1, 20]") == AxisField(19, None, 0, Ratio.of(9), whole=True)
            steps.append(sum(reads))
            reads.clear()
        assert 0 < steps[1] <= 8 * steps[0]

    @pytest.mark.parametrize("reads", [0, 100])
    def test_too_long_a_search_is_a_bound(
        self, reads: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Of the last row of the input nothing is read; the search has to go through the crop.
        layers = "{conv: 1, kernel: 3, padding: 1}, {crop: [[4, 4]]}, relu, global_avgpool"
        exact = last(layers)
        assert (exact.size, exact.offset, exact.at_most) == (10, 3, False)
        monkeypatch.setattr("convcalc.analysis.field.dependencies._MOST_READS", reads)
        bound = last(layers)
        assert bound.size >= 10
        assert bound.at_most == (not reads)

    @pytest.mark.parametrize("left", [0, 30, 10_000])
    @pytest.mark.parametrize(
        "layers",
        [
            "{upsample: 40}, {conv: 1, kernel: 3, padding: 1}, {conv: 1, kernel: 81}",
            "{upsample: 40}, {conv: 1, kernel: 3, padding: 1}, {conv: 1, kernel: 7, stride: 2}",
            "{pad: [[1, 1]], mode: reflect}, {conv: 1, kernel: 3}, {conv: 1, kernel: 7}",
            "{add: [[{pad: [[1, 1]], mode: reflect}], [{pad: [[2, 0]], mode: reflect}]]}",
            "{concat: [[{pad: [[1, 1]], mode: reflect}], []], axis: 1}",
        ],
    )
    def test_too_many_intervals_are_a_bound(
        self, layers: str, left: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exact = last(layers, "[1, 40]")
        assert not exact.at_most
        monkeypatch.setattr("convcalc.analysis.field.ranges._MOST_INTERVALS", left)
        bound = last(layers, "[1, 40]")
        assert bound.size > exact.size if bound.at_most else bound.size == exact.size
        assert bound == exact or left < 10_000
        assert bound.at_most or left or "upsample" not in layers

    def test_too_many_fields_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        built = network("{add: [a, b]}, relu, relu", "{a: [2], b: [2]}")
        assert fields(built)["relu1"].axes
        monkeypatch.setattr("convcalc.analysis.field.fields.MOST_RANGES", 5)
        with pytest.raises(convcalc.ConvcalcError) as caught:
            fields(built)
        (problem,) = caught.value.problems
        assert (problem.code, problem.subject.layer) == ("too-many-fields", "relu1")

    @pytest.mark.parametrize("runs", [0, 5, 100])
    def test_too_many_runs_are_a_bound(self, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
        branches = ", ".join(f"[{{conv: 1, kernel: {k}, padding: {k // 2}}}]" for k in (1, 3, 5, 7))
        layers = f"{{concat: [{branches}]}}, {{depthwise: 3, padding: 1}}, {{slice: [1, 2]}}"
        exact = last(layers)
        assert (exact.size, exact.at_most) == (5, False)
        monkeypatch.setattr("convcalc.analysis.field.fields._MOST_RUNS", runs)
        bound = last(layers)
        assert bound.size >= 5
        assert bound.at_most == (runs < 100)
