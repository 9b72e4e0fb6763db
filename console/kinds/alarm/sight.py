"""What an alarm cannot see, and when it cannot be right: each a known way to be fooled by a green one. Pure.

Facts/sagemaker.md sections 2.8 (both fleets, one fleet), 5.1 (ratios, exact dimensions, microseconds), 5.7 (lateness).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from console.clock import MINUTE, SECOND, duration
from console.kinds.alarm.record import Alarm, Metric
from console.kinds.alarm.words import MICROSECONDS, ZERO_OR_ONE, value

LATE_S = 120
"""Metrics arrive 1 to 3 minutes late (facts section 5.7)."""

LEAST_LATENCY_US = 1000
"""A latency threshold below a millisecond was meant in another unit."""

WITHOUT_VARIANT = frozenset({"HasBacklogWithoutCapacity"})
_OF_ALL_VARIANTS = ("Approximate", "Expired", "InvocationFailures", "InvocationsProces", "TimeInBacklog", "TotalProc")
"""Asynchronous endpoints have metrics by endpoint alone (facts section 5.4)."""


def guards_of(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the alarms that revert a deployment with this policy."""
    listed = (policy.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    return tuple(alarm["AlarmName"] for alarm in listed if alarm.get("AlarmName"))


class VariantSeen(msgspec.Struct, frozen=True, gc=False):
    name: str


class PendingSeen(msgspec.Struct, frozen=True, gc=False):
    config: str


class EndpointSeen(msgspec.Struct, frozen=True, gc=False):
    """What of an endpoint its alarms are judged by."""

    name: str
    config: str
    pending: PendingSeen | None = None
    variants: tuple[VariantSeen, ...] = ()
    policy: dict[str, Any] = {}
    detailed: bool = False
    """Only DescribeEndpoint tells the policy; the index of Search does not."""

    @property
    def guards(self) -> tuple[str, ...]:
        """Alarms that revert its deployments: those of the last one, which a pipeline's next one repeats."""
        return guards_of(self.policy)

    @property
    def first_wait_s(self) -> int:
        """How long the first part of the traffic waits for alarms before more follows; 0: all at once, no bake."""
        blue_green = self.policy.get("BlueGreenUpdatePolicy") or {}
        routing = blue_green.get("TrafficRoutingConfiguration") or {}
        rolling = self.policy.get("RollingUpdatePolicy") or {}
        waits = routing.get("WaitIntervalInSeconds") or rolling.get("WaitIntervalInSeconds")
        return int(waits or blue_green.get("TerminationWaitInSeconds") or 0)


def limits(
    alarm: Alarm,
    endpoints: Mapping[str, EndpointSeen],
    guards: tuple[str, ...] = (),
    per_minute: Mapping[tuple[str, str], float] | None = None,
) -> tuple[str, ...]:
    """Finished sentences, what makes it useless first. `guards`: endpoints whose deployments it may revert;
    `per_minute`: requests by endpoint and variant, where that is known."""
    if alarm.composite:
        return ()
    found = [*_useless(alarm, endpoints, per_minute or {}), *_late(alarm, endpoints, guards)]
    if not alarm.scaling:
        found += [*_fleets(alarm, guards), *_measure(alarm), *_missing(alarm)]
    return tuple(dict.fromkeys(found))


def _alone(alarm: Alarm) -> Metric | None:
    """The metric, where there is one and no math."""
    return alarm.metrics[0] if len(alarm.metrics) == 1 and not alarm.expression else None


def _above(alarm: Alarm) -> bool:
    return alarm.comparison.startswith("GreaterThan") and alarm.threshold is not None


def _useless(
    alarm: Alarm, endpoints: Mapping[str, EndpointSeen], per_minute: Mapping[tuple[str, str], float]
) -> Iterator[str]:
    for series in alarm.metrics:
        yield from _aim(series, endpoints)
    metric = _alone(alarm)
    if metric is None or not _above(alarm):
        return
    assert alarm.threshold is not None
    if metric.name in ZERO_OR_ONE and metric.stat == "Average" and alarm.threshold >= 1:
        yield (f"never fires: the average of {metric.name} is a ratio from 0 to 1, {alarm.threshold:g} would be "
               f"{value(alarm.threshold, metric)}")  # fmt: skip
    if metric.name in ZERO_OR_ONE and metric.stat.startswith(("p", "tm")):
        yield f"a percentile of {metric.name} means nothing: every datum is 0 or 1"
    if metric.name in MICROSECONDS and metric.stat != "Sum" and alarm.threshold < LEAST_LATENCY_US:
        yield f"{metric.name} is in microseconds: {alarm.threshold:g} are {value(alarm.threshold, metric)}"
    rate = per_minute.get((metric.endpoint, metric.variant))
    if rate is not None and metric.name in ZERO_OR_ONE and metric.stat == "Sum":
        requests = rate * alarm.period_s / 60
        if requests <= alarm.threshold:
            yield (f"never fires at this traffic: {requests:,.0f} requests in a period now, more than "
                   f"{alarm.threshold:,g} of them would have to fail")  # fmt: skip


def _aim(metric: Metric, endpoints: Mapping[str, EndpointSeen]) -> Iterator[str]:
    """Whether it watches something that is there. Without any endpoint known, nothing is claimed."""
    if not metric.endpoint or not endpoints:
        return
    seen = endpoints.get(metric.endpoint)
    if seen is None:
        yield f"sees nothing: there is no endpoint {metric.endpoint}"
        return
    own = metric.namespace == "AWS/SageMaker" or metric.namespace == "/aws/sagemaker/Endpoints"
    free = metric.name in WITHOUT_VARIANT or metric.name.startswith(_OF_ALL_VARIANTS)
    if own and not metric.variant and not free:
        yield f"sees nothing: {metric.name} exists by endpoint and variant, and dimensions must match exactly"
    elif metric.variant and seen.variants and metric.variant not in {v.name for v in seen.variants}:
        yield f"sees nothing: {metric.endpoint} has no variant {metric.variant}"
    serving = {seen.config, seen.pending.config if seen.pending else seen.config}
    if metric.config and seen.config and metric.config not in serving:
        yield f"sees only {metric.config}, which does not serve now"


def _fleets(alarm: Alarm, guards: tuple[str, ...]) -> Iterator[str]:
    """A guard of the whole endpoint is diluted by the old fleet, and reverts a fix for what the old fleet does."""
    if not guards:
        return
    metrics = [metric for metric in alarm.metrics if metric.endpoint]
    if metrics and not any(metric.config for metric in metrics):
        yield ("covers both fleets: a small canary drowns in the old fleet's traffic, and errors of the old fleet "
               "would revert its fix")  # fmt: skip
    elif metrics and all(metric.config for metric in metrics) and len({m.config for m in metrics}) == 1:
        yield f"covers the fleet of {metrics[0].config} alone: the next config needs an alarm of its own"


def _measure(alarm: Alarm) -> Iterator[str]:
    metric = _alone(alarm)
    if metric is None or alarm.threshold is None:
        return
    if metric.name in ZERO_OR_ONE and metric.name != "ModelCacheHit":
        if metric.stat == "Sum":
            yield "counts errors: with more traffic it fires at a smaller share of errors, with less at a larger one"
        elif metric.stat == "Average":
            yield "a share of requests: with little traffic a single error can be above it"
        if "4XX" in metric.name:
            yield "4XX are the callers' errors: no roll back mends them"
    elif metric.name in MICROSECONDS and metric.stat == "Average":
        yield "an average of latency hides the slow ones: a percentile does not"


def _missing(alarm: Alarm) -> Iterator[str]:
    if alarm.missing == "notBreaching":
        yield "no data counts as good: it stays green when nothing is served or measured"
    elif alarm.missing == "breaching":
        yield "no data counts as bad: it fires when there is no traffic"
    elif alarm.missing == "ignore":
        yield "no data changes nothing: it keeps the state it had"
    else:
        yield "without data it is INSUFFICIENT_DATA, which reverts no deployment and tells nobody"


def _late(alarm: Alarm, endpoints: Mapping[str, EndpointSeen], guards: tuple[str, ...]) -> Iterator[str]:
    """Slower than the canary waits: all traffic has moved before it can fire."""
    needs_s = alarm.needed * alarm.period_s + LATE_S
    for name in guards:
        wait_s = endpoints[name].first_wait_s if name in endpoints else 0
        if 0 < wait_s < needs_s:
            yield (f"needs about {duration(needs_s // 60 * MINUTE)} to fire, the first traffic of {name} waits "
                   f"{duration(wait_s * SECOND)}")  # fmt: skip
