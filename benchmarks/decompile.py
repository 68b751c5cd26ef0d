"""How short the texts of networks are, compared with those that people wrote; and their time.

    python -m benchmarks.decompile

Every shipped network is taken from its text's places and blocks, once with the paths of its layers
and once without, and written as text again. The goals: for eleven networks no more lines than the
text that a person wrote, a median of at most 30 lines, and at most 0.3 seconds for each.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from copy import copy
from pathlib import Path
from statistics import median

import convcalc
from benchmarks.measure import Row, at_most, print_table
from convcalc.exchange.decompile import decompile
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names, shipped_path

#: The networks whose text is to be no longer than what a person wrote.
SHORT = (
    *("resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "densenet161"),
    *("convnext_tiny", "googlenet", "inception_v3", "regnet_x_400mf", "shufflenet_v2_x1_0", "unet"),
)
LONGEST = {"yolov8n": 60}


def main() -> None:
    """Prints a row for each network, and the goals."""
    lines, times, rows = [], [], []
    for name in shipped_names():
        network = convcalc.load(name)
        written = written_lines(name)
        shown = []
        for anonymous in (False, True):
            started = time.process_time()
            text = decompile(imported(network, anonymous=anonymous))
            times.append(time.process_time() - started)
            shown.append(f"{counted(text.yaml)}{' flat' if text.flat else ''}")
            lines.append(counted(text.yaml))
        limit = LONGEST.get(name, written if name in SHORT else None)
        goal = f"<= {limit}" if limit else f"({written} by hand)"
        met = limit is None or max(lines[-2:]) <= limit
        rows.append(Row(name, " / ".join(shown), goal, met))
    print_table("Lines, with the paths of layers / without", rows)
    print_table(
        "All shipped networks",
        [
            at_most("lines, in the median", median(lines), 30),
            at_most("the longest time", max(times), 0.3, "s"),
            Row("the median time", f"{median(times):.3f}s"),
        ],
    )


def imported(network: Network, *, anonymous: bool) -> Network:
    """The network without its places in a text, and without the names of its layers."""
    nodes = [copy(node) for node in network.nodes]
    kinds: Counter[str] = Counter()
    units: dict[str, str] = {}
    for node in nodes:
        node.span, node.calls = None, ()
        if anonymous and node.kind != "input":
            if node.unit not in units:
                units[node.unit] = f"{node.kind}{kinds[node.kind]}"
                kinds[node.kind] += 1
            node.path = units[node.unit] + node.path[len(node.unit) :]
            node.unit = units[node.unit]
    return Network(network.name, nodes, network.outputs)


def written_lines(name: str) -> int:
    """The lines of a shipped text, with those of the one that it extends."""
    text = Path(shipped_path(name) or "").read_text(encoding="utf-8")
    extended = re.search(r"^extends: ([\w.]+)$", text, re.MULTILINE)
    base = written_lines(extended[1].removesuffix(".yaml")) if extended else 0
    return counted(text) + base


def counted(text: str) -> int:
    """The lines that are neither blank nor a comment."""
    kept = [line.strip() for line in text.splitlines()]
    return len([line for line in kept if line and not line.startswith("#")])


if __name__ == "__main__":
    main()
