"""Runs, pipelines, changes and symptoms seen at few calls, on the embedded world through the collector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from console.clock import DAY
from console.kinds.change.record import EVENTS, LATE, Change
from console.kinds.change.view import complete_until
from console.kinds.execution.record import Execution
from console.kinds.pipeline.record import Definition, Pipeline
from console.kinds.reading import decode
from console.kinds.symptom.record import Symptom
from console.text import HIDDEN
from console.world.identity import CI
from tests.kinds.conftest import SCOPE, Bench

Make = Callable[..., Bench]


def runs(bench: Bench) -> dict[str, Execution]:
    return {e.name: e for e in decode(bench.snapshot, "execution", Execution)}


def calls(bench: Bench, source: str = "executions") -> dict[str, int]:
    spent, errors = bench.look(source)
    assert errors == []
    return dict(spent)


@pytest.fixture
def rested(bench: Make) -> Bench:
    made = bench()
    for _ in range(4):  # the first looks read the steps of what runs or failed lately
        made.tick(3600)
        calls(made)
        calls(made, "pipelines")
    while any(not e.ended for e in runs(made).values()):
        made.tick(600)
        calls(made)
    made.tick(1)
    calls(made)
    made.tick(20)
    return made


def start(bench: Bench, pipeline: str, **parameters: str) -> str:
    request: dict[str, Any] = {
        "PipelineName": pipeline,
        "ClientRequestToken": f"t{bench.clock.s}".ljust(40, "x"),
    }
    if parameters:
        request["PipelineParameters"] = [{"Name": k, "Value": v} for k, v in parameters.items()]
    arn = bench.call("StartPipelineExecution", **request)["PipelineExecutionArn"]
    return f"{pipeline}/{arn.rsplit('/', 1)[-1]}"


def test_the_first_look_finds_the_runs_of_a_month(bench: Make) -> None:
    one = bench()
    spent = calls(one)
    assert spent["Search"] <= 3
    found = runs(one)
    assert len(found) > 50 and len({e.pipeline for e in found.values()}) == 4
    assert min(e.created_at or 0 for e in found.values()) < one.now - 20 * DAY
    assert spent.get("ListPipelineExecutionSteps", 0) <= 15


def test_at_rest_a_sweep_is_one_search(rested: Bench) -> None:
    seq = rested.ledger.last_seq()
    for _ in range(4):
        assert calls(rested) == {"Search": 1}
        rested.tick(20)
    assert rested.ledger.last_seq() == seq


def test_a_run_is_followed_with_its_steps(rested: Bench) -> None:
    name = start(rested, "delay-risk-train")
    rested.tick(30)
    spent = calls(rested)
    assert spent["Search"] == 1 and spent["ListPipelineExecutionSteps"] == 1
    run = runs(rested)[name]
    assert run.status == "Executing" and run.steps and run.parameters["WindowDays"] == "90"
    for _ in range(300):
        rested.tick(120)
        calls(rested)
        if runs(rested)[name].ended:
            break
    run = runs(rested)[name]
    assert run.status == "Succeeded" and all(s.status == "Succeeded" for s in run.steps)
    assert {s.type for s in run.steps} >= {"ProcessingJob", "TrainingJob", "Condition"}


def test_looked_at_means_its_graph_is_read_once(rested: Bench) -> None:
    name = next(n for n, e in runs(rested).items() if e.status == "Succeeded" and not e.detailed)
    rested.want("execution", name)
    spent = calls(rested)
    assert spent["DescribePipelineDefinitionForExecution"] == 1 and spent["ListPipelineExecutionSteps"] == 1
    view = rested.view("execution", name)
    assert view.nodes and {n.name for n in view.nodes} >= {s.name for s in view.execution.steps}
    rested.want("execution", name)
    rested.tick(20)
    spent = calls(rested)
    assert "DescribePipelineDefinitionForExecution" not in spent and "ListPipelineExecutionSteps" not in spent


def test_where_search_is_denied_pipelines_are_listed(bench: Make) -> None:
    one = bench()
    one.world.faults.add(operation="Search", code="AccessDeniedException")
    assert calls(one, "pipelines")["ListPipelines"] == 1
    assert len(list(decode(one.snapshot, "pipeline", Pipeline))) == 4
    spent = calls(one)
    assert spent["ListPipelineExecutions"] == 4
    assert len({e.pipeline for e in runs(one).values()}) == 4
    name = start(one, "delay-risk-train")
    one.tick(61)
    calls(one)
    assert runs(one)[name].status == "Executing"


def test_without_search_old_runs_are_not_described_and_each_sweep_is_bounded(bench: Make) -> None:
    one = bench(fleet=30)
    one.world.faults.add(operation="Search", code="AccessDeniedException")
    one.tick(7200)
    calls(one, "pipelines")
    sweeps: list[dict[str, int]] = []
    while len(sweeps) < 40 and (not sweeps or set(sweeps[-1]) - {"Search", "ListPipelines"}):
        sweeps.append(calls(one))
        one.tick(20)
    described = [n for sweep in sweeps for name, n in sweep.items() if name == "DescribePipelineExecution"]
    assert all(sweep.get("ListPipelineExecutions", 0) <= 10 for sweep in sweeps) and max(described) <= 15
    found = runs(one).values()
    old = [e for e in found if (e.created_at or 0) < one.now - 3 * DAY]
    assert len({e.pipeline for e in found}) == 30 and len(old) > 500 and not any(e.modified_at for e in old)
    assert sum(described) < 150
    assert all(e.modified_at and e.by for e in found if (e.created_at or 0) > one.now - DAY)
    for _ in range(30):
        one.tick(20)
        assert set(calls(one)) <= {"Search", "ListPipelines"}, "one list a minute tells that none ran"
    name = next(e.name for e in old if e.status == "Failed")
    one.want("execution", name)
    calls(one)
    assert runs(one)[name].modified_at and runs(one)[name].steps and runs(one)[name].by


def test_one_run_that_cannot_be_read_does_not_hide_the_others(rested: Bench) -> None:
    bad = start(rested, "delay-risk-train")
    rested.tick(1)
    good = start(rested, "search-rank-train")
    rested.tick(30)
    arn = rested.call("ListPipelineExecutions", PipelineName="delay-risk-train", MaxResults=1, SortOrder="Descending")
    rested.world.faults.add(
        operation="ListPipelineExecutionSteps",
        code="AccessDeniedException",
        match={"PipelineExecutionArn": arn["PipelineExecutionSummaries"][0]["PipelineExecutionArn"]},
    )
    calls(rested)
    assert runs(rested)[good].steps and not runs(rested)[bad].steps
    assert runs(rested)[bad].status == "Executing"


def test_what_an_action_knows_better_is_not_overwritten_by_the_index(rested: Bench) -> None:
    name = start(rested, "delay-risk-train")
    rested.tick(30)
    calls(rested)
    run = runs(rested)[name]
    stopped = msgspec.structs.replace(run, status="Stopping", modified_at=rested.now + 5000)
    rested.ledger.observe(SCOPE, "execution", [(name, msgspec.json.encode(stopped), None)], at=rested.now)
    rested.world.faults.add(operation="ListPipelineExecutionSteps", code="AccessDeniedException")
    rested.tick(1)
    calls(rested)
    assert runs(rested)[name].status == "Stopping"


def test_secrets_of_a_run_stay_out_of_the_ledger(bench: Make) -> None:
    one = bench()
    one.world.faults.add(
        operation="ListPipelineParametersForExecution",
        answer={
            "PipelineParameters": [
                {"Name": "DbPassword", "Value": "hunter2"},
                {"Name": "Month", "Value": "7"},
            ]
        },
    )
    one.world.faults.add(operation="Search", answer={"Results": []})
    calls(one, "pipelines")
    one.ledger.interest.tell("aws:123456789012:eu-central-1", {"pipeline": ["delay-risk-train"]}, at=one.now)
    calls(one)
    name = next(iter(runs(one)))
    one.want("execution", name)
    calls(one)
    assert runs(one)[name].parameters["DbPassword"] == HIDDEN
    one.ledger.close()
    assert b"hunter2" not in b"".join(p.read_bytes() for p in one.path.glob("ledger.db*"))


def test_pipelines_cost_nothing_between_their_lists(rested: Bench) -> None:
    rested.tick(30)
    assert calls(rested, "pipelines") == {}
    rested.tick(600)
    assert calls(rested, "pipelines") == {"Search": 1}
    rested.want("pipeline", "delay-risk-train")
    assert calls(rested, "pipelines") == {"DescribePipeline": 1}
    found = next(p for p in decode(rested.snapshot, "pipeline", Pipeline) if p.name == "delay-risk-train")
    (definition,) = decode(rested.snapshot, "definition", Definition, [found.definition])
    assert definition.parameters and definition.nodes
    rested.call("DeletePipeline", PipelineName="search-rank-train", ClientRequestToken="d" * 40)
    rested.tick(700)
    calls(rested, "pipelines")
    assert "search-rank-train" not in {p.name for p in decode(rested.snapshot, "pipeline", Pipeline)}


def changes(bench: Bench) -> list[Change]:
    return list(decode(bench.snapshot, "change", Change))


def test_the_first_look_at_cloudtrail_fills_in_the_past(bench: Make) -> None:
    one = bench()
    spent = calls(one, "changes")
    assert set(spent) == {"LookupEvents"} and spent["LookupEvents"] < 40
    deploys = [c for c in changes(one) if c.event == "UpdateEndpoint"]
    assert {c.actor for c in deploys} >= {"ci"}
    assert min(c.at for c in deploys) < one.now - 20 * DAY
    since = one.snapshot.since("changes")
    assert since is not None and since <= one.now - 89 * DAY
    assert one.now - LATE - 5000 <= complete_until(one.snapshot) <= one.now - LATE
    one.tick(60)
    assert calls(one, "changes") == {}, "nothing moved: nobody is asked"


def test_a_long_past_is_read_in_parts_and_claimed_as_far_as_it_was_read(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.kinds.change.watch.PAGES_AT_MOST", 1)
    one = bench(fleet=40)
    assert calls(one, "changes")["LookupEvents"] <= len(EVENTS), "nobody waits for all of it"
    since, seen = one.snapshot.since("changes"), changes(one)
    deploys = [c.at for c in seen if c.event == "UpdateEndpoint"]
    assert len(deploys) == 50 and since == min(deploys), "older calls are not known yet"
    assert complete_until(one.snapshot) == one.now - LATE
    for _ in range(9):
        one.tick(60)
        calls(one, "changes")
    since = one.snapshot.since("changes")
    assert since is not None and since <= one.now - 89 * DAY
    assert len([c for c in changes(one) if c.event == "UpdateEndpoint"]) > 100
    one.tick(60)
    assert calls(one, "changes") == {}


def test_whoever_waits_is_told_what_came_first_and_the_rest_is_read_later(bench: Make) -> None:
    one = bench(fleet=40)
    assert one.collector.once(["changes"], within_s=0.0) == {}
    assert one.collector.cut == ["changes"]
    seen, since = changes(one), one.snapshot.since("changes")
    assert len(seen) == 50 and {c.event for c in seen} == {"UpdateEndpoint"}, "one page of what tells most"
    assert since == one.now, "nothing is claimed of what was not asked"
    one.tick(60)
    calls(one, "changes")
    since = one.snapshot.since("changes")
    assert one.collector.cut == [] and since is not None and since <= one.now - 89 * DAY
    assert {c.event for c in changes(one)} >= {"UpdateEndpoint", "StartPipelineExecution"}


def test_what_happened_while_nobody_watched_leaves_no_hole(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """More calls than fit into one sweep: complete only when the last of them is read."""
    one = bench(fleet=4, evaluate=False)
    one.tick(3600)
    calls(one, "changes")
    calls(one, "endpoints")
    before, known = complete_until(one.snapshot), len(changes(one))
    name, weights = "delay-risk", [{"VariantName": "AllTraffic", "DesiredWeight": 0.5}]
    for _ in range(130):
        one.tick(600)
        one.call("UpdateEndpointWeightsAndCapacities", EndpointName=name, DesiredWeightsAndCapacities=weights)
    for n in range(60):
        one.tick(1200)
        one.call("UpdateEndpoint", EndpointName=name, EndpointConfigName=f"{name}-v{6 + n % 2}", caller=CI)
    one.tick(3600)
    monkeypatch.setattr("console.kinds.change.watch.PAGES_AT_MOST", 1)
    calls(one, "endpoints")
    calls(one, "changes")
    assert complete_until(one.snapshot) == before, "ten calls are not read yet"
    one.tick(60)
    calls(one, "changes")
    assert complete_until(one.snapshot) > one.now - 2 * LATE
    for _ in range(3):
        one.tick(60)
        calls(one, "changes")
    by_people = [change for change in changes(one) if change.actor != "aas"]  # which works in these days too
    assert len(by_people) == known + 190
    one.tick(4000)
    assert calls(one, "changes") == {}


def test_a_move_makes_cloudtrail_worth_asking_until_it_has_told(bench: Make) -> None:
    one = bench()
    one.tick(3600)
    calls(one, "changes")
    calls(one, "endpoints")
    name = "delay-risk"
    config = next(
        c["EndpointConfigName"]
        for c in one.call("ListEndpointConfigs", NameContains=name, MaxResults=100)["EndpointConfigs"]
        if c["EndpointConfigName"] != one.call("DescribeEndpoint", EndpointName=name)["EndpointConfigName"]
    )
    one.tick(3600)
    one.call("UpdateEndpoint", EndpointName=name, EndpointConfigName=config, caller=CI)
    one.tick(20)
    calls(one, "endpoints")
    assert calls(one, "changes")["LookupEvents"] == 4, "one for each event about endpoints"
    assert not [c for c in changes(one) if c.at > one.now - 60_000], "CloudTrail is late"
    one.tick(60)
    calls(one, "changes")
    assert [(c.target, c.actor) for c in changes(one) if c.at > one.now - 120_000] == [(config, "ci")]
    one.tick(4000)
    assert calls(one, "changes") == {}


def test_looking_at_what_rests_asks_cloudtrail_nothing(rested: Bench) -> None:
    for _ in range(20):  # at some hours of the day its fleets scale, and a change is news
        rested.tick(7200)
        calls(rested)
        calls(rested, "endpoints")
        if calls(rested, "changes") == {}:
            break
    name = next(n for n, e in runs(rested).items() if e.status == "Succeeded" and not e.detailed)
    rested.ledger.interest.tell(SCOPE, {"execution": [name], "endpoint": ["delay-risk"]}, at=rested.now)
    assert "ListPipelineExecutionSteps" in calls(rested) and "DescribeEndpoint" in calls(rested, "endpoints")
    assert calls(rested, "changes") == {}


def test_what_moved_while_nobody_looked_is_asked_about(rested: Bench) -> None:
    calls(rested, "changes")
    rested.tick(7200)
    calls(rested)
    start(rested, "delay-risk-train")
    rested.tick(4 * 3600)
    rested.fresh_collector()
    calls(rested)
    assert calls(rested, "changes")["LookupEvents"] == 3


def test_cloudtrail_denied_degrades_its_own_source_only(bench: Make) -> None:
    one = bench()
    one.world.faults.add(operation="LookupEvents", code="AccessDeniedException", message="not for you")
    _, errors = one.look("changes")
    assert [type(e).__name__ for e in errors] == ["NotPermitted"]
    assert complete_until(one.snapshot) == 0
    assert calls(one, "endpoints")["Search"] == 1
    assert one.view("endpoint", "delay-risk").verdict.words


def test_containers_that_log_errors_after_a_deployment_are_noticed(bench: Make) -> None:
    one = bench(fleet=12, speed=60)
    with one.world.lock:
        one.world.play("bad-config")
    from console.world.incidents import INCIDENTS

    name = INCIDENTS["bad-config"].subject.partition("/")[2]
    found: Symptom | None = None
    for _ in range(60):
        one.tick(10)
        calls(one, "endpoints")
        spent = calls(one, "logs")
        assert set(spent) <= {"POST logs", "FilterLogEvents"} and sum(spent.values()) <= 8 * 5
        found = next((s for s in decode(one.snapshot, "symptom", Symptom) if s.name == name), None)
        if found and found.errors:
            break
    assert found is not None and found.errors and found.sample and found.config
    assert "error line" in found.words()
