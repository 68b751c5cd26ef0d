"""The JSON Schema (draft 7) of a spec, for editors, from the tables that the reader uses.

A schema knows the structure: keys, kinds, arguments and literal values. Any literal may also be an
expression, which is a string to JSON Schema; shapes that do not fit are beyond it. What it can say
only of files without arguments, blocks or defaults of their own is in `schema_words`.
"""

from __future__ import annotations

from typing import Any

from convcalc.language.building.expectations import EXPECTED
from convcalc.language.building.inputs import MOST_AXES
from convcalc.language.keys import COMMON_KEYS, GROUP, LAYOUTS, kind_arguments, kind_summary
from convcalc.language.reading.document import KEY_WORDS, taken_names
from convcalc.language.reading.limits import DTYPE, dtype_schema, limits_schema
from convcalc.language.schema_words import word_definitions, word_rules
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.fields import Field
from convcalc.shapes import LARGEST_SIZE

#: Where the schema says it lives.
SCHEMA_ID = "convcalc.spec/1"

_NAME = r"^[A-Za-z0-9_-]+$"
_REFERENCE = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_EXPRESSION = {"type": ["string", "number", "boolean"]}
#: Every argument may be an expression, which YAML hands over as a string.
_STRING = {"type": "string", "minLength": 1}


def spec_schema() -> dict[str, Any]:
    """The schema as plain data."""
    value = {"$ref": "#/definitions/value"}
    layers = {"type": "array", "items": {"$ref": "#/definitions/layer"}}
    shape = {"type": "array", "items": {"$ref": "#/definitions/size"}, "minItems": 1}
    input_shape = {**shape, "maxItems": MOST_AXES + 1}
    shapes = {"type": "object", "additionalProperties": shape}
    properties: dict[str, Any] = {
        "name": {"type": "string", "minLength": 1},
        "input": {
            "anyOf": [
                input_shape,
                {"type": "object", "minProperties": 1, "additionalProperties": input_shape},
            ]
        },
        "layout": {"enum": [*LAYOUTS]},
        "args": {
            "type": ["object", "null"],
            "propertyNames": {
                "pattern": rf"^{_IDENTIFIER}$",
                "not": {"enum": [*taken_names()]},
            },
            "additionalProperties": value,
        },
        "defaults": {
            "type": ["object", "null"],
            "properties": {kind: _reference(f"{kind} arguments") for kind in KINDS},
            "additionalProperties": False,
        },
        "blocks": {
            "type": ["object", "null"],
            "propertyNames": {"pattern": _signature_pattern()},
            "additionalProperties": {"anyOf": [layers, {"type": "string", "minLength": 1}]},
        },
        "layers": {**layers, "minItems": 1},
        "outputs": {
            "type": "array",
            "items": {"$ref": "#/definitions/reference"},
            "minItems": 1,
        },
        "extends": {"type": "string", "minLength": 1},
        "expect": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{metric: {"$ref": "#/definitions/count"} for metric in EXPECTED},
                "output": shape,
                "outputs": shapes,
                "layers": shapes,
            },
        },
        "budget": limits_schema({DTYPE: dtype_schema()}),
        "tags": {"type": "array", "items": {"type": "string", "pattern": _NAME}},
    }
    for key, text in _KEY_TEXTS.items():
        properties[key]["description"] = text
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": SCHEMA_ID,
        "title": "convcalc network",
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["layers", "input"]}, {"required": ["extends"]}],
        "allOf": word_rules(),
        "dependencies": {"layout": ["input"]},
        "properties": properties,
        "definitions": {**_definitions(value, layers), **word_definitions()},
    }


#: What an editor shows for a top-level key.
_KEY_TEXTS = {
    "name": "The network's name; by default the file's.",
    "input": "[channels, height, width], without the batch axis; or a shape for each input.",
    "layout": "The order of the numbers of input: channels_first, or channels_last.",
    "args": "The file's own arguments with their defaults; --set NAME=VALUE overrides one.",
    "defaults": "Default arguments for each kind: conv: {bias: false, norm: batch}.",
    "blocks": "Named pieces: a signature, bottleneck(c, s=1), and its list of layers; or the"
    " network in a file, backbone: resnet50.",
    "layers": "The network, in order.",
    "outputs": "The names of the layers whose values are the results; by default the last layer.",
    "extends": "Another spec, relative to this file, or the name of a network that ships.",
    "expect": "Facts that must hold; convcalc check verifies them.",
    "budget": "Upper limits with units: {params: 4M, macs: 310M, peak_memory: 1.5MiB}.",
    "tags": "Words that group networks: [detection]; convcalc zoo --tag shows a group.",
}

#: What an editor shows for a key that every layer may have.
_COMMON_TEXTS = {
    "name": "What to call it; by default its kind and a number.",
    "repeat": "How many copies, one after the other; 0 leaves the layer out.",
    "first": "Arguments that differ in the first copy.",
    "when": "Keep the layer only if this holds.",
    "from": "The earlier layer whose value it takes, instead of the previous one's.",
    "share": "The earlier layer of the same kind and sizes whose parameters it uses.",
}


def _signature_pattern() -> str:
    """What a block's key looks like; the lookahead leaves out words that are taken."""
    taken = "|".join([*taken_names(), *KEY_WORDS])
    return rf"^\s*(?!({taken})\s*(\(|$)){_IDENTIFIER}\s*(\(.*\))?\s*$"


def _definitions(value: dict[str, Any], layers: dict[str, Any]) -> dict[str, Any]:
    common: dict[str, Any] = {
        "name": {
            "anyOf": [
                {"type": "string", "pattern": _NAME, "not": {"const": "input"}},
                {"type": "integer"},
            ]
        },
        "repeat": {"anyOf": [{"type": "integer", "minimum": 0}, _STRING]},
        "first": {"type": "object", "propertyNames": {"not": {"enum": [*COMMON_KEYS]}}},
        "when": {"anyOf": [{"type": "boolean"}, _STRING]},
        "from": {"$ref": "#/definitions/reference"},
        "share": {"$ref": "#/definitions/reference"},
    }
    heads = {kind: {"description": kind_summary(kind)} for kind in KINDS}
    heads[GROUP] = {"description": "Layers in a group of their own."}
    layer = {
        "anyOf": [
            {"enum": [kind for kind in KINDS if not _requires(kind)]},
            {"type": "string", "pattern": rf"^\s*{_IDENTIFIER}\s*$"},
            {"type": "array", "items": {"$ref": "#/definitions/layer"}},
            {
                "type": "object",
                # What is no kind's key is a block's or an argument's, which a schema cannot know.
                "propertyNames": {"pattern": rf"^{_IDENTIFIER}$"},
                "properties": {
                    **{
                        key: {"description": _COMMON_TEXTS[key], "allOf": [schema]}
                        for key, schema in common.items()
                    },
                    # Their values are described by the rules: a name here is offered by editors.
                    **heads,
                },
                "allOf": [
                    *[_kind_rule(kind) for kind in KINDS],
                    {"if": {"required": [GROUP]}, "then": _only({GROUP: layers})},
                ],
                "minProperties": 1,
                "not": {"propertyNames": {"enum": [*COMMON_KEYS]}},
            },
        ]
    }
    return {
        "expression": _EXPRESSION,
        "size": {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE}, _STRING],
        },
        "count": {"anyOf": [{"type": "integer", "minimum": 0}, _STRING]},
        "reference": {
            "anyOf": [
                {"type": "string", "pattern": f"^{_REFERENCE}$"},
                {"type": ["integer", "number"]},
            ]
        },
        "value": {
            "anyOf": [_EXPRESSION, {"type": "array", "items": {"$ref": "#/definitions/value"}}]
        },
        "layer": layer,
        "branch": _branch(layers, copies=False),
        "listed branch": _branch(layers, copies=True),
        "branches": {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"$ref": "#/definitions/listed%20branch"},
                    "minItems": 1,
                },
                {
                    "type": "object",
                    "propertyNames": {
                        "pattern": _NAME,
                        "not": {"enum": ["when", "layers", "input"]},
                    },
                    "additionalProperties": {"$ref": "#/definitions/branch"},
                    "minProperties": 1,
                },
            ]
        },
        "norm": _fused("norm", ["none", *NORM_WORDS]),
        "activation": _fused("activation", ["none"]),
        **{f"{kind} arguments": _arguments(kind) for kind in KINDS},
        **{f"{kind} value": _first_or_mapping(kind) for kind in KINDS},
    }


def _branch(layers: dict[str, Any], *, copies: bool) -> dict[str, Any]:
    """A branch of a join, which may stand for all copies of a layer where it has no name."""
    star = r"(\*(\.[A-Za-z0-9_-]+)*)?" if copies else ""
    word = {"type": "string", "pattern": rf"^\s*{_REFERENCE}{star}\s*$"}
    conditional = {
        "type": "object",
        "properties": {
            "when": {"$ref": "#/definitions/expression"},
            "layers": {"anyOf": [word, layers]},
        },
        "required": ["layers"],
        "additionalProperties": False,
    }
    return {"anyOf": [word, layers, conditional]}


def _reference(definition: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{definition}".replace(" ", "%20")}


def _fused(role: str, words: list[str]) -> dict[str, Any]:
    kinds = [kind for kind in KINDS if layer_class(kind).role == role]
    if role == "activation":
        words = [*words, *kinds]
    mapping = {
        "type": "object",
        "properties": {kind: _reference(f"{kind} value") for kind in kinds},
        "minProperties": 1,
    }
    # A word may also be an argument of the block that holds it.
    return {"anyOf": [{"enum": words}, _STRING, mapping]}


def _requires(kind: str) -> list[Field]:
    return [declared for declared in layer_class(kind).fields.values() if declared.required]


def _fields(kind: str) -> dict[str, Any]:
    cls = layer_class(kind)
    fields = {name: _or_expression(f.type.schema()) for name, f in cls.fields.items()}
    for name, declared in cls.fields.items():
        fields[name]["description"] = declared.doc
        if not declared.required and declared.default is not None:
            fields[name]["default"] = declared.default
    if cls.fuses:
        fields["norm"] = {"$ref": "#/definitions/norm"}
        fields["activation"] = {"$ref": "#/definitions/activation"}
    return fields


def _or_expression(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") == "array":
        schema = {**schema, "items": _or_expression(schema["items"])}
    elif "anyOf" in schema:
        return {"anyOf": [_or_expression(option) for option in schema["anyOf"]]}
    return {"anyOf": [schema, _STRING]}


def _arguments(kind: str) -> dict[str, Any]:
    return {"type": "object", "properties": _fields(kind), "additionalProperties": False}


def _first_or_mapping(kind: str) -> dict[str, Any]:
    """The value of a kind's key: its first argument, its arguments, or nothing."""
    cls = layer_class(kind)
    if cls.joins and cls.joins.names:
        return {
            "type": "object",
            "properties": {name: {"$ref": "#/definitions/branch"} for name in cls.joins.names},
            "required": [*cls.joins.required],
            "additionalProperties": False,
        }
    branches = {"$ref": "#/definitions/branches"}
    if cls.joins and cls.joins.word:
        word = _reference(f"{kind} arguments/properties/{cls.joins.word}")
        return {"anyOf": [branches, {"type": "array", "maxItems": 0}, word, {"type": "null"}]}
    if cls.joins:
        return branches
    options: list[dict[str, Any]] = [{"type": "null"}, _reference(f"{kind} arguments")]
    if cls.fields:
        # The path of a property goes into a reference too: the argument is described once.
        first = next(iter(cls.fields))
        options.append(_reference(f"{kind} arguments/properties/{first}"))
    return {"anyOf": options}


def _kind_rule(kind: str) -> dict[str, Any]:
    """If a mapping has the kind's key, its other keys are the kind's arguments or common."""
    fields = {name: _reference(f"{kind} arguments/properties/{name}") for name in _fields(kind)}
    rest = {**fields, kind: _reference(f"{kind} value")}
    # The first copy takes what its kind takes.
    first = {"properties": fields, "additionalProperties": False}
    condition: dict[str, Any] = {"required": [kind]}
    owners = [other for other in KINDS if kind in kind_arguments(other)]
    if owners:
        # Beside one of these it is an argument.
        condition["not"] = {"anyOf": [{"required": [other]} for other in owners]}
    return {"if": condition, "then": _only({**rest, "first": first})}


def _only(properties: dict[str, Any]) -> dict[str, Any]:
    """These keys and the common ones, which are described with the layer; no others."""
    keys = {**dict.fromkeys(COMMON_KEYS, True), **properties}
    return {"properties": keys, "additionalProperties": False}
