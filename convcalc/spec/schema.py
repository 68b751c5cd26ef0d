"""The JSON Schema (draft 7) of a spec, for editors, from the tables that the reader uses.

A schema knows the structure: keys, kinds, arguments and literal values. Any literal may also be an
expression, which is a string to JSON Schema; shapes that do not fit are beyond it.
"""

from __future__ import annotations

from typing import Any

from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.spec.document import COMMON_KEYS
from convcalc.spec.items import GROUP
from convcalc.spec.limits import DTYPE, dtype_schema, limits_schema
from convcalc.spec.network import METRICS

#: Where the schema says it lives.
SCHEMA_ID = "convcalc.spec/1"

_NAME = r"^[A-Za-z0-9_-]+$"
_EXPRESSION = {"type": ["string", "number", "boolean"]}
#: Every argument may be an expression, which YAML hands over as a string.
_STRING = {"type": "string", "minLength": 1}


def spec_schema() -> dict[str, Any]:
    """The schema as plain data."""
    value = {"$ref": "#/definitions/value"}
    layers = {"type": "array", "items": {"$ref": "#/definitions/layer"}}
    shape = {"type": "array", "items": {"$ref": "#/definitions/expression"}, "minItems": 1}
    shapes = {"type": "object", "additionalProperties": shape}
    args = {"type": "object", "additionalProperties": value}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": SCHEMA_ID,
        "title": "convcalc network",
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["layers", "input"]}, {"required": ["extends"]}],
        "properties": {
            "name": {"type": "string"},
            "input": {
                "anyOf": [
                    {**shape, "maxItems": 4},
                    {"type": "object", "additionalProperties": {**shape, "maxItems": 4}},
                ]
            },
            "args": args,
            "defaults": {
                "type": "object",
                "properties": {kind: _reference(f"{kind} arguments") for kind in KINDS},
                "additionalProperties": False,
            },
            "blocks": {
                "type": "object",
                "propertyNames": {"pattern": r"^\s*[A-Za-z_][A-Za-z0-9_]*\s*(\(.*\))?\s*$"},
                "additionalProperties": layers,
            },
            "layers": {**layers, "minItems": 1},
            "outputs": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "extends": {"type": "string", "minLength": 1},
            "expect": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    **{metric: {"$ref": "#/definitions/expression"} for metric in METRICS},
                    "output": shape,
                    "outputs": shapes,
                    "layers": shapes,
                },
            },
            "budget": limits_schema({DTYPE: dtype_schema()}),
        },
        "definitions": _definitions(value, layers),
    }


def _definitions(value: dict[str, Any], layers: dict[str, Any]) -> dict[str, Any]:
    layer = {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "items": {"$ref": "#/definitions/layer"}},
            {
                "type": "object",
                "properties": {
                    "name": {"type": ["string", "integer"], "pattern": _NAME},
                    "repeat": {"$ref": "#/definitions/expression"},
                    "when": {"$ref": "#/definitions/expression"},
                    "first": {"type": "object", "propertyNames": {"not": {"enum": [*COMMON_KEYS]}}},
                    "from": {"type": ["string", "integer"]},
                    "share": {"type": ["string", "integer"]},
                },
                "allOf": [
                    *[_kind_rule(kind) for kind in KINDS],
                    {"if": {"required": [GROUP]}, "then": _only({GROUP: layers})},
                ],
                # What is no kind's key is a block's or an argument's, which a schema cannot know.
                "minProperties": 1,
            },
        ]
    }
    branch = {
        "anyOf": [
            {"type": "string"},
            layers,
            {
                "type": "object",
                "properties": {"when": {"$ref": "#/definitions/expression"}, "layers": layers},
                "required": ["layers"],
                "additionalProperties": False,
            },
        ]
    }
    return {
        "expression": _EXPRESSION,
        "value": {
            "anyOf": [_EXPRESSION, {"type": "array", "items": {"$ref": "#/definitions/value"}}]
        },
        "layer": layer,
        "branches": {
            "anyOf": [
                {"type": "array", "items": branch, "minItems": 1},
                {
                    "type": "object",
                    "propertyNames": {"pattern": _NAME},
                    "additionalProperties": branch,
                    "minProperties": 1,
                },
            ]
        },
        "norm": _fused("norm", ["none", *NORM_WORDS]),
        "activation": _fused("activation", ["none"]),
        **{f"{kind} arguments": _arguments(kind) for kind in KINDS},
        **{f"{kind} value": _first_or_mapping(kind) for kind in KINDS},
    }


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


def _fields(kind: str) -> dict[str, Any]:
    cls = layer_class(kind)
    fields = {name: _or_expression(f.type.schema()) for name, f in cls.fields.items()}
    for name, declared in cls.fields.items():
        fields[name]["description"] = declared.doc
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
    """What may stand behind a kind's key: its first argument, its arguments, or nothing."""
    cls = layer_class(kind)
    if cls.joins:
        return {"$ref": "#/definitions/branches"}
    options: list[dict[str, Any]] = [{"type": "null"}, _reference(f"{kind} arguments")]
    if cls.fields:
        # The path of a property goes into a reference too: the argument is described once.
        first = next(iter(cls.fields))
        options.append(_reference(f"{kind} arguments/properties/{first}"))
    return {"anyOf": options}


def _kind_rule(kind: str) -> dict[str, Any]:
    """If a mapping has the kind's key, its other keys are the kind's arguments or common."""
    fields = {name: _reference(f"{kind} arguments/properties/{name}") for name in _fields(kind)}
    return {
        "if": {"required": [kind]},
        "then": _only({**fields, kind: _reference(f"{kind} value")}),
    }


def _only(properties: dict[str, Any]) -> dict[str, Any]:
    """These keys and the common ones, which are described with the layer; no others."""
    keys = {**dict.fromkeys(COMMON_KEYS, True), **properties}
    return {"properties": keys, "additionalProperties": False}
