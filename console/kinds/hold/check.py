"""What a plan says about a hold on its subject."""

from __future__ import annotations

from console.actions.model import Check, Plan, Verdict
from console.actions.verb import Desk
from console.kinds.hold.record import Hold, key
from console.kinds.reading import decode


def standing(desk: Desk, kind: str, subject: str) -> Hold | None:
    """The hold on a subject as the ledger has it now."""
    return next(iter(decode(desk.snapshot(), "hold", Hold, [key(kind, subject)])), None)


def forbidden(desk: Desk, plan: Plan, endpoint: str) -> str:
    """Why a plan must not be done now, because its endpoint was held meanwhile; or an empty text."""
    check = held(standing(desk, "endpoint", endpoint), released=bool(plan.args.get("release")))
    return check.detail if check.verdict is Verdict.FAIL else ""


def held(hold: Hold | None, *, released: bool) -> Check:
    if hold is None:
        return Check("hold", Verdict.PASS, "not held")
    told = f"held by {hold.by}: {hold.reason}"
    if released:
        return Check("hold", Verdict.WARN, f"{told}; this releases it")
    return Check("hold", Verdict.FAIL, f"{told}; release the hold first (--release, or o in the plan)")
