"""convcalc.yaml: which networks are checked, as what variants, and what they may cost.

    networks:
      - files: models/edge/*.yaml
        set: {width: [0.5, 1.0]}
        budget: {params: 3.7M, macs: 310M, peak_memory: 1.5MiB}
        warn: {macs: 290M}
        growth: {macs: 2%}
        dtype: int8

Read like a spec: every mistake is reported with its place, and all of them at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple, NoReturn

from convcalc.language.load import read_file
from convcalc.language.reading.document import first_word
from convcalc.language.reading.expressions import Scope, parse
from convcalc.language.reading.limits import (
    Limit,
    dtype_schema,
    growths_schema,
    limits_schema,
    read_dtype,
    read_growths,
    read_limits,
)
from convcalc.language.reading.nodes import (
    MOST_PROBLEMS,
    ListNode,
    MapNode,
    ScalarNode,
    YamlNode,
    read_yaml,
)
from convcalc.language.reading.ranges import DOTS, read_range, split_values
from convcalc.layers.fields import decimal_text
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    Help,
    Problem,
    Rule,
    RuleError,
    Source,
    Span,
    Subject,
    helps,
    printable,
    without_help,
)
from convcalc.quantities import DEFAULT_DTYPE

#: No spec: it says which networks are checked.
CONFIG_NAME = "convcalc.yaml"
#: Values that all entries may give to arguments.
MOST_VALUES = 50_000

_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)


class Pattern(NamedTuple):
    """A path, folder, glob or shipped network's name as an entry has it."""

    text: str
    span: Span


class Entry(NamedTuple):
    """An entry of `networks`.

    files   the networks that it is about, relative to the file's folder
    sets    the values that each argument is to take, as texts for `--set`
    places  where each argument of `set` is written
    budget  limits that must be kept
    warn    limits that only warn
    growth  by how much totals may grow over convcalc.lock
    dtype   what a number takes in memory
    against the model file that the networks describe; None where there is none
    """

    files: tuple[Pattern, ...]
    sets: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Span]
    budget: tuple[Limit, ...]
    warn: tuple[Limit, ...]
    growth: tuple[Limit, ...]
    dtype: str
    against: Pattern | None = None


class Config(NamedTuple):
    """A convcalc.yaml: the folder that it speaks of, and its entries."""

    source: Source
    folder: str
    entries: tuple[Entry, ...]


def find_config(folder: str | None = None) -> str | None:
    """The path of the nearest convcalc.yaml, from a folder upwards; None where there is none.

    From the working directory if none is given; the path is relative to it.
    """
    try:
        start = os.path.abspath(folder or os.getcwd())
    except FileNotFoundError:
        message = "the current folder is not there any more"
        raise ConvcalcError([Problem("unusable-file", message)], UNUSABLE) from None
    place = start
    while True:
        path = os.path.join(place, CONFIG_NAME)
        if os.path.lexists(path):  # one that cannot be opened is reported
            return path if folder else os.path.relpath(path, start)
        above = os.path.dirname(place)
        if above == place:
            return None
        place = above


def read_config(path: str) -> Config:
    """The entries of a convcalc.yaml; raises ConvcalcError with status 2, for every mistake."""
    # A link may have led to any file.
    linked = os.path.islink(path)
    source = read_file(path, CONFIG_NAME, named=not linked, links=linked)
    try:
        root = read_yaml(source)
    except ConvcalcError as error:
        if not source.named and first_word(source.text, "networks") is None:
            raise _unknown(error.problems[0]) from None
        raise ConvcalcError([_fitting(problem) for problem in error.problems], UNUSABLE) from None
    if not source.named and not (isinstance(root, MapNode) and "networks" in root.entries):
        place = root.span if root is not None else Span(source, 1, 1)
        raise _unknown(Problem("missing-key", "", place))
    reader = _Reader()
    entries = reader.entries(root, source)
    if reader.problems:
        reader.give_up()
    return Config(source, os.path.dirname(path), entries)


def _unknown(problem: Problem) -> ConvcalcError:
    """A mistake in a text that was not named and has no `networks`, without anything of it."""
    return ConvcalcError([problem.without_text()._replace(facts=(Help(_EXAMPLE),))], UNUSABLE)


def _fitting(problem: Problem) -> Problem:
    """A mistake of YAML with advice that fits this file: its `*` is the beginning of a glob."""
    span = problem.span
    if span is not None and "*" in span.source.line(span.line)[max(span.column - 2, 0) :][:2]:
        advice = "a glob that begins with '*' needs quotes: '**/*.yaml'"
    elif problem.code in ("yaml-anchor", "yaml-merge-key", "yaml-tag"):
        advice = "write each entry in full; an entry may name several files"
    elif problem.code == "yaml-second-document":
        advice = "a project has one convcalc.yaml: add to the list of 'networks'"
    elif problem.code == "nesting-too-deep":
        advice = "`convcalc schema config` tells what stands where"
    else:
        return problem
    return problem._replace(facts=(*without_help(problem.facts), Help(advice)))


class _Reader:
    """Reads the document; a mistake in one entry leaves the others."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._values = 0

    def note(self, problem: Problem) -> None:
        """Notes a problem; raises ConvcalcError after the most that are reported."""
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            self.give_up()

    def give_up(self) -> NoReturn:
        """Raises all problems as a ConvcalcError."""
        self.problems.sort(key=lambda problem: problem.span[1:3] if problem.span else (0, 0))
        raise ConvcalcError(self.problems, UNUSABLE)

    def entries(self, root: YamlNode | None, source: Source) -> tuple[Entry, ...]:
        if not isinstance(root, MapNode):
            span = root.span if root else Span(source, 1, 1)
            message = f"{CONFIG_NAME} is a mapping with the key 'networks'"
            self._refuse("bad-value", message, span, _EXAMPLE)
            return ()
        self._known_keys(root, TOP_KEYS, "the file")
        if "networks" not in root.entries:
            if set(root.entries) <= set(TOP_KEYS):
                self._refuse("missing-key", "the file has no 'networks'", root.span, _EXAMPLE)
            return ()
        node = root.entries["networks"][1]
        if not isinstance(node, ListNode) or not node.items:
            self._refuse("bad-value", "'networks' takes a list of entries", node.span, _EXAMPLE)
            return ()
        return tuple([self._entry(item) for item in node.items if self._is_entry(item)])

    def _is_entry(self, node: YamlNode) -> bool:
        if isinstance(node, MapNode):
            return True
        self._refuse("bad-value", "an entry is a mapping", node.span, _EXAMPLE)
        return False

    def _entry(self, node: YamlNode) -> Entry:
        keys = node.entries if isinstance(node, MapNode) else {}
        if isinstance(node, MapNode):
            self._known_keys(node, ENTRY_KEYS, "an entry")

        def value(key: str) -> YamlNode | None:
            return keys[key][1] if key in keys else None

        files = value("files")
        if files is None and set(keys) <= set(ENTRY_KEYS):
            self._refuse("missing-key", "the entry has no 'files'", node.span, _EXAMPLE)
        sets = value("set")
        named = value("dtype")
        dtype = read_dtype(named, self.note) if named else DEFAULT_DTYPE
        budget, warn, growth = value("budget"), value("warn"), value("growth")
        against = value("against")
        values, places = self._sets(sets) if sets else ({}, {})
        return Entry(
            self._files(files) if files else (),
            values,
            places,
            read_limits(budget, "budget", self.note, dtype) if budget else (),
            read_limits(warn, "warn", self.note, dtype) if warn else (),
            read_growths(growth, self.note, dtype) if growth else (),
            dtype,
            self._against(against) if against else None,
        )

    def _against(self, node: YamlNode) -> Pattern | None:
        if isinstance(node, ScalarNode) and node.text.strip():
            return Pattern(node.text.strip(), node.span)
        message = "'against' takes the path of a model file"
        self._refuse("bad-value", message, node.span, "against: model.onnx")
        return None

    def _known_keys(self, node: MapNode, known: Mapping[str, str], what: str) -> None:
        for text, (key, _) in node.entries.items():
            if text not in known:
                message = f"'{printable(text)}' is no key of {what}"
                from convcalc.language.hints.keys import config_key  # only a mistake needs it

                self._refuse("unknown-key", message, key.span, config_key(text, [*known]))

    def _files(self, node: YamlNode) -> tuple[Pattern, ...]:
        items = node.items if isinstance(node, ListNode) else [node]
        found: list[Pattern] = []
        for item in items:
            if isinstance(item, ScalarNode) and item.text.strip():
                found.append(Pattern(item.text.strip(), item.span))
            else:
                message = "'files' takes paths, folders or globs"
                self._refuse("bad-value", message, item.span, "files: models/*.yaml")
        if not items:
            message = "'files' names no network"
            self._refuse("bad-value", message, node.span, "files: models/*.yaml")
        return tuple(found)

    def _sets(self, node: YamlNode) -> tuple[dict[str, tuple[str, ...]], dict[str, Span]]:
        """The values of each argument as texts, and where each argument is written."""
        if not isinstance(node, MapNode):
            message = "'set' maps arguments to their values"
            self._refuse("bad-value", message, node.span, "set: {width: [0.5, 1.0]}")
            return {}, {}
        sets: dict[str, tuple[str, ...]] = {}
        for name, (key, value) in node.entries.items():
            if not _ARGUMENT.match(name):
                message = f"'{printable(name)}' cannot name an argument"
                self._refuse("bad-name", message, key.span)
                continue
            items = value.items if isinstance(value, ListNode) else [value]
            texts = [text for item in items for text in self._texts(name, item)]
            if not items:
                message = f"set: '{name}' is given no value"
                self._refuse("bad-value", message, value.span, f"{name}: [0.5, 1.0]")
            sets[name] = tuple(dict.fromkeys([text for text in texts if text]))
        return sets, {name: key.span for name, (key, _) in node.entries.items()}

    def _texts(self, name: str, node: YamlNode) -> list[str]:
        """What a node of an argument says: values as `--set` takes them; [] after a mistake."""
        if isinstance(node, ListNode) and node.items:
            return [_as_text(node)]
        parts = split_values(node.text) if isinstance(node, ScalarNode) else [""]
        if not all([part.strip() for part in parts]):
            message = f"set: a value of '{name}' is a number, a word or a list of them"
            self._refuse("bad-value", message, node.span, f"{name}: [0.5, 1.0]")
            return []
        found = []
        for part in parts:
            found += self._range(name, part, node.span) if DOTS in part else [part.strip()]
        return found

    def _range(self, name: str, text: str, span: Span) -> list[str]:
        """The numbers of a range, which may be as many as the file may give to arguments."""
        try:
            found = read_range(text, _number, f"{name}: ")
        except RuleError as error:
            self.note(error.at(span)._replace(subject=Subject()))
            return []
        self._values += found.size
        if self._values > MOST_VALUES:
            message = f"set: '{name}' is given {found.size:,} values"
            rule = Rule(f"at most {MOST_VALUES:,}, those of all ranges of the file together")
            self.note(Problem("too-many-variants", message, span, (rule,)))
            self._values -= found.size
            return []
        return [decimal_text(number) for number in found.numbers()]

    def _refuse(self, code: str, message: str, span: Span, help_text: str = "") -> None:
        facts = helps(help_text)
        self.note(Problem(code, message, span, facts))


def _number(text: str) -> Fraction:
    """An end of a range, or its step; raises RuleError."""
    value = parse(text).evaluate(Scope({}, {}, entering=False))
    if isinstance(value, bool | str | list):
        raise RuleError("bad-value", f"'{printable(text)}' is no number, and no end of a range")
    return Fraction(value)


def _as_text(node: YamlNode) -> str:
    """A list as `--set` takes it; texts that YAML might read otherwise are quoted."""
    if isinstance(node, ListNode):
        return "[" + ", ".join([_as_text(item) for item in node.items]) + "]"
    text = node.text if isinstance(node, ScalarNode) else ""
    if re.fullmatch(r"[A-Za-z0-9_.+*/ -]+", text):
        return text
    return "'" + text.replace("'", "''") + "'"


_EXAMPLE = "networks: [{files: models/*.yaml, budget: {macs: 310M}}]"

#: What each key of the file is; the reader, its hints and the JSON Schema follow these.
TOP_KEYS = {"networks": "the networks that are checked, entry by entry"}
ENTRY_KEYS = {
    "files": "paths, folders or globs, relative to this file's folder, or shipped networks",
    "set": "values of the networks' arguments, or ranges; every combination is checked",
    "budget": "limits that must be kept",
    "warn": "limits that only warn",
    "growth": "by how much totals may grow over convcalc.lock",
    "dtype": "what a number takes in memory: float32 if nothing is said",
    "against": "the model file that the networks describe: a difference fails",
}


def config_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of convcalc.yaml, as plain data."""
    scalar = {"type": ["string", "number", "boolean"]}
    value = {"anyOf": [scalar, {"$ref": "#/definitions/values"}]}
    path = {"type": "string", "minLength": 1}
    schemas: dict[str, dict[str, Any]] = {
        "files": {"anyOf": [path, {"type": "array", "items": path, "minItems": 1}]},
        "set": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
            "additionalProperties": value,
        },
        "budget": limits_schema(),
        "warn": limits_schema(),
        "growth": growths_schema(),
        "dtype": dtype_schema(),
        "against": path,
    }
    entry = {
        "type": "object",
        "additionalProperties": False,
        "required": ["files"],
        "properties": {key: {**schemas[key], "description": ENTRY_KEYS[key]} for key in ENTRY_KEYS},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "convcalc.config/1",
        "title": "convcalc.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": ["networks"],
        "properties": {
            "networks": {
                "description": TOP_KEYS["networks"],
                "type": "array",
                "minItems": 1,
                "items": entry,
            }
        },
        "definitions": {"values": {"type": "array", "items": value, "minItems": 1}},
    }
