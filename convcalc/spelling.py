"""The names that a misspelt word is most like."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

#: Names that a misspelt one is compared with; a network may have a hundred thousand.
_MOST_NAMES = 200
#: Names that are looked at for those, and how much of a misspelt one.
_MOST_LOOKED_AT = 120_000
_LONGEST = 80
#: How much alike two names must be, from 0 to 1: 'conf' and 'conv' are 0.75.
_ALIKE = 0.65


def nearest(word: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names most like `word`, best first; none where nothing is close."""
    from difflib import SequenceMatcher, get_close_matches  # only a mistake needs it

    word = word[:_LONGEST].lower()
    looked_at = islice(names, _MOST_LOOKED_AT)
    known = {name.lower(): name for name in looked_at if len(name) <= 2 * _LONGEST}
    if len(known) > _MOST_NAMES:
        alike = [name for name in known if name[:1] == word[:1] and abs(len(name) - len(word)) < 3]
        known = {name: known[name] for name in alike[:_MOST_NAMES]}
    found = get_close_matches(word, known, count, _ALIKE)
    likeness = [SequenceMatcher(None, name, word).ratio() for name in found]
    # A name that is much less alike than the best one only distracts.
    close = [(m, r) for m, r in zip(found, likeness, strict=True) if r > likeness[0] - 0.12]
    return [known[m] for m, _ in sorted(close, key=lambda pair: (-pair[1], pair[0]))]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """A help text that offers the nearest names, or lists all when there are few."""
    names = list(islice(names, _MOST_LOOKED_AT))
    if len(names) <= _MOST_NAMES:
        names = sorted(set(names))
    close = nearest(word, names)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    if names and len(names) <= 20:
        return "one of " + ", ".join(names)
    return ""
