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


@pytest.mark.parametrize("listing", sorted(LISTINGS.glob("*/*.txt")), ids=lambda path: path.stem)
def test_listing_is_that_of_another_edition(listing: Path) -> None:
    style = listing.parent.name
    printed = run(["shapes", listing.stem, "--format", "listing", "--style", style])
    assert printed == (listing.read_text(encoding="utf-8"), 0)


def test_a_group_is_a_sequential() -> None:
    out, _ = run(["shapes", "nin", "--depth", "1", "--format", "listing", "--style", "torch"])
    lines = [line.partition(" ")[0] for line in out.splitlines()]
    assert lines[:3] == ["Sequential", "MaxPool2d", "Sequential"]
    assert out.endswith(
        "AdaptiveAvgPool2d output shape:\t torch.Size([1, 10, 1, 1])\n"
        "Flatten output shape:\t torch.Size([1, 10])\n"
    )
    out, _ = run(["shapes", "nin", "--depth", "1", "--format", "listing", "--style", "keras"])
    assert "GlobalAveragePooling2D output shape:\t (1, 10)\n" in out


def test_the_batch_axis_can_be_left_out() -> None:
    out, _ = run(["shapes", "lenet", "--format", "listing", "--no-batch"])
    assert out.startswith("conv0 output shape:\t (6, 28, 28)\n")
    out, _ = run(["shapes", "lenet", "--format", "plain", "--no-batch"])
    assert out.startswith("lenet: input (1, 28, 28)\n")
    assert "(1, 6, 28, 28)" not in out
    for given in (["--batch", "2"], ["--format", "json"], ["--columns", "output"]):
        assert run(["shapes", "lenet", "--no-batch", *given])[1] == 2


@pytest.mark.parametrize(
    "given", [["--style", "torch"], ["--format", "listing", "--style", "jax"]], ids=" ".join
)
def test_wrong_styles(given: list[str]) -> None:
    assert run(["shapes", "lenet", *given])[1] == 2


def test_listing_of_plain_layers_needs_no_depth() -> None:
    expected = (LISTINGS / "alexnet_d2l.txt").read_text(encoding="utf-8")
    assert run(["shapes", "alexnet_d2l", "--format", "listing"]) == (expected, 0)
