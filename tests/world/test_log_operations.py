"""FilterLogEvents with its paging, and Live Tail, as boto3 gets them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.world import log_operations, logs
from tests.world.conftest import Lab

GROUP = "/aws/sagemaker/TrainingJobs"
ARN = f"arn:aws:logs:eu-central-1:123456789012:log-group:{GROUP}"


def fill(lab: Lab, lines: int, *, every: int = 10, streams: int = 2) -> None:
    """`lines` in each stream, a second apart; each `every`th one is an error."""
    now = lab.clock.now
    for stream in range(streams):
        said = [(now - lines + n + stream / 10, f"{'ERROR' if n % every == 0 else 'INFO'} {stream} {n}")
                for n in range(lines)]  # fmt: skip
        logs.write("eu-central-1", GROUP, f"job/algo-{stream}", said)


def pages(client: Any, **request: Any) -> list[list[dict[str, Any]]]:
    found = []
    for page in client.get_paginator("filter_log_events").paginate(logGroupName=GROUP, **request):
        assert page["searchedLogStreams"] == []
        found.append(page["events"])
    return found


def test_streams_are_merged_by_time_and_pages_are_cut(lab: Lab) -> None:
    fill(lab, 30)
    client = lab.client("logs")
    found = pages(client, limit=7)
    assert [len(page) for page in found] == [7] * 8 + [4]
    events = list(itertools.chain(*found))
    assert [e["timestamp"] for e in events] == sorted(e["timestamp"] for e in events)
    assert {e["logStreamName"] for e in events[:4]} == {"job/algo-0", "job/algo-1"}
    assert len({e["eventId"] for e in events}) == 60
    newest = client.filter_log_events(logGroupName=GROUP, startFromHead=False, limit=2)["events"]
    assert [e["eventId"] for e in newest] == [events[-1]["eventId"], events[-2]["eventId"]]
    cut = pages(client, startTime=events[10]["timestamp"], endTime=events[20]["timestamp"])
    assert [e["eventId"] for e in cut[0]] == [e["eventId"] for e in events[10:21]]


def test_a_rare_pattern_is_answered_by_empty_pages_with_a_token(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_operations, "LOOKED_AT", 20)
    fill(lab, 100, every=60, streams=1)
    found = pages(lab.client("logs"), filterPattern="ERROR")
    assert [len(page) for page in found] == [1, 0, 0, 1, 0]


def test_a_token_is_good_for_its_own_request(lab: Lab) -> None:
    fill(lab, 5)
    client = lab.client("logs")
    token = client.filter_log_events(logGroupName=GROUP, limit=1)["nextToken"]
    assert client.filter_log_events(logGroupName=GROUP, limit=3, nextToken=token)["events"]
    for request in ({"nextToken": token, "filterPattern": "x"}, {"nextToken": "bm9wZQ=="}, {"nextToken": "?"}):
        with pytest.raises(ClientError, match="The specified nextToken is invalid"):
            client.filter_log_events(logGroupName=GROUP, **request)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"logGroupName": "/none"}, "ResourceNotFoundException"),
        ({"logGroupName": GROUP, "logStreamNames": ["none"]}, "ResourceNotFoundException"),
        ({}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "logGroupIdentifier": ARN}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "logStreamNames": ["a"], "logStreamNamePrefix": "a"}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "startTime": 2, "endTime": 1}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "limit": 10_001}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "filterPattern": "a:b"}, "InvalidParameterException"),
    ],
)
def test_what_is_refused(lab: Lab, request_: dict[str, Any], code: str) -> None:
    fill(lab, 2)
    with pytest.raises(ClientError) as told:
        lab.client("logs").filter_log_events(**request_)
    assert told.value.response["Error"]["Code"] == code


def test_an_arn_names_a_group_too(lab: Lab) -> None:
    fill(lab, 2)
    assert len(lab.client("logs").filter_log_events(logGroupIdentifier=ARN)["events"]) == 4


def tail(lab: Lab, **request: Any) -> Any:
    client = lab.client("logs", inject_host_prefix=False, read_timeout=10)
    return client.start_live_tail(**{"logGroupIdentifiers": [ARN]} | request)["responseStream"]


def test_a_live_tail_tells_what_arrives(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.world.front.TAIL_S", 0.05)
    fill(lab, 20)
    stream = tail(lab, logEventFilterPattern="ERROR", logStreamNamePrefixes=["job/"])
    updates = iter(stream)
    started = next(updates)["sessionStart"]
    assert started["logGroupIdentifiers"] == [ARN] and started["logEventFilterPattern"] == "ERROR"
    assert next(updates)["sessionUpdate"]["sessionResults"] == [], "nothing of before"
    with lab.world.lock:
        logs.write("eu-central-1", GROUP, "job/algo-9", [(lab.clock.now, "ERROR now"), (lab.clock.now, "INFO now")])
    found: list[dict[str, Any]] = []
    for update in itertools.islice(updates, 40):
        found += update["sessionUpdate"]["sessionResults"]
        if found:
            break
    assert [(one["message"], one["logStreamName"], one["logGroupIdentifier"]) for one in found] == [
        ("ERROR now", "job/algo-9", ARN)
    ]
    assert next(updates)["sessionUpdate"] == {"sessionMetadata": {"sampled": False}, "sessionResults": []}
    stream.close()


def test_a_flood_is_sampled(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.world.front.TAIL_S", 0.05)
    fill(lab, 1)
    stream = tail(lab)
    updates = iter(stream)
    next(updates)
    with lab.world.lock:
        logs.write("eu-central-1", GROUP, "job/algo-0", [(lab.clock.now, f"line {n}") for n in range(700)])
    told = next(u for u in updates if u["sessionUpdate"]["sessionResults"])["sessionUpdate"]
    assert told["sessionMetadata"]["sampled"] and len(told["sessionResults"]) == 500
    stream.close()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"logGroupIdentifiers": [GROUP]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [f"{ARN}:*"]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [f"{ARN}/none"]}, "ResourceNotFoundException"),
        ({"logEventFilterPattern": "a:b"}, "InvalidParameterException"),
        ({"logStreamNames": ["a"], "logStreamNamePrefixes": ["a"]}, "InvalidParameterException"),
    ],
)
def test_what_cannot_be_tailed(lab: Lab, request_: dict[str, Any], code: str) -> None:
    fill(lab, 1)
    with pytest.raises(ClientError) as told:
        tail(lab, **request_)
    assert told.value.response["Error"]["Code"] == code
