"""Asking CloudWatch for the past of one endpoint: which series, and from whom they are known to exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import Millis
from console.errors import CredentialsError, NotPermitted, SourceError, Throttled
from console.kinds.config.asking import described
from console.kinds.deployment.record import Deployment
from console.kinds.endpoint.record import Endpoint
from console.kinds.vitals import queries
from console.kinds.vitals.course import INSTANCES
from console.kinds.vitals.queries import Metric, Series
from console.kinds.vitals.record import Shape
from console.kinds.vitals.spans import Window

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

SAMPLES = Metric(INSTANCES, queries.HOSTS, "CPUUtilization", "SampleCount")
"""One a minute from each instance (facts/sagemaker.md section 5.2): how many there were before anybody watched. Another
statistic of a metric that is asked for anyway costs nothing."""

FLEETS_AT_MOST = 4
"""Configs whose own series are asked for: those of the last deployments in the window."""


def fleets(e: Endpoint, deployments: Iterable[Deployment], window: Window, now: Millis) -> tuple[str, ...]:
    """Configs of which each served a part while the window lasted, the newest first; empty where one alone did."""
    found: dict[str, None] = {}
    if e.pending and e.pending.config != e.config and window.end > (e.pending.started_at or now) - window.period:
        found |= dict.fromkeys((e.pending.config, e.config))
    for one in deployments:
        if one.at < window.end and (one.ended_at or one.at) >= window.start and one.source != one.target:
            found |= dict.fromkeys(config for config in (one.target, one.source) if config)
    return tuple(found)[:FLEETS_AT_MOST] if len(found) > 1 else ()


def series(snapshot: Snapshot, client: Any, e: Endpoint, configs: Sequence[str]) -> list[Series]:
    """All that exist for the endpoint's flavour. `client` is SageMaker's: it is asked what the ledger does not know."""
    shape = shape_of(snapshot, client, e)
    guest = any(one.flavour == "components" for one in shape.variants)
    components = guests(client, e.name) if guest else ()
    found = queries.of_endpoint(e.name, shape, everything=True, configs=configs, components=components)
    cpu = [one for one in found if one.metric.namespace == queries.HOSTS and one.metric.name == SAMPLES.name]
    return found + [one._replace(metric=SAMPLES) for one in cpu]


def shape_of(snapshot: Snapshot, client: Any, e: Endpoint) -> Shape:
    if (fact := snapshot.ledger.head(snapshot.scope, "shape", e.config)) is not None:
        return msgspec.json.decode(fact.body, type=Shape)
    try:
        config = described(client, e.config)
    except (CredentialsError, Throttled):
        raise
    except SourceError:
        config = None
    if config is None or config.absent:  # hosts of an unknown type
        return queries.plain_shape(e.config, [(v.name, bool(v.serverless)) for v in e.variants])
    return queries.shape_of(config)


def guests(client: Any, endpoint: str) -> tuple[tuple[str, str], ...]:
    """(name, variant) of the inference components of an endpoint; none where nobody may ask."""
    try:
        pages = client.get_paginator("list_inference_components").paginate(EndpointNameEquals=endpoint)
        return tuple(
            (c["InferenceComponentName"], c["VariantName"]) for page in pages for c in page["InferenceComponents"]
        )
    except NotPermitted:
        return ()
