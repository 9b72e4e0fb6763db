"""The metrics of an endpoint as lines: which plots, whose lines, which values, at every size."""

from __future__ import annotations

import msgspec
import pytest

from console.clock import HOUR, MINUTE, Millis
from console.fleet.marks import Mark
from console.kinds.base import Sign
from console.kinds.vitals.course import Course
from console.kinds.vitals.spans import Window
from screens.blocks import Line, width_of
from screens.metrics_text import (
    COMPONENTS,
    FLEETS,
    VARIANTS,
    MetricsContent,
    Shown,
    groups,
    happened,
    metrics_lines,
    plots,
    splits,
    whose,
)
from screens.plot import Level

NOW: Millis = 1_795_489_920_000  # 2026-11-24T03:12:00Z
WINDOW = Window(NOW - HOUR, NOW, 60)
DEPLOY = Mark(NOW - 20 * MINUTE, "◐", Sign.MOVING, "deploy v8 by ci", True)


def course(metric: str, value: float | None, *, variant: str = "main", config: str = "", component: str = "",
           first: int = 0) -> Course:  # fmt: skip
    values = tuple(None if n < first else value for n in range(60))
    return Course(variant, config, component, metric, WINDOW.start, 60, values)


def variant(name: str = "main", **values: float | None) -> list[Course]:
    return [course(metric, value, variant=name) for metric, value in values.items()]


PLAIN = variant(
    invocations=1440.0, errors_5xx=3.0, errors_4xx=0.0, latency_p50_ms=40.0, latency_p90_ms=80.0, latency_p99_ms=110.0,
    overhead_avg_ms=4.0, cpu_percent=31.0, memory_percent=54.0, invocations_per_instance=240.0, instances=6.0,
)  # fmt: skip
CANARY = [
    *PLAIN,
    *[course(m, v, config="e-v7") for m, v in (("invocations", 1300.0), ("errors_5xx", 0.0),
                                               ("latency_p99_ms", 110.0))],
    *[course(m, v, config="e-v8", first=40) for m, v in (("invocations", 140.0), ("errors_5xx", 4.0),
                                                         ("latency_p99_ms", 240.0))],
]  # fmt: skip


def content(courses: list[Course], **more: object) -> MetricsContent:
    return MetricsContent("e", WINDOW, tuple(courses), **more)  # type: ignore[arg-type]


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line).rstrip() for line in lines)


def show(made: MetricsContent, width: int = 80, height: int = 19, **shown: object) -> str:
    lines = metrics_lines(made, Shown(**shown), width, height, NOW)  # type: ignore[arg-type]
    assert len(lines) == height
    assert all(width_of(line) <= max(width, 34) for line in lines)
    return text(lines)


def test_the_threshold_of_an_alarm_is_a_line_with_its_value() -> None:
    whole = ("main", "", "")
    made = content(PLAIN, thresholds={("5xx", whole): (Level(0.3, "alarm >", ink="warn"),)})
    assert "5XX  0.21 (3 of 1,440)  ─ alarm > 0.3" in show(made) and "0 – 0.3 %" in show(made)
    drawn = show(made, group="errors", height=8)
    assert sum("────────" in line for line in drawn.splitlines()) == 1
    latency = content(PLAIN, thresholds={("p99", whole): (Level(130.0, "alarm >", ink="warn"),)})
    assert "─ p99 alarm > 130" in show(latency, group="latency")


def test_a_threshold_far_away_is_told_and_does_not_press_the_curve_flat() -> None:
    whole = ("main", "", "")
    made = content(PLAIN, thresholds={("5xx", whole): (Level(5.0, "alarm >", ink="warn"),)})
    first = show(made)
    assert "alarm > 5, above this scale" in first and "0 – 0.25 %" in first
    assert not any("────────" in line for line in show(made, group="errors", height=8).splitlines())
    both = content(PLAIN, thresholds={("p99", whole): (Level(250.0, "alarm >", ink="warn"),)})
    assert "p99 alarm > 250, above this scale" in show(both, 100, group="latency")
    assert "o p50 40  alarm > 250 ↑" in show(both, group="latency"), "where there is less room"
    tall = msgspec.structs.replace(PLAIN[5], values=(3_900.0,) * 60)
    narrow = content([*PLAIN[:5], tall, *PLAIN[6:]], thresholds=both.thresholds)
    assert "o p50 40  ─ > 250" in show(narrow, 72, group="latency")
    idle = content(PLAIN, thresholds={("requests", whole): (Level(2.0, "alarm <", ink="warn"),)})
    assert "─ alarm < 2" in show(idle), "from 0 on it is on the scale"


def test_a_threshold_of_both_fleets_is_none_of_one() -> None:
    made = content(CANARY, thresholds={("5xx", ("main", "", "")): (Level(5.0, "alarm >"),)})
    assert "alarm" not in show(made, split=FLEETS) and "alarm > 5" in show(made, split=VARIANTS)
    own = content(CANARY, thresholds={("5xx", ("main", "e-v8", "")): (Level(4.0, "alarm >"),)})
    assert "─ v8 alarm > 4" in show(own, split=FLEETS)


def test_at_80x24_what_matters_first_is_seen_and_the_rest_by_scrolling() -> None:
    made = content(PLAIN)
    first = show(made)
    assert "requests  24" in first and "5XX  0.21 (3 of 1,440)" in first and "model latency" in first
    assert "0 – 25 /s" in first and "0 – 0.25 %" in first, "each scale is written"
    assert "overhead" not in first and "02:20Z" in first
    assert "overhead  4" in show(made, first=1) and "instances  6" in show(made, first=99)


def test_wide_terminals_have_two_columns_and_all_of_it() -> None:
    shown = show(content(PLAIN), 200, 45)
    for words in ("requests  24", "5XX", "model latency", "overhead", "hosts", "requests per instance", "instances"):
        assert words in shown
    first = shown.split("\n")[0]
    assert "requests  24" in first and "5XX" in first, "they are read line by line"
    assert shown.count("╵02:30Z") == 2


def test_latency_of_one_variant_has_its_percentiles_in_one_plot_told_by_their_marks() -> None:
    shown = show(content(PLAIN), group="latency")
    assert "⠒ p99 110" in shown and "x p90 80" in shown and "o p50 40" in shown
    assert "xxxxx" in shown and "ooooo" in shown


def test_fleets_side_by_side() -> None:
    made = content(CANARY, marks=(DEPLOY,))
    assert splits(made.courses) == [VARIANTS, FLEETS]
    assert whose(made.courses, FLEETS) == [("main", "e-v7", ""), ("main", "e-v8", "")], "what was there before first"
    shown = show(made, split=FLEETS)
    assert "⠒ v7 0 (0 of 1,300)" in shown and "x v8 2.86 (4 of 140)" in shown
    assert "⠒ v7 110  x v8 240" in shown
    assert "◐ deploy v8 by ci" in shown and shown.count("│") > 12, "it divides the plots"
    assert "v8" not in show(made._replace(marks=()), split=VARIANTS)


def test_variants_and_components_side_by_side() -> None:
    two = content([*variant("champion", invocations=600.0), *variant("challenger", invocations=60.0)])
    assert "⠒ champion 10  x challenger 1" in show(two)
    parts = content([
        *variant(invocations=600.0),
        *[course("invocations", v, component=name) for name, v in (("b2b", 120.0), ("b2c", 480.0))],
    ])  # fmt: skip
    assert splits(parts.courses) == [VARIANTS, COMPONENTS]
    assert "⠒ b2b 2  x b2c 8" in show(parts, split=COMPONENTS) and "b2b" not in show(parts)


def test_only_what_exists_for_the_flavour() -> None:
    queue = content(
        variant(invocations=60.0, failures=1.0, backlog=12.0, backlog_per_instance=6.0, oldest_request_s=40.0)
    )
    assert groups(queue, VARIANTS) == ["overview", "traffic", "errors", "queue"]
    shown = show(queue, group="queue")
    assert "waiting requests" in shown and "oldest waits  40" in shown and "5XX" not in show(queue)
    assert "failed  1.67 (1 of 60)" in show(queue)


def test_what_exists_but_did_not_come_is_said_for_what_users_feel() -> None:
    silent = content(
        [*variant(invocations=None, errors_5xx=None, latency_p99_ms=None, cpu_percent=None, disk_percent=2.0)]
    )
    shown = show(silent)
    assert shown.count("nothing was measured") == 3 and "requests  –" in shown
    assert "reading …" in show(silent._replace(reading=True))
    assert "nothing was measured in this time" in show(content([]))


def test_the_cursor_tells_the_values_of_its_time() -> None:
    made = content(CANARY)
    early, late = NOW - 50 * MINUTE, NOW - 10 * MINUTE
    assert "v8 –" in show(made, split=FLEETS, cursor=early) and "v8 2.86" in show(made, split=FLEETS, cursor=late)
    assert " 02:22Z " in show(made, cursor=early)


def test_the_newest_whole_value_is_told_without_a_cursor() -> None:
    made = content([Course("main", "", "", "invocations", WINDOW.start, 60, (*[600.0] * 57, 400.0, 60.0, None))])
    assert "requests  10" in show(made), "the last three minutes are provisional"
    assert "still filling up" not in show(made), "10 is a fact"
    assert "requests  1  · still filling up" in show(made, cursor=NOW - 2 * MINUTE)
    assert "still filling up" not in show(made, cursor=NOW - 9 * MINUTE)


def test_targets_and_bounds_are_drawn_and_named() -> None:
    levels = {
        ("per_instance", "main"): (Level(300.0, "target"),),
        ("instances", "main"): (Level(2, "min"), Level(20, "max"), Level(64, "quota", far=True)),
    }
    made = content(PLAIN, levels=levels)
    shown = show(made, group="saturation")
    assert "requests per instance  240  ─ target 300" in shown and "─────" in shown
    bounds = show(made, group="instances")
    assert "instances  6  ─ min 2  ─ max 20  quota 64" in bounds and "0 – 20" in bounds, "what is far is told alone"


def test_what_happened_is_told_at_the_cursor_and_without_one_the_last() -> None:
    red = Mark(NOW - 8 * MINUTE, "!", Sign.CRITICAL, "risk-5xx in ALARM")
    made = content(CANARY, marks=(DEPLOY, red))

    def told(**shown: object) -> str:
        return "".join(text for text, _ in happened(made, Shown(**shown), 70, NOW))  # type: ignore[arg-type]

    assert told() == " ! 03:04Z risk-5xx in ALARM  ◐ 02:52Z deploy v8 by ci"
    assert told(cursor=DEPLOY.at) == told(cursor=NOW - 12 * MINUTE) == " ◐ 02:52Z deploy v8 by ci"
    assert "nothing is known to have happened before" in told(cursor=NOW - 50 * MINUTE)


@pytest.mark.parametrize(
    "size", [(1, 1), (9, 2), (20, 1), (30, 8), (40, 3), (80, 19), (149, 30), (150, 30), (200, 45), (240, 60)]
)
@pytest.mark.parametrize("courses", [PLAIN, CANARY, []], ids=["plain", "canary", "none"])
def test_every_size(size: tuple[int, int], courses: list[Course]) -> None:
    made = content(courses, marks=(DEPLOY,))
    for split in splits(made.courses):
        for group in groups(made, split):
            show(made, *size, group=group, split=split, first=plots(made, Shown(group, split)))


def test_while_cloudwatch_is_not_heard_nothing_is_said_to_be_missing() -> None:
    lost = content([])._replace(failed="127.0.0.1 cannot be reached")
    assert "not known: 127.0.0.1 cannot be reached" in show(lost) and "nothing was measured" not in show(lost)
    silent = content([msgspec.structs.replace(one, values=(None,) * len(one.values)) for one in PLAIN])
    assert "nothing was measured" in show(silent)
    assert "nothing was measured" not in show(silent._replace(failed="no network"))
    assert "reading …" in show(silent._replace(failed="no network", reading=True)), "it is asked again"


def test_hostile_names_move_nothing() -> None:
    evil = "e\x1b]0;gone\x07\n推荐" + "n" * 90
    made = content([*variant(evil, invocations=60.0), *variant("b", invocations=6.0)])
    shown = show(made)
    assert "\x1b" not in shown and "推荐" in shown


def test_what_is_wrong_is_drawn_first() -> None:
    def titles(made: MetricsContent) -> list[str]:
        return [line.split("  ")[0].strip() for line in show(made, height=40).splitlines() if " – " in line]

    assert titles(content(PLAIN))[0] == "requests"
    assert titles(content(PLAIN, lead="overhead"))[:2] == ["overhead", "requests"]
    assert titles(content(PLAIN, lead="memory"))[0] == "hosts", "in whichever plot it is"
    assert titles(content(PLAIN, lead="backlog")) == titles(content(PLAIN)), "there is none here"
