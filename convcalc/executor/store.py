"""Memory that one layer leaves to the next.

Fresh memory is expensive where much is needed: the system maps it in page by page, which took a
third of the time of a resident MobileNetV2.
"""

from __future__ import annotations

import weakref
from math import prod
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array


class Pool:
    """Gives out arrays, and takes their memory back when nothing refers to it any more."""

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._blocks: list[tuple[int, Array]] = []

    def array(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content; its memory is free again with the last view of it."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        block = self._block(size)
        # Every view refers to this array, which stands for the block, and not to the block itself.
        owner = np.frombuffer(block.data, np.uint8)
        weakref.finalize(owner, self._free.append, block).atexit = False
        array: Array = owner[:size].view(dtype).reshape(shape)
        return array

    def lasting(self, array: Array) -> Array:
        """The same array, but one that does not keep its memory from being given out again.

        What does not lie in the pool's memory is returned as it is.
        """
        address = _address(array)
        for start, block in self._blocks:
            if start <= address < start + block.nbytes:
                offset = address - start
                view: Array = np.ndarray(array.shape, array.dtype, block, offset, array.strides)
                return view
        return array

    def _block(self, size: int) -> Array:
        """The smallest free block that holds `size` bytes, or a new one."""
        fitting = [block for block in self._free if block.nbytes >= size]
        if not fitting:
            block = np.empty(max(size, 1), np.uint8)
            self._blocks.append((_address(block), block))
            return block
        best = min(fitting, key=len)
        # (`list.remove` would compare contents.)
        self._free[:] = [block for block in self._free if block is not best]
        return best


class Scratch:
    """One thread's buffers, kept from piece to piece and from layer to layer."""

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool
        self._buffers: dict[str, Array] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content, on the buffer of this name."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            self._buffers.pop(name, None)
            # The old buffer goes before there is a new one.
            del buffer
            buffer = (
                np.empty(size, np.uint8)
                if self._pool is None
                else self._pool.array((size,), np.uint8)
            )
            self._buffers[name] = buffer
        array: Array = buffer[:size].view(dtype).reshape(shape)
        return array

    def clear(self) -> None:
        """Gives all buffers back."""
        self._buffers.clear()


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
