"""What was meant by a name that has no value where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcalc.language.keys import LAYER_FUNCTIONS, PLACE_WORDS, kind_summary
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.problems import printable
from convcalc.spelling import did_you_mean, nearest

#: What other languages write for true and false.
_TRUE = ("yes", "on", "y", "true")
_FALSE = ("no", "off", "n", "false")
#: What to write for the shape of an earlier layer's value, and what others write.
SHAPES = "a layer's sizes are size_of(NAME), its channels channels_of(NAME)"
_PARTS_OF_SHAPES = ("shape", "size", "height", "width", "channels", "c", "h", "w", "out_channels")
#: What other languages' loops count with.
_COUNTERS = ("i", "j", "idx", "index", "iter", "iteration", "block_idx", "layer_idx", "stage_idx")


def unknown_name(
    word: str,
    args: Sequence[str],
    layers: Sequence[str],
    words: Sequence[str],
    *,
    chosen: bool,
    later: bool,
    repeated: bool,
) -> str:
    """What was meant by an unknown name in an expression.

    args      the arguments in scope
    layers    the earlier layers, where one may be named
    words     the words that may stand there
    chosen    whether those are the words of one field, not of the whole language
    later     whether it is an argument of the file that comes later
    repeated  whether a layer around is repeated
    """
    near = nearest(word, [*args, *layers, *words, *PLACE_WORDS])
    head, _, rest = word.partition(".")
    if rest and head in ("args", "self", "cfg", "config"):
        help_text = f"an argument is its name alone: {printable(rest)}"
    elif rest.lower() in _PARTS_OF_SHAPES:
        help_text = SHAPES
    elif rest and head in args:
        help_text = f"'{head}' is an argument, and has no parts"
    elif repeated and word.lower() in _COUNTERS:
        help_text = "which copy it is, counted from 0, is called 'copy' here"
    elif word.lower() in _TRUE or word.lower() in _FALSE:
        help_text = f"write {'true' if word.lower() in _TRUE else 'false'}"
    elif word.lower() in ("null", "nil", "undefined"):
        help_text = "leave the argument out"
    elif later:
        help_text = f"args are evaluated in order, and '{word}' comes later"
    elif near:
        help_text = did_you_mean(word, near)
    elif words and chosen:
        help_text = did_you_mean(word, words)
    elif layers:
        help_text = f"earlier values: {', '.join(layers[-10:])}"
    elif args:
        help_text = f"arguments in scope: {', '.join(args[:20])}"
    else:
        help_text = "arguments are the file's 'args', and a block's own"
    return help_text


def meaning_of(word: str) -> str:
    """What a word of the language stands for; "" where its sort says enough."""
    if word in KINDS:
        return f"the kind {word}: {kind_summary(word).rstrip('.')}"
    meaning = PLACE_WORDS.get(word) or LAYER_FUNCTIONS.get(word)
    if not meaning:
        fields = [field for kind in KINDS for field in layer_class(kind).fields.items()]
        roles = ["norm", "activation"] if word == "none" else ["norm"] * (word in NORM_WORDS)
        taking = [name for name, field in fields if word in field.type.words]
        names = dict.fromkeys([*roles, *taking])
        listed = " and ".join([f"'{name}'" for name in names])
        meaning = f"a value of {listed}" if names else ""
    return f"'{word}' is {meaning}" if meaning else ""


def unknown_layer(
    reference: str, known: Sequence[str], groups: Mapping[str, Sequence[str]], in_block: bool
) -> str:
    """What was meant by the name of a layer that is none; "" where that is not known.

    known     the names that can be looked up there
    groups    the groups among them, with the names in each
    in_block  whether a block's border hides other names
    """
    head, *inner = reference.split(".")
    if reference.removeprefix("-").isdecimal() and known:
        return (
            "a layer has a name; the previous one's value enters without one, and as [] in a join"
        )
    if inner and head in groups:
        inside = did_you_mean(inner[0], groups[head])
        return f"in '{head}': {inside}" if inside else ""
    if f"{head}0" in known:
        return f"its copies are called '{head}0', '{head}1', ..."
    near = nearest(head, known)
    if near:
        return did_you_mean(head, near)
    if in_block:
        return "a block sees its own layers only; a name can be handed on as an argument"
    return f"earlier values: {', '.join(known[-10:])}" if known else ""
