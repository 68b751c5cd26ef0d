"""Options that describe a space of variants, shared by the commands that explore one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli import options
from convcalc.cli.boards import memory_of
from convcalc.cli.guard import refuse
from convcalc.language.building.spec import Spec
from convcalc.problems import ConvcalcError, printable
from convcalc.quantities import DTYPES
from convcalc.record import Record
from convcalc.roots import current_access

if TYPE_CHECKING:
    from convcalc.explore.sweep import Explorer
    from convcalc.explore.variables import Variable
    from convcalc.problems import Span
    from convcalc.transform.whatif import WhatIf

Network = Annotated[str, typer.Argument(metavar="NETWORK", help=options.FILE_HELP)]
Over = Annotated[
    list[str] | None,
    typer.Option(
        "--over",
        metavar="NAME=VALUES",
        help="Vary this: width=0.25..1:0.05, in_size=96,128,160. Repeatable. An"
        " item of a list is 'depths[2]=1..4'.",
    ),
]
Space = Annotated[
    str | None,
    typer.Option(
        "--space", metavar="FILE", help="Read what varies, and conditions on it, from this YAML."
    ),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="LIMIT",
        help="Keep this limit: 'arena<=256kB', 'macs>=200M'. Repeatable.",
    ),
]
Sampled = Annotated[
    int | None, typer.Option("--sample", metavar="N", help="Look at N points, drawn at random.")
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", help="Use N processes.")]


def spec_of(
    network: str, sets: Sequence[str] | None, max_layers: int
) -> tuple[Spec, dict[str, str]]:
    """A spec, and what `--set` gives its arguments.

    Of a model file it is the spec that `convcalc import` writes, with the dimensions that `--dim`
    gives it; the sizes of its input can vary.
    """
    from convcalc.exchange.load import spec as opened
    from convcalc.language.load import spec

    read = opened(network)
    settings = options.read_sets(sets)
    if isinstance(read, Spec):
        return read, settings
    from convcalc.exchange.decompile import decompile

    text = decompile(read.network(settings, max_layers=max_layers)).yaml
    return spec(read.source.path, text=text), {}


class Asked(Record):
    """A space as the options describe it.

    usual   what varies where nothing is said to
    device  the board whose memory is a limit as well
    """

    network: str
    over: Sequence[str] | None
    space: str | None
    sets: Sequence[str] | None
    limits: Sequence[str] | None
    dtype: str
    max_layers: int
    sample: int | None = None
    seed: int = 0
    usual: tuple[str, ...] = ()
    device: str | None = None
    what_if: WhatIf | None = None

    def explorer(
        self, metrics: Sequence[str], more: Sequence[str] = (), *, keep: bool = False
    ) -> tuple[Explorer, str]:
        """What looks at the points, and the network's name.

        metrics  that are wanted
        more     other metrics, or names of what varies
        keep     whether points that break a limit are wanted
        """
        from convcalc.explore.domain import Sample
        from convcalc.explore.evaluate import check_metrics
        from convcalc.explore.limits import read_bound
        from convcalc.explore.sweep import Explorer, Question

        options.read_count("--sample", self.sample)
        if self.seed < 0:
            refuse(f"--seed is a whole number from 0 on, not {self.seed}")
        options.read_word("--dtype", self.dtype, tuple(DTYPES))
        max_layers = options.read_max_layers(self.max_layers)
        read, fixed = spec_of(self.network, self.sets, max_layers)
        for name, value in fixed.items():
            read.argument(name, value)
        variables, conditions = self._variables(read)
        names = [variable.name for variable in variables]
        _check_names(names, list(fixed))
        shown = list(dict.fromkeys([*metrics, *[name for name in more if name not in names]]))
        check_metrics(shown, self.dtype)
        allowed = current_access()
        question = Question(
            read.source.path,
            read.source.text,
            tuple([(variable.name, variable.values) for variable in variables]),
            tuple(conditions),
            tuple(fixed.items()),
            what_if=self.what_if,
            metrics=tuple(shown),
            bounds=tuple([read_bound(text) for text in self._limits()]),
            keep=keep,
            sample=None if self.sample is None else Sample(self.sample, self.seed),
            dtype=self.dtype,
            max_layers=max_layers,
            allow_outside=allowed.allow_outside,
            max_file_size=allowed.max_file_size,
        )
        try:
            return Explorer(question, read), titled(read.name, self.what_if)
        except ConvcalcError as error:
            raise _in_space(error, conditions) from None

    def _limits(self) -> list[str]:
        """The limits as they are written, and those of the board."""
        of_board = memory_of(self.device) if self.device is not None else {}
        return [*(self.limits or ()), *[f"{name}<={most}" for name, most in of_board.items()]]

    def _variables(self, spec: Spec) -> tuple[list[Variable], dict[str, Span]]:
        """What varies, and the conditions with their places."""
        from convcalc.explore.ranges import read_variable
        from convcalc.explore.space_file import read_space

        variables = [read_variable(spec, text) for text in self.over or ()]
        conditions: dict[str, Span] = {}
        if self.space is not None:
            others, conditions = read_space(spec, self.space)
            variables += others
        if not variables:
            variables = [read_variable(spec, text) for text in self.usual]
        if not variables:
            own = f", or of its arguments {', '.join(spec.args)}" if spec.args else ""
            refuse("nothing varies", f"--over in_size=96..224:32{own}")
        return variables, conditions


def _in_space(error: ConvcalcError, conditions: Mapping[str, Span]) -> ConvcalcError:
    """The same; what is wrong with a condition is at its place in the file."""
    from convcalc.explore.engine import WHEN

    problems = [
        problem._replace(span=conditions.get(problem.subject.value or ""))
        if problem.subject.argument == WHEN
        else problem
        for problem in error.problems
    ]
    return ConvcalcError(problems, error.status)


def titled(name: str, what_if: WhatIf | None) -> str:
    """A network's name, and what is changed of it."""
    return name if what_if is None else f"{name} with {what_if.text}"


def has_progress() -> bool:
    """Whether standard error is a terminal, on which progress is shown."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _check_names(names: Sequence[str], fixed: Sequence[str]) -> None:
    """Refuses a name that varies twice, or that is fixed as well."""
    for number, name in enumerate(names):
        whole = name.partition("[")[0]
        if name in names[:number] or (whole != name and whole in names):
            refuse(f"'{printable(name)}' varies twice")
        if name in fixed:
            refuse(f"'{printable(name)}' varies, and --set fixes it")
