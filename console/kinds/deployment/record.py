"""Deployments of an endpoint, told from observations and CloudTrail: SageMaker itself keeps no such history. Pure.

What nobody watched has outcome `unknown`, with the evidence there is; a call that CloudTrail saw accepted is no proof
that its config ever served (facts/sagemaker.md sections 2.6 and 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from console.clock import MINUTE, Millis, iso
from console.kinds.change.record import DEPLOYS, Change


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    IN_PROGRESS = "in_progress"
    UNKNOWN = "unknown"


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to put a config into service. `until` is when the next config took over, if one did."""

    source: str
    target: str
    started_at: Millis | None
    ended_at: Millis | None = None
    outcome: Outcome = Outcome.UNKNOWN
    by: str = ""
    actor: str = ""
    reason: str = ""
    evidence: tuple[str, ...] = ()
    until: Millis | None = None

    @property
    def at(self) -> Millis:
        return self.started_at or self.ended_at or 0

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.source or None,
            "to": self.target,
            "started_at": iso(self.started_at) if self.started_at else None,
            "ended_at": iso(self.ended_at) if self.ended_at else None,
            "outcome": self.outcome.value,
            "by": self.by or None,
            "actor": self.actor or None,
            "reason": self.reason or None,
            "evidence": self.evidence,
        }


class Seen(Protocol):
    """What the derivation needs of an observed endpoint (kinds/endpoint/record.py has it)."""

    @property
    def config(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def failure_reason(self) -> str: ...
    @property
    def modified_at(self) -> Millis | None: ...
    @property
    def pending(self) -> Any: ...
    @property
    def moving(self) -> bool: ...


def derive(sights: Sequence[tuple[Millis, Seen]], changes: Sequence[Change]) -> tuple[Deployment, ...]:
    """Deployments of one endpoint, newest first.

    `sights` are (observed at, endpoint), oldest first; `changes` those of this endpoint, in any order.
    """
    calls = sorted((c for c in changes if c.event in DEPLOYS and not c.error and c.target), key=lambda c: c.at)
    watched = _watched(sights)
    used: set[str] = set()
    told = [_attribute(d, calls, used) for d in watched]
    told += _unwatched(sights, [c for c in calls if c.id not in used])
    told.sort(key=lambda d: d.at)
    return tuple(reversed(_chained(told)))


def _watched(sights: Sequence[tuple[Millis, Seen]]) -> list[Deployment]:
    """Deployments that observations alone tell: a pending config that came and went, or a config that changed."""
    found: list[Deployment] = []
    open_: Deployment | None = None
    traffic = False
    last: Seen | None = None
    for at, seen in sights:
        pending = seen.pending
        if pending is not None:
            began = pending.started_at or at
            if open_ is not None and (open_.target != pending.config or open_.started_at != began):
                # The end was missed: a later deployment is in motion now.
                ended = Outcome.SUCCEEDED if seen.config == open_.target else Outcome.UNKNOWN
                found.append(msgspec.structs.replace(open_, outcome=ended))
                open_ = None
            if open_ is None:
                evidence = (f"seen in motion at {iso(at)}",)
                open_ = Deployment(
                    source=seen.config if seen.config != pending.config else "",
                    target=pending.config,
                    started_at=began,
                    outcome=Outcome.IN_PROGRESS,
                    evidence=evidence,
                )
                traffic = False
            traffic = traffic or any(
                p.status in {"ActivatingTraffic", "Baking"} for v in pending.variants for p in v.phases
            )
        elif open_ is not None and (not seen.moving or seen.status == "Failed"):
            found.append(_closed(open_, seen, at, traffic))
            open_ = None
        elif open_ is None and last is not None and last.config and seen.config != last.config:
            found.append(
                Deployment(
                    source=last.config,
                    target=seen.config,
                    started_at=None,
                    ended_at=seen.modified_at or at,
                    outcome=Outcome.SUCCEEDED,
                    evidence=(f"config seen changed by {iso(at)}",),
                )
            )
        elif open_ is None and last is not None and _failed_unseen(last, seen):
            found.append(
                Deployment(
                    source=seen.config,
                    target="",
                    started_at=None,
                    ended_at=seen.modified_at or at,
                    outcome=Outcome.FAILED,
                    reason=seen.failure_reason,
                    evidence=(f"failure reason seen at {iso(at)}, {seen.config} serves",),
                )
            )
        last = seen
    return [*found, open_] if open_ else found


def _failed_unseen(last: Seen, seen: Seen) -> bool:
    return bool(seen.failure_reason) and seen.failure_reason != last.failure_reason and not seen.moving


def _closed(open_: Deployment, seen: Seen, at: Millis, traffic: bool) -> Deployment:
    """How an observed deployment ended: the verdict table of facts/sagemaker.md section 2.6."""
    ended = seen.modified_at or at
    if seen.status == "InService" and seen.config == open_.target:
        outcome, words = Outcome.SUCCEEDED, f"InService on {seen.config} at {iso(at)}"
    elif seen.status == "InService":
        outcome = Outcome.ROLLED_BACK if traffic else Outcome.FAILED
        words = f"InService on {seen.config} again at {iso(at)}"
    else:
        outcome, words = Outcome.FAILED, f"{seen.status} at {iso(at)}"
    return msgspec.structs.replace(
        open_,
        ended_at=ended,
        outcome=outcome,
        reason=seen.failure_reason if outcome is not Outcome.SUCCEEDED else "",
        evidence=(*open_.evidence, words),
    )


def _attribute(deployment: Deployment, calls: Sequence[Change], used: set[str]) -> Deployment:
    """Add who did it: the last accepted call for this config near the start (or, unseen, before the end)."""
    begin, end = deployment.started_at, deployment.ended_at
    low = begin - 2 * MINUTE if begin else 0
    high = begin + 2 * MINUTE if begin else (end or 0)
    fits = [
        c
        for c in calls
        if c.id not in used and low <= c.at <= high and (c.target == deployment.target or not deployment.target)
    ]
    if not fits:
        return deployment
    call = fits[-1]
    used.add(call.id)
    return msgspec.structs.replace(
        deployment,
        target=deployment.target or call.target,
        started_at=begin or call.at,
        by=call.by,
        actor=call.actor,
        evidence=(f"CloudTrail: {call.event} by {call.by} at {iso(call.at)}", *deployment.evidence),
    )


def _unwatched(sights: Sequence[tuple[Millis, Seen]], calls: Sequence[Change]) -> list[Deployment]:
    """Calls nobody saw the effect of. Only the last one before a settled sight can be judged by that sight."""
    found: list[Deployment] = []
    for n, call in enumerate(calls):
        outcome, reason, ended = Outcome.UNKNOWN, "", None
        evidence = [f"CloudTrail: {call.event} by {call.by} at {iso(call.at)}"]
        following = calls[n + 1].at if n + 1 < len(calls) else None
        sight = next(((at, s) for at, s in sights if at > call.at), None)
        if sight and (following is None or sight[0] < following) and not sight[1].moving:
            at, seen = sight
            # The index or the describe may lag behind the call: only a sight modified after it counts.
            if seen.config == call.target:
                outcome, ended = Outcome.SUCCEEDED, seen.modified_at or at
                evidence.append(f"InService on {seen.config} at {iso(at)}")
            elif (seen.modified_at or 0) >= call.at:
                outcome, reason, ended = Outcome.FAILED, seen.failure_reason, seen.modified_at
                evidence.append(f"InService on {seen.config} at {iso(at)}: it never took over")
        else:
            evidence.append("its outcome was not watched")
        found.append(
            Deployment(
                source="",
                target=call.target,
                started_at=call.at,
                ended_at=ended,
                outcome=outcome,
                by=call.by,
                actor=call.actor,
                reason=reason,
                evidence=tuple(evidence),
            )
        )
    return found


def _chained(told: list[Deployment]) -> list[Deployment]:
    """Fill in what each replaced and until when it served, oldest first."""
    chained: list[Deployment] = []
    serving = ""
    for deployment in told:
        source = deployment.source or serving
        chained.append(msgspec.structs.replace(deployment, source=source if source != deployment.target else ""))
        if deployment.outcome in {Outcome.SUCCEEDED, Outcome.UNKNOWN}:
            _end_of(chained, deployment)
            serving = deployment.target
    return chained


def _end_of(chained: list[Deployment], successor: Deployment) -> None:
    """Close the reign of whoever served before `successor` (the last element)."""
    for n in range(len(chained) - 2, -1, -1):
        if chained[n].outcome in {Outcome.SUCCEEDED, Outcome.UNKNOWN}:
            if chained[n].until is None:
                chained[n] = msgspec.structs.replace(chained[n], until=successor.ended_at or successor.at)
            return
