"""Windows of mute rules, against a plain walk through the minutes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from console.world.cloudwatch.mute import read
from console.world.errors import AwsError


def at(text: str) -> float:
    """Epoch seconds; `23T02:30` is of November 2026."""
    text = text if "-" in text else f"2026-11-{text}"
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


NOW = at("2026-11-20T00:00:00")


def open_at(expression: str, duration: str, moments: str, **more: Any) -> str:
    zone = {"Timezone": more.pop("zone")} if "zone" in more else {}
    schedule = {"Expression": expression, "Duration": duration} | zone
    rule = read({"Name": "x", "Rule": {"Schedule": schedule}} | more, "arn", NOW)
    return "".join("x" if rule.window(at(moment)) else "." for moment in moments.split())


@pytest.mark.parametrize(
    ("expression", "duration", "moments", "expected"),
    [
        (
            "at(2026-11-23T02:30)",
            "PT1H",
            "23T02:29:59 23T02:30 23T03:29:59 23T03:30",
            ".xx.",
        ),
        ("cron(0 2 * * *)", "PT4H", "23T01:59 23T02:00 23T05:59 23T06:00", ".xx."),
        ("cron(0 23 * * *)", "PT4H", "23T22:59 23T23:30 24T02:59 24T03:00", ".xx."),
        (
            "cron(0 18 * * FRI)",
            "P2DT12H",
            "20T17:59 21T12:00 23T05:59 23T06:00",
            ".xx.",
        ),
        ("cron(0 1 1 * *)", "PT1H", "2026-12-01T01:30 2026-12-02T01:30 2027-01-01T01:00", "x.x"),
        (
            "cron(0,30 8-10 * NOV MON-FRI)",
            "PT10M",
            "23T08:05 23T08:15 23T10:35 22T08:05",
            "x.x.",
        ),
        ("cron(0 0 * * 7)", "PT1H", "2026-11-22T00:30 2026-11-23T00:30", "x."),
    ],
)
def test_windows(expression: str, duration: str, moments: str, expected: str) -> None:
    assert open_at(expression, duration, moments) == expected


def test_zones_and_limits() -> None:
    berlin = {"zone": "Europe/Berlin"}
    assert open_at("cron(0 2 * * *)", "PT1H", "2026-11-23T01:30 2026-11-23T02:30", **berlin) == "x."
    dates = {"StartDate": at("2026-11-22T00:00"), "ExpireDate": at("2026-11-24T02:30")}
    moments = "2026-11-21T02:10 2026-11-22T02:10 2026-11-24T02:29 2026-11-24T02:31 2026-11-25T02:10"
    assert open_at("cron(0 2 * * *)", "PT1H", moments, **dates) == ".xx.."
    schedule = {"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}
    rule = read({"Name": "x", "Rule": {"Schedule": schedule}} | dates, "arn", NOW)
    assert rule.window(at("2026-11-24T02:10")) == (at("2026-11-24T02:00"), dates["ExpireDate"])
    assert [rule.status(at(moment)) for moment in ("2026-11-21", "2026-11-23T02:01", "2026-11-24T02:30")] == [
        "SCHEDULED",
        "ACTIVE",
        "EXPIRED",
    ]
    with pytest.raises(AwsError, match="ExpireDate"):
        read({"Name": "x", "Rule": {"Schedule": schedule}, "ExpireDate": NOW - 1}, "arn", NOW)


@pytest.mark.parametrize(
    "fields", ["60 * * * *", "* * 0 * *", "* * * FOO *", "1- * * * *", "5-1 * * * *", "* * * *", "*/5 * * * *"]
)
def test_fields_that_are_none(fields: str) -> None:
    with pytest.raises(AwsError, match="Invalid schedule expression"):
        open_at(f"cron({fields})", "PT1H", "")
