"""What a client is made to do at botocore's events: refuse, wait, count, and distrust an answer that is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from console.clients.errors import garbled
from console.clients.translating import translate
from console.errors import Refused, Throttled

if TYPE_CHECKING:
    from console.clients.budget import Budget

_READ_VERBS = ("Describe", "List", "Get", "Search", "Lookup", "Head", "Query", "BatchDescribe", "BatchGet", "Filter")
_READS = frozenset(
    {
        "iam:SimulatePrincipalPolicy",
        "logs:StartLiveTail",
        "logs:StartQuery",
        "logs:StopQuery",
        "sqs:ReceiveMessage",
    }
)


def is_read(operation: str) -> bool:
    """Whether `service:Operation` only looks. Default-deny: what is not known to read, writes."""
    return operation.partition(":")[2].startswith(_READ_VERBS) or operation in _READS


def require_tokens(raw: Any, service: str, operations: Iterable[str]) -> None:
    """Raises Refused unless every write among the operations has an idempotency token, so that resending is safe."""
    for name in sorted(operations):
        tokens = raw.meta.service_model.operation_model(name).idempotent_members
        if not tokens and not is_read(f"{service}:{name}"):
            raise Refused(f"{service}:{name} has no idempotency token: it may be sent once only")


def install(
    raw: Any,
    service: str,
    operations: frozenset[str],
    budget: Budget,
    *,
    urgent: bool,
    waiting: Callable[[], AbstractContextManager[object]],
    sending: Callable[[str], None],
    dated: Callable[[str], None],
) -> None:
    """Scope a botocore client to its operations, and let its requests pass the budget.

    `waiting` surrounds the wait for the budget; `sending` hears `service:Operation` of every request right before it
    leaves, retries too; `dated` each answer's Date header.
    """

    def guard(model: Any, context: Any = None, **_: Any) -> None:
        if (context or {}).get("is_presign_request"):
            raise Refused(f"{service}:{model.name}: a presigned URL would be a secret that outlives the check")
        if model.name not in operations:
            raise Refused(f"{service}:{model.name} was not declared by what asked for it; nothing was sent")

    def before_send(event_name: str, **_: Any) -> None:
        operation = _named(service, event_name)
        with waiting():
            budget.acquire(operation, urgent=urgent)
        sending(operation)

    def received(event_name: str, response_dict: Any, parsed_response: Any, **_: Any) -> None:
        if response_dict is None:
            return
        dated(response_dict["headers"].get("Date", ""))
        status = response_dict["status_code"]
        code = ((parsed_response or {}).get("Error") or {}).get("Code", "")
        if (code or status == 429) and _throttles(code, status, _named(service, event_name)):
            budget.throttled(_named(service, event_name))

    events = raw.meta.events
    # provide-client-params comes first of all and alone stops presigned URLs; before-call is the second lock.
    events.register_first("provide-client-params", guard)
    events.register_first("before-call", guard)
    events.register("before-send", before_send)
    events.register("before-parse", _distrust)
    events.register("response-received", received)


def _named(service: str, event_name: str) -> str:
    return f"{service}:{event_name.rpartition('.')[2]}"


def _throttles(code: str, status: int, operation: str) -> bool:
    from botocore.exceptions import ClientError

    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return isinstance(translate(ClientError(answer, operation.rpartition(":")[2]), operation), Throttled)


def _distrust(operation_model: Any, response_dict: Any, **_: Any) -> None:
    """Stop an answer that is no answer: botocore reads any text as an empty JSON result, and an empty list would
    look as if everything had been deleted (a sign-in page of the network answers 200 with HTML)."""
    service, shape = operation_model.service_model, operation_model.output_shape
    if response_dict["status_code"] != 200 or "json" not in str(service.resolved_protocol):
        return
    body = response_dict["body"]
    goes_on = operation_model.has_streaming_output or operation_model.has_event_stream_output
    if shape is None or goes_on or not (shape.members or body):
        return
    import msgspec

    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        kind = "a web page" if body.lstrip()[:1] == b"<" else "a broken answer" if body else "an empty answer"
        raise garbled(f"{service.service_name}:{operation_model.name}", f"{kind} instead of the service's") from None
