"""Our CloudWatch against an independent one, ministack, in an environment of its own: the same calls, the same answers.

What ministack does otherwise than AWS documents is left out: it has no metric math and no missing data, takes the whole
range of an alarm as one datapoint, and tells in the history of states that did not change.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from console.world.cloudwatch.evaluation import COMPARISONS
from tests.peers import environment
from tests.world.conftest import Lab

PEER = "ministack==1.5.33"
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
STATISTICS = ["SampleCount", "Sum", "Average", "Minimum", "Maximum", "p0", "p37.5", "p50", "p90", "p99", "p100"]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of ministack; the environment (70 MB) is made when it is missing."""
    programs = environment("ministack", PEER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("ministack")
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "GATEWAY_PORT": str(port), "SERVICES": "cloudwatch"}
    with (home / "log").open("w") as log:
        server = subprocess.Popen([programs / "ministack"], env=env, cwd=home, stdout=log, stderr=log)
    try:
        _wait(port, home / "log")
        yield boto3.client(
            "cloudwatch",
            region_name="eu-central-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"ministack does not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def ours(world: Callable[..., Lab]) -> Lab:
    return world(fleet=0)


def drawn(seed: int, start: float) -> list[dict[str, Any]]:
    """Data of two hours: single values, values with counts, statistic sets."""
    dice = random.Random(seed)
    data: list[dict[str, Any]] = []
    for _ in range(300):
        value = lambda: round(dice.lognormvariate(3, 1), 3)  # noqa: E731
        datum: dict[str, Any] = {
            "MetricName": f"M{dice.randrange(4)}",
            "Timestamp": start + dice.randrange(7200),
            "Unit": "Milliseconds",
            "Dimensions": [{"Name": "Host", "Value": f"h{dice.randrange(2)}"}],
        }
        match dice.randrange(5):
            case 0 | 1:
                datum["Value"] = value()
            case 2 | 3:
                size = dice.randrange(1, 9)
                datum["Values"] = [value() for _ in range(size)]
                datum["Counts"] = [float(dice.randrange(1, 6)) for _ in range(size)]
            case _:
                low, high = sorted((value(), value()))
                datum["StatisticValues"] = {
                    "SampleCount": 5,
                    "Sum": 3 * low + 2 * high,
                    "Minimum": low,
                    "Maximum": high,
                }
        data.append(datum)
    return data


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_statistics_and_percentiles(peer: Any, ours: Lab, seed: int) -> None:
    mine, namespace = ours.client("cloudwatch"), f"Drawn{seed}"
    start = int(ours.clock.now) // 3600 * 3600 - 2 * 3600
    data = drawn(seed, start)
    for client in (mine, peer):
        for at in range(0, len(data), 20):
            client.put_metric_data(Namespace=namespace, MetricData=data[at : at + 20])
    queries = [
        {
            "Id": f"q{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": f"M{place % 4}",
                    "Dimensions": [{"Name": "Host", "Value": f"h{place // 4 % 2}"}],
                },
                "Period": period,
                "Stat": stat,
            },
        }
        for place, (stat, period, _) in enumerate(itertools.product(STATISTICS, (60, 300), range(8)))
    ]
    asked = {"MetricDataQueries": queries, "StartTime": start, "EndTime": start + 7200, "ScanBy": "TimestampAscending"}
    answers = [client.get_metric_data(**asked)["MetricDataResults"] for client in (mine, peer)]
    compared = 0
    for own, other in zip(*answers, strict=True):
        lines = [dict(zip(one["Timestamps"], one["Values"], strict=True)) for one in (own, other)]
        assert lines[0] == pytest.approx(lines[1], rel=1e-9), own["Id"]
        compared += len(lines[0])
    assert compared > 2000


def test_states_of_alarms(peer: Any, ours: Lab) -> None:
    """One datapoint each: whether it breaches, for every statistic and comparison."""
    mine, dice = ours.client("cloudwatch"), random.Random(5)
    names: list[str] = []
    for place in range(80):
        values = [float(dice.randrange(1, 6)) for _ in range(dice.randrange(1, 7))]
        statistic = STATISTICS[place % len(STATISTICS)]
        member = "ExtendedStatistic" if statistic.startswith("p") else "Statistic"
        threshold = float(dice.randrange(1, 6))
        names.append(f"alarm{place:02d}")
        for client, now in ((mine, ours.clock.now), (peer, time.time())):
            client.put_metric_data(
                Namespace="Alarms", MetricData=[{"MetricName": names[-1], "Values": values, "Timestamp": now}]
            )
            client.put_metric_alarm(
                AlarmName=names[-1],
                Namespace="Alarms",
                MetricName=names[-1],
                Period=60,
                EvaluationPeriods=1,
                Threshold=threshold,
                ComparisonOperator=COMPARISONS[place % 4],
                **{member: statistic},
            )
    for _ in range(12):
        ours.clock.tick(10)
        found = [client.describe_alarms(MaxRecords=100)["MetricAlarms"] for client in (mine, peer)]
        if all(one["StateValue"] != "INSUFFICIENT_DATA" for one in found[0]):
            break
    states = [{one["AlarmName"]: one["StateValue"] for one in side if one["AlarmName"] in names} for side in found]
    assert states[0] == states[1] and len(states[0]) == 80
    assert set(states[0].values()) == {"OK", "ALARM"}


def test_history_of_states_that_are_set(peer: Any, ours: Lab) -> None:
    mine, dice = ours.client("cloudwatch"), random.Random(9)
    for client in (mine, peer):
        client.put_metric_alarm(
            AlarmName="told",
            Namespace="Silent",
            MetricName="Nothing",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
    for place in range(12):
        state = dice.choice(["OK", "ALARM", "INSUFFICIENT_DATA"])
        for client in (mine, peer):
            client.set_alarm_state(AlarmName="told", StateValue=state, StateReason=f"reason {place}")
        ours.clock.tick(1)

    def told(client: Any, **ask: Any) -> list[tuple[str, str, str, str, str]]:
        pages = client.get_paginator("describe_alarm_history").paginate(
            AlarmName="told", HistoryItemType="StateUpdate", PaginationConfig={"PageSize": 5}, **ask
        )
        items = [item for cut in pages for item in cut["AlarmHistoryItems"]]
        found = []
        for item in items:
            data = json.loads(item["HistoryData"])
            new, old = data["newState"], data["oldState"]
            states = old["stateValue"], new["stateValue"]
            if states[0] != states[1]:
                found.append((item["AlarmType"], item["HistorySummary"], *states, new["stateReason"]))
        return found

    assert told(mine, ScanBy="TimestampAscending") == told(peer, ScanBy="TimestampAscending")
    assert len(told(mine)) > 5


def test_composite_alarms(peer: Any, ours: Lab) -> None:
    mine = ours.client("cloudwatch")
    children = ["a", "b", "c-1"]
    rules = [
        "ALARM(a)",
        "NOT ALARM(a)",
        'ALARM("a") AND OK(b)',
        "ALARM(a) OR ALARM(b) AND OK(c-1)",
        "(ALARM(a) OR ALARM(b)) AND NOT OK(c-1)",
        "INSUFFICIENT_DATA(a) OR (TRUE AND NOT (FALSE OR OK(b)))",
        "NOT (OK(a) AND OK(b)) AND NOT INSUFFICIENT_DATA(c-1)",
    ]
    for client in (mine, peer):
        for name in children:
            client.put_metric_alarm(
                AlarmName=name,
                Namespace="Silent",
                MetricName="Nothing",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1.0,
                ComparisonOperator="GreaterThanThreshold",
            )
        for place, rule in enumerate(rules):
            client.put_composite_alarm(AlarmName=f"rule{place}", AlarmRule=rule)
    dice = random.Random(3)
    for _ in range(25):
        child, state = dice.choice(children), dice.choice(["OK", "ALARM", "INSUFFICIENT_DATA"])
        seen = []
        for client in (mine, peer):
            client.set_alarm_state(AlarmName=child, StateValue=state, StateReason="x")
            found = client.describe_alarms(AlarmTypes=["CompositeAlarm"], AlarmNamePrefix="rule")["CompositeAlarms"]
            seen.append({one["AlarmName"]: one["StateValue"] for one in found})
        assert seen[0] == seen[1]
