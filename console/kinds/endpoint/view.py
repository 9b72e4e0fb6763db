"""An endpoint with what the ledger knows around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from console.clock import DAY, Millis, iso
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import Change
from console.kinds.change.view import complete_until, last_resize
from console.kinds.deployment.derive import derive, is_current
from console.kinds.deployment.record import Deployment
from console.kinds.endpoint.record import Endpoint, Glimpse, short
from console.kinds.endpoint.verdict import judge, mended, putback, shows_later, suspended, typical, unmeasured, unseen
from console.kinds.hold.record import Act, Hold, Reversal
from console.kinds.reading import decode, history
from console.kinds.symptom.record import Symptom
from console.kinds.vitals.beat import SCALING_TROUBLE, Beat
from console.kinds.vitals.episode import Episode
from console.kinds.vitals.reading import pulses
from console.ledger.locks import action_lock

if TYPE_CHECKING:
    from console.kinds.alarm.view import AlarmView
    from console.kinds.config.view import Changed
    from console.kinds.scaling.view import ScalingView
    from console.kinds.vitals.finding import Finding
    from console.kinds.vitals.record import Pulse
    from console.kinds.vitals.sight import Blind
    from console.ledger.locks import Locks
    from console.ledger.snapshot import Snapshot
    from console.ledger.store import Fact

HISTORY = 90 * DAY
"""How far back deployments are told from observations: as far as CloudTrail goes. An endpoint that scales all day has
thousands of facts a month."""

OWNER_AMONG = 10
"""Deployments that tell who deploys an endpoint as a rule."""

_decode = msgspec.json.Decoder(Endpoint).decode
_glimpse = msgspec.json.Decoder(Glimpse).decode
_beat = msgspec.json.Decoder(Beat).decode


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """One row. The JSON names are those that scripts rely on (DESIGN.md section 7)."""

    endpoint: Endpoint
    observed_at: Millis
    verdict: Verdict
    deployments: tuple[Deployment, ...] = ()
    hold: Hold | None = None
    typical_ms: int | None = None
    beat: Beat | None = None
    """Its vital signs in short; None where there are none, or where they are too old to say anything."""
    vitals: bytes = b""
    found: tuple[Finding, ...] = ()
    alarms: tuple[AlarmView, ...] | None = None
    """Those that guard it or are about it; None where only the list was asked for."""
    scaling: tuple[ScalingView, ...] = ()
    """Its scalable targets; of a list only those in trouble."""
    changed: Changed | None = None
    """What its last deployment changed; not for lists."""

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def pulse(self) -> Pulse | None:
        """Its vital signs whole; decoded for those that are looked at."""
        if not self.vitals:
            return None
        from console.kinds.vitals.record import Pulse  # 3 ms that a list of the healthy need not pay

        return msgspec.json.decode(self.vitals, type=Pulse)

    @property
    def sign(self) -> Sign:
        return self.verdict.sign

    @property
    def owner(self) -> str:
        """Who deploys it as a rule: `tf`, `ci`, a person's name, or empty while nobody knows.

        A machine that did it lately, whoever rolled back since: its state or its next run restores what it wants.
        """
        actors = [d.actor for d in self.deployments[:OWNER_AMONG] if d.actor]
        return next((actor for actor in actors if actor in {"tf", "ci", "cfn"}), actors[0] if actors else "")

    def to_json(self) -> dict[str, Any]:
        e = self.endpoint
        beat = self.pulse
        vitals = {signs.variant: signs.to_json() for signs in beat.variants} if beat else {}
        was = {one.variant: one.to_json() for one in beat.was} if beat else {}
        return {
            "name": e.name,
            "arn": e.arn,
            "status": e.status,
            "config": e.config,
            "pending_config": e.pending.config if e.pending else None,
            "owner": self.owner or None,
            "sign": self.verdict.sign.value,
            "what": self.verdict.words,
            "reasons": self.verdict.reasons,
            "failure_reason": e.failure_reason or None,
            "held": self.hold.reason if self.hold else None,
            "tags": e.tags,
            "capture_percent": e.capture.percent if e.capture and e.capture.enabled else None,
            "observed_at": iso(self.observed_at),
            "variants": [
                {
                    "name": v.name,
                    "weight": v.weight,
                    "instances": v.instances,
                    "desired_instances": v.desired_instances,
                    "images": v.images,
                    "phases": [{"status": p.status, "message": p.message} for p in v.phases],
                    "vitals": vitals.get(v.name),
                    "was": was.get(v.name),
                }
                for v in e.variants
            ],
            "vitals_at": iso(beat.at) if beat else None,
            "fleets": [{"config": s.config, "variant": s.variant, "vitals": s.to_json()} for s in beat.fleets]
            if beat
            else [],
            "components": [{"name": s.component, "variant": s.variant, "vitals": s.to_json()} for s in beat.components]
            if beat
            else [],
            "findings": [finding.to_json() for finding in self.found],
            "scaling": [target.to_json() for target in self.scaling],
            "deployments": [d.to_json() for d in self.deployments],
            **({"changed": msgspec.to_builtins(self.changed)} if self.changed is not None else {}),
            **({"alarms": [alarm.to_json() for alarm in self.alarms]} if self.alarms is not None else {}),
        }


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[EndpointView]:
    """All endpoints of a snapshot, or those named."""
    heads = {fact.name: fact for fact in snapshot.heads("endpoint", names)}
    sights: dict[str, list[tuple[Millis, Glimpse]]] = {name: [] for name in heads}
    latest: dict[str, Fact] = {}
    for fact in history(snapshot, "endpoint", names, since=snapshot.moment - HISTORY):
        if (seen := sights.get(fact.name)) is not None:
            glimpse = _glimpse(fact.body)
            if is_current(seen, glimpse):
                seen.append((fact.observed_at, glimpse))
                latest[fact.name] = fact
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in decode(snapshot, "change", Change):
        if change.kind == "endpoint":
            changes[change.subject].append(change)
    complete = complete_until(snapshot)
    under_way = actions_under_way(snapshot)
    holds = {h.subject: h for h in decode(snapshot, "hold", Hold) if h.kind == "endpoint"}
    acts = {a.subject: a for a in decode(snapshot, "act", Act) if a.kind == "endpoint"}
    reversals: dict[str, list[Reversal]] = defaultdict(list)
    for reversal in decode(snapshot, "reversal", Reversal):
        reversals[reversal.endpoint].append(reversal)
    symptoms = {s.endpoint: s for s in decode(snapshot, "symptom", Symptom)}
    episodes = {one.endpoint: one for one in decode(snapshot, "episode", Episode, names)}
    beats, now = pulses(snapshot, names), snapshot.moment
    alarms = _alarms(snapshot, heads) if names is not None else None
    scaling = _scaling(snapshot, None if names is None else heads)
    dark, unreached = cache(lambda: _dark(snapshot)), cache(lambda: _unreached(snapshot))
    found = []
    for name, head in heads.items():
        fact = latest.get(name, head)
        endpoint = _decode(fact.body)
        seen = sights[name] or [(fact.observed_at, _glimpse(fact.body))]
        deployments = _marked(derive(seen, changes[name], complete), acts.get(name))
        symptom = symptoms.get(name)
        body = beats.get(name, b"")
        beat = _short(body) if body else None
        lost = None
        if beat is None or now >= beat.stale_at:
            lost, beat, body = beat, None, b""
        episode = episodes.get(name)
        felt = _felt(body, endpoint, snapshot, episode) if beat is not None and beat.troubled else ()
        if (targets := scaling.get(name, ())) and any(target.sign.rank <= Sign.WARNING.rank for target in targets):
            felt = _together(felt, targets, endpoint)
        verdict = judge(
            endpoint,
            deployments,
            now=now,
            # What an action of ours does now is no reversal of the one before it.
            act=acts.get(name) if under_way.get(name, _NONE).target != endpoint.serving else None,
            symptom=symptom,
            hold=holds.get(name),
            found=felt,
            resized=last_resize(changes[name], endpoint.modified_at) if endpoint.failure_reason else None,
        )
        if felt and beat is not None:
            verdict = shows_later(verdict, endpoint, beat.read_at, now)
        if lost is not None and lost.troubled:
            verdict = unseen(verdict, lost.read_at, now)
        elif beat is None and endpoint.variants:
            why = dark()
            words = why.words if why is not None else unreached()
            verdict = unmeasured(verdict, words, known=why.short if why is not None else "") if words else verdict
        if episode is not None and verdict.sign is Sign.OK:
            verdict = mended(verdict, episode, now)
        if held := [one.verdict.words for one in targets if one.code == "suspended" and one.sign is Sign.HELD]:
            verdict = suspended(verdict, held)
        if undone := reversals.get(name):
            verdict = putback(verdict, undone, now)
        if (ours := under_way.get(name)) is not None:
            sign = min(verdict.sign, Sign.WARNING, key=_rank) if ours.orphaned else verdict.sign
            # A list cuts at its end: what waits for somebody comes before "ok".
            words = ours.words if ours.orphaned and verdict.words == "ok" else f"{verdict.words} · {ours.words}"
            verdict = msgspec.structs.replace(verdict, sign=sign, words=words)
        found.append(
            EndpointView(
                endpoint=endpoint,
                observed_at=head.observed_at,
                verdict=verdict,
                deployments=deployments,
                hold=holds.get(name),
                typical_ms=typical(deployments),
                beat=beat,
                vitals=body,
                found=felt,
                alarms=tuple(alarms[name]) if alarms is not None else None,
                scaling=targets,
                changed=_changed(snapshot, deployments) if names is not None else None,
            )
        )
    return found


def _alarms(snapshot: Snapshot, names: Iterable[str]) -> dict[str, list[AlarmView]]:
    from console.kinds.alarm.view import alarms_of  # for those that are named: the list of all does without

    return alarms_of(snapshot, names)


def _dark(snapshot: Snapshot) -> Blind | None:
    from console.kinds.vitals.sight import blind  # where metrics are missing alone

    return blind(snapshot)


def _unreached(snapshot: Snapshot) -> str:
    from console.kinds.vitals.sight import unreached

    return unreached(snapshot)


def _scaling(snapshot: Snapshot, names: Iterable[str] | None) -> dict[str, tuple[ScalingView, ...]]:
    """Scalable targets by endpoint: all of those named; of the list only what the last look found in trouble."""
    live = snapshot.at is None
    if names is None and live and not snapshot.ledger.coverage.recall(snapshot.scope, SCALING_TROUBLE):
        return {}  # as a rule: nothing is imported for it
    from console.kinds.scaling.felt import scaling_of, troubled

    return troubled(snapshot) if names is None else scaling_of(snapshot, set(names))


def _changed(snapshot: Snapshot, deployments: Sequence[Deployment]) -> Changed | None:
    from console.kinds.config.view import changed

    return changed(snapshot, deployments)


def _together(felt: Sequence[Finding], targets: Sequence[ScalingView], endpoint: Endpoint) -> tuple[Finding, ...]:
    from console.kinds.scaling.felt import findings, together

    return together(felt, findings(targets, len(endpoint.variants)))


def _short(body: bytes) -> Beat | None:
    """None for one of another version: the next look writes it anew."""
    try:
        return _beat(body)
    except msgspec.DecodeError:
        return None


def _felt(body: bytes, endpoint: Endpoint, snapshot: Snapshot, episode: Episode | None) -> tuple[Finding, ...]:
    from console.kinds.vitals.judge import findings
    from console.kinds.vitals.record import Pulse
    from console.kinds.vitals.telling import standing

    beat = msgspec.json.decode(body, type=Pulse)
    found = findings(beat, endpoint, snapshot.moment)
    found = standing(found, episode) if episode is not None else found
    if endpoint.pending is None or not found:
        return found
    from console.kinds.alarm.guard import guarded  # for what is deployed with trouble

    return guarded(snapshot, endpoint, beat, found)


class UnderWay(NamedTuple):
    """An action on an endpoint that has begun and not ended; `words`: `roll back to v7 queued`. One whose process died
    or is not heard of is `orphaned`: it waits for somebody."""

    target: str
    words: str
    orphaned: bool


_NONE = UnderWay("", "", False)


def actions_under_way(snapshot: Snapshot) -> dict[str, UnderWay]:
    """The actions of this ledger under way, by endpoint. Live only."""
    if snapshot.at is not None:
        return {}
    found: dict[str, UnderWay] = {}
    journal = snapshot.ledger.journal
    for action in journal.unfinished(snapshot.scope):
        steps = journal.entries(snapshot.scope, action_id=action)
        plan = next((s.body["plan"] for s in steps if isinstance(s.body.get("plan"), dict)), None)
        if plan is not None and plan.get("kind") == "endpoint":
            name, target = str(plan.get("subject", "")), str(plan.get("target", ""))
            sent = any(s.step == "call" for s in steps)
            state = "under way" if sent else "queued"
            if orphaned := snapshot.ledger.locks.is_free(action_lock(action)):
                state = f"{'sent' if sent else 'queued, not sent'}, its process died: lastgood resume"
            verb = str(plan.get("verb", ""))
            what = f"roll back to {short(target, name)}" if verb == "rollback" else f"{verb}: {target},"
            if not orphaned and (silent := _silence(snapshot.ledger.locks, action)):
                what, state, orphaned = f"{what.partition(':')[0]}:", silent, True
            found[name] = UnderWay(target, f"{what} {state}", orphaned)
    return found


def _silence(locks: Locks, action: str) -> str:
    from console.actions.orphans import silence  # where something is under way alone

    return silence(locks, action)


def _marked(deployments: tuple[Deployment, ...], act: Act | None) -> tuple[Deployment, ...]:
    """The deployment that the last verified roll back left, marked as such."""
    if act is None or act.verb != "rollback":
        return deployments
    bad = next((d for d in deployments if d.target == act.before and d.at <= act.at), None)
    return tuple(msgspec.structs.replace(d, left=act.at) if d is bad else d for d in deployments)


def _rank(sign: Sign) -> int:
    return sign.rank


def order(view: EndpointView) -> tuple[int, Millis, str]:
    """Worst first, notes before the quiet ones, the newest note first, then by name."""
    verdict = view.verdict
    well = verdict.sign is Sign.OK
    noted = -(verdict.since or 0) - 1 if well and verdict.words != "ok" else 0
    return (verdict.sign.rank, noted, view.name)
