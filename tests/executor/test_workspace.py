"""Buffers that are used again."""

from __future__ import annotations

import copy
import pickle

import numpy as np

from convcalc.executor.workspace import Workspace


def address(workspace: Workspace, name: str, shape: tuple[int, ...], dtype: type) -> int:
    place: int = workspace.array(name, shape, dtype).__array_interface__["data"][0]
    return place


def test_a_buffer_is_used_again_and_grows() -> None:
    workspace = Workspace()
    first = address(workspace, "a", (10,), np.float32)
    assert address(workspace, "a", (5, 1), np.float64) == first
    assert workspace.bytes == 40
    assert workspace.array("a", (3, 50), np.float32).shape == (3, 50)
    assert workspace.bytes == 600
    address(workspace, "a", (2,), np.uint8)
    assert workspace.bytes == 600


def test_names_have_buffers_of_their_own() -> None:
    workspace = Workspace()
    first, second = [workspace.array(name, (4,), np.float64) for name in "ab"]
    first[...], second[...] = 1, 2
    assert (first == 1).all()


def test_a_copy_starts_empty() -> None:
    workspace = Workspace()
    workspace.array("a", (9,), np.uint8)
    copies = [copy.copy(workspace), copy.deepcopy(workspace)]
    copies.append(pickle.loads(pickle.dumps(workspace)))  # noqa: S301 - it was made here
    assert [one.bytes for one in copies] == [0, 0, 0]
