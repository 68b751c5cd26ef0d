"""Memory that one layer leaves to the next, and one run to the next.

Fresh memory is expensive where much is needed: the system maps it in page by page, which took a
third of the time of a resident MobileNetV2.
"""

from __future__ import annotations

import weakref
from math import prod
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array


class Scratch:
    """One thread's buffers, kept from piece to piece and from layer to layer."""

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content, on the buffer of this name."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            self._buffers.pop(name, None)
            buffer = self._buffers[name] = np.empty(size, np.uint8)
        array: Array = buffer[:size].view(dtype).reshape(shape)
        return array

    def clear(self) -> None:
        """Gives all buffers back."""
        self._buffers.clear()


class Results:
    """Gives out arrays, and takes their memory back when nothing refers to it any more.

    What was given out is safe for as long as it, or any view of it, is held: results that a caller
    keeps are never written over.
    """

    def __init__(self) -> None:
        self._free: list[memoryview] = []

    def array(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        block = self._block(size)
        # Every view refers to this array, which stands for the block, and not to the block itself.
        owner = np.frombuffer(block, np.uint8)
        weakref.finalize(owner, self._free.append, block).atexit = False
        array: Array = owner[:size].view(dtype).reshape(shape)
        return array

    def _block(self, size: int) -> memoryview:
        """The smallest free block that holds `size` bytes, or a new one."""
        fitting = [block for block in self._free if block.nbytes >= size]
        if not fitting:
            return np.empty(max(size, 1), np.uint8).data
        best = min(fitting, key=len)
        self._free.remove(best)
        return best


class Store:
    """What the runs of a program hand on: memory for results, and each thread's buffers."""

    def __init__(self, threads: int) -> None:
        self.results = Results()
        self.scratches = [Scratch() for _ in range(threads)]
