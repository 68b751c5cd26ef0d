"""Changed files: what a bad disk, a bad connection or a bad person makes of an ONNX file."""

from __future__ import annotations

from pathlib import Path
from random import Random

from convcalc.exchange.files import ModelFile, open_model
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.problems import ConvcalcError

DATA = Path(__file__).parents[2] / "data" / "onnx"
#: Small files that between them have most operations.
BASES = (
    "light/light_bvlc_alexnet",
    "light/light_squeezenet",
    "packages/magika__model",
    "packages/silero_vad__silero_vad_half",
    "packages/basic_pitch__nmp",
    "tv__resnet18__ts",
    "tv__mobilenet_v3_small__ts",
    "tv__shufflenet_v2_x0_5__ts",
    "timm__levit_128s__dyn",
    "timm__gcresnext26ts__ts",
    "timm__efficientformer_l1__ts",
    "timm__caformer_s18__ts",
)


def base(name: str) -> bytes:
    """The unpacked bytes of a file of the test data."""
    return bytes(open_model(str(DATA / f"{name}.onnx.gz")).data)


def mutated(data: bytes, rng: Random) -> bytes:
    """Bytes with some changed, cut out, doubled or made large."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        if not changed:
            break
        place = rng.randrange(len(changed))
        what = rng.randrange(7)
        if what == 0:
            changed[place] ^= 1 << rng.randrange(8)
        elif what == 1:
            changed[place] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFF))
        elif what == 2:
            del changed[place : place + rng.choice((1, 2, 8, 100))]
        elif what == 3:
            end = place + rng.randrange(1, 40)
            changed[place:place] = changed[place:end]
        elif what == 4:
            # A length or a size of many bytes in the place of one.
            changed[place : place + 1] = b"\xff\xff\xff\xff\x07"
        elif what == 5:
            other = rng.randrange(len(changed))
            changed[place : place + 8] = changed[other : other + 8]
        else:
            del changed[place:]
    return bytes(changed)


def tried(data: bytes) -> str:
    """What reading some bytes ends in: "" for a network, or else the code of the error."""
    dims = {f"x.{axis}": 32 for axis in range(4)} | {"sequence": 576}
    try:
        model = read(ModelFile("changed.onnx", data), Choices(dims=dims))
    except ConvcalcError as error:
        code, status = error.problems[0].code, error.status
        message = error.problems[0].message
    else:
        assert model.network.outputs
        return ""
    assert status == 2
    assert "changed.onnx" in message
    return code
