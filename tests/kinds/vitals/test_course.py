"""Courses from CloudWatch's points and from the ledger's minutes, and both together: gaps stay gaps."""

from __future__ import annotations

import msgspec

from console.clock import MINUTE, Millis
from console.kinds.vitals import queries
from console.kinds.vitals.course import (
    INSTANCES,
    Course,
    counted,
    from_json,
    from_minutes,
    from_points,
    placed,
    sampled,
    together,
)
from console.kinds.vitals.measures import MEASURES, OVERVIEW, drawn, fields_of, sheaves
from console.kinds.vitals.queries import plain_shape
from console.kinds.vitals.record import Shape, Signs, VariantShape, Vitals
from console.kinds.vitals.spans import Window

START: Millis = 1_795_489_200_000
WINDOW = Window(START, START + 5 * MINUTE, 60)


def course(metric: str, *values: float | None, config: str = "", start: Millis = START, period_s: int = 60) -> Course:
    return Course("v", config, "", metric, start, period_s, values)


def test_points_land_on_the_grid_and_what_did_not_come_is_a_gap() -> None:
    asked = queries.of_endpoint("e", plain_shape("c", [("v", False)]), everything=False)
    place = {one.metric.field: n for n, one in enumerate(asked)}
    points = {
        place["invocations"]: {START: 60.0, START + 3 * MINUTE: 30.0, START - MINUTE: 9.0, START + 9 * MINUTE: 1.0}
    }
    found = {one.metric: one for one in from_points(asked, points, WINDOW)}
    assert found["invocations"].values == (60.0, None, None, 30.0, None)
    assert found["errors_5xx"].empty, "asked for, and nothing came: that is told, not 0"


def test_of_two_spellings_the_one_with_data_counts() -> None:
    shape = Shape("c", (VariantShape("v", "async"),))
    asked = queries.of_endpoint("e", shape, everything=False)
    both = [n for n, one in enumerate(asked) if one.metric.field == "invocations"]
    assert len(both) == 2
    found = from_points(asked, {both[1]: {START: 4.0}}, WINDOW)
    assert [one.values[0] for one in found if one.metric == "invocations"] == [4.0]


def test_minutes_of_the_ledger_are_of_no_use_for_longer_periods() -> None:
    minutes = [(START, Vitals((Signs("v", invocations=5.0), Signs("v", "v8", invocations=1.0))))]
    found = {one.key: one.values for one in from_minutes(minutes, WINDOW)}
    assert found == {
        ("v", "", "", "invocations"): (5.0, None, None, None, None),
        ("v", "v8", "", "invocations"): (1.0, None, None, None, None),
    }
    assert from_minutes(minutes, Window(START, START + 5 * 300_000, 300)) == []


def test_what_was_filling_up_gives_way_to_what_was_read_later() -> None:
    asked = [course("invocations", 10.0, 10.0, 10.0, 3.0, None)]
    kept = [course("invocations", 99.0, None, 10.0, 12.0, 4.0), course("failures", None, 1.0, None, None, None)]
    both = {one.metric: one.values for one in together(asked, kept, WINDOW, START + 5 * MINUTE)}
    assert both["invocations"] == (10.0, 10.0, 10.0, 12.0, 4.0), "what had settled when it was asked for stays"
    assert both["failures"] == (None, 1.0, None, None, None)


def test_an_earlier_answer_is_shifted_into_a_later_window_and_one_of_another_period_is_not() -> None:
    later = Window(START + 2 * MINUTE, START + 7 * MINUTE, 60)
    assert placed(course("invocations", 1.0, 2.0, 3.0, 4.0, 5.0), later) == (3.0, 4.0, 5.0, None, None)
    assert placed(course("invocations", 1.0, period_s=300), later) == (None,) * 5


def test_json_and_back() -> None:
    one = course("latency_p99_ms", 1.5, None, 240.0, config="v8")
    told = msgspec.json.decode(msgspec.json.encode(one.to_json()))
    assert told["unit"] == "ms" and told["values"] == [1.5, None, 240.0] and told["component"] is None
    assert from_json(told, START) == one


# Measures.


def test_a_share_is_of_sums_and_has_its_n() -> None:
    known = {
        one.key: one
        for one in (course("errors_5xx", 3.0, 0.0, 1.0, None), course("invocations", 60.0, 60.0, 0.0, 50.0))
    }
    line = drawn(next(m for m in MEASURES if m.id == "5xx"), known, ("v", "", ""))
    assert line is not None
    assert line.values == (5.0, 0.0, None, None), "of no request there is no share; of no data there is none"
    assert line.n == (60.0, 60.0, 0.0, 50.0)


def test_rates_are_of_the_period() -> None:
    measures = {m.id: m for m in MEASURES}
    known = {
        one.key: one
        for one in (
            course("invocations", 3000.0, period_s=300),
            course("invocations_per_instance", 3000.0, period_s=300),
            course("cache_hit_ratio", 0.8, period_s=300),
        )
    }
    values = {id: drawn(measures[id], known, ("v", "", "")) for id in ("requests", "per_instance", "hits")}
    assert {id: line.values for id, line in values.items() if line} == {
        "requests": (10.0,), "per_instance": (600.0,), "hits": (80.0,)
    }  # fmt: skip


def test_one_variants_latency_is_one_plot_and_several_have_one_for_each_percentile() -> None:
    metrics = ("latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "overhead_avg_ms")
    alone = [course(metric, 1.0) for metric in metrics]
    assert [(s.title, len(s.lines)) for s in sheaves(alone, [("v", "", "")])] == [("model latency", 3), ("overhead", 1)]
    fleets = [course(metric, 1.0, config=config) for config in ("v7", "v8") for metric in metrics[:3]]
    both = sheaves([*alone, *fleets], [("v", "v7", ""), ("v", "v8", "")])
    told = [(s.title, [line.who[1] for line in s.lines]) for s in both]
    assert told == [
        ("model p99", ["v7", "v8"]), ("overhead", [""]), ("model p90", ["v7", "v8"]), ("model p50", ["v7", "v8"])
    ], "what fleets have no metric of is told of the whole variant"  # fmt: skip


def test_words_of_metric() -> None:
    assert fields_of("latency_p99_ms") == {"latency_p99_ms"}
    assert fields_of("5xx") == {"errors_5xx", "invocations"}
    assert fields_of("queue") == {"backlog", "backlog_per_instance", "oldest_request_s", "stranded"}
    assert fields_of("nonsense") == frozenset() and len(fields_of(OVERVIEW)) > 20


def test_instances_are_as_observed_and_by_their_samples_where_nobody_watched() -> None:
    seen = [course(INSTANCES, None, None, None, 8.0, 8.0)]
    told = sampled([course(INSTANCES, 4.0, None, 7.0, 8.0, 3.0)], WINDOW)
    (one,) = counted(seen, told, WINDOW)
    assert one.values == (4.0, None, 7.0, 8.0, 8.0)
    often = sampled([course(INSTANCES, 48.0, 48.0, 48.0, 48.0, 48.0)], WINDOW)
    assert counted(seen, often, WINDOW)[0].values == seen[0].values, "six samples a minute from each are no count"
    hours = Window(START - START % 3_600_000, START - START % 3_600_000 + 7_200_000, 3600)
    long = [course(INSTANCES, 240.0, 481.0, start=hours.start, period_s=3600)]
    assert counted([], sampled(long, hours), hours)[0].values == (4.0, 8.0)
