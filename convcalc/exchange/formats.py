"""Which files are models, and the module that reads each format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from convcalc.problems import ConvcalcError, printable, refused

if TYPE_CHECKING:
    from convcalc.exchange.files import ModelFile
    from convcalc.exchange.model import Choices, Model

    Reader = Callable[[ModelFile, Choices], Model]


class Format(NamedTuple):
    """A format of model files.

    name      as messages have it
    suffixes  of its files; none where only the text shows it
    module    has the function `read`, which makes a model of a file
    scales    whether one file may describe a family, of which `--scale` chooses a member
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    scales: bool = False

    def reader(self) -> Reader:
        """The function that reads a file, imported now."""
        reader: Reader = import_module(self.module).read
        return reader


FORMATS = (
    Format("ONNX", (".onnx", ".onnx.gz"), "convcalc.exchange.onnx"),
    Format("darknet", (".cfg",), "convcalc.exchange.darknet"),
    Format("Keras", (".keras",), "convcalc.exchange.keras"),
    Format("TFLite", (".tflite", ".tflite.gz"), "convcalc.exchange.tflite"),
)
#: How files begin that are no text, with a suffix of theirs: the number of ONNX's version, an
#: archive, HDF5 and pickles.
_MARKS = {
    b"\x08": ".onnx",
    b"PK\x03\x04": ".keras",
    b"\x89HDF": ".h5",
    **{bytes((0x80, version)): ".pkl" for version in range(2, 6)},
}
#: How a network of darknet begins, after comments: as a list, where a spec is a mapping.
_DARKNET = ("[net]", "[network]")
#: Characters among which the first line is that is no comment.
_FIRST_LINES = 4096
#: How many of the first bytes are looked at.
LONGEST_START = 256
#: A model's configuration as JSON, known by its text: a spec may be written as JSON as well.
KERAS_JSON = Format("Keras", (), "convcalc.exchange.keras")
#: A YAML file with a backbone and a head, known by these keys.
ULTRALYTICS = Format("Ultralytics", (), "convcalc.exchange.ultralytics", scales=True)
#: What is no model file that can be read, by suffix, and how to make one of it.
_TORCH = 'torch.onnx.export(model, example, "model.onnx") writes a file that can be read'
_REFUSED = {
    ".pt": ("PyTorch's pickle, which is a program and is never run", _TORCH),
    ".pth": ("PyTorch's pickle, which is a program and is never run", _TORCH),
    ".ckpt": ("a checkpoint, mostly a pickle, which is a program and is never run", _TORCH),
    ".pkl": ("a pickle, which is a program and is never run", _TORCH),
    ".py": (
        "Python source, which is never run to be read",
        "`convcalc import module:NAME --input 1x3x224x224` traces a module of PyTorch in it",
    ),
    ".h5": (
        "HDF5, which Keras wrote before version 3",
        'keras.models.load_model("model.h5").save("model.keras") writes a file that can be read',
    ),
    ".pb": (
        "a graph of TensorFlow",
        "python -m tf2onnx.convert --saved-model FOLDER --output model.onnx converts it",
    ),
    ".safetensors": ("weights without the network that they belong to", "--weights reads them"),
}


def format_of(path: str) -> Format | None:
    """The format that a file's suffix names; None where it names none.

    Raises ConvcalcError with status 2 for a suffix of files that cannot be read, with the line
    that converts them.

    >>> format_of("net.onnx").name, format_of("net.yaml")
    ('ONNX', None)
    """
    lowered = path.lower()
    for known in FORMATS:
        if lowered.endswith(known.suffixes):
            return known
    dot = lowered.rfind(".")
    if dot >= 0 and lowered[dot:] in _REFUSED:
        raise _refused(path, *_REFUSED[lowered[dot:]])
    return None


def format_of_bytes(start: bytes, path: str) -> Format | None:
    """The format of a file that begins with these bytes; None where they may be a text.

    Raises ConvcalcError as `format_of` does.

    >>> format_of_bytes(b"\\x1c\\x00\\x00\\x00TFL3", "model").name
    'TFLite'
    """
    for mark, suffix in _MARKS.items():
        if start.startswith(mark):
            # PyTorch's files are archives as well.
            is_torch = suffix == ".keras" and b"data.pkl" in start
            what = _REFUSED.get(".pt" if is_torch else suffix)
            if what is not None:
                raise _refused(path, *what)
            return format_of(suffix)
    return format_of(".tflite") if start[4:8] == b"TFL3" else None


def format_of_text(text: str) -> Format | None:
    """The format of a model that is written as YAML or JSON, by its keys; None for a spec.

    >>> format_of_text("nc: 80\\nbackbone:\\n- []\\nhead:\\n- []\\n").name
    'Ultralytics'
    """
    keys = ("backbone:", "head:")
    if all(key in text for key in keys):
        written = {key for line in text.splitlines() for key in keys if line.startswith(key)}
        if len(written) == len(keys):
            return ULTRALYTICS
    if _first_line(text).startswith(_DARKNET):
        return format_of(".cfg")
    if text.lstrip().startswith("{") and '"class_name"' in text and '"layers"' in text:
        return KERAS_JSON
    return None


def _first_line(text: str) -> str:
    """The first line that is neither empty nor a comment."""
    lines = [line.strip() for line in text[:_FIRST_LINES].splitlines()]
    return next((line for line in lines if line and line[0] not in "#;"), "")


def _refused(path: str, what: str, help_text: str) -> ConvcalcError:
    return refused("unsupported-model", f"{printable(path, 200)} is {what}", help_text)
