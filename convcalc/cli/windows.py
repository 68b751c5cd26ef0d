"""Pictures of a layer's window: `explain --format svg` and `animate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.explain import explain
from convcalc.cli.guard import refuse
from convcalc.cli.output import emit
from convcalc.graph import Network, Node
from convcalc.problems import printable
from convcalc.render.drawing.keys import keys_of
from convcalc.render.drawing.keys_svg import keys_svg
from convcalc.render.drawing.window import (
    MOST_CELLS,
    Numbered,
    Numbers,
    Scene,
    can_run,
    part_of,
    scene_of,
    step_of,
)
from convcalc.render.drawing.window_svg import window_svg
from convcalc.render.explain import formula_lines

#: Cells of an axis that a moving window goes over: fewer, so that it comes to an end.
_MOVING = 6
#: Different windows of a page with numbers.
_MOST_RUNS = 40


def emit_window(
    network: Network, nodes: Sequence[Node], output: str | None, *, animated: bool = False
) -> None:
    """Writes the first of these nodes that has a window as SVG; refuses if none has."""
    for node in nodes:
        shapes = network.input_shapes(node)
        title = f"{printable(node.path, 60)}: {node.layer.described(shapes)}"
        scene = scene_of(node.layer, shapes, title, _MOVING if animated else MOST_CELLS)
        if scene is not None:
            scene = numbered(scene, node, network)
            formulas = formula_lines(explain(network, node))
            emit(window_svg(scene, formulas=formulas, animated=animated), output, "xml")
            return
        keys = keys_of(node.layer, shapes, title)
        if keys is not None:
            emit(keys_svg(keys, animated=animated), output, "xml")
            return
    kinds = " and ".join(dict.fromkeys([node.kind for node in nodes]))
    refuse(
        f"'{printable(nodes[0].path)}' is a {kinds}: no window slides over its input,"
        " or the window is too large to be drawn",
        "name a convolution, a pooling or an attention;"
        " `convcalc explain` shows the formulas of any layer",
    )


def scenes_of(analysis: Analysis) -> dict[int, Scene]:
    """The windows of a network's units, by their index, for a page that shows any of them.

    Layers whose parts that are shown are equal share their numbers.
    """
    found: dict[int, Scene] = {}
    run: dict[object, Scene] = {}
    network = analysis.network
    for unit in analysis.report.units:
        node = unit.node
        if not unit.members:
            continue
        shapes = network.input_shapes(node)
        scene = scene_of(node.layer, shapes, "", planes=False)
        if scene is not None and scene.inputs > 1:
            # The maps of several channels stand below each other: they need to be small.
            scene = scene_of(node.layer, shapes, "", _MOVING, planes=False)
        if scene is None:
            continue
        # A run shows the same numbers for all layers whose shown parts agree.
        if scene.scatters or scene.kind == "avgpool" or not can_run(scene):
            found[unit.index] = scene
            continue
        key = (scene, part_of(node.layer, scene, shapes))
        if key not in run and len(run) < _MOST_RUNS:
            run[key] = numbered(scene, node, network)
        found[unit.index] = run.get(key, scene)
    return found


def numbered(scene: Scene, node: Node, network: Network) -> Scene:
    """The scene with the numbers of a run of the part that is shown, if they are whole numbers."""
    if not can_run(scene):
        return scene
    from convcalc.executor.sample import sample  # imports NumPy

    layer, shape = part_of(node.layer, scene, network.input_shapes(node))
    found = sample(layer, shape, step_of(scene))
    if found is None:
        return scene

    def maps(channels: list[Any]) -> Numbers:
        """The maps below each other: one row each, or the planes of each channel."""
        if scene.rank == 1:
            return [[channel] for channel in channels]
        return channels if scene.rank == 2 else [plane for one in channels for plane in one]

    weight = [maps(kernel) for kernel in found.weight]
    numbers = Numbered(maps(found.input), maps(found.output), weight, found.bias)
    return scene._replace(numbers=numbers)
