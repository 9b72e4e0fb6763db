"""Traffic between variants as arithmetic: shares, steps, what each host will bear, whether errors rose. Pure.

A variant's share is its weight over the sum of all weights; shadow variants get copies and take no part
(facts/sagemaker.md section 2.9).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from console.errors import UsageError
from console.kinds.vitals.finding import ERRORS_AT_LEAST, WARNING_RATE
from console.kinds.vitals.proportions import CHANCE, worse
from console.text import echoed, few

Weights = dict[str, float]
"""By variant."""

STEPS_AT_MOST = 20


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One variant before and after: shares are 0..1, requests a second, and a minute per instance.

    None is unknown, and of a serverless variant there are no instances.
    """

    variant: str
    share: float
    share_after: float
    requests_s: float | None = None
    requests_s_after: float | None = None
    per_host: float | None = None
    per_host_after: float | None = None

    @property
    def gains(self) -> bool:
        return self.share_after > self.share

    @property
    def words(self) -> str:
        """`challenger 10 → 50 % of traffic (64 → 318 requests/s)`"""
        said = f"{self.variant} {percent(self.share, unit=False)} → {percent(self.share_after)} of traffic"
        if self.requests_s is None or self.requests_s_after is None:
            return said
        return f"{said} ({few(self.requests_s)} → {few(self.requests_s_after)} requests/s)"

    @property
    def host_words(self) -> str:
        """`each instance of challenger: 636 → 3,180 requests a minute`, or an empty text."""
        if self.per_host is None or self.per_host_after is None:
            return ""
        return f"each instance of {self.variant}: {few(self.per_host)} → {few(self.per_host_after)} requests a minute"


class Tally(msgspec.Struct, frozen=True):
    """Requests and those answered with 5XX."""

    n: float = 0.0
    errors: float = 0.0

    @property
    def words(self) -> str:
        rate = 100 * self.errors / self.n if self.n else 0.0
        return f"{rate:.2f} % ({self.errors:,.0f} of {self.n:,.0f})" if self.n else "no requests"


def parse_weights(given: Mapping[str, str]) -> Weights:
    """Raises UsageError for what is no weight: a finite number from 0 on."""
    found = {}
    for name, text in given.items():
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < 1e6 or text.strip() != text:
            raise UsageError(f"{echoed(name)}={echoed(text)!r} is no weight", advice="a number from 0 on: a=90 b=10")
        found[name] = value
    return found


def parse_steps(text: str) -> tuple[float, ...]:
    """`10,50,100`: how much of the way is gone after each step, in percent. Raises UsageError."""
    advice = "percents of the way that rise to 100: --steps 10,50,100"
    try:
        steps = tuple(float(part) for part in text.removesuffix("%").split(","))
    except ValueError:
        raise UsageError(f"--steps {echoed(text)!r}", advice=advice) from None
    rising = all(0 < a < b for a, b in zip((0.001, *steps), steps, strict=False)) and steps[-1] == 100
    if not rising or len(steps) > STEPS_AT_MOST:
        raise UsageError(f"--steps {echoed(text)!r}", advice=f"{advice}, at most {STEPS_AT_MOST}")
    return steps


def same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """AWS keeps weights as 32-bit floats: 0.9 may come back as 0.8999999761581421."""
    return one.keys() == other.keys() and all(
        math.isclose(weight, other[name], rel_tol=1e-6, abs_tol=1e-9) for name, weight in one.items()
    )


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """0..1 by variant; all 0 where no variant has a weight."""
    total = sum(weights.values())
    return {name: weight / total if total else 0.0 for name, weight in weights.items()}


def way(before: Weights, after: Weights, steps: Sequence[float]) -> list[Weights]:
    """The weights of each step: shares go from before to after, on the scale of the weights asked for.

    The last step is exactly what was asked for.
    """
    total, was, then = sum(after.values()), shares(before), shares(after)
    found = [
        {name: round(total * (was[name] + step / 100 * (then[name] - was[name])), 6) for name in after}
        for step in steps[:-1]
    ]
    return [*found, dict(after)]


def loads(
    before: Weights, after: Weights, requests_s: float | None, instances: Mapping[str, int | None]
) -> tuple[Load, ...]:
    """`requests_s`: of all variants together, as many after as before."""
    was, then = shares(before), shares(after)
    found = []
    for name in after:
        hosts = instances.get(name)
        now_s = None if requests_s is None else requests_s * was[name]
        then_s = None if requests_s is None else requests_s * then[name]
        found.append(
            Load(
                variant=name,
                share=was[name],
                share_after=then[name],
                requests_s=now_s,
                requests_s_after=then_s,
                per_host=60 * now_s / hosts if now_s is not None and hosts else None,
                per_host_after=60 * then_s / hosts if then_s is not None and hosts else None,
            )
        )
    return tuple(found)


def risen(before: Mapping[str, Tally], after: Mapping[str, Tally]) -> str:
    """Where more requests fail than before by more than chance: in words, or an empty text.

    All variants together, then each against itself: a bad variant that gets more shows in the first, one that breaks
    under its load in the second. A variant that had no requests before is held against all of them.
    """
    whole, now = total(before.values()), total(after.values())
    if _worse(now, whole):
        return f"5XX {now.words}, was {whole.words}"
    for name, tally in after.items():
        was = before.get(name, Tally())
        was = was if was.n else whole
        if _worse(tally, was):
            return f"{name}: 5XX {tally.words}, was {was.words}"
    return ""


def total(tallies: Iterable[Tally]) -> Tally:
    known = list(tallies)
    return Tally(sum(one.n for one in known), sum(one.errors for one in known))


def _worse(now: Tally, was: Tally) -> bool:
    if now.errors < ERRORS_AT_LEAST or now.errors < WARNING_RATE * now.n:
        return False
    return worse(now.errors, now.n, was.errors, was.n) < CHANCE


def tidy(weights: Mapping[str, float]) -> Weights:
    """Whole numbers without a fraction: people and scripts read them."""
    return {name: int(weight) if weight == int(weight) else weight for name, weight in weights.items()}


def told(weights: Mapping[str, float]) -> str:
    """`AllTraffic 90 %, challenger 10 %`."""
    return ", ".join(f"{name} {percent(share)}" for name, share in shares(weights).items())


def pairs(weights: Mapping[str, float]) -> str:
    """As the command line takes them: `AllTraffic=0.9 challenger=0.1`."""
    return " ".join(f"{name}={weight:.6g}" for name, weight in weights.items())


def percent(share: float, *, unit: bool = True) -> str:
    """With a decimal where there is one: 0.5 % is not nothing, 99.7 % not all."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} %" if unit else text
