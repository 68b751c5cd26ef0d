"""What the JSON Schema can say of a file's words where they can mean one thing only.

A word may be an argument or a block of the file or of what it extends, and a required argument may
stand in `defaults`; a schema cannot look these up. Of a file that has none of them it can tell that
a word is misspelt, and that an argument is missing.
"""

from __future__ import annotations

from typing import Any

from convcalc.language.keys import GROUP, PLACE_WORDS
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.fields import Field

#: Words that are no argument's and mean something in every expression.
_ALWAYS = ("true", "false", *PLACE_WORDS)
_BARE = {"type": "string", "pattern": r"^\s*[A-Za-z_][A-Za-z0-9_]*\s*$"}

Schema = dict[str, Any]


def word_rules() -> list[Schema]:
    """The rules of the top level: which of the stricter layers below a file's layers are."""
    own_words = [{"required": [key]} for key in ("args", "blocks", "extends")]
    own_defaults = [{"required": [key]} for key in ("defaults", "extends")]
    return [
        {
            "if": {"type": "object", "not": {"anyOf": own_words}},
            "then": {
                "properties": {
                    "layers": _list_of("layer of known words"),
                    "defaults": {"additionalProperties": _ref("known words")},
                    "input": _ref("known sizes"),
                    "expect": {"additionalProperties": _ref("known sizes")},
                }
            },
        },
        {
            "if": {"type": "object", "not": {"anyOf": own_defaults}},
            "then": {
                "properties": {
                    "layers": _list_of("complete layer"),
                    "blocks": {"additionalProperties": _list_of("complete layer")},
                }
            },
        },
    ]


def word_definitions() -> Schema:
    """The stricter layers, to hold beside the usual ones."""
    known = _known_arguments()
    firsts = {kind: _first_argument(kind) for kind in KINDS}
    every = dict.fromkeys([*known.values(), *firsts.values(), ()])
    arguments = {**known, **{kind: firsts[kind] for kind in KINDS if layer_class(kind).role}}
    every = dict.fromkeys([*known.values(), *firsts.values(), ()])
    return {
        **{_title(words): _word(words) for words in every},
        "known sizes": {
            "anyOf": [
                _argument(()),
                {"type": "object", "additionalProperties": {"items": _ref(_title(()))}},
            ]
        },
        "known words": {
            "properties": {name: _argument(words) for name, words in arguments.items()}
        },
        "layer of known words": {
            "anyOf": [
                {"enum": [*KINDS, GROUP]},
                {"type": "array", "items": _ref("layer of known words")},
                {
                    "type": "object",
                    "anyOf": [{"required": [head]} for head in (*KINDS, GROUP)],
                    "allOf": [_ref("known words")],
                    "properties": {
                        **{kind: _known_value(kind, firsts[kind]) for kind in KINDS},
                        GROUP: _list_of("layer of known words"),
                        "first": _ref("known words"),
                        "repeat": _ref(_title(())),
                        "when": _ref(_title(())),
                    },
                },
            ]
        },
        "complete layer": {
            "not": {"enum": [kind for kind in KINDS if _required(kind)]},
            "items": _ref("complete layer"),
            "properties": {
                GROUP: _list_of("complete layer"),
                "norm": {
                    "not": {"enum": [word for word, k in NORM_WORDS.items() if _required(k)]},
                    "allOf": _complete_rules("norm"),
                },
                **{k: _branches("complete layer") for k in KINDS if layer_class(k).joins},
            },
            "allOf": _complete_rules(),
        },
    }


Words = tuple[str, ...]


def _ref(definition: str) -> Schema:
    return {"$ref": f"#/definitions/{definition}".replace(" ", "%20")}


def _list_of(definition: str) -> Schema:
    return {"items": _ref(definition)}


def _title(words: Words) -> str:
    return " ".join(["words", *words])


def _word(words: Words) -> Schema:
    """A word alone is one of these; longer texts are expressions."""
    return {"if": _BARE, "then": {"enum": [*words, *_ALWAYS]}}


def _argument(words: Words) -> Schema:
    """One of these words, or a list, in which none of them stands."""
    lone = _ref(_title(()))
    return {"allOf": [_ref(_title(words))], "items": {"allOf": [lone], "items": lone}}


def _known_arguments() -> dict[str, Words]:
    """Every argument's name with the words that some kind's argument of that name understands."""
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        for name, declared in layer_class(kind).fields.items():
            if not _any_name(declared):
                found.setdefault(name, []).extend(declared.type.words)
    words = {name: tuple(sorted(set(listed))) for name, listed in found.items()}
    activations = [kind for kind in KINDS if layer_class(kind).role == "activation"]
    return {**words, "activation": ("none", *activations), "norm": ("none", *NORM_WORDS)}


def _any_name(declared: Field) -> bool:
    """Whether any word may be the argument: it is a name."""
    return declared.type.reference or declared.type.literal


def _first_argument(kind: str) -> Words:
    """The words that a kind's first argument understands."""
    return tuple(
        [w for declared in [*layer_class(kind).fields.values()][:1] for w in declared.type.words]
    )


def _known_value(kind: str, words: Words) -> Schema:
    """The value of a kind's key: branches, its first argument, or all in a mapping."""
    if layer_class(kind).joins:
        return _branches("layer of known words")
    if any([_any_name(declared) for declared in [*layer_class(kind).fields.values()][:1]]):
        return {}
    value = _argument(words)
    return {**value, "allOf": [*value["allOf"], _ref("known words")]}


def _branches(definition: str) -> Schema:
    """Branches whose layers are of a definition."""
    layers = _list_of(definition)
    branch = {**layers, "properties": {"layers": layers}}
    return {"items": branch, "additionalProperties": branch}


def _required(kind: str) -> list[str]:
    return [name for name, declared in layer_class(kind).fields.items() if declared.required]


def _complete_rules(role: str = "") -> list[Schema]:
    """A rule for each kind (of a role) with required arguments: each is written somewhere."""
    rules = []
    for kind in KINDS:
        if role and layer_class(kind).role != role:
            continue
        for index, name in enumerate(_required(kind)):
            places: list[Schema] = [
                {"required": [name]},
                {"properties": {kind: {"type": "object", "required": [name]}}},
                {
                    "properties": {"first": {"type": "object", "required": [name]}},
                    "required": ["first"],
                },
            ]
            joins = layer_class(kind).joins
            if joins and joins.word == name:
                places.append({"properties": {kind: {"type": "string"}}})
            elif index == 0 and not joins:
                places.append({"properties": {kind: {"not": {"type": ["object", "null"]}}}})
            rule = {"if": {"type": "object", "required": [kind]}, "then": {"anyOf": places}}
            rules.append(rule)
    return rules
