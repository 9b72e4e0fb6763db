"""The registry of operations that this world answers itself, and the one path that every call takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console.world import shapes
from console.world.errors import AwsError, unknown_operation
from console.world.identity import Caller

if TYPE_CHECKING:
    from console.world.world import Region, World

Answer = dict[str, Any]
Handler = Callable[["World", "Region", dict[str, Any], Caller], Answer | None]

_handlers: dict[tuple[str, str], Handler] = {}
_READS = ("Describe", "List", "Get", "Search", "Lookup", "Query", "BatchDescribe", "Filter", "StartLiveTail")


def operation(name: str, service: str = "sagemaker") -> Callable[[Handler], Handler]:
    """Registers a function as operation `name` of a botocore service. It gets the world (locked, advanced to now),
    the region's state, a request that fits botocore's input shape, and who calls; it returns the output members,
    timestamps as epoch seconds, None members dropped."""

    def register(handler: Handler) -> Handler:
        if (service, name) in _handlers:
            raise ValueError(f"{service}.{name} is registered twice")
        _handlers[service, name] = handler
        return handler

    return register


def registered() -> list[tuple[str, str]]:
    return sorted(_handlers)


def is_write(name: str) -> bool:
    """Whether CloudTrail records it as a management event: data that is put is none."""
    return not name.startswith(_READS) and name != "PutMetricData"


def invoke(world: World, region: Region, service: str, name: str, request: dict[str, Any], caller: Caller) -> Answer:
    """Validate, handle, record: for requests from the wire and for the deeds of incidents alike.

    The caller holds the world's lock. Raises AwsError; a refused write is in CloudTrail with its error code.
    """
    handler = _handlers.get((service, name))
    if handler is None:
        raise unknown_operation(name)
    try:
        shapes.check_request(service, name, request)
        answer: Answer = shapes.clean(handler(world, region, request, caller) or {})
    except AwsError as error:
        if is_write(name):
            region.trail.record(service, name, request, caller, world.now, error=error)
        raise
    if is_write(name):
        region.trail.record(service, name, request, caller, world.now, answer=answer)
    if world.validate:
        shapes.check_answer(service, name, answer)
    return answer
