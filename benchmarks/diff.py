"""The time of a diff, compared with loading both networks, and how it grows.

A few layers of a long chain are inserted, removed and changed, as an edit would do; in the worst
cases the two networks have little or nothing in common.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import convcalc
from benchmarks.measure import Row, at_most, by_turns, convcalc_command, print_table, run
from benchmarks.networks import chain
from convcalc.analysis.costs.report import Report, analyze
from convcalc.checks.diff.diff import Diff, compare
from convcalc.checks.lock.file import locked_network
from convcalc.checks.lock.layers import changes_since
from convcalc.graph import Network

LAYERS = 5_000
SMALL, LARGE = 2_000, 16_000
EDITS = 12
ROUNDS = 5
#: The growth of n log n from SMALL to LARGE: 8 times as many layers, logarithms of 14 and 11 bits.
GROWTH = 8 * 14 / 11


def main() -> None:
    """Prints the tables; takes a minute or two."""
    with tempfile.TemporaryDirectory() as folder:
        beside_loading(Path(folder))
    growing()
    worst_cases()


def beside_loading(folder: Path) -> None:
    """Loading, counting and comparing two versions, in one process and as the command."""
    old, new = chain(LAYERS), edited(chain(LAYERS))
    names = [str(folder / name) for name in ("old.yaml", "new.yaml")]
    for name, text in zip(names, (old, new), strict=True):
        Path(name).write_text(text, encoding="utf-8")
    check_edits(compare(*reports(loaded(old, new))))
    networks = loaded(old, new)
    counted = reports(networks)
    tasks: dict[str, Callable[[], object]] = {
        "load": partial(loaded, old, new),
        "all": partial(whole, old, new),
        "count": partial(reports, networks),
        "compare": partial(compare, *counted),
        "diff process": partial(run, convcalc_command("diff", *names), str(folder)),
        "shapes process": partial(run, convcalc_command("shapes", names[1]), str(folder)),
    }
    times = by_turns(tasks, ROUNDS)
    print_table(
        f"Two versions of a chain of {LAYERS:,} convolutions, {EDITS} edits",
        [
            Row("loading both", f"{times['load']:.3f} s"),
            Row("counting both", f"{times['count']:.3f} s"),
            Row("comparing them", f"{times['compare']:.3f} s"),
            at_most("all three / loading both", times["all"] / times["load"], 1.5),
            Row("`convcalc diff`", f"{times['diff process']:.3f} s"),
            Row(
                "`convcalc diff` / `convcalc shapes` of one",
                f"{times['diff process'] / times['shapes process']:.2f}",
            ),
        ],
    )


def growing() -> None:
    """The growth of the comparison alone, for networks that are mostly unchanged."""
    pairs = {size: reports(loaded(chain(size), edited(chain(size)))) for size in (SMALL, LARGE)}
    locks = {size: locked_network("", "", old, {}) for size, (old, _) in pairs.items()}
    tasks: dict[str, Callable[[], object]] = {}
    for size, pair in pairs.items():
        tasks[f"diff {size}"] = partial(compare, *pair)
        tasks[f"lock {size}"] = partial(changes_since, locks[size], pair[1])
    times = by_turns(tasks, ROUNDS)
    for what, title in (("diff", "two versions of a chain"), ("lock", "a chain with its lock")):
        small, large = times[f"{what} {SMALL}"], times[f"{what} {LARGE}"]
        print_table(
            f"Comparing {title}, mostly unchanged",
            [
                Row(f"{SMALL:,} layers", f"{small:.3f} s"),
                Row(f"{LARGE:,} layers", f"{large:.3f} s"),
                at_most("growth", large / small, round(GROWTH, 1)),
            ],
        )


def worst_cases() -> None:
    """Comparing networks that have little in common, as a ratio to loading both."""
    lines = chain(LAYERS).splitlines()
    heading, layers = lines[:2], lines[2:]
    random = Random(1)
    others = {
        "every layer different": chain(LAYERS, seed=7),
        "the same layers shuffled": joined(heading, random.sample(layers, LAYERS)),
        "reversed": joined(heading, layers[::-1]),
        "every other layer new": joined(
            heading, [new if i % 2 else old for i, (old, new) in enumerate(pairs_with_new(layers))]
        ),
    }
    text = chain(LAYERS)
    rows = []
    for name, other in others.items():
        counted = reports(loaded(text, other))
        times = by_turns(
            {"load": partial(loaded, text, other), "compare": partial(compare, *counted)}, 3
        )
        ratio = times["compare"] / times["load"]
        rows.append(at_most(f"{name}: comparing / loading both", ratio, 2))
    print_table(f"Chains of {LAYERS:,} convolutions that have little in common", rows)


def pairs_with_new(layers: Sequence[str]) -> list[tuple[str, str]]:
    """Each layer with a new one that the chain does not contain."""
    return [(layer, f"  - {{conv: {300 + i}, kernel: 1}}") for i, layer in enumerate(layers)]


def edited(text: str) -> str:
    """A chain after a few edits: a third of them insert, a third remove, a third change."""
    random = Random(3)
    lines = text.splitlines()
    places = sorted(random.sample(range(2, len(lines)), EDITS), reverse=True)
    for number, place in enumerate(places):
        layer = f"  - {{conv: {1_000 + number}, kernel: 1}}"
        lines[place : place + (number % 3 > 0)] = [layer] if number % 3 < 2 else []
    return joined(lines, [])


def joined(heading: Sequence[str], layers: Sequence[str]) -> str:
    """A spec's text from its lines."""
    return "\n".join([*heading, *layers]) + "\n"


def loaded(old: str, new: str) -> list[Network]:
    """Both networks from their texts."""
    return [convcalc.loads(text) for text in (old, new)]


def reports(networks: Sequence[Network]) -> tuple[Report, Report]:
    """The reports of two networks."""
    old, new = networks
    return analyze(old), analyze(new)


def whole(old: str, new: str) -> Diff:
    """Loads, counts and compares two texts."""
    return compare(*reports(loaded(old, new)))


def check_edits(diff: Diff) -> None:
    """Raises ValueError if the diff does not report every edit."""
    if len(diff.changes) != EDITS:
        raise ValueError(f"{len(diff.changes)} changes after {EDITS} edits")


if __name__ == "__main__":
    main()
