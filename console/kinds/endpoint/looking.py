"""What an action on an endpoint looks at right before it acts: the endpoint, the configs, the ways back as AWS and the
ledger tell them now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from console.actions.verb import Desk
from console.clock import Millis, to_ms
from console.errors import NotFound, NotPermitted, SourceError
from console.kinds.deployment.derive import derive
from console.kinds.endpoint import preflight
from console.kinds.endpoint.known import acts_on, reigns_seen
from console.kinds.endpoint.record import Endpoint, from_api
from console.kinds.endpoint.verdict import judge, typical
from console.kinds.endpoint.view import EndpointView, views
from console.kinds.endpoint.ways import Way, choose, doubted, stem, ways
from console.kinds.reading import decode
from console.text import echoed

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""Of an endpoint (API reference): AWS answers anything else, a wildcard for one, with this expression."""


def observe(desk: Desk, name: str) -> Endpoint:
    """A fresh DescribeEndpoint, also kept as a fact: what an action sees is history as well."""
    missing = NotFound(f"no endpoint {echoed(name)} in {desk.scope}", advice="lastgood get endpoints lists them")
    if not NAME.fullmatch(name):
        raise missing
    try:
        answer = desk.reader("sagemaker").describe_endpoint(EndpointName=name)
    except NotFound as error:
        raise missing from error
    e = from_api(answer, detailed=True)
    for known in decode(desk.snapshot(), "endpoint", Endpoint, [name]):
        e = msgspec.structs.replace(e, tags=known.tags)  # DescribeEndpoint has none; Search brought them
    desk.saw("endpoint", name, e, provider_at=e.modified_at)
    return e


def around(desk: Desk, e: Endpoint) -> EndpointView:
    """The view of a freshly observed endpoint; where nobody watched before, the little there is."""
    found = views(desk.snapshot(), [e.name])
    if found:
        return found[0]
    deployments = derive([(desk.now(), e)], [])
    verdict = judge(e, deployments, now=desk.now())
    return EndpointView(
        endpoint=e,
        observed_at=desk.now(),
        verdict=verdict,
        deployments=deployments,
        typical_ms=typical(deployments),
    )


def find_ways(desk: Desk, view: EndpointView) -> list[Way]:
    """Candidates from the ledger, CloudTrail as the ledger has it, CloudWatch dimensions, and configs named alike."""
    e = view.endpoint
    snapshot = desk.snapshot()
    return ways(
        e,
        view.deployments,
        now=desk.now(),
        acts=acts_on(snapshot, e.name),
        seen=reigns_seen(snapshot, e),
        with_traffic=_with_traffic(desk, e.name),
        configs=_alike(desk, e),
    )


def best_way(desk: Desk, candidates: Sequence[Way]) -> str:
    """The best config that is still there, and still the one that served; empty if there is none."""
    left = list(candidates)
    while (best := choose(left)) is not None:
        found = config_of(desk, best.config)
        if found is not None and doubted(best, created_at(found), desk.now()) is best:
            return best.config
        left.remove(best)
    return ""


def _with_traffic(desk: Desk, name: str) -> set[str]:
    """Configs under whose name CloudWatch has invocations of the last two weeks (facts section 8, source 4)."""
    try:
        pages = (
            desk.reader("cloudwatch")
            .get_paginator("list_metrics")
            .paginate(
                Namespace="AWS/SageMaker",
                MetricName="Invocations",
                Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "EndpointConfigName"}],
            )
        )
        metrics = [metric for page in pages for metric in page["Metrics"]]
    except SourceError:
        return set()  # one source of evidence less
    return {d["Value"] for m in metrics for d in m["Dimensions"] if d["Name"] == "EndpointConfigName"}


def _alike(desk: Desk, e: Endpoint) -> dict[str, Millis | None] | None:
    """Configs that share the stem of the endpoint's or its config's name, newest first; at most 100."""
    found: dict[str, Millis | None] = {}
    try:
        for word in {stem(e.name), stem(e.config)}:
            answer = desk.reader("sagemaker").list_endpoint_configs(
                NameContains=word[:63], SortBy="CreationTime", SortOrder="Descending", MaxResults=100
            )
            for item in answer["EndpointConfigs"]:
                found[item["EndpointConfigName"]] = round(item["CreationTime"].timestamp() * 1000)
    except SourceError:
        return None
    for tag, value in e.tags.items():
        if "previous" in tag.lower() and "config" in tag.lower():
            found.setdefault(value, None)
    return found


def config_of(desk: Desk, name: str) -> preflight.Looked:
    """DescribeEndpointConfig, None where it does not exist, or the refusal where it may not be looked at."""
    try:
        answer: preflight.Config = desk.reader("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    except NotFound:
        return None
    except NotPermitted as error:
        return error
    return answer


def created_at(config: preflight.Looked) -> Millis | None:
    """When a config was made; None where nobody may tell."""
    return to_ms(config["CreationTime"]) if isinstance(config, Mapping) and "CreationTime" in config else None
