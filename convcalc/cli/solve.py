"""`convcalc solve`: the best variant of a network, with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli import options, spaces
from convcalc.cli.boards import Board
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import chosen_format, emit_json, emit_lines
from convcalc.cli.spaces import Asked
from convcalc.problems import WRONG, printable

if TYPE_CHECKING:
    from convcalc.explore.solve import Answer, Solution
    from convcalc.explore.sweep import Explorer
    from convcalc.render.solve import Found, Solved

FORMATS = ("text", "json")
#: The sizes that are tried where only the size is asked for.
_SIZES = "in_size=1..1024"
#: Figures that are shown of an answer.
_USUAL = ("params", "macs", "peak_in_place")


@guarded
def solve(  # noqa: PLR0913, PLR0917 - an argument for each option
    network: spaces.Network,
    maximize: Annotated[
        str | None,
        typer.Option("--maximize", metavar="NAME", help="Find the most of this metric: macs."),
    ] = None,
    minimize: Annotated[
        str | None,
        typer.Option(
            "--minimize",
            metavar="NAME",
            help="Find the least of this metric, or of what varies: in_size.",
        ),
    ] = None,
    limits: spaces.Limits = None,
    device: Board = None,
    over: spaces.Over = None,
    sets: options.Sets = None,
    space: spaces.Space = None,
    double_channels: options.DoubleChannels = False,
    scale_channels: options.ScaleChannels = None,
    double_padding: options.DoublePadding = False,
    kernel: options.Kernel = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="NAMES", help="Show these figures of the answer."),
    ] = None,
    dtype: options.Dtype = "float32",
    jobs: spaces.Jobs = 1,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Find the best variant that keeps some limits, with proof.

    Examples:
      convcalc solve mobilenet_v2 --maximize macs --limit 'peak_memory<=1MB'
        --over width=0.1..1:0.05 --over in_size=96..224:32
      convcalc solve resnet8 --minimize macs --over in_size=16..64
      convcalc solve unet --minimize in_size

    Every point of the space is looked at, and nothing is assumed about what grows with what. The
    proof says what became of each. Exit status: 0 an answer; 1 no variant keeps every limit.
    Formats: text, json.
    """
    from convcalc.explore.solve import Objective
    from convcalc.explore.solve import solve as best_of
    from convcalc.render.progress import points_done
    from convcalc.render.solve import solve_data, solve_text

    style = chosen_format(style, output, FORMATS)
    options.read_count("--jobs", jobs)
    if (maximize is None) == (minimize is None):
        refuse("solve needs one of --maximize and --minimize", "--maximize macs")
    name = maximize or minimize or ""
    usual = (_SIZES,) if name == "in_size" else ()
    what_if = options.read_what_if(double_channels, scale_channels, double_padding, kernel)
    asked = Asked(network, over, space, sets, limits, dtype, max_layers, usual=usual, device=device)
    asked = asked._replace(what_if=what_if)
    shown = [*_USUAL] if metrics is None else [part.strip() for part in metrics.split(",")]
    explorer, title = asked.explorer(shown, [name])
    _check_objective(explorer, name)
    count = explorer.domain.count
    with points_done(count, 0, shown=spaces.has_progress()) as looked_at:
        objective = Objective(name, maximize is not None)
        solution = best_of(explorer, objective, jobs=jobs, looked_at=looked_at)
    words = f"the {'most' if maximize else 'least'} {name}"
    solved = _solved(explorer, solution, title, words)
    if style == "json":
        emit_json(solve_data(solved), output)
    else:
        emit_lines(solve_text(solved), output)
    return 0 if solution.best is not None else WRONG


def _check_objective(explorer: Explorer, name: str) -> None:
    """Refuses what varies, but is no number."""
    for variable in explorer.variables:
        if variable.name == name and -1 not in variable.unknowns:
            refuse(f"'{printable(name)}' is no number, of which one is the least")


def _solved(explorer: Explorer, solution: Solution, title: str, words: str) -> Solved:
    from convcalc.render.solve import Proof, Solved

    question, counts = explorer.question, solution.counts
    broken = {
        bound.text: count for bound, count in zip(question.bounds, counts.broken, strict=True)
    }
    proof = Proof(
        counts.points,
        counts.excluded,
        counts.invalid,
        broken,
        solution.kept,
        solution.unneeded,
    )
    best, second = _found(solution.best), _found(solution.runner_up)
    return Solved(title, words, best, second, solution.equal, proof, question.dtype)


def _found(answer: Answer | None) -> Found | None:
    from convcalc.render.solve import Found

    return None if answer is None else Found(answer.values, answer.figures)
