"""The optimizers, each run as its documentation has it, on numbers that count."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from convcalc.analysis.training.optimizers import OPTIMIZERS, optimizer_named
from convcalc.facts import worded
from convcalc.problems import UNUSABLE, ConvcalcError
from tests.oracle.counting import Number, Tally, square_root

RATE, MOMENTUM, FIRST, SECOND, EPS, DECAY = 1e-3, 0.9, 0.9, 0.999, 1e-8, 1e-2

#: One parameter's step: its value, its gradient, what is kept of it, the step's number.
Update = Callable[[Number, Number, dict[str, Number], int], Number]


def sgd(p: Number, g: Number, kept: dict[str, Number], t: int) -> Number:
    return p - RATE * g


def sgd_momentum(p: Number, g: Number, kept: dict[str, Number], t: int) -> Number:
    kept["b"] = MOMENTUM * kept["b"] + g
    return p - RATE * kept["b"]


def nesterov(p: Number, g: Number, kept: dict[str, Number], t: int) -> Number:
    kept["b"] = MOMENTUM * kept["b"] + g
    return p - RATE * (g + MOMENTUM * kept["b"])


def adam(p: Number, g: Number, kept: dict[str, Number], t: int) -> Number:
    kept["m"] = FIRST * kept["m"] + (1 - FIRST) * g
    kept["v"] = SECOND * kept["v"] + (1 - SECOND) * (g * g)
    m = kept["m"] / (1 - FIRST**t)
    v = kept["v"] / (1 - SECOND**t)
    return p - RATE * m / (square_root(v) + EPS)


def adamw(p: Number, g: Number, kept: dict[str, Number], t: int) -> Number:
    return adam(p - (RATE * DECAY) * p, g, kept, t)


UPDATES: dict[str, tuple[Update, str]] = {
    "sgd": (sgd, ""),
    "sgd-momentum": (sgd_momentum, "b"),
    "nesterov": (nesterov, "b"),
    "adam": (adam, "mv"),
    "adamw": (adamw, "mv"),
}

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def test_every_optimizer_is_tried() -> None:
    assert set(UPDATES) == set(OPTIMIZERS)


@every_optimizer
def test_a_step_costs_what_is_predicted(name: str) -> None:
    update, states = UPDATES[name]
    tally = Tally()
    kept = {state: Number(0.25, tally) for state in states}
    update(Number(1.0, tally), Number(0.5, tally), kept, 2)
    assert tally.counts() == OPTIMIZERS[name].step
    assert len(kept) == OPTIMIZERS[name].state


@every_optimizer
def test_steps_lead_downhill(name: str) -> None:
    """The updates above are optimizers at all: they come nearer to the least of (p - 3)^2."""
    update, states = UPDATES[name]
    tally = Tally()
    kept = {state: Number(0.0, tally) for state in states}
    p = Number(Random(name).uniform(-1, 1), tally)
    far = abs(p.value - 3)
    for t in range(1, 200):
        p = update(p, 2 * (p - 3), kept, t)
    assert abs(p.value - 3) < far


def test_the_first_step_of_adam_is_as_long_as_the_rate() -> None:
    tally = Tally()
    kept = {state: Number(0.0, tally) for state in "mv"}
    moved = adam(Number(1.0, tally), Number(-0.3, tally), kept, 1)
    assert math.isclose(moved.value, 1 + RATE, rel_tol=1e-6)


@every_optimizer
def test_every_optimizer_says_where_it_comes_from(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    assert optimizer.name == name
    assert optimizer.source.startswith("PyTorch 2.13")
    assert "p = p - " in optimizer.update


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("adan", "did you mean 'adam' or 'adamw'?"),
        ("Nesterov", "did you mean 'nesterov'?"),
        ("rmsprop", "one of adam, adamw, nesterov, sgd, sgd-momentum"),
    ],
)
def test_an_unknown_optimizer_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ConvcalcError) as caught:
        optimizer_named(name)
    (problem,) = caught.value.problems
    assert caught.value.status == UNUSABLE
    assert (problem.code, worded(problem.facts)) == ("unknown-optimizer", (("help", hint),))
