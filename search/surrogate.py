"""An exact Gaussian process over labels: how well an architecture will score, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 40
"""Steps of the search for hyperparameters, each as long as its sign has proved right."""
LARGEST, SMALLEST = 0.5, 1e-3
NOISE = np.log(0.02), 2.0
"""Mean and deviation of the logarithm of noise, as a share of the variance, before any data."""
SPREAD = 1.5
"""Deviation of the logarithm of a weight, before any data."""
TINY = 1e-12
"""What keeps a variance above 0 where all scores are one."""
FENCE = 3.0
"""Scores further below the first quartile than so many times the box are drawn up to it."""


@dataclass(frozen=True)
class Scales:
    """What a fit has found: how fast scores change along each group of features, and the noise."""

    weights: tuple[float, ...]
    noise: float


def fitted(features: Array, groups: NDArray[np.intp], scores: Array, counts: Array) -> Scales:
    """Find the most probable scales; the variance follows from them and is never searched for.

    `groups` names for each column the weight that it shares; `counts` are trainings per score.
    """
    apart = distances(features, groups)
    number = len(apart)
    prior = np.append(np.full(number, -np.log(max(number, 1))), NOISE[0])
    spread = np.append(np.full(number, SPREAD), NOISE[1])
    values = standardised(scores)[0]
    at, step, before = prior.copy(), np.full(number + 1, 0.2), np.zeros(number + 1)
    best, found = np.inf, prior
    for _ in range(STEPS):
        loss, slope = _loss(at, apart, values, counts)
        away = (at - prior) / spread
        loss, slope = loss + 0.5 * float(away @ away), slope + away / spread
        if loss < best:
            best, found = loss, at.copy()
        same = np.sign(slope) * np.sign(before)
        step = np.clip(
            step * np.where(same < 0, 0.5, np.where(same > 0, 1.2, 1.0)), SMALLEST, LARGEST
        )
        at = at - np.sign(slope) * step
        before = slope
    return Scales(tuple(np.exp(found[:-1]).tolist()), float(np.exp(found[-1])))


def distances(features: Array, groups: NDArray[np.intp]) -> Array:
    """Return the squared distances between all rows, one matrix for each group of columns."""
    names = np.unique(groups)
    return np.stack(
        [squared(part, part) for part in (features[:, groups == name] for name in names)]
    )


def squared(one: Array, other: Array) -> Array:
    """Return the squared distances between the rows of two matrices."""
    apart = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    held: Array = np.maximum(apart, 0.0)
    return held


def standardised(scores: Array) -> tuple[Array, float, float]:
    """Return scores at mean 0 and variance 1, with their mean and deviation.

    What collapsed would stretch the scale for all others: how far down it lies does not matter.
    """
    low, high = np.quantile(scores, (0.25, 0.75))
    held = np.maximum(scores, low - FENCE * (high - low)) if high > low else scores
    mean, deviation = float(held.mean()), float(held.std()) or 1.0
    return (held - mean) / deviation, mean, deviation


def _loss(at: Array, apart: Array, values: Array, counts: Array) -> tuple[float, Array]:
    """Return the negative log likelihood with its gradient by the logarithms of the scales."""
    weights, noise = np.exp(at[:-1]), np.exp(at[-1])
    number = len(values)
    smooth = np.exp(-0.5 * np.tensordot(weights, apart, 1))
    factor = np.linalg.cholesky(smooth + np.diag(noise / counts + 1e-8))
    inverse = np.linalg.inv(factor)
    inverse = inverse.T @ inverse
    pulled = inverse @ values
    variance = float(values @ pulled) / number + TINY
    loss = 0.5 * number * np.log(variance) + float(np.log(np.diag(factor)).sum())
    slack = inverse - np.outer(pulled, pulled) / variance
    by_weight = -0.25 * weights * (apart.reshape(len(apart), -1) @ (slack * smooth).ravel())
    by_noise = 0.5 * float((np.diag(slack) * noise / counts).sum())
    return loss, np.append(by_weight, by_noise)


class Surrogate:
    """Scores known at some architectures, and what follows from them for all others."""

    def __init__(
        self,
        scales: Scales,
        features: Array,
        groups: NDArray[np.intp],
        scores: Array,
        counts: Array,
    ) -> None:
        _, place = np.unique(groups, return_inverse=True)
        self._stretch = np.sqrt(np.asarray(scales.weights))[place]
        self._features = features * self._stretch
        values, self._mean, self._deviation = standardised(scores)
        smooth = np.exp(-0.5 * squared(self._features, self._features))
        factor = np.linalg.cholesky(smooth + np.diag(scales.noise / counts + 1e-8))
        self._whiten = np.linalg.inv(factor)
        white = self._whiten @ values
        self._pulled = self._whiten.T @ white
        self._variance = float(white @ white) / len(values) + TINY

    def __call__(self, features: Array) -> tuple[Array, Array]:
        """Return the expected scores, and their standard deviations without a training's noise."""
        smooth = np.exp(-0.5 * squared(features * self._stretch, self._features))
        spread = 1.0 - ((smooth @ self._whiten.T) ** 2).sum(1)
        deviations = np.sqrt(np.maximum(spread, 1e-12) * self._variance)
        return self._mean + self._deviation * (smooth @ self._pulled), self._deviation * deviations

    def expected(self, features: Array) -> Array:
        """Return the expected scores alone."""
        smooth = np.exp(-0.5 * squared(features * self._stretch, self._features))
        means: Array = self._mean + self._deviation * (smooth @ self._pulled)
        return means
