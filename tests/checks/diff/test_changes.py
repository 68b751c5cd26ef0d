"""Changes of layers: what is found, that it adds up, and that both directions find the same."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.costs.cost import Cost
from convcalc.checks.diff.changes import Changes, difference
from convcalc.checks.diff.diff import compare
from convcalc.language.shipped import shipped_names
from tests.checks.diff.networks import (
    SEEDS,
    Layers,
    arguments,
    conv,
    diff_of,
    marks_of,
    random_report,
)
from tests.quick import each_seed, fewer_examples

#: A mark, the paths before and after, the arguments as text.
Described = tuple[str, str, str, str]

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
        assert len(found.changes) <= edits, marks_of(found)

    @fewer_examples(5)
    @given(st.lists(layers(), min_size=60, max_size=90), st.integers(0, 80))
    def test_one_layer_more_is_one_plus(self, old: Layers, place: int) -> None:
        new = [*old[:place], conv(4, name="new"), *old[place:]]
        found = diff_of(old, new)
        assert marks_of(found) == [("added", "", "new")]
        assert marks_of(diff_of(new, old)) == [("removed", "new", "")]

    @given(st.lists(layers(), min_size=2, max_size=20, unique_by=repr), st.data())
    def test_a_layer_that_moves_is_one_change(self, old: Layers, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(old) - 1))
        new = [*old[:start], *old[start + 1 :]]
        end = data.draw(st.integers(0, len(new)))
        new.insert(end, old[start])
        assert [change.mark for change in diff_of(old, new).changes] == ["moved"] * (start != end)


def mirrored(diff: Changes) -> list[Described]:
    """What is found, as it should be found in the other direction."""
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


def in_order(diff: Changes) -> list[Described]:
    """What is found, in the same form."""
    return sorted(
        (
            c.mark,
            c.old.path if c.old else "",
            c.new.path if c.new else "",
            str(sorted(tuple(argument) for argument in c.arguments)),
        )
        for c in diff.changes
    )


def sum_of_deltas(diff: Changes) -> Cost:
    total = Cost()
    for change in diff.changes:
        total = total.plus(change.delta).plus(change.delta_of_follows)
    return total


class TestLaws:
    """What holds whatever the networks are."""

    @given(SEEDS)
    def test_a_network_does_not_differ_from_itself(self, seed: int) -> None:
        one, other = [random_report(seed) for _ in range(2)]
        found = compare(one, other)
        assert not found
        assert found.changes == []
        assert found.kept == len({layer.node.unit for layer in one.layers})

    @given(SEEDS, SEEDS)
    def test_deltas_add_up_to_the_difference_of_the_totals(self, one: int, other: int) -> None:
        reports = [random_report(seed) for seed in (one, other)]
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
    def test_the_other_direction_is_the_opposite(self, one: int, other: int) -> None:
        reports = [random_report(seed) for seed in (one, other)]
        assert in_order(compare(*reports)) == mirrored(compare(reports[1], reports[0]))

    @example(  # what is inserted and what is removed could both move down, to the same place
        [{"conv": 2, "kernel": 1}, {"relu": {}}, {"relu": {}}, {"conv": 2, "kernel": 1}],
        [
            {"conv": 2, "kernel": 1, "activation": "relu"},
            {"relu": {}},
            *[{"conv": 2, "kernel": 1}] * 2,
        ],
    )
    @given(st.lists(layers(), min_size=1, max_size=20), st.lists(layers(), min_size=1, max_size=20))
    def test_the_other_direction_of_chains(self, one: Layers, other: Layers) -> None:
        assert in_order(diff_of(one, other)) == mirrored(diff_of(other, one))

    @given(SEEDS, SEEDS)
    def test_every_layer_changed_once_or_was_kept(self, one: int, other: int) -> None:
        reports = [random_report(seed) for seed in (one, other)]
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

    @each_seed(5, 10)
    def test_all_of_it_for_shipped_networks(self, seed: int) -> None:
        names = Random(seed).sample(shipped_names(), 2)
        reports = [convcalc.analyze(convcalc.load(name)) for name in names]
        found = compare(*reports)
        assert sum_of_deltas(found) == difference(found.old.totals, found.new.totals)
        assert in_order(found) == mirrored(compare(reports[1], reports[0]))


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

    def test_another_batch_is_no_cause(self) -> None:
        """Reports of two batches are not what this is for; still nothing is lost."""
        network = convcalc.load("lenet")
        reports = [convcalc.analyze(network, batch=batch) for batch in (1, 2)]
        found = compare(*reports)
        assert sum_of_deltas(found).macs == reports[0].totals.macs


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
        assert marks_of(diff_of(old, new)) == [("added", "", "add0.branch1.relu0")]

    def test_sharing(self) -> None:
        old = [conv(3, name="a"), conv(3, name="b")]
        (change,) = diff_of(old, [old[0], conv(3, name="b", share="a")]).changes
        assert arguments(change) == {"share": ("none", "a")}
        assert change.delta.params == -(3 * 3 * 9 + 3)
