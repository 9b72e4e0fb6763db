"""Faults by rule: what the network and AWS do on a bad day, switched on by tests and drills."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from console.world.errors import AwsError, validation


@dataclass(slots=True)
class Fault:
    """One rule. With a `code` the request is refused before it does anything; without, it is done, and then:

    `delay_s` wall seconds pass, `answer` overwrites members of the answer (an enum value nobody knows yet, say),
    `truncate` cuts the body in half, and `lose_response` drops the connection.
    """

    operation: str = "*"
    service: str = "*"
    """botocore's name for the services of ours (`cloudtrail`), the signing name for moto's (`monitoring`)."""
    code: str | None = None
    message: str = "Injected fault"
    status: int = 400
    times: int | None = None
    """How often it applies; None is for ever."""
    delay_s: float = 0.0
    lose_response: bool = False
    truncate: bool = False
    answer: dict[str, Any] = field(default_factory=dict)
    match: dict[str, Any] = field(default_factory=dict)
    """Members that the request must have, such as {"EndpointName": "delay-risk"}."""

    def applies(self, service: str, operation: str, request: dict[str, Any]) -> bool:
        return (
            self.times != 0
            and self.operation in ("*", operation)
            and self.service in ("*", service)
            and all(request.get(name) == value for name, value in self.match.items())
        )

    @property
    def error(self) -> AwsError | None:
        return AwsError(self.code, self.message, self.status) if self.code else None


class Faults:
    """The rules in force, first match first. Used under the world's lock."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def add(self, **rule: Any) -> Fault:
        """Raises ValidationException for a member that rules do not have."""
        try:
            fault = Fault(**rule)
        except TypeError as error:
            raise validation(f"Not a fault rule: {error}") from None
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        self.rules.clear()

    def denies(self, operation: str) -> bool:
        """Whether a rule in force would refuse this operation for want of permission."""
        return any(
            fault.code in ("AccessDenied", "AccessDeniedException")
            and fault.operation == operation
            and fault.times != 0
            for fault in self.rules
        )

    def take(self, service: str, operation: str, request: dict[str, Any]) -> Fault | None:
        """The rule that applies to this request, its `times` counted down."""
        for fault in self.rules:
            if fault.applies(service, operation, request):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
