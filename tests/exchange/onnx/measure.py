"""Prints how the reader's figures compare with facts that were found by other means.

    python -m tests.exchange.onnx.measure FOLDER [PART OF A NAME ...]

FOLDER holds NAME.onnx or NAME.onnx.gz, and facts.json with for each NAME: params, macs (or
file_macs, what the file itself computes), outputs with the batch.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.exchange.files import open_model
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.problems import ConvcalcError
from tests.exchange.onnx.stored import stored_numbers


def measure(path: Path, facts: dict[str, Any], dims: dict[str, int]) -> dict[str, Any]:
    """What is equal for one file."""
    begun = time.perf_counter()
    try:
        model = read(open_model(str(path)), Choices(dims=dims))
    except ConvcalcError as error:
        return {"error": str(error)}
    elapsed = time.perf_counter() - begun
    report = Analysis(model.network).report
    outputs = [list(model.network.nodes[index].shape) for index in model.network.outputs.values()]
    found: dict[str, Any] = {
        "ms": round(1000 * elapsed),
        "layers": len(model.network.nodes),
        "unknown": sorted({f"opaque {item.op}" for item in report.unknown}),
        "params": report.totals.params,
        "macs": report.totals.macs,
        "stored": stored_numbers(open_model(str(path))),
        "outputs": outputs,
    }
    if facts:
        wanted = [shape[1:] for shape in facts["outputs"]]
        found["outputs_equal"] = outputs == wanted
        found["macs_off"] = found["macs"] - facts.get("file_macs", facts["macs"])
        found["params_off"] = found["params"] - facts["params"]
    found["stored_off"] = found["params"] - found["stored"]
    return found


def main(folder: str, parts: list[str]) -> None:
    """Prints a line for each file, and the sums."""
    place = Path(folder)
    known = place / "oracle.json"
    if not known.exists():
        known = place / "facts.json"
    facts = json.loads(known.read_text()) if known.exists() else {}
    dims = {f"{prefix}DynamicDimension.{n}": 320 for prefix in ("", "p2o.") for n in (1, 2)}
    dims |= {"x.2": 320, "x.3": 320, "sequence": 576}
    counts = {
        "files": 0,
        "complete": 0,
        "macs": 0,
        "outputs": 0,
        "params": 0,
        "stored": 0,
        "all": 0,
    }
    for path in sorted(place.glob("*.onnx*")):
        name = path.name.partition(".onnx")[0]
        if parts and not any(part in name for part in parts):
            continue
        counts["files"] += 1
        try:
            found = measure(path, facts.get(name, {}), dims)
        except Exception:  # noqa: BLE001 - a table of all files
            print(traceback.format_exc()[-500:])
            found = {"error": "a traceback"}
        if "error" in found:
            print(f"{name}: {found['error'][:300]}")
            continue
        complete = not found["unknown"]
        macs = found.get("macs_off", 0) == 0
        outputs = found.get("outputs_equal", True)
        params = found.get("params_off", 1) == 0
        kept = found["stored_off"] == 0
        for key, value in (
            ("complete", complete),
            ("macs", macs),
            ("outputs", outputs),
            ("params", params),
            ("stored", kept),
            ("all", complete and macs and outputs and (params or kept)),
        ):
            counts[key] += value
        if parts or not (complete and macs and outputs and (params or kept)):
            print(
                f"{name}: {found['ms']} ms, {found['layers']} nodes, unknown {found['unknown']},"
                f" macs {found.get('macs_off', 0):+,}, outputs {outputs},"
                f" params {found.get('params_off', 0):+,}, stored {found['stored_off']:+,}"
            )
    print(counts)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
