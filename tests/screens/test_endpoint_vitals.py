"""The last hour on the endpoint's own screen and in `describe`: bars, what it was, fleets side by side."""

from __future__ import annotations

from typing import Any

import msgspec

from console.clock import HOUR, MINUTE
from console.fleet.marks import Mark
from console.fleet.vitals import fleet_rows, vital_rows
from console.kinds.base import Sign, Verdict
from console.kinds.endpoint.advice import Advice
from console.kinds.endpoint.record import Endpoint, Variant
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.course import Course
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.record import Pulse, Signs, Was
from screens.endpoint_text import EndpointContent, endpoint_lines
from screens.endpoint_vitals import BARS, hour_before, vital_lines
from tests.screens.records import BAKING, NOW, endpoint, endpoint_view, seen

END = NOW - 2 * MINUTE
WINDOW = hour_before(END)
DEPLOY = Mark(END - 15 * MINUTE, "◐", Sign.MOVING, "deploy v8 by ci", True)
V7 = Signs("AllTraffic", "risk-v7", "", 5, invocations=39_000.0, errors_5xx=8.0, latency_p99_ms=110.0)
V8 = Signs("AllTraffic", "risk-v8", "", 5, invocations=1_440.0, errors_5xx=42.0, latency_p99_ms=240.0)
WHOLE = Signs("AllTraffic", "", "", 5, invocations=40_440.0, errors_5xx=50.0, latency_p99_ms=112.0)
WAS = Was("AllTraffic", 7, invocations_per_min=7_200.0, error_rate=0.0002, latency_p99_ms=108.0)


def course(
    metric: str, value: float | None, *, config: str = "", first: int = 0, variant: str = "AllTraffic"
) -> Course:
    values = tuple(None if n < first else value for n in range(60))
    return Course(variant, config, "", metric, WINDOW.start, 60, values)


def with_pulse(e: Endpoint, *signs: Signs, **more: Any) -> EndpointView:
    fields: dict[str, Any] = {
        "at": END, "read_at": NOW, "stale_at": NOW + MINUTE,
        "variants": tuple(one for one in signs if not one.config),
        "fleets": tuple(one for one in signs if one.config), "was": (WAS,),
    }  # fmt: skip
    pulse = Pulse(**(fields | more))
    return msgspec.structs.replace(endpoint_view(e), vitals=msgspec.json.encode(pulse))


CALM = [course("invocations", 8000.0), course("errors_5xx", 2.0), course("latency_p99_ms", 112.0)]
CANARY = [
    *CALM,
    *[course(m, v, config="risk-v8", first=48) for m, v in (("invocations", 290.0), ("errors_5xx", 8.4),
                                                            ("latency_p99_ms", 240.0))],
]  # fmt: skip


def test_in_calm_each_number_stands_beside_what_it_was() -> None:
    text = seen(vital_lines(with_pulse(endpoint(), WHOLE), CALM, (), 80, NOW))
    lines = text.split("\n")
    assert [line.split()[0] for line in lines[:3]] == ["5XX", "P99", "REQ/S"], "what hurts users first"
    assert "0.12 (50 of 40,440)" in lines[0] and "was 0.02" in lines[0] and "0 – 0.1" in lines[0]
    assert "112" in lines[1] and "was 108" in lines[1] and "134.8" in lines[2] and "was 120" in lines[2]
    assert "to 03:10Z" in lines[3] and "◐" not in text and all(len(line) <= 80 for line in lines)


def test_in_a_deployment_the_fleets_stand_side_by_side() -> None:
    view = with_pulse(endpoint(BAKING), WHOLE, V7, V8)
    text = seen(vital_lines(view, CANARY, (DEPLOY,), 80, NOW))
    errors, p99, requests, axis = text.split("\n")
    assert "risk-v8 2.92 (42 of 1,440)" in errors and "risk-v7 0.021 (8 of 39k)" in errors, "what is short of room"
    assert errors.index("risk-v8") < errors.index("risk-v7"), "what comes in first"
    assert "risk-v8 240" in p99 and "risk-v7 110" in p99 and "risk-v8 4.8" in requests and "risk-v7 130" in requests
    bars = next(word for word in errors.split() if word[0] in BARS)
    assert set(bars[: len(bars) * 3 // 4]) == {"▁"} and bars[-1] not in "▁▂▃", "where the fleet comes in it is about it"
    assert axis[errors.index(bars) + len(bars) * 3 // 4] == "◐" and "◐ 02:55Z deploy v8 by ci" in axis
    wide = seen(vital_lines(view, CANARY, (DEPLOY,), 120, NOW), 120)
    assert "risk-v7 0.021 (8 of 39,000)" in wide
    assert len(max((word for word in wide.split() if word[0] in BARS), key=len)) == 30


def test_a_gap_is_no_bar() -> None:
    silent = [course("invocations", 8000.0, first=30), course("latency_p99_ms", None)]
    text = seen(vital_lines(with_pulse(endpoint(), WHOLE), silent, (), 80, NOW))
    requests = next(line for line in text.split("\n") if line.startswith(" REQ/S"))
    assert "··········" in requests and any(bar in requests for bar in BARS)


def test_two_variants_are_summed_in_the_bars_and_told_apart_in_the_numbers() -> None:
    e = msgspec.structs.replace(endpoint(), variants=(Variant("champion", 0.9), Variant("challenger", 0.1)))
    signs = [Signs(v.name, "", "", 5, invocations=3000.0, errors_5xx=3.0, latency_p99_ms=50.0) for v in e.variants]
    courses = [c for v in e.variants for c in (course("invocations", 600.0, variant=v.name),)]
    text = seen(vital_lines(with_pulse(e, *signs, was=()), courses, (), 100, NOW), 100)
    assert "champion 0.1 (3 of 3,000)" in text and "challenger 0.1 (3 of 3,000)" in text
    assert "0 – 20" in text, "600 requests a minute of each are 20 a second"


def test_numbers_of_the_past_are_no_numbers() -> None:
    assert vital_lines(endpoint_view(endpoint()), CALM, (), 80, NOW) == []
    assert vital_lines(with_pulse(endpoint(), WHOLE, stale_at=NOW), CALM, (), 80, NOW) == []
    assert vital_lines(with_pulse(endpoint()), CALM, (), 80, NOW) == []


def test_it_is_part_of_the_endpoints_screen() -> None:
    content = EndpointContent(with_pulse(endpoint(BAKING), WHOLE, V7, V8), courses=tuple(CANARY), marks=(DEPLOY,))
    text = seen(endpoint_lines(content, 80, 30, NOW))
    assert text.index("5XX %") < text.index("FLEET")
    assert content == EndpointContent(content.view, courses=tuple(CANARY), marks=(DEPLOY,)), "equal is not drawn again"


def test_describe_tells_the_fleets_one_below_the_other() -> None:
    view = with_pulse(endpoint(BAKING), WHOLE, V7, V8)
    assert list(fleet_rows(view)) == [
        ("risk-v8", "4.8 requests/s (4 %)", "5XX 2.92 % (42 of 1,440)", "p99 240 ms"),
        ("risk-v7", "130 requests/s (96 %)", "5XX 0.02 % (8 of 39,000)", "p99 110 ms"),
    ]
    assert not any("risk-v7" in cell for row in vital_rows(view, NOW) for cell in row), "and not twice"
    assert list(fleet_rows(with_pulse(endpoint(), WHOLE))) == []
    silent = Signs("AllTraffic", "risk-v8", "", 5)
    assert ("risk-v8", "no request", "", "") in list(fleet_rows(with_pulse(endpoint(BAKING), WHOLE, silent, V7)))


def test_the_hour_is_whole_minutes() -> None:
    assert (WINDOW.end - WINDOW.start, WINDOW.periods) == (HOUR, 60)


def test_a_number_that_is_not_there_says_why() -> None:
    fresh = msgspec.structs.replace(V8, latency_p99_ms=None)
    view = with_pulse(endpoint(BAKING), WHOLE, V7, fresh)
    _, p99, *_ = seen(vital_lines(view, CANARY, (DEPLOY,), 80, NOW)).split("\n")
    assert "risk-v8 – no data" in p99 and "risk-v7 110" in p99
    assert [row[-1] for row in fleet_rows(view)] == ["p99: no data yet", "p99 110 ms"]
    silent = with_pulse(endpoint(), WHOLE, Signs("challenger", "", "", 5, invocations=0.0, errors_5xx=0.0))
    errors, p99, *_ = seen(vital_lines(silent, CALM, (), 80, NOW)).split("\n")
    assert "challenger – idle" in errors and "challenger – idle" in p99


def test_what_is_wrong_comes_before_what_is_drawn_in_calm() -> None:
    numbers = {"errors_4xx": 12_000.0, "n": 40_440.0}
    refused = Finding(Sign.WARNING, "callers: 30 % refused as 4XX", (), numbers, about="callers", variant="AllTraffic")
    signs = msgspec.structs.replace(WHOLE, errors_4xx=12_000.0)
    was = msgspec.structs.replace(WAS, error_4xx_rate=0.0014)
    view = msgspec.structs.replace(with_pulse(endpoint(), signs, was=(was,)), found=(refused,))
    callers = course("errors_4xx", 2400.0, first=40)
    lines = seen(vital_lines(view, [*CALM, callers], (), 80, NOW)).split("\n")
    assert [line.split()[0] for line in lines[:4]] == ["4XX", "5XX", "P99", "REQ/S"]
    assert "29.7 (12,000 of 40,440)" in lines[0] and "was 0.14" in lines[0] and "▁" not in lines[0]
    told = EndpointContent(view, advice=Advice(began=NOW - HOUR), courses=tuple(CALM))
    told = told._replace(view=msgspec.structs.replace(view, verdict=Verdict(Sign.WARNING, refused.words)))
    assert "since 02:12Z" in seen(endpoint_lines(told, 80, 30, NOW))
