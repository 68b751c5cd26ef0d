"""How the time of each analysis grows with the network, as a whole command.

Each command runs on a network and on one with eight times as many nodes and edges. Growth as
n*log(n), where n counts both, is the goal, and half as much again for what varies between runs.
What a command takes on an empty network, mostly start-up, is taken off both.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from math import log
from pathlib import Path
from typing import NamedTuple

import convcalc
from benchmarks.measure import ENVIRONMENT, at_most, by_turns, convcalc_command, print_table
from benchmarks.networks import chain
from convcalc.graph import Network

ROUNDS = 3
#: A ratio to n*log(n) above which an analysis grows faster.
MOST = 1.5

#: By name, the words of each command around the file.
COMMANDS: dict[str, tuple[str, ...]] = {
    "flops": ("flops", "{file}"),
    "flops --columns intensity": ("flops", "{file}", "--columns", "intensity"),
    "memory": ("memory", "{file}"),
    "memory --training": ("memory", "{file}", "--training"),
    "field": ("field", "{file}"),
    "balance": ("balance", "{file}", "--device", "laptop_core"),
    "reconcile": ("reconcile", "{file}", "4.13G"),
    "lock": ("lock", "{file}", "--output", "{folder}/growth.lock"),
    "check": ("check", "{file}"),
    **{
        f"check --format {name}": ("check", "{file}", "--format", name)
        for name in ("json", "markdown", "github", "junit", "sarif")
    },
}


class Family(NamedTuple):
    """Networks of any size, the smaller size, and the larger one."""

    make: Callable[[int], str]
    small: int
    large: int


def in_place(layers: int) -> str:
    """A chain of layers that are computed in place."""
    return _spec("[3, 8, 8]", ["relu"] * layers)


def branches(count: int) -> str:
    """A concatenation of branches with different fields."""
    lines = [f"[{_window(number % 7)}]" for number in range(count)]
    return _spec("[1, 8, 8]", ["concat:"]) + "".join(f"      - {line}\n" for line in lines)


def empty_branches(count: int) -> str:
    """A concatenation of its input with itself."""
    return _spec("[1, 8, 8]", ["concat:"]) + "      - []\n" * count


def shortcuts(count: int) -> str:
    """A chain of residual blocks that scale their channels, on a map whose last row is unread."""
    scale = "{mul: [[], [global_avgpool, {conv: 8, kernel: 1}]]}"
    block = f"{{add: [[], [{{conv: 8, kernel: 3, padding: 1}}, {scale}]]}}"
    return _spec("[8, 18, 18]", ["{conv: 8, kernel: 3, stride: 2}", *[block] * count])


def dense(count: int) -> str:
    """Layers that each read all layers before them."""
    layers = ["{conv: 4, kernel: 3, padding: 1, name: n0}"]
    for number in range(1, count):
        before = ", ".join(f"n{other}" for other in range(number))
        layers.append(f"{{concat: [{before}]}}")
        layers.append(f"{{conv: 4, kernel: 3, padding: 1, name: n{number}}}")
    return _spec("[3, 8, 8]", layers)


def pooled(count: int) -> str:
    """A concatenation of branches with different fields, pooled as a whole."""
    lines = [f"[{_window(number)}]" for number in range(count)]
    join = "".join(f"      - {line}\n" for line in lines)
    stem = ["{conv: 1, kernel: 3, stride: 2}", "concat:"]
    return _spec("[1, 18, 18]", stem) + join + "  - global_avgpool\n"


def heads(count: int) -> str:
    """A chain of convolutions, each of which is pooled as a whole beside the chain."""
    layers = ["{conv: 8, kernel: 3, stride: 2, name: n0}"]
    for number in range(1, count):
        layers.append(f"{{conv: 8, kernel: 3, padding: 1, from: n{number - 1}, name: n{number}}}")
        layers.append(f"{{global_avgpool: , from: n{number}, name: h{number}}}")
    names = ", ".join(f"h{number}" for number in range(1, count))
    return _spec("[3, 18, 18]", layers) + f"outputs: [{names}]\n"


def additions(depth: int) -> str:
    """Additions of two additions, and so on: the least peak takes a long search."""
    lines = ["  a0: [{conv: 4, kernel: 3}, {maxpool: 2}]"]
    lines += [f"  a{n}: [{{add: [[a{n - 1}], [a{n - 1}]]}}]" for n in range(1, depth + 1)]
    return "blocks:\n" + "\n".join(lines) + "\n" + _spec("[3, 8, 8]", [f"a{depth}"])


def limits(count: int) -> str:
    """A chain of layers each of which exceeds a limit of its own."""
    broken = "".join(f"    dense{number}: {{macs: 1}}\n" for number in range(count))
    return _spec("[2]", ["{dense: 2}"] * count) + f"budget:\n  layers:\n{broken}"


#: The sizes of `dense` are those whose edges are eight times as many.
FAMILIES: dict[str, Family] = {
    "a chain of convolutions": Family(chain, 2_500, 20_000),
    "a chain computed in place": Family(in_place, 2_500, 20_000),
    "residual blocks": Family(shortcuts, 250, 2_000),
    "a concat of convolutions": Family(branches, 1_000, 8_000),
    "a concat of convolutions of all sizes, pooled": Family(pooled, 250, 2_000),
    "a chain with heads": Family(heads, 500, 4_000),
    "a concat of empty branches": Family(empty_branches, 2_500, 20_000),
    "a chain with a limit on each layer": Family(limits, 1_000, 8_000),
    "a densely connected graph": Family(dense, 106, 300),
    "additions of additions": Family(additions, 10, 13),
}


def main() -> None:
    """Prints a table for each family; all of them take some twenty minutes."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.growth")
    parser.add_argument("--family", metavar="WORDS", default="", help="only families with these")
    parser.add_argument("--command", metavar="WORDS", default="", help="only commands with these")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, family in FAMILIES.items():
            if chosen.family in name:
                measure(name, family, Path(folder), chosen.command)


def measure(name: str, family: Family, folder: Path, words: str) -> None:
    """Prints how each command grows on a family."""
    texts = {
        "empty": _spec("[1, 1, 1]", ["identity"]),
        "small": family.make(family.small),
        "large": family.make(family.large),
    }
    sizes = {size: expected(convcalc.loads(text)) for size, text in texts.items()}
    tasks: dict[str, Callable[[], object]] = {}
    commands = {command: parts for command, parts in COMMANDS.items() if words in command}
    for size, text in texts.items():
        file = folder / f"{size}.yaml"
        file.write_text(text, encoding="utf-8")
        for command, parts in commands.items():
            filled = [part.format(file=file, folder=folder) for part in parts]
            tasks[f"{command} {size}"] = partial(quiet, convcalc_command(*filled), str(folder))
    times = by_turns(tasks, ROUNDS)
    rows = []
    for command in commands:
        empty, small, large = (times[f"{command} {size}"] for size in texts)
        grown = (large - empty) / (small - empty) / (sizes["large"] / sizes["small"])
        rows.append(at_most(f"{command}, {large:.2f} s", grown, MOST))
    print_table(f"Growth of {name} from {family.small:,} to {family.large:,}, to n*log(n)", rows)


def quiet(command: Sequence[str], folder: str) -> None:
    """Runs a command; raises ValueError where it fails, other than by finding nothing (1)."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode > 1 or done.stderr:
        raise ValueError(f"{' '.join(command)}: {done.stderr.decode()[:500]}")


def expected(network: Network) -> float:
    """n*log(n), where n counts nodes and edges."""
    n = len(network.nodes) + sum(len(node.inputs) for node in network.nodes)
    return n * log(n)


def _window(padding: int) -> str:
    return f"{{conv: 1, kernel: {2 * padding + 1}, padding: {padding}}}"


def _spec(input: str, layers: list[str]) -> str:
    return f"input: {input}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)


if __name__ == "__main__":
    main()
