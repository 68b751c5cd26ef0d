"""Alignments of lists: valid, as cheap as an exhaustive search finds, and never quadratic work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.checks.diff.alignment import Alignment, Pair
from tests.quick import fewer_examples

Keys = list[int]


def never(i: int, j: int) -> bool:
    return False


def always(i: int, j: int) -> bool:
    return True


def nothing(i: int, j: int) -> int:
    return 0


def aligned(
    old: Sequence[int], new: Sequence[int], replaceable: Callable[[int, int], bool] = never
) -> list[Pair]:
    return Alignment([old], [new], replaceable, nothing).pairs()


def cost(old: Keys, new: Keys, pairs: list[Pair]) -> int:
    """Insertions, removals and replacements."""
    replaced = sum(old[i] != new[j] for i, j in pairs)
    return len(old) + len(new) - 2 * len(pairs) + replaced


def least_cost(old: Keys, new: Keys, replacing: bool) -> int:
    """The cost of the cheapest alignment, by the textbook's table."""
    table = {(i, 0): i for i in range(len(old) + 1)} | {(0, j): j for j in range(len(new) + 1)}
    for i in range(1, len(old) + 1):
        for j in range(1, len(new) + 1):
            ways = [table[i - 1, j] + 1, table[i, j - 1] + 1]
            if old[i - 1] == new[j - 1]:
                ways.append(table[i - 1, j - 1])
            elif replacing:
                ways.append(table[i - 1, j - 1] + 1)
            table[i, j] = min(ways)
    return table[len(old), len(new)]


def check_valid(old: Keys, new: Keys, pairs: list[Pair]) -> None:
    """Both sides rise, so that each item is in one pair at most and no two pairs cross."""
    for side, items in enumerate((old, new)):
        places = [pair[side] for pair in pairs]
        assert all(a < b for a, b in pairwise(places))
        assert all(0 <= place < len(items) for place in places)


LISTS = st.lists(st.integers(0, 4), max_size=30)


class TestShortLists:
    @given(LISTS, LISTS)
    def test_is_as_cheap_as_can_be(self, old: Keys, new: Keys) -> None:
        pairs = aligned(old, new)
        check_valid(old, new, pairs)
        assert all(old[i] == new[j] for i, j in pairs)
        assert cost(old, new, pairs) == least_cost(old, new, replacing=False)

    @given(LISTS, LISTS)
    def test_is_as_cheap_as_can_be_with_replacements(self, old: Keys, new: Keys) -> None:
        pairs = aligned(old, new, always)
        check_valid(old, new, pairs)
        assert cost(old, new, pairs) == least_cost(old, new, replacing=True)

    def test_of_equally_cheap_ones_the_more_alike(self) -> None:
        def distance(i: int, j: int) -> int:
            return 0 if (i, j) == (0, 1) else 9

        assert Alignment([[1]], [[2, 3]], always, distance).pairs() == [(0, 1)]

    def test_empty_lists(self) -> None:
        assert aligned([], []) == []
        assert aligned([1], []) == []
        assert aligned([], [1]) == []


class TestLongLists:
    """Longer than what a table is made for."""

    @fewer_examples(2)
    @given(st.randoms(use_true_random=False), st.integers(0, 10), st.sampled_from([3, 1000]))
    def test_few_edits_are_found_exactly(self, rng: Random, edits: int, letters: int) -> None:
        old = [rng.randrange(letters) for _ in range(600)]
        new = list(old)
        for _ in range(edits):
            new.insert(rng.randrange(len(new)), -1 - rng.randrange(3))
            del new[rng.randrange(len(new))]
        pairs = aligned(old, new)
        check_valid(old, new, pairs)
        assert cost(old, new, pairs) <= 2 * edits

    def test_one_item_moved_over_many_equal_ones(self) -> None:
        """Unique keys alone would pair the one and give up the many."""
        old, new = [9, *[1] * 500], [*[1] * 500, 9]
        assert len(aligned(old, new)) == 500

    def test_many_edits_between_unique_items(self) -> None:
        old = [key for i in range(400) for key in (i + 10, 1)]
        new = [key for i in range(400) for key in (i + 10, 2, 3)]
        pairs = aligned(old, new)
        assert {(i, j) for i, j in pairs if old[i] == new[j]} == {
            (2 * i, 3 * i) for i in range(400)
        }

    def test_everything_replaced(self) -> None:
        old, new = list(range(2000)), list(range(2000, 4000))
        assert aligned(old, new, always) == [(i, i) for i in range(2000)]

    def test_looser_keys_where_the_strict_ones_fail(self) -> None:
        strict = list(range(2000)), list(range(5000, 7001))
        loose = list(range(2000)), [-1, *range(2000)]
        pairs = Alignment([strict[0], loose[0]], [strict[1], loose[1]], never, nothing).pairs()
        assert pairs == [(i, i + 1) for i in range(2000)]

    @fewer_examples(4)
    @given(
        st.randoms(use_true_random=False),
        st.integers(200, 900),
        st.integers(200, 900),
        st.sampled_from([2, 20, 500]),
        st.booleans(),
    )
    def test_is_valid_for_lists_that_have_little_in_common(
        self, rng: Random, old_length: int, new_length: int, letters: int, replacing: bool
    ) -> None:
        old = [rng.randrange(letters) for _ in range(old_length)]
        new = [rng.randrange(letters) for _ in range(new_length)]
        pairs = aligned(old, new, always if replacing else never)
        check_valid(old, new, pairs)
        assert replacing or all(old[i] == new[j] for i, j in pairs)


class Counted(list[int]):
    """A list that counts how often it is asked for an item."""

    asked = 0

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().__getitem__(index)


def work(old: Keys, new: Keys) -> float:
    """How often each item is looked at, on average."""
    keys, others = Counted(old), Counted(new)
    Alignment([keys, keys], [others, others], lambda i, j: (i + j) % 3 == 0, nothing).pairs()
    return (keys.asked + others.asked) / (len(old) + len(new))


def _cases(n: int) -> dict[str, tuple[Keys, Keys]]:
    rng = Random(5)
    two, other_two = [[rng.randrange(2) for _ in range(n)] for _ in range(2)]
    order = list(range(n))
    shuffled = rng.sample(order, n)
    return {
        "equal": (order, order),
        "one more": (order, [*order[: n // 2], -1, *order[n // 2 :]]),
        "nothing in common": (order, [-1 - i for i in order]),
        "reversed": (order, order[::-1]),
        "shuffled": (order, shuffled),
        "two letters": (two, other_two),
        "one letter against another": ([0] * n, [1] * n),
        "one letter, other length": ([0] * n, [0] * (n // 2)),
        "a rotation": (order, [*order[n // 3 :], *order[: n // 3]]),
        "every other one new": (order, [i if i % 2 else -i for i in order]),
        "far apart": ([*order, *[-1] * n], [*[-2] * n, *order]),
    }


@pytest.mark.no_cover
@pytest.mark.parametrize("case", _cases(1))
def test_work_for_an_item_is_bounded(case: str) -> None:
    """Ten times as many items take some ten times the work, whatever the lists are."""
    small, large = [work(*_cases(n)[case]) for n in (1_000, 10_000)]
    assert large < 2 * small + 10
    assert large < 400


@pytest.mark.no_cover
def test_the_work_of_all_tables_together_is_bounded() -> None:
    """Each stretch between two unique items could have a table of its own."""
    asked = 0

    def counted(i: int, j: int) -> bool:
        nonlocal asked
        asked += 1
        return True

    old = [i if i % 120 == 0 else 100_000 + i for i in range(24_000)]
    new = [i if i % 120 == 0 else 200_000 + i for i in range(24_000)]
    pairs = aligned(old, new, counted)
    assert pairs == [(i, i) for i in range(24_000)]
    assert asked < 1_000_000
