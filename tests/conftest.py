"""Settings that hold for all tests."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# A machine that happens to be slow is no reason to fail, so nothing here is judged by the clock.
_PATIENT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

# At a desk every run tries new examples. In CI they are the same each time, so that a red build
# tells about the change and not about luck.
settings.register_profile("desk", _PATIENT)
settings.register_profile("ci", _PATIENT, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# A check that runs in GitHub Actions prints annotations; a test that is about them says so.
for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)

# What a shell starts in the background ignores SIGINT, and so would the commands that the tests
# interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leaves what was collected to the end of the process.

    Ten thousand tests and their modules stay until then. Without this the garbage collector would
    look through them again and again, which is a third of the time that the tests take.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measures no coverage in a test that is marked `no_cover`.

    In a process of pytest-xdist, pytest-cov starts measuring twice, and for this mark it stops only
    one of them.
    """
    if not item.get_closest_marker("no_cover"):
        return (yield)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
