"""Draws the pictures of docs/draw.md anew: `python scripts/drawings.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

from convcalc.cli.main import main

FOLDER = Path(__file__).resolve().parents[1] / "docs"
#: The arguments of the command that makes each picture.
PICTURES = {
    "unet.svg": ("draw", "attention_unet"),
    "bottleneck.svg": ("draw", "resnet50", "--open", "stage0.bottleneck0", "--wide"),
    "window.svg": ("explain", "figure_stride", "conv0"),
}


def make(folder: Path) -> None:
    """Writes every picture into a folder."""
    for name, arguments in PICTURES.items():
        command = ["convcalc", *arguments, "--output", str(folder / name)]
        with patch.object(sys, "argv", command):
            try:
                main()
            except SystemExit as leaving:
                if leaving.code:
                    raise


if __name__ == "__main__":
    make(FOLDER)
