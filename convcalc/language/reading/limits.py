"""Limits on totals, as `budget` in a spec and the entries of convcalc.yaml state them.

What can be limited are the totals of `convcalc.metrics`, from which the hints and the JSON Schema
follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode
from convcalc.metrics import CONVENTIONS, OWN, SUMS, TOTALS
from convcalc.problems import DidYouMean, Problem, RuleError, Span, Subject, helps, printable
from convcalc.quantities import (
    BYTE_UNITS,
    BYTES,
    COUNT,
    COUNT_UNITS,
    DEFAULT_DTYPE,
    DTYPES,
    Growth,
    read_growth,
    read_quantity,
)
from convcalc.shapes import LARGEST_SIZE, Shape, cross_text


class Limit(NamedTuple):
    """The most that a total may be.

    metric      "macs", "peak_memory", "output"
    most        the figure; 0 where `sizes` or `growth` says it
    unit        "" for counts, "B" for bytes
    text        the limit as it is written: "310M"
    span        where that is; None for an option
    dtype       what a number takes in memory, for bytes
    convention  whose counting the limit follows: `flops: {max: 620M, as: convcalc}`
    sizes       the largest sizes of a result, for "output"
    growth      by how much the total may grow over the lock
    pattern     of layers' names, where it limits single layers: "conv*"
    option      the command-line option that sets it, if one does: "--fail-on"
    """

    metric: str
    most: int
    unit: str
    text: str
    span: Span | None
    dtype: str = "float32"
    convention: str = ""
    sizes: Shape = ()
    growth: Growth | None = None
    pattern: str = ""
    option: str = ""

    @property
    def name(self) -> str:
        """What is limited, as it is written: "macs", "layers.conv*.params"."""
        return f"layers.{self.pattern}.{self.metric}" if self.pattern else self.metric

    @property
    def written(self) -> str:
        """The limit as it is written, growth with its sign; and what its figure is meant in."""
        text = self.text if self.growth is None else f"+{self.text}"
        meant = self.convention or (self.dtype if self.unit else "")
        return f"{text} ({meant})" if meant else text

    @property
    def place(self) -> str:
        """Where it is written: "convcalc.yaml:6", or the option."""
        return self.span.in_line if self.span is not None else self.option


#: What a mapping of limits may hold beside the totals.
OUTPUT = "output"
DTYPE = "dtype"
#: The key whose limits are on growth.
GROWTH = "growth"

_EXAMPLE = "{params: 4M, macs: 310M, peak_memory: 1.5MiB}"

#: Notes a problem.
Refuse = Callable[[Problem], None]


def read_dtype(node: YamlNode, refuse: Refuse) -> str:
    """The dtype that a node names; the usual one after a mistake, which is noted."""
    text = node.text if isinstance(node, ScalarNode) else ""
    if text not in DTYPES:
        shown = f"not '{printable(text)}'" if text else "such as int8"
        _refuse(refuse, "unknown-dtype", f"'dtype' takes a type of numbers, {shown}", node, DTYPES)
        return DEFAULT_DTYPE
    return text


def read_budget(node: YamlNode, refuse: Refuse) -> tuple[Limit, ...]:
    """A spec's own `budget`: limits, and the `dtype` that its bytes are meant in."""
    dtype = DEFAULT_DTYPE
    if isinstance(node, MapNode) and DTYPE in node.entries:
        dtype = read_dtype(node.entries[DTYPE][1], refuse)
    return read_limits(node, "budget", refuse, dtype, [DTYPE])


def read_limits(
    node: YamlNode, key: str, refuse: Refuse, dtype: str, others: Sequence[str] = ()
) -> tuple[Limit, ...]:
    """A mapping of totals to the most that they may be; `others` are keys that are read elsewhere.

    Mistakes are noted, each at its place.
    """
    reader = _Reader(key, refuse, dtype)
    return reader.limits(node, [*TOTALS, OUTPUT], others)


def read_growths(node: YamlNode, refuse: Refuse, dtype: str) -> tuple[Limit, ...]:
    """A mapping of totals to the growth that is allowed: `{macs: 2%, params: 10k}`."""
    return _Reader(GROWTH, refuse, dtype).limits(node, list(TOTALS))


class _Reader:
    """Reads mappings of limits; a mistake in one leaves the others."""

    def __init__(self, key: str, refuse: Refuse, dtype: str) -> None:
        self.key = key
        self.note = refuse
        self.dtype = dtype
        self.grows = key == GROWTH
        self.example = "2%" if self.grows else "310M"

    def limits(
        self, node: YamlNode, names: Sequence[str], others: Sequence[str] = ()
    ) -> tuple[Limit, ...]:
        if not isinstance(node, MapNode):
            example = "{macs: 2%}" if self.grows else _EXAMPLE
            self._refuse(
                "bad-value",
                f"'{self.key}' takes a mapping of limits",
                node,
                f"{self.key}: {example}",
            )
            return ()
        found: list[Limit] = []
        for text, (key, value) in node.entries.items():
            if text in others:
                continue
            if text not in names:
                self._unknown(text, key, names)
            elif text == "layers" and isinstance(value, MapNode) and not self.grows:
                found += self._layers(value)
            elif text == OUTPUT:
                found += self._output(value)
            else:
                found += self._limit(text, value)
        return tuple(found)

    def _unknown(self, text: str, key: ScalarNode, names: Sequence[str]) -> None:
        message = f"'{printable(text)}' is nothing that '{self.key}' can limit"
        from convcalc.language.hints import keys  # only a mistake needs it

        help_text = keys.metric(text, self.key, names)
        self._refuse("unknown-metric", message, key, help_text)

    def _layers(self, node: MapNode) -> list[Limit]:
        """Limits on single layers, by patterns of their names."""
        found: list[Limit] = []
        for pattern, (key, value) in node.entries.items():
            if not pattern or not all(c.isalnum() or c in "_-.*?[]!" for c in pattern):
                message = f"'{printable(pattern)}' is no pattern of layers' names"
                self._refuse("bad-value", message, key, "names as in the tables: conv*, stage1.*")
            elif not isinstance(value, MapNode):
                message = f"'{printable(pattern)}' takes a mapping of limits"
                help_text = f"layers: {{{printable(pattern)}: {{params: 2.4M}}}}"
                self._refuse("bad-value", message, value, help_text)
            else:
                for text, (name, limit) in value.entries.items():
                    if text in SUMS:
                        found += self._limit(text, limit, pattern)
                    elif text in TOTALS:
                        message = f"a single layer has no '{text}'"
                        help_text = "layers have " + ", ".join(SUMS)
                        self._refuse("unknown-metric", message, name, help_text)
                    else:
                        self._unknown(text, name, list(SUMS))
        return found

    def _output(self, node: YamlNode) -> list[Limit]:
        """The largest sizes that the network's result may have."""
        items = node.items if isinstance(node, ListNode) else []
        sizes: list[int] = []
        for item in items:
            text = item.text if isinstance(item, ScalarNode) else ""
            if (
                not text.isdecimal()
                or not text.isascii()
                or not 1 <= int(text[:12]) <= LARGEST_SIZE
            ):
                items = []
                break
            sizes.append(int(text[:12]))
        if not items:
            message = "'output' takes the largest sizes that the result may have"
            self._refuse("bad-value", message, node, "output: [1000], or [256, 7, 7] for a map")
            return []
        text = cross_text(sizes)
        return [Limit(OUTPUT, 0, COUNT, text, node.span, self.dtype, sizes=tuple(sizes))]

    def _limit(self, metric: str, node: YamlNode, pattern: str = "") -> list[Limit]:
        """One limit; a list of none after a mistake."""
        name = f"layers.{pattern}.{metric}" if pattern else metric
        convention = ""
        if metric == "flops":
            convention, node = self._convention(name, node)
            if not convention:
                return []
        if not isinstance(node, ScalarNode) or not node.text.strip():
            what = "a limit is missing" if isinstance(node, ScalarNode) else "a limit is one figure"
            self._refuse("bad-value", what, node, f"{metric}: {self._shown(metric)}", name)
            return []
        unit = TOTALS[metric].unit
        limit = Limit(metric, 0, unit, node.text.strip(), node.span, self.dtype, convention)
        limit = limit._replace(pattern=pattern)
        try:
            if self.grows:
                small = metric not in SUMS
                return [limit._replace(growth=read_growth(node.text, unit, small=small))]
            return [limit._replace(most=read_quantity(node.text, unit))]
        except RuleError as error:
            self.note(error.at(node.span, Subject(metric=name)))
            return []

    def _convention(self, name: str, node: YamlNode) -> tuple[str, YamlNode]:
        """Whose FLOPs a limit means, and the node of the figure; "" after a mistake."""
        if not isinstance(node, MapNode):
            figure = node.text if isinstance(node, ScalarNode) and node.text else self.example
            message = "every tool counts FLOPs in its own way"
            shown = printable(figure, 40)
            help_text = f"write 'macs: ...', or 'flops: {{max: {shown}, as: convcalc}}'"
            self._refuse("ambiguous-flops", message, node, help_text, name)
            return "", node
        help_text = f"flops: {{max: {self.example}, as: convcalc}}"
        for text, (key, _) in node.entries.items():
            if text not in ("max", "as"):
                self._refuse(
                    "unknown-key", f"'{printable(text)}' is no part of a limit", key, help_text
                )
                return "", node
        if len(node.entries) != 2:
            message = "a limit on FLOPs has 'max' and 'as'"
            self._refuse("missing-key", message, node, help_text, name)
            return "", node
        named = node.entries["as"][1]
        word = named.text if isinstance(named, ScalarNode) else ""
        if word not in CONVENTIONS:
            message = f"no convention is called '{printable(word)}'"
            _refuse(self.note, "unknown-convention", message, named, CONVENTIONS, name)
            return "", node
        if self.grows and word != OWN:
            message = f"the lock has {OWN}'s count only"
            self._refuse("unknown-convention", message, named, help_text, name)
            return "", node
        return word, node.entries["max"][1]

    def _shown(self, name: str) -> str:
        """An example of a limit on this metric."""
        if self.grows:
            return "2%"
        if name == "layers":
            return "60, or layers: {conv*: {params: 2.4M}}"
        return "1.5MiB" if TOTALS[name].unit == BYTES else "310M"

    def _refuse(
        self, code: str, message: str, node: YamlNode, help_text: str = "", metric: str = ""
    ) -> None:
        problem = Problem(code, message, node.span, helps(help_text))
        self.note(problem.about(metric=metric))


def _refuse(
    refuse: Refuse,
    code: str,
    message: str,
    node: YamlNode,
    names: Iterable[str],
    metric: str = "",
) -> None:
    """Notes a word that is none of a few."""
    word = node.text if isinstance(node, ScalarNode) else ""
    meant = DidYouMean(word, tuple(names))
    refuse(Problem(code, message, node.span, (meant,)).about(metric=metric))


# The same as JSON Schema.

_DECIMAL = r"(0|[1-9][0-9]*)(\.[0-9]+)?([eE]\+?[0-9]{1,2})?"
_SHARE: dict[str, Any] = {"type": "string", "pattern": rf"^{_DECIMAL}\s?%$"}


def _quantity(units: dict[str, int]) -> dict[str, Any]:
    words = "|".join([name for name in units if name])
    optional = "?" if "" in units else ""
    return {"type": "string", "pattern": rf"^{_DECIMAL}\s?({words}){optional}$"}


_COUNT: dict[str, Any] = {"anyOf": [{"type": "number", "minimum": 0}, _quantity(COUNT_UNITS)]}
_BYTES: dict[str, Any] = _quantity(BYTE_UNITS)


def limits_schema(extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """A mapping of limits for editors; `extra` are keys that may stand beside the totals."""
    one = {name: _limit_schema(name) for name in TOTALS}
    patterns = {
        "type": "object",
        "propertyNames": {"pattern": r"^[A-Za-z0-9_.*?\[\]!-]+$"},
        "additionalProperties": _mapping({name: one[name] for name in SUMS}),
    }
    output = {
        "description": "the largest sizes that the result may have",
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE},
        "minItems": 1,
    }
    layers = {"description": TOTALS["layers"].doc, "anyOf": [_COUNT, patterns]}
    return _mapping({**one, "layers": layers, OUTPUT: output, **(extra or {})})


def growths_schema() -> dict[str, Any]:
    """A mapping of allowed growths for editors."""
    return _mapping({name: _limit_schema(name, _SHARE) for name in TOTALS})


def dtype_schema() -> dict[str, Any]:
    """The types of numbers for editors."""
    return {"enum": list(DTYPES), "description": "what a number takes in memory"}


def _mapping(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _limit_schema(name: str, *others: dict[str, Any]) -> dict[str, Any]:
    """A limit on one total; `others` are what may stand instead of a quantity."""
    metric = TOTALS[name]
    limit: dict[str, Any] = {"anyOf": [*others, _BYTES if metric.unit == BYTES else _COUNT]}
    if name == "flops":
        limit = _mapping({"max": limit, "as": {"enum": list(CONVENTIONS)}})
        limit["required"] = ["max", "as"]
    return {"description": metric.doc, **limit}
