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
    """Gives out arrays, and takes their memory back when nothing refers to it any more.

    Blocks of growing values do not fit into each other's: together they may take several times what
    is alive at once. Where more than `most` bytes were asked for, the pool is `spent`: what it
    gives out from then on is the system's, and what is given back to it goes there.
    """

    def __init__(self, most: int | None = None) -> None:
        self.spent = False
        self._most = most
        self._free: list[Array] = []
        self._blocks: list[tuple[int, Array]] = []

    def array(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content; its memory is free again with the last view of it."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        block = self._block(size)
        if block is None:
            fresh: Array = np.empty(shape, dtype)
            return fresh
        # Every view refers to this array, which stands for the block, and not to the block itself.
        owner = np.frombuffer(block.data, np.uint8)
        weakref.finalize(owner, self._take_back, block).atexit = False
        array: Array = owner[:size].view(dtype).reshape(shape)
        return array

    @property
    def bytes(self) -> int:
        """What its blocks take."""
        return sum([block.nbytes for _, block in self._blocks])

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

    def _take_back(self, block: Array) -> None:
        if not self.spent:
            self._free.append(block)

    def _block(self, size: int) -> Array | None:
        """The smallest free block that holds `size` bytes, or a new one; None if it is spent."""
        if self.spent:
            return None
        fitting = [block for block in self._free if block.nbytes >= size]
        if not fitting and self._most is not None and self.bytes + size > self._most:
            self.spent = True
            self._free.clear()
            self._blocks.clear()
            return None
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
