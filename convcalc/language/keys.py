"""The keys of the language, and the arguments that a kind takes in it."""

from __future__ import annotations

from convcalc.layers import KINDS, layer_class

#: The keys of a file, in the order of the documentation.
TOP_KEYS = (
    "name",
    "input",
    "layout",
    "args",
    "defaults",
    "blocks",
    "layers",
    "outputs",
    "extends",
    "expect",
    "budget",
    "tags",
)
#: The orders of the numbers of an input: channels first, as everywhere else, or last.
LAYOUTS = ("channels_first", "channels_last")
#: Keys allowed on every layer.
COMMON_KEYS = ("name", "repeat", "first", "when", "from", "share")
#: Words in expressions whose values depend on where they stand.
PLACE_WORDS = ("copy", "in_channels", "in_size")
#: The head of a layer that holds others.
GROUP = "sequential"


def kind_arguments(kind: str) -> list[str]:
    """The arguments of a kind, the first one first; none for a group."""
    if kind not in KINDS:
        return []
    cls = layer_class(kind)
    return [*cls.fields, *cls.fuses]
