"""What is read and checked before traffic is shifted between variants, and while it is.

The numbers come from the ledger's vital signs, from CloudWatch for what each instance bore at most in the last days,
and from Application Auto Scaling. What may not be looked at is `unknown` with the provider's words, never passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from console.actions.checks import freeze, permission, unseen
from console.actions.model import Check, Verdict
from console.actions.verb import Desk
from console.clock import DAY, MINUTE, Millis, clock_time
from console.errors import SourceError
from console.kinds.endpoint.preflight import owner
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.traffic import Load, Tally, Weights, risen, told, total
from console.kinds.endpoint.view import EndpointView
from console.kinds.hold.check import held
from console.kinds.scaling.record import Target, policy_from_api, target_from_api
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.metric_data import fetch
from console.kinds.vitals.queries import SAGEMAKER, Metric, Series, of_endpoint, plain_shape
from console.text import few

OPERATION = "sagemaker:UpdateEndpointWeightsAndCapacities"
PEAK_DAYS = 14
"""One-minute data are kept for 15 days (facts/sagemaker.md section 5.7)."""
PEAK_MIN = 5
"""The highest load is told from sums of so many minutes: a single minute's burst is no load that was borne."""
BEFORE_MIN = 15
"""Whole minutes that errors after a step are held against."""

_PER_INSTANCE = Metric("invocations_per_instance", SAGEMAKER, "InvocationsPerInstance", "Sum")


# What is read.


def requests_s(view: EndpointView) -> float | None:
    """Of all variants that serve, by the vital signs in the ledger; None where there are none or they are too old."""
    beat = view.pulse
    shadows = {v.name for v in view.endpoint.shadows}
    rates = [s.invocations_per_min for s in (beat.variants if beat else ()) if s.variant not in shadows]
    known = [rate for rate in rates if rate is not None]
    return sum(known) / 60 if known else None


def tallies(desk: Desk, e: Endpoint, start: Millis, end: Millis) -> dict[str, Tally]:
    """Requests and 5XX of each variant that serves, over the whole minutes in [start, end). Raises SourceError."""
    start, end = -(-start // MINUTE) * MINUTE, end // MINUTE * MINUTE
    found = {v.name: Tally() for v in e.variants}
    if end <= start:
        return found
    shape = plain_shape(e.config, [(v.name, bool(v.serverless)) for v in e.variants])
    series = [one for one in of_endpoint(e.name, shape, everything=False) if one.metric.field in _COUNTED]
    points = fetch(desk.reader("cloudwatch"), series, start, end, 60)
    sums: dict[tuple[str, str], float] = {}
    for n, values in points.items():
        key = (series[n].variant, series[n].metric.field)
        # Two spellings of one metric (facts section 5.5): whichever has data.
        sums[key] = max(sums.get(key, 0.0), sum(values.values()))
    return {name: Tally(sums.get((name, "invocations"), 0.0), sums.get((name, "errors_5xx"), 0.0)) for name in found}


_COUNTED = frozenset({"invocations", "errors_5xx"})


def peaks(desk: Desk, e: Endpoint) -> dict[str, float]:
    """The most requests a minute that an instance of each variant bore in the last days. Raises SourceError."""
    now = desk.now() // MINUTE * MINUTE
    series = [
        Series(e.name, v.name, "", "", _PER_INSTANCE, (("EndpointName", e.name), ("VariantName", v.name)))
        for v in e.variants
        if v.instances
    ]
    if not series:
        return {}
    points = fetch(desk.reader("cloudwatch"), series, now - PEAK_DAYS * DAY, now, 60 * PEAK_MIN)
    return {series[n].variant: max(values.values()) / PEAK_MIN for n, values in points.items() if values}


def targets(desk: Desk, e: Endpoint) -> dict[str, Target]:
    """The scalable targets by variant, with their policies. Raises SourceError."""
    client = desk.reader("application-autoscaling")
    resources = [f"endpoint/{e.name}/variant/{v.name}" for v in e.variants]
    found = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=resources)["ScalableTargets"]
    told = {}
    for item in found:
        target = target_from_api(item)
        pages = client.get_paginator("describe_scaling_policies").paginate(
            ServiceNamespace="sagemaker", ResourceId=target.resource, ScalableDimension=target.dimension
        )
        policies = tuple(policy_from_api(policy) for page in pages for policy in page["ScalingPolicies"])
        told[target.variant] = msgspec.structs.replace(target, policies=policies)
    return told


# What is checked.


def checks(
    desk: Desk,
    view: EndpointView,
    before: Weights,
    after: Weights,
    loads: Sequence[Load],
    *,
    steps: int,
    released: bool,
) -> Iterator[Check]:
    e = view.endpoint
    yield settled(e)
    yield from _emptied(before, after)
    yield from _capacity(desk, e, loads)
    yield _failing(view, loads)
    if steps > 1:
        yield _judgeable(loads)
    yield owner(view)
    yield held(view.hold, released=released)
    yield freeze(desk)
    yield permission(desk, OPERATION, [e.arn])


def settled(e: Endpoint) -> Check:
    """Weights are set only while it is InService (facts section 13.1); a deployment sets them anew at its end."""
    if e.pending is not None:
        detail = f"a deployment of {e.pending.config} is in motion: its end sets the weights; wait for it"
        return Check("settled", Verdict.FAIL, detail)
    if changing := {v.name: v.desired_weight for v in e.variants if v.desired_weight != v.weight}:
        there = ", ".join(f"{name} to {weight:g}" for name, weight in changing.items() if weight is not None)
        return Check("settled", Verdict.FAIL, f"somebody else shifts traffic now: {there}")
    if e.moving:
        detail = f"{e.status}, with the same config and weights: this waits until it is InService"
        return Check("settled", Verdict.WARN, detail)
    if e.status != "InService":
        return Check("settled", Verdict.FAIL, f"status is {e.status}: weights are not accepted")
    return Check("settled", Verdict.PASS, e.status)


def _emptied(before: Weights, after: Weights) -> Iterator[Check]:
    empty = [name for name, weight in after.items() if not weight]
    newly = [name for name in empty if before[name]]
    if newly:
        detail = f"{', '.join(newly)} gets nothing any more: its instances stay, and its alarms go without data"
        yield Check("weight 0", Verdict.WARN, detail)
    elif empty:
        yield Check("weight 0", Verdict.PASS, f"{', '.join(empty)} gets nothing, as now")


def _capacity(desk: Desk, e: Endpoint, loads: Sequence[Load]) -> Iterator[Check]:
    """Of each variant that gets more: against what its instances bore before, and what its scaling is to keep."""
    try:
        known, why = targets(desk, e), ""
    except SourceError as error:
        known, why = {}, unseen(error)
    if why:
        yield Check("autoscaling", Verdict.UNKNOWN, why)
    try:
        borne: dict[str, float] | str = peaks(desk, e)
    except SourceError as error:
        borne = unseen(error)
    sizes = {v.name: v.instances for v in e.variants}
    for load in (one for one in loads if one.gains):
        hosts = sizes.get(load.variant)
        if hosts is None:
            detail = f"{load.variant} is serverless: whether its concurrency is enough is not known"
            yield Check("capacity", Verdict.UNKNOWN, detail)
        elif hosts == 0:
            yield Check("capacity", Verdict.FAIL, f"{load.variant} has no instance to serve with")
        else:
            yield _borne(load, hosts, borne, known.get(load.variant))


def _borne(load: Load, hosts: int, borne: Mapping[str, float] | str, target: Target | None) -> Check:
    then = load.per_host_after
    if then is None:
        return Check("capacity", Verdict.UNKNOWN, f"{load.variant}: no requests are measured: its load is not known")
    each = f"{load.variant}: {few(then)} requests a minute on each of {hosts}"
    verdict, said = Verdict.PASS, []
    peak = None if isinstance(borne, str) else borne.get(load.variant)
    if isinstance(borne, str):
        verdict, said = Verdict.UNKNOWN, [f"what it bore before: {borne}"]
    elif peak is None:
        verdict, said = Verdict.WARN, [f"it bore none in {PEAK_DAYS} d"]
    elif then > peak:
        verdict, said = Verdict.WARN, [f"more than it ever bore: {few(peak)} in {PEAK_DAYS} d"]
    else:
        said = [f"it bore {few(peak)} in {PEAK_DAYS} d"]
    policy = target.tracked if target else None
    if target is not None and policy is not None and policy.target:
        limit = policy.target
        if then * hosts > limit * target.max:
            verdict = Verdict.WARN
            said.append(f"{target.max} instances, its maximum, are to bear {few(limit)} each: raise the maximum first")
        elif then > limit:
            verdict = Verdict.WARN
            said.append(f"above its scaling target of {few(limit)}: it serves so until it has scaled out")
        else:
            said.append(f"scaling target {few(limit)}")
    elif target is None and verdict is Verdict.PASS:
        said.append("not autoscaled")
    return Check("capacity", verdict, f"{each}; {', '.join(said)}")


def _failing(view: EndpointView, loads: Sequence[Load]) -> Check:
    """Whether a variant that gets more fails now."""
    beat = view.pulse
    if beat is None:
        return Check("errors now", Verdict.UNKNOWN, "no vital signs are known: lastgood get endpoints reads them")
    signs = {one.variant: one for one in beat.variants}
    more = {load.variant for load in loads if load.gains}
    now = {name: Tally(one.invocations or 0.0, one.errors_5xx or 0.0) for name, one in signs.items()}
    for name in more & now.keys():
        others = total(tally for other, tally in now.items() if other not in more)
        if words := risen({name: others}, {name: now[name]}):
            return Check("errors now", Verdict.WARN, words.removeprefix("5XX ").replace(", was ", ", the others "))
    quiet = [name for name in sorted(more) if not now.get(name, Tally()).n]
    if quiet:
        return Check("errors now", Verdict.UNKNOWN, f"{', '.join(quiet)}: no requests, so no errors to see")
    told_now = "; ".join(f"{name} {now[name].words}" for name in sorted(more))
    return Check("errors now", Verdict.PASS, f"5XX {told_now or 'of none that gets more'}")


def _judgeable(loads: Sequence[Load]) -> Check:
    if not any(load.requests_s for load in loads):
        return Check("watching", Verdict.WARN, "no requests are measured: between the steps there is nothing to see")
    return Check("watching", Verdict.PASS, "a rise of 5XX after a step stops it and brings the weights back")


# What is watched.


class Watching:
    """Errors after a step against those before the first one. Asks CloudWatch once for each new whole minute."""

    def __init__(self) -> None:
        self._before: dict[str, Tally] | None = None
        self._asked: tuple[Millis, int] = (0, 0)
        self._rise, self._told = "", ""
        self._n = 0.0

    def rise(self, desk: Desk, e: Endpoint, began: Millis, since: Millis) -> str:
        """Why it must not go on, or an empty text. Raises SourceError."""
        end = (desk.now() - PROVISIONAL) // MINUTE
        if self._asked != (since, end):
            if self._before is None:
                self._before = tallies(desk, e, began - BEFORE_MIN * MINUTE, began)
            after = tallies(desk, e, since, end * MINUTE)
            self._n = total(after.values()).n
            self._rise, self._told = risen(self._before, after), total(after.values()).words
            self._asked = (since, end)
        return self._rise

    @property
    def silent(self) -> bool:
        """Whether nothing was measured after the step, though there were requests before."""
        return not self._n and self._before is not None and total(self._before.values()).n > 0

    @property
    def words(self) -> str:
        return f"5XX {self._told}" if self._n else "no requests to judge it by"


def weights_of(e: Endpoint) -> Weights:
    """As asked for: while they are being set, the current ones lag behind."""
    return {v.name: (v.desired_weight if v.desired_weight is not None else v.weight) or 0.0 for v in e.variants}


def step_words(n: int, of: int, weights: Weights, until: Millis, now: Millis) -> str:
    return f"step {n} of {of}: {told(weights)}, watched until {clock_time(until, now)}"
