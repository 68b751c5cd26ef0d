"""The threads of NumPy's matrix products; to be set before NumPy is imported."""

from __future__ import annotations

import os
import sys

#: Variables that limit the usual BLAS libraries to one thread. Two threads of ours that share the
#: blocks of a layer are faster than theirs, and much faster on a busy machine: theirs spin while
#: they wait for each other.
ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def limit_blas_to_one_thread() -> None:
    """Limits matrix products to one thread, unless the user has set it or NumPy is imported.

    For programs only: a library leaves its user's environment alone.
    """
    if "numpy" not in sys.modules:
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")


def default_threads() -> int:
    """The number of processors of this process if matrix products take one thread, else 1."""
    if not any(os.environ.get(name) == "1" for name in ONE_THREAD):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
