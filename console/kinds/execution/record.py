"""A pipeline execution with its steps, and the pure functions that say why it failed and what would repeat. Pure.

States and error prefixes: facts/sagemaker.md sections 4.2 and 4.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from console.clock import Millis, to_ms
from console.kinds.change.record import caller
from console.text import HIDDEN, looks_secret, redact

ENDED = frozenset({"Stopped", "Failed", "Succeeded", "CompletedWithFailures"})


class Step(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One step that has started; those that have not are absent from ListPipelineExecutionSteps."""

    name: str
    status: str
    started_at: Millis | None = None
    ended_at: Millis | None = None
    type: str = ""
    """The key of its metadata (TrainingJob, Condition, …), empty while AWS gives none."""
    failure_reason: str = ""
    cached_from: str = ""
    attempts: int = 0
    arn: str = ""
    detail: dict[str, str] = {}
    """Small scalars of the metadata: Outcome, ErrorMessage, `output NAME`. A CallbackToken is a key: hidden."""


class Execution(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    arn: str
    pipeline: str
    status: str
    display_name: str = ""
    description: str = ""
    failure_reason: str = ""
    created_at: Millis | None = None
    modified_at: Millis | None = None
    by: str = ""
    parameters: dict[str, str] = {}
    steps: tuple[Step, ...] = ()
    definition: str = ""
    detailed: bool = False

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def name(self) -> str:
        """`pipeline/id`: how a person and the command line call it."""
        return f"{self.pipeline}/{self.id}"

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def failed_step(self) -> Step | None:
        """The step that failed first: later ones fail for its sake."""
        failed = [s for s in self.steps if s.status == "Failed"]
        return min(failed, key=lambda s: s.ended_at or s.started_at or 0, default=None)

    @property
    def gate(self) -> Step | None:
        """The Fail step that ended it: a condition was false, and the pipeline says so on purpose."""
        failed = self.failed_step
        return failed if failed is not None and failed.type == "Fail" else None


class Cause(StrEnum):
    """What kind of failure it is, told by the prefix before the colon."""

    CAPACITY = "capacity"
    SERVICE = "service"
    THROTTLED = "throttled"
    QUOTA = "quota"
    ACCESS = "access"
    CODE_OR_DATA = "code_or_data"
    GATE = "gate"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


_CLASSES = {
    "CapacityError": Cause.CAPACITY,
    "InsufficientInstanceCapacity": Cause.CAPACITY,
    "InternalServerError": Cause.SERVICE,
    "InternalServiceError": Cause.SERVICE,
    "InternalFailure": Cause.SERVICE,
    "InternalError": Cause.SERVICE,
    "ServiceUnavailable": Cause.SERVICE,
    "ThrottlingException": Cause.THROTTLED,
    "TooManyRequestsException": Cause.THROTTLED,
    "ResourceLimitExceeded": Cause.QUOTA,
    "AccessDenied": Cause.ACCESS,
    "AccessDeniedException": Cause.ACCESS,
    "ClientError": Cause.CODE_OR_DATA,
    "AlgorithmError": Cause.CODE_OR_DATA,
    "ValidationException": Cause.CODE_OR_DATA,
}
"""The word before the first colon classifies (facts section 4.5)."""

_PHRASES = (
    ("Unable to provision requested ML compute capacity", Cause.CAPACITY),
    ("InsufficientInstanceCapacity", Cause.CAPACITY),
    ("account-level service limit", Cause.QUOTA),
    ("ResourceLimitExceeded", Cause.QUOTA),
    ("Rate exceeded", Cause.THROTTLED),
    ("ThrottlingException", Cause.THROTTLED),
    ("AccessDenied", Cause.ACCESS),
    ("is not authorized to perform", Cause.ACCESS),
    ("Could not assume role", Cause.ACCESS),
)
"""What AWS says inside a longer sentence."""

_OURS = frozenset({"AlgorithmError"})
"""Whose text is the container's own: what it quotes ("Rate exceeded") is no word of SageMaker's."""

_CLASS = re.compile(r"\s*(?:An error occurred \(|.{0,80}?\b(?:Error Code|reason): ?)?([A-Z][A-Za-z]+)\b(?=[:)]|$)")


def cause(execution: Execution) -> Cause:
    """Why a run failed. A Fail step is a quality gate that did its job (facts section 9.2)."""
    if execution.status == "Stopped":
        return Cause.STOPPED
    if execution.gate is not None:
        return Cause.GATE
    step = execution.failed_step
    return classify((step.failure_reason if step else "") or execution.failure_reason)


def classify(reason: str) -> Cause:
    """What kind of failure a FailureReason tells. Access denied inside a ClientError stays a matter of access."""
    said = _CLASS.match(reason)
    word = said[1] if said else ""
    if word in _OURS:
        return _CLASSES[word]
    phrase = next((kind for text, kind in _PHRASES if text in reason), None)
    return phrase or _CLASSES.get(word, Cause.UNKNOWN)


def what_now(kind: Cause) -> str:
    """One line: will it fail again, and what helps."""
    return {
        Cause.CAPACITY: "AWS had no capacity: a retry goes on where it stopped.",
        Cause.SERVICE: "A fault of the service: a retry goes on where it stopped.",
        Cause.THROTTLED: "Throttled by AWS: a retry goes on where it stopped.",
        Cause.QUOTA: "A quota of this account: it fails again until the quota is raised or used less.",
        Cause.ACCESS: "A permission is missing: it fails again until the role is mended.",
        Cause.CODE_OR_DATA: "It will fail again: data or code, not capacity.",
        Cause.GATE: "The gate did its job: the candidate was not good enough. Nothing to retry.",
        Cause.STOPPED: "Somebody stopped it: a retry goes on where it stopped.",
        Cause.UNKNOWN: "The cause is not known: read the log before trying again.",
    }[kind]


def repeats(execution: Execution) -> str:
    """Why a retry would fail again, or an empty string."""
    if not execution.ended or execution.status == "Succeeded":
        return ""
    return {
        Cause.CODE_OR_DATA: "it will repeat: data or code",
        Cause.GATE: "the quality gate did its job",
        Cause.ACCESS: "it will repeat: a permission is missing",
        Cause.QUOTA: "it will repeat: a quota is used up",
    }.get(cause(execution), "")


def kept(parameters: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Parameters as [{Name, Value}], without what looks like a secret: the ledger keeps all it is given."""
    return {p["Name"]: HIDDEN if looks_secret(p["Name"]) else redact(p.get("Value", "")) for p in parameters}


def from_search(item: Mapping[str, Any]) -> Execution:
    """From a PipelineExecution of a Search result or a DescribePipelineExecution answer."""
    arn = item["PipelineExecutionArn"]
    created = item.get("CreatedBy") or {}
    by = created.get("UserProfileName") or caller((created.get("IamIdentity") or {}).get("Arn", ""))
    return Execution(
        arn=arn,
        pipeline=(item.get("PipelineArn") or arn.rsplit("/execution/", 1)[0]).rsplit("/", 1)[-1],
        status=item.get("PipelineExecutionStatus", ""),
        display_name=item.get("PipelineExecutionDisplayName", ""),
        description=item.get("PipelineExecutionDescription", ""),
        failure_reason=item.get("FailureReason", ""),
        created_at=_ms(item.get("CreationTime")),
        modified_at=_ms(item.get("LastModifiedTime")),
        by=by,
        parameters=kept(item.get("PipelineParameters", ())),
    )


def from_summary(item: Mapping[str, Any]) -> Execution:
    """From an entry of ListPipelineExecutions, which tells neither who started it nor when it changed last."""
    arn = item["PipelineExecutionArn"]
    return Execution(
        arn=arn,
        pipeline=arn.rsplit("/execution/", 1)[0].rsplit("/", 1)[-1],
        status=item.get("PipelineExecutionStatus", ""),
        display_name=item.get("PipelineExecutionDisplayName", ""),
        description=item.get("PipelineExecutionDescription", ""),
        failure_reason=item.get("PipelineExecutionFailureReason", ""),
        created_at=_ms(item.get("StartTime")),
    )


def step_from_api(item: Mapping[str, Any]) -> Step:
    """One entry of ListPipelineExecutionSteps. Unknown metadata keys are kept by name, their content is not guessed."""
    metadata = item.get("Metadata") or {}
    kind = next(iter(metadata), "")
    content = metadata.get(kind) or {}
    scalars = {
        k: HIDDEN if looks_secret(k) else redact(str(v))
        for k, v in content.items()
        if isinstance(v, str | int | bool) and k != "Arn"
    }
    for output in content.get("OutputParameters") or ():  # of Callback and Lambda steps: conditions read them
        name = str(output.get("Name"))
        scalars[f"output {name}"] = HIDDEN if looks_secret(name) else redact(str(output.get("Value", "")))
    return Step(
        name=item.get("StepName", ""),
        status=item.get("StepStatus", ""),
        started_at=_ms(item.get("StartTime")),
        ended_at=_ms(item.get("EndTime")),
        type=kind,
        failure_reason=item.get("FailureReason", ""),
        cached_from=(item.get("CacheHitResult") or {}).get("SourcePipelineExecutionArn", ""),
        attempts=item.get("AttemptCount", 0),
        arn=content.get("Arn") or content.get("CheckJobArn") or "",
        detail=scalars,
    )


def _ms(value: Any) -> Millis | None:
    return to_ms(value) if value is not None else None
