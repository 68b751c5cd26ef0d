"""Limits held against one network: totals, single layers, outputs, and growth over the lock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import Contribution, heaviest, measure
from convcalc.checks.project.findings import Finding
from convcalc.checks.project.own_file import in_own_file
from convcalc.checks.project.targets import Target, dtype_of
from convcalc.language.reading.nodes import MOST_PROBLEMS
from convcalc.metrics import OWN
from convcalc.problems import (
    Contributor,
    ConvcalcError,
    DidYouMean,
    Help,
    Problem,
    Rule,
    Span,
    helps,
    printable,
)
from convcalc.quantities import BYTES, Growth, change_text, quantity_text
from convcalc.shapes import cross_text

if TYPE_CHECKING:
    from convcalc.checks.lock.file import LockedNetwork
    from convcalc.checks.lock.growth import Grown
    from convcalc.checks.project.layer_limits import LayerCosts
    from convcalc.exchange.load import Definition
    from convcalc.language.reading.limits import Limit

#: Layers that a broken limit names.
MOST_CONTRIBUTORS = 3
#: How often the limits of one network compare a layer's name with a pattern.
MOST_COMPARED = 1_000_000
#: The code of a limit on layers that are not there.
NO_SUCH_LAYER = "no-such-layer"


class LimitChecker:
    """Holds limits against one network, and collects what was found.

    findings  one for each limit
    problems  limits that are not kept, and those that could not be checked
    warnings  limits of `warn` that are not kept
    dtype     what a number takes in memory in the totals and for `--fail-on`
    misused   whether convcalc.yaml limits layers that are not there: a mistake of its own
    unlocked  totals whose growth is limited and that the lock does not have
    """

    def __init__(
        self,
        target: Target,
        of_file: Definition,
        analysis: Analysis,
        locked: LockedNetwork | None,
        dtype: str | None = None,
    ) -> None:
        """`dtype` is that of `--dtype`; by default it is the network's own."""
        self.target = target
        self.of_file = of_file
        self.analysis = analysis
        self.report = analysis.report
        self._own_dtype = dtype_of(of_file, target.rules)
        self.dtype = dtype or self._own_dtype
        self.locked = locked
        self._unknown = [one.name for one in self.report.unknown]
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.misused = False
        self.unlocked: list[str] = []
        self._refused = 0
        self._compared = 0
        self._layer_costs: dict[tuple[str, str, str], LayerCosts] = {}
        self._heaviest: dict[tuple[str, str, str], list[Contribution]] = {}

    def check(self, rule: str, limits: Sequence[Limit], *, configured: bool = False) -> None:
        """Holds limits against the network; `configured` ones are convcalc.yaml's."""
        if rule in {"growth", "fail-on"}:
            # Bytes are compared with the lock's, which are those of the network's own dtype.
            meant = self._own_dtype if rule == "growth" else self.dtype
            limits = [limit._replace(dtype=meant) for limit in limits]
        for limit in limits:
            try:
                finding = self._finding(rule, limit)
            except ConvcalcError as error:
                # No such layer, or no rule for a kind: a limit that cannot be held is not kept.
                self.problems += [self._of_variant(problem) for problem in error.problems]
                codes = [problem.code for problem in error.problems]
                self.misused |= configured and NO_SUCH_LAYER in codes
                self._refused += len(codes)
                if self._refused >= MOST_PROBLEMS or self._compared > MOST_COMPARED:
                    break
                continue
            finding = finding._replace(least=self._least(limit))
            self.findings.append(finding)
            if finding.problem is not None:
                (self.warnings if rule == "warn" else self.problems).append(finding.problem)

    def _finding(self, rule: str, limit: Limit) -> Finding:
        if limit.pattern:
            return self._layers(rule, limit)
        if limit.metric == "output":
            return self._output(rule, limit)
        return self._total(rule, limit)

    def _least(self, limit: Limit) -> bool:
        """Whether a part of what is limited is unknown."""
        if not self._unknown or not self.report.totals.misses(limit.metric):
            return False
        if not limit.pattern:
            return limit.metric != "output"
        from convcalc.checks.project.layer_limits import LayerCosts

        wanted = (limit.metric, limit.dtype, limit.convention or OWN)
        costs = self._layer_costs.get(wanted) or LayerCosts(self.analysis, *wanted)
        paths = [part.path for part in costs.matching(limit.pattern).matched]
        return any(f"{name}.".startswith(f"{path}.") for name in self._unknown for path in paths)

    def _of_variant(self, problem: Problem) -> Problem:
        """A problem of the variant; a pattern that matches no layer is one of all variants."""
        if problem.code == NO_SUCH_LAYER:
            return problem
        return problem.about(variant=self.target.variant)

    def _total(self, rule: str, limit: Limit) -> Finding:
        wanted = (limit.metric, limit.dtype, limit.convention or OWN)
        found = measure(self.analysis, *wanted)
        if limit.growth is not None:
            return self._growth(rule, limit, limit.growth, found)
        if found <= limit.most:
            return _kept(rule, limit, found, limit.most)
        if wanted not in self._heaviest:
            self._heaviest[wanted] = heaviest(self.analysis, *wanted)
        parts = self._heaviest[wanted]
        return self._broken(rule, limit, found, limit.most, parts)

    def _growth(self, rule: str, limit: Limit, growth: Growth, found: int) -> Finding:
        before = self.locked.totals.get(limit.metric) if self.locked is not None else None
        if before is None or self.locked is None:
            self.unlocked.append(limit.metric)  # an older lock has not got it
            return _kept(rule, limit, found, found)
        if limit.unit == BYTES and self.locked.dtype != limit.dtype:
            raise ConvcalcError([self._other_dtype(limit, self.locked.dtype)])
        most = growth.most(before)
        if found <= most:
            return _kept(rule, limit, found, most)._replace(baseline=before)
        from convcalc.checks.lock.growth import growth_of

        grown = growth_of(self.analysis, limit.metric, self.locked)
        return self._broken(rule, limit, found, most, grown.layers, before, grown)

    def _other_dtype(self, limit: Limit, locked: str) -> Problem:
        """Bytes of one dtype are no measure for those of another."""
        message = (
            f"the growth of {limit.metric} cannot be told:"
            f" bytes are locked as {locked}, and are {limit.dtype} now"
        )
        help_text = f"`convcalc lock` accepts the change; measured as {locked} growth can be told"
        problem = Problem("other-dtype", message, limit.span, helps(help_text))
        return problem.about(file=self.target.file)

    def _output(self, rule: str, limit: Limit) -> Finding:
        """Holds the results' sizes, axis by axis, against the largest ones allowed."""
        most = limit.sizes
        nodes = self.report.network.nodes
        kept = _kept(rule, limit, 0, 0)
        for index in self.report.network.outputs.values():
            node = nodes[index]
            found, allowed, what = len(node.shape), len(most), "has another number of axes than"
            if found == allowed:
                # The axis that is over by most, or that comes nearest to it.
                found, allowed = max(
                    zip(node.shape, most, strict=True), key=lambda sizes: sizes[0] - sizes[1]
                )
                what = "is larger than"
                if found <= allowed:
                    kept = kept._replace(found=found, limit=allowed)
                    continue
            message = f"output {cross_text(node.shape)} {what} {limit.text}"
            facts = (_rule(limit), _help(limit))
            problem = Problem(_CODES[rule], message, node.span, facts, node.calls)
            problem = self._in_own_file(problem, limit)
            reads = cross_text(node.shape)
            return kept._replace(found=found, limit=allowed, ok=False, problem=problem, reads=reads)
        return kept

    def _layers(self, rule: str, limit: Limit) -> Finding:
        """Holds single layers and groups against a limit: the heaviest one decides."""
        from convcalc.checks.project.layer_limits import LayerCosts, has_wildcards

        wanted = (limit.metric, limit.dtype, limit.convention or OWN)
        costs = self._layer_costs.get(wanted)
        if costs is None:
            costs = self._layer_costs[wanted] = LayerCosts(self.analysis, *wanted)
        if has_wildcards(limit.pattern):
            self._compared += len(costs)
            if self._compared > MOST_COMPARED:
                raise ConvcalcError([_too_many_patterns(limit, len(costs))])
        found_layers = costs.matching(limit.pattern)
        if not found_layers.matched and not found_layers.open:
            name = printable(self.target.file, 200)
            message = f"no layer of {name} is called '{printable(limit.pattern)}'"
            meant = DidYouMean(limit.pattern, found_layers.names)
            raise ConvcalcError([Problem(NO_SUCH_LAYER, message, limit.span, (meant,))])
        found = max([part.value for part in found_layers.matched], default=0)
        if found <= limit.most:
            return _kept(rule, limit, found, limit.most)
        over = [part for part in found_layers.matched if part.value > limit.most]
        over.sort(key=lambda part: -part.value)
        return self._broken(rule, limit, found, limit.most, over)

    def _broken(
        self,
        rule: str,
        limit: Limit,
        found: int,
        most: int,
        parts: Sequence[Contribution],
        before: int | None = None,
        grown: Grown | None = None,
    ) -> Finding:
        """The finding of a limit that is not kept."""
        grew = grown is not None and grown.grew
        changes = grown.changes if grown is not None else {}
        whole = 0 if grew or limit.pattern else found
        contributors = tuple(
            [
                Contributor(
                    part.path,
                    part.node.span,
                    part.value,
                    limit.unit,
                    whole,
                    grew,
                    changes.get(part.node.unit, ""),
                )
                for part in parts[:MOST_CONTRIBUTORS]
            ]
        )
        least = "at least " * self._least(limit)
        what = f"{limit.name} {least}{quantity_text(found, limit.unit)}"
        over = least + quantity_text(found - most, limit.unit)
        if before is not None:
            share = f"{change_text(before, found)} " if before else ""  # of 0 there are no percents
            message = (
                f"{what} is {share}over the lock's"
                f" {quantity_text(before, limit.unit)}, more than {limit.written}"
            )
        else:
            share = f" ({change_text(most, found)})" if most else ""
            message = f"{what} is over {limit.written} by {over}{share}"
        first = parts[0].node if parts else None
        problem = Problem(
            _CODES[rule],
            message,
            first.span if first is not None else self._without_parts(limit),
            (_rule(limit), *contributors, _help(limit, before is not None)),
            first.calls if first is not None else (),
        )
        problem = self._in_own_file(problem, limit)
        kept = _kept(rule, limit, found, most)
        return kept._replace(ok=False, baseline=before, problem=problem, parts=contributors)

    def _without_parts(self, limit: Limit) -> Span | None:
        """The line to blame where no layer is: the limit's in the file itself, or the first."""
        source = self.of_file.source
        own = limit.span is not None and limit.span.source is source
        return limit.span if own else Span(source, 1, 1)

    def _in_own_file(self, problem: Problem, limit: Limit) -> Problem:
        problem = problem.about(variant=self.target.variant)
        return in_own_file(problem, self.of_file.bases, limit.span)


#: The code of a problem by the rule that set the limit.
_CODES = {
    "budget": "over-budget",
    "warn": "over-warning",
    "growth": "growth",
    "fail-on": "fail-on",
}


def _too_many_patterns(limit: Limit, layers: int) -> Problem:
    message = f"the patterns of limits are compared with too many names: {layers} for each"
    rule = Rule(f"at most {MOST_COMPARED} comparisons for a network")
    help_text = Help("names without '*', '?' and '[' need none")
    return Problem("too-many-patterns", message, limit.span, (rule, help_text))


def _kept(rule: str, limit: Limit, found: int, most: int) -> Finding:
    return Finding(
        limit.name,
        rule,
        found,
        most,
        limit.unit,
        True,
        written=limit.written,
        dtype=limit.dtype if limit.unit else "",
        place=limit.place,
        span=limit.span,
    )


def _rule(limit: Limit) -> Rule:
    """What the limit says, and where it is written."""
    return Rule(f"at most {limit.written}, {limit.place}")


def _help(limit: Limit, against_lock: bool = False) -> Help:
    """What can be done about a limit that is not kept."""
    edit = f", or edit the limit at {limit.place}" if limit.span is not None else ""
    accept = ", or accept it with `convcalc lock`" if against_lock else ""
    return Help(f"make the network smaller{edit}{accept}")
