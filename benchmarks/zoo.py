"""The time of every shipped network as a whole process, and of all of them in one.

    python -m benchmarks.zoo

The goals: a network takes at most 2.5 times as long as importing the two libraries that a command
needs, and `zoo`, which reads all of them, at most 25 times as long as `shapes vgg16`.
"""

from __future__ import annotations

import tempfile
from functools import partial

from benchmarks.measure import (
    Row,
    at_most,
    by_turns,
    convcalc_command,
    print_table,
    python_command,
    run,
)
from convcalc.language.shipped import shipped_names

ROUNDS = 5
#: How many of the slowest networks the table names.
SHOWN = 5


def main() -> None:
    """Prints both tables."""
    names = shipped_names()
    with tempfile.TemporaryDirectory() as folder:
        tasks = {name: partial(run, convcalc_command("shapes", name), folder) for name in names}
        tasks["imports"] = partial(run, python_command("-c", "import typer, yaml"), folder)
        times = by_turns(tasks, ROUNDS)
        together = by_turns(
            {
                "zoo": partial(run, convcalc_command("zoo"), folder),
                "vgg16": partial(run, convcalc_command("shapes", "vgg16"), folder),
            },
            ROUNDS,
        )
    imports = times.pop("imports")
    ratios = {name: seconds / imports for name, seconds in times.items()}
    slowest = sorted(ratios, key=lambda name: -ratios[name])
    rows = [at_most(f"shapes {name}", ratios[name], 2.5) for name in slowest[:SHOWN]]
    within = sum(ratio <= 2.5 for ratio in ratios.values())
    rows.append(Row("networks within the goal", f"{within} of {len(ratios)}"))
    print_table("A whole process, as a ratio to python -c 'import typer, yaml'", rows)
    print_table(
        "All shipped networks in one process",
        [at_most("zoo, as a ratio to shapes vgg16", together["zoo"] / together["vgg16"], 25)],
    )


if __name__ == "__main__":
    main()
