"""Whether two error rates differ by more than chance. Pure (facts/sagemaker.md section 12.1: counts are exact sums)."""

from __future__ import annotations

import math

CHANCE = 3e-5
"""Looked at every minute of a deployment: 60 looks at a fixed level of 0.05 would cry wolf in a third of all."""

EXACT_AT_MOST = 2_000


def worse(errors: float, n: float, errors_of_other: float, n_of_other: float) -> float:
    """How likely so many errors of the first are by chance, if both fail alike (one-sided, 0..1).

    All errors together are given to the two by their requests (the exact conditional test of two proportions); above
    EXACT_AT_MOST errors by the two-proportion z test. 1 where the first does not fail more often.
    """
    if n <= 0 or n_of_other <= 0 or errors / n <= errors_of_other / n_of_other:
        return 1.0
    share, total = n / (n + n_of_other), errors + errors_of_other
    if total > EXACT_AT_MOST:
        pooled = total / (n + n_of_other)
        spread = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / n_of_other))
        z = (errors / n - errors_of_other / n_of_other) / spread
        return 0.5 * math.erfc(z / math.sqrt(2))
    whole = round(total)
    log_share, log_rest = math.log(share), math.log1p(-share)
    return min(
        1.0,
        sum(
            math.exp(
                math.lgamma(whole + 1)
                - math.lgamma(k + 1)
                - math.lgamma(whole - k + 1)
                + k * log_share
                + (whole - k) * log_rest
            )
            for k in range(round(errors), whole + 1)
        ),
    )


def above(errors: float, n: float, rate: float) -> float:
    """How likely so many errors or more are, if `rate` of the requests fail: the Poisson tail (0..1)."""
    mean = n * rate
    if errors <= mean:
        return 1.0
    if mean <= 0:
        return 0.0
    if errors > EXACT_AT_MOST:
        return 0.5 * math.erfc((errors - mean) / math.sqrt(2 * mean))
    log_mean = math.log(mean)
    # Terms fall from here on: those that no longer count are left out.
    tail, k = 0.0, round(errors)
    while True:
        term = math.exp(k * log_mean - mean - math.lgamma(k + 1))
        tail += term
        k += 1
        if term < 1e-18 or term < tail * 1e-12:
            return min(1.0, tail)
