"""The listings that Dive into Deep Learning prints for its networks, to the last character."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.transcripts import run

LISTINGS = Path(__file__).parent / "listings"


@pytest.mark.parametrize("listing", sorted(LISTINGS.glob("*.txt")), ids=lambda path: path.stem)
def test_listing_is_the_books(listing: Path) -> None:
    printed = run(["shapes", listing.stem, "--depth", "1", "--format", "listing"])
    assert printed == (listing.read_text(encoding="utf-8"), 0)


def test_listing_of_plain_layers_needs_no_depth() -> None:
    expected = (LISTINGS / "alexnet_d2l.txt").read_text(encoding="utf-8")
    assert run(["shapes", "alexnet_d2l", "--format", "listing"]) == (expected, 0)
