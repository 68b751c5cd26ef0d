"""How many threads NumPy's matrix products take; to be settled before NumPy is imported."""

from __future__ import annotations

import os
import sys

#: What tells the usual libraries behind NumPy to keep to one thread. Two threads of ours over
#: pieces of a layer are faster than theirs, on a busy machine by far, because theirs wait for each
#: other in a loop.
ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def keep_to_one_thread() -> None:
    """Settles it for this process, where it is not settled and NumPy is not there yet.

    For programs only: a library leaves its user's environment alone.
    """
    if "numpy" not in sys.modules:
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")


def default_threads() -> int:
    """As many as there are processors for this process, if NumPy's products keep to one; else 1."""
    if not any(os.environ.get(name) == "1" for name in ONE_THREAD):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
