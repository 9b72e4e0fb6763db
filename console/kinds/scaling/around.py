"""What the ledger knows around a scalable target: its endpoint, alarms, vital signs, instance type and quota.

Read from a snapshot for a screen, and from a watch's eyes while it sweeps: both give bodies by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import msgspec

from console.clock import HOUR, Millis
from console.kinds.alarm.record import Alarm
from console.kinds.hold.record import Suspension
from console.kinds.scaling.course import last_try, quota_told
from console.kinds.scaling.record import CONCURRENCY, COPIES, INSTANCES, Activities, Activity, Limits, Target
from console.kinds.scaling.seen import Load, Quota, Seen, Sensor
from console.kinds.vitals.record import Pulse, Shape

LIMITS = "sagemaker"
"""The one name of kind `limits`."""

HAIR = 0.03
"""Of the hosts there are: by so much more or fewer the judged minutes were of others."""

T = TypeVar("T", bound=msgspec.Struct)


class VariantSeen(msgspec.Struct, frozen=True, gc=False):
    name: str
    instances: int | None = None
    desired_instances: int | None = None
    serverless: dict[str, Any] = {}


class PendingSeen(msgspec.Struct, frozen=True, gc=False):
    config: str
    variants: tuple[VariantSeen, ...] = ()


class EndpointSeen(msgspec.Struct, frozen=True, gc=False):
    """What of an endpoint its scaling is judged by."""

    name: str
    status: str
    config: str
    modified_at: Millis | None = None
    variants: tuple[VariantSeen, ...] = ()
    shadows: tuple[VariantSeen, ...] = ()
    pending: PendingSeen | None = None

    def variant(self, name: str) -> VariantSeen | None:
        return next((one for one in self.variants if one.name == name), None)

    @property
    def busy(self) -> str:
        """Why SageMaker scales nothing of it just now; its own scaling is not meant."""
        if self.pending is not None:
            return f"{self.pending.config} is being deployed, nothing is scaled until it has settled"
        if self.status in {"InService", "Updating", ""}:
            return ""
        return f"the endpoint is {self.status}"


Read = Callable[[str, Sequence[str] | None], Mapping[str, bytes]]
"""Encoded bodies by name, of one kind: of all subjects or of those named."""


class Bodies(NamedTuple):
    """Where facts and samples come from."""

    now: Millis
    facts: Read
    samples: Read


class Around:
    """All that these targets are seen against; read when it is first asked for."""

    def __init__(self, bodies: Bodies, targets: Iterable[Target]) -> None:
        self.now, self._bodies, self._targets = bodies.now, bodies, tuple(targets)
        self._decoded: dict[str, Activities] = {}
        self._held: dict[str, dict[str, int]] = {}  # instances by type and endpoint

    def _all(self, kind: str, type: type[T], names: Sequence[str] | None = None) -> dict[str, T]:
        decode = msgspec.json.Decoder(type).decode
        return {name: decode(body) for name, body in self._bodies.facts(kind, names).items()}

    @cached_property
    def endpoints(self) -> dict[str, EndpointSeen]:
        return self._all("endpoint", EndpointSeen)

    @cached_property
    def alarms(self) -> dict[str, Alarm]:
        """Of their policies."""
        names = {name for t in self._targets for policy in t.policies or () for name in policy.alarms}
        return self._all("alarm", Alarm, sorted(names))

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        return self._all("shape", Shape)

    @cached_property
    def limits(self) -> dict[str, float]:
        found = self._all("limits", Limits).get(LIMITS)
        return found.endpoint_usage if found else {}

    @cached_property
    def suspensions(self) -> dict[str, Suspension]:
        names = [t.name for t in self._targets if t.suspended.scale_in]
        return self._all("suspension", Suspension, names) if names else {}

    @cached_property
    def _activities(self) -> Mapping[str, bytes]:
        return self._bodies.samples("activities", [t.name for t in self._targets])

    @cached_property
    def _pulses(self) -> Mapping[str, bytes]:
        names = {t.endpoint or self.activities_of(t.name).endpoint for t in self._targets}
        return self._bodies.samples("pulse", sorted(filter(None, names)))

    @cached_property
    def used(self) -> tuple[dict[str, int], int]:
        """Instances in endpoints by type, as they are or are wanted; and how many are of a type not known yet."""
        unsure = 0
        for e in self.endpoints.values():
            fleets = [(e.config, (*e.variants, *e.shadows))]
            fleets += [(e.pending.config, e.pending.variants)] if e.pending and e.pending.config != e.config else []
            for config, variants in fleets:
                for one in variants:
                    count = max(one.instances or 0, one.desired_instances or 0)
                    if type_ := self.type_of(config, one.name):
                        held = self._held.setdefault(type_, {})
                        held[e.name] = held.get(e.name, 0) + count
                    else:
                        unsure += 0 if one.serverless else count
        return {type_: sum(held.values()) for type_, held in self._held.items()}, unsure

    def type_of(self, config: str, variant: str) -> str:
        """The instance type, empty while the config was not described."""
        shape = self.shapes.get(config)
        return shape.of(variant).instance_type if shape else ""

    def quota(self, type_: str) -> Quota | None:
        limit = self.limits.get(type_)
        used, unsure = self.used
        return None if limit is None else Quota(type_, limit, used.get(type_, 0), unsure, self._holders(type_))

    def _holders(self, type_: str) -> tuple[tuple[str, int], ...]:
        """Who has how many, most first."""
        return tuple(sorted(self._held.get(type_, {}).items(), key=lambda one: (-one[1], one[0])))

    def activities_of(self, name: str) -> Activities:
        """As of the moment, newest first."""
        if (known := self._decoded.get(name)) is None:
            known = self._decoded[name] = self._as_of_now(self._activities.get(name))
        return known

    def _as_of_now(self, body: bytes | None) -> Activities:
        if body is None:
            return Activities()
        try:
            kept = msgspec.json.decode(body, type=Activities)
        except msgspec.DecodeError:
            return Activities()  # of another version: the next look writes it anew
        return msgspec.structs.replace(kept, items=tuple(self._by_now(kept.items)))

    def _by_now(self, items: Iterable[Activity]) -> Iterator[Activity]:
        yield from (then for one in items if (then := one.by(self.now)) is not None)

    def pulse(self, endpoint: str) -> Pulse | None:
        """Its vital signs, unless they are too old to say anything of now."""
        body = self._pulses.get(endpoint)
        if body is None:
            return None
        try:
            beat = msgspec.json.decode(body, type=Pulse)
        except msgspec.DecodeError:
            return None
        return beat if self.now < beat.stale_at else None

    def seen(self, t: Target) -> Seen:
        kept = self.activities_of(t.name)
        endpoint = self.endpoints.get(t.endpoint or kept.endpoint)
        variant = endpoint.variant(t.variant or kept.variant) if endpoint else None
        current, desired = _capacity(t, variant, kept)
        type_ = self.type_of(endpoint.config, t.variant) if endpoint and t.dimension == INSTANCES else ""
        missing = ""
        if endpoint is not None and t.endpoint and endpoint.variants and variant is None:
            there = ", ".join(one.name for one in endpoint.variants)
            missing = f"{endpoint.config} has no variant {t.variant}, but {there}"
        return Seen(
            target=t,
            activities=kept.items,
            current=current,
            desired=desired,
            busy=endpoint.busy if endpoint else "",
            missing=missing,
            sensors=tuple(self._sensors(t)),
            load=self._load(t, endpoint.name if endpoint else "", current),
            quota=self._refused(kept.items, endpoint.name if endpoint else "")
            or (self.quota(type_) if type_ else None),
            type=type_,
            suspension=self.suspensions.get(t.name),
        )

    def _refused(self, activities: Iterable[Activity], whose: str) -> Quota | None:
        """As the last refusal tells it, while that is young: quotas themselves are read twice a day. Where another
        endpoint gave some back since, what is in use is counted."""
        tried = last_try(one for one in activities if one.status != "Pending")  # what is under way was granted
        told = quota_told(tried.message) if tried is not None and self.now - tried.at <= HOUR else None
        if told is None or tried is None:
            return None
        type_, limit, used = told
        (counted, unsure), holders = self.used, self._holders(type_)
        have = counted.get(type_, 0)
        others = [e for name, _ in holders if name != whose and (e := self.endpoints.get(name)) is not None]
        if have + unsure < used and any((e.modified_at or 0) > tried.at for e in others):
            return Quota(type_, limit, have, unsure, holders)
        return Quota(type_, limit, used, 0, holders)

    def _sensors(self, t: Target) -> Iterator[Sensor]:
        for name in (name for policy in t.policies or () for name in policy.alarms):
            if (alarm := self.alarms.get(name)) is not None:
                quiet = "" if alarm.enabled else "disabled"
                quiet = "muted" if alarm.muted(self.now) else quiet
                yield Sensor(name, alarm.scaling, alarm.state, alarm.since, quiet)

    def _load(self, t: Target, endpoint: str, current: int | None) -> Load:
        policy = t.tracked
        target = policy.target if policy else None
        beat = self.pulse(endpoint) if endpoint and t.dimension != CONCURRENCY else None
        if beat is None:
            return Load(None, target)
        one = beat.signs_of(t.variant, t.component)
        if one is None:
            return Load(None, target)
        now, total, borne = one.invocations_per_instance, one.invocations_per_min, None
        if total is not None and current:
            hosts = total / now if now else current
            borne = hosts if abs(hosts - current) > HAIR * current else None
            now = total / current if now is None or borne is not None else now
        was = beat.was_of(t.variant) if t.variant else None
        return Load(now, target, was.invocations_per_instance if was else None, total, borne)


def _capacity(t: Target, variant: VariantSeen | None, kept: Activities) -> tuple[int | None, int | None]:
    """(current, desired): instances, provisioned concurrency, or copies."""
    if t.dimension == COPIES:
        return kept.current, kept.desired
    if variant is None:
        return None, None
    if t.dimension == CONCURRENCY:
        slots = variant.serverless.get("ProvisionedConcurrency")
        return slots, slots
    return variant.instances, variant.desired_instances
