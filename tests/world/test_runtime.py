"""The DAG runtime alone, on an agenda of its own: whatever the graph, the faults and the limits."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.clock import Agenda
from console.world.sagemaker.definitions import Step
from console.world.sagemaker.records import Attempt, Execution, Fault, Pipeline, Script, StepRun
from console.world.sagemaker.runtime import Runtime
from tests.world.pipeline_lab import condition, definition, processing, step


@dataclass
class Outside:
    """Notes what the runtime asks for."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    most_running: int = 0

    def send(self, queue_url: str, message: Any) -> str | None:
        self.sent.append(dict(message))
        return None

    def cached(self, execution: Execution, step: Step, signature: str, now: float) -> tuple[Execution, StepRun] | None:
        return None

    def refusal(self, run: StepRun, job: str) -> str | None:
        return None

    def began(self, execution: Execution, run: StepRun, job: Attempt) -> None:
        self.most_running = max(self.most_running, sum(run.running for run in execution.runs.values()))
        for name in run.step.upstream:
            assert execution.runs[name].status == "Succeeded"

    def changed(self, execution: Execution) -> None:
        self.statuses.append(execution.status)


class Trial:
    def __init__(self, text: str, script: Script = Script(), limit: int | None = None) -> None:  # noqa: B008
        pipeline = Pipeline("trial", "arn:aws:sagemaker:r:1", "role", [text], 0.0, 0.0, {}, {})
        parallelism = {"MaxParallelExecutionSteps": limit} if limit else None
        self.execution = Execution(
            pipeline, "e1", 0.0, 0.0, "Executing", {}, {}, script=script, steps={}, parallelism=parallelism
        )
        pipeline.executions.append(self.execution)
        self.agenda, self.outside = Agenda(), Outside()
        self.runtime = Runtime(self.agenda, lambda seconds: seconds, self.outside)
        self.runtime.begin(self.execution, 0.0)

    def to(self, moment: float = float("inf")) -> "Trial":
        self.agenda.advance(moment)
        return self

    @property
    def states(self) -> dict[str, str]:
        return {name: run.status for name, run in self.execution.runs.items()}


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Acyclic: a step may depend on any before it."""
    size = draw(st.integers(1, 9))
    return [
        processing(f"S{n}", DependsOn=[f"S{m}" for m in draw(st.sets(st.integers(0, n - 1), max_size=3))] if n else [])
        for n in range(size)
    ]


FAULTS = st.dictionaries(st.integers(0, 8), st.sampled_from([1, 2, None]), max_size=3)


def script(faults: dict[int, int | None]) -> Script:
    return Script(faults=tuple(Fault(f"S{n}", "AlgorithmError: x", attempts) for n, attempts in faults.items()))


@given(graphs(), FAULTS, st.integers(1, 4))
def test_every_graph_comes_to_the_right_end(
    steps: list[dict[str, Any]], faults: dict[int, int | None], limit: int
) -> None:
    trial = Trial(definition(*steps), script(faults), limit).to()
    broken: set[str] = set()
    for one in steps:
        if set(one["DependsOn"]) & broken or int(one["Name"][1:]) in faults:
            broken.add(one["Name"])
    failed = {one["Name"] for one in steps if int(one["Name"][1:]) in faults and not set(one["DependsOn"]) & broken}
    assert trial.execution.status == ("Failed" if failed else "Succeeded")
    assert {name for name, state in trial.states.items() if state == "Failed"} == failed
    assert trial.states.keys() == {one["Name"] for one in steps} - (broken - failed)
    assert trial.outside.most_running <= limit


@given(graphs(), FAULTS, st.integers(1, 3))
def test_retries_in_place_end_where_no_fault_lasts(
    steps: list[dict[str, Any]], faults: dict[int, int | None], limit: int
) -> None:
    trial = Trial(definition(*steps), script(faults), limit).to()
    lasting = any(attempts is None and n < len(steps) for n, attempts in faults.items())
    moment = 1e6
    for _ in range(2 * len(steps)):
        if trial.execution.status == "Failed":
            kept = {name: run.started for name, run in trial.execution.runs.items() if run.status == "Succeeded"}
            trial.runtime.retry(trial.execution, moment)
            assert trial.execution.status == "Executing"
            trial.to()
            assert kept.items() <= {name: run.started for name, run in trial.execution.runs.items()}.items()
            moment += 1e6
    assert trial.execution.status == ("Failed" if lasting else "Succeeded")
    assert trial.outside.most_running <= limit


@given(graphs(), FAULTS, st.floats(0, 3000))
def test_a_stop_always_ends(steps: list[dict[str, Any]], faults: dict[int, int | None], moment: float) -> None:
    trial = Trial(definition(*steps), script(faults)).to(moment)
    before, started = trial.execution.status, set(trial.states)
    trial.runtime.stop(trial.execution, moment)
    trial.to()
    assert set(trial.states) == started or before != "Executing"
    assert trial.execution.status == ("Failed" if "Failed" in trial.states.values() else trial_end(before))
    assert not any(run.running for run in trial.execution.runs.values())


def trial_end(before: str) -> str:
    return "Stopped" if before == "Executing" else before


def test_the_same_script_gives_the_same_run() -> None:
    text = definition(*(processing(f"S{n}", DependsOn=[f"S{n - 1}"] if n else []) for n in range(5)))
    one, two = Trial(text).to().execution, Trial(text).to().execution
    assert [(r.started, r.ended, r.job and r.job.job) for r in one.runs.values()] == [
        (r.started, r.ended, r.job and r.job.job) for r in two.runs.values()
    ]


@pytest.mark.parametrize(("value", "ran", "left"), [(1, "Yes", "No"), (2, "No", "Yes")])
def test_a_condition_runs_one_side(value: int, ran: str, left: str) -> None:
    test = {"Type": "Equals", "LeftValue": value, "RightValue": 1}
    after = processing("After", DependsOn=["Yes"])
    trial = Trial(definition(condition("C", test, [processing("Yes")], [processing("No")]), after)).to()
    assert ran in trial.states and left not in trial.states
    assert ("After" in trial.states) is (ran == "Yes")
    assert trial.execution.status == "Succeeded"


def test_a_fail_step_starts_nothing_more() -> None:
    steps = [step("Refuse", "Fail", {"ErrorMessage": "no"}), processing("Long"), processing("Next", DependsOn=["Long"])]
    trial = Trial(definition(*steps)).to()
    assert trial.states == {"Refuse": "Failed", "Long": "Succeeded"}
    assert trial.execution.runs["Refuse"].reason == "no"


POLICY = {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": 2}


@pytest.mark.parametrize(
    ("reason", "failing", "attempts", "status"),
    [
        ("CapacityError: none left", 2, 3, "Succeeded"),
        ("CapacityError: none left", 3, 3, "Failed"),
        ("AlgorithmError: bug", 1, 1, "Failed"),
        ("ThrottlingException: Rate exceeded", 3, 4, "Succeeded"),  # retried without any policy of one's own
    ],
)
def test_retry_policies(reason: str, failing: int, attempts: int, status: str) -> None:
    text = definition(processing("A", RetryPolicies=[POLICY]))
    trial = Trial(text, Script(faults=(Fault("A", reason, failing, after_s=10),))).to()
    run = trial.execution.runs["A"]
    assert (len(run.attempts), run.status) == (attempts, status)
    waits = [
        later.started - (earlier.ended or 0) for earlier, later in zip(run.attempts, run.attempts[1:], strict=False)
    ]
    assert waits == sorted(waits)
    if reason.startswith("Capacity"):
        assert waits == [60, 120]
