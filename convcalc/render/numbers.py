"""Formats numbers for people."""

from __future__ import annotations

_UNITS = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")


def grouped(number: int) -> str:
    """All digits in groups of three.

    >>> grouped(15470264320)
    '15,470,264,320'
    """
    return f"{number:,}" if abs(number) < 10**1000 else short(number)


def short(number: int) -> str:
    """Three significant digits and a unit, exact below 1,000; rounded in integer arithmetic.

    >>> short(15470264320), short(61706), short(999999), short(84)
    ('15.5G', '61.7k', '1.00M', '84')
    """
    if abs(number) < 1000:
        return str(number)
    sign, number = ("-", -number) if number < 0 else ("", number)
    digits = len(str(number)) if number < 10**1000 else number.bit_length() * 301 // 1000 + 1
    scale = max(digits - 3, 0)
    leading = (2 * number + 10**scale) // (2 * 10**scale)
    if leading >= 1000:
        leading, scale = leading // 10, scale + 1
    power, shift = divmod(scale + 2, 3)
    if power >= len(_UNITS):
        return f"{sign}{leading / 100:.2f}e{scale + 2}"
    text = str(leading)
    return sign + (f"{text[: shift + 1]}.{text[shift + 1 :]}".rstrip(".")) + _UNITS[power]


def percent(part: int, whole: int) -> str:
    """A share with one decimal, in integer arithmetic.

    >>> percent(1, 3), percent(0, 0)
    ('33.3%', '0.0%')
    """
    if whole == 0:
        return "0.0%"
    thousandths = (2000 * part + whole) // (2 * whole)
    return f"{thousandths // 10}.{thousandths % 10}%"


def ratio(before: int, after: int) -> str:
    """The ratio with three decimals, more if it is small, and a ~ if it is rounded.

    >>> ratio(4, 16), ratio(3, 4), ratio(8, 5), ratio(1000000, 81), ratio(0, 0), ratio(0, 5)
    ('x4', '~x1.333', 'x0.625', 'x0.000081', 'x1', 'new')
    """
    if before == after:
        return "x1"
    if before == 0:
        return "new"
    decimals = 3
    while 0 < 10**decimals * after < 100 * before:
        decimals += 1
    scaled = (2 * 10**decimals * after + before) // (2 * before)
    text = f"x{scaled // 10**decimals}.{scaled % 10**decimals:0{decimals}d}"
    exact = scaled * before == 10**decimals * after
    return text.rstrip("0").rstrip(".") if exact else f"~{text}"


def excess(figure: int, base: int) -> str:
    """The difference from `base` in percent, with at least two significant digits.

    >>> excess(200, 100), excess(99, 100), excess(4089185256, 4089184256), excess(7, 7)
    ('+100.0%', '-1.0%', '+0.000024%', '0%')
    """
    over = abs(figure - base)
    if not over:
        return "0%"
    if not base:
        return "new"
    decimals = 1
    while over * 10 ** (decimals + 1) < base:
        decimals += 1
    scaled = (2 * over * 10 ** (decimals + 2) + base) // (2 * base)
    whole, rest = divmod(scaled, 10**decimals)
    return f"{'+' if figure > base else '-'}{grouped(whole)}.{rest:0{decimals}d}%"
