"""The error function, which NumPy does not have."""

from __future__ import annotations

import numpy as np

from convcalc.executor.arrays import Array

# Rational approximations of erf on [0, 0.5], of erfc on [0.46875, 4] and beyond, highest power
# first. Source: W. J. Cody, "Rational Chebyshev approximations for the error function",
# Mathematics of Computation 23 (1969), as in his program CALERF.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2)
    + (3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2)
    + (1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0)
    + (6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2)
    + (1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2)
    + (5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3)
    + (4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    above, below = [_polynomial(part, x) for part in coefficients]
    above /= below
    return above


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Horner's rule."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value


def erf(x: Array) -> Array:
    """The error function of every element, to the last few digits of a float64.

    Works in float64 and returns the input's type.
    """
    wide = x.astype(np.float64)
    size = np.abs(wide)
    # From 4 to 6 the middle approximation of erfc is still right to 1e-9 of an erfc below 2e-8;
    # past 6 erf is 1 to the last digit.
    far = np.minimum(size, 6.0)
    tail = 1.0 - np.exp(-far * far) * _ratio(_MIDDLE, far)
    square = np.minimum(wide * wide, 0.25)
    near = wide * _ratio(_NEAR, square)
    result: Array = np.where(size <= 0.5, near, np.copysign(tail, wide)).astype(x.dtype)
    return result
