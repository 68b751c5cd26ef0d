"""Draws the pictures of the documentation anew: `python scripts/drawings.py`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from convcalc.cli.main import main

FOLDER = Path(__file__).resolve().parents[1] / "docs"
#: The arguments of the command that makes each picture.
PICTURES = {
    "unet.svg": ("draw", "attention_unet"),
    "bottleneck.svg": ("draw", "resnet50", "--open", "stage0.bottleneck0", "--wide"),
    "alexnet.svg": ("draw", "alexnet", "--volumes"),
    "lenet.svg": ("draw", "lenet", "--volumes"),
    "change.svg": ("draw", "resnet34", "resnet18", "--wide"),
    "window.svg": ("explain", "figure_stride", "conv0"),
    "residual.svg": ("draw", "residual.yaml"),
    "attention.svg": ("explain", "windows.yaml", "attention0"),
    "moving_window.svg": ("animate", "figure_correlation", "conv0"),
}
#: The networks among these that are on a page, with that page.
ON_PAGES = {"residual.yaml": "tutorial.md", "windows.yaml": "draw.md"}


def make(folder: Path) -> None:
    """Writes every picture into a folder."""
    with TemporaryDirectory() as specs:
        for name, (command, network, *rest) in PICTURES.items():
            source = spec_of(network, Path(specs))
            arguments = [command, source, *rest, "--output", str(folder / name)]
            with patch.object(sys, "argv", ["convcalc", *arguments]):
                try:
                    main()
                except SystemExit as leaving:
                    if leaving.code:
                        raise


def spec_of(network: str, folder: Path) -> str:
    """A shipped network's name, or the path of a file of the folder with the text on its page."""
    if network not in ON_PAGES:
        return network
    page = (FOLDER / ON_PAGES[network]).read_text(encoding="utf-8")
    block = rf"^```yaml\n(# {re.escape(network)}\n.*?)^```$"
    found = re.search(block, page, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{ON_PAGES[network]} shows no {network}")
    path = folder / network
    path.write_text(found[1], encoding="utf-8")
    return str(path)


if __name__ == "__main__":
    make(FOLDER)
