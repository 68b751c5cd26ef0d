"""Holds what convcalc reads of Ultralytics' files against the ultralytics package.

    python scripts/measure_ultralytics.py facts     # writes tests/data/ultralytics.jsonl
    python scripts/measure_ultralytics.py compare   # prints a line for each network that it ships

Needs ultralytics, which convcalc does not. `facts` asks it about the small networks below, one for
each module; `compare` about every file of YOLO that it has, at every scale.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FACTS = Path(__file__).resolve().parents[1] / "tests" / "data" / "ultralytics.jsonl"
#: Networks that the reader is said to read.
READ = re.compile(r"yolo(v3|v5|v6|v8|v9|v10|11|12)")

_TOP = "nc: 7\nscales:\n  n: [0.5, 0.25, 512]\n  m: [0.67, 0.5, 256]\n  x: [1.0, 1.5, 256]\n"
_STEM = "backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv, [128, 3, 2]]\n"
#: A row, or several, that follow a stem of two convolutions.
ROWS = {
    "Conv": "[-1, 3, Conv, [128, 3, 2]]",
    "Conv without an activation": "[-1, 1, Conv, [64, 3, 1, 2, 4, 2, False]]",
    "DWConv": "[-1, 1, DWConv, [96, 3, 2]]",
    "GhostConv": "[-1, 1, GhostConv, [64, 3, 2]]",
    "ConvTranspose2d": "[-1, 1, nn.ConvTranspose2d, [64, 2, 2, 0]]",
    "SCDown": "[-1, 1, SCDown, [256, 3, 2]]",
    "AConv": "[-1, 1, AConv, [256]]",
    "ADown": "[-1, 1, ADown, [256]]",
    "Bottleneck": "[-1, 4, Bottleneck, [128]]",
    "Bottleneck that adds nothing": "[-1, 1, Bottleneck, [128, False, 1, [1, 3], 1.0]]",
    "C2": "[-1, 3, C2, [128]]",
    "C2f": "[-1, 6, C2f, [128, True]]",
    "C2f that adds nothing": "[-1, 3, C2f, [64]]",
    "C3": "[-1, 9, C3, [128]]",
    "C3 that adds nothing": "[-1, 3, C3, [64, False]]",
    "C3Ghost": "[-1, 3, C3Ghost, [128, True]]",
    "C3k2": "[-1, 2, C3k2, [128, False, 0.25]]",
    "C3k2 of C3s": "[-1, 2, C3k2, [128, True]]",
    "C2fCIB": "[-1, 3, C2fCIB, [256, True]]",
    "C2fCIB with large kernels": "[-1, 3, C2fCIB, [256, True, True]]",
    "RepNCSPELAN4": "[-1, 1, RepNCSPELAN4, [128, 64, 32, 2]]",
    "ELAN1": "[-1, 1, ELAN1, [128, 64, 32]]",
    "SPP": "[-1, 1, SPP, [128, [5, 9, 13]]]",
    "SPPF": "[-1, 1, SPPF, [128, 5]]",
    "SPPELAN": "[-1, 1, SPPELAN, [128, 64]]",
    "C2PSA": "[-1, 1, Conv, [512, 3, 2]]\n  - [-1, 2, C2PSA, [512]]",
    "PSA": "[-1, 1, Conv, [512, 3, 2]]\n  - [-1, 1, PSA, [512]]",
    "A2C2f": "[-1, 1, Conv, [512, 3, 2]]\n  - [-1, 4, A2C2f, [512, True, 4]]",
    "A2C2f without areas": "[-1, 1, Conv, [512, 3, 2]]\n  - [-1, 2, A2C2f, [512, True, 1]]",
    "A2C2f without attention": "[-1, 2, A2C2f, [256, False, -1]]",
    "Upsample and Concat": (
        '[-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]'
        "\n  - [[-1, 1], 1, Concat, [1]]"
    ),
    "MaxPool2d and ZeroPad2d": (
        "[-1, 1, nn.MaxPool2d, [2, 2, 0]]\n  - [-1, 1, nn.ZeroPad2d, [[0, 1, 0, 1]]]"
        "\n  - [-1, 1, nn.MaxPool2d, [2, 1, 0]]"
    ),
}
#: Rows whose channels are not all scaled: of a file without scales.
UNSCALED = {
    "ResNetLayer": (
        "[-1, 1, ResNetLayer, [128, 32, 1, False, 2]]"
        "\n  - [-1, 1, ResNetLayer, [128, 64, 2, False, 1]]"
    ),
    "CBLinear and CBFuse": (
        "[-1, 1, Conv, [64, 3, 2]]\n  - [1, 1, CBLinear, [[8, 32]]]\n  - [2, 1, CBLinear, [[32]]]"
        "\n  - [0, 1, Conv, [32, 3, 2]]\n  - [[3, 4, -1], 1, CBFuse, [[1, 0]]]"
    ),
}
#: Rows of a head on the maps of the rows 1 and 2, and what follows the rows that it needs.
HEADS = {
    "Detect": "[[1, 2], 1, Detect, [nc]]",
    "Detect after a C3k2": "[-1, 1, C3k2, [64]]\n  - [[1, 3], 1, Detect, [nc]]",
    "v10Detect": "[[1, 2], 1, v10Detect, [nc]]",
    "Segment": "[[1, 2], 1, Segment, [nc, 32, 256]]",
    "Pose": "[[1, 2], 1, Pose, [nc, kpt_shape]]",
    "OBB": "[[1, 2], 1, OBB, [nc, 1]]",
    "Classify": "[-1, 1, Classify, [nc]]",
}


def texts() -> Iterator[tuple[str, str, str]]:
    """What is measured, the file, and the task of the model."""
    for what, row in ROWS.items():
        yield what, f"{_TOP}{_STEM}  - {row}\nhead:\n  - [-1, 1, Classify, [nc]]\n", "classify"
    for what, row in UNSCALED.items():
        text = f"nc: 7\n{_STEM}  - {row}\nhead:\n  - [-1, 1, Classify, [nc]]\n"
        yield what, text, "classify"
    for what, row in HEADS.items():
        top = _TOP + ("kpt_shape: [5, 3]\n" if what == "Pose" else "")
        yield (
            what,
            f"{top}{_STEM}  - [-1, 1, Conv, [256, 3, 2]]\nhead:\n  - {row}\n",
            {"Segment": "segment", "Pose": "pose", "OBB": "obb", "Classify": "classify"}.get(
                what, "detect"
            ),
        )
    relu = "activation: nn.ReLU()\n"
    yield "an activation", f"{relu}{_TOP}{_STEM}head:\n  - [-1, 1, Classify, [nc]]\n", "classify"


def ask(path: str, task: str, size: int) -> dict[str, Any]:
    """What the package says of a network: parameters, buffers and multiply-accumulates."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from ultralytics.nn import tasks

    model = getattr(
        tasks,
        {
            "classify": "ClassificationModel",
            "detect": "DetectionModel",
            "obb": "OBBModel",
            "pose": "PoseModel",
            "segment": "SegmentationModel",
        }[task],
    )(path, verbose=False).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, size, size))
    batches = "num_batches_tracked"
    buffers = [b for name, b in model.named_buffers() if not name.endswith(batches)]
    return {
        "params": sum(p.numel() for p in model.parameters()),
        "buffers": sum(b.numel() for b in buffers),
        "macs": counter.get_total_flops() // 2,
    }


def facts() -> None:
    """Writes what the package says of the small networks."""
    size = 64
    with tempfile.TemporaryDirectory() as folder, FACTS.open("w", encoding="utf-8") as out:
        # The package looks for a scale in the whole path.
        os.chdir(folder)
        for what, text, task in texts():
            for scale in "nmx" if "scales:" in text else [""]:
                # The package finds the file of a scale by its name without the scale.
                Path("yolo77.yaml").write_text(text, encoding="utf-8")
                found = ask(f"yolo77{scale}.yaml", task, size)
                line = {"what": what, "scale": scale, "size": size, "text": text, **found}
                out.write(json.dumps(line) + "\n")


def compare() -> int:
    """Prints each network that the package ships, ours beside theirs; how many differ."""
    import ultralytics
    import yaml

    import convcalc
    from convcalc.exchange.files import read_bytes
    from convcalc.exchange.model import Choices
    from convcalc.exchange.ultralytics import read

    root = Path(ultralytics.__file__).parent / "cfg" / "models"
    different = 0
    for file in sorted(root.glob("*/yolo*.yaml")):
        data = file.read_bytes()
        scales = list(yaml.safe_load(data).get("scales") or [""])
        match = re.match(r"(yolov?\d+)([a-z]?)(.*)", file.stem)
        if not READ.match(file.stem) or match is None:
            continue
        task = {"-cls": "classify", "-seg": "segment", "-pose": "pose", "-obb": "obb"}
        kind = next((task[end] for end in task if end in file.stem), "detect")
        for scale in [match[2]] if match[2] else scales:
            name = f"{match[1]}{scale}{match[3]}"
            try:
                model = read(read_bytes(f"{name}.yaml", data), Choices())
            except convcalc.ConvcalcError as error:
                print(name, "is not read:", error)
                continue
            theirs = ask(f"{name}.yaml", kind, 224 if kind == "classify" else 640)
            totals = convcalc.analyze(model.network).totals
            ours = {"params": totals.params, "macs": totals.macs}
            same = all(theirs[key] == value for key, value in ours.items())
            different += not same
            print("same  " if same else "DIFFER", name, ours, "" if same else theirs, flush=True)
    return different


if __name__ == "__main__":
    os.environ["YOLO_VERBOSE"] = "False"
    if sys.argv[1:] == ["facts"]:
        facts()
    elif sys.argv[1:] == ["compare"]:
        sys.exit(bool(compare()))
    else:
        sys.exit(__doc__)
