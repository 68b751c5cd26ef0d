"""Which layers made a network grow: inserted and changed ones, but not renumbered ones."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.report import analyze
from convcalc.analysis.metrics import measure_all
from convcalc.checks.lock.file import LockedLayer, LockedNetwork, locked_network
from convcalc.checks.lock.growth import growth_of
from convcalc.checks.lock.layers import changes_since
from tests.quick import each_seed


def locked(text: str) -> LockedNetwork:
    analysis = convcalc.Analysis(convcalc.loads(text))
    return locked_network("n.yaml", "", analysis.report, measure_all(analysis))


def grown(before: str, after: str, metric: str) -> list[tuple[str, int]]:
    """The paths and values of the layers that grew from one spec to another."""
    analysis = convcalc.Analysis(convcalc.loads(after))
    layers = growth_of(analysis, metric, locked(before)).layers
    return [(layer.path, layer.value) for layer in layers]


def matched(before: str, after: str) -> dict[str, LockedLayer]:
    """What each layer was, by its path now."""
    old = locked(before)
    found = changes_since(old, analyze(convcalc.loads(after)))
    pairs = [(record, found.before(record)) for record in found.records[1] if not record.is_input]
    return {new.path: old.layers[before.path] for new, before in pairs if before is not None}


def chain(*widths: int) -> str:
    layers = ", ".join(f"{{dense: {width}}}" for width in widths)
    return f"{{input: [10], layers: [{layers}]}}"


def test_a_layer_that_is_wider_and_the_next_that_reads_it() -> None:
    before, after = chain(20, 30, 40), chain(20, 31, 40)
    assert grown(before, after, "macs") == [("dense2", 40), ("dense1", 20)]
    assert grown(before, after, "params") == [("dense2", 40), ("dense1", 21)]
    assert grown(before, after, "weights") == [("dense2", 160), ("dense1", 84)]


@each_seed(15, 50)
def test_an_inserted_layer_grew_and_not_those_that_it_renumbers(seed: int) -> None:
    """The layer's width is the one before it, so what follows is as it was under another name."""
    rng = Random(seed)
    widths = [rng.randint(5, 200) for _ in range(rng.randint(3, 30))]
    place = rng.randrange(len(widths))
    after = [*widths[: place + 1], widths[place], *widths[place + 1 :]]
    width = widths[place]
    ((path, value),) = grown(chain(*widths), chain(*after), "macs")
    assert value == width * width
    assert path in {f"dense{place}", f"dense{place + 1}"}


@each_seed(15, 50)
def test_growth_is_the_sum_of_what_grew_less_what_shrank(seed: int) -> None:
    rng = Random(seed)
    widths = [rng.randint(5, 200) for _ in range(rng.randint(1, 12))]
    after = [w if rng.random() < 0.7 else rng.randint(5, 200) for w in widths]
    old = locked(chain(*widths))
    new = locked(chain(*after))
    pairs = matched(chain(*widths), chain(*after))
    deltas = [
        layer.cost.macs - (pairs[path].cost.macs if path in pairs else 0)
        for path, layer in new.layers.items()
    ]
    assert sum(deltas) == new.totals["macs"] - old.totals["macs"]
    parts = grown(chain(*widths), chain(*after), "macs")
    if any(value > 0 for value in deltas):
        assert sorted(value for _, value in parts) == sorted(v for v in deltas if v > 0)


def test_no_layer_is_matched_twice() -> None:
    assert list(matched(chain(5, 5, 5, 5, 6), chain(5, 5, 6))) == ["dense0", "dense1", "dense2"]
    assert len(matched(chain(5, 5, 6), chain(5, 5, 5, 5, 6))) == 3


def test_of_other_totals_the_heaviest_that_changed_are_grown() -> None:
    """The second layer does not touch the peak, so its change is not what made it grow."""
    before = "{input: [1, 8, 8], layers: [{conv: 4, kernel: 1}, global_avgpool, {dense: 3}]}"
    after = before.replace("conv: 4", "conv: 5")
    assert grown(before, after, "peak_memory")[0] == ("conv0", 5 * 64 * 4)
    assert grown(before, after, "activations")[0] == ("conv0", 5 * 64 * 4)
    assert grown(before, before, "peak_memory")[0][0] == "conv0"


def test_of_many_layers_that_moved_up_one_place_only_the_ends_are_new() -> None:
    """Each reads and makes what the one behind it did before."""
    before, after = chain(*range(5, 1105)), chain(*range(6, 1106))
    assert {path for path, _ in grown(before, after, "macs")} == {"dense0", "dense1099"}


@pytest.mark.no_cover
def test_many_layers_that_all_changed_are_matched_by_name() -> None:
    before, after = chain(*range(5, 1105)), chain(*range(2005, 3105))
    assert matched(before, after) == locked(before).layers


def test_what_changed_of_each_layer_is_said_in_the_words_of_a_diff() -> None:
    before, after = chain(20, 30, 40), chain(20, 31, 40, 7)
    analysis = convcalc.Analysis(convcalc.loads(after))
    assert growth_of(analysis, "macs", locked(before)).changes == {
        "dense1": "units 30 -> 31, output 30 -> 31",
        "dense2": "follows dense1",
        "dense3": "added",
    }
