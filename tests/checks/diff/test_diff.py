"""Diffs of networks: what is found, that it adds up, and that both directions tell the same."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report
from convcalc.checks.diff.changes import Change, difference
from convcalc.checks.diff.diff import Diff, compare
from convcalc.language.shipped import shipped_names
from tests.networks.grow import random_spec

Layers = list[dict[str, Any]]
#: A mark, the paths before and after, the arguments as text.
Told = tuple[str, str, str, str]


def report_of(layers: Layers, shape: tuple[int, ...] = (3, 16, 16), **keys: Any) -> Report:
    """The report of a network with these layers."""
    spec = {"input": list(shape), "layers": layers, **keys}
    return convcalc.analyze(convcalc.loads(json.dumps(spec)))


def diff_of(old: Layers, new: Layers, **keys: Any) -> Diff:
    return compare(report_of(old, **keys), report_of(new, **keys))


def told(diff: Diff) -> list[tuple[str, str, str]]:
    """Each change as its mark and the paths before and after."""
    return [
        (c.mark, c.old.path if c.old else "", c.new.path if c.new else "") for c in diff.changes
    ]


def arguments(change: Change) -> dict[str, tuple[str, str]]:
    return {one.name: (one.before, one.after) for one in change.arguments}


def conv(channels: int = 8, **more: Any) -> dict[str, Any]:
    return {"conv": channels, "kernel": 3, "padding": 1, **more}


SHAPELESS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"relu": {}},
        {"batchnorm": {}},
        {"dropout": 0.5},
        {"dropout": 0.1},
        {"leaky_relu": 0.1},
        {"maxpool": 3, "stride": 1, "padding": 1},
        {"avgpool": 3, "stride": 1, "padding": 1},
    ]
)


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    """A layer that keeps the spatial sizes."""
    if draw(st.booleans()):
        return draw(SHAPELESS)
    layer: dict[str, Any] = {
        "conv": draw(st.sampled_from([2, 3, 4])),
        "kernel": draw(st.sampled_from([1, 3, 5])),
        "padding": "same",
    }
    if draw(st.booleans()):
        layer["activation"] = draw(st.sampled_from(["relu", "silu"]))
    return layer


def changed(layer: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The layer with another argument, still of its kind."""
    kind = next(iter(layer))
    if kind == "conv":
        return {**layer, **rng.choice([{"conv": rng.randint(1, 6)}, {"kernel": rng.randint(1, 7)}])}
    if kind in ("maxpool", "avgpool"):
        return {kind: 5, "stride": 1, "padding": 2}
    if kind == "dropout":
        return {kind: rng.randint(1, 9) / 10}
    return {kind: rng.randint(1, 9) / 10} if kind == "leaky_relu" else layer


class TestRandomEdits:
    @given(st.lists(layers(), min_size=1, max_size=25), st.integers(1, 6), st.randoms())
    def test_there_are_at_most_as_many_changes_as_edits(
        self, old: Layers, edits: int, rng: Random
    ) -> None:
        new = list(old)
        pool = [*old, {"relu": {}}, conv(2), conv(7, activation="gelu")]
        for _ in range(edits):
            edit = rng.choice(["insert", "delete", "change"])
            if edit == "insert":
                new.insert(rng.randint(0, len(new)), rng.choice(pool))
            elif edit == "delete" and len(new) > 1:
                del new[rng.randrange(len(new))]
            else:
                place = rng.randrange(len(new))
                new[place] = changed(new[place], rng)
        found = diff_of(old, new)
        assert len(found.changes) <= edits, told(found)

    @settings(max_examples=20)
    @given(st.lists(layers(), min_size=60, max_size=90), st.integers(0, 80))
    def test_one_layer_more_is_one_plus(self, old: Layers, place: int) -> None:
        new = [*old[:place], conv(4, name="new"), *old[place:]]
        found = diff_of(old, new)
        assert told(found) == [("added", "", "new")]
        assert told(diff_of(new, old)) == [("removed", "new", "")]

    @given(st.lists(layers(), min_size=2, max_size=20, unique_by=repr), st.data())
    def test_a_layer_that_moves_is_one_change(self, old: Layers, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(old) - 1))
        new = [*old[:start], *old[start + 1 :]]
        end = data.draw(st.integers(0, len(new)))
        new.insert(end, old[start])
        assert [change.mark for change in diff_of(old, new).changes] == ["moved"] * (start != end)


def mirrored(diff: Diff) -> list[Told]:
    """What a diff tells, as it should be told in the other direction."""
    other: dict[str, str] = {"added": "removed", "removed": "added"}
    return sorted(
        (
            other.get(c.mark, c.mark),
            c.new.path if c.new else "",
            c.old.path if c.old else "",
            str(sorted((name, after, before) for name, before, after in c.arguments)),
        )
        for c in diff.changes
    )


def in_order(diff: Diff) -> list[Told]:
    """What a diff tells, in the same form."""
    return sorted(
        (
            c.mark,
            c.old.path if c.old else "",
            c.new.path if c.new else "",
            str(sorted(tuple(argument) for argument in c.arguments)),
        )
        for c in diff.changes
    )


def sum_of_deltas(diff: Diff) -> Cost:
    total = Cost()
    for change in diff.changes:
        total = total.plus(change.delta).plus(change.delta_of_follows)
    return total


#: Seeds of networks that are known to be valid.
SEEDS = st.integers(0, 1400)


def grown(seed: int) -> str:
    return random_spec(Random(seed))


class TestLaws:
    """What holds whatever the networks are."""

    @given(SEEDS)
    def test_a_network_does_not_differ_from_itself(self, seed: int) -> None:
        one, other = [convcalc.analyze(convcalc.loads(grown(seed))) for _ in range(2)]
        found = compare(one, other)
        assert not found
        assert found.changes == []
        assert found.kept == len({layer.node.unit for layer in one.layers})

    @given(SEEDS, SEEDS)
    def test_deltas_add_up_to_the_difference_of_the_totals(self, one: int, other: int) -> None:
        reports = [convcalc.analyze(convcalc.loads(grown(seed))) for seed in (one, other)]
        found = compare(*reports)
        before, after = [report.totals for report in reports]
        total = sum_of_deltas(found)
        assert total.params == after.params - before.params
        assert total.buffers == after.buffers - before.buffers
        assert total.macs == after.macs - before.macs
        assert total.flops == after.flops - before.flops
        assert list(total.counts) == [
            a - b for b, a in zip(before.counts, after.counts, strict=True)
        ]

    @given(SEEDS, SEEDS)
    def test_the_other_direction_tells_the_opposite(self, one: int, other: int) -> None:
        reports = [convcalc.analyze(convcalc.loads(grown(seed))) for seed in (one, other)]
        assert in_order(compare(*reports)) == mirrored(compare(reports[1], reports[0]))

    @given(st.lists(layers(), min_size=1, max_size=20), st.lists(layers(), min_size=1, max_size=20))
    def test_the_other_direction_of_chains(self, one: Layers, other: Layers) -> None:
        assert in_order(diff_of(one, other)) == mirrored(diff_of(other, one))

    @given(SEEDS, SEEDS)
    def test_every_layer_is_told_once(self, one: int, other: int) -> None:
        reports = [convcalc.analyze(convcalc.loads(grown(seed))) for seed in (one, other)]
        found = compare(*reports)
        for side, records in enumerate(found.records):
            mine = [(c.old, c.new)[side] for c in found.changes]
            changed = [record for record in mine if record is not None]
            assert len(changed) == len({record.path for record in changed})
            layers = [record for record in records if not record.is_input]
            assert len(layers) == found.kept + sum(not record.is_input for record in changed)

    @pytest.mark.parametrize("name", shipped_names()[::9])
    def test_shipped_networks_do_not_differ_from_themselves(self, name: str) -> None:
        assert not compare(*[convcalc.analyze(convcalc.load(name)) for _ in range(2)])

    @pytest.mark.parametrize("seed", range(10))
    def test_all_of_it_for_shipped_networks(self, seed: int) -> None:
        names = Random(seed).sample(shipped_names(), 2)
        reports = [convcalc.analyze(convcalc.load(name)) for name in names]
        found = compare(*reports)
        assert sum_of_deltas(found) == difference(found.old.totals, found.new.totals)
        assert in_order(found) == mirrored(compare(reports[1], reports[0]))


class TestMatching:
    def test_numbers_of_default_names_mean_nothing(self) -> None:
        old = [conv(4), conv(6), conv(8), {"dense": 10}]
        found = diff_of(old, [conv(4), conv(5), *old[1:]])
        assert told(found) == [("added", "", "conv1")]

    def test_a_changed_argument_is_named(self) -> None:
        (change,) = diff_of([conv(4), conv(6)], [conv(4), conv(6, kernel=5, padding=2)]).changes
        assert change.mark == "changed"
        assert arguments(change) == {"kernel": ("3", "5"), "padding": ("1", "2")}

    def test_another_activation_belongs_to_its_layer(self) -> None:
        old = [conv(4, activation="relu", norm="batch")]
        (change,) = diff_of(old, [conv(4, activation={"leaky_relu": 0.2}, norm="batch")]).changes
        assert arguments(change) == {"activation": ("relu", "leaky_relu")}

    def test_an_argument_of_an_activation(self) -> None:
        old, new = [[conv(4, activation={"leaky_relu": slope})] for slope in (0.1, 0.2)]
        (change,) = diff_of(old, new).changes
        assert arguments(change) == {"activation slope": ("0.1", "0.2")}

    def test_another_kind_of_the_same_family(self) -> None:
        (change,) = diff_of([conv(), {"maxpool": 2}], [conv(), {"avgpool": 2}]).changes
        assert arguments(change) == {"kind": ("maxpool", "avgpool")}

    def test_a_stride_that_is_the_kernel_anyway_is_no_change(self) -> None:
        assert not diff_of([conv(), {"maxpool": 2}], [conv(), {"maxpool": 2, "stride": 2}])

    def test_given_names_decide_between_equal_layers(self) -> None:
        old = [conv(8, name=name) for name in ("a", "b", "c")]
        assert told(diff_of(old, [old[0], old[2]])) == [("removed", "b", "")]

    def test_a_new_name_alone(self) -> None:
        old = [conv(8, name="stem"), conv(8)]
        found = diff_of(old, [conv(8, name="entry"), conv(8)])
        assert told(found) == [("renamed", "stem", "entry")]

    def test_a_default_name_instead_of_a_given_one(self) -> None:
        assert told(diff_of([conv(8, name="stem")], [conv(8)])) == [("renamed", "stem", "conv0")]

    def test_an_inserted_block_is_whole(self) -> None:
        """Every block ends in the same sum; the new one must not take its neighbour's."""
        blocks = {
            "unit(c)": [{"add": [[], [{"conv": "c", "kernel": 1}, {"conv": 4, "kernel": 1}]]}]
        }
        old: Layers = [conv(4), {"unit": 5}, {"unit": 7}]
        found = diff_of(old, [conv(4), {"unit": 5}, {"unit": 6}, {"unit": 7}], blocks=blocks)
        assert [path for _, _, path in told(found)] == [
            "unit1.add0.branch1.conv0",
            "unit1.add0.branch1.conv1",
            "unit1.add0",
        ]

    def test_copies_more_come_at_the_end(self) -> None:
        old, new = [[{"sequential": [conv(4), {"relu": {}}], "repeat": n}] for n in (3, 5)]
        found = diff_of(old, new)
        assert {path.partition(".")[0] for _, _, path in told(found)} == {
            "sequential3",
            "sequential4",
        }

    def test_a_default_that_changes_everywhere(self) -> None:
        old: Layers = [{"conv": 4 + i % 3, "kernel": 3, "padding": 1} for i in range(400)]
        reports = [report_of(old, defaults={"conv": {"bias": bias}}) for bias in (True, False)]
        found = compare(*reports)
        assert len(found.changes) == 400
        assert {change.arguments for change in found.changes} == {(("bias", "true", "false"),)}
        assert all(c.old and c.new and c.old.path == c.new.path for c in found.changes)

    def test_everything_in_one_more_group(self) -> None:
        old: Layers = [conv(4 + i % 5) for i in range(300)]
        found = diff_of(old, [{"sequential": old}])
        assert {change.mark for change in found.changes} == {"renamed"}
        assert len(found.changes) == 300

    def test_an_input_of_another_size(self) -> None:
        reports = [report_of([conv(4), conv(5)], (3, size, size)) for size in (16, 32)]
        (change,) = compare(*reports).changes
        assert (change.mark, arguments(change)) == (
            "changed",
            {"shape": ("[3, 16, 16]", "[3, 32, 32]")},
        )
        assert [new.path for _, new in change.follows] == ["conv0", "conv1"]

    def test_another_batch_is_no_cause(self) -> None:
        """Reports of two batches are not what this is for; still nothing is lost."""
        network = convcalc.load("lenet")
        reports = [convcalc.analyze(network, batch=batch) for batch in (1, 2)]
        found = compare(*reports)
        assert sum_of_deltas(found).macs == reports[0].totals.macs


class TestCauses:
    def test_what_follows_stands_under_its_cause(self) -> None:
        old = [conv(4), conv(5), {"maxpool": 2}, conv(6), {"dense": 10}]
        (change,) = diff_of(old, [conv(4, stride=2), *old[1:]]).changes
        assert arguments(change) == {"stride": ("1", "2")}
        assert [new.path for _, new in change.follows] == ["conv1", "pool0", "conv2", "dense0"]

    def test_it_ends_where_the_sizes_are_the_same_again(self) -> None:
        old = [conv(4), conv(5), conv(6)]
        (change,) = diff_of(old, [conv(7), *old[1:]]).changes
        assert [new.path for _, new in change.follows] == ["conv1"]

    def test_an_added_pool_explains_smaller_maps(self) -> None:
        old = [conv(4), conv(5), {"global_avgpool": {}}, {"dense": 3}]
        (change,) = diff_of(old, [old[0], {"maxpool": 2}, *old[1:]]).changes
        assert change.mark == "added"
        assert [new.path for _, new in change.follows] == ["conv1", "pool1"]

    def test_a_removed_pool_explains_larger_maps(self) -> None:
        old = [conv(4), {"maxpool": 2}, conv(5), conv(6)]
        (change,) = diff_of(old, [old[0], *old[2:]]).changes
        assert change.mark == "removed"
        assert [new.path for _, new in change.follows] == ["conv1", "conv2"]

    def test_the_nearest_of_two_causes(self) -> None:
        old = [conv(4), conv(5), conv(6), conv(7)]
        new = [conv(4, stride=2), conv(5), conv(6, stride=2), conv(7)]
        found = diff_of(old, new).changes
        assert [[after.path for _, after in change.follows] for change in found] == [
            ["conv1"],
            ["conv3"],
        ]

    def test_a_change_that_keeps_the_size_is_no_cause(self) -> None:
        old = [conv(4), conv(5), conv(6), conv(7)]
        new = [conv(4, stride=2), conv(5), conv(6, kernel=5, padding=2), conv(7)]
        found = diff_of(old, new).changes
        assert [[after.path for _, after in change.follows] for change in found] == [
            ["conv1", "conv3"],
            [],
        ]

    def test_an_added_layer_that_keeps_the_size_is_no_cause(self) -> None:
        old = [conv(4), conv(5), conv(6)]
        new = [conv(4, stride=2), conv(5), conv(9), conv(5, kernel=1, padding=0), conv(6)]
        found = diff_of(old, new).changes
        assert [[after.path for _, after in change.follows] for change in found] == [
            ["conv1", "conv4"],
            [],
            [],
        ]


#: Three layers and a sum.
OLD: Layers = [conv(4, name="a"), conv(4, name="b"), conv(4, name="c"), {"add": [[], "a"]}]


class TestWiring:
    def test_another_branch_is_a_change_of_the_join(self) -> None:
        new = [*OLD[:3], {"add": [[], "b"]}]
        (change,) = diff_of(OLD, new).changes
        assert (change.mark, arguments(change)) == ("changed", {"from": ("c, a", "c, b")})

    def test_a_branch_more(self) -> None:
        new = [*OLD[:3], {"add": [[], "a", "b"]}]
        (change,) = diff_of(OLD, new).changes
        assert arguments(change) == {"from": ("c, a", "c, a, b")}
        assert change.delta.flops == 4 * 16 * 16

    def test_a_layer_inside_a_branch_is_only_that(self) -> None:
        old: Layers = [conv(4), {"add": [[], [conv(4)]]}]
        new: Layers = [conv(4), {"add": [[], [conv(4), {"relu": {}}]]}]
        assert told(diff_of(old, new)) == [("added", "", "add0.branch1.relu0")]

    def test_sharing(self) -> None:
        old = [conv(3, name="a"), conv(3, name="b")]
        (change,) = diff_of(old, [old[0], conv(3, name="b", share="a")]).changes
        assert arguments(change) == {"share": ("none", "a")}
        assert change.delta.params == -(3 * 3 * 9 + 3)

    def test_a_result_more(self) -> None:
        old, new = [report_of(OLD[:3], outputs=outputs) for outputs in (["c"], ["b", "c"])]
        assert compare(old, new)
        assert compare(old, new).changes == []

    def test_another_result_of_the_same_shape(self) -> None:
        layers = [*OLD[:3], conv(4, name="d", **{"from": "b"})]
        both = [
            report_of(layers, outputs=outputs) for outputs in (["a", "c", "d"], ["b", "c", "d"])
        ]
        assert compare(*both).results
        assert compare(*both).changes == []
        assert not compare(both[0], both[0])

    def test_a_last_layer_more_tells_of_the_result_itself(self) -> None:
        found = diff_of(OLD[:3], [*OLD[:3], {"relu": {}}])
        assert told(found) == [("added", "", "relu0")]
        assert not found.results
