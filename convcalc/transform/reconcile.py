"""Where a quoted figure comes from: conventions and what-ifs that give it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report, analyze, unknown_text
from convcalc.analysis.counters.conventions import EXTRAS
from convcalc.analysis.counters.counting import CounterReport, counter_reports, extra_count
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network
from convcalc.problems import ConvcalcError

#: Input sizes that networks are quoted for; 227 and 224, 299 and 256 are the usual mix-ups.
SIZES = (32, 96, 128, 160, 192, 224, 227, 256, 288, 299, 320, 384, 448, 512)
#: Layers that the network may have in all other sizes together: about three seconds.
MOST_RESIZED = 100_000
#: Of a figure that nothing gives, how many of the nearest are shown.
NEAREST = 5

_MACS, _FLOPS = "convcalc's MACs", "convcalc's FLOPs"
_POWERS = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12, "p": 15}
_WORDS = "flops?|flop/s|macs?|madds?|mult-adds?|multiply-adds?|ops"
_FIGURE = re.compile(
    r"((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9_]+)?)(?:\.([0-9]*))?(?:e\+?([0-9]{1,2}))?"
    rf"\s*([kmgbtp]?)\s*(?:{_WORDS})?",
    re.IGNORECASE,
)


class Quote(NamedTuple):
    """A printed figure: its digits as a whole number, and what the last of them is worth.

    It is digits * 10^exponent; 4.13G is 413 * 10^7. Of a number without a point, such as 400k, the
    last `zeros` digits may be rounding.
    """

    digits: int
    exponent: int
    zeros: int = 0

    def fit(self, total: int) -> str:
        """How it comes from a total: "exact", "rounded", "cut off", or not at all: "".

        >>> quote = read_quote("4.13G")
        >>> quote.fit(4132436968), quote.fit(4139999999), quote.fit(4140000000)
        ('rounded', 'cut off', '')
        """
        figure, total = self.scaled(total)
        step = _ten(self.exponent)
        if total == figure:
            return "exact"
        if 2 * abs(total - figure) <= step:
            return "rounded"
        return "cut off" if 0 < total - figure < step else ""

    def without_zeros(self, count: int) -> Quote:
        """The same figure, of which the last zeros are not known."""
        return Quote(self.digits // _ten(count), self.exponent + count)

    def distance(self, total: int) -> int:
        """How far a total is from it, for comparing totals."""
        figure, total = self.scaled(total)
        return abs(total - figure)

    @property
    def nearest_whole(self) -> int:
        """The figure as a whole number, cut off."""
        return self.digits * _ten(self.exponent) // _ten(-self.exponent)

    def scaled(self, total: int) -> tuple[int, int]:
        """The figure and a total, both in a unit in which both are whole."""
        return self.digits * _ten(self.exponent), total * _ten(-self.exponent)


def _ten(power: int) -> int:
    """A power of ten, 1 where the power is below 0."""
    return int("1" + "0" * power)


def read_quote(text: str) -> Quote | None:
    """A figure as people print it, or None: `4.13G`, `300 MMACs`, `4,089,184,256`, `4.1e9`.

    >>> read_quote("4.13 GFLOPs")
    Quote(digits=413, exponent=7, zeros=0)
    """
    match = _FIGURE.fullmatch(text.strip()) if len(text) <= 60 else None
    if match is None:
        return None
    whole, decimals, power, unit = (match[1], match[2] or "", match[3] or "0", match[4])
    digits = re.sub("[,_]", "", whole) + decimals
    if not digits or not int(digits):
        return None
    zeros = len(digits) - len(digits.rstrip("0")) if match[2] is None else 0
    return Quote(int(digits), int(power) + _POWERS[unit.lower()] - len(decimals), zeros)


class Explanation(NamedTuple):
    """A total, by whom it is counted so, under what what-if."""

    conventions: tuple[str, ...]
    what_if: str
    total: int


class Reconciled(NamedTuple):
    """What gives a figure; `nearest` where nothing does; conventions without a rule, and why.

    params   the network's parameters, which may be what the figure is; None if unknown
    rounded  zeros at the figure's end that had to be taken as rounding for something to fit
    untried  input sizes that were not tried, because the network is large
    """

    fits: list[tuple[Explanation, str]]
    nearest: list[Explanation]
    left_out: dict[str, str]
    params: int | None
    rounded: int = 0
    untried: tuple[int, ...] = ()


@gc_paused()
def reconcile(network: Network, quote: Quote, *, batch: int = 1) -> Reconciled:
    """Conventions, what-ifs, and pairs of one of each that give a quoted figure.

    Simple explanations come first: conventions as they are, then those with a what-if.
    Where nothing gives all digits of a number without a point, as few zeros at its end as do are
    taken as rounding.

    >>> import convcalc
    >>> found = reconcile(convcalc.load("resnet50"), Quote(413, 7))
    >>> [explanation.conventions for explanation, _ in found.fits][:2]
    [('ptflops-pytorch',), ('thop',)]
    """
    left_out: dict[str, str] = {}
    report = analyze(network, batch=batch)
    params = report.totals.known("params")
    sizes, untried = _sizes(network)
    every = list(_explanations(report, sizes, left_out))
    for zeros in range(quote.zeros + 1):
        taken = quote.without_zeros(zeros)
        fits = [(each, fit) for each in every if (fit := taken.fit(each.total))]
        if fits:
            return Reconciled(fits, [], left_out, params, zeros, untried)
    nearest = sorted(every, key=lambda each: quote.distance(each.total))[:NEAREST]
    return Reconciled([], nearest, left_out, params, untried=untried)


def _sizes(network: Network) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Input sizes to try, and those that are not, because the network is large."""
    starts = [node.shape for node in network.nodes if node.is_input]
    if len(starts) != 1 or len(starts[0]) != 3:
        return (), ()
    others = [size for size in SIZES if starts[0][1:] != (size, size)]
    likely = sorted(others, key=lambda size: abs(size - 224))[: MOST_RESIZED // len(network.nodes)]
    return (
        tuple([size for size in others if size in likely]),
        tuple([size for size in others if size not in likely]),
    )


def _explanations(
    report: Report, sizes: Sequence[int], left_out: dict[str, str]
) -> Iterator[Explanation]:
    counts = _counts(report)
    if not report.complete:
        left_out.update({name: unknown_text(report.unknown) for name in (_MACS, _FLOPS)})
    left_out.update(
        (entry.convention.name, f"no rule for {entry.uncovered[0].node.kind}")
        for entry in counter_reports(report)
        if entry.uncovered
    )
    yield from _grouped("", [(count.name, count.total) for count in counts])
    ones = [(count.name, 2 * count.total) for count in counts if count.per_mac == 1]
    yield from _grouped("twice", ones)
    twos = [(count.name, count.total // 2) for count in counts if count.per_mac == 2]
    yield from _grouped("half", twos)
    yield from _grouped("without the classifier", _without_classifier(report, counts))
    for extra in EXTRAS:
        more = extra_count(report, extra)
        bare = [c for c in counts if c.counted is None or not extra.within(c.counted.convention)]
        if more:
            yield from _grouped(
                extra.text, [(count.name, count.total + more) for count in bare if count.per_mac]
            )
    for what, other in _other_inputs(report.network, sizes):
        found = [(c.name, c.total) for c in _counts(analyze(other, batch=report.batch))]
        yield from _grouped(what, found)


class _Count(NamedTuple):
    """A count of the network as it is; `per_mac` is 0 where a product is not the unit."""

    name: str
    total: int
    per_mac: int
    layers: Sequence[int | None]
    counted: CounterReport | None = None


def _counts(report: Report) -> list[_Count]:
    """What convcalc counts, then every convention, if it has a rule for every layer."""
    layers, counts = report.layers, []
    if report.complete:
        counts = [
            _Count(_MACS, report.totals.macs, 1, [layer.cost.macs for layer in layers]),
            _Count(_FLOPS, report.totals.flops, 0, [layer.cost.flops for layer in layers]),
        ]
    for entry in counter_reports(report):
        if not entry.uncovered:
            convention = entry.convention
            counts.append(
                _Count(convention.name, entry.total, convention.per_mac, entry.layers, entry)
            )
    return counts


def _grouped(what_if: str, found: Sequence[tuple[str, int]]) -> Iterator[Explanation]:
    """An explanation for each total, with all who count it."""
    by_total: dict[int, list[str]] = {}
    for name, total in found:
        by_total.setdefault(total, []).append(name)
    for total, names in by_total.items():
        yield Explanation(tuple(names), what_if, total)


def _without_classifier(report: Report, counts: Sequence[_Count]) -> list[tuple[str, int]]:
    """The totals without what follows the maps, if anything is left of the network then."""
    kept = [not _is_classifier(layer) for layer in report.layers]
    if all(kept) or not any(kept):
        return []
    return [
        (count.name, sum([c or 0 for c, keep in zip(count.layers, kept, strict=True) if keep]))
        for count in counts
    ]


def _is_classifier(layer: LayerReport) -> bool:
    """Whether it makes plain features, of plain features or as a weighted layer of a map."""
    if len(layer.output) > 2:
        return False
    return layer.node.layer.weighted or all(len(shape) == 2 for shape in layer.inputs)


def _other_inputs(network: Network, sizes: Sequence[int]) -> Iterator[tuple[str, Network]]:
    """The network on square inputs of other sizes, where it takes them."""
    channels = network.nodes[0].shape[0]
    for size in sizes:
        layers = [
            node.layer.replace(shape=(channels, size, size)) if node.is_input else node.layer
            for node in network.nodes
        ]
        try:
            other = network.with_layers(layers)
        except ConvcalcError:
            continue
        yield f"input {channels}x{size}x{size}", other
