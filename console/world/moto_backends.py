"""moto, which answers the services that are not ours: S3, SQS, EventBridge, Logs, IAM.

Its state is global to the process and its internals are no API: everything that touches them is in this module, and
moto is pinned to one minor version (facts: embedded-aws 3b).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.core.base_backend import BackendDict
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from console.world.identity import ACCOUNT

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application() -> Wsgi:
    app: Wsgi = DomainDispatcherApplication(create_backend_app)
    return app


def reset() -> None:
    BackendDict.reset()


def logs(region: str) -> Any:
    return logs_backends[ACCOUNT][region]


def queues(region: str) -> Any:
    return sqs_backends[ACCOUNT][region]


def put_schedule(region: str, rule: str, cron: str, arn: str, role: str, parameters: dict[str, str]) -> None:
    """An EventBridge rule that starts a pipeline. moto's clock starts nothing; the world's seed did."""
    listed = [{"Name": name, "Value": value} for name, value in parameters.items()]
    target: dict[str, Any] = {"Id": "pipeline", "Arn": arn, "RoleArn": role}
    target["SageMakerPipelineParameters"] = {"PipelineParameterList": listed}
    backend = events_backends[ACCOUNT][region]
    backend.put_rule(name=rule, scheduled_expression=f"cron({cron})", state="ENABLED")
    backend.put_targets(rule, None, [target])


def s3_text(bucket: str, key: str) -> str:
    """An object's content. Raises KeyError where there is none."""
    try:
        found = s3_backends[ACCOUNT]["aws"].get_object(bucket, key)
    except MissingBucket:
        found = None
    if found is None:
        raise KeyError(f"s3://{bucket}/{key}")
    return str(found.value.decode())


def put_object(region: str, bucket: str, key: str, content: bytes) -> None:
    backend = s3_backends[ACCOUNT]["aws"]
    if bucket not in backend.buckets:
        backend.create_bucket(bucket, region)
    backend.put_object(bucket, key, content)
