"""Since when a finding holds: from the minutes that are kept, each judged alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.clock import Millis
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.judge import of_variant
from console.kinds.vitals.record import Vitals, Was

CALM_MINUTES = 4
"""So many good ones in a row are before it; one or two of them are chance."""


def onset(minutes: Sequence[tuple[Millis, Vitals]], finding: Finding, was: Was | None) -> Millis | None:
    """The first of its minutes; None where no calm before it is known, or no minute shows it alone (few requests).

    `minutes` are oldest first.
    """
    first, calm = None, 0
    for at, vitals in reversed(minutes):
        one = next((s for s in vitals.signs if s.variant == finding.variant and not (s.config or s.component)), None)
        if one is None:
            continue
        if any(found.about == finding.about for found in of_variant(one, was)):
            first, calm = at, 0
        elif (calm := calm + 1) >= CALM_MINUTES:
            return first
    return None
