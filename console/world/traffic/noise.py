"""Randomness that is a function of a seed and a moment: any stretch of time can be computed alone, in any order."""

from __future__ import annotations

import zlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_STEP = np.uint64(0x9E3779B97F4A7C15)


def seed_of(*parts: object) -> int:
    return zlib.crc32("/".join(map(str, parts)).encode())


def uniform(seed: int, ticks: Ints) -> Floats:
    """One number of (0, 1) per tick: splitmix64 of seed and tick."""
    state = (ticks.astype(np.uint64) + np.array([seed], np.uint64) * np.uint64(1_000_003)) * _STEP
    for shift, factor in zip((np.uint64(30), np.uint64(27)), _MIX, strict=True):
        state = (state ^ (state >> shift)) * factor
    bits = (state ^ (state >> np.uint64(31))) >> np.uint64(11)
    return (bits.astype(np.float64) + 0.5) / 2.0**53


def normal(seed: int, ticks: Ints) -> Floats:
    radius = np.sqrt(-2.0 * np.log(uniform(seed, ticks)))
    return radius * np.cos(2.0 * np.pi * uniform(seed ^ 0x5BD1E995, ticks))


def binomial(seed: int, ticks: Ints, trials: Floats, chance: Floats) -> Floats:
    """How many of `trials` happen: by Poisson's law where few do, by the normal one where many do."""
    mean = trials * np.clip(chance, 0.0, 1.0)
    many = np.round(mean + np.sqrt(mean * (1.0 - np.clip(chance, 0.0, 1.0))) * normal(seed, ticks))
    if (mean >= 25.0).all():
        return np.clip(many, 0.0, trials)
    drawn, few = uniform(seed ^ 0x1B873593, ticks), np.zeros_like(mean)
    small = np.minimum(mean, 25.0)
    term = np.exp(-small)
    upto = term.copy()
    for count in range(1, 80):
        more = drawn > upto
        if not more.any():
            break
        few += more
        term = term * small / count
        upto += term
    return np.clip(np.where(mean >= 25.0, many, few), 0.0, trials)


def counts(seed: int, ticks: Ints, mean: Floats) -> Floats:
    """How many come when `mean` are expected: by Poisson's law where few do, else as expected."""
    if (mean >= 50.0).all():
        return np.round(mean)
    few = binomial(seed, ticks, np.full_like(mean, 1e6), np.minimum(mean, 50.0) / 1e6)
    return np.where(mean >= 50.0, np.round(mean), few)


def below(z: Floats) -> Floats:
    """The standard normal's distribution function, good to 3e-4 (numpy has no erf)."""
    found: Floats = 0.5 * (1.0 + np.tanh(0.7978845608 * (z + 0.044715 * z**3)))
    return found
