"""What varies: ranges, lists, spaces in files, their points, and limits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.explore.domain import Domain, Sample
from convcalc.explore.limits import read_bound
from convcalc.explore.ranges import read_variable
from convcalc.explore.space_file import space_of
from convcalc.explore.variables import Variable
from convcalc.language.load import spec as read_spec
from convcalc.problems import Help, Source

SPEC = read_spec(
    "net.yaml",
    text="{input: [3, 8, 8], args: {w: 1, d: [2, 2], act: relu, on: true}, layers: [relu]}",
)


class TestRanges:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("w=0.25..1.0:0.25", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1]),
            ("w=1..4", [1, 2, 3, 4]),
            ("w=2..2", [2]),
            ("w=-1..1", [-1, 0, 1]),
            ("w=2*3..8", [6, 7, 8]),
            ("w=1,4..6,16", [1, 4, 5, 6, 16]),
            ("w=1,1,1.0", [1]),
            (" w = 0.1 , 0.2 ", [Fraction(1, 10), Fraction(1, 5)]),
            ("d=[2,2],[3,4]", [[2, 2], [3, 4]]),
            ("d[1]=1..3", [1, 2, 3]),
            ("act=relu,silu", ["relu", "silu"]),
            ("on=true,false", [True, False]),
            ("in_size=96..224:64", [96, 160, 224]),
        ],
    )
    def test_values(self, text: str, values: list[Any]) -> None:
        assert list(read_variable(SPEC, text).values) == values

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("w=1..5:0", "never ends"),
            ("w=1..5:-1", "never ends"),
            ("w=5..1", "no points"),
            ("w=1..6:2", "does not reach its end: its last number is 5"),
            ("w=1..10**12", "more than 1,000,000"),
            ("w=1..", "a number is missing"),
            ("w=relu..3", "is no number"),
            ("w=", "takes NAME=VALUES"),
            ("w", "takes NAME=VALUES"),
            ("v=1", "no argument 'v'"),
            ("w=1,,2", "missing"),
            ("in_size=relu", "a number is needed"),
        ],
    )
    def test_mistakes(self, text: str, says: str) -> None:
        with pytest.raises(convcalc.ConvcalcError) as caught:
            read_variable(SPEC, text)
        assert says in str(caught.value)
        assert caught.value.status == 2

    @pytest.mark.parametrize(
        ("text", "proposed"),
        [("w=0.1..0.5", "w=0.1..0.5:0.1"), ("w=0.3..1", "w=0.3..1:STEP"), ("w=1..6:2", "w=1..5:2")],
    )
    def test_a_step_is_proposed(self, text: str, proposed: str) -> None:
        with pytest.raises(convcalc.ConvcalcError) as caught:
            read_variable(SPEC, text)
        assert Help(proposed) in caught.value.problems[0].facts


class TestSpaceFile:
    def read(self, text: str) -> tuple[dict[str, list[Any]], list[str]]:
        variables, conditions = space_of(SPEC, Source("space.yaml", text))
        assert [span.line for span in conditions.values()] == [7, 8][: len(conditions)]
        return {v.name: list(v.values) for v in variables}, [*conditions]

    def test_lists_ranges_and_conditions(self) -> None:
        found = self.read(
            "w: 0.5..1:0.5\nin_size: [8, 16..18]\nd: [[1, 2], [3, 4]]\nd[0]: 1,2\n"
            "act: [relu, silu]\nwhen:\n  - w < 1 or in_size == 8\n  - act == relu\n"
        )
        assert found == (
            {
                "w": [Fraction(1, 2), 1],
                "in_size": [8, 16, 17, 18],
                "d": [[1, 2], [3, 4]],
                "d[0]": [1, 2],
                "act": ["relu", "silu"],
            },
            ["w < 1 or in_size == 8", "act == relu"],
        )

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "a mapping"),
            ("- w", "a mapping"),
            ("v: 1", "space.yaml:1:1: error[unknown-argument]: the file has no argument 'v'"),
            ("w: {a: 1}", "a value or a range is needed"),
            ("w: [", "yaml-syntax"),
            ("w: 5..1", "no points"),
            ("in_size: 1.5", "space.yaml:1:1: error[bad-value]: a size is a whole number"),
            ("when: []\nw: ''", "a value or a range is needed"),
        ],
    )
    def test_mistakes(self, text: str, says: str) -> None:
        with pytest.raises(convcalc.ConvcalcError) as caught:
            self.read(text)
        assert says in str(caught.value)
        assert caught.value.status == 2


class TestDomain:
    VARIABLES = (Variable("a", [1, 2, 3]), Variable("b", [1, 2]), Variable("c", [7, 8, 9, 10]))

    def points(self, domain: Domain) -> list[tuple[int, ...]]:
        return [
            tuple(map(int, point)) for point in zip(*domain.indices(0, domain.count), strict=True)
        ]

    def test_every_point_once_and_the_last_variable_first(self) -> None:
        domain = Domain(self.VARIABLES)
        points = self.points(domain)
        assert (domain.count, domain.size) == (24, 24)
        assert len(set(points)) == 24
        assert points == sorted(points)
        part = [tuple(map(int, point)) for point in zip(*domain.indices(5, 9), strict=True)]
        assert part == points[5:9]

    @pytest.mark.parametrize("count", [1, 5, 20])
    def test_a_sample_has_each_point_once_and_depends_on_the_seed_alone(self, count: int) -> None:
        drawn = self.points(Domain(self.VARIABLES, Sample(count, 3)))
        assert len(set(drawn)) == count
        assert drawn == self.points(Domain(self.VARIABLES, Sample(count, 3)))
        if count == 20:
            assert drawn != self.points(Domain(self.VARIABLES, Sample(count, 4)))

    def test_a_sample_of_more_than_there_are_is_all(self) -> None:
        assert self.points(Domain(self.VARIABLES, Sample(99))) == self.points(
            Domain(self.VARIABLES)
        )

    def test_a_huge_space_is_refused_with_its_size_and_may_be_sampled(self) -> None:
        variables = [Variable(f"x[{i}]", list(range(1000))) for i in range(10)]
        with pytest.raises(convcalc.ConvcalcError, match=r"about 10\^30 points.*") as caught:
            Domain(variables)
        assert "--sample" in str(caught.value.problems[0].facts)
        domain = Domain(variables, Sample(100))
        assert len(set(self.points(domain))) == 100
        with pytest.raises(convcalc.ConvcalcError, match="at most"):
            Domain(variables, Sample(10**8))


class TestBounds:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("macs<=2k", [True, True, False]),
            ("macs<2k", [True, False, False]),
            ("macs >= 2k", [False, True, True]),
            ("macs>2000", [False, False, True]),
            ("macs==2k", [False, True, False]),
        ],
    )
    def test_kept(self, text: str, kept: list[bool]) -> None:
        assert read_bound(text).kept(np.array([1999, 2000, 2001])).tolist() == kept

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("arena<=256", "does not say which bytes"),
            ("macs<=256kB", "is bytes"),
            ("macs=5", "is no limit"),
            ("macs<=", "is no limit"),
            ("live<=1kB", "'live' is no metric"),
            ("flops<=1M", "counts FLOPs in its own way"),
            ("macs<=x", "not a quantity"),
        ],
    )
    def test_mistakes(self, text: str, says: str) -> None:
        with pytest.raises(convcalc.ConvcalcError, match=says) as caught:
            read_bound(text)
        assert caught.value.status == 2
