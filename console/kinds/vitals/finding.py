"""One thing that vital signs say, the limits from which they say it, and the words all of them share. Pure.

The limits are proven in tests/incidents: each incident is told, and a quiet fleet is quiet through its day.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from console.kinds.base import Sign
from console.kinds.vitals.record import Signs, Was

ERRORS_AT_LEAST = 5
REQUESTS_AT_LEAST = 50
CRITICAL_RATE, WARNING_RATE = 0.01, 0.002
"""Of all requests answered with 5XX: one user in a hundred is hurt; a few are, and more than usual."""

CALLERS_RATE = 0.02
SLOWER, SLOWER_MS = 1.5, 20.0
"""p99 against the same hour of other days: a half more, and not by noise of milliseconds."""

HOPELESS, HOPELESS_MS = 10.0, 1000.0
"""p99 so many times what it was, and that much longer: callers give up as if it had failed."""

MORE_LOAD = 1.2
"""Requests per instance against the same hour of other days."""

BUSY_CPU, FULL_MEMORY, FULL_DISK, BUSY_GPU, BUSY_SLOTS = 85.0, 92.0, 90.0, 95.0, 90.0
SILENT = 20.0
"""Requests that were to be expected in the window: that none came is no chance (1 in 10^8)."""

WAITING_S = 600.0
"""Of asynchronous requests: six minutes are usual at the busy hours of an endpoint that has room."""
HITS = 0.8


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One thing that the numbers say. `speaks_for` and `speaks_against` are verbs (rollback, weights, scale, mute,
    retrain), for whoever weighs them (endpoint/advice.py): the numbers alone do not know what was deployed when."""

    sign: Sign
    words: str
    reasons: tuple[str, ...]
    numbers: dict[str, float] = {}
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ("retrain",)
    about: str = ""
    """errors, callers, latency, saturation, queue, silence."""
    variant: str = ""
    """Whose; empty where it is about the endpoint."""

    @property
    def brief(self) -> str:
        """`p99 838 ms, was 83`: without whose it is, and why."""
        return _WHY.sub(r"\1", self.words.removeprefix(f"{self.variant}: "))

    def to_json(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "variant": self.variant or None,
            "sign": self.sign.value,
            "words": self.words,
            "reasons": [reason for reason in self.reasons if reason],
            "numbers": self.numbers,
            "speaks_for": self.speaks_for,
            "speaks_against": self.speaks_against,
        }


class Strain(NamedTuple):
    """What on the hosts explains errors and waiting, and what helps against it."""

    words: str
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]


def strain(one: Signs, was: Was | None) -> Strain | None:
    """None where the hosts have room. Hosts that are busy with no more requests than ever do more for each: that may be
    a new version (facts section 9.2)."""
    if (one.memory_percent or 0.0) >= FULL_MEMORY:
        return Strain(f"memory {one.memory_percent:.0f} %", ("rollback", "scale"), ("retrain",))
    if (one.cpu_percent or 0.0) < BUSY_CPU and (one.gpu_percent or 0.0) < BUSY_GPU:
        return None
    times = load_times(one, was)
    if times is not None and times >= MORE_LOAD:
        return Strain(f"hosts are busy, {more_load(times)}", ("scale",), ("rollback", "retrain"))
    return Strain("hosts are busy", ("rollback", "scale"), ("retrain",))


def load_times(one: Signs, was: Was | None) -> float | None:
    """Requests per instance as a multiple of those in the same hour of the last days."""
    load, before = one.invocations_per_instance, was.invocations_per_instance if was else None
    return load / before if load is not None and before else None


def more_load(times: float) -> str:
    """Against the same hour of other days."""
    return f"{100 * (times - 1):+.0f} % requests a host" if times < 3 else f"{times:.0f} times the requests a host"


# Words.


_WHY = re.compile(r"(%|\)|ms|was [\d.,]+)(?:: |, [+-]\d|, \d+ times| at equal load).*$")


def beside(words: str, more: str) -> str:
    """Both; the load at the end of `more` only where `words` have not said it: once, and on one basis."""
    return f"{words}; {_LOAD.sub('', more) if _LOAD.search(words) else more}"


_LOAD = re.compile(r", (?:[+-]?\d+ % requests a host|\d+ times the requests a host|\d+ % of its target)$")


def of(errors: float, n: float) -> str:
    return f"{errors:,.0f} of {n:,.0f}"


def share(bad: float, n: float) -> tuple[str, str]:
    """`30 %` and what it rests on, `(26,756 of 88,743)`: nobody divides at night."""
    return percent(bad / n), f"({of(bad, n)})"


def over(one: Signs) -> str:
    return f"over {one.minutes} whole minutes"


def days(was: Was | None) -> str:
    return f"was: in this hour of the last {was.days} days" if was and was.days else "was: not known yet"


def percent(rate: float | None) -> str:
    if rate is None:
        return "?"
    return f"{100 * rate:.{2 if rate < 0.01 else 1 if rate < 0.1 else 0}f} %" if rate else "0 %"


def odds(chance: float) -> str:
    return f"p {chance:.0e}" if chance >= 1e-15 else "p < 1e-15"


def ms(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
