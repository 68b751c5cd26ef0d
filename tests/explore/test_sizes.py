"""The input sizes that work are those of trying each of them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import convcalc
from convcalc.analysis.costs.dropped import dropped
from convcalc.explore.sizes import pattern, sizes
from convcalc.language.building.spec import Spec
from convcalc.language.load import spec as read_spec
from convcalc.language.shipped import shipped_names
from tests.quick import each_network


def works(name: str, shape: list[int]) -> tuple[bool, bool]:
    """Whether a network takes an input, and whether it drops nothing of it."""
    try:
        network = convcalc.load(name, input=shape)
    except convcalc.ConvcalcError:
        return False, False
    nodes = network.operations
    return True, not any(dropped(node.layer, network.input_shapes(node)) for node in nodes)


@pytest.mark.no_cover
@each_network(shipped_names())
def test_shipped_networks(name: str) -> None:
    spec = read_spec(name)
    shapes = spec.shapes({})
    (channels, *axes), *others = shapes.values()
    if not axes or others:
        pytest.skip("one input with spatial axes is tried")
    most = {1: 1024, 2: 200, 3: 48}[len(axes)]
    found = sizes(spec, most=most)
    rng = Random(name)
    steps = {found.together.smallest or 1, found.together.start, most}
    chosen = {min(max(n + d, 1), most) for n in steps for d in (-1, 0, 1)}
    for size in sorted(chosen | {rng.randint(1, most) for _ in range(4)}):
        valid, _ = works(name, [channels, *[size] * len(axes)])
        assert (size in found.together.sizes) == valid, size
        if found.product:
            assert all([size in axis.sizes for axis in found.axes]) == valid, size
    if len(axes) == 2 and found.product and found.axes[0].sizes:
        height, width = [rng.choice(axis.sizes) for axis in found.axes]
        assert works(name, [channels, height, width])[0]


def brute_force(name: str, most: int) -> None:
    """Reads the network at every size: the same on all axes, and up to 256 on each alone."""
    spec = read_spec(name)
    ((channels, *axes),) = spec.shapes({}).values()
    found = sizes(spec, most=most)

    every = range(1, most + 1)
    equal = [n for n in every if _reads(spec, [channels, *[n] * len(axes)])]
    assert equal == [*found.together.sizes]
    for place, of_axis in enumerate(found.axes if found.product and len(axes) > 1 else ()):
        shape = [channels, *[axis.smallest or 1 for axis in found.axes]]
        before, after = shape[: place + 1], shape[place + 2 :]
        alone = [n for n in every[:256] if _reads(spec, [*before, n, *after])]
        assert alone == [n for n in of_axis.sizes if n <= 256], f"axis {place}"


def _reads(spec: Spec, shape: list[int]) -> bool:
    try:
        spec.network(input=shape)
    except convcalc.ConvcalcError:
        return False
    return True


@pytest.mark.parametrize("name", ["lenet", "unet", "alexnet", "squeezenet1_1", "vgg11"])
def test_small_sizes_by_brute_force(name: str) -> None:
    brute_force(name, 64)


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped_names())
def test_every_size_by_brute_force(name: str) -> None:
    shapes = read_spec(name).shapes({})
    if len(shapes) > 1 or len(next(iter(shapes.values()))) < 2:
        pytest.skip("one input with spatial axes is tried")
    brute_force(name, 1024 if len(next(iter(shapes.values()))) < 4 else 128)


@pytest.mark.parametrize(
    ("layers", "rank"),
    [
        ("[{conv: 4, kernel: 5}, {maxpool: 2}, {maxpool: 2}]", 2),
        ("[{maxpool: 2}, {upsample: 2}, {add: [[], input]}]", 2),
        ("[{conv: 4, kernel: 3, stride: 3}, {conv: 4, kernel: [2, 7]}]", 2),
        ("[{reshape: [in_channels, 4, -1]}, {conv: 2, kernel: 1}]", 2),
        ("[{conv: 4, kernel: 5, stride: 2}, {maxpool: 3}]", 1),
        ("[{maxpool: 2}, {conv_transpose: 3, kernel: 2, stride: 2}, {add: [[], input]}]", 1),
        ("[{transpose: [0, 2, 1]}, {add: [[], input]}]", 2),
    ],
)
def test_every_size(layers: str, rank: int) -> None:
    shape = ", ".join(["24"] * rank)
    text = f"{{input: [3, {shape}], layers: {layers}}}"
    spec = read_spec("net.yaml", text=text)
    found = sizes(spec, most=24)
    expected = {}
    for numbers in np.ndindex(*[24] * rank):
        try:
            network = convcalc.loads(text, input=[3, *[n + 1 for n in numbers]])
        except convcalc.ConvcalcError:
            continue
        expected[tuple([n + 1 for n in numbers])] = not any(
            dropped(node.layer, network.input_shapes(node)) for node in network.operations
        )
    for axis in range(rank):
        assert set(found.axes[axis].sizes) == {point[axis] for point in expected}
        assert set(found.whole[axis].sizes) == {p[axis] for p, whole in expected.items() if whole}
    assert set(found.together.sizes) == {p[0] for p in expected if len(set(p)) == 1}
    every = [set(axis.sizes) for axis in found.axes]
    count = np.prod([len(axis) for axis in every])
    assert found.product == (count == len(expected))


def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formulas that explode, and networks that would all have to be read."""
    monkeypatch.setattr("convcalc.explore.sizes._MOST_EFFORT", 2_000)
    unit = (
        "{conv: '1 + in_size[0] % 7 + in_size[1] % 11', kernel: 1},"
        " {maxpool: 2, when: 'in_size[0] % 3 == 0'}, {upsample: 3, when: 'in_size[1] % 5 < 2'}"
    )
    spec = read_spec("net.yaml", text=f"{{input: [3, 9, 9], layers: [{', '.join([unit] * 100)}]}}")
    with pytest.raises(
        convcalc.ConvcalcError, match="reading every point takes too long"
    ) as caught:
        sizes(spec, most=256)
    assert caught.value.status == 2


class TestPatterns:
    @pytest.mark.parametrize("seed", range(30))
    def test_they_repeat_as_they_say(self, seed: int) -> None:
        rng = Random(seed)
        period, start = rng.randint(1, 20), rng.randint(1, 60)
        residues = [rng.random() < 0.4 for _ in range(period)]
        flags = [rng.random() < 0.5 if n < start else residues[n % period] for n in range(1, 257)]
        found = pattern(np.array(flags))
        assert found.sizes == tuple([n for n, flag in enumerate(flags, 1) if flag])
        assert found.period <= period
        assert found.start <= start
        again = set(found.before)
        for number in range(found.start, 257):
            residue = (number - found.start) % found.period + found.start
            if residue in found.residues:
                again.add(number)
        assert again == set(found.sizes)

    def test_none_and_no_repetition(self) -> None:
        assert pattern(np.zeros(64, bool)).smallest is None
        squares = np.array([int(n**0.5) ** 2 == n for n in range(1, 65)])
        assert pattern(squares).period == 0
