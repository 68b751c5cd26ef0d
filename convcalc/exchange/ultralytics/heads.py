"""The modules at the end of these networks: what detectors predict at each place, and classes.

Their results are those of the convolutions, and what is computed of them at every place: the
probabilities of the classes, and the expected distances of a box's sides from the place. The boxes
themselves follow from these without a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from convcalc.exchange.ultralytics.writing import Arguments, Writer

#: How many distances a side of a box is told apart by.
_BINS = 16


class Form(NamedTuple):
    """How a file's heads are made.

    separable   whether the convolutions before the classes are depthwise and pointwise
    channels    scales a number of channels as the file says
    """

    separable: bool
    channels: Callable[[int], int]


def _at_places(w: Writer, values: Sequence[int], name: str) -> int:
    """The maps of all levels, with their places one after the other."""
    rows = []
    for i, value in enumerate(values):
        shape = [w.channels(value), -1]
        rows.append(w.add("reshape", [value], f"{name}_places{i}", shape=shape))
    return rows[0] if len(rows) == 1 else w.add("concat", rows, f"{name}_concat", axis=1)


def _branch(w: Writer, x: int, hidden: int, channels: int, form: str) -> int:
    """Two convolutions and the prediction.

    form  "full", "separable", or "depthwise first" where the first one keeps its channels
    """
    for i in range(2):
        inner = w.inside(str(i))
        if form == "full":
            x = inner.conv(x, hidden, 3)
        else:
            entering = w.channels(x)
            x = inner.inside("0").conv(x, entering, 3, groups=entering)
            x = inner.inside("1").conv(x, hidden)
    return w.inside("2").conv(x, channels, biased=True)


def _boxes_and_classes(
    w: Writer, xs: Sequence[int], classes: int, separable: bool, prefix: str = ""
) -> dict[str, int]:
    """The probabilities of the classes, and the distances of a box's sides, at each place."""
    first = w.channels(xs[0])
    boxes_hidden = max(16, first // 4, 4 * _BINS)
    classes_hidden = max(first, min(classes, 100))
    boxes, found = [], []
    form = "separable" if separable else "full"
    for i, x in enumerate(xs):
        inner = w.inside(f"{prefix}cv2.{i}")
        boxes.append(_branch(inner, x, boxes_hidden, 4 * _BINS, "full"))
        inner = w.inside(f"{prefix}cv3.{i}")
        found.append(_branch(inner, x, classes_hidden, classes, form))
    scores = _at_places(w, found, f"{prefix}classes")
    scores = w.add("sigmoid", [scores], f"{prefix}classes")
    sides = _at_places(w, boxes, f"{prefix}boxes")
    return {"classes": scores, "boxes": sides}


def _distances(w: Writer, sides: int) -> int:
    """The expected distance of each side, of the probabilities of `_BINS` distances."""
    value = w.add("reshape", [sides], "sides", shape=[4, _BINS, -1])
    value = w.add("transpose", [value], "bins", order=[1, 0, 2])
    value = w.add("softmax", [value], "probabilities")
    value = w.add("conv", [value], "dfl", "dfl.conv", channels=1, kernel=1, bias=False)
    return w.add("reshape", [value], "distances", shape=[4, -1])


def _detected(w: Writer, xs: Sequence[int], classes: int, form: Form) -> list[int]:
    found = _boxes_and_classes(w, xs, classes, form.separable)
    return [found["classes"], _distances(w, found["boxes"])]


def detect(w: Writer, xs: Sequence[int], a: Arguments, form: Form) -> list[int]:
    """Detect: classes."""
    if len(a.values) > 1 and isinstance(a.values[1], list):
        return _anchored(w, xs, a)
    return _detected(w, xs, a.whole(0), form)


def _anchored(w: Writer, xs: Sequence[int], a: Arguments) -> list[int]:
    """Detect of YOLOv5 as first published: classes, and the anchors of each level."""
    levels = a.values[1]
    if not isinstance(levels, list) or len(levels) != len(xs):
        raise a.wrong(1, "a list of anchors for each level")
    results = []
    for i, (x, anchors) in enumerate(zip(xs, levels, strict=True)):
        if not isinstance(anchors, list) or not anchors or len(anchors) % 2:
            raise a.wrong(1, "a list of pairs for each level")
        channels = len(anchors) // 2 * (a.whole(0) + 5)
        y = w.inside(f"m.{i}").conv(x, channels, biased=True)
        results.append(w.add("sigmoid", [y], f"boxes{i}"))
    return results


def detect_v10(w: Writer, xs: Sequence[int], a: Arguments, form: Form) -> list[int]:
    """v10Detect: heads for one box an object, and for many, which train (arXiv:2405.14458).

    What those for many give are results too: the training needs them.
    """
    classes = a.whole(0)
    many = _boxes_and_classes(w, xs, classes, True)
    one = _boxes_and_classes(w, xs, classes, True, "one2one_")
    return [one["classes"], _distances(w, one["boxes"]), many["classes"], many["boxes"]]


def _further(w: Writer, xs: Sequence[int], channels: int, name: str) -> int:
    """A third prediction at each place."""
    hidden = max(w.channels(xs[0]) // 4, channels)
    values = [_branch(w.inside(f"cv4.{i}"), x, hidden, channels, "full") for i, x in enumerate(xs)]
    return _at_places(w, values, name)


def segment(w: Writer, xs: Sequence[int], a: Arguments, form: Form) -> list[int]:
    """Segment: classes, masks, and the channels that masks are made in."""
    masks, hidden = a.whole(1, 32), form.channels(a.whole(2, 256))
    proto = w.inside("proto")
    y = proto.inside("cv1").conv(xs[0], hidden, 3)
    up = proto.inside("upsample")
    y = up.add("conv_transpose", [y], channels=hidden, kernel=2, stride=2)
    y = proto.inside("cv2").conv(y, hidden, 3)
    y = proto.inside("cv3").conv(y, masks)
    coefficients = _further(w, xs, masks, "masks")
    return [*_detected(w, xs, a.whole(0), form), coefficients, y]


def pose(w: Writer, xs: Sequence[int], a: Arguments, form: Form) -> list[int]:
    """Pose: classes, and the shape of the points of a body."""
    shape = a.wholes(1)
    if len(shape) != 2 or min(shape) < 1:
        raise a.wrong(1, "two numbers")
    points = _further(w, xs, shape[0] * shape[1], "points")
    return [*_detected(w, xs, a.whole(0), form), points]


def obb(w: Writer, xs: Sequence[int], a: Arguments, form: Form) -> list[int]:
    """OBB: classes, and how many angles a box has."""
    angles = _further(w, xs, a.whole(1, 1), "angles")
    angles = w.add("sigmoid", [angles], "turned")
    return [*_detected(w, xs, a.whole(0), form), angles]


def classify(w: Writer, xs: Sequence[int], a: Arguments, form: Form) -> list[int]:
    """Classify: classes, kernel, stride."""
    y = w.add("concat", xs, "concat") if len(xs) > 1 else xs[0]
    y = w.inside("conv").conv(y, 1280, a.whole(1, 1), a.whole(2, 1))
    y = w.add("global_avgpool", [y], "pool", keepdims=False)
    y = w.add("dense", [y], "linear", "linear", units=a.whole(0))
    return [w.add("softmax", [y], "classes")]


HEADS: Mapping[str, Callable[[Writer, Sequence[int], Arguments, Form], list[int]]] = {
    "Detect": detect,
    "v10Detect": detect_v10,
    "Segment": segment,
    "Pose": pose,
    "OBB": obb,
    "Classify": classify,
}
