"""Optimizers: the cost of an update for each parameter, and the state kept between steps."""

from __future__ import annotations

from typing import NamedTuple

from convcalc import given
from convcalc.counts import Counts
from convcalc.problems import printable, refused
from convcalc.spelling import did_you_mean


class Optimizer(NamedTuple):
    """One optimizer.

    name    its name
    update  the update that is counted, of a parameter p with gradient g
    step    scalar operations of the update, for one parameter
    state   numbers kept between steps, for one parameter
    source  where the update is documented
    """

    name: str
    update: str
    step: Counts
    state: int
    source: str


_TORCH = "PyTorch 2.13, torch.optim"

#: All optimizers. The updates are those of PyTorch's documentation with its defaults, from the
#: second step on. What is the same for all parameters (1 - b1, lr*decay, 1 - b1^t) is computed once
#: and not counted; neither are learning-rate schedules and loss scaling.
OPTIMIZERS: dict[str, Optimizer] = {
    optimizer.name: optimizer
    for optimizer in (
        Optimizer(
            "sgd",
            "p = p - lr*g",
            Counts(multiplies=1, adds=1),
            0,
            f"{_TORCH}.SGD",
        ),
        Optimizer(
            "sgd-momentum",
            "b = mu*b + g; p = p - lr*b",
            Counts(multiplies=2, adds=2),
            1,
            f"{_TORCH}.SGD with momentum, dampening 0",
        ),
        Optimizer(
            "nesterov",
            "b = mu*b + g; p = p - lr*(g + mu*b)",
            Counts(multiplies=3, adds=3),
            1,
            f"{_TORCH}.SGD with momentum and nesterov",
        ),
        Optimizer(
            "adam",
            "m = b1*m + (1 - b1)*g; v = b2*v + (1 - b2)*(g*g);"
            " p = p - lr*(m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)",
            Counts(multiplies=6, adds=4, divides=3, specials=1),
            2,
            f"{_TORCH}.Adam",
        ),
        Optimizer(
            "adamw",
            "p = p - (lr*decay)*p; then as adam",
            Counts(multiplies=7, adds=5, divides=3, specials=1),
            2,
            f"{_TORCH}.AdamW, its weight decay included",
        ),
    )
}


def optimizer_named(name: str) -> Optimizer:
    """The optimizer of this name; raises ConvcalcError (status 2), with the nearest names.

    >>> optimizer_named("adam").state
    2
    """
    found = OPTIMIZERS.get(given.text("optimizer", name))
    if found is None:
        message = f"there is no optimizer '{printable(name)}'"
        raise refused("unknown-optimizer", message, did_you_mean(name, OPTIMIZERS))
    return found
