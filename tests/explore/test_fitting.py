"""The input sizes that a network is said to fit are those of trying each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

import convcalc
from convcalc.explore.fitting import with_fitting
from convcalc.facts import worded
from convcalc.language.building.spec import NetworkError
from convcalc.language.load import spec as read_spec
from convcalc.language.shipped import shipped_names
from convcalc.problems import Fitting, facts_of
from tests.cli.runner import run
from tests.quick import each_network, each_seed


def fitting(text: str, given: Sequence[int] | None = None, name: str = "net.yaml") -> list[Fitting]:
    """What is said of the sizes of a network that is wrong."""
    spec = read_spec(name) if not text else read_spec(name, text=text)
    with pytest.raises(NetworkError) as caught:
        spec.network(input=given)
    return [fact for p in with_fitting(caught.value) for fact in facts_of(p.facts, Fitting)]


def says(found: Fitting, sizes: Sequence[int]) -> bool:
    """Whether a fact says that the network fits with these sizes."""
    every = all(size in of.sizes for size, (_, of) in zip(sizes, found.axes, strict=True))
    return every and not (found.equal and len(set(sizes)) > 1)


def works(text: str, shape: Sequence[int], name: str = "net.yaml") -> bool:
    try:
        convcalc.loads(text, input=shape) if text else convcalc.load(name, input=shape)
    except convcalc.ConvcalcError:
        return False
    return True


def layer(rng: Random) -> str:
    size, stride, low = rng.randint(2, 5), rng.randint(1, 3), rng.randint(2, 9)
    return rng.choice(
        [
            f"{{conv: 4, kernel: {size}, stride: {stride}}}",
            f"{{conv: 4, kernel: [{size}, {stride}], padding: {stride - 1}}}",
            f"{{maxpool: {size}, ceil_mode: true}}",
            f"{{crop: {stride}}}",
            "{maxpool: 2}, {upsample: 2}, {add: [[], [{maxpool: 1, from: input}]], when: false}",
            f"{{conv: 2, kernel: 3, when: 'in_size[0] > {low}'}}",
            "{pixel_unshuffle: 2}, {conv: 4, kernel: 1}",
            f"{{conv: 3, kernel: {size}, when: 'in_size[1] % 2 == 0'}}",
        ]
    )


@each_seed(12, 400)
def test_random_networks(seed: int) -> None:
    """At sizes up to 24, and as long as any size of an axis goes with any of the other."""
    rng = Random(f"fitting {seed}")
    layers = ", ".join([layer(rng) for _ in range(rng.randint(1, 4))])
    text = f"{{input: [4, 3, 3], layers: [{layers}, {{conv: 1, kernel: {rng.randint(1, 6)}}}]}}"
    given = [4, rng.randint(1, 6), rng.randint(1, 6)]
    if works(text, given):
        return
    for found in fitting(text, given):
        assert not says(found, given[1:])
        for height, width in np.ndindex(24, 24):
            sizes = height + 1, width + 1
            if not found.equal or sizes[0] == sizes[1]:
                assert says(found, sizes) == works(text, [4, *sizes]), (text, sizes)


@pytest.mark.no_cover
@each_network(shipped_names())
def test_shipped_networks(name: str) -> None:
    (shape, *others) = read_spec(name).shapes({}).values()
    rng = Random(name)
    tried = [[shape[0], *[rng.randint(1, 40) for _ in shape[1:]]] for _ in range(4)]
    wrong = [given for given in tried if len(given) > 1 and not works("", given, name)]
    if others or not wrong:
        pytest.skip("an input with spatial axes is tried, and sizes that do not fit")
    found = fitting("", wrong[0], name)
    assert found, "every shipped network is small enough"
    for given in wrong:
        assert not says(found[0], given[1:])
    axes = [of for _, of in found[0].axes]
    near = [n + d for of in axes for n in (of.sizes[0], of.start) for d in (-1, 0, 1, of.period)]
    for _ in range(6):
        sizes = [max(rng.choice(near), 1) for _ in axes]
        if found[0].equal:
            sizes = sizes[:1] * len(axes)
        assert says(found[0], sizes) == works("", [shape[0], *sizes], name), sizes


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                "{input: [3, 20, 64], layers: [{maxpool: 4}, {conv: 8, kernel: 9}]}",
                "the network fits with height and width from 36 on",
            ),
            (
                "{input: [3, 33, 33], layers: [{maxpool: 2}, {upsample: 2}, {add: [[], input]}]}",
                "the network fits with height and width in multiples of 2",
            ),
            (
                "{input: [3, 9, 9], layers: [{conv: 4, kernel: [3, 11]}]}",
                "the network fits with height from 3 on, and width from 11 on",
            ),
            (
                "{input: [3, 9, 7], layers: [{transpose: [0, 2, 1]}, {add: [[], input]}]}",
                "the network fits with the same height and width, from 1 on",
            ),
            (
                "{input: [3, 9], layers: [{add: [[], [{parameter: [3, 16]}]]}]}",
                "the network fits with length of 1, 16",
            ),
        ],
    )
    def test_texts(self, text: str, said: str) -> None:
        (found,) = fitting(text)
        ((label, shown),) = worded([found])
        assert label == "help"
        assert shown == said

    def test_commands(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        path.write_text("{input: [3, 9, 9], args: {k: 3}, layers: [{conv: 4, kernel: k}]}")
        for command in ("shapes", "flops", "memory", "check"):
            result = run(command, str(path), "--set", "k=12")
            assert result.status == 1
            assert "help: the network fits with height and width from 12 on" in result.err
        result = run("check", str(path), "--input", "3x2x9", "--format", "json")
        assert "the network fits with height and width from 3 on" in result.out

    def test_variants_with_one_mistake_look_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        text = "{input: [3, 9, 9], args: {w: 3}, layers: [{conv: w, kernel: 11}]}"
        Path("net.yaml").write_text(text)
        Path("convcalc.yaml").write_text("networks: [{files: net.yaml, set: {w: [1, 2, 3]}}]")
        result = run("check")
        assert result.err.count("the network fits") == 1


class TestNothingIsSaid:
    @pytest.mark.parametrize(
        "text",
        [
            "{input: [3, 9, 9], layers: [{conv: 4, kernel: 3, groups: 2}]}",
            # With 3x3 one branch is a single position, which is repeated: nobody means that.
            "{input: [3, 9, 9], layers: [{add: [[{conv: 3, kernel: 3}], []]}]}",
            "{input: [3, 9, 9], layers: [{conv: 4, kernal: 3}]}",
            "{input: [3, 9, 9], layers: [{parameter: [4]}, {conv: 4, kernel: 3}]}",
            "{input: {a: [3, 2, 2], b: [3, 2, 2]}, layers: [{add: [a, b]}, {conv: 4, kernel: 3}]}",
            "{input: [9, 9, 3], layers: [{conv: 4, kernel: 5}]}",
            "{input: {a: {b: [3]}, c: [3, 9, 9]}, layers: [{conv: 4, kernel: 3, from: c}]}",
        ],
        ids=[
            "groups",
            "repeated",
            "word",
            "no size helps",
            "two inputs",
            "channels last",
            "a wrong input",
        ],
    )
    def test_other_mistakes(self, text: str) -> None:
        assert fitting(text) == []

    def test_formulas_that_explode(self) -> None:
        """What takes too long is left out, and the message remains."""
        unit = (
            "{conv: '1 + in_size[0] % 7 + in_size[1] % 11', kernel: 1},"
            " {maxpool: 2, when: 'in_size[0] % 3 == 0'}, {upsample: 3, when: 'in_size[1] % 5 < 2'}"
        )
        layers = ", ".join([unit] * 100)
        assert fitting(f"{{input: [3, 9, 9], layers: [{layers}, {{conv: 1, kernel: 9999}}]}}") == []
