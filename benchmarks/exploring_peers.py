"""How long torchinfo and fvcore take for variants of a network; `benchmarks.exploring` starts it.

    python benchmarks/exploring_peers.py mobilenet_v2 '[[0.5, 224], [1.0, 96]]'

Prints the seconds of each package, the network built anew for each variant, as the packages need
it. It imports nothing of convcalc, so that it runs where PyTorch is installed and convcalc is not.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any


def mobilenet_v2(models: Any, width: float, size: int) -> tuple[Any, int]:
    """The network of a width, and the size of its input."""
    return models.mobilenet_v2(width_mult=width), size


def resnet50(models: Any, *numbers: int) -> tuple[Any, int]:
    """The network of depths and a width of its groups, and the size of its input."""
    *depths, width, size = numbers
    block = models.resnet.Bottleneck
    return models.ResNet(block, list(depths), width_per_group=width), size


BUILDERS: dict[str, Callable[..., tuple[Any, int]]] = {
    "mobilenet_v2": mobilenet_v2,
    "resnet50": resnet50,
}


def main() -> None:
    """Prints the seconds as JSON."""
    name, variants = sys.argv[1], json.loads(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import torch

    # Shapes of compiled operators, which these models do not use. Replacing this module allows
    # importing a torchvision that was built for another PyTorch.
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("_meta_registrations")
    import torchvision
    from fvcore.nn import FlopCountAnalysis
    from torchinfo import summary

    torch.set_num_threads(1)
    tasks = {
        "torchinfo": lambda model, shape: summary(model, shape, verbose=0).total_mult_adds,
        "fvcore": lambda model, shape: FlopCountAnalysis(model, torch.zeros(*shape)).total(),
    }
    seconds = {}
    for package, task in tasks.items():
        _run(torchvision.models, name, variants[:1], task)  # what is loaded only once
        start = time.process_time()
        _run(torchvision.models, name, variants, task)
        seconds[package] = time.process_time() - start
    print(json.dumps(seconds))


def _run(
    models: Any, name: str, variants: Sequence[Sequence[float]], task: Callable[..., Any]
) -> None:
    for numbers in variants:
        model, size = BUILDERS[name](models, *numbers)
        task(model.eval(), (1, 3, size, size))


if __name__ == "__main__":
    main()
