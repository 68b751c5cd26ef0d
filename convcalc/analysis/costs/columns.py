"""Every figure that a layer table can show, by the name of its column.

`COLUMNS` is the table. What takes time is computed when a column asks for it, and once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import SORT_KEYS, Row
from convcalc.analysis.field.traces import Ratio
from convcalc.analysis.measures import LAYER_MEASURES
from convcalc.shapes import tuple_text

if TYPE_CHECKING:
    from convcalc.analysis.costs.balance import Balance
    from convcalc.analysis.counters.charges import Charges
    from convcalc.analysis.field.fields import Fields
    from convcalc.analysis.training.step import StepCost

#: Bytes of a float32, which is what columns in bytes are about.
NUMBER_BYTES = 4


class Subject:
    """A report, and the analyses of its network that some columns need.

    expand  whether rows are single operations, and not layers with what is fused behind them
    """

    def __init__(self, report: Report, *, expand: bool = False) -> None:
        self.report = report
        self.expand = expand
        self._charges: dict[str, Mapping[str, int]] = {}

    @cached_property
    def fields(self) -> Fields:
        """The receptive fields."""
        from convcalc.analysis.field.fields import fields

        return fields(self.report.network)

    @cached_property
    def balance(self) -> Balance:
        """What is computed for each byte."""
        from convcalc.analysis.costs.balance import balance

        return balance(self.report)

    @cached_property
    def alive(self) -> dict[str, tuple[int, int]]:
        """Bytes alive while an operation runs, plainly and in place, by path; none for a view."""
        from convcalc.analysis.memory.liveness import memory_of, steps

        network = self.report.network
        scale = NUMBER_BYTES * self.report.batch
        both = [memory_of(network), memory_of(network, in_place=True)]
        ran = [steps(memory, listed=False) for memory in both]
        found = {}
        for plain, in_place in zip(*ran, strict=True):
            node = network.nodes[both[0].operations[plain.operation].node]
            found[node.path] = (plain.live * scale, in_place.live * scale)
        return found

    @cached_property
    def training(self) -> dict[str, StepCost]:
        """What a training step with SGD costs, by an operation's path."""
        from convcalc.analysis.training.step import train

        step = train(self.report.network, batch=self.report.batch)
        return {layer.node.path: layer.cost for layer in step.layers}

    def charged(self, convention: str) -> Mapping[str, int]:
        """What a convention charges, by an operation's path; raises where it has no rule."""
        if convention not in self._charges:
            from convcalc.analysis.counters.charges import BY_NAME, charges, require_rules

            found: list[Charges] = charges(self.report, [BY_NAME[convention]])
            require_rules(found, f"flops --as {convention} --partial shows the others, marked so")
            pairs = zip(self.report.layers, found[0].layers, strict=True)
            self._charges[convention] = {layer.node.path: charge or 0 for layer, charge in pairs}
        return self._charges[convention]


#: What a column shows of some operations that make a row, or of all of them.
Value = Callable[[Subject, Sequence[LayerReport]], int | str | None]


class Shown(NamedTuple):
    """A column.

    title    above it; its name, in CSV
    style    how it is drawn
    row      a row's value
    whole    whether all operations together have one as well, as sums and peaks do; rows of a kind
             then do too
    unit     what its figures are, if not plain counts
    whole_taps  whether taps that fall on padding are counted, --valid-taps or not
    exact    the figure itself, where `row` has it rounded as a text, or as a part of a whole
    """

    title: str
    row: Value
    style: Literal["text", "number", "share"] = "number"
    whole: bool = True
    unit: str = ""
    whole_taps: bool = False
    exact: Callable[[Subject, Sequence[LayerReport]], Ratio | None] | None = None


def _cost(name: str) -> Value:
    figure = SORT_KEYS[name]
    return lambda _, members: sum([figure(member.cost) for member in members])


def _bytes(name: str) -> Value:
    measure = LAYER_MEASURES[name]
    return lambda _, members: sum([measure(member, NUMBER_BYTES) for member in members])


def _alive(place: int) -> Value:
    def most(subject: Subject, members: Sequence[LayerReport]) -> int | None:
        alive = subject.alive
        found = [alive[m.node.path][place] for m in members if m.node.path in alive]
        return max(found, default=None)

    return most


def _field(name: str) -> Value:
    def text(subject: Subject, members: Sequence[LayerReport]) -> str:
        from convcalc.analysis.field.fields import COLUMNS as TEXTS

        return TEXTS[name](subject.fields[members[-1].node.path])

    return text


def _intensity(subject: Subject, members: Sequence[LayerReport]) -> Ratio | None:
    from convcalc.analysis.costs.balance import total

    return total(subject.balance.of(members, fused=not subject.expand)).intensity


def _intensity_text(subject: Subject, members: Sequence[LayerReport]) -> str | None:
    from convcalc.analysis.costs.balance import intensity_text

    found = _intensity(subject, members)
    return None if found is None else intensity_text(found)


def _share(subject: Subject, members: Sequence[LayerReport]) -> Ratio:
    return Ratio.of(sum([m.cost.flops for m in members]), subject.report.totals.flops or 1)


def _training(figure: Callable[[StepCost], int]) -> Value:
    return lambda subject, members: sum([figure(subject.training[m.node.path]) for m in members])


def _charge(convention: str) -> Value:
    def charge(subject: Subject, members: Sequence[LayerReport]) -> int:
        charged = subject.charged(convention)
        return sum([charged[member.node.path] for member in members])

    return charge


def _inputs(_: Subject, members: Sequence[LayerReport]) -> str:
    return " ".join([tuple_text(shape) for shape in members[0].inputs])


BYTES = "bytes of float32"
TRAINING = "operations of a training step with SGD"

#: Every column besides a row's name and kind.
COLUMNS: dict[str, Shown] = {
    "inputs": Shown("inputs", _inputs, "text", whole=False),
    "output": Shown("output shape", lambda _, m: tuple_text(m[-1].output), "text", whole=False),
    **{
        name: Shown({"macs": "MACs", "flops": "FLOPs"}.get(name, name), _cost(name))
        for name in SORT_KEYS
    },
    "share": Shown(
        "share", _cost("flops"), "share", whole=False, unit="of all FLOPs", exact=_share
    ),
    "weights": Shown("weights", _bytes("weights"), unit=BYTES),
    "activations": Shown("activations", _bytes("activations"), unit=BYTES),
    "live": Shown("live", _alive(0), unit=BYTES),
    "live_in_place": Shown("live in place", _alive(1), unit=BYTES),
    **{
        name: Shown(name, _field(name), "text", whole=False)
        for name in ("field", "stride", "offset", "centre")
    },
    "intensity": Shown(
        "intensity", _intensity_text, unit="operations for each byte of float32", exact=_intensity
    ),
    "forward": Shown(
        "forward", _training(lambda cost: cost.forward.flops), unit=TRAINING, whole_taps=True
    ),
    "backward": Shown(
        "backward", _training(lambda cost: cost.backward.flops), unit=TRAINING, whole_taps=True
    ),
    "step": Shown("step", _training(lambda cost: cost.step.flops), unit=TRAINING),
    "training": Shown(
        "training", _training(lambda cost: cost.total.flops), unit=TRAINING, whole_taps=True
    ),
}


def columns_of(names: Sequence[str]) -> dict[str, Shown]:
    """The columns with these names, conventions of other counters among them."""
    from convcalc.analysis.counters.charges import BY_NAME

    found = dict(COLUMNS)
    for name, convention in BY_NAME.items():
        if name in names:
            found[name] = Shown(
                name,
                _charge(name),
                unit=f"{convention.unit} as {convention.counter} {convention.version} has them",
                whole_taps=True,
            )
    return {name: found[name] for name in names if name in found}


def column_names() -> list[str]:
    """Every name that `--columns` takes."""
    from convcalc.analysis.counters.charges import BY_NAME

    return ["name", "kind", *COLUMNS, *BY_NAME]


def sort_by_column(found: Sequence[Row], shown: Shown, subject: Subject) -> list[Row]:
    """The rows with the largest of a column's figures first; those without one come last."""

    def figure(row: Row) -> int:
        if shown.exact is not None:
            found = shown.exact(subject, row.members)
            # Compared to the millionth, in integers.
            return 1 if found is None else -(found.numerator * 10**6 // found.denominator)
        value = shown.row(subject, row.members)
        return -value if isinstance(value, int) else 1

    return sorted(found, key=figure)
