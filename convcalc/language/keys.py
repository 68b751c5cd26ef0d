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
#: Words in expressions whose values depend on where they stand, and what those are.
PLACE_WORDS = {
    "copy": "the number of the copy of a repeated layer, counted from 0",
    "in_channels": "the number of channels that enter a layer",
    "in_size": "the list of the spatial sizes that enter a layer",
}
#: Functions that take a layer's name, and what their values are.
LAYER_FUNCTIONS = {
    "channels_of": "the number of channels of a layer's value",
    "size_of": "the list of the spatial sizes of a layer's value",
}
#: The head of a layer that holds others.
GROUP = "sequential"


def kind_summary(kind: str) -> str:
    """The first sentence of what is said of a kind."""
    from inspect import cleandoc  # takes long to import

    return cleandoc(layer_class(kind).__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def kind_arguments(kind: str) -> list[str]:
    """The arguments of a kind, the first one first; none for a group."""
    if kind not in KINDS:
        return []
    cls = layer_class(kind)
    return [*cls.fields, *cls.fuses]
