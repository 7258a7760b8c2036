"""Weights and what they multiply, rounded to 8-bit integers so that the products stay the same.

Numbers alone; knows no graphs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

SMOOTHING = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)
"""Exponents that are tried: from all difficulty in the activations to all of it in the weights."""
DAMPING = 0.01
"""Of the mean square of a channel: added to each, so that few rows do not mislead."""


@dataclass(frozen=True, eq=False)
class Rounding:
    """Activations become ``x / smooth / step + zero``, and weights ``codes * steps``."""

    step: float
    zero: int
    smooth: Matrix | None  # (k,)
    codes: NDArray[np.int8]  # (k, m)
    steps: Matrix  # (m,)
    error: float  # of the products: mean square over that of the exact ones

    def of(self, columns: slice) -> "Rounding":
        """Return the same for some of the products."""
        return Rounding(
            self.step, self.zero, self.smooth, self.codes[:, columns], self.steps[columns],
            self.error,
        )  # fmt: skip


def rounding(
    rows: Matrix,
    weights: Matrix,
    *,
    smoothing: Sequence[float] = SMOOTHING,
    compensate: bool = True,
) -> Rounding:
    """Find how to round activations, (n, k), and weights, (k, m).

    Each channel is first divided by about how large it gets, which the weights make good (Xiao et
    al., "SmoothQuant", ICML 2023); how much of that is best is tried. Then weights are rounded one
    channel after the other, and those to come make good what that did to the products, as far as
    these activations tell (Frantar et al., "GPTQ", ICLR 2023).

    Args:
        rows: activations.
        weights: what they are multiplied with.
        smoothing: exponents that are tried, 0 for none.
        compensate: whether weights make good what rounding did; otherwise each is rounded alone.
    """
    exact = rows @ weights
    power = float((exact**2).mean()) or 1.0

    def error(rounded: Matrix, codes: NDArray[np.int8], steps: Matrix) -> float:
        return float(((rounded @ (codes * steps) - exact) ** 2).mean()) / power

    largest, heaviest = np.abs(rows).max(axis=0), np.abs(weights).max(axis=1)
    tried = []
    for exponent in smoothing:
        smooth = np.maximum(largest, 1e-5) ** exponent
        smooth = (smooth / np.maximum(heaviest, 1e-5) ** (1 - exponent)).astype(np.float32)
        if not exponent:
            smooth = np.ones_like(smooth)
        step, zero, rounded = _rounded(rows / smooth)
        tried.append((error(rounded, *columns(weights * smooth[:, None])), smooth, step, zero))
    _, smooth, step, zero = min(tried, key=lambda each: each[0])
    *_, rounded = _rounded(rows / smooth)
    scaled = weights * smooth[:, None]
    codes, steps = _compensated(rounded, rows / smooth, scaled) if compensate else columns(scaled)
    plain = bool(np.all(smooth == 1))
    return Rounding(
        step, zero, None if plain else smooth, codes, steps, error(rounded, codes, steps)
    )


def columns(weights: Matrix) -> tuple[NDArray[np.int8], Matrix]:
    """Round every column by a step of its own: codes (k, m), steps (m,)."""
    steps = _steps(weights)
    return np.round(weights / steps).astype(np.int8), steps


def _steps(weights: Matrix) -> Matrix:
    steps = np.abs(weights).max(axis=0) / 127
    return np.asarray(np.where(steps > 0, steps, 1), np.float32)


def _rounded(rows: Matrix) -> tuple[float, int, Matrix]:
    """Return step and zero of 8 bits for these numbers, and what they then are."""
    low, high = min(float(rows.min()), 0.0), max(float(rows.max()), 0.0)
    step = (high - low) / 255 or 1.0
    zero = round(-low / step)
    return step, zero, ((np.clip(np.round(rows / step) + zero, 0, 255) - zero) * step)


def _compensated(
    rounded: Matrix, exact: Matrix, weights: Matrix
) -> tuple[NDArray[np.int8], Matrix]:
    """Round weights so that ``rounded @ weights`` comes close to what ``exact @ weights`` is."""
    seen = rounded.astype(np.float64)
    curvature = seen.T @ seen  # (k, k)
    curvature[np.diag_indices_from(curvature)] += DAMPING * np.diag(curvature).mean() + 1e-12
    left = seen.T @ ((exact - rounded) @ weights)
    wanted = weights + np.linalg.solve(curvature, left)
    steps = _steps(wanted.astype(np.float32))
    order = np.argsort(-np.diag(curvature))  # the channels that count most come first
    wanted, codes = wanted[order], np.empty(weights.shape, np.int8)
    inverse = np.linalg.inv(curvature[np.ix_(order, order)])
    passed_on = np.linalg.cholesky(inverse).T  # (k, k) upper
    for place, channel in enumerate(order.tolist()):
        code = np.clip(np.round(wanted[place] / steps), -127, 127)
        codes[channel] = code
        missed = (wanted[place] - code * steps) / passed_on[place, place]
        wanted[place + 1 :] -= np.outer(passed_on[place, place + 1 :], missed)
    return codes, steps
