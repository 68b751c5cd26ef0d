"""`python -m convcalc` is the command `convcalc`."""

from __future__ import annotations

from convcalc.cli.main import main

if __name__ == "__main__":
    main()
