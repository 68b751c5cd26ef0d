"""What is built to take forever is refused by a process that may not.

The limits are hard stops of the operating system: a process that needs more than a second of
computing, or 200 MB, is killed or fails, and then the message is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.diagnostics.made import MADE, make
from tests.diagnostics.update import FOLDER, expected

resource = pytest.importorskip("resource", reason="limits are set by POSIX's setrlimit")

#: Seconds of computing, Python's start and the message included. `setrlimit` knows whole seconds;
#: the first is what the tool may take, the second what a busy machine may take from it.
_SECONDS = 2
#: Bytes of address space: 200 MB, and what the interpreter maps without using it.
_SPACE = (200 + 100) * 1024 * 1024

REPOSITORY = Path(__file__).resolve().parents[2]
#: Those that come nearest to the limits.
_NEAREST = {
    "monster_braces",
    "monster_closed_brackets",
    "monster_kind",
    "monster_mistakes",
    "monster_names",
    "monster_parentheses",
    "monster_shared",
    "monster_sum",
}
_STORED = ["repeat_huge", "block_multiplies", "expression_tower", "block_calls_itself"]
_ALL = [*[name for name in MADE if name.startswith("monster")], *_STORED]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_SPACE, _SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@pytest.mark.parametrize(
    "name",
    [name if name in _NEAREST else pytest.param(name, marks=pytest.mark.long) for name in _ALL],
)
def test_is_refused_within_limits(name: str, tmp_path: Path) -> None:
    if name in MADE:
        make(name, tmp_path)
    else:
        (tmp_path / f"{name}.yaml").write_bytes((FOLDER / f"{name}.yaml").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "convcalc", "shapes", f"{name}.yaml"],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        preexec_fn=_limit,
        check=False,
    )
    assert done.stderr.decode() == expected(name)
    assert done.stdout == b""
    assert done.returncode in {1, 2}
