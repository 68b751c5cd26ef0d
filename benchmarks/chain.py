"""How time and memory grow with the number of layers, from a spec's text to its JSON report.

Time is compared with PyYAML's C parser composing the same text, a lower bound for reading YAML in
Python. Both run in one process, by turns; the table also shows the command as a whole process.
"""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml

import convcalc
from benchmarks.measure import (
    Row,
    at_most,
    by_turns,
    convcalc_command,
    peak_memory,
    print_table,
    run,
)
from benchmarks.networks import chain, repeated, written_out

SMALL, LARGE, HUGE = 2_000, 20_000, 200_000
ROUNDS = 5


def main() -> None:
    """Prints the tables; takes a few minutes."""
    with tempfile.TemporaryDirectory() as folder:
        against_composing(Path(folder))
        repeat_against_written_out()
        huge(Path(folder))


def against_composing(folder: Path) -> None:
    """Time, growth and memory of chains of convolutions, all different."""
    small, large = chain(SMALL), chain(LARGE)
    small_process = report_command(folder / "small.yaml", small)
    process = report_command(folder / "large.yaml", large)
    check_layers(run(process, str(folder)), LARGE)
    tasks: dict[str, Callable[[], object]] = {
        "compose": partial(compose, large),
        "compose without collector": partial(without_collector, partial(compose, large)),
        "small": partial(to_json, small),
        "large": partial(to_json, large),
        "large without collector": partial(without_collector, partial(to_json, large)),
        "small process": partial(run, small_process, str(folder)),
        "process": partial(run, process, str(folder)),
    }
    times = by_turns(tasks, ROUNDS)
    composing, bare = times["compose"], times["compose without collector"]
    print_table(
        f"A chain of {LARGE:,} convolutions, text to JSON",
        [
            Row("yaml.compose with CSafeLoader", f"{composing:.2f} s"),
            Row("convcalc", f"{times['large']:.2f} s"),
            at_most("ratio", times["large"] / composing, 6),
            at_most("ratio of the whole process", times["process"] / composing, 6),
            Row(
                "ratio with the garbage collector off on both sides",
                f"{times['large without collector'] / bare:.2f}",
            ),
            at_most(f"growth from {SMALL:,} layers", times["large"] / times["small"], 11),
            at_most("growth of the whole process", times["process"] / times["small process"], 11),
            at_most("peak memory of the whole process", peak_memory(process), 300, " MB"),
        ],
    )


def repeat_against_written_out() -> None:
    """The same layers with `repeat` and written out."""
    texts = {"repeat": repeated(LARGE), "written out": written_out(LARGE)}
    totals = {convcalc.analyze(convcalc.loads(text)).totals for text in texts.values()}
    if len(totals) != 1:
        raise ValueError("the two are not the same network")
    times = by_turns({name: partial(to_json, text) for name, text in texts.items()}, ROUNDS)
    print_table(
        f"A pattern of layers repeated to {LARGE:,}, text to JSON",
        [
            Row("written out", f"{times['written out']:.2f} s"),
            Row("with repeat", f"{times['repeat']:.2f} s"),
            at_most("ratio", times["repeat"] / times["written out"], 1),
        ],
    )


def huge(folder: Path) -> None:
    """One run of the longest chain, which has to finish."""
    process = report_command(folder / "huge.yaml", chain(HUGE))
    start = time.perf_counter()
    memory = peak_memory(process)
    elapsed = time.perf_counter() - start
    print_table(
        f"A chain of {HUGE:,} convolutions, text to JSON, as a whole process",
        [Row("time", f"{elapsed:.0f} s", "finishes"), Row("peak memory", f"{memory:.0f} MB")],
    )


def compose(text: str) -> object:
    """The YAML nodes of a text, by PyYAML's C parser."""
    return yaml.compose(text, Loader=yaml.CSafeLoader)


def to_json(text: str) -> str:
    """The JSON report of a spec's text."""
    from convcalc.render.report import report_text

    return report_text(convcalc.analyze(convcalc.loads(text)))


def without_collector(task: Callable[[], object]) -> object:
    """Runs a task with the garbage collector off."""
    gc.disable()
    try:
        return task()
    finally:
        gc.enable()


def report_command(path: Path, text: str) -> list[str]:
    """Writes a spec to `path`; returns the command that prints its JSON report."""
    path.write_text(text, encoding="utf-8")
    return convcalc_command(
        "shapes",
        str(path),
        "--format",
        "json",
        "--max-layers",
        str(2 * HUGE),
        "--max-file-size",
        "64MiB",
    )


def check_layers(output: bytes, layers: int) -> None:
    """Raises ValueError if the report does not contain the whole network."""
    found = len(json.loads(output)["layers"])
    if found != layers:
        raise ValueError(f"{found} layers in the report of {layers}")


if __name__ == "__main__":
    main()
