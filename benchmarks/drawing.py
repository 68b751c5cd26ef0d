"""The time of a drawing: of each shipped network, of a whole process, and how it grows.

Goals: layout and SVG take at most 50 ms for any shipped network, everything open, or as volumes;
`draw` takes as a whole process at most 3 times as long as `shapes`; a drawing of 20,000 layers
takes at most as many times longer than one of 2,000 as n log n says, and half as much again.
"""

from __future__ import annotations

import subprocess
import sys
from math import log
from statistics import median
from time import perf_counter, process_time

import convcalc
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names
from convcalc.render.drawing.costs import costs_of
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.picture import picture
from convcalc.render.drawing.svg import svg_text
from convcalc.render.drawing.volumes import volumes
from convcalc.render.drawing.volumes_svg import volumes_svg


def _drawing_time(network: Network, nodes: int, *, broken: bool = False, repeat: int = 5) -> float:
    """The median time of layout and SVG, in seconds of this process."""
    analysis = convcalc.Analysis(network)
    units = analysis.report.units
    costs = costs_of(analysis, units, "macs")
    times = []
    for _ in range(repeat):
        start = process_time()
        svg_text(draw(picture(network, units, costs, nodes=nodes), broken=broken))
        times.append(process_time() - start)
    return median(times)


def _volumes_time(network: Network, repeat: int = 5) -> tuple[float, int]:
    """The median time of a picture of volumes, in seconds of this process, and its bytes."""
    units = convcalc.analyze(network).units
    times = []
    text = ""
    for _ in range(repeat):
        start = process_time()
        text = volumes_svg(volumes(network, units))
        times.append(process_time() - start)
    return median(times), len(text.encode())


def _process_time(command: str, name: str) -> float:
    start = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "convcalc", command, name], check=True, stdout=subprocess.DEVNULL
    )
    return perf_counter() - start


def _chain(layers: int) -> Network:
    text = (
        f"input: [8, 64]\nblocks:\n  unit:\n    - add: [[{{conv: 8, kernel: 1}}], []]\n"
        f"layers:\n  - {{unit: , repeat: {layers // 2}}}\n  - {{conv: 8, kernel: 1}}\n"
    )
    return convcalc.loads(text)


def main() -> None:
    """Prints the figures with their goals."""
    print(f"{'network, everything open':32} {'tall':>9} {'wide':>9}   goal: 50 ms")
    for name in shipped_names():
        network = convcalc.load(name)
        tall, wide = [_drawing_time(network, 10**6, broken=broken) for broken in (False, True)]
        print(f"{name:32} {tall * 1000:6.1f} ms {wide * 1000:6.1f} ms")
    print(f"\n{'process':32} {'shapes':>9} {'draw':>9}   goal: 3 times")
    for name in ("lenet", "resnet50", "swin_t"):
        pairs = [(_process_time("shapes", name), _process_time("draw", name)) for _ in range(5)]
        shapes, drawn = (median(times) for times in zip(*pairs, strict=True))
        print(f"{name:32} {shapes * 1000:6.0f} ms {drawn * 1000:6.0f} ms   {drawn / shapes:.2f}")
    print(f"\n{'chain, as volumes':32} {'time':>9} {'bytes':>9}   goal: 50 ms, 20,480 bytes")
    for name in ("lenet", "alexnet", "vgg19", "mobilenet_v1"):
        seconds, size = _volumes_time(convcalc.load(name))
        print(f"{name:32} {seconds * 1000:6.1f} ms {size:9,}")
    few, many = [_drawing_time(_chain(n), 10**6, repeat=3) for n in (2000, 20000)]
    goal = 1.5 * 10 * log(20000) / log(2000)
    print(f"\n20,000 layers against 2,000: {many / few:.1f} times as long   goal: {goal:.1f}")


if __name__ == "__main__":
    main()
