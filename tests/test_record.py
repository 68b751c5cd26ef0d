"""Records: named fields that never change."""

from __future__ import annotations

import copy
import pickle

import pytest

from convcalc.record import Record


class Point(Record):
    x: int
    y: int = 0


class Place(Record):
    x: int
    y: int = 0


def test_fields_are_given_by_place_or_by_name() -> None:
    assert Point(1, 2) == Point(x=1, y=2) == Point(1, y=2)
    assert (Point(1).x, Point(1).y, Point(1)._asdict()) == (1, 0, {"x": 1, "y": 0})


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"z": 3}), ((1,), {"x": 3}), ((), {"y": 3})],
)
def test_wrong_fields_are_refused(values: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point takes x, y"):
        Point(*values, **named)
    with pytest.raises(TypeError, match="Point takes x, y"):
        Point(1)._replace(z=3)


def test_fields_do_not_change() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="Point is immutable"):
        point.x = 2  # type: ignore[misc]
    assert point._replace(y=5) == Point(1, 5)
    assert point == Point(1)


def test_equal_fields_of_one_class_are_equal() -> None:
    assert len({Point(1), Point(1, 0), Place(1), Point(1, 2)}) == 3
    assert Point(1) != Place(1)
    assert Point(1) != (1, 0)
    assert repr(Point(1)) == "Point(x=1, y=0)"


def test_copies_are_equal() -> None:
    pickled = pickle.loads(pickle.dumps(Point(1, 2)))  # noqa: S301 - our own bytes
    copies = (copy.copy(Point(1, 2)), copy.deepcopy(Point(1, 2)), pickled)
    assert copies == (Point(1, 2),) * 3


def test_fields_can_be_matched() -> None:
    match Point(1, 2):
        case Point(x, 2):
            assert x == 1
        case _:
            pytest.fail("no match")
