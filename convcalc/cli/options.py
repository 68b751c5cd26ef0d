"""Options that several commands share, and functions that read their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli.guard import DetailedError, refuse, report_problems
from convcalc.exchange.load import spec
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.spec import NetworkError, Spec
from convcalc.problems import printable
from convcalc.quantities import DTYPES
from convcalc.record import Record
from convcalc.shapes import LARGEST_SIZE

if TYPE_CHECKING:
    from fractions import Fraction

    from convcalc.exchange.model import Model
    from convcalc.graph import Network
    from convcalc.transform.whatif import WhatIf

FILE_HELP = "Name a spec, a model file or a shipped network. '-' is standard input."

File = Annotated[str, typer.Argument(metavar="FILE", help=FILE_HELP)]
Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE",
        help="Name specs, folders, globs or shipped networks. By default the"
        " networks of convcalc.yaml.",
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config", metavar="FILE", help="Use this file in place of the nearest convcalc.yaml."
    ),
]
AllowUnknown = Annotated[
    bool,
    typer.Option(
        "--allow-unknown",
        help="Take the known part of networks with unknown costs. It is marked as such.",
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "--dim",
        metavar="NAME=VALUE",
        help="Set an arg of the file, or a named dimension of a model. Repeatable.",
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]CxHxW",
        help="Use another input shape. Repeatable if there are several inputs.",
    ),
]
MaxLayers = Annotated[
    int,
    typer.Option(
        "--max-layers",
        metavar="N",
        help="Refuse a network of more layers. In check and lock, also a file whose"
        " variants have more together.",
    ),
]
Batch = Annotated[
    int, typer.Option("--batch", metavar="N", help="Compute for a batch of N samples.")
]
FORMAT = typer.Option("--format", metavar="NAME", help="Write in this format.")
Format = Annotated[str | None, FORMAT]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="PATH", help="Write to this file instead.")
]
Depth = Annotated[
    int | None, typer.Option("--depth", metavar="N", help="Sum up groups below this depth.")
]
Expand = Annotated[
    bool, typer.Option("--expand", help="Show a row for every operation, including fused ones.")
]
Sort = Annotated[
    str | None,
    typer.Option(
        "--sort", metavar="COLUMN", help="Sort by this column: figures largest first, names A to Z."
    ),
]
Top = Annotated[int | None, typer.Option("--top", metavar="N", help="Show only the first N rows.")]
By = Annotated[str | None, typer.Option("--by", metavar="kind", help="Show one row for each kind.")]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAMES",
        help="Show these columns, such as name,output,macs,live. The page"
        " docs/columns.md lists them all.",
    ),
]
DoubleChannels = Annotated[
    bool, typer.Option("--double-channels", help="Double every convolution's channels.")
]
ScaleChannels = Annotated[
    str | None,
    typer.Option(
        "--scale-channels",
        metavar="X",
        help="Multiply the channels by X, such as 0.5 or 3/4. The result is rounded"
        " to what groups allow.",
    ),
]
DoublePadding = Annotated[
    bool,
    typer.Option(
        "--double-padding",
        help="Double every convolution's padding. Joined branches must still fit.",
    ),
]
Kernel = Annotated[
    int | None,
    typer.Option(
        "--kernel",
        metavar="K",
        help="Give every convolution this kernel. Its padding keeps the shape if it can.",
    ),
]
ColumnsDtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help=f"Count the bytes of --columns in this type of numbers. One of {', '.join(DTYPES)}.",
    ),
]
ValidTaps = Annotated[
    bool, typer.Option("--valid-taps", help="Leave out window taps that fall on padding.")
]
Training = Annotated[
    bool, typer.Option("--training", help="Analyse a training step: forward, backward, optimizer.")
]
Optimizer = Annotated[
    str | None,
    typer.Option(
        "--optimizer",
        metavar="NAME",
        help="Use sgd (default), sgd-momentum, nesterov, adam, adamw.",
    ),
]
InputGradient = Annotated[
    bool,
    typer.Option("--input-gradient", help="With --training, include the gradient of the input."),
]

Dtype = Annotated[
    str,
    typer.Option(
        "--dtype", metavar="NAME", help=f"Use numbers of this type. One of {', '.join(DTYPES)}."
    ),
]
WeightsDtype = Annotated[
    str | None,
    typer.Option(
        "--weights", metavar="NAME", help="Use this type for weights, if it is not --dtype."
    ),
]
FloatDtype = Annotated[
    str, typer.Option("--dtype", metavar="NAME", help="Compute with float32 or float64.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Use this seed for random numbers.")]

#: The default of `--max-layers`.
MAX_LAYERS = MOST_LAYERS
#: Types of numbers that a network can be run with.
FLOAT_DTYPES = ("float32", "float64")
#: Larger batches fit into no memory; they are typing mistakes.
_LARGEST_BATCH = LARGEST_SIZE


class Loaded(Record):
    """A network, and the options that make it differ from the file's network.

    model  what else the file holds, where it is a model
    """

    network: Network
    altered: str
    model: Model | None = None


class Unfinished(DetailedError):
    """A network with mistakes, whose shapes up to the first that does not fit are shown as well.

    network  what could be read of it
    """

    def __init__(self, error: NetworkError) -> None:
        def details(width: int | None) -> str:
            from convcalc.render.partial import partial_text  # only a mistake needs it

            return partial_text(error, width)

        from convcalc.explore.fitting import with_fitting  # only a mistake needs it

        super().__init__(with_fitting(error), details)
        self.network = error.network


def load_file(
    file: str, sets: Sequence[str] | None, inputs: Sequence[str] | None, max_layers: int
) -> Loaded:
    """Reads the network that the options describe, and the spec that it comes from."""
    args, shapes = read_sets(sets), read_inputs(inputs)
    most = read_max_layers(max_layers)
    read = spec(file)
    model = None
    try:
        if isinstance(read, Spec):
            network = read.network(args, shapes, max_layers=most)
        else:
            model = read.model(args, shapes, max_layers=most)
            network = model.network
    except NetworkError as error:
        raise Unfinished(error) from None
    if network.notes:
        report_problems(network.notes, level="note")
    flags = {"--set": read.changes(args) if args else None, "--input": shapes}
    return Loaded(network, " ".join([flag for flag, used in flags.items() if used]), model)


def load_network(
    file: str, sets: Sequence[str] | None, inputs: Sequence[str] | None, max_layers: int
) -> Network:
    """Reads the network that the options describe."""
    return load_file(file, sets, inputs, max_layers).network


def read_sets(texts: Sequence[str] | None, option: str = "--set") -> dict[str, str]:
    """Reads `NAME=VALUE` texts as a mapping."""
    values: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            refuse(f"{option} takes NAME=VALUE, not '{printable(text)}'", f"{option} width=0.5")
        if name.strip() in values:
            refuse(f"{option} {printable(name.strip())} is given twice")
        values[name.strip()] = value
    return values


def read_inputs(texts: Sequence[str] | None) -> Sequence[int] | Mapping[str, Sequence[int]] | None:
    """Reads `CxHxW` or `NAME=CxHxW` texts as a shape, or as shapes by name."""
    if not texts:
        return None
    shapes: dict[str, list[int]] = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if name in shapes:
            refuse(f"--input {printable(text)}: this input is given twice")
        parts = re.split("[xX\u00d7,]", sizes.strip())
        if not all(re.fullmatch(r"[0-9]{1,12}", part.strip()) for part in parts):
            refuse(
                f"--input takes sizes joined by x, not '{printable(text)}'",
                "channels first, without the batch axis: --input 3x224x224",
            )
        shapes[name] = [int(part) for part in parts]
    if "" in shapes:
        if len(shapes) > 1:
            refuse("--input: with several inputs each needs its name: --input left=3x64x64")
        return shapes[""]
    return shapes


def read_batch(batch: int) -> int:
    """Checks the batch size."""
    if not 1 <= batch <= _LARGEST_BATCH:
        refuse(f"--batch must be a whole number from 1 to {_LARGEST_BATCH}, not {batch}")
    return batch


def read_max_layers(value: int) -> int:
    """Checks the limit on layers."""
    if value < 1:
        refuse(f"--max-layers must be at least 1, not {value}")
    return value


def read_count(option: str, value: int | None) -> int | None:
    """Checks that an option's count is at least 1."""
    if value is not None and value < 1:
        refuse(f"{option} must be at least 1, not {value}")
    return value


def read_dtypes(dtype: str, weights: str | None) -> None:
    """Checks the types of numbers."""
    read_word("--dtype", dtype, tuple(DTYPES))
    if weights is not None:
        read_word("--weights", weights, tuple(DTYPES))


def read_optimizer(training: bool, name: str | None, input_gradient: bool = False) -> str:
    """The optimizer's name; refuses options of training without --training."""
    for option, given in (("--optimizer", name), ("--input-gradient", input_gradient)):
        if given not in (None, False) and not training:
            example = "--optimizer adam" if option == "--optimizer" else option
            refuse(f"{option} is about training", f"--training {example}")
    if name is None:
        return "sgd"
    from convcalc.analysis.training.optimizers import optimizer_named

    return optimizer_named(name).name


def read_word(option: str, word: str, words: Sequence[str]) -> str:
    """Checks that an option's word is one of `words`."""
    if word not in words:
        from convcalc.spelling import did_you_mean  # only a mistake needs it

        meant = did_you_mean(word, words) or f"one of {', '.join(words)}"
        if len(words) == 1:
            meant = f"{option} {words[0]}"
        refuse(f"{option} cannot be '{printable(word)}'", meant)
    return word


def read_what_if(
    double_channels: bool, scale_channels: str | None, double_padding: bool, kernel: int | None
) -> WhatIf | None:
    """The what-ifs that options ask for; None without one."""
    if not double_channels and scale_channels is None and not double_padding and kernel is None:
        return None
    from convcalc.transform.whatif import WhatIf

    factor = None if scale_channels is None else _factor(scale_channels)
    return WhatIf(double_channels, factor, double_padding, kernel).checked()


def _factor(text: str) -> Fraction:
    from fractions import Fraction

    try:
        if len(text) > 40 or "e" in text.lower():
            raise ValueError
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        refuse(
            f"--scale-channels takes a factor, not '{printable(text)}'",
            "--scale-channels 0.5 or 3/4",
        )
