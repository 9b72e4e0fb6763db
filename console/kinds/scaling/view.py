"""A scalable target with what the ledger knows around it, and whether it can grow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import MINUTE, Millis, clock_time, iso
from console.kinds.base import Sign, Verdict
from console.kinds.scaling.around import Around, Bodies
from console.kinds.scaling.course import launch_ms, not_scaled
from console.kinds.scaling.record import Activity, Target
from console.kinds.scaling.seen import Load, Quota, Seen
from console.kinds.scaling.verdict import judge
from console.kinds.vitals.reading import pulses
from console.ledger.samples import KEEP_MS

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

STALE = 3 * MINUTE + MINUTE // 2
"""So long after the last good look its verdict says nothing of now: two sweeps, and some."""

TOLD = 20
"""Activities in JSON."""


class ScalingView(msgspec.Struct, frozen=True, kw_only=True):
    """One row. The JSON names are those that scripts rely on (DESIGN.md section 7)."""

    target: Target
    observed_at: Millis
    code: str
    verdict: Verdict
    current: int | None = None
    desired: int | None = None
    load: Load = Load()
    quota: Quota | None = None
    type: str = ""
    endpoint: str = ""
    """Also of an inference component, where its host is known."""
    activities: tuple[Activity, ...] = ()
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    stale: bool = False

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def arn(self) -> str:
        return self.target.arn

    @property
    def sign(self) -> Sign:
        return self.verdict.sign

    @property
    def also_named(self) -> tuple[str, ...]:
        """Other words for it."""
        return tuple(filter(None, (self.target.resource, self.target.endpoint)))

    def to_json(self) -> dict[str, Any]:
        t = self.target
        took = launch_ms(self.activities)
        return {
            "name": self.name,
            "resource": t.resource,
            "dimension": t.dimension,
            "arn": t.arn,
            "endpoint": self.endpoint or None,
            "variant": t.variant or None,
            "component": t.component or None,
            "min": t.min,
            "max": t.max,
            "current": self.current,
            "desired": self.desired,
            "verdict": self.code,
            "sign": self.verdict.sign.value,
            "what": self.verdict.words,
            "since": iso(self.verdict.since) if self.verdict.since else None,
            "reasons": self.verdict.reasons,
            "speaks_for": self.speaks_for,
            "speaks_against": self.speaks_against,
            "suspended": {
                "scale_in": t.suspended.scale_in,
                "scale_out": t.suspended.scale_out,
                "scheduled": t.suspended.scheduled,
            },
            "requests_per_host_per_min": _rounded(self.load.now),
            "target_per_host_per_min": _rounded(self.load.target),
            "was_per_host_per_min": _rounded(self.load.was),
            "instance_type": self.type or None,
            "quota": {"limit": self.quota.limit, "used": self.quota.used, "unsure": self.quota.unsure}
            if self.quota
            else None,
            "not_scaled": [_reason(reason) for reason in not_scaled(self.activities)],
            "launch_s": round(took[0] / 1000) if took else None,
            "policies": [
                {
                    "name": p.name,
                    "type": p.type,
                    "metric": p.metric or None,
                    "target": p.target,
                    "scale_out_cooldown_s": p.out_cooldown_s,
                    "scale_in_cooldown_s": p.in_cooldown_s,
                    "scales_in": p.scales_in,
                    "steps": p.steps,
                    "alarms": p.alarms,
                }
                for p in t.policies or ()
            ],
            "scheduled": [
                {"name": s.name, "schedule": s.schedule, "timezone": s.zone, "min": s.min, "max": s.max}
                for s in t.scheduled or ()
            ],
            "activities": [
                {
                    "at": iso(a.at),
                    "ended_at": iso(a.ended_at) if a.ended_at else None,
                    "status": a.status,
                    "wanted": a.wanted,
                    "cause": a.cause,
                    "message": a.message or None,
                    "not_scaled": [_reason(reason) for reason in a.not_scaled],
                }
                for a in self.activities[:TOLD]
            ],
            "observed_at": iso(self.observed_at),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _reason(reason: Any) -> dict[str, Any]:
    numbers = {"min": reason.min, "max": reason.max, "current": reason.current}
    return {"code": reason.code} | {name: value for name, value in numbers.items() if value is not None}


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[ScalingView]:
    """All targets of a snapshot, or those named: by name, resource id, endpoint or ARN."""
    if names is None:
        return _views(snapshot, lambda t: True)
    wanted = set(names)
    return _views(snapshot, lambda t: bool(wanted.intersection((t.name, t.resource, t.endpoint or t.name, t.arn))))


def of_endpoints(snapshot: Snapshot, endpoints: Collection[str]) -> list[ScalingView]:
    """Those of their variants and of their inference components."""
    found = _views(snapshot, lambda t: t.endpoint in endpoints or not t.endpoint)
    return [view for view in found if view.endpoint in endpoints]


def _views(snapshot: Snapshot, wanted: Callable[[Target], bool]) -> list[ScalingView]:
    decode = msgspec.json.Decoder(Target).decode
    known = [(decode(fact.body), fact.observed_at) for fact in snapshot.heads("scaling")]
    found = [(t, at) for t, at in known if wanted(t)]
    if not found:
        return []
    state = snapshot.states().get("scaling")
    read_at = state.at if state is not None else None
    return list(made(found, Around(bodies_of(snapshot), [t for t, _ in found]), read_at))


def bodies_of(snapshot: Snapshot) -> Bodies:
    def facts(kind: str, names: Sequence[str] | None) -> dict[str, bytes]:
        return {fact.name: fact.body for fact in snapshot.heads(kind, names)}

    def samples(kind: str, names: Sequence[str] | None) -> dict[str, bytes]:
        if kind == "pulse":
            return pulses(snapshot, names)
        # Activities have times of their own: what was kept later tells of the past as well.
        kept = snapshot.ledger.samples.window(snapshot.scope, kind, snapshot.now - KEEP_MS, names=names)
        return {sample.name: sample.body for sample in kept}

    return Bodies(snapshot.moment, facts, samples)


def made(
    found: Iterable[tuple[Target, Millis]], around: Around, read_at: Millis | None = None
) -> Iterable[ScalingView]:
    """Targets, and since when each is as it is. `read_at`: the last good look at the source; None where that
    is not known or does not matter, and neither does the other."""
    now = around.now
    stale = read_at is not None and now - read_at > STALE
    for t, observed_at in found:
        seen = around.seen(t)._replace(changed_at=observed_at if read_at is not None else None)
        told = judge(seen, now)
        verdict = told.verdict
        if stale:
            assert read_at is not None
            verdict = Verdict(Sign.UNKNOWN, f"as of {clock_time(read_at, now)}: {verdict.words}", verdict.reasons,
                              verdict.since)  # fmt: skip
        yield _view(seen, observed_at, told.code, verdict, around, told.speaks_for, told.speaks_against, stale)


def _view(seen: Seen, observed_at: Millis, code: str, verdict: Verdict, around: Around, for_: tuple[str, ...],
          against: tuple[str, ...], stale: bool) -> ScalingView:  # fmt: skip
    return ScalingView(
        target=seen.target,
        observed_at=observed_at,
        code=code,
        verdict=verdict,
        current=seen.current,
        desired=seen.desired,
        load=seen.load,
        quota=seen.quota,
        type=seen.type,
        endpoint=seen.target.endpoint or around.activities_of(seen.target.name).endpoint,
        activities=seen.activities,
        speaks_for=for_,
        speaks_against=against,
        stale=stale,
    )


def order(view: ScalingView) -> tuple[int, int, str]:
    """Worst first, notes before the quiet ones, then by name."""
    return (view.verdict.sign.rank, 0 if view.verdict.words != "ok" else 1, view.name)
