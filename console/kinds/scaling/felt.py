"""What scaling says about an endpoint's users: findings beside those of its vital signs. Imported where there are any.

What speaks against a verb here holds whatever the vital signs would ask for (endpoint/advice.py weighs them).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from console.clock import duration
from console.kinds.base import Sign
from console.kinds.scaling.course import retry_ms
from console.kinds.scaling.view import ScalingView, of_endpoints, views
from console.kinds.vitals.beat import SCALING_TROUBLE
from console.kinds.vitals.finding import Finding

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


def scaling_of(snapshot: Snapshot, endpoints: Collection[str]) -> dict[str, tuple[ScalingView, ...]]:
    """Targets of these endpoints, those of their inference components too; the worst first."""
    found: dict[str, list[ScalingView]] = {}
    for view in sorted(of_endpoints(snapshot, endpoints), key=lambda v: (v.sign.rank, v.name)):
        found.setdefault(view.endpoint, []).append(view)
    return {name: tuple(of) for name, of in found.items()}


def troubled(snapshot: Snapshot) -> dict[str, tuple[ScalingView, ...]]:
    """Those that the last look found in trouble, judged again, by endpoint; of the past all are."""
    names: Sequence[str] | None = None
    if snapshot.at is None:
        names = list(filter(None, snapshot.ledger.coverage.recall(snapshot.scope, SCALING_TROUBLE).split("\n")))
        if not names:
            return {}
    found: dict[str, list[ScalingView]] = {}
    for view in views(snapshot, names):
        if view.endpoint:
            found.setdefault(view.endpoint, []).append(view)
    return {name: tuple(of) for name, of in found.items()}


def findings(targets: Iterable[ScalingView], variants: int) -> tuple[Finding, ...]:
    """Of one endpoint with so many variants. Only what keeps it from growing, or makes it move too much."""
    return tuple(
        Finding(
            view.sign,
            f"{view.target.variant or view.target.component}: {view.verdict.words}"
            if variants > 1 or view.target.component
            else view.verdict.words,
            view.verdict.reasons,
            _numbers(view),
            view.speaks_for,
            view.speaks_against,
            "scaling",
            view.target.variant,
        )
        for view in targets
        if view.sign.rank <= Sign.WARNING.rank
    )


def elsewhere(targets: Iterable[ScalingView]) -> str:
    """What mends it that no verb here does, in a sentence; empty where nothing keeps these from growing."""
    for view in targets:
        if view.code == "quota" and (quota := view.quota) is not None and not quota.left:
            held = f"; {quota.held}" if quota.held else ""
            return f"ask Service Quotas for more '{quota.type} for endpoint usage' than {quota.limit:g}{held}"
        if view.code == "no_capacity":
            every = retry_ms(view.activities)
            again = f"every ~{duration(every)}" if every else "by itself"
            return (
                f"autoscaling tries again {again}; another instance type takes a new config, and the scalable target"
                " deregistered first"
            )
    return ""


def _numbers(view: ScalingView) -> dict[str, float]:
    told = {
        "current": view.current,
        "max": view.target.max,
        "requests_per_host_per_min": view.load.now,
        "target_per_host_per_min": view.load.target,
    }
    return {name: float(value) for name, value in told.items() if value is not None}


def together(felt: Sequence[Finding], scaling: Sequence[Finding]) -> tuple[Finding, ...]:
    """Worst first; of two as bad what explains (it cannot grow) before what it causes (it is slow)."""
    return tuple(sorted((*scaling, *felt), key=lambda finding: finding.sign.rank))
