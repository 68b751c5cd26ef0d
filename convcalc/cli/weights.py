"""`convcalc weights`: writes a network's weights to a file, for `verify --weights` and others."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, write_error
from convcalc.cli.output import refuse_empty
from convcalc.problems import printable


@guarded
def weights(
    file: options.File,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="PATH", help="Write this .npz file.")
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    seed: options.Seed = 0,
    dtype: options.FloatDtype = "float32",
) -> int:
    """Write the weights that a seed makes to an .npz file.

    Examples:
      convcalc weights lenet --output lenet.npz
      convcalc verify lenet --weights lenet.npz

    Names are layer paths: conv0.weight (channels out, channels in / groups, height, width),
    conv0.bias, stage1.unit0.conv0.batchnorm.running_mean. Values are those that `verify` makes from
    the same seed. The file is written beside and renamed, one array at a time.
    """
    refuse_empty(output)
    options.read_word("--dtype", dtype, options.FLOAT_DTYPES)
    network = options.load_network(file, sets, input_, max_layers)

    from convcalc.executor.blas import limit_blas_to_one_thread

    limit_blas_to_one_thread()
    from convcalc.executor.files import write_npz
    from convcalc.executor.weights import seeded_weights

    count = write_npz(output, seeded_weights(network, seed, dtype))
    write_error(f"{count} arrays written to {printable(output, 200)}\n")
    return 0
