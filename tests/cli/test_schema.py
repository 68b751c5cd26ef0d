"""`convcalc schema`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from convcalc.checks.project.config import config_schema
from convcalc.language.schema import spec_schema
from tests.cli.runner import run


def test_the_schema_of_a_spec_and_of_convcalc_yaml() -> None:
    assert json.loads(run("schema").out) == spec_schema()
    assert json.loads(run("schema", "config").out) == config_schema()


def test_it_is_the_same_in_every_run() -> None:
    """It is written into files that are committed, so it depends on no order of Python's sets."""
    texts = {
        subprocess.run(
            [sys.executable, "-m", "convcalc", "schema"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "01234"
    }
    (text,) = texts
    assert json.loads(text)["title"] == "convcalc network"
