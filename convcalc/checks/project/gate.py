"""The gate: holds a network against what it and convcalc.yaml say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import Contribution, heaviest, measure, measure_all
from convcalc.checks.project.blame import in_own_file
from convcalc.checks.project.expectations import broken_expectations
from convcalc.checks.project.targets import Rules, Target, dtype_of, locked_name
from convcalc.checks.project.verdicts import Blamed, Finding, Verdict
from convcalc.diagnostics import (
    UNUSABLE,
    WRONG,
    ConvcalcError,
    DidYouMean,
    Fact,
    Help,
    Note,
    Problem,
    Rule,
    Span,
    helps,
    printable,
)
from convcalc.language.building.inputs import InputShapes
from convcalc.language.load import find_source, read_file, spec
from convcalc.language.reading.document import read_document
from convcalc.language.shipped import is_shipped
from convcalc.metrics import OWN
from convcalc.quantities import BYTES, DEFAULT_DTYPE, Growth, change_text, quantity_text
from convcalc.shapes import cross_text

if TYPE_CHECKING:
    from convcalc.checks.lock.file import Lock, LockedNetwork
    from convcalc.language.building.spec import Spec
    from convcalc.language.reading.limits import Limit

#: Layers that a broken limit names.
MOST_BLAMED = 3
#: The codes of two mistakes that decide about the exit status.
NO_LOCK = "no-lock"
NO_SUCH_LAYER = "no-such-layer"


class Baseline(NamedTuple):
    """The lock that growth is measured against.

    path      where it is, or should be
    lock      what it holds; None where it cannot be used
    problems  why it cannot
    """

    path: str
    lock: Lock | None
    problems: tuple[Problem, ...] = ()


class Gate(NamedTuple):
    """What every network of one run is held to.

    baseline     the lock, if anything is compared with it
    fail_on      the limits of `--fail-on`
    inputs       another input, of `--input`
    every_total  whether totals that take long are measured too, though nothing limits them
    """

    baseline: Baseline | None = None
    fail_on: tuple[Limit, ...] = ()
    inputs: InputShapes | None = None
    every_total: bool = False


def judge(target: Target, gate: Gate) -> Verdict:
    """What becomes of one network; a mistake in its file is told in the verdict."""
    locked, unusable, missing = _past(target, gate)
    try:
        of_file = spec(target.file)
        network = of_file.network(target.args, gate.inputs)
        altered = _altering(of_file, target, gate)
    except ConvcalcError as error:
        problems = tuple([readable(problem, target) for problem in error.problems])
        status = UNUSABLE if unusable else error.status
        return Verdict(target.file, target.variant, status, (*problems, *unusable))
    analysis = Analysis(network)
    report = analysis.report
    rules = target.rules or Rules()
    skipped = _skipped(of_file, altered, target, gate)
    if gate.every_total and missing == _UNUSED and not unusable:
        skipped.append(f"it is not compared with the lock: {missing}")
    trial = _Trial(target, of_file, analysis, locked)
    if not altered:
        trial.hold("budget", of_file.budget)
    if gate.inputs is None:
        trial.hold("budget", rules.budget, configured=True)
        trial.hold("warn", rules.warn, configured=True)
        if locked is not None:
            trial.hold("growth", rules.growth, configured=True)
        elif rules.growth:
            skipped.append(f"its growth is not checked: {missing}")
    for limit in gate.fail_on:
        if locked is not None or limit.growth is None:
            trial.hold("fail-on", [limit])
        else:
            skipped.append(f"--fail-on {limit.metric} is not checked: {missing}")
    if trial.unlocked:
        names = ", ".join(dict.fromkeys(trial.unlocked))
        skipped.append(f"the growth of {names} is not checked: it is not in the lock")
    broken = [] if altered else broken_expectations(of_file.expectations, report)
    if broken and locked is not None and gate.baseline is not None and gate.baseline.lock:
        from convcalc.checks.lock.file import locked_network
        from convcalc.checks.lock.staleness import at_the_cause

        every = measure_all(analysis, trial.dtype)
        now = locked_network(locked.file, locked.variant, report, every, trial.dtype)
        broken = at_the_cause(broken, gate.baseline.lock, now, report, of_file.bases)
    problems = (*broken, *trial.problems, *unusable)
    status = UNUSABLE if trial.misused or unusable else WRONG
    return Verdict(
        target.file,
        target.variant,
        status if problems else 0,
        problems,
        tuple(trial.warnings),
        tuple(trial.findings),
        measure_all(analysis, trial.dtype, slow=gate.every_total),
        dict(locked.totals) if locked is not None else {},
        "; ".join(skipped),
    )


def _altering(of_file: Spec, target: Target, gate: Gate) -> list[str]:
    """What makes the network another than the one that the file is about, as it is written."""
    found = []
    if of_file.changes(target.args):
        rules = target.rules or Rules()
        configured = all(name in rules.sets for name in target.args)
        found.append("set" if configured else "--set")
    return [*found, *(["--input"] if gate.inputs else [])]


def _skipped(of_file: Spec, altered: Sequence[str], target: Target, gate: Gate) -> list[str]:
    """What cannot be held against an altered network."""
    if not altered:
        return []
    rules = target.rules or Rules()
    parts = {"expectations": of_file.expectations, "own budget": of_file.budget}
    if gate.inputs is not None:
        parts["limits in convcalc.yaml"] = (*rules.budget, *rules.warn, *rules.growth)
    about = [part for part, has in parts.items() if has]
    if not about:
        return []
    verb = "is" if about == ["own budget"] else "are"
    flags = " ".join(altered)
    return [f"its {' and '.join(about)} {verb} about the file as it is: skipped under {flags}"]


class _Past(NamedTuple):
    """What the lock says of a network.

    locked    its entry; None where there is none
    unusable  why the lock cannot be read, where growth is held against it
    missing   why there is no entry
    """

    locked: LockedNetwork | None = None
    unusable: tuple[Problem, ...] = ()
    missing: str = "it is not in the lock"


#: Why there is no entry, where there is a lock.
_UNUSED = "the lock cannot be used"


def _past(target: Target, gate: Gate) -> _Past:
    """What the lock says of one network, or why it says nothing."""
    baseline = gate.baseline
    if baseline is None or gate.inputs is not None:
        return _Past()
    problems = baseline.problems
    if baseline.lock is not None and target.file != "-":
        try:
            key = locked_name(target.file, baseline.path)
            return _Past(baseline.lock.find(key, target.variant))
        except ConvcalcError as error:
            problems = error.problems
    if not problems:
        return _Past()
    missing = "there is no lock" if problems[0].code == NO_LOCK else _UNUSED
    limits = (*(target.rules.growth if target.rules else ()), *gate.fail_on)
    if all(limit.growth is None for limit in limits):
        problems = ()  # nothing is held against it; `lock --check` tells what is wrong with it
    return _Past(None, problems, missing)


def readable(problem: Problem, target: Target) -> Problem:
    """A mistake found on reading a network, told where its reader can mend it."""
    return _in_readers_file(_placed(problem, target), target)


def _placed(problem: Problem, target: Target) -> Problem:
    """A problem of `--set` with its file; one that convcalc.yaml made, at its place there."""
    if problem.span is not None or problem.subject.option != "--set":
        return problem
    problem = problem.about(file=target.file)
    sets = target.rules.sets if target.rules is not None else {}
    span = sets.get(problem.subject.argument)
    return problem if span is None else problem.about(option="set")._replace(span=span)


def _in_readers_file(problem: Problem, target: Target) -> Problem:
    """A mistake that shows in a shipped network, at the line of the file that extends it."""
    if problem.span is None or target.file == "-" or not is_shipped(problem.span.source.path):
        return problem
    try:
        return in_own_file(problem, read_document(find_source(target.file), read_file).bases)
    except ConvcalcError:
        return problem


class _Trial:
    """One network before the gate: what was found of it so far."""

    def __init__(
        self, target: Target, of_file: Spec, analysis: Analysis, locked: LockedNetwork | None
    ) -> None:
        self.target = target
        self.of_file = of_file
        self.analysis = analysis
        self.report = analysis.report
        self.dtype = dtype_of(of_file, target.rules)
        self.locked = locked
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        #: Whether convcalc.yaml limits what is not there: a mistake of its own.
        self.misused = False
        #: Totals whose growth is limited and that the lock does not know.
        self.unlocked: list[str] = []

    def hold(self, rule: str, limits: Sequence[Limit], *, configured: bool = False) -> None:
        """Holds some limits against the network; `configured` ones are convcalc.yaml's."""
        if rule in {"growth", "fail-on"}:
            # Bytes are compared with the lock's, which are those of the network's own dtype.
            limits = [limit._replace(dtype=self.dtype) for limit in limits]
        for limit in limits:
            try:
                finding = self._finding(rule, limit)
            except ConvcalcError as error:
                # No such layer, or no rule for a kind: a limit that cannot be held is not kept.
                self.problems += [self._of_variant(problem) for problem in error.problems]
                codes = [problem.code for problem in error.problems]
                self.misused |= configured and NO_SUCH_LAYER in codes
                continue
            self.findings.append(finding)
            if finding.problem is not None:
                (self.warnings if rule == "warn" else self.problems).append(finding.problem)

    def _finding(self, rule: str, limit: Limit) -> Finding:
        if limit.metric.startswith("layers."):
            return self._layers(rule, limit)
        if limit.metric == "output":
            return self._output(rule, limit)
        return self._total(rule, limit)

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
        parts = heaviest(self.analysis, *wanted)
        return self._broken(rule, limit, found, limit.most, parts)

    def _growth(self, rule: str, limit: Limit, growth: Growth, found: int) -> Finding:
        before = self.locked.totals.get(limit.metric) if self.locked is not None else None
        if before is None or self.locked is None:
            self.unlocked.append(limit.metric)  # an older lock has not got it
            return _kept(rule, limit, found, found)
        if limit.unit == BYTES and self.locked.dtype != self.dtype:
            raise ConvcalcError([self._other_dtype(limit, self.locked.dtype)])
        most = growth.most(before)
        if found <= most:
            return _kept(rule, limit, found, most)._replace(baseline=before)
        from convcalc.checks.diff.growth import grown_parts

        parts, grew = grown_parts(self.analysis, limit.metric, self.locked)
        return self._broken(rule, limit, found, most, parts, before, grew)

    def _other_dtype(self, limit: Limit, locked: str) -> Problem:
        """Bytes of one dtype are no measure for those of another."""
        message = (
            f"the growth of {limit.metric} cannot be told:"
            f" bytes are locked as {locked}, and are {self.dtype} now"
        )
        help_text = f"`convcalc lock` accepts the change; measured as {locked} growth can be told"
        problem = Problem("other-dtype", message, _written_at(limit), helps(help_text))
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
            problem = Problem(_CODES[rule], message, node.span, _facts(rule, limit), node.calls)
            problem = self._in_own_file(problem, limit)
            reads = cross_text(node.shape)
            return kept._replace(found=found, limit=allowed, ok=False, problem=problem, reads=reads)
        return kept

    def _layers(self, rule: str, limit: Limit) -> Finding:
        """Holds single layers and groups against a limit: the heaviest one decides."""
        from convcalc.checks.project.layer_limits import held_layers

        _, _, rest = limit.metric.partition(".")
        pattern, _, metric = rest.rpartition(".")
        convention = limit.convention or OWN
        held = held_layers(self.analysis, pattern, metric, limit.dtype, convention)
        if not held.matched and not held.open:
            name = printable(self.target.file, 200)
            # Not of the variant: it is one mistake, whichever variants it shows in.
            message = f"no layer of {name} is called '{printable(pattern)}'"
            meant = DidYouMean(pattern, held.names)
            raise ConvcalcError([Problem(NO_SUCH_LAYER, message, limit.span, (meant,))])
        found = max([part.value for part in held.matched], default=0)
        if found <= limit.most:
            return _kept(rule, limit, found, limit.most)
        over = [part for part in held.matched if part.value > limit.most]
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
        grew: bool = False,
    ) -> Finding:
        """The finding of a limit that is not kept, and what is told of it."""
        whole = 0 if grew or limit.metric.startswith("layers.") else found
        blamed = tuple([_blamed(part, whole) for part in parts[:MOST_BLAMED]])
        what = f"{limit.metric} {quantity_text(found, limit.unit)}"
        over = quantity_text(found - most, limit.unit)
        if before is not None:
            share = f"{change_text(before, found)} " if before else ""  # of 0 there are no percents
            message = (
                f"{what} is {share}over the lock's"
                f" {quantity_text(before, limit.unit)}, more than {_written(limit)}"
            )
        else:
            share = f" ({change_text(most, found)})" if most else ""
            message = f"{what} is over {_written(limit)} by {over}{share}"
        facts = [*_facts(rule, limit, before is not None)]
        label = "grew most" if grew else "heaviest"
        notes = [Note(f"{label}: {_part_text(part, limit.unit, grew)}") for part in blamed]
        first = parts[0].node if parts else None
        problem = Problem(
            _CODES[rule],
            message,
            first.span if first is not None else self._without_parts(limit),
            (*facts[:1], *notes, *facts[1:]),
            first.calls if first is not None else (),
        )
        problem = self._in_own_file(problem, limit)
        kept = _kept(rule, limit, found, most)
        return kept._replace(ok=False, baseline=before, problem=problem, parts=blamed)

    def _without_parts(self, limit: Limit) -> Span | None:
        """The line to blame where no layer is: the limit's in the file itself, or the first."""
        source = self.of_file.source
        return limit.span if limit.span.source is source else Span(source, 1, 1)

    def _in_own_file(self, problem: Problem, limit: Limit) -> Problem:
        problem = problem.about(variant=self.target.variant)
        return in_own_file(problem, self.of_file.bases, _written_at(limit))


#: The code of a problem by the rule that set the limit.
_CODES = {
    "budget": "over-budget",
    "warn": "over-warning",
    "growth": "growth",
    "fail-on": "fail-on",
}


def _kept(rule: str, limit: Limit, found: int, most: int) -> Finding:
    return Finding(
        limit.metric,
        rule,
        found,
        most,
        limit.unit,
        True,
        written=_written(limit),
        place=_place(limit.span),
    )


def _written(limit: Limit) -> str:
    """A limit as it is written, growth with its sign; and what its figure is meant in."""
    text = f"+{limit.text}" if limit.growth is not None else limit.text
    meant = limit.convention or (limit.dtype if limit.unit and limit.dtype != DEFAULT_DTYPE else "")
    return f"{text} ({meant})" if meant else text


def _written_at(limit: Limit) -> Span | None:
    """Where a limit is written, if it is in a file."""
    return None if limit.span.source.name.startswith("--") else limit.span


def _place(span: Span | None) -> str:
    """`convcalc.yaml:6`; for an option its name."""
    if span is None:
        return ""
    name = printable(span.source.name, 4096)
    return name if name.startswith("--") else f"{name}:{span.line}"


def _facts(rule: str, limit: Limit, against_lock: bool = False) -> tuple[Fact, ...]:
    """Where the limit is written, and what can be done."""
    place = _place(limit.span)
    said = f"at most {_written(limit)}, {place}"
    edit = "" if place.startswith("--") else f", or edit the limit at {place}"
    accept = ", or accept it with `convcalc lock`" if against_lock else ""
    return (Rule(said), Help(f"make the network smaller{edit}{accept}"))


def _blamed(part: Contribution, whole: int) -> Blamed:
    share = ""
    if whole:
        tenths = (2000 * part.value + whole) // (2 * whole)
        share = f"{tenths // 10}.{tenths % 10}%"
    return Blamed(part.path, _place(part.node.span), part.value, share)


def _part_text(part: Blamed, unit: str, grew: bool) -> str:
    place = f" at {part.place}" if part.place else ""
    share = f" ({part.share})" if part.share else ""
    return f"{part.path}{place}, {'+' if grew else ''}{quantity_text(part.value, unit)}{share}"
