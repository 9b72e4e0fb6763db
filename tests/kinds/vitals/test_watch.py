"""Vital signs as read from the embedded world: the same numbers as boto3's, at what price, and when it dies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import boto3
import msgspec
import pytest

from console.clock import HOUR, MINUTE
from console.collector.collector import Collector
from console.kinds.base import Sign
from console.kinds.endpoint.table import COLUMNS
from console.kinds.registry import KINDS
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.cost import MEMO, Cost, recalled
from console.kinds.vitals.metric_data import DOLLARS
from console.kinds.vitals.record import SPAN, Vitals
from console.world.traffic.behaviour import Behaviour, Behaviours
from tests.kinds.conftest import SCOPE, Bench

CELLS = {column.id: column.cell for column in COLUMNS}
NUMBERS = ("requests", "errors", "p99", "was")


@pytest.fixture
def made(bench: Callable[..., Bench]) -> Bench:
    one = bench(fleet=12)
    one.clock.s += 20 - one.clock.s % 60
    assert one.look()[1] == []
    return one


def measured(one: Bench, endpoint: str, variant: str, metric: str, stat: str, namespace: str = "AWS/SageMaker") -> Any:
    """The whole minutes of the window, oldest first, as boto3 tells them."""
    client = boto3.client("cloudwatch")
    end = (one.now - PROVISIONAL) // MINUTE * MINUTE
    answer = client.get_metric_data(
        StartTime=dt.datetime.fromtimestamp((end - SPAN * MINUTE) / 1000, dt.UTC),
        EndTime=dt.datetime.fromtimestamp(end / 1000, dt.UTC),
        ScanBy="TimestampAscending",
        MetricDataQueries=[
            {
                "Id": "a",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": metric,
                        "Dimensions": [
                            {"Name": "EndpointName", "Value": endpoint},
                            {"Name": "VariantName", "Value": variant},
                        ],
                    },
                    "Period": 60,
                    "Stat": stat,
                },
            }
        ],
    )
    return answer["MetricDataResults"][0]["Values"]


def vitals(one: Bench, name: str, variant: str = "AllTraffic") -> dict[str, Any]:
    told = one.view("endpoint", name).to_json()["variants"]
    return next(v["vitals"] for v in told if v["name"] == variant)


def cost(one: Bench) -> Cost:
    return recalled(one.ledger.coverage.recall(SCOPE, MEMO), 1.0)


def test_the_numbers_are_those_of_get_metric_data(made: Bench) -> None:
    made.want("endpoint", "delay-risk")
    assert made.look("metrics")[1] == []
    found = vitals(made, "delay-risk")
    requests = measured(made, "delay-risk", "AllTraffic", "Invocations", "Sum")
    errors = measured(made, "delay-risk", "AllTraffic", "Invocation5XXErrors", "Sum")
    p99 = measured(made, "delay-risk", "AllTraffic", "ModelLatency", "p99")
    cpu = measured(made, "delay-risk", "AllTraffic", "CPUUtilization", "Average", "/aws/sagemaker/Endpoints")
    assert len(requests) == len(p99) == SPAN
    assert found["invocations_per_min"] == pytest.approx(sum(requests) / SPAN)
    assert found["error_rate"] == pytest.approx(sum(errors) / sum(requests), abs=1e-6)
    assert found["latency_p99_ms"] == pytest.approx(sorted(p99)[SPAN // 2] / 1000, abs=1e-3)
    assert found["cpu_percent"] == pytest.approx(sum(cpu) / SPAN / 4, abs=1e-3), "ml.c6i.xlarge has 4 vCPUs"
    assert found.keys() >= {"latency_p50_ms", "overhead_avg_ms", "memory_percent", "invocations_per_instance"}
    view = made.view("endpoint", "delay-risk")
    assert CELLS["requests"](view, made.now).text == f"{sum(requests) / SPAN / 60:,.0f}"
    assert CELLS["p99"](view, made.now).text == f"{sorted(p99)[SPAN // 2] / 1000:.0f}"


def test_each_flavour_shows_what_exists_for_it(made: Bench) -> None:
    names = ("doc-extract", "lead-value", "demand-cast", "churn-scorer", "search-rank", "fraud-online")
    made.want("endpoint", *names)
    assert made.look("metrics")[1] == []
    queue = vitals(made, "doc-extract")
    assert queue.keys() >= {"backlog", "oldest_request_s", "gpu_percent"} and "overhead_avg_ms" not in queue
    serverless = vitals(made, "lead-value")
    assert not serverless.keys() & {"cpu_percent", "disk_percent", "invocations_per_instance"}
    assert "cache_hit_ratio" in vitals(made, "demand-cast")
    assert 0 < vitals(made, "search-rank")["gpu_percent"] <= 100
    variants = made.view("endpoint", "fraud-online").to_json()["variants"]
    assert all(v["vitals"]["invocations_per_min"] > 0 for v in variants) and len(variants) == 2
    parts = made.view("endpoint", "churn-scorer").to_json()["components"]
    assert {p["name"] for p in parts} == {"churn-scorer-b2b", "churn-scorer-b2c"}
    assert all(p["vitals"]["copies"] >= 1 and 0 < p["vitals"]["cpu_percent"] <= 100 for p in parts)
    assert not made.view("endpoint", "doc-extract").found


def test_a_bad_model_is_told_within_the_window_and_asked_in_full(made: Bench) -> None:
    behaviours = made.world.region().of(Behaviours)
    behaviours.set("bad", Behaviour("eta-minutes", errors=0.03))
    for _ in range(8):
        made.tick(60)
    made.look()
    assert made.look("metrics")[1] == []
    view = made.view("endpoint", "eta-minutes")
    assert view.sign is Sign.CRITICAL and view.found[0].about == "errors"
    assert "cpu_percent" not in vitals(made, "eta-minutes")
    made.tick(60)
    made.look("metrics")
    found = vitals(made, "eta-minutes")
    assert "cpu_percent" in found and found["error_rate"] == pytest.approx(0.03, rel=0.3)
    assert made.view("endpoint", "eta-minutes").pulse.was_of("AllTraffic").days == 7
    assert "was 0.0" in made.view("endpoint", "eta-minutes").verdict.words
    behaviours.end("bad")
    for _ in range(9):
        made.tick(60)
    made.look("metrics")
    assert made.view("endpoint", "eta-minutes").sign is Sign.OK


def test_what_dies_shows_nothing_within_two_sweeps_and_recovers(made: Bench) -> None:
    made.look("metrics")
    view = made.view("endpoint", "delay-risk")
    assert all(CELLS[name](view, made.now).text != "–" for name in NUMBERS[:3])
    made.world.faults.add(operation="GetMetricData", code="InternalServiceFault", status=500)
    for _ in range(2):
        made.tick(75)
        assert len(made.look("metrics")[1]) == 1
    assert [CELLS[name](view, made.now).text for name in NUMBERS] == ["–"] * 4, "also what is drawn already"
    assert [CELLS[name](made.view("endpoint", "delay-risk"), made.now).text for name in NUMBERS] == ["–"] * 4
    assert made.view("endpoint", "delay-risk").to_json()["variants"][0]["vitals"] is None
    assert made.ledger.coverage.states(SCOPE)["metrics"].error
    assert made.look()[1] == [], "the others go on"
    made.world.faults.clear()
    made.tick(60)
    assert made.look("metrics")[1] == []
    assert CELLS["requests"](made.view("endpoint", "delay-risk"), made.now).text != "–"


def test_minutes_missed_meanwhile_are_read_later(made: Bench) -> None:
    made.look("metrics")
    made.tick(20 * 60)
    made.look("metrics")
    kept = made.ledger.samples.window(SCOPE, "vitals", made.now - HOUR, names=["delay-risk"])
    minutes = [sample.at for sample in kept]
    assert minutes == list(range(minutes[0], minutes[-1] + 1, MINUTE)) and len(minutes) >= 45
    decode = msgspec.json.Decoder(Vitals).decode
    assert all(decode(sample.body).signs[0].invocations for sample in kept[:-2])


def test_the_fleet_costs_three_metrics_an_endpoint_and_few_calls(made: Bench) -> None:
    calls, _ = made.look("metrics")
    assert calls["GetMetricData"] == 1
    first = cost(made).per_hour(made.now)
    assert 30 <= first <= 70, "11 ordinary endpoints, a challenger, and a queue"
    read_at = made.view("endpoint", "delay-risk").pulse.read_at
    made.clock.s += 20
    made.look("metrics")
    assert made.view("endpoint", "delay-risk").pulse.read_at == read_at, "again within the minute: nothing is due"
    made.tick(60)
    made.want("endpoint", "delay-risk")
    made.look("metrics")
    assert cost(made).close == 1 and cost(made).endpoints == 12
    assert cost(made).left_out == ()


def test_what_shows_in_none_of_the_few_is_told_though_nobody_looks(made: Bench) -> None:
    """With a collector alone, for `lastgood check`: each endpoint has its turn for a wider look."""
    behaviours = made.world.region().of(Behaviours)
    behaviours.set("callers", Behaviour("review-toxic", bad_requests=0.3))
    behaviours.set("cold", Behaviour("demand-cast", cold_models=0.35))
    made.look("metrics")
    told: dict[str, int] = {}
    for minute in range(24):
        made.tick(60)
        assert made.look("metrics")[1] == []
        for name in ("review-toxic", "demand-cast"):
            if made.view("endpoint", name).found:
                told.setdefault(name, minute)
    assert len(told) == 2 and max(told.values()) < 23, told
    assert made.view("endpoint", "review-toxic").found[0].about == "callers"
    assert made.view("endpoint", "demand-cast").verdict.words.startswith("models thrash: ")
    assert "errors_4xx" not in vitals(made, "delay-risk"), "of some minutes only: no number"
    assert cost(made).per_hour(made.now) < 2_200, (
        "25 looks, 12 endpoints, two of them in full: a little more than three each"
    )


def test_the_budget_is_kept_and_what_is_left_out_is_said(bench: Callable[..., Bench]) -> None:
    made, tight = bench(fleet=5), 0.003  # 300 metrics an hour
    made.look()
    made.collector = Collector(made.ledger, made.cloud, SCOPE, KINDS, now=lambda: made.now, dollars_per_hour=tight)
    read = 0
    for _ in range(30):
        made.look("metrics")
        now = recalled(made.ledger.coverage.recall(SCOPE, MEMO), tight)
        assert now.dollars(made.now) <= tight + 1e-9
        read = max(read, now.per_hour(made.now))
        made.tick(121)
    assert read > 0.5 * tight / DOLLARS, "it is used, too"
    assert any("instead of every minute" in words for words in now.left_out)
    seen = {sample.name for sample in made.ledger.samples.window(SCOPE, "pulse", 0)}
    assert len(seen) == 5, "everybody's turn comes"
    made.collector = Collector(made.ledger, made.cloud, SCOPE, KINDS, now=lambda: made.now, dollars_per_hour=0.0)
    assert made.look("metrics")[0]["GetMetricData"] == 0
    assert "metrics_dollars_per_hour is 0" in cost(made).left_out[0]


def test_whom_the_budget_never_reaches_is_not_called_well(bench: Callable[..., Bench]) -> None:
    made = bench(fleet=5)
    made.look("endpoints")
    made.collector = Collector(made.ledger, made.cloud, SCOPE, KINDS, now=lambda: made.now, dollars_per_hour=0.0012)
    assert made.look("metrics")[1] == []
    read = {sample.name for sample in made.ledger.samples.window(SCOPE, "pulse", 0)}
    names = {fact.name for fact in made.ledger.heads(SCOPE, "endpoint")}
    said = {name: made.view("endpoint", name).verdict for name in names}
    assert read and {said[name].words for name in read} == {"ok"}
    assert {(said[name].sign, said[name].words) for name in names - read} == {(Sign.UNKNOWN, "not measured: budget")}


def test_rows_of_another_version_are_no_rows(made: Bench) -> None:
    made.look("metrics")
    bad = [sample._replace(body=b'{"other": 1}') for sample in made.ledger.samples.window(SCOPE, "pulse", 0)]
    made.ledger.samples.put(SCOPE, "pulse", bad)
    assert made.view("endpoint", "delay-risk").beat is None
    made.fresh_collector()
    assert made.look("metrics")[1] == []
    assert made.view("endpoint", "delay-risk").beat is not None


def test_the_past_is_told_from_the_minutes_that_are_kept(made: Bench) -> None:
    from console.kinds.endpoint.view import views
    from console.ledger.snapshot import Snapshot

    made.look("metrics")
    (then,) = views(made.snapshot, ["delay-risk"])
    at = made.now
    made.tick(600)
    made.look("metrics")
    (told,) = views(Snapshot(made.ledger, SCOPE, at, made.now), ["delay-risk"])
    assert told.pulse is not None and then.pulse is not None
    assert told.pulse.variants[0].invocations == pytest.approx(then.pulse.variants[0].invocations, rel=0.01)
    (before,) = views(Snapshot(made.ledger, SCOPE, at + 1, made.now + 5 * HOUR), ["delay-risk"])
    assert before.beat is None, "that long ago only CloudWatch knows"
