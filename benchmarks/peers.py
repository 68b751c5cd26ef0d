"""The same network's summary by convcalc, torchinfo and fvcore: time and memory as whole processes.

    pip install torch torchvision torchinfo fvcore
    python -m benchmarks.peers

Only this comparison needs the peers. They build the network and run or trace it; convcalc reads its
file.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from importlib.util import find_spec

from benchmarks.measure import (
    Row,
    by_turns,
    convcalc_command,
    peak_memory,
    print_table,
    python_command,
    run,
)

PEERS = ("torch", "torchvision", "torchinfo", "fvcore")
NETWORKS = ("vgg16", "resnet50", "efficientnet_b0")
FASTER = 25
SMALLER = 10
ROUNDS = 5

_MODEL = """
import sys, types, warnings
warnings.simplefilter("ignore")
import torch
# Shapes of compiled operators, which these models do not use. Replacing this module allows
# importing a torchvision that was built for another PyTorch.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("_meta_registrations")
import torchvision
model = getattr(torchvision.models, sys.argv[1])(weights=None).eval()
"""
_TORCHINFO = """
from torchinfo import summary
print(summary(model, (1, 3, 224, 224), depth=9, verbose=0))
"""
_FVCORE = """
import logging
logging.disable(logging.WARNING)
from fvcore.nn import FlopCountAnalysis, flop_count_table
print(flop_count_table(FlopCountAnalysis(model, torch.zeros(1, 3, 224, 224)), max_depth=9))
"""


def main() -> None:
    """Prints the table."""
    missing = [name for name in PEERS if not find_spec(name)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; see the head of {__file__}")
    rows: list[Row] = []
    for network in NETWORKS:
        commands = {
            "convcalc": convcalc_command("flops", network),
            "torchinfo": python_command("-c", _MODEL + _TORCHINFO, network),
            "fvcore": python_command("-c", _MODEL + _FVCORE, network),
        }
        with tempfile.TemporaryDirectory() as folder:
            times = by_turns({n: partial(run, c, folder) for n, c in commands.items()}, ROUNDS)
        memory = {name: peak_memory(command) for name, command in commands.items()}
        ours = f"{times['convcalc'] * 1e3:.0f} ms, {memory['convcalc']:.0f} MB"
        rows.append(Row(f"{network}: convcalc flops", ours))
        for peer in ("torchinfo", "fvcore"):
            faster = times[peer] / times["convcalc"]
            smaller = memory[peer] / memory["convcalc"]
            rows += [
                _at_least(f"  {peer}: times its time", faster, FASTER),
                _at_least(f"  {peer}: times its memory", smaller, SMALLER),
            ]
    print_table("A network's summary, whole processes", rows)


def _at_least(what: str, measured: float, goal: float) -> Row:
    return Row(what, f"{measured:.1f}", f">= {goal:g}", measured >= goal)


if __name__ == "__main__":
    main()
