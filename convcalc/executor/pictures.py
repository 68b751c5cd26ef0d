"""Pictures as inputs of networks, read by Pillow: the extra `convcalc[images]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.problems import ConvcalcError, printable, refused
from convcalc.shapes import Shape, tuple_text

#: Suffixes of the files that are read as pictures.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff")
#: The most pixels of a picture: Pillow's own limit, above which a small file fills the memory.
_MOST_PIXELS = 89_478_485
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def is_picture(path: str) -> bool:
    """Whether a file is read as a picture."""
    return path.lower().endswith(SUFFIXES)


def read_picture(path: str, shape: Shape) -> Array:
    """A picture (1, channels, height, width) with values from 0 to 1, scaled to a shape.

    Raises ConvcalcError with status 2: Pillow is missing, the file is no picture, or the shape is
    not that of a picture.
    """
    if len(shape) != 3 or shape[0] not in _MODES:
        raise _refused(f"a picture cannot be an input of the shape {tuple_text(shape)}")
    try:
        from PIL import Image
    except ImportError:
        raise _refused("pictures need Pillow", "pip install 'convcalc[images]'") from None
    channels, height, width = shape
    try:
        with Image.open(Path(path)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise _refused(f"{printable(path)} has more than {_MOST_PIXELS:,} pixels")
            scaled: Any = picture.convert(_MODES[channels]).resize((width, height))
            pixels = np.asarray(scaled, np.float32) / np.float32(255)
    except (OSError, ValueError, SyntaxError) as error:
        raise _refused(f"{printable(path)} cannot be read as a picture: {error}") from None
    values: Array = pixels.reshape(height, width, channels).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(values)


def _refused(message: str, help_text: str = "") -> ConvcalcError:
    return refused("bad-input", message, help_text)
