"""Model files as an attacker or an accident writes them: right ones with changes."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from struct import pack_into, unpack_from

from tests.exchange.onnx.messages import varint
from tests.security.hostile import letters_changed, structure_changed, tree_changed

_DATA = Path(__file__).parents[1] / "data"

#: Small files that between them have most operations of their formats.
_ONNX = (
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
_TFLITE = ("kws_float", "kws_int8", "unet", "se", "bp_nmp", "mp_selfie_segmentation")
_DARKNET = ("darknet19", "yolov2", "yolov3", "yolov4", "yolov7")


@cache
def bases(suffix: str) -> tuple[bytes, ...]:
    """The files of a format that are changed, by the suffix that it has."""
    if suffix == ".onnx":
        return tuple([_unpacked(_DATA / "onnx" / f"{name}.onnx.gz") for name in _ONNX])
    if suffix == ".tflite":
        return tuple([_unpacked(_DATA / "tflite" / f"{name}.tflite.gz") for name in _TFLITE])
    if suffix == ".cfg":
        return tuple([(_DATA / "darknet" / f"{name}.cfg").read_bytes() for name in _DARKNET])
    if suffix in (".json", ".keras"):
        small = json.loads(_unpacked(_DATA / "keras" / "small.json.gz"))
        texts = [facts["json"].encode() for facts in small.values()]
        return (*texts, _unpacked(_DATA / "keras" / "MobileNet.json.gz"))
    if suffix == ".yaml":
        lines = (_DATA / "ultralytics.jsonl").read_text(encoding="utf-8").splitlines()
        return tuple(sorted({json.loads(line)["text"].encode() for line in lines}))
    raise ValueError(f"no model file ends in {suffix}")


def _unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


#: How often each format is drawn.
_SHARES = {".onnx": 5, ".tflite": 3, ".cfg": 2, ".json": 2, ".keras": 1, ".yaml": 2}


def drawn(random: Random) -> str:
    """The suffix of a format."""
    return random.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]


def model_changed(suffix: str, data: bytes, random: Random) -> bytes:
    """A file of a format with one to a few changes of its structure or of its bytes."""
    change = _CHANGES[suffix]
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        # A file that is damaged elsewhere may not be taken apart any more.
        data = change(data, random) if random.random() < 0.75 else bytes_changed(data, random)
    if suffix == ".keras":
        data = _archive(data, random)
        return bytes_changed(data, random) if random.random() < 0.3 else data
    return data


def bytes_changed(data: bytes, random: Random) -> bytes:
    """Bytes of which one is changed, or some are cut out, doubled or copied."""
    changed = bytearray(data)
    if not changed:
        return data
    place = random.randrange(len(changed))
    what = random.randrange(7)
    if what == 0:
        changed[place] ^= 1 << random.randrange(8)
    elif what == 1:
        changed[place] = random.choice((0, 1, 2, 0x7F, 0x80, 0xFF))
    elif what == 2:
        del changed[place : place + random.choice((1, 2, 8, 100))]
    elif what == 3:
        changed[place:place] = changed[place : place + random.randrange(1, 40)]
    elif what == 4:
        # A length or a size of many bytes in the place of one.
        changed[place : place + 1] = b"\xff\xff\xff\xff\x07"
    elif what == 5:
        other = random.randrange(len(changed))
        changed[place : place + 8] = changed[other : other + 8]
    else:
        del changed[place:]
    return bytes(changed)


# ONNX: messages of fields, of which some are messages again.

_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 8: "opset", 25: "function"},
    "graph": {1: "node", 5: "tensor", 11: "info", 12: "info", 13: "info"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph"},
    "info": {2: "type"},
    "type": {1: "tensor type"},
    "tensor type": {2: "shape"},
    "shape": {1: "size"},
}
_NUMBERS = (0, 1, 2, 3, 7, 16, 255, 10**6, 2**31 - 1, 2**31, 2**62, 2**64 - 1, 2**64 - 2)
_WORDS = (
    *(b"", b"x", b"Add", b"Mul", b"Concat", b"Reshape", b"Slice", b"Gather", b"MatMul", b"If"),
    *(b"Foo", b"axis", b"axes", b"perm", b"\x1b[2J", b"::error::pwned", b"\xff\xfe", b"../../x"),
)


class _Field:
    """A field of a message: its number, and a number or bytes."""

    def __init__(self, number: int, value: int | bytes, fixed: bool = False) -> None:
        self.number = number
        self.value = value
        self.fixed = fixed

    def written(self) -> bytes:
        if isinstance(self.value, int):
            return varint(self.number << 3) + varint(self.value)
        if self.fixed:
            wire = 5 if len(self.value) == 4 else 1
            return varint(self.number << 3 | wire) + self.value
        return varint(self.number << 3 | 2) + varint(len(self.value)) + self.value


def _fields(data: bytes) -> list[_Field]:
    """The fields of a message; IndexError or ValueError where it is none."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        wire = key & 7
        if wire == 0:
            found.append(_Field(key >> 3, number()))
            continue
        length = number() if wire == 2 else {1: 8, 5: 4}.get(wire, len(data) + 1)
        if at + length > len(data):
            raise ValueError("a field leaves its message")
        found.append(_Field(key >> 3, data[at : at + length], wire != 2))
        at += length
    return found


def _onnx_changed(data: bytes, random: Random) -> bytes:
    try:
        return _message_changed(data, "model", random)
    except (IndexError, ValueError):
        return bytes_changed(data, random)


def _message_changed(data: bytes, kind: str, random: Random) -> bytes:
    """A message with a change in one of its fields, at any depth."""
    fields = _fields(data)
    if not fields:
        return data
    inner = _MESSAGES.get(kind, {})
    nested = [field for field in fields if field.number in inner]
    # What is deeper is larger, and has more to change.
    if nested and random.random() < 0.8:
        field = random.choice(nested)
        if isinstance(field.value, bytes):
            field.value = _message_changed(field.value, inner[field.number], random)
        return b"".join([each.written() for each in fields])
    field, other = random.choice(fields), random.choice(fields)
    what = random.randrange(6)
    if what == 0:
        fields.remove(field)
    elif what == 1:
        fields.insert(random.randrange(len(fields) + 1), field)
    elif what == 2:
        field.value, other.value = other.value, field.value
    elif what == 3:
        field.number = random.choice((other.number, random.randrange(1, 26)))
    elif isinstance(field.value, int):
        near = (field.value + 1, max(field.value - 1, 0), field.value * 2)
        field.value = random.choice((*near, *_NUMBERS))
    elif what == 4:
        field.value = random.choice(_WORDS)
    else:
        # A list of numbers, or the numbers of a constant.
        field.value = b"".join(
            [varint(random.choice(_NUMBERS)) for _ in range(random.randrange(5))]
        )
    return b"".join([each.written() for each in fields])


# TFLite: tables at offsets of four bytes.


def _tflite_changed(data: bytes, random: Random) -> bytes:
    """One number changed, mostly at one of the ends: what lies between is weights."""
    changed = bytearray(data)
    words = len(changed) // 4
    if words < 4:
        return bytes_changed(data, random)
    near = min(words, 2000)
    place = random.choice((random.randrange(near), words - 1 - random.randrange(near)))
    place = 4 * (place if random.random() < 0.9 else random.randrange(words))
    if random.random() < 0.5:
        other = 4 * random.randrange(words)
        values = (
            0,
            1,
            2,
            3,
            4,
            255,
            2**31 - 1,
            2**32 - 1,
            2**32 - 2,
            unpack_from("<I", data, other)[0],
        )
        value = random.choice((*values, unpack_from("<I", data, place)[0] + 4))
        pack_into("<I", changed, place, value & 0xFFFF_FFFF)
    else:
        # A number of an operation, a type or an option.
        changed[place + random.randrange(4)] = random.choice((0, 1, 2, 9, 32, 126, 127, 128, 255))
    return bytes(changed)


# Texts.


def _json_changed(data: bytes, random: Random) -> bytes:
    try:
        tree = json.loads(data)
        return json.dumps(tree_changed(tree, random)).encode("utf-8", "replace")
    except (ValueError, RecursionError, TypeError):
        return bytes_changed(data, random)


def _yaml_changed(data: bytes, random: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    other = random.choice(bases(".yaml")).decode()
    changed = structure_changed(text, random, other)
    return changed.encode("utf-8", "replace")


_VALUES = ("0", "-1", "1", "1.5", "99999999999", "", "x", "-2,-1", "0,0,0", "1e9", "leaky", "mish")


def _darknet_changed(data: bytes, random: Random) -> bytes:
    """A line changed: an option's value, a section moved or removed, or letters."""
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    if not lines or random.random() < 0.3:
        words = ["[route]", "[shortcut]", "[yolo]", "from=-3", "layers=-1,61", "groups=2"]
        return letters_changed("".join(lines), random, words).encode("utf-8", "replace")
    place = random.randrange(len(lines))
    key, equals, _ = lines[place].partition("=")
    if equals and random.random() < 0.7:
        lines[place] = f"{key}={random.choice(_VALUES)}\n"
    elif random.random() < 0.5:
        lines.insert(random.randrange(len(lines)), lines[place])
    else:
        del lines[place]
    return "".join(lines).encode("utf-8", "replace")


def _archive(config: bytes, random: Random) -> bytes:
    """The file that Keras writes, around a configuration."""
    stream = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in (("metadata.json", b"{}"), ("config.json", config)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)
    return stream.getvalue()


_CHANGES: Mapping[str, Callable[[bytes, Random], bytes]] = {
    ".onnx": _onnx_changed,
    ".tflite": _tflite_changed,
    ".cfg": _darknet_changed,
    ".json": _json_changed,
    ".keras": _json_changed,
    ".yaml": _yaml_changed,
}
