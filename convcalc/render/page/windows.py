"""The windows of layers as data, which the page's script moves."""

from __future__ import annotations

import json
from typing import Any

from convcalc.render.drawing.window import Axis, Scene


class Windows:
    """The windows of all layers: those that look alike, and equal numbers, are written once."""

    def __init__(self) -> None:
        self.scenes: list[dict[str, Any]] = []
        self.numbers: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def add(self, scene: Scene) -> int:
        """The number of a scene."""
        data: dict[str, Any] = {
            "kind": scene.kind,
            "rank": scene.rank,
            "scatters": scene.scatters,
            "rows": _axis(scene.rows),
            "columns": _axis(scene.columns),
            "channels": scene.channels,
            "inputs": scene.inputs,
            "outputs": scene.outputs,
        }
        if scene.numbers is not None:
            one = scene.numbers
            data["numbers"] = self._once(
                self.numbers,
                {"input": one.input, "output": one.output, "weight": one.weight, "bias": one.bias},
            )
        return self._once(self.scenes, data)

    def _once(self, found: list[dict[str, Any]], data: dict[str, Any]) -> int:
        key = json.dumps(data)
        if key not in self._known:
            self._known[key] = len(found)
            found.append(data)
        return self._known[key]


def _axis(axis: Axis) -> dict[str, Any]:
    """An axis; `read` says of each position that is shown whether any window reads it."""
    positions = axis.positions
    return {
        "wide": axis.wide,
        "narrow": axis.narrow,
        "taps": axis.taps,
        "stride": axis.stride,
        "dilation": axis.dilation,
        "before": axis.before,
        "from": positions.start,
        "to": positions.stop,
        "places": axis.places,
        "read": "".join(["1" if axis.ever_read(place) else "0" for place in positions]),
    }
