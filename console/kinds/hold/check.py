"""What a plan says about a hold on its subject."""

from __future__ import annotations

from console.actions.model import Check, Verdict
from console.kinds.hold.record import Hold


def held(hold: Hold | None, *, released: bool) -> Check:
    if hold is None:
        return Check("hold", Verdict.PASS, "not held")
    told = f"held by {hold.by}: {hold.reason}"
    if released:
        return Check("hold", Verdict.WARN, f"{told}; this releases it")
    return Check("hold", Verdict.FAIL, f"{told}; release the hold first (--release, or o in the plan)")
