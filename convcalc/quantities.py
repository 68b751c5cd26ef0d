"""Quantities with units that cannot be misread, as exact integers: `310M`, `1.5MiB`, `2%`.

Counts take k, M, G and T, bytes take a unit with a B in it. A bare `M` on a byte metric might mean
either a million or 2^20, so it is refused; a `B` on a count might be bytes or billions.
"""

from __future__ import annotations

import re

from convcalc.problems import Fact, Help, Rule, RuleError, printable
from convcalc.record import Record

#: The units of a metric: a plain count, or bytes.
COUNT = ""
BYTES = "B"

COUNT_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BYTE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
#: Bytes that a number takes in memory.
DTYPES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
DEFAULT_DTYPE = "float32"

_NUMBER = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?"
#: A number may be this long.
_LONGEST = 60


class Growth(Record):
    """By how much a total may grow: a share of what it was, or an amount of its own unit.

    numerator    of the share in hundredths: 2.5% is 25/10
    denominator
    amount       the amount, for a growth that is no share
    """

    numerator: int
    denominator: int
    amount: int | None = None

    def most(self, before: int) -> int:
        """The most that may have become of `before`.

        >>> read_growth("2.5%", COUNT).most(1000)
        1025
        """
        if self.amount is not None:
            return before + self.amount
        return before + before * self.numerator // (100 * self.denominator)


def read_quantity(text: str, unit: str) -> int:
    """The units or bytes that a text means, rounded down to whole ones; raises RuleError.

    No total lies between a limit such as 3.6MiB, 3,774,873.6 bytes, and the whole bytes below it.

    >>> read_quantity("3.7M", COUNT), read_quantity("1.5MiB", BYTES), read_quantity("3.6MiB", BYTES)
    (3700000, 1572864, 3774873)
    """
    number, suffix = _parts(text, unit)
    units = BYTE_UNITS if unit == BYTES else COUNT_UNITS
    if suffix not in units:
        raise _wrong_unit(text, number, suffix, unit)
    numerator, denominator = _decimal(number)
    value, rest = divmod(numerator * units[suffix], denominator)
    if rest and units[suffix] == 1:
        what = "whole bytes" if unit == BYTES else "a whole number"
        message = f"'{printable(text)}' is not {what}"
        help_text = f"write {value}{unit} or {value + 1}{unit}"
        raise RuleError("bad-quantity", message, facts=[Help(help_text)])
    return value


def read_memory_size(text: str) -> int:
    """The bytes that an option means, rounded down; raises RuleError.

    More forgiving than `read_quantity`, because no file depends on it: units in any case, a bare
    number is bytes, and a bare K, M, G or T is a power of 1,000 bytes.

    >>> read_memory_size("2GiB"), read_memory_size("1.5k"), read_memory_size("1000000")
    (2147483648, 1500, 1000000)
    """
    number, suffix = _parts(text, BYTES)
    units = {name.lower(): size for name, size in BYTE_UNITS.items()}
    unit = suffix.lower().removesuffix("b") + "b"
    if unit not in units:
        raise _wrong_unit(text, number, suffix, BYTES)
    numerator, denominator = _decimal(number)
    return numerator * units[unit] // denominator


def read_growth(text: str, unit: str, *, small: bool = False) -> Growth:
    """What `2%`, `0.5%` or an amount, `10k`, allows a total to grow by; raises RuleError.

    A bare number may have been meant as a share; it is taken where totals are `small`, or for 0.
    """
    stripped = text.strip()
    if not stripped.endswith("%"):
        if unit == COUNT and not small and re.fullmatch("[1-9][0-9]{,20}", stripped):
            message = f"'{printable(text)}' may be a share or an amount"
            thousands = f"{stripped.zfill(4)[:-3]}.{stripped.zfill(3)[-3:]}".rstrip("0").rstrip(".")
            amount = f", {thousands}k for an amount" if len(stripped) > 1 else ""
            help_text = f"write {stripped}% for a share{amount}"
            raise RuleError("bad-unit", message, facts=[Help(help_text)])
        fraction = re.fullmatch(r"0?\.([0-9]{1,20})", stripped, re.ASCII)
        if fraction and fraction[1].strip("0"):
            digits = fraction[1].rstrip("0").ljust(2, "0")
            share = f"{int(digits[:2])}.{digits[2:]}".rstrip(".")
            message = f"'{printable(text)}' is no amount"
            facts = [Help(f"write {share}% for a share")]
            raise RuleError("bad-quantity", message, facts=facts)
        return Growth(0, 1, read_quantity(text, unit))
    number = stripped[:-1].strip()
    if len(number) > _LONGEST or not re.fullmatch(_NUMBER, number):
        raise RuleError(
            "bad-quantity",
            f"'{printable(text)}' is not a share",
            facts=[Help("write it like 2% or 0.5%; totals that shrink never break a limit")],
        )
    return Growth(*_decimal(number))


def quantity_text(value: int, unit: str) -> str:
    """A total in full: a count in groups of three, bytes with the largest binary unit beside.

    >>> quantity_text(1572864, BYTES), quantity_text(700, BYTES), quantity_text(3700000, COUNT)
    ('1,572,864 B (1.50 MiB)', '700 B', '3,700,000')
    """
    if unit != BYTES:
        return f"{value:,}"
    size = short_bytes(value)
    return f"{value:,} B" if abs(value) < 1024 else f"{value:,} B ({size})"


def short_bytes(value: int) -> str:
    """Bytes with a binary unit and two decimals, rounded in integers.

    >>> short_bytes(1572864), short_bytes(1000)
    ('1.50 MiB', '1000 B')
    """
    size = abs(value)
    sign = "-" if value < 0 else ""
    for name in ("TiB", "GiB", "MiB", "KiB"):
        unit = BYTE_UNITS[name]
        if size >= unit:
            hundredths = (200 * size + unit) // (2 * unit)
            return f"{sign}{hundredths // 100:,}.{hundredths % 100:02d} {name}"
    return f"{sign}{size} B"


def change_text(before: int, after: int) -> str:
    """A change in percent of what was before, with a sign and two decimals; in integers.

    >>> change_text(310, 313), change_text(0, 5), change_text(100, 100)
    ('+0.97%', 'from nothing', '+0.00%')
    """
    if before == 0:
        return "from nothing" if after else "+0.00%"
    part = after - before
    hundredths = (20000 * abs(part) + before) // (2 * before)
    return f"{'-' if part < 0 else '+'}{hundredths // 100:,}.{hundredths % 100:02d}%"


def _parts(text: str, unit: str) -> tuple[str, str]:
    """The number and the unit of a quantity."""
    stripped = text.strip()
    match = re.fullmatch(rf"({_NUMBER}) ?([A-Za-z%]*)", stripped, re.ASCII)
    if match and len(match[1]) <= _LONGEST:
        return match[1], match[2]
    if re.match(r"-\s*[0-9.]", stripped):
        help_text = "a quantity is at least 0"
    elif re.match(r"0[0-9_]", stripped):
        help_text = f"write {stripped.lstrip('0_') or '0'}"
    elif re.match(r"[0-9]+[_,][0-9]", stripped):
        help_text = f"write {re.sub('[_,]', '', stripped)}"
    elif re.match(r"\.[0-9]", stripped):
        help_text = f"write 0{stripped}"
    elif match:
        help_text = "the number is too long"
    elif re.search(r"[-+*/(]", stripped):
        help_text = "a quantity is a plain number with a unit, not an expression"
    else:
        help_text = f"write it like {_example(unit)}"
    raise RuleError(
        "bad-quantity",
        f"'{printable(text)}' is not a quantity",
        facts=[Help(printable(help_text))],
    )


def _example(unit: str) -> str:
    return "512kB or 1.5MiB" if unit == BYTES else "4M or 310M"


def _wrong_unit(text: str, number: str, suffix: str, unit: str) -> RuleError:
    """Why a unit is refused, and what was probably meant."""
    if unit == BYTES:
        message = f"'{printable(suffix)}' is no unit of bytes"
        rule = "kB, MB, GB, TB are powers of 1,000 bytes; KiB, MiB, GiB, TiB of 1,024"
        units = list(BYTE_UNITS)
        if suffix in COUNT_UNITS:
            message = f"'{printable(text)}' does not say which bytes it means"
            meant = {"": ["B", "KiB"], "k": ["kB", "KiB"]}.get(suffix)
            meant = meant or [f"{suffix}B", f"{suffix}iB"]
        else:
            meant = ["kB", "KiB"] if suffix == "KB" else []
    else:
        message = f"'{printable(suffix)}' is no unit of a count"
        rule = "k is a thousand, M a million, G a billion, T a trillion"
        units = [name for name in COUNT_UNITS if name]
        if suffix in BYTE_UNITS and suffix != "B":
            message = f"'{printable(text)}' is bytes, where a count is expected"
        meant = ["G"] if suffix in ("B", "b") else []  # billions, as papers write them
    meant = meant or [name for name in units if name.lower() == suffix.lower()]
    if not meant:
        from convcalc.spelling import nearest  # only a mistake needs it

        meant = nearest(suffix, units)
    facts: list[Fact] = [Rule(rule)]
    if meant:
        offered = " or ".join([f"'{number}{name}'" for name in meant])
        facts.append(Help(f"did you mean {offered}?"))
    return RuleError("bad-unit", message, facts=facts)


def _decimal(number: str) -> tuple[int, int]:
    """A decimal number as numerator and denominator.

    >>> _decimal("1.25"), _decimal("3.7e6")
    ((125, 100), (3700000, 1))
    """
    mantissa, _, exponent = number.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) - len(fraction)
    digits = int(whole + fraction)
    return (digits * 10**power, 1) if power >= 0 else (digits, 10**-power)
