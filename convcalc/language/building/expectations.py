"""What a file states about its network: `expect`."""

from __future__ import annotations

from convcalc.language.building.evaluation import Evaluator
from convcalc.language.building.inputs import not_a_shape
from convcalc.language.reading.nodes import MapNode, YamlNode
from convcalc.layers.fields import value_text
from convcalc.metrics import SUMS
from convcalc.problems import Span, Subject, printable
from convcalc.quantities import COUNT
from convcalc.record import Record
from convcalc.shapes import Shape

#: Totals that `expect` may state, beside `output` and `layers`.
EXPECTED = [name for name, metric in SUMS.items() if metric.unit == COUNT]


class Expectation(Record):
    """A fact that must hold: `params`, `macs` ..., `output`, `outputs.NAME` or `layers.PATH`."""

    metric: str
    value: int | Shape
    span: Span


def read_expectations(node: YamlNode, evaluator: Evaluator) -> list[Expectation]:
    """The facts that `expect` states; notes mistakes."""
    return _Reader(evaluator).read(node)


class _Reader:
    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator

    def read(self, node: YamlNode) -> list[Expectation]:
        found: list[Expectation] = []
        if not isinstance(node, MapNode):
            self.evaluator.wrong("bad-value", "'expect' takes a mapping", node)
            return found
        for text, (key, value) in node.entries.items():
            if text in EXPECTED:
                number = self.evaluator.file_value(value)
                if number is not None and (type(number) is not int or number < 0):
                    shown = value_text(number)
                    self.evaluator.wrong(
                        "bad-value", f"{text} must be a whole number, not {shown}", value
                    )
                elif number is not None:
                    found.append(Expectation(text, number, value.span))
            elif text in ("output", "outputs"):
                if isinstance(value, MapNode):
                    found += self._expected_shapes("outputs", value)
                else:
                    found += self._expected_shape("output", value)
            elif text == "layers":
                if isinstance(value, MapNode):
                    found += self._expected_shapes("layers", value)
                else:
                    help_text = "layers: {conv0: [6, 28, 28]}"
                    message = "'layers' maps layers' names to shapes"
                    self.evaluator.wrong("bad-value", message, value, help_text)
            else:
                names = [*EXPECTED, "output", "layers"]
                from convcalc.language.hints import keys  # only a mistake needs it

                help_text = keys.expectation(text, names)
                message = f"'{printable(text)}' is nothing that can be expected"
                self.evaluator.wrong("unknown-key", message, key, help_text)
        return found

    def _expected_shapes(self, metric: str, node: MapNode) -> list[Expectation]:
        found: list[Expectation] = []
        for name, (_, value) in node.entries.items():
            found += self._expected_shape(f"{metric}.{name}", value)
        return found

    def _expected_shape(self, metric: str, node: YamlNode) -> list[Expectation]:
        shape = self.evaluator.file_value(node)
        if shape is None:
            return []
        reason = not_a_shape(shape, most_axes=8)
        if reason:
            listed = isinstance(shape, list) and any(isinstance(size, list) for size in shape)
            help_text = "write outputs: {NAME: [...]}" if listed and metric == "output" else ""
            self.evaluator.wrong("bad-value", reason, node, help_text, Subject(metric=metric))
            return []
        return [Expectation(metric, tuple(shape), node.span)]
