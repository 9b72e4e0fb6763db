"""Executions of the past, kept as light as a row until somebody looks at their steps.

A fleet of 1,000 pipelines has 30,000 of them. Each is started, outcome and pace; its steps come from replaying the
definition on the same runtime, on an agenda of its own, which always gives the same steps and the same end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from console.world.clock import Agenda
from console.world.sagemaker.definitions import Step
from console.world.sagemaker.records import EXECUTING, TERMINAL, Attempt, Execution, Pipeline, Script, StepRun
from console.world.sagemaker.runtime import Runtime

_NOWHERE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Outline:
    """How an execution of a definition ends under a script: its length is at pace 1, in seconds."""

    status: str
    reason: str | None
    length_s: float


class _Alone:
    """Replays reach nobody: no message is sent twice, no log grows again."""

    def send(self, queue_url: str, message: Mapping[str, Any]) -> str | None:
        return None

    def cached(self, execution: Execution, step: Step, signature: str, now: float) -> tuple[Execution, StepRun] | None:
        return None

    def refusal(self, run: StepRun, job: str) -> str | None:
        return None

    def began(self, execution: Execution, run: StepRun, job: Attempt) -> None:
        pass

    def changed(self, execution: Execution) -> None:
        pass


def expand(execution: Execution) -> Execution:
    """The same execution with its steps; idempotent."""
    if execution.steps is None:
        expected = execution.status, execution.modified
        _replay(execution)
        if execution.status != expected[0]:
            raise ValueError(f"{execution.arn} was told as {expected[0]} and replays as {execution.status}")
        execution.modified = expected[1]
    return execution


@lru_cache(maxsize=256)
def outline(definition: str, script: Script) -> Outline:
    """Of a definition's text, or of any that differs in names of models only. Raises ValueError if it never ends."""
    pipeline = Pipeline("outline", "arn:aws:sagemaker:none:0", "", [definition], 0.0, 0.0, _NOWHERE, _NOWHERE)
    trial = Execution(pipeline, "outline", 0.0, 0.0, EXECUTING, _NOWHERE, _NOWHERE, script=script)
    pipeline.executions.append(trial)
    _replay(trial)
    return Outline(trial.status, trial.reason, trial.modified)


def _replay(execution: Execution) -> None:
    agenda = Agenda()
    execution.status, execution.steps = EXECUTING, {}
    execution.values = execution.definition.bind([{"Name": n, "Value": v} for n, v in execution.given])
    Runtime(agenda, lambda seconds: seconds, _Alone()).begin(execution, execution.created)
    agenda.advance(float("inf"))
    if execution.status not in TERMINAL:
        raise ValueError(f"{execution.arn} never ends under its script")
