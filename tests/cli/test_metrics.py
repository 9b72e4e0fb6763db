"""`lastgood metrics` on a served world: the numbers of GetMetricData, what they cost, and what the ledger has."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from console.clock import MINUTE, SECOND, iso, to_ms
from console.kinds.vitals.cost import ASKED
from tests.cli.lab import Lab, lab


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A world in which nothing moves by itself."""
    with lab(tmp_path_factory.mktemp("still")) as opened:
        assert opened.run("get", "endpoints").code == 0
        yield opened


def courses(told: Any) -> dict[tuple[str | None, str | None, str | None, str], list[float | None]]:
    return {(c["variant"], c["config"], c["component"], c["metric"]): c["values"] for c in told["items"]}


def boto(env: dict[str, str], told: Any, metric: str, stat: str, variant: str, namespace: str = "AWS/SageMaker",
         **more: str) -> dict[int, float]:  # fmt: skip
    """By milliseconds, as boto3 tells them for the same time and period."""
    dimensions = {"EndpointName": told["endpoint"], "VariantName": variant} | more
    client = boto3.client(
        "cloudwatch", endpoint_url=env["AWS_ENDPOINT_URL"], region_name="eu-central-1",
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    answer = client.get_metric_data(
        StartTime=dt.datetime.fromisoformat(told["start"]),
        EndTime=dt.datetime.fromisoformat(told["end"]),
        MetricDataQueries=[
            {
                "Id": "a",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": metric,
                        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                    },
                    "Period": told["period_s"],
                    "Stat": stat,
                },
            }
        ],
    )
    (found,) = answer["MetricDataResults"]
    return {to_ms(at): value for at, value in zip(found["Timestamps"], found["Values"], strict=True)}


def by_time(told: Any, values: list[float | None]) -> dict[int, float]:
    start = to_ms(dt.datetime.fromisoformat(told["start"]))
    return {start + n * told["period_s"] * SECOND: v for n, v in enumerate(values) if v is not None}


@pytest.mark.parametrize(("since", "period_s"), [("3h", 60), ("7d", 900), ("30d", 3600)])
def test_the_values_are_those_of_get_metric_data(still: Lab, since: str, period_s: int) -> None:
    at = iso((int(dt.datetime.now(dt.UTC).timestamp()) - 600) * SECOND)  # all of it has arrived
    told = still.run("metrics", "endpoint", "delay-risk", "--since", since, "--at", at, "-o", "json").json
    assert told["kind"] == "metrics" and told["period_s"] == period_s and told["sources"]["metrics"]["ok"]
    found = courses(told)
    name = "AllTraffic"
    for field, metric, stat, by in (
        ("invocations", "Invocations", "Sum", 1.0),
        ("errors_5xx", "Invocation5XXErrors", "Sum", 1.0),
        ("latency_p99_ms", "ModelLatency", "p99", 1000.0),
        ("latency_p50_ms", "ModelLatency", "p50", 1000.0),
        ("overhead_avg_ms", "OverheadLatency", "Average", 1000.0),
    ):
        truth = boto(still.env, told, metric, stat, name)
        assert truth and by_time(told, found[name, None, None, field]) == pytest.approx(
            {at: value / by for at, value in truth.items()}, abs=1e-5
        ), field
    cpu = boto(still.env, told, "CPUUtilization", "Average", name, "/aws/sagemaker/Endpoints")
    mine = by_time(told, found[name, None, None, "cpu_percent"])
    assert mine == pytest.approx({at: value / 4 for at, value in cpu.items()}, abs=1e-5), "ml.c6i.xlarge has 4 vCPUs"
    samples = boto(still.env, told, "CPUUtilization", "SampleCount", name, "/aws/sagemaker/Endpoints")
    counts = by_time(told, found[name, None, None, "instances"])
    assert counts == {at: round(value * 60 / period_s) for at, value in samples.items()}, "before anybody watched"


def test_each_flavour_has_what_exists_for_it(still: Lab) -> None:
    def metrics(name: str) -> set[str]:
        told = still.run("metrics", "endpoint", name, "--since", "30m", "-o", "json").json
        return {key[3] for key in courses(told)}

    queue, serverless = metrics("doc-extract"), metrics("lead-value")
    assert queue >= {"backlog", "oldest_request_s", "failures"} and "overhead_avg_ms" not in queue
    assert "setup_ms" in serverless and not serverless & {"cpu_percent", "invocations_per_instance", "instances"}
    assert "cache_hit_ratio" in metrics("demand-cast") and "gpu_percent" in metrics("search-rank")
    parts = still.run("metrics", "endpoint", "churn-scorer", "--since", "30m", "-o", "json").json
    assert {key[2] for key in courses(parts)} == {None, "churn-scorer-b2b", "churn-scorer-b2c"}


def test_a_variant_and_a_metric_alone_cost_less(still: Lab) -> None:
    whole = still.run("metrics", "endpoint", "fraud-online", "--since", "1h", "-o", "json").json
    variants = {c["variant"] for c in whole["items"]}
    assert len(variants) == 2
    one = sorted(variants)[0]
    few = still.run("metrics", "endpoint", "fraud-online", "--since", "1h", "--variant", one,
                    "--metric", "5xx", "--metric", "latency_p99_ms", "-o", "json").json  # fmt: skip
    assert {(c["variant"], c["metric"]) for c in few["items"]} == {
        (one, metric) for metric in ("invocations", "errors_5xx", "latency_p99_ms")
    }
    assert few["cost"]["metrics"] == 3 < whole["cost"]["metrics"]


def test_what_it_costs_is_counted_and_said(still: Lab) -> None:
    done = still.run("metrics", "endpoint", "delay-risk", "--since", "1h", "-o", "csv")
    assert "asked for" in done.err and "in the last hour, $" in done.err and "of $1.00" in done.err
    assert still.ledger().coverage.recall(still.scope, ASKED)
    told = still.run("metrics", "endpoint", "delay-risk", "--since", "1h", "-o", "json").json["cost"]
    assert told["dollars"] == pytest.approx(told["metrics"] * 0.00001)
    assert told["metrics_last_hour"] >= 2 * told["metrics"] and told["dollars_per_hour_at_most"] == 1.0
    info = still.run("info").out
    assert f"{told['metrics_last_hour']:,} metrics in the last hour" in info, "it is one sum for all who ask"


@pytest.mark.parametrize(
    ("dollars", "said"),
    [("0.0001", "more than the budget has room for"), ("0", "no metrics are read: metrics_dollars_per_hour is 0")],
)
def test_beyond_the_budget_the_ledger_is_served(still: Lab, dollars: str, said: str) -> None:
    calls, listed = still.world.calls["GetMetricData"], still.world.calls["DescribeEndpointConfig"]
    done = still.run("metrics", "endpoint", "delay-risk", "--since", "1h", "--at", "1m", "-o", "json",
                     env={"LASTGOOD_METRICS_DOLLARS_PER_HOUR": dollars})  # fmt: skip
    assert done.code == 0 and said in done.err
    assert done.json["cost"]["metrics"] == 0 and still.world.calls["GetMetricData"] == calls
    assert dollars != "0" or still.world.calls["DescribeEndpointConfig"] == listed
    assert any(value is not None for value in courses(done.json)["AllTraffic", None, None, "invocations"])


def test_csv_has_a_line_for_each_value_and_none_for_gaps(still: Lab) -> None:
    done = still.run("metrics", "endpoint", "delay-risk", "--since", "30m", "--metric", "traffic", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows[0].keys() == {"at", "variant", "config", "component", "metric", "unit", "period_s", "value"}
    assert {row["metric"] for row in rows} == {"invocations"} and {row["unit"] for row in rows} == {"count per period"}
    assert 25 <= len(rows) <= 30 and all(float(row["value"]) > 0 for row in rows[:-2])
    times = [to_ms(dt.datetime.fromisoformat(row["at"])) for row in rows]
    assert times == sorted(times) and all(at % MINUTE == 0 for at in times)


def test_the_table_is_for_people(still: Lab) -> None:
    done = still.run("metrics", "endpoint", "fraud-online", "--since", "15m", "--metric", "errors,traffic")
    lines = done.out.splitlines()
    assert lines[0].startswith("fraud-online: 15 m to ") and lines[0].endswith("by 1 m")
    assert sum(line.startswith("variant ") for line in lines) == 2
    heading = next(line for line in lines if line.startswith("   AT") or "5XX %" in line)
    assert "5XX %" in heading and "4XX %" in heading and "MODEL P99" not in done.out
    assert "the last 3 minutes are still filling up" in done.err


def test_a_terminal_gets_what_fits_and_is_told_of_the_rest(still: Lab) -> None:
    done = still.run("metrics", "endpoint", "delay-risk", "--since", "15m", tty=True, env={"COLUMNS": "80"})
    assert max(map(len, done.out.splitlines())) <= 80 and "more measures: -o csv" in done.out


def test_when_cloudwatch_is_dead_the_ledger_is_served_and_it_is_said(still: Lab) -> None:
    still.world.faults.add(operation="GetMetricData", code="InternalServiceFault", status=500)
    try:
        done = still.run("metrics", "endpoint", "delay-risk", "--since", "1h", "--at", "1m", "-o", "json")
        assert done.code == 0 and "metrics: " in done.err and "what the ledger has" in done.err
        assert not done.json["sources"]["metrics"]["ok"]
        assert any(value is not None for value in courses(done.json)["AllTraffic", None, None, "invocations"])
        older = still.run("metrics", "endpoint", "delay-risk", "--since", "1d", "--at", "1m", "-o", "json")
        assert older.code == 1 and older.out == "" and older.err.startswith("lastgood: ")
    finally:
        still.world.faults.clear()


def test_cached_calls_nothing(still: Lab) -> None:
    calls = still.world.calls.total()
    done = still.run("metrics", "endpoint", "delay-risk", "--since", "1h", "--cached", "-o", "json")
    assert still.world.calls.total() == calls and done.json["cost"]["metrics"] == 0
    assert "invocations" in {key[3] for key in courses(done.json)}


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["endpoint", "nobody", "--at", "1m"], 3, "no endpoint nobody"),
        (["pipeline", "delay-risk-train"], 2, "pipelines have no metrics here"),
        (["endpoint", "delay-risk", "--metric", "speed", "--at", "1m"], 2, "no metric speed"),
        (["endpoint", "delay-risk", "--variant", "left", "--at", "1m"], 3, "has no variant left"),
        (["endpoint", "delay-risk", "--since", "500d"], 2, "455 days"),
        (["endpoint", "delay-risk", "--at", "1970-01-01T00:00Z"], 2, "455 days"),
        (["endpoint", "delay-risk", "--since", "10s"], 2, "by the minute"),
        (["endpoint", "delay-risk", "--since", "long"], 2, "is no duration"),
        (["endpoint", "delay-risk", "-o", "yaml"], 2, "-o yaml"),
        (["endpoint", ""], 2, "empty name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line(still: Lab, argv: list[str], code: int, words: str) -> None:
    done = still.run("metrics", *argv)
    assert (done.code, done.out) == (code, "") and words in done.err
    assert done.err.strip().count("\n") == 0 and done.err.startswith("lastgood: ")
