"""Layers are matched by what they are, and not by the numbers of their names."""

from __future__ import annotations

from convcalc.checks.diff.diff import compare
from tests.checks.diff.networks import Layers, arguments, conv, diff_of, marks_of, report_of


def test_numbers_of_default_names_mean_nothing() -> None:
    old = [conv(4), conv(6), conv(8), {"dense": 10}]
    found = diff_of(old, [conv(4), conv(5), *old[1:]])
    assert marks_of(found) == [("added", "", "conv1")]


def test_a_changed_argument_is_named() -> None:
    (change,) = diff_of([conv(4), conv(6)], [conv(4), conv(6, kernel=5, padding=2)]).changes
    assert change.mark == "changed"
    assert arguments(change) == {"kernel": ("3", "5"), "padding": ("1", "2")}


def test_another_activation_belongs_to_its_layer() -> None:
    old = [conv(4, activation="relu", norm="batch")]
    (change,) = diff_of(old, [conv(4, activation={"leaky_relu": 0.2}, norm="batch")]).changes
    assert arguments(change) == {"activation": ("relu", "leaky_relu")}


def test_an_argument_of_an_activation() -> None:
    old, new = [[conv(4, activation={"leaky_relu": slope})] for slope in (0.1, 0.2)]
    (change,) = diff_of(old, new).changes
    assert arguments(change) == {"activation slope": ("0.1", "0.2")}


def test_another_kind_of_the_same_family() -> None:
    (change,) = diff_of([conv(), {"maxpool": 2}], [conv(), {"avgpool": 2}]).changes
    assert arguments(change) == {"kind": ("maxpool", "avgpool")}


def test_a_stride_that_is_the_kernel_anyway_is_no_change() -> None:
    assert not diff_of([conv(), {"maxpool": 2}], [conv(), {"maxpool": 2, "stride": 2}])


def test_given_names_decide_between_equal_layers() -> None:
    old = [conv(8, name=name) for name in ("a", "b", "c")]
    assert marks_of(diff_of(old, [old[0], old[2]])) == [("removed", "b", "")]


def test_a_new_name_alone() -> None:
    old = [conv(8, name="stem"), conv(8)]
    found = diff_of(old, [conv(8, name="entry"), conv(8)])
    assert marks_of(found) == [("renamed", "stem", "entry")]


def test_a_default_name_instead_of_a_given_one() -> None:
    assert marks_of(diff_of([conv(8, name="stem")], [conv(8)])) == [("renamed", "stem", "conv0")]


def test_an_inserted_block_is_whole() -> None:
    """Every block ends in the same sum; the new one must not take its neighbour's."""
    blocks = {"unit(c)": [{"add": [[], [{"conv": "c", "kernel": 1}, {"conv": 4, "kernel": 1}]]}]}
    old: Layers = [conv(4), {"unit": 5}, {"unit": 7}]
    found = diff_of(old, [conv(4), {"unit": 5}, {"unit": 6}, {"unit": 7}], blocks=blocks)
    assert [path for _, _, path in marks_of(found)] == [
        "unit1.add0.branch1.conv0",
        "unit1.add0.branch1.conv1",
        "unit1.add0",
    ]


def test_copies_more_come_at_the_end() -> None:
    old, new = [[{"sequential": [conv(4), {"relu": {}}], "repeat": n}] for n in (3, 5)]
    found = diff_of(old, new)
    assert {path.partition(".")[0] for _, _, path in marks_of(found)} == {
        "sequential3",
        "sequential4",
    }


def test_a_default_that_changes_everywhere() -> None:
    old: Layers = [{"conv": 4 + i % 3, "kernel": 3, "padding": 1} for i in range(400)]
    reports = [report_of(old, defaults={"conv": {"bias": bias}}) for bias in (True, False)]
    found = compare(*reports)
    assert len(found.changes) == 400
    assert {change.arguments for change in found.changes} == {(("bias", "true", "false"),)}
    assert all(c.old and c.new and c.old.path == c.new.path for c in found.changes)


def test_everything_in_one_more_group() -> None:
    old: Layers = [conv(4 + i % 5) for i in range(300)]
    found = diff_of(old, [{"sequential": old}])
    assert {change.mark for change in found.changes} == {"renamed"}
    assert len(found.changes) == 300


def test_an_input_of_another_size() -> None:
    reports = [report_of([conv(4), conv(5)], (3, size, size)) for size in (16, 32)]
    (change,) = compare(*reports).changes
    assert (change.mark, arguments(change)) == (
        "changed",
        {"shape": ("[3, 16, 16]", "[3, 32, 32]")},
    )
    assert [new.path for _, new in change.follows] == ["conv0", "conv1"]
