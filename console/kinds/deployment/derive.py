"""Deployments of an endpoint, told from observations and CloudTrail: SageMaker itself keeps no such history. Pure.

What nobody watched has outcome `unknown`, with the evidence there is: a call that CloudTrail saw accepted is no proof
that its config ever served (facts/sagemaker.md sections 2.6 and 8), and a config that serves is no proof that the
first attempt brought it there. A claim needs that nothing else can have come and gone in between: because hardly any
time passed, or because CloudTrail is complete for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from console.clock import MINUTE, SECOND, Millis
from console.kinds.change.record import DEPLOYS, Change
from console.kinds.deployment.record import SKEW, Deployment, Outcome, Proof

QUICKEST = 2 * MINUTE
"""No deployment launches instances, moves the traffic and ends sooner: within this none can have come and gone."""

DEAD = frozenset({"Failed", "UpdateRollbackFailed"})
"""Nothing moves any more, even if a summary of the deployment is still there."""


class Seen(Protocol):
    """What the derivation needs of an observed endpoint (kinds/endpoint/record.py has it)."""

    @property
    def config(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def failure_reason(self) -> str: ...
    @property
    def created_at(self) -> Millis | None: ...
    @property
    def modified_at(self) -> Millis | None: ...
    @property
    def pending(self) -> Any: ...
    @property
    def moving(self) -> bool: ...
    @property
    def detailed(self) -> bool: ...


Sights = Sequence[tuple[Millis, Any]]
"""(observed at, Seen), oldest first."""


def derive(sights: Sights, changes: Iterable[Change], complete_until: Millis = 0) -> tuple[Deployment, ...]:
    """Deployments of one endpoint, newest first.

    `sights` are without what was out of date when it was seen (`is_current`); `changes` are those of this endpoint, in
    any order. `complete_until`: up to when CloudTrail has surely delivered every call (it is late by minutes); 0 where
    it is not read.
    """
    calls = sorted((c for c in changes if c.event in DEPLOYS and not c.error and c.target), key=lambda c: c.at)
    if not calls and len(sights) <= 1 and not any(seen.pending for _, seen in sights):
        return ()  # seen once, at rest: as a rule in a large fleet
    told: list[Deployment] = []
    lives = _lives(sights, calls)
    for n, (life, its_calls) in enumerate(lives):
        told += _chained(_Life(life, its_calls, complete_until).told(over=n < len(lives) - 1))
    told.reverse()
    return tuple(told)


def is_current(before: Sights, seen: Seen) -> bool:
    """Whether a sight is news after those before it.

    Search is an index that lags behind Describe, and an answer of Describe may be old itself: of a process that was
    stopped while it waited for it. LastModifiedTime only grows as long as the endpoint lives.
    """
    if not before or (seen.detailed and seen.modified_at is None):
        return True
    slack = SECOND if seen.detailed else 0
    return (seen.modified_at or 0) >= (before[-1][1].modified_at or 0) - slack


def _lives(sights: Sights, calls: Sequence[Change]) -> list[tuple[Sights, Sequence[Change]]]:
    """An endpoint that was deleted and created again begins anew: its configs replaced nothing."""
    if not sights:
        return [([], calls)]
    if sights[0][1].created_at == sights[-1][1].created_at and (
        not calls or calls[0].at >= (sights[0][1].created_at or 0) - SKEW
    ):
        return [(sights, calls)]  # as a rule
    lives: list[list[tuple[Millis, Any]]] = [[]]
    births: list[Millis] = []
    for at, seen in sights:
        born = seen.created_at or (births[-1] if births else 0)
        if births and born != births[-1]:
            lives.append([])
        if not births or born != births[-1]:
            births.append(born)
        lives[-1].append((at, seen))
    bounds = [0, *(born - SKEW for born in births), None]
    parts: list[tuple[Sights, Sequence[Change]]] = []
    for life, low, high in zip([[], *lives], bounds, bounds[1:], strict=False):
        parts.append((life, [c for c in calls if c.at >= (low or 0) and (high is None or c.at < high)]))
    return parts


class _State(msgspec.Struct, frozen=True, gc=False):
    """What was in effect at a moment by AWS's clock (`since`: when it became so, at the latest)."""

    since: Millis
    seen_at: Millis
    config: str
    status: str
    reason: str


class _Open(msgspec.Struct):
    """A deployment in motion, as it was last seen."""

    source: str
    target: str
    started_at: Millis | None
    first: Millis
    last: Millis
    modified_at: Millis
    creates: bool
    traffic: bool = False

    @property
    def began(self) -> Millis:
        return self.started_at or self.first

    def is_that(self, pending: Any) -> bool:
        return pending.config == self.target and (
            pending.started_at is None or self.started_at is None or pending.started_at == self.started_at
        )

    def look(self, at: Millis, seen: Seen) -> None:
        self.last, self.modified_at = at, seen.modified_at or 0
        self.started_at = self.started_at or seen.pending.started_at
        self.traffic = self.traffic or any(
            p.status in {"ActivatingTraffic", "Baking"} for v in seen.pending.variants for p in v.phases
        )


class _Life:
    """One life of an endpoint: from its creation to its deletion."""

    def __init__(self, sights: Sights, calls: Sequence[Change], complete_until: Millis) -> None:
        self._sights, self._calls, self._complete = sights, calls, complete_until
        self._used: set[str] = set()
        self._told: list[Deployment] = []
        self._states: list[_State] = []

    def told(self, *, over: bool) -> list[Deployment]:
        """Oldest first. `over`: the endpoint was deleted since, and whatever was in motion with it."""
        self._watched(Outcome.UNKNOWN if over else Outcome.IN_PROGRESS)
        following = None
        for call in reversed(self._calls):
            if call.id not in self._used:
                self._told.append(self._unwatched(call, following))
            following = call.at
        self._told.sort(key=lambda d: d.at)
        return self._told

    def _watched(self, at_last: Outcome) -> None:
        """Deployments that observations tell: a pending config that came and went, or a config that changed."""
        open_: _Open | None = None
        last: Seen | None = None
        for at, seen in self._sights:
            pending = None if seen.status in DEAD else seen.pending
            if open_ is not None and pending is not None and open_.is_that(pending):
                open_.look(at, seen)
                last = seen
                continue
            state = _state(at, seen, pending)
            if state is not None:
                self._states.append(state)
            ended = state or (
                _past(at, seen) if open_ and seen.detailed and _modified(seen) > open_.modified_at else None
            )
            known = last.config if last is not None else ""
            explained = not (seen.config and known) or seen.config == known or seen.status in DEAD
            if open_ is not None and ended is not None:
                self._told.append(self._closed(open_, ended))
                explained = explained or seen.config == open_.target
                open_ = None
            if not explained and open_ is None and last is not None:
                self._told.append(self._unseen(last, at, seen))
            if pending is not None:
                creates = seen.status == "Creating"
                source = seen.config if seen.config != pending.config else ""
                open_ = _Open(source, pending.config, pending.started_at, at, at, 0, creates)
                open_.look(at, seen)
            if seen.config or last is None:
                last = seen
        if open_ is not None:
            evidence = Proof("seen in motion", open_.last)
            self._told.append(self._attributed(open_, at_last, evidence))

    def _closed(self, open_: _Open, state: _State) -> Deployment:
        """How an observed deployment ended: the verdict table of facts/sagemaker.md section 2.6."""
        near = state.since - open_.last <= QUICKEST
        own = self._call_of(open_)
        between = any(c is not own and open_.began + SECOND < c.at < state.since - SECOND for c in self._calls)
        words = Proof(f"{state.status or 'config'} {state.config}", state.seen_at)
        if between or not (near or state.since <= self._complete):
            outcome, words = Outcome.UNKNOWN, msgspec.structs.replace(words, more="; nobody watched its end")
        elif state.status in {*DEAD, "OutOfService"}:
            outcome = Outcome.FAILED
        elif state.config == open_.target:
            # To the config it was on already, only a reason tells that it failed.
            again = not open_.source and not open_.creates and state.reason
            outcome = Outcome.FAILED if again else Outcome.SUCCEEDED
        else:
            reverted = open_.traffic or "rollback" in state.reason.lower()
            outcome = Outcome.ROLLED_BACK if reverted else Outcome.FAILED
        told = self._attributed(open_, outcome, Proof("seen in motion", open_.last), words)
        failed = outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}
        return msgspec.structs.replace(
            told,
            ended_at=state.since if near and not between else None,
            reason=state.reason if failed else "",
        )

    def _attributed(self, open_: _Open, outcome: Outcome, *proofs: Proof) -> Deployment:
        call = self._call_of(open_)
        if call is not None:
            self._used.add(call.id)
        return Deployment(
            source=open_.source,
            target=open_.target,
            started_at=open_.began,
            outcome=outcome,
            by=call.by if call else "",
            actor=call.actor if call else "",
            proofs=(_told_by(call), *proofs) if call else proofs,
        )

    def _call_of(self, open_: _Open) -> Change | None:
        """Who began it: the call nearest to the start AWS reports, or the last one before it was first seen."""
        calls = [c for c in self._calls if c.target == open_.target and c.id not in self._used]
        if open_.started_at is not None:
            calls = [c for c in calls if abs(c.at - open_.began) <= SKEW]
            return min(calls, key=lambda c: abs(c.at - open_.began), default=None)
        settled = max((s.since for s in self._states if s.since < open_.first), default=0)
        return next((c for c in reversed(calls) if settled <= c.at + SECOND and c.at <= open_.first + SKEW), None)

    def _unseen(self, last: Seen, at: Millis, seen: Seen) -> Deployment:
        """The config changed between two sights: some deployment of it did succeed."""
        by = _modified(seen) or at
        low = _modified(last) - SECOND
        fits = [c for c in self._calls if c.target == seen.config and c.id not in self._used and low <= c.at <= by]
        evidence = Proof("config seen changed", at)
        if not fits:
            return Deployment(
                source="",
                target=seen.config,
                started_at=None,
                ended_at=by,
                outcome=Outcome.SUCCEEDED,
                proofs=(evidence,),
            )
        call = fits[-1]
        self._used.add(call.id)
        outcome = Outcome.SUCCEEDED if self._alone(call.at, by) else Outcome.UNKNOWN
        return _from_call(call, outcome, evidence)

    def _unwatched(self, call: Change, following: Millis | None) -> Deployment:
        """A call nobody saw in motion: judged by the first settled state after it, if no other call came before."""
        state = next((s for s in self._states if s.since > call.at + SECOND), None)
        if (
            state is None
            or (following is not None and following < state.since - SECOND)
            or not self._alone(call.at, state.since)
        ):
            return _from_call(call, Outcome.UNKNOWN, _NOT_WATCHED)
        words = Proof(f"{state.status or 'config'} {state.config}", state.seen_at)
        if state.config != call.target or state.status in DEAD:
            reverted = "rollback" in state.reason.lower()
            outcome = Outcome.ROLLED_BACK if reverted else Outcome.FAILED
            told = _from_call(call, outcome, msgspec.structs.replace(words, more=": it never took over"))
            return msgspec.structs.replace(told, reason=state.reason)
        before = max((s for s in self._states if s.since <= call.at), key=lambda s: s.since, default=None)
        if state.status == "OutOfService" or (before and before.config == call.target) or (not before and state.reason):
            return _from_call(call, Outcome.UNKNOWN, words)
        return _from_call(call, Outcome.SUCCEEDED, words)

    def _alone(self, call_at: Millis, by: Millis) -> bool:
        """Whether no other call can hide between: CloudTrail is complete, or there was no time for two deployments."""
        return by <= self._complete or by - call_at <= 2 * QUICKEST


_NOT_WATCHED = Proof("its outcome was not watched")


def _modified(seen: Seen) -> Millis:
    return seen.modified_at or 0


def _state(at: Millis, seen: Seen, pending: Any) -> _State | None:
    """What was in effect: of a settled endpoint now, of a deploying one before the deployment began."""
    if pending is not None:
        if seen.status == "Creating" or not pending.started_at:
            return None
        return _State(pending.started_at, at, seen.config, "", "")
    if seen.moving and seen.status not in DEAD:
        return None
    if not seen.config and seen.status not in DEAD:
        return None  # ListEndpoints names no config: that some config serves tells nothing of a deployment
    return _State(_modified(seen) or at, at, seen.config, seen.status, seen.failure_reason)


def _past(at: Millis, seen: Seen) -> _State:
    """Something else moves (weights, capacity, maintenance), so the deployment before has ended."""
    return _State(_modified(seen), at, seen.config, "", "")


def _told_by(call: Change) -> Proof:
    return Proof(f"CloudTrail: {call.event} by {call.by}", call.at)


def _from_call(call: Change, outcome: Outcome, *proofs: Proof) -> Deployment:
    return Deployment(
        source="",
        target=call.target,
        started_at=call.at,
        outcome=outcome,
        by=call.by,
        actor=call.actor,
        proofs=(_told_by(call), *proofs),
    )


def _chained(told: Sequence[Deployment]) -> list[Deployment]:
    """Fill in what each replaced and until when it served; oldest first."""
    sources: list[str] = []
    serving = ""
    for d in told:
        source = d.source or serving
        sources.append(source if source != d.target else "")
        if d.took_over:
            serving = d.target
    chained: list[Deployment] = []
    until: Millis | None = None
    for d, source in zip(reversed(told), reversed(sources), strict=True):
        reigned = until if d.took_over else None
        if source != d.source or reigned is not None:
            chained.append(msgspec.structs.replace(d, source=source, until=reigned))
        else:
            chained.append(d)
        if d.took_over:
            until = d.ended_at or d.at
    chained.reverse()
    return chained
