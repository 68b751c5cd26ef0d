"""Settings that hold for all tests."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

# A check that runs in GitHub Actions prints annotations; a test that is about them says so.
for _name in ("GITHUB_ACTIONS", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)

# What a shell starts in the background ignores SIGINT, and so would the commands that the tests
# interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: Tests on pseudo-terminals, which Windows does not have.
collect_ignore = ["cli/test_completion.py", "cli/test_output.py"] if sys.platform == "win32" else []


def pytest_report_header() -> list[str]:
    """Says what is not run on this system."""
    return [f"not on this system: {', '.join(collect_ignore)}"] if collect_ignore else []


def _is_long(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "long")


def pytest_configure(config: pytest.Config) -> None:
    """Settles how many examples Hypothesis tries: many more of them in the long run."""
    settings.register_profile(
        "convcalc",
        max_examples=500 if _is_long(config) else 25,
        # At a desk every run tries new examples. In CI they are the same each time, so that a red
        # build tells about the change and not about luck.
        derandomize=bool(os.environ.get("CI")),
        # A machine that happens to be slow is no reason to fail: nothing is judged by the clock.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    settings.load_profile("convcalc")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Makes every test of a property part of the long run, too."""
    if _is_long(item.config) and isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
        item.add_marker("long")


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
