"""How scaling is watched at few calls: targets, policies and schedules are listed every ten minutes, 50 a page; in
between one page of the account's newest activities a minute tells whatever moves, and up to 50 targets that are on
screen, moving or in trouble are described in one call.

At rest with 1,000 targets of one policy each: 20 + 20 + 1 pages every ten minutes and one page of activities a minute,
5 calls a minute; quotas twice a day. With no target at all: one call every ten minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from console.clock import HOUR, MINUTE, SECOND, Millis
from console.errors import NotFound, NotPermitted, Rejected
from console.kinds.base import Eyes, Sign
from console.kinds.hold.record import Suspension
from console.kinds.scaling.around import LIMITS, Around, Bodies, EndpointSeen
from console.kinds.scaling.record import (
    COPIES,
    KEPT,
    Activities,
    Activity,
    Limits,
    Policy,
    Scheduled,
    Target,
    activity_from_api,
    policy_from_api,
    scheduled_from_api,
    short_name,
    target_from_api,
    together,
)
from console.kinds.scaling.view import made
from console.kinds.vitals.beat import SCALING_TROUBLE
from console.ledger.samples import KEEP_MS, Sample

LIST_EVERY = 10 * MINUTE - 10 * SECOND
"""Sweeps are jittered."""

QUOTAS_EVERY = 12 * HOUR
KEEP_ALIVE = 30 * MINUTE
"""Activities are kept as samples, which are forgotten after three hours: what rests is written again."""

PAGES_AT_MOST = 5
"""Of the account's newest activities in one sweep: 250."""

BY_NAME = 10
"""Targets whose activities are read by name in one sweep, and components that are described."""

FEW = 2
"""Targets on screen up to which their policies are read with them."""

LISTED, QUOTED = "scaling.listed", "scaling.quoted"

_USAGE = " for endpoint usage"
_OF = {"ServiceNamespace": "sagemaker"}


class ScalingWatch:
    """Scalable targets of SageMaker in one account and region, what became of them, and the quotas above them."""

    source = "scaling"
    operations = (
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
        "application-autoscaling:DescribeScalingActivities",
        "sagemaker:DescribeInferenceComponent",
        "service-quotas:ListServiceQuotas",
    )
    every_s = 60.0

    def __init__(self) -> None:
        self._alive: Millis = 0

    def sweep(self, eyes: Eyes) -> None:
        client, now = eyes.client("application-autoscaling"), eyes.now()
        decode = msgspec.json.Decoder(Target).decode
        known = {name: decode(body) for name, body in eyes.heads("scaling").items()}
        whole = not 0 <= now - int(eyes.recall(LISTED) or 0) < LIST_EVERY
        if whole:
            known = _list(client, eyes, known)
            eyes.remember(LISTED, str(now))
        close = self._close(eyes, known)
        if not whole:
            _look_again(client, eyes, known, close, eyes.interest("scaling"))
        if known:
            self._activities(client, eyes, known, close)
            self._quotas(eyes, QUOTAS_EVERY)
        _resumed(eyes, known)
        around = Around(_bodies(eyes), known.values())
        trouble = {
            view.name
            for view in made([(t, now) for t in known.values()], around)
            if view.sign.rank <= Sign.WARNING.rank or view.target.suspended.words
        }
        eyes.remember(SCALING_TROUBLE, "\n".join(sorted(trouble)))
        if known and any(count > around.limits.get(type_, count) for type_, count in around.used[0].items()):
            self._quotas(eyes, LIST_EVERY)  # more than there may be: an increase was granted since

    def _close(self, eyes: Eyes, known: Mapping[str, Target]) -> list[str]:
        """On screen, in trouble, or of an endpoint that moves."""
        on_screen, endpoints = eyes.interest("scaling"), eyes.interest("endpoint")
        troubled = set(eyes.recall(SCALING_TROUBLE).split("\n"))
        decode = msgspec.json.Decoder(EndpointSeen).decode
        moving = {e.name for e in map(decode, eyes.heads("endpoint").values()) if e.status != "InService" or e.pending}
        ranks = {
            name: 0 if name in on_screen else 1 if name in troubled else 2
            for name, t in known.items()
            if name in on_screen or name in troubled or t.endpoint in endpoints or t.endpoint in moving
        }
        return sorted(ranks, key=lambda name: (ranks[name], name))

    def _activities(self, client: Any, eyes: Eyes, known: Mapping[str, Target], close: list[str]) -> None:
        now = eyes.now()
        decode = msgspec.json.Decoder(Activities).decode
        kept = {sample.name: decode(sample.body) for sample in eyes.kept("activities", now - KEEP_MS)}
        seen: dict[str, list[Activity]] = {}
        for name, activity in _newest(client, {n: kept.get(n, Activities()) for n in known}):
            seen.setdefault(name, []).append(activity)
        changed: dict[str, Activities] = {}
        for name, found in seen.items():
            before = kept.get(name, Activities())
            after = msgspec.structs.replace(before, items=together(before.items, found))
            if after != before:
                changed[name] = after
        for name in [n for n in close if not (changed.get(n) or kept.get(n) or Activities()).whole][:BY_NAME]:
            if not eyes.in_time():
                break
            before = changed.get(name) or kept.get(name, Activities())
            changed[name] = msgspec.structs.replace(
                before, items=together(before.items, _of_one(client, known[name])), whole=True
            )
        changed |= self._copies(eyes, known, close, kept | changed)
        rest = set(kept) & set(known) - set(changed)
        if now - self._alive >= KEEP_ALIVE:
            self._alive = now
            changed |= {name: kept[name] for name in rest}
        eyes.keep("activities", [Sample(n, now, msgspec.json.encode(a)) for n, a in changed.items()], alone=True)

    def _copies(
        self, eyes: Eyes, known: Mapping[str, Target], close: list[str], kept: Mapping[str, Activities]
    ) -> dict[str, Activities]:
        """How many copies an inference component has: no list tells it. Those close, and any that nobody looked at."""
        components = [n for n, t in known.items() if t.dimension == COPIES]
        wanted = [n for n in components if n in close or n not in kept or kept[n].current is None or _opened(kept[n])]
        found: dict[str, Activities] = {}
        for name in wanted[:BY_NAME]:
            if not eyes.in_time():
                break
            before = kept.get(name, Activities())
            try:
                told = eyes.client("sagemaker").describe_inference_component(InferenceComponentName=name)
            except (NotFound, NotPermitted):
                continue
            after = with_copies(before, told)
            if after != before:
                found[name] = after
        return found

    def _quotas(self, eyes: Eyes, every: Millis) -> None:
        """Last, as they are many pages and change by the week. Refused: asked again when they are due."""
        now = eyes.now()
        if 0 <= now - int(eyes.recall(QUOTED) or 0) < every or not eyes.in_time():
            return
        limits: dict[str, float] = {}
        try:
            pages = eyes.client("service-quotas").get_paginator("list_service_quotas")
            for page in pages.paginate(ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}):
                for quota in page["Quotas"]:
                    if quota["QuotaName"].endswith(_USAGE) and quota.get("Value"):
                        limits[quota["QuotaName"].removesuffix(_USAGE)] = quota["Value"]
                if not eyes.in_time():
                    # Whoever waits for a table does not wait for these, nor does the next one: a collector has time.
                    eyes.remember(QUOTED, str(now - QUOTAS_EVERY + LIST_EVERY))
                    return
            eyes.saw("limits", LIMITS, Limits(limits))
        except (NotPermitted, Rejected):
            pass
        eyes.remember(QUOTED, str(now))


def with_copies(before: Activities, told: Mapping[str, Any]) -> Activities:
    """With what DescribeInferenceComponent tells."""
    config = told.get("RuntimeConfig") or {}
    return msgspec.structs.replace(
        before,
        endpoint=told.get("EndpointName", ""),
        variant=told.get("VariantName", ""),
        current=config.get("CurrentCopyCount"),
        desired=config.get("DesiredCopyCount"),
        status=told.get("InferenceComponentStatus", ""),
        reason=told.get("FailureReason") or "",
    )


def _resumed(eyes: Eyes, known: Mapping[str, Target]) -> None:
    """What somebody resumed elsewhere is suspended by nobody; a list may be older than an action of just now."""
    decode, now = msgspec.json.Decoder(Suspension).decode, eyes.now()
    held = {name for name, t in known.items() if t.suspended.scale_in}
    old = [n for n, b in eyes.heads("suspension").items() if n not in held and now - decode(b).at > 2 * MINUTE]
    eyes.gone("suspension", old)


def _opened(kept: Activities) -> bool:
    return kept.current != kept.desired or any(one.open for one in kept.items)


def _bodies(eyes: Eyes) -> Bodies:
    def facts(kind: str, names: Sequence[str] | None) -> Mapping[str, bytes]:
        found = eyes.heads(kind)
        return found if names is None else {name: found[name] for name in names if name in found}

    def samples(kind: str, names: Sequence[str] | None) -> dict[str, bytes]:
        return {sample.name: sample.body for sample in eyes.kept(kind, eyes.now() - KEEP_MS, names)}

    return Bodies(eyes.now(), facts, samples)


def _list(client: Any, eyes: Eyes, known: Mapping[str, Target]) -> dict[str, Target]:
    """Everything. What may not be looked at is not known, and hides nothing else."""
    targets = {t.name: t for t in _targets(client)}
    policies = _by_resource(_policies(client)) if targets else {}
    scheduled = _by_resource(_scheduled(client)) if targets else {}
    for name, t in targets.items():
        targets[name] = msgspec.structs.replace(
            t,
            policies=None if policies is None else tuple(policies.get(t.resource, ())),
            scheduled=None if scheduled is None else tuple(scheduled.get(t.resource, ())),
        )
        eyes.saw("scaling", name, targets[name], provider_at=t.created_at)
    eyes.gone("scaling", known.keys() - targets.keys())
    return targets


def _look_again(
    client: Any, eyes: Eyes, known: dict[str, Target], close: list[str], on_screen: Collection[str]
) -> None:
    """Bounds and suspension of those close; their policies only of one or two that somebody looks at."""
    some = [known[name] for name in close[:50]]
    if not some:
        return
    found = {t.name: t for t in _targets(client, ResourceIds=[t.resource for t in some])}
    for before in some:
        if (t := found.get(before.name)) is None:
            eyes.gone("scaling", [before.name])
            del known[before.name]
            continue
        policies = before.policies
        if t.name in on_screen and len(on_screen) <= FEW and policies is not None:
            policies = tuple(policy for _, policy in _policies(client, ResourceId=t.resource))
        known[t.name] = msgspec.structs.replace(t, policies=policies, scheduled=before.scheduled)
        eyes.saw("scaling", t.name, known[t.name], provider_at=t.created_at)


def _targets(client: Any, **request: Any) -> Iterator[Target]:
    for page in client.get_paginator("describe_scalable_targets").paginate(**_OF, **request):
        yield from map(target_from_api, page["ScalableTargets"])


def _policies(client: Any, **request: Any) -> Iterator[tuple[str, Policy]]:
    for page in client.get_paginator("describe_scaling_policies").paginate(**_OF, **request):
        yield from ((item["ResourceId"], policy_from_api(item)) for item in page["ScalingPolicies"])


def _scheduled(client: Any) -> Iterator[tuple[str, Scheduled]]:
    for page in client.get_paginator("describe_scheduled_actions").paginate(**_OF):
        yield from ((item["ResourceId"], scheduled_from_api(item)) for item in page["ScheduledActions"])


def _by_resource(found: Iterable[tuple[str, Any]]) -> dict[str, list[Any]] | None:
    """None where nobody may look."""
    grouped: dict[str, list[Any]] = {}
    try:
        for resource, item in found:
            grouped.setdefault(resource, []).append(item)
    except NotPermitted:
        return None
    return grouped


def _newest(client: Any, kept: Mapping[str, Activities]) -> Iterator[tuple[str, Activity]]:
    """The account's newest activities of the targets known, by name: until a page brings nothing new and nothing known
    is still open before it.

    Newest first is how the service answers, though no page of its documentation promises it: one that is not sorted so
    would cost the older ones on the pages that are left out, never a wrong one.
    """
    known = {one.id: one for found in kept.values() for one in found.items}
    # Of one that is kept to the brim, what is older was there before and let go.
    since = {name: found.items[-1].at if len(found.items) >= KEPT else 0 for name, found in kept.items()}
    waiting = min((one.at for one in known.values() if one.open), default=None)
    request: dict[str, Any] = {**_OF, "IncludeNotScaledActivities": True, "MaxResults": 50}
    for _ in range(PAGES_AT_MOST):
        answer = client.describe_scaling_activities(**request)
        page = [(short_name(a["ResourceId"]), activity_from_api(a)) for a in answer.get("ScalingActivities", ())]
        mine = [(name, one) for name, one in page if name in since and one.at >= since[name]]
        yield from mine
        news = any(known.get(one.id) != one for _, one in mine)
        oldest = min((one.at for _, one in page), default=0)
        if not answer.get("NextToken") or not (news or (waiting is not None and oldest > waiting)):
            return
        request["NextToken"] = answer["NextToken"]


def _of_one(client: Any, t: Target) -> list[Activity]:
    """The newest 50 of one target."""
    answer = client.describe_scaling_activities(
        **_OF, ResourceId=t.resource, ScalableDimension=t.dimension, IncludeNotScaledActivities=True, MaxResults=50
    )
    return [activity_from_api(item) for item in answer.get("ScalingActivities", ())]
