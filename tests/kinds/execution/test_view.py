"""Verdicts of runs, what changed since the last green one, and who really started them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.clock import DAY, HOUR, MINUTE
from console.kinds.base import Sign
from console.kinds.change.record import Change
from console.kinds.difference import Difference
from console.kinds.execution.record import Execution, Step
from console.kinds.execution.verbs import VERBS
from console.kinds.execution.view import ExecutionView, judge, order, views
from console.kinds.hold.record import Hold
from console.kinds.pipeline import view as pipeline_view
from console.kinds.pipeline.record import Definition, Node
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.text import HIDDEN

NOW = 1_795_489_920_000  # 2026-11-24T03:12:00Z
SCOPE = "aws:1:eu-central-1"


def run(id: str = "abc", status: str = "Failed", ago: int = 10 * MINUTE, **more: Any) -> Execution:
    pipeline = more.pop("pipeline", "train")
    fields = {"created_at": NOW - ago, "modified_at": NOW - ago + 8 * MINUTE, "detailed": True} | more
    arn = f"arn:aws:sagemaker:eu-central-1:1:pipeline/{pipeline}/execution/{id}"
    return Execution(arn=arn, pipeline=pipeline, status=status, **fields)


def step(name: str, status: str = "Failed", type: str = "Training", reason: str = "", **more: Any) -> Step:
    return Step(name, status, NOW - 9 * MINUTE, NOW - 8 * MINUTE, type, reason, **more)


GATE = step("TooLow", type="Fail", reason="AUC 0.7", detail={"ErrorMessage": "AUC 0.7 < 0.85"})
TABLE: list[tuple[Execution, dict[str, Any], Sign, str]] = [
    (
        run(steps=(step("Evaluate", reason="ClientError: x"),)),
        {},
        Sign.WARNING,
        "failed 03:10Z: Evaluate: ClientError: x",
    ),
    (run(), {}, Sign.WARNING, "failed 03:10Z: no reason given"),
    (run(failure_reason="early"), {}, Sign.WARNING, "failed 03:10Z: early"),
    (run(status="CompletedWithFailures"), {}, Sign.WARNING, "failed 03:10Z: no reason given"),
    (run(failure_reason="old"), {"superseded": True}, Sign.OK, "note: failed 03:10Z: old"),
    (run(ago=4 * DAY), {}, Sign.OK, "note: failed 20 Nov 03:20Z: no reason given"),
    (run(steps=(GATE,)), {}, Sign.OK, "note: stopped by its gate 03:10Z: AUC 0.7 < 0.85"),
    (run(status="Stopped"), {}, Sign.OK, "note: stopped 03:10Z"),
    (run(status="Stopping"), {}, Sign.MOVING, "stopping since 03:10Z"),
    (run(status="Succeeded"), {}, Sign.OK, "ok, took 8 m"),
    (
        run(status="Succeeded", steps=(step("Check", "Succeeded", "Condition", detail={"Outcome": "False"}),)),
        {},
        Sign.OK,
        "ok, took 8 m, Check was false",
    ),
    (run(status="Executing"), {}, Sign.MOVING, "running"),
    (
        run(status="Executing", steps=(step("Train", "Executing"), step("a", "Succeeded"))),
        {},
        Sign.MOVING,
        "running Train",
    ),
    (
        run(status="Executing", steps=(step("Labels", "Executing", "Callback"),)),
        {},
        Sign.MOVING,
        "waits for a callback: Labels",
    ),
    (run(status="Hibernating"), {}, Sign.UNKNOWN, "status Hibernating is not known here"),
    (run(status="", created_at=None, modified_at=None), {}, Sign.UNKNOWN, "status missing is not known here"),
]


@pytest.mark.parametrize("n", range(len(TABLE)), ids=lambda n: f"{n}-{TABLE[n][3][:24]}")
def test_every_branch(n: int) -> None:
    e, around, sign, words = TABLE[n]
    verdict = judge(e, now=NOW, **around)
    assert (verdict.sign, verdict.words) == (sign, words)


def compared(mine: Execution, green: Execution | None) -> ExecutionView:
    return ExecutionView(execution=mine, observed_at=NOW, verdict=judge(mine, now=NOW), green=green)


def test_what_changed_since_the_last_green_run() -> None:
    green = run(
        "g",
        "Succeeded",
        parameters={"month": "2013-06", "horizon": "30", "gone": "x", "Token": HIDDEN},
        definition="d1" * 32,
    )
    mine = run(
        parameters={"month": "2013-07", "horizon": "30", "new": "y", "Token": HIDDEN},
        definition="d2" * 32,
        steps=(step("extract", "Succeeded", cached_from="arn:g"), step("train")),
    )
    view = compared(mine, green)
    assert view.changed == (
        Difference("gone", "x", "–"),
        Difference("month", "2013-06", "2013-07"),
        Difference("new", "–", "y"),
        Difference("definition", "d1d1d1d1", "d2d2d2d2"),
    )
    assert view.same == {"horizon": "30"}, "of hidden values nobody knows whether they are the same"
    assert view.cached == ("extract",)
    assert compared(mine, None).changed == () and compared(mine, None).same == {}


def test_what_nobody_read_is_not_called_different() -> None:
    green = run("g", "Succeeded", detailed=False)
    assert compared(run(parameters={"month": "2013-07"}), green).changed == ()


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def keep(ledger: Ledger, kind: str, **records: msgspec.Struct) -> None:
    ledger.observe(SCOPE, kind, [(name, msgspec.json.encode(record), None) for name, record in records.items()], at=NOW)


def keep_runs(ledger: Ledger, *runs: Execution) -> Snapshot:
    ledger.observe(SCOPE, "execution", [(e.name, msgspec.json.encode(e), None) for e in runs], at=NOW)
    return Snapshot(ledger, SCOPE, None, NOW)


def test_runs_are_compared_with_the_green_one_before_them(ledger: Ledger) -> None:
    snapshot = keep_runs(
        ledger,
        run("g1", "Succeeded", 9 * HOUR),
        run("f1", "Failed", 8 * HOUR),
        run("g2", "Succeeded", 7 * HOUR),
        run("f2", "Failed", 6 * HOUR),
        run("x", "Succeeded", 5 * HOUR, pipeline="other"),
    )
    found = {v.execution.id: v for v in views(snapshot)}
    assert {id: v.green.id if v.green else "" for id, v in found.items()} == {
        "g1": "",
        "f1": "g1",
        "g2": "g1",
        "f2": "g2",
        "x": "",
    }
    assert found["f1"].verdict.words.startswith("note: failed"), "a later run ended well"
    assert [v.execution.id for v in sorted(views(snapshot), key=order)] == ["f2", "x", "g2", "f1", "g1"]


@pytest.mark.parametrize("name", ["train/f2", "f2", "arn:aws:sagemaker:eu-central-1:1:pipeline/train/execution/f2"])
def test_one_run_by_any_of_its_names(ledger: Ledger, name: str) -> None:
    graph = Definition("d1", (), (Node("a", "Processing"),))
    keep(ledger, "definition", d1=graph)
    snapshot = keep_runs(
        ledger,
        run("g2", "Succeeded", 7 * HOUR),
        run("f2", "Failed", 6 * HOUR, definition="d1"),
        run("f2x", "Failed", 6 * HOUR),
        run("y", "Failed", 6 * HOUR, pipeline="other"),
    )
    (view,) = views(snapshot, [name])
    assert (view.name, view.green.id if view.green else "", view.nodes) == ("train/f2", "g2", graph.nodes)
    assert views(snapshot, ["train/nope"]) == [] == views(snapshot, ["other/f2"])


def test_who_started_it_is_told_by_cloudtrail(ledger: Ledger) -> None:
    runs = [
        run(id, "Succeeded", by=by) for id, by in [("n1", "events-role"), ("m1", "role"), ("k1", "maria"), ("s1", "x")]
    ]
    started = [("n1", "sess10n", "events"), ("m1", "tomas", "tomas"), ("s1", "", "")]
    for id, by, actor in started:
        made = next(e.arn for e in runs if e.id == id)
        change = Change(
            f"c-{id}",
            NOW - HOUR,
            "StartPipelineExecution",
            "pipeline",
            "train",
            by=by,
            actor=actor,
            made=made,
        )
        keep(ledger, "change", **{change.id: change})
    keep(
        ledger,
        "change",
        other=Change("other", NOW, "UpdateEndpoint", "endpoint", "shop", by="ci", target="v2"),
    )
    found = {v.execution.id: v.execution.by for v in views(keep_runs(ledger, *runs))}
    assert found == {"n1": "EventBridge", "m1": "tomas", "k1": "maria", "s1": "x"}


def test_json_names(ledger: Ledger) -> None:
    snapshot = keep_runs(ledger, run(steps=(step("Train", reason="CapacityError: none"),), parameters={"a": "b"}))
    told = views(snapshot)[0].to_json()
    assert (told["cause"], told["failed_step"], told["status"]) == ("capacity", "Train", "Failed")
    assert told["steps"][0]["failure_reason"] == "CapacityError: none"
    msgspec.json.encode(told)


def test_why_a_verb_is_off() -> None:
    retry, stop = VERBS
    for e, retries, stops in [
        (run(), "", "it is Failed"),
        (run(steps=(step("a", reason="ClientError: x"),)), "it will repeat: data or code", "it is Failed"),
        (run(steps=(GATE,)), "the quality gate did its job", "it is Failed"),
        (run(status="Executing"), "it is still in motion", ""),
        (run(status="Succeeded"), "it succeeded", "it is Succeeded"),
        (run(status="Stopped"), "", "it is Stopped"),
    ]:
        assert (retry.off(compared(e, None)), stop.off(compared(e, None))) == (retries, stops)


HOLD = Hold("pipeline", "train", "audit", "maria", NOW - HOUR)


@pytest.mark.parametrize(
    ("runs", "hold", "sign", "words"),
    [
        ([], None, Sign.OK, "no run known"),
        ([], HOLD, Sign.HELD, "held: audit"),
        ([run(status="Succeeded")], None, Sign.OK, "ok"),
        ([run(status="Succeeded")], HOLD, Sign.HELD, "held: audit"),
        ([run(failure_reason="x")], HOLD, Sign.WARNING, "failed 03:10Z: x (held: audit)"),
        (
            [run("b", "Executing"), run("a", "Failed", HOUR)],
            None,
            Sign.MOVING,
            "running (the run before failed)",
        ),
        ([run("b", "Executing"), run("a", "Succeeded", HOUR)], None, Sign.MOVING, "running"),
    ],
)
def test_a_pipeline_is_judged_by_its_newest_run(
    runs: list[Execution], hold: Hold | None, sign: Sign, words: str
) -> None:
    verdict = pipeline_view.judge(runs, now=NOW, hold=hold)
    assert (verdict.sign, verdict.words) == (sign, words)
