"""`convcalc formula`: a metric as a closed form in what varies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli import options, spaces
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import chosen_format, emit
from convcalc.metrics import METRICS
from convcalc.problems import WRONG, printable
from convcalc.quantities import BYTES, DTYPES

if TYPE_CHECKING:
    from convcalc.explore.variables import Variable
    from convcalc.language.building.spec import Spec

FORMATS = ("text", "latex")
#: What the spatial sizes of an input are called.
_SIZE_NAMES = {1: ("n",), 2: ("h", "w"), 3: ("d", "h", "w")}
#: The largest number that an argument is, where none is named.
_LARGEST = 4096


@guarded
def formula(  # noqa: PLR0913, PLR0917 - an argument for each option
    network: spaces.Network,
    metric: Annotated[
        str, typer.Argument(metavar="METRIC", help="Name a metric: macs, params, peak_memory.")
    ],
    over: Annotated[
        str | None,
        typer.Option(
            "--over",
            metavar="NAMES",
            help="Give the formula in these: width,in_size. Or among values: 'width=0.25..1:0.05'.",
        ),
    ] = None,
    sets: options.Sets = None,
    double_channels: options.DoubleChannels = False,
    scale_channels: options.ScaleChannels = None,
    double_padding: options.DoublePadding = False,
    kernel: options.Kernel = None,
    dtype: options.Dtype = "float32",
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Give a metric as a formula in arguments and input sizes.

    Examples:
      convcalc formula resnet50 macs
      convcalc formula mobilenet_v2 params --over width=0.25..1:0.05
      convcalc formula unet macs --format latex

    A name alone stands for whole numbers; the formula is that of the file's own value, and of all
    for which the same holds. With values, every formula among these is shown. Formats: text, latex.
    """
    from convcalc.explore.evaluate import check_metrics
    from convcalc.explore.figures import LARGEST, SUMMED
    from convcalc.explore.formula import formula as pieces_of
    from convcalc.render.formula import Shown, formula_latex, formula_text

    style = chosen_format(style, output, FORMATS)
    options.read_word("--dtype", dtype, tuple(DTYPES))
    check_metrics([metric], dtype)
    if metric not in SUMMED and metric not in LARGEST:
        help_text = f"there are formulas of {', '.join([*SUMMED, *LARGEST])}"
        refuse(f"{metric} is searched for in a network and has no formula", help_text)
    what_if = options.read_what_if(double_channels, scale_channels, double_padding, kernel)
    max_layers = options.read_max_layers(max_layers)
    read, args = spaces.spec_of(network, sets, max_layers)
    variables, names, own = _variables(read, over or "in_size")
    fixed = [variable.name for variable in variables if variable.name in args]
    if fixed:
        refuse(f"'{printable(fixed[0])}' varies, and --set fixes it")
    found = pieces_of(
        read,
        metric,
        variables,
        own=own,
        args=args,
        what_if=what_if,
        dtype=dtype,
        max_layers=max_layers,
    )
    pieces = [Shown(piece.guards, piece.candidates, piece.code) for piece in found]
    whole = any(piece.candidates for piece in pieces)
    if style == "latex":
        if not whole:
            refuse("there is no formula", "--format text says why")
        emit(formula_latex(metric, pieces, names), output)
    else:
        named = [f"{short} is {long}" for long, (_, short) in names.items() if len(short) == 1]
        named = [text for text in named if "in_size" in text]
        notes = [f"{', '.join(named)}."] if named else []
        if METRICS[metric].unit == BYTES:
            notes.append(f"Bytes are those of numbers in {dtype}.")
        note = "\n".join(notes)
        emit(formula_text(spaces.titled(read.name, what_if), metric, pieces, names, note), output)
    return 0 if whole else WRONG


def _variables(
    spec: Spec, text: str
) -> tuple[list[Variable], dict[str, tuple[int, str]], list[int] | None]:
    """What varies, what its numbers are called, and the point of the file's own values.

    The point is None where values are given.
    """
    from convcalc.explore.ranges import read_variable, variable_of
    from convcalc.explore.settings import check_name
    from convcalc.explore.variables import IN_SIZE
    from convcalc.language.reading.ranges import split_values

    parts = split_values(text)
    given = [part for part in parts if "=" in part]
    if given:
        if len(parts) > len(given):
            # The commas of one list of values.
            given = [text]
        variables = [read_variable(spec, part) for part in given]
        shown = {u.name: u.shown for v in variables for u in v.unknowns.values()}
        return variables, shown, None
    variables = []
    names: dict[str, tuple[int, str]] = {}
    own: list[int] = []
    shapes = spec.shapes({})
    axes = min(map(len, shapes.values())) - 1
    first = next(iter(shapes.values()))
    for name in [part.strip() for part in parts]:
        check_name(spec, name)
        if name == IN_SIZE:
            for axis, short in enumerate(_SIZE_NAMES.get(axes, ())):
                each = f"{IN_SIZE}[{axis}]"
                names[each] = (1, short)
                most = max(_LARGEST, first[axis + 1])
                variables.append(variable_of(spec, each, [f"1..{most}"]))
                own.append(first[axis + 1] - 1)
            continue
        value = spec.args.get(name)
        if type(value) is not int or not value >= 0:
            refuse(f"'{printable(name)}' is no whole number", f"--over {name}=LOW..HIGH:STEP")
        low = min(value, 1)
        variables.append(variable_of(spec, name, [f"{low}..{max(_LARGEST, value)}"]))
        names[name] = (1, name)
        own.append(value - low)
    return variables, names, own
