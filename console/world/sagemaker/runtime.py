"""The runtime of pipelines: walks the DAG, runs steps on an agenda, retries, stops, resumes.

Where AWS is silent (facts: sagemaker 14) this does what is seen in practice: after a failed step, independent
branches still run and everything downstream does not; a Fail step starts nothing more; a retry keeps what succeeded
and runs failed, stopped and missing steps again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from console.world.clock import Agenda
from console.world.sagemaker import work
from console.world.sagemaker.definitions import Step
from console.world.sagemaker.expressions import Unresolved, holds
from console.world.sagemaker.records import (
    EXECUTING,
    FAILED,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    TERMINAL,
    Attempt,
    Execution,
    StepRun,
    short_id,
)

STEP_FAILURE = "Step failure: One or multiple steps failed."
START_S, INSTANT_S, STOP_S = 3.0, 1.0, 75.0
"""Starting a step, evaluating one that runs no job, and a job's SIGTERM until it is gone (at most 120 s)."""


class Surroundings(Protocol):
    """What a running pipeline reaches outside of itself. History is replayed with `Surroundings` that do nothing."""

    def send(self, queue_url: str, message: Mapping[str, Any]) -> str | None:
        """Sends to SQS; an error's text, None when sent."""

    def cached(self, execution: Execution, step: Step, signature: str, now: float) -> tuple[Execution, StepRun] | None:
        """The run that a cached step may reuse."""

    def refusal(self, run: StepRun, job: str) -> str | None:
        """Why AWS would not make this job; None when it would."""

    def began(self, execution: Execution, run: StepRun, job: Attempt) -> None:
        """A step's job has started: from now on it has a log."""

    def changed(self, execution: Execution) -> None:
        """The execution's own status has changed."""


class Runtime:
    def __init__(self, agenda: Agenda, real: Callable[[float], float], outside: Surroundings) -> None:
        self._agenda, self._real, self._outside = agenda, real, outside

    def begin(self, execution: Execution, now: float) -> None:
        """Starts a fresh execution; steps of a selective execution that are copied stand in `steps` already."""
        if execution.script.stop_after_s is not None:
            self._later(execution, now, execution.script.stop_after_s, lambda due: self.stop(execution, due))
        self._advance(execution, now)

    def retry(self, execution: Execution, now: float) -> None:
        """Resumes a Failed or Stopped execution in place."""
        for name, run in list(execution.runs.items()):
            if run.status != SUCCEEDED:
                execution.attempted[name] = run.attempts
                del execution.runs[name]
        self._become(execution, EXECUTING, now)
        self._advance(execution, now)

    def stop(self, execution: Execution, now: float) -> None:
        """Asks everything to stop. Jobs take a while, a Lambda runs to its end, a Callback waits for its answer."""
        if execution.status != EXECUTING:
            return
        self._become(execution, STOPPING, now)
        for run in [run for run in execution.runs.values() if run.running]:
            working = run.job is not None and run.job.ended is None
            if working and run.step.type == "Lambda":
                continue
            run.status = STOPPING
            if working and run.step.type == "Callback":
                self._outside.send(run.arguments["SqsQueueUrl"], _message(execution, run, STOPPING))
                continue
            self._cancel(run)
            delay = STOP_S if working else INSTANT_S
            run.timer = self._later(execution, now, delay, self._ender(execution, run, STOPPED, None))
        self._advance(execution, now)

    def answer(
        self, execution: Execution, run: StepRun, outputs: Mapping[str, Any], failure: str | None, now: float
    ) -> None:
        """A Callback step is answered: with its outputs, or with the reason of its failure."""
        self._cancel(run)
        run.outputs |= outputs
        self._end(execution, run, FAILED if failure is not None else SUCCEEDED, failure, now)

    def _advance(self, execution: Execution, now: float) -> None:
        runs, limit = execution.runs, work.parallel_limit(execution)
        if execution.status == EXECUTING and not _halted(execution):
            for step in startable(execution):
                if sum(run.running for run in runs.values()) >= limit:
                    break
                attempts = execution.attempted.pop(step.name, [])
                run = runs[step.name] = StepRun(step, "Starting", now, attempts=attempts, earlier=len(attempts))
                run.timer = self._later(execution, now, START_S, self._launcher(execution, run))
        if not any(run.running for run in runs.values()):
            failed = any(run.status == FAILED for run in runs.values())
            done = STOPPED if execution.status == STOPPING else SUCCEEDED
            self._become(execution, FAILED if failed else done, now)

    def _become(self, execution: Execution, status: str, now: float) -> None:
        execution.status, execution.modified = status, now
        execution.reason = STEP_FAILURE if status == FAILED else None
        self._outside.changed(execution)

    def _launch(self, execution: Execution, run: StepRun, now: float) -> None:
        step = run.step
        try:
            scope = work.scope_of(execution)
            run.arguments = work.resolved(step, scope)
            if step.type == "Condition":
                run.outcome = all(holds(condition, scope) for condition in step.arguments["Conditions"])
        except (Unresolved, LookupError, TypeError, ValueError) as error:  # the rest: expressions that are none
            self._end(execution, run, FAILED, f"ClientError: {error}", now)
            return
        run.status, run.signature = EXECUTING, work.signature(step, run.arguments)
        if step.cache_s is not None and run.signature and not run.attempts:
            run.source = self._outside.cached(execution, step, run.signature, now)
        if run.source:
            seconds, end = INSTANT_S, self._ender(execution, run, SUCCEEDED, None)
        elif step.type == "Fail":
            reason = str(run.arguments["Arguments"]["ErrorMessage"])
            seconds, end = INSTANT_S, self._ender(execution, run, FAILED, reason)
        elif step.type == "Callback":
            self._call_back(execution, run, now)
            return
        else:
            number = len(run.attempts) + 1
            job = work.job_name(execution, step, number)
            if refusal := self._outside.refusal(run, job):
                self._end(execution, run, FAILED, refusal, now)
                return
            seconds, end = self._job(execution, run, number, job, now)
        run.timer = self._later(execution, now, seconds, end)

    def _job(
        self, execution: Execution, run: StepRun, number: int, job: str, now: float
    ) -> tuple[float, Callable[[float], None]]:
        fault = execution.script.fault(run.step.name, number)
        seconds = work.duration_s(run.step)
        if fault is not None:
            seconds = fault.after_s if fault.after_s is not None else 0.7 * seconds
        elif run.step.type == "Lambda":
            run.outputs = work.typed_outputs(run.step, {})
        due = now + self._real(seconds * execution.pace)
        run.attempts.append(Attempt(number, job, now, due, fault=fault))
        self._outside.began(execution, run, run.attempts[-1])
        end = (SUCCEEDED, None) if fault is None else (FAILED, fault.reason)
        return seconds, self._ender(execution, run, *end)

    def _call_back(self, execution: Execution, run: StepRun, now: float) -> None:
        number = len(run.attempts) + 1
        run.token = short_id(10, execution.arn, run.step.name, number)
        run.attempts.append(Attempt(number, "", now, float("inf")))
        error = self._outside.send(run.arguments["SqsQueueUrl"], _message(execution, run, EXECUTING))
        if error is not None:
            self._end(execution, run, FAILED, error, now)
            return
        answer = next((a for a in execution.script.answers if a.step == run.step.name), None)
        if answer:
            outputs = work.typed_outputs(run.step, dict(answer.outputs))
            run.timer = self._later(
                execution, now, answer.after_s, lambda due: self.answer(execution, run, outputs, None, due)
            )

    def _end(self, execution: Execution, run: StepRun, status: str, reason: str | None, now: float) -> None:
        if run.job and run.job.ended is None:
            run.job.status, run.job.ended = status, now
        wait = work.retry_delay_s(run, reason) if status == FAILED and execution.status == EXECUTING else None
        if wait is not None:
            run.timer = self._later(execution, now, wait, self._launcher(execution, run))
            return
        run.status, run.ended, run.reason, run.timer = status, now, reason, None
        self._advance(execution, now)

    def _launcher(self, execution: Execution, run: StepRun) -> Callable[[float], None]:
        return lambda due: self._launch(execution, run, due)

    def _ender(self, execution: Execution, run: StepRun, status: str, reason: str | None) -> Callable[[float], None]:
        return lambda due: self._end(execution, run, status, reason, due)

    def _later(self, execution: Execution, now: float, seconds: float, effect: Callable[[float], None]) -> int:
        return self._agenda.at(now + self._real(seconds * execution.pace), effect)

    def _cancel(self, run: StepRun) -> None:
        if run.timer is not None:
            self._agenda.cancel(run.timer)
            run.timer = None


def startable(execution: Execution) -> list[Step]:
    """Steps that have not started and whose upstream has succeeded, conditions having taken their side."""
    ready = []
    for step in execution.definition.steps.values():
        if step.name in execution.runs or (execution.selected and step.name not in execution.selected):
            continue
        before = [execution.runs.get(name) for name in step.upstream]
        if any(run is None or run.status != SUCCEEDED for run in before):
            continue
        if step.branch and work.outcome(execution.runs[step.branch[0]]) != step.branch[1]:
            continue
        ready.append(step)
    return ready


def _halted(execution: Execution) -> bool:
    return any(run.step.type == "Fail" and run.status in TERMINAL for run in execution.runs.values())


def _message(execution: Execution, run: StepRun, status: str) -> dict[str, Any]:
    """The body of a Callback step's SQS message, as the Developer Guide's sample reads it."""
    return {
        "token": run.token,
        "pipelineExecutionArn": execution.arn,
        "arguments": run.arguments.get("Arguments", {}),
        "status": status,
    }
