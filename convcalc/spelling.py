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
#: Beginnings of a word in a name that make it another or the opposite, and what the others have
#: instead; the last pair may stand anywhere.
_BEGINS = "(?<![^_])"
_CONTRARY = (
    *[(f"{_BEGINS}{part}", "") for part in ("un", "de", "non", "hard", "soft", "log", "arg")],
    *[(f"{_BEGINS}{part}", "") for part in ("down", "up", "inverse")],
    *[(f"{_BEGINS}{part}", other) for part, other in (("down", "up"), ("en", "de"))],
    *[(f"{_BEGINS}{part}", other) for part, other in (("in", "out"), ("pre", "post"))],
    (f"{_BEGINS}hard", "soft"),
    ("min", "max"),
)
#: How much alike two names are at least that differ in such a part, and in a slip beside it.
_SAME = 0.85


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
    found = [name for name in found if not _contrary(word, name) and not _contrary(name, word)]
    likeness = [SequenceMatcher(None, name, word).ratio() for name in found]
    # A name that is much less alike than the best one only distracts.
    close = [(m, r) for m, r in zip(found, likeness, strict=True) if r > likeness[0] - 0.12]
    return [known[m] for m, _ in sorted(close, key=lambda pair: (-pair[1], pair[0]))]


def _contrary(word: str, name: str) -> bool:
    """Whether a name is what a word is with a part exchanged that turns its meaning.

    >>> _contrary("pixel_unshuffle", "pixel_shuffle"), _contrary("downsample", "upsample")
    (True, True)
    >>> _contrary("pixel_shufle", "pixel_shuffle")
    False
    """
    import re
    from difflib import SequenceMatcher

    for part, other in _CONTRARY:
        if re.search(part, word) and not re.search(part, name):
            turned = re.sub(part, other, word, count=1)
            turned, plain = turned.replace("_", ""), name.replace("_", "")
            if SequenceMatcher(None, turned, plain).ratio() >= _SAME:
                return True
    return False


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
