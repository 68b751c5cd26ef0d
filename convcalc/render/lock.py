"""The outcome of `convcalc lock` as text and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.checks.lock.outcomes import Outcome
from convcalc.problems import ChangedTotals, facts_of, printable


def lock_summary(path: str, outcomes: Sequence[Outcome], check: bool, failed: bool) -> str:
    """The summary: the number of networks, and each one that changed."""
    states = [outcome.state for outcome in outcomes]
    lines = []
    if not check and not failed and states.count("added") < len(states):
        lines = [f"  {o.state:7}  {_title(o)}\n" for o in outcomes if o.state != "same"]
    name = printable(path, 200)
    total = len(states) - states.count("removed")
    networks = f"{total} network{'s' if total != 1 else ''}"
    parts = [
        f"{states.count(state)} {state}"
        for state in ("changed", "added", "removed", "broken")
        if state in states
    ]
    what = ", ".join(parts) or ("as locked" if check else "nothing changed")
    if failed and not check:
        what += "; nothing is written"
    return f"{name}: {networks}, {what}\n" + "".join(lines)


def _title(outcome: Outcome) -> str:
    title = outcome.name
    facts = outcome.problems[0].facts if outcome.problems else ()
    totals = facts_of(facts, ChangedTotals)
    return printable(f"{title}: {totals[0].text}" if totals else title, 1000)


def lock_data(path: str, outcomes: Sequence[Outcome], ok: bool) -> dict[str, Any]:
    """The outcome of each network as plain data."""
    from convcalc.analysis.costs.report import unknown_data
    from convcalc.facts import problems_data

    networks = [
        {
            "file": outcome.file,
            "variant": outcome.variant,
            "state": outcome.state,
            "totals": outcome.network.totals if outcome.network else {},
            "problems": problems_data(outcome.problems),
            "warnings": problems_data(outcome.warnings),
            **unknown_data(outcome.unknown),
        }
        for outcome in outcomes
    ]
    return {"schema": "convcalc.locking/1", "lock": path, "ok": ok, "networks": networks}
