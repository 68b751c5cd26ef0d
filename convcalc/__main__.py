"""`python -m convcalc` is the command `convcalc`."""

from __future__ import annotations

import sys

from convcalc.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
