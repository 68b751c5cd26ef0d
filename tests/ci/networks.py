"""A small repository of networks with limits, as someone might keep it."""

from __future__ import annotations

from pathlib import Path

#: 3*3*3*8 + 8 = 224 parameters, 216 * 16 * 16 = 55,296 MACs.
GOOD = "input: [3, 16, 16]\nlayers:\n  - {conv: 8, kernel: 3, padding: 1}\n"
#: Twice as wide.
HEAVY = GOOD.replace("conv: 8", "conv: 16")
#: A kernel larger than its input.
BROKEN = GOOD.replace("kernel: 3, padding: 1", "kernel: 33")
LIMITS = "networks:\n  - files: models/*.yaml\n    budget: {macs: 60k}\n"


def write_project(folder: Path) -> None:
    """Writes convcalc.yaml and one good network."""
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "net.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "convcalc.yaml").write_text(LIMITS, encoding="utf-8")
