"""What the pipelines service remembers: pipelines, executions, the runs of their steps, and scripts of scenarios."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.world.sagemaker.definitions import Definition, Step, parse

EXECUTING, STOPPING, STOPPED, FAILED, SUCCEEDED = "Executing", "Stopping", "Stopped", "Failed", "Succeeded"
TERMINAL = frozenset({STOPPED, FAILED, SUCCEEDED})


def digest(*parts: object) -> int:
    """A number that depends on `parts` alone: the world's chance, so that one seed gives one world."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=12).digest())


def short_id(length: int, *parts: object) -> str:
    """An id like those of SageMaker (`p4jn6xou5a2s`), of at most 32 signs, a function of `parts`."""
    raw = hashlib.blake2b(repr(parts).encode(), digest_size=20).digest()
    return base64.b32encode(raw)[:length].decode().lower()


def chance(low: float, high: float, *parts: object) -> float:
    return low + (high - low) * (digest(*parts) % 10_000) / 10_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A step that fails: on its first `attempts` attempts of an execution, or always (None)."""

    step: str
    reason: str
    attempts: int | None = None
    after_s: float | None = None
    """Seconds of work before it fails; None: most of its usual duration."""
    exit_message: str | None = None
    log: tuple[str, ...] = ()
    """Its container's last lines."""


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """Somebody's worker that answers a Callback step by itself, `after_s` after the message."""

    step: str
    after_s: float
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """What a scenario decides about executions; without one everything succeeds."""

    faults: tuple[Fault, ...] = ()
    reports: tuple[tuple[str, Any], ...] = ()
    """Values of property files by JSON path: `("binary_classification_metrics.auc.value", 0.71)`."""
    answers: tuple[CallbackAnswer, ...] = ()
    stop_after_s: float | None = None
    """Somebody stops it that long after its start."""

    def fault(self, step: str, attempt: int) -> Fault | None:
        return next((f for f in self.faults if f.step == step and (f.attempts is None or attempt <= f.attempts)), None)


@dataclass(slots=True, eq=False)
class Attempt:
    """One job of a step: a retry makes a new one."""

    number: int
    job: str
    started: float
    due: float
    """When it will have ended if nobody interferes."""
    ended: float | None = None
    status: str = EXECUTING
    fault: Fault | None = None


@dataclass(slots=True, eq=False)
class StepRun:
    step: Step
    status: str
    started: float
    ended: float | None = None
    reason: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    earlier: int = 0
    """Attempts made before the last RetryPipelineExecution: retry policies count from there."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """`Arguments`, its resolved request, and what stands beside it (FunctionArn, CheckType, …)."""
    signature: str | None = None
    outcome: bool | None = None
    token: str | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    source: tuple[Execution, StepRun] | None = None
    """The run whose results this one reuses, by cache or by selective execution."""
    timer: int | None = None

    @property
    def running(self) -> bool:
        return self.status not in TERMINAL

    @property
    def job(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None


@dataclass(slots=True, eq=False)
class Pipeline:
    name: str
    home: str
    """`arn:aws:sagemaker:REGION:ACCOUNT`"""
    role: str
    versions: list[str]
    """Definitions, oldest first; version n is the n-th."""
    created: float
    modified: float
    created_by: Mapping[str, Any]
    modified_by: Mapping[str, Any]
    display_name: str | None = None
    description: str | None = None
    parallelism: Mapping[str, Any] | None = None
    script: Script = Script()
    executions: list[Execution] = field(default_factory=list)
    """Oldest first."""

    @property
    def arn(self) -> str:
        return f"{self.home}:pipeline/{self.name.lower()}"

    def resource(self, kind: str, name: str) -> str:
        """The ARN of a resource beside this pipeline; SageMaker lower-cases names there (facts: sagemaker 7.2)."""
        return f"{self.home}:{kind}/{name.lower()}"


@dataclass(slots=True, eq=False)
class Execution:
    pipeline: Pipeline
    id: str
    created: float
    modified: float
    status: str
    created_by: Mapping[str, Any]
    modified_by: Mapping[str, Any]
    version: int = 0
    given: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    display_name: str | None = None
    description: str | None = None
    parallelism: Mapping[str, Any] | None = None
    selected: tuple[str, ...] = ()
    reference: Execution | None = None
    """The source of a selective execution."""
    script: Script = Script()
    pace: float = 1.0
    """Factor on all durations: how much data there was."""
    steps: dict[str, StepRun] | None = None
    """None: history that nobody has looked at yet (see history.py)."""
    values: dict[str, Any] = field(default_factory=dict)
    """Typed parameters."""
    attempted: dict[str, list[Attempt]] = field(default_factory=dict)
    """Attempts of steps that RetryPipelineExecution has put back and that have not started again yet."""

    @property
    def arn(self) -> str:
        return f"{self.pipeline.arn}/execution/{self.id}"

    @property
    def text(self) -> str:
        return self.pipeline.versions[self.version]

    @property
    def definition(self) -> Definition:
        return parse(self.text)

    @property
    def runs(self) -> dict[str, StepRun]:
        """Runs of steps, in the order in which they started."""
        assert self.steps is not None, "expand history before looking at its steps"
        return self.steps
