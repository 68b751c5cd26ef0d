"""The time of `check` on one network and on all that ship: whole processes, in a pipe.

They run outside the repository, so that its convcalc.yaml and lock have no effect.
"""

from __future__ import annotations

import tempfile
from functools import partial

from benchmarks.measure import (
    REPOSITORY,
    Row,
    at_most,
    by_turns,
    convcalc_command,
    print_table,
    run,
)

CONFIGS = REPOSITORY / "configs"
ROUNDS = 7


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        one = convcalc_command("check", str(CONFIGS / "vgg16.yaml"))
        times = by_turns(
            {
                "one": partial(run, one, folder),
                "all": partial(run, convcalc_command("check", str(CONFIGS)), folder),
            },
            ROUNDS,
        )
    count = len(list(CONFIGS.glob("*.yaml")))
    print_table(
        "check: one process for a folder",
        [
            Row("convcalc check configs/vgg16.yaml", f"{times['one'] * 1e3:.0f} ms"),
            Row(f"convcalc check configs/ ({count} networks)", f"{times['all'] * 1e3:.0f} ms"),
            at_most("ratio", times["all"] / times["one"], 25),
        ],
    )


if __name__ == "__main__":
    main()
