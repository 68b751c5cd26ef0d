"""Memory that is used again: never while somebody looks at it."""

from __future__ import annotations

import weakref
from random import Random

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.store import Pool, Scratch


def test_arrays_that_are_held_never_overlap() -> None:
    chance = Random(1)
    pool = Pool()
    held: list[Array] = []
    for number in range(400):
        shape = (chance.randint(1, 9), chance.randint(1, 40))
        array = pool.array(shape, chance.choice([np.float32, np.float64]))
        array[...] = number
        # A view of a part holds all of it.
        held.append(array[:1, ::2])
        if len(held) > 6:
            del held[chance.randrange(len(held))]
        del array
        assert all(len(np.unique(view)) == 1 for view in held)
        assert len({view.flat[0] for view in held}) == len(held)


def test_memory_that_nobody_holds_is_given_out_again() -> None:
    pool = Pool()
    places = set()
    for size in (100, 60, 100, 1):
        array = pool.array((size,), np.uint8)
        places.add(array.__array_interface__["data"][0])
        del array
    assert len(places) == 1


def test_a_lasting_array_sees_the_memory_and_does_not_hold_it() -> None:
    pool = Pool()
    first = pool.array((4, 6), np.float32)
    view = first[1:3, ::-2]
    lasting = pool.lasting(view)
    view[...] = 7
    np.testing.assert_array_equal(lasting, view)
    assert lasting.strides == view.strides
    del first, view
    second = pool.array((4, 6), np.float32)
    second[...] = 8
    assert (lasting == 8).all()


def test_a_foreign_array_is_lasting_as_it_is() -> None:
    pool = Pool()
    pool.array((3,), np.float32)
    other = np.arange(3.0)
    assert pool.lasting(other) is other


def test_a_buffer_grows_and_leaves_the_smaller_one_to_others() -> None:
    pool = Pool()
    scratch = Scratch(pool)
    scratch.array("a", (10,), np.float32)
    small = scratch.array("a", (5,), np.float64).__array_interface__["data"][0]
    large = scratch.array("a", (500,), np.float32)
    assert large.shape == (500,)
    other = pool.array((10,), np.float32)
    assert other.__array_interface__["data"][0] == small


def test_a_pool_that_is_spent_gives_everything_back() -> None:
    pool = Pool(1000)
    first, second = [pool.array((400,), np.uint8) for _ in range(2)]
    assert (pool.bytes, pool.spent) == (800, False)
    del first
    # The block that is free is not large enough, and a new one would be too much.
    third = pool.array((600,), np.uint8)
    assert (pool.bytes, pool.spent) == (0, True)
    assert pool.lasting(third) is third
    gone = weakref.ref(second.base)
    del second
    assert gone() is None
    assert pool.array((3, 2), np.float32).shape == (3, 2)
    assert pool.bytes == 0
