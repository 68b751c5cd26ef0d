"""Locks as an attacker, a merge or an accident leaves them: real ones with changes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random

from tests.security.hostile import SCALARS, bytes_changed, letters_changed


def lock_changed(text: str, random: Random, words: Sequence[str]) -> bytes:
    """A lock with one to four changes of its numbers, names, lines, entries or letters."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        change = random.choice(_LOCK_CHANGES)
        text = change(text, random, words)
    data = text.encode("utf-8", "replace")
    return bytes_changed(data, random) if random.random() < 0.05 else data


def _number_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """Another number in the place of one: of a figure, a size of a shape, or the version."""
    # Bounded, because int() refuses thousands of digits, which an earlier change may have put in.
    numbers = list(re.finditer(r"[0-9][0-9,]{0,999}", text))
    if not numbers:
        return text
    match = random.choice(numbers)
    number = int(match[0].replace(",", "") or 0)
    new = random.choice(
        (
            f"{number + 1:,}",
            f"{number * 2:,}",
            f"{number * 10**12:,}",
            f"{10**290:,}",
            f"{10**400:,}",
            str(number * 1000),
            f"0{number}",
            f"-{number:,}",
            f"{number:,}.5",
            f"{number},00",
            "0",
            "",
            "4294967296",
            "9" * 5_000,
            "\u0663",
        )
    )
    return text[: match.start()] + new + text[match.end() :]


def _name_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """Another word in the place of one: of a name, a kind, a key, a dtype or a unit."""
    found = list(re.finditer(r"[^\s,:]+", text))
    if not found:
        return text
    match = random.choice(found)
    word = random.choice((*words, *map(str, SCALARS), json.dumps(random.choice(("a b", "\n", "")))))
    return text[: match.start()] + word + text[match.end() :]


def _lines_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """Lines swapped, shuffled, moved, removed, repeated, or indented otherwise."""
    lines = text.splitlines(keepends=True) or [""]
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    kind = random.randrange(8)
    if kind == 0:
        lines[first], lines[second] = lines[second], lines[first]
    elif kind == 1:
        lines.insert(first, lines.pop(second))
    elif kind == 2:
        del lines[first]
    elif kind == 3:
        lines.insert(first, lines[second])
    elif kind == 4:
        del lines[min(first, second) : max(first, second)]
    elif kind == 5:
        start, stop = min(first, second), max(first, second)
        part = lines[start:stop]
        random.shuffle(part)
        lines[start:stop] = part
    elif kind == 6:
        lines[first] = random.choice(("", " ", "   ", "\t")) + lines[first].lstrip(" ")
    else:
        named = [lines[first].replace(": ", f"{number}: ", 1) for number in range(3_000)]
        lines[first:first] = named
    return "".join(lines)


def _entries_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """Networks in another order, twice, of another variant, or very many."""
    head, *entries = re.split(r"(?m)^(?=network )", text)
    if not entries:
        return text
    entry = random.choice(entries)
    first, _, rest = entry.partition("\n")
    kind = random.randrange(5)
    if kind == 0:
        random.shuffle(entries)
    elif kind == 1:
        entries.append(entry)
    elif kind == 2:
        variant = random.choice(("n=1", '"n=1"', "w=1/2, n=3", '"', '"\\u0000"', "::error::pwned"))
        entries.append(f"{first} {variant}\n{rest}")
    elif kind == 3:
        count, length = random.choice(((2_000, 200), (2_000, 2_000), (200_000, 0)))
        entries += [f"{first} n={number}\n{rest[:length]}\n" for number in range(count)]
    else:
        entries.append(f"network {random.choice(words)}\n{rest}")
    return head + "".join(entries)


def _head_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """Another first line, or the marks of a merge."""
    first, _, rest = text.partition("\n")
    at = random.randint(0, len(rest))
    side = f"{rest[:at]}\n<<<<<<< ours\n{rest[at : at + 60]}\n=======\n{rest[at:]}"
    return random.choice(
        (
            f"convcalc.lock 2\n{rest}",
            f"convcalc.lock {'9' * 9}\n{rest}",
            f"convcalc.lock {'9' * 5_000}\n{rest}",
            f"convcalc.lock\n{rest}",
            f" {first}\n{rest}",
            f"\n{first}\n{rest}",
            f"version: 1\n{rest}",
            rest,
            "",
            f"{first}\n{side}\n>>>>>>> theirs\n{rest[at:]}",
        )
    )


_LOCK_CHANGES: tuple[Callable[[str, Random, Sequence[str]], str], ...] = (
    _number_changed,
    _number_changed,
    _name_changed,
    _name_changed,
    _lines_changed,
    _lines_changed,
    _entries_changed,
    _head_changed,
    letters_changed,
)
