"""Quantities: held against Python's fractions and decimals, which share no code with them."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.facts import worded
from convcalc.problems import RuleError
from convcalc.quantities import (
    BYTES,
    COUNT,
    change_text,
    quantity_text,
    read_growth,
    read_memory_size,
    read_quantity,
    short_bytes,
)

POWERS = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12}
BINARY = {"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
COUNTS = {unit: Fraction(10) ** power for unit, power in POWERS.items()}
SIZES = {f"{unit}B": factor for unit, factor in COUNTS.items()} | {
    unit: Fraction(2) ** power for unit, power in BINARY.items()
}

numbers = st.one_of(
    st.integers(0, 10**12).map(str),
    st.decimals(0, 10**6, places=3, allow_nan=False).map(str),
    st.builds("{}e{}".format, st.integers(0, 999), st.integers(0, 9)),
)
written = [(COUNT, unit) for unit in COUNTS] + [(BYTES, unit) for unit in SIZES]


@given(number=numbers, kind=st.sampled_from(written), space=st.sampled_from(["", " "]))
def test_a_limit_lets_through_what_the_quantity_does(
    number: str, kind: tuple[str, str], space: str
) -> None:
    """A total keeps the limit that was read exactly if it keeps the one that was meant."""
    unit, suffix = kind
    factor = (SIZES if unit == BYTES else COUNTS)[suffix]
    meant = Fraction(number) * factor
    if factor > 1 or meant.denominator == 1:
        limit = read_quantity(f"{number}{space}{suffix}", unit)
        assert limit <= meant < limit + 1
    else:
        with pytest.raises(RuleError, match="is not") as caught:
            read_quantity(f"{number}{space}{suffix}", unit)
        help_text = dict(worded(caught.value.facts))["help"]
        assert f"{floor(meant)}{unit} or {floor(meant) + 1}{unit}" in help_text


@given(number=st.integers(0, 10**9), suffix=st.sampled_from([s for _, s in written]))
def test_what_could_be_misread_is_refused(number: int, suffix: str) -> None:
    """A count takes no unit of bytes, and bytes no unit of a count: not even none at all."""
    for unit, allowed in ((COUNT, set(COUNTS)), (BYTES, set(SIZES))):
        if suffix not in allowed:
            with pytest.raises(RuleError) as caught:
                read_quantity(f"{number}{suffix}", unit)
            assert caught.value.code == "bad-unit"


@given(number=numbers, suffix=st.sampled_from([*SIZES, "", "K", "M", "G", "T"]))
def test_a_memory_size_has_units_in_any_case(number: str, suffix: str) -> None:
    """A bare letter is a power of 1,000 bytes, and no letter is bytes."""
    factor = SIZES.get(suffix) or COUNTS[suffix.replace("K", "k")]
    for written_so in (suffix, suffix.lower(), suffix.upper()):
        assert read_memory_size(f"{number} {written_so}") == floor(Fraction(number) * factor)


@pytest.mark.parametrize("text", ["much", "2 parsecs", "-1GB", "", "1.GB", "2Kb/s", "1EiB"])
def test_what_is_no_memory_size_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        read_memory_size(text)


@given(text=st.text(max_size=12), unit=st.sampled_from([COUNT, BYTES]))
def test_any_text_is_read_or_refused(text: str, unit: str) -> None:
    for read in (read_quantity, read_growth):
        with suppress(RuleError):
            read(text, unit)


@pytest.mark.parametrize(
    ("text", "unit", "meant"),
    [
        ("4K", COUNT, "4k"),
        ("4m", COUNT, "4M"),
        ("3.7B", COUNT, "3.7G"),
        ("4MB", COUNT, "4M"),
        ("512", BYTES, "512B' or '512KiB"),
        ("4M", BYTES, "4MB' or '4MiB"),
        ("1.5KB", BYTES, "1.5kB' or '1.5KiB"),
        ("2mib", BYTES, "2MiB"),
    ],
)
def test_the_hint_is_what_was_meant(text: str, unit: str, meant: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_quantity(text, unit)
    assert dict(worded(caught.value.facts))["help"] == f"did you mean '{meant}'?"


@given(before=st.integers(0, 10**15), number=st.decimals(0, 500, places=2, allow_nan=False))
def test_a_share_allows_what_it_comes_to(before: int, number: Decimal) -> None:
    exact = before * (1 + Fraction(number) / 100)
    assert read_growth(f"{number}%", COUNT).most(before) == floor(exact)


@given(before=st.integers(0, 10**15), amount=st.integers(0, 10**6))
def test_an_amount_is_added(before: int, amount: int) -> None:
    assert read_growth(f"{amount}k", COUNT).most(before) == before + 1000 * amount
    assert read_growth(f"{amount}KiB", BYTES).most(before) == before + 1024 * amount


def test_a_bare_growth_may_be_either() -> None:
    for text, thousands in {"15": "0.015k", "1500": "1.5k", "20000": "20k"}.items():
        with pytest.raises(RuleError, match="share or an amount") as caught:
            read_growth(text, COUNT)
        told = dict(worded(caught.value.facts))["help"]
        assert told == f"write {text}% for a share, {thousands} for an amount"
        assert read_growth(thousands, COUNT).most(0) == int(text)
    assert read_growth("2", COUNT, small=True).most(10) == 12
    assert read_growth("0", COUNT).most(10) == 10


@given(millionths=st.integers(1, 999_999), unit=st.sampled_from([COUNT, BYTES]))
def test_a_growth_below_one_is_answered_with_its_share(millionths: int, unit: str) -> None:
    with pytest.raises(RuleError, match="no amount") as caught:
        read_growth(f"0.{millionths:06d}", unit)
    share = re.search(r"[0-9.]+%", dict(worded(caught.value.facts))["help"])
    assert share is not None
    assert read_growth(share[0], unit).most(10**8) == 10**8 + 100 * millionths


@given(value=st.integers(-(10**15), 10**15), unit=st.sampled_from([COUNT, BYTES]))
def test_a_total_is_shown_in_full(value: int, unit: str) -> None:
    text = quantity_text(value, unit)
    assert int(text.split(" ")[0].replace(",", "")) == value
    assert ("B" in text) == (unit == BYTES)


@given(value=st.integers(1024, 2**60))
def test_bytes_are_rounded_to_two_decimals(value: int) -> None:
    number, unit = short_bytes(value).split(" ")
    exact = Decimal(value) / Decimal(int(SIZES[unit]))
    assert Decimal(number.replace(",", "")) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert exact >= 1


@given(before=st.integers(1, 10**12), after=st.integers(0, 10**12))
def test_a_change_is_rounded_to_two_decimals(before: int, after: int) -> None:
    exact = Decimal(100 * (after - before)) / Decimal(before)
    text = change_text(before, after)
    assert text[0] == ("-" if after < before else "+")
    shown = Decimal(text.rstrip("%").replace(",", ""))
    assert abs(shown) == abs(exact).quantize(Decimal("0.01"), ROUND_HALF_UP)
