"""What a verb about capacity looks at right before it acts: the target, its endpoint or component, what came of the
last scalings; and the numbers that the ledger has around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from console.actions.verb import Desk
from console.errors import NotFound, NotPermitted, Refused, UsageError
from console.kinds.endpoint.looking import around as view_of
from console.kinds.endpoint.looking import observe as observe_endpoint
from console.kinds.endpoint.record import Endpoint, Variant
from console.kinds.endpoint.view import EndpointView
from console.kinds.scaling.around import Around
from console.kinds.scaling.growth import copies_wait, waits
from console.kinds.scaling.record import (
    CONCURRENCY,
    COPIES,
    INSTANCES,
    KEPT,
    Activities,
    Activity,
    Target,
    activity_from_api,
    of_variant,
    policy_from_api,
    scheduled_from_api,
    target_from_api,
)
from console.kinds.scaling.seen import Load, Seen
from console.kinds.scaling.view import bodies_of
from console.kinds.scaling.watch import with_copies
from console.text import echoed

OF = {"ServiceNamespace": "sagemaker"}


class Subject(NamedTuple):
    """What capacity is about: a variant of an endpoint, or an inference component. `target` None: not autoscaled."""

    name: str
    """`search-rank/AllTraffic`, or the component's."""
    dimension: str
    endpoint: Endpoint
    variant: Variant
    target: Target | None = None
    component: Activities | None = None
    activities: tuple[Activity, ...] = ()
    """As many as lists keep, newest first; empty where nobody may look or it is not autoscaled."""

    @property
    def current(self) -> int | None:
        if self.component is not None:
            return self.component.current
        return self._slots if self.dimension == CONCURRENCY else self.variant.instances

    @property
    def desired(self) -> int | None:
        """What is wanted now, else what there is."""
        if self.component is not None:
            return self.component.desired if self.component.desired is not None else self.component.current
        if self.dimension == CONCURRENCY:
            return self._slots
        v = self.variant
        return v.desired_instances if v.desired_instances is not None else v.instances

    @property
    def _slots(self) -> int | None:
        return self.variant.serverless.get("ProvisionedConcurrency")

    @property
    def moving(self) -> bool:
        """Whether SageMaker would refuse a change of it now."""
        busy = self.component is not None and self.component.status not in {"InService", ""}
        return busy or self.endpoint.moving or any(one.open for one in self.activities)

    @property
    def nouns(self) -> tuple[str, str]:
        return Target("", self.dimension, 0, 0).nouns

    @property
    def resource(self) -> str:
        if self.component is not None:
            return f"inference-component/{self.name}"
        return of_variant(self.endpoint.name, self.variant.name)

    @property
    def key(self) -> dict[str, str]:
        """How Application Auto Scaling names it."""
        return {**OF, "ResourceId": self.resource, "ScalableDimension": self.dimension}

    @property
    def stated(self) -> Target:
        """The target, or one that stands for what is not autoscaled."""
        have = self.desired or 0
        return self.target or Target(self.resource, self.dimension, have, have, policies=())


def look(desk: Desk, kind: str, subject: str, variant: str = "") -> Subject:
    """Fresh, also kept as facts. Raises NotFound; UsageError where it is not unique; Refused where nothing scales."""
    if kind == "endpoint":
        return _of_endpoint(desk, subject, variant)
    endpoint, slash, name = subject.partition("/")
    if slash:
        if variant and variant != name:
            raise UsageError(f"{echoed(subject)} names its variant already", advice="leave out --variant")
        return _of_endpoint(desk, endpoint, name)
    try:
        return _of_component(desk, subject)
    except NotFound as error:
        try:
            return _of_endpoint(desk, subject, variant)  # as `get scaling NAME` takes it
        except NotFound:
            raise error from None


def _of_endpoint(desk: Desk, name: str, variant: str) -> Subject:
    e = observe_endpoint(desk, name)
    known = [v.name for v in e.variants]
    if not variant:
        if len(known) != 1:
            raise UsageError(f"{name} has {len(known)} variants", advice=f"choose with --variant: {', '.join(known)}")
        (variant,) = known
    found = next((v for v in e.variants if v.name == variant), None)
    if found is None:
        raise NotFound(f"{name} has no variant {echoed(variant)}", advice=f"there are: {', '.join(known)}")
    targets = targets_of(desk, [of_variant(e.name, variant)])
    target = targets[0] if targets else None
    if found.serverless and target is None:
        raise Refused(f"{name} is serverless: it scales by itself", advice="its MaxConcurrency is set by a new config")
    if target is None and found.instances is None:
        raise Refused(f"{name}/{variant} has no instances of its own", advice="scale its inference components")
    dimension = target.dimension if target else INSTANCES
    return Subject(f"{e.name}/{variant}", dimension, e, found, target, None, _activities(desk, target))


def _of_component(desk: Desk, name: str) -> Subject:
    try:
        told = desk.reader("sagemaker").describe_inference_component(InferenceComponentName=name)
    except NotFound as error:
        advice = "lastgood get scaling lists what is autoscaled"
        raise NotFound(f"no inference component {echoed(name)} in {desk.scope}", advice=advice) from error
    e = observe_endpoint(desk, told["EndpointName"])
    variant = next((v for v in e.variants if v.name == told.get("VariantName")), Variant(told.get("VariantName", "")))
    targets = targets_of(desk, [f"inference-component/{name}"])
    target = targets[0] if targets else None
    component = with_copies(Activities(), told)
    return Subject(name, COPIES, e, variant, target, component, _activities(desk, target))


def targets_of(desk: Desk, resources: list[str]) -> list[Target]:
    """With their policies and schedules, where these may be looked at; kept as facts."""
    client = desk.reader("application-autoscaling")
    found = []
    for item in client.describe_scalable_targets(**OF, ResourceIds=resources)["ScalableTargets"]:
        t = target_from_api(item)
        of = {**OF, "ResourceId": t.resource, "ScalableDimension": t.dimension}
        try:
            policies = client.describe_scaling_policies(**of)["ScalingPolicies"]
            t = msgspec.structs.replace(t, policies=tuple(map(policy_from_api, policies)))
            scheduled = client.describe_scheduled_actions(**of)["ScheduledActions"]
            t = msgspec.structs.replace(t, scheduled=tuple(map(scheduled_from_api, scheduled)))
        except NotPermitted:
            pass  # what could be read is told, the rest is not known
        desk.saw("scaling", t.name, t, provider_at=t.created_at)
        found.append(t)
    return found


def _activities(desk: Desk, target: Target | None) -> tuple[Activity, ...]:
    if target is None:
        return ()
    of: Mapping[str, Any] = {**OF, "ResourceId": target.resource, "ScalableDimension": target.dimension}
    try:
        answer = desk.reader("application-autoscaling").describe_scaling_activities(
            **of, IncludeNotScaledActivities=True, MaxResults=KEPT
        )
    except NotPermitted:
        return ()
    return tuple(sorted(map(activity_from_api, answer["ScalingActivities"]), key=lambda one: -one.at))


class Ground(NamedTuple):
    """What the ledger knows around a subject."""

    view: EndpointView
    around: Around
    seen: Seen
    waits: str = ""
    """What to wait for before the load of now says anything: it scales, or has scaled lately."""

    @property
    def load(self) -> Load:
        return self.seen.load


def ground(desk: Desk, s: Subject) -> Ground:
    around = Around(bodies_of(desk.snapshot()), [s.stated])
    seen = around.seen(s.stated)._replace(current=s.current, desired=s.desired, activities=s.activities)
    view, snapshot = view_of(desk, s.endpoint), desk.snapshot()
    if s.component is None:
        waiting = waits(snapshot, s.endpoint.name, s.variant.name, view.pulse, s.activities)
    else:
        gave_up = s.component.reason and s.component.status == "InService"  # what is wanted still does not come
        wanted = s.current if gave_up else s.desired
        waiting = copies_wait(snapshot, s.name, s.current, wanted, view.pulse, s.activities)
    return Ground(view, around, seen, waiting)
