"""What the containers of jobs write to CloudWatch Logs, in SageMaker's groups and streams (facts: sagemaker 5.8)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.world import logs
from console.world.logs import Line, LogWriters
from console.world.sagemaker.jobs import started_at
from console.world.sagemaker.records import FAILED, STOPPED, SUCCEEDED, Attempt, Execution, StepRun, chance, digest

if TYPE_CHECKING:
    from console.world.world import Region

_GROUPS = {
    "Processing": "/aws/sagemaker/ProcessingJobs",
    "QualityCheck": "/aws/sagemaker/ProcessingJobs",
    "ClarifyCheck": "/aws/sagemaker/ProcessingJobs",
    "Training": "/aws/sagemaker/TrainingJobs",
    "Transform": "/aws/sagemaker/TransformJobs",
}
_ROUNDS = 12


class JobLogs:
    """Writes the logs of a region's jobs when somebody looks (logs.py): each line in its time, until the job ends."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._open: dict[str, list[_Log]] = {}

    def follow(self, execution: Execution, run: StepRun, job: Attempt) -> None:
        """From now on; a job that has ended already is written whole."""
        group = _GROUPS.get(run.step.type)
        if group is None or started_at(job) is None:
            return
        if group not in self._open:
            self._open[group] = []
            self._region.of(LogWriters).register(group, lambda now: self._write(group, now))
        self._open[group].append(_Log(execution, run, job))

    def _write(self, group: str, now: float) -> None:
        for log in self._open[group]:
            until = now if log.job.ended is None else log.job.ended
            said = [line for line in working_lines(log.execution, log.run, log.job) if line[0] <= until]
            lines = [*said, *last_lines(log.run, log.job)]
            if lines[log.written :]:
                logs.write(self._region.name, group, stream(log.run, log.job), lines[log.written :])
                log.written = len(lines)
        self._open[group] = [log for log in self._open[group] if log.job.ended is None]


@dataclass(slots=True)
class _Log:
    execution: Execution
    run: StepRun
    job: Attempt
    written: int = 0


def working_lines(execution: Execution, run: StepRun, job: Attempt) -> list[Line]:
    """What a job says while it works; nothing where no container started. Pure."""
    start = started_at(job)
    if start is None or run.step.type not in _GROUPS:
        return []
    length = job.due - start
    if run.step.type == "Training":
        texts = _training(execution, run, job)
    elif run.step.type == "Transform":
        texts = ["Starting the inference server with 8 workers.", *_batches(execution, job)]
    else:
        texts = _processing(execution, run)
    at = [start + 0.95 * length * index / len(texts) for index in range(len(texts))]
    return [(moment, _stamped(moment, text)) for moment, text in zip(at, texts, strict=True)]


def last_lines(run: StepRun, job: Attempt) -> list[Line]:
    """How it ended, in its own words. Pure."""
    if job.ended is None or started_at(job) is None:
        return []
    if job.status == SUCCEEDED:
        return [(job.ended, _stamped(job.ended, f"{run.step.name} finished"))]
    if job.status == STOPPED:
        return [(job.ended, _stamped(job.ended, "received SIGTERM, shutting down"))]
    told = job.fault.log if job.fault and job.fault.log else (job.fault.reason if job.fault else "failed",)
    return [(job.ended, text) for text in told] if job.status == FAILED else []


def stream(run: StepRun, job: Attempt) -> str:
    """`<job>/<host>-<epoch>`; a transform job's host is an instance."""
    host = f"i-{digest(job.job) % 16**17:017x}" if run.step.type == "Transform" else "algo-1"
    return f"{job.job}/{host}-{int(job.started)}"


def _stamped(moment: float, text: str) -> str:
    clock = dt.datetime.fromtimestamp(moment, dt.UTC)
    return f"{clock:%Y-%m-%d %H:%M:%S},{clock.microsecond // 1000:03d} INFO {text}"


def _processing(execution: Execution, run: StepRun) -> list[str]:
    request = run.arguments["Arguments"]
    inputs = [item["S3Input"]["S3Uri"] for item in request.get("ProcessingInputs") or () if "S3Input" in item]
    outputs = [item["S3Output"]["S3Uri"] for item in request.get("ProcessingOutputConfig", {}).get("Outputs", ())]
    rows = int(chance(4e5, 3e6, execution.id, run.step.name))
    return [
        f"{run.step.name} of {execution.pipeline.name}, execution {execution.id}",
        *(f"reading {uri}" for uri in inputs),
        f"read {rows:,} rows, dropped {rows // 1_734:,} without a key",
        *(f"part {part} of 4: {rows // 4:,} rows" for part in range(1, 5)),
        *(f"writing {uri}" for uri in outputs),
    ]


def _training(execution: Execution, run: StepRun, job: Attempt) -> list[str]:
    loss, auc = chance(0.19, 0.27, job.job), chance(0.88, 0.96, execution.id, job.job)
    rows = int(chance(4e5, 3e6, execution.id, "train"))
    rounds = [
        f"[{33 * index}]#011train-logloss:{loss + 0.45 / (1 + index):.5f}"
        f"#011validation-auc:{auc - 0.2 / (1 + index) ** 1.5:.5f}"
        for index in range(_ROUNDS)
    ]
    return [
        f"{run.step.name} of {execution.pipeline.name}, execution {execution.id}",
        f"loaded {rows:,} rows for training, {rows // 5:,} for validation",
        *rounds,
        "saving the model to /opt/ml/model",
    ]


def _batches(execution: Execution, job: Attempt) -> list[str]:
    rows = int(chance(2e4, 9e4, execution.id, job.job))
    return [f"batch {index} of 10: {rows:,} records scored" for index in range(1, 11)]
