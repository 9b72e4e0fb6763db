from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from console.clock import DAY, HOUR, MINUTE, Millis, clock_time
from console.fleet.related import related
from console.fleet.timeline import Event, by_whom, timeline
from console.kinds.base import Sign
from console.kinds.change.record import Change
from console.kinds.endpoint.record import Endpoint, Pending
from console.kinds.execution.record import Execution, Step
from console.kinds.hold.record import Hold
from console.kinds.pipeline.record import Pipeline
from console.kinds.scaling.record import Activities, Activity, Target
from console.kinds.vitals.episode import Episode
from console.ledger.samples import Sample
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger

NOW: Millis = 1_795_489_920_000
SCOPE = "aws/1/eu-central-1"
ARN = "arn:aws:sagemaker:eu-central-1:1:pipeline/train/execution/"


def fact(ledger: Ledger, kind: str, name: str, record: msgspec.Struct, at: Millis) -> None:
    ledger.observe(SCOPE, kind, [(name, msgspec.json.encode(record), None)], at=at)


def endpoint(config: str, status: str, modified: Millis, pending: Pending | None = None) -> Endpoint:
    return Endpoint("risk", "arn:risk", status, config, NOW - 90 * DAY, modified, pending=pending, detailed=True)


def run(id: str, status: str, at: Millis, *steps: Step) -> Execution:
    return Execution(
        ARN + id, "train", status, created_at=at, modified_at=at + HOUR, by="ana", steps=steps, detailed=True
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as made:
        began = NOW - 3 * HOUR
        fact(made, "endpoint", "risk", endpoint("v7", "InService", NOW - DAY), began - HOUR)
        pending = Pending("v8", began)
        fact(made, "endpoint", "risk", endpoint("v7", "Updating", began, pending), began + 2 * MINUTE)
        fact(made, "endpoint", "risk", endpoint("v8", "InService", began + 3 * MINUTE), began + 4 * MINUTE)
        for change in (
            Change("c1", began, "UpdateEndpoint", "endpoint", "risk", "deployer", "ci", "boto3", "v8"),
            Change(
                "c2",
                NOW - HOUR,
                "UpdateEndpoint",
                "endpoint",
                "risk",
                "ana",
                "ana",
                "aws-cli",
                "v9",
                "",
                "ValidationException",
            ),
            Change(
                "c3", NOW - 2 * HOUR, "StartPipelineExecution", "pipeline", "train", "hgfq", "events", made=ARN + "b"
            ),
            Change("c4", NOW - 30 * MINUTE, "StopPipelineExecution", "execution", ARN + "c", "ana", "ana"),
            Change("c5", NOW, "UpdateEndpoint", "endpoint", "other", "ana", "ana", target="x"),
        ):
            fact(made, "change", change.id, change, change.at)
        failed = Step("Train", "Failed", failure_reason="ClientError: no column")
        for e in (
            run("a", "Succeeded", NOW - DAY),
            run("b", "Failed", NOW - 2 * HOUR, failed),
            run("c", "Executing", NOW - 40 * MINUTE),
        ):
            fact(made, "execution", e.name, e, NOW - 20 * MINUTE)
        fact(made, "pipeline", "train", Pipeline("train", "arn:train"), NOW)
        fact(
            made, "hold", "pipeline/train", Hold("pipeline", "train", "wait for the fix", "ben", NOW - 10 * MINUTE), NOW
        )
        plan = {"kind": "endpoint", "subject": "risk", "title": "Roll back risk to v7"}
        made.journal.append(SCOPE, "p1", "intent", {"plan": plan, "by": "arn:x/ben", "reason": "5xx"}, NOW - 9 * MINUTE)
        made.journal.append(SCOPE, "p1", "call", {"operation": "sagemaker:UpdateEndpoint"}, NOW - 8 * MINUTE)
        made.journal.append(SCOPE, "p1", "done", {"words": "v7 serves"}, NOW - MINUTE)
        yield made


def snapshot(ledger: Ledger, at: Millis | None = None) -> Snapshot:
    return Snapshot(ledger, SCOPE, at, NOW)


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.sign.value if event.sign else "", event.words, event.by) for event in events]


def test_an_endpoint_newest_first_and_each_thing_once(ledger: Ledger) -> None:
    events = timeline(snapshot(ledger), "endpoint", "risk")
    assert told(events) == [
        ("ok", "action done: Roll back risk to v7; v7 serves", ""),
        ("", "action: Roll back risk to v7 (5xx)", "ben"),
        ("warning", "UpdateEndpoint v9: refused, ValidationException", "ana"),
        ("ok", "v8 took over after 3 m", "deployer (CI)"),
        ("", "v7 → v8", "deployer (CI)"),
    ]
    assert [event.opens for event in events][-1] == ("change", "c1")
    assert len({event.key for event in events}) == len(events)


def test_a_pipeline_with_its_runs_and_who_started_them(ledger: Ledger) -> None:
    assert told(timeline(snapshot(ledger), "pipeline", "train")) == [
        ("held", "held: wait for the fix", "ben"),
        ("", "StopPipelineExecution", "ana"),
        ("moving", "run c starts", "ana"),
        ("warning", "run b fails in Train: ClientError: no column", ""),
        ("", "run b starts", "EventBridge"),
        ("ok", "run a ends well", ""),
        ("", "run a starts", "ana"),
    ]
    alone = timeline(snapshot(ledger), "execution", "train/c")
    assert [event.words for event in alone] == ["StopPipelineExecution", "run c starts"]


def test_everything_is_in_the_order_of_time(ledger: Ledger) -> None:
    events = timeline(snapshot(ledger))
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)
    assert {event.subject for event in events} >= {"risk", "other", "train"}
    assert len(events) == 5 + 7 + 1


def test_the_past_knows_nothing_of_what_came_later(ledger: Ledger) -> None:
    assert told(timeline(snapshot(ledger, NOW - 3 * HOUR + 3 * MINUTE), "endpoint", "risk")) == [
        ("moving", "v7 → v8", "deployer (CI)")
    ]


def test_who_is_said_so_that_it_helps() -> None:
    assert by_whom("deployer", "ci") == "deployer (CI)"
    assert by_whom("hgfq3", "events") == "EventBridge"
    assert by_whom("ana", "ana") == "ana"
    assert by_whom("", "tf") == "Terraform"
    assert by_whom("", "") == ""


def test_what_belongs_to_what(ledger: Ledger) -> None:
    rows = related(snapshot(ledger), "endpoint", "risk")
    assert [(row.role, row.subject, row.opens) for row in rows] == [
        ("config", "v8", ("change", "c1")),
        ("way back", "v7", ("", "")),
        ("change", "UpdateEndpoint v9: refused, ValidationException", ("change", "c2")),
    ]
    assert [row.opens[1] for row in related(snapshot(ledger), "pipeline", "train")] == ["train/c", "train/b", "train/a"]
    rows = related(snapshot(ledger), "execution", "train/b")
    assert [(row.role, row.opens[1]) for row in rows] == [
        ("pipeline", "train"), ("green run", "train/a"), ("run after", "train/c"), ("change", "c3"),
    ]  # fmt: skip
    assert rows[2].sign is Sign.MOVING
    assert related(snapshot(ledger), "change", "c1") == []
    assert related(snapshot(ledger), "endpoint", "nobody") == []


def asked(id: str, at: Millis, instances: int = 9, error: str = "ResourceLimitExceeded") -> Change:
    event = "UpdateEndpointWeightsAndCapacities"
    return Change(
        id, at, event, "endpoint", "risk", "Auto Scaling", "aas", "aas", error=error, asked=f"{instances} instances"
    )


def test_refusals_alike_are_one_line_and_hide_no_deployment(ledger: Ledger) -> None:
    begin = NOW - 50 * MINUTE
    for n in range(24):
        fact(ledger, "change", f"r{n:02}", asked(f"r{n:02}", begin + n * MINUTE), NOW)
    fact(ledger, "change", "z", asked("z", begin - 20 * MINUTE, 4, ""), NOW)
    events = timeline(snapshot(ledger), "endpoint", "risk")
    said = [event.words for event in events if event.by == "Auto Scaling"]
    since = clock_time(begin, NOW)
    assert said == [
        f"asked for 9 instances: refused, the quota is used up (×24 since {since})",
        "asked for 4 instances",
    ]
    folded = next(event for event in events if "×24" in event.words)
    assert (folded.at, folded.opens) == (begin + 23 * MINUTE, ("change", "r23")), "the newest"
    assert [event.words for event in events if event.by == "deployer (CI)"] == ["v8 took over after 3 m", "v7 → v8"]


def test_capacity_that_did_not_come_says_so(ledger: Ledger) -> None:
    at = NOW - 40 * MINUTE
    target = Target("endpoint/risk/variant/a", "sagemaker:variant:DesiredInstanceCount", 1, 9)
    fact(ledger, "scaling", target.name, target, NOW)
    message = "Reason: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
    failed = Activity("x", at - 10_000, "Failed", 9, at + MINUTE, message=message)
    body = msgspec.json.encode(Activities((failed,)))
    ledger.samples.put(SCOPE, "activities", [Sample(target.name, NOW, body)])
    fact(ledger, "change", "s1", asked("s1", at, error=""), NOW)
    fact(ledger, "change", "s2", asked("s2", at + 10 * MINUTE, error=""), NOW)
    said = [(e.sign, e.words) for e in timeline(snapshot(ledger), "endpoint", "risk") if e.by == "Auto Scaling"]
    assert said == [
        (None, "asked for 9 instances"),
        (Sign.WARNING, "asked for 9 instances, failed: AWS had none to spare"),
    ]


def test_episodes_are_told_where_they_began_and_ended(ledger: Ledger) -> None:
    one = Episode("risk", NOW - 2 * HOUR, NOW - 2 * HOUR, Sign.WARNING, "p99 900 ms, was 50: hosts are busy")
    worse = msgspec.structs.replace(one, sign=Sign.CRITICAL, words="p99 3,900 ms, was 50: hosts are busy")
    fact(ledger, "episode", "risk", one, NOW - 2 * HOUR)
    fact(ledger, "episode", "risk", worse, NOW - HOUR)

    def episodes(at: Millis | None = None) -> list[tuple[str, str, str]]:
        return [row for row in told(timeline(snapshot(ledger, at), "endpoint", "risk")) if "p99" in row[1]]

    assert episodes() == [("critical", "critical since then: p99 3,900 ms, was 50: hosts are busy", "")]
    fact(ledger, "episode", "risk", msgspec.structs.replace(worse, until=NOW - 30 * MINUTE), NOW - 30 * MINUTE)
    assert episodes() == [
        ("ok", "well again, was critical: p99 3,900 ms", ""),
        ("critical", "critical for 1 h 30 m: p99 3,900 ms, was 50: hosts are busy", ""),
    ]
    assert episodes(NOW - 90 * MINUTE)[0][0] == "warning", "as it was told then"
