"""`lastgood check`: one line, two exit codes, numbers behind the `|`; and the verbs of alarms as commands."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from console.cli.checking import Checked, judged, measured
from console.errors import Exit
from console.kinds.alarm.record import Alarm
from console.kinds.alarm.view import AlarmView, judge
from console.kinds.base import Sign, Verdict
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.view import EndpointView
from console.kinds.registry import kind_of
from console.kinds.vitals.sight import Blind
from tests.cli.lab import Lab, lab

PERFDATA = re.compile(r"[a-z_]+=\d+(\.\d+)?s?(;[\d.]*){3}")
"""One of the Monitoring Plugins guidelines: label=value[unit];warn;crit;min."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("calm"), fleet=2) as opened:
        yield opened


def alarm(state: str, name: str = "risk-5xx") -> AlarmView:
    seen = Alarm(name, "", state, actions=("arn:aws:sns:eu-central-1:1:ml-oncall",), reason="a | b")
    return AlarmView(alarm=seen, observed_at=0, verdict=judge(seen, now=0))


def checked(*states: str, age_s: float | None = 3.0) -> list[Checked]:
    return [Checked(kind_of("alarm"), [alarm(state, f"a{n}") for n, state in enumerate(states)], age_s)]


@pytest.mark.parametrize(
    ("found", "strict", "bad", "words"),
    [
        (checked("OK", "OK"), True, False, "OK: 2 alarms fine"),
        (checked("OK", "ALARM"), False, True, "CRITICAL: a1 in ALARM"),
        (checked(*["ALARM"] * 4), False, True, "CRITICAL: a0 in ALARM; a1 in ALARM; 2 more"),
        (checked("OK", "INSUFFICIENT_DATA"), False, False, "OK, not all is known: a1 no data"),
        (checked("OK", "INSUFFICIENT_DATA"), True, True, "UNKNOWN: a1 no data"),
        (checked("OK", age_s=3600.0), False, False, "UNKNOWN: alarms not read for 1 h"),
        (checked("OK", age_s=None), True, True, "UNKNOWN: alarms were never read"),
    ],
)
def test_what_is_wrong_and_what_is_not_known(found: list[Checked], strict: bool, bad: bool, words: str) -> None:
    assert judged(found, strict=strict) == (bad, words)


def test_endpoints_whose_metrics_nobody_reads_are_not_fine() -> None:
    dark = Blind("metrics not read since 14:05Z: a | b")
    assert judged(checked("OK"), dark=dark) == (True, "UNKNOWN: metrics not read since 14:05Z: a / b")
    assert judged(checked("ALARM"), dark=dark)[1].startswith("CRITICAL: "), "what is known comes first"
    off = Blind("no metrics are read: metrics_dollars_per_hour is 0", meant=True)
    assert judged(checked("OK"), dark=off) == (False, f"OK: 1 alarm fine; note: {off.words}")
    assert judged(checked("OK"), dark=off, strict=True) == (True, f"UNKNOWN: {off.words}")


def test_why_comes_before_that_an_alarm_is_red() -> None:
    bad = Verdict(Sign.WARNING, "p99 900 ms, was 55; quota is used up")
    endpoint = EndpointView(endpoint=Endpoint("risk", "arn", "InService", "v7"), observed_at=0, verdict=bad)
    own = structs.replace(alarm("ALARM"), endpoints=("risk",))
    found = [Checked(kind_of("endpoint"), [endpoint], 3.0), Checked(kind_of("alarm"), [own], 3.0)]
    assert judged(found)[1] == "CRITICAL: 1 red alarm: risk p99 900 ms, was 55; quota is used up; risk-5xx in ALARM"
    other = Checked(kind_of("alarm"), [alarm("ALARM", "other")], 3.0)
    assert judged([*found, other])[1].startswith("CRITICAL: other in ALARM; risk p99")


def test_numbers_are_perfdata() -> None:
    told = dict(measured(checked("ALARM", "OK", "OK")))
    assert told["alarms_critical"] == "1;;0;0" and told["alarms_ok"] == "2;;;0" and told["alarms_age"] == "3s;;;0"
    assert all(PERFDATA.fullmatch(f"{label}={value}") for label, value in told.items())


def test_one_line_for_a_calm_fleet_and_one_for_a_bad_one(calm: Lab, fleet: Lab) -> None:
    good = calm.run("check", "endpoint")
    assert (good.code, good.err) == (Exit.DONE, ""), good
    words, bar, numbers = good.out.partition(" | ")
    assert good.out.count("\n") == 1 and words == "OK: 2 endpoints fine" and bar
    assert all(PERFDATA.fullmatch(number) for number in numbers.split())
    bad = fleet.run("check", "endpoint", "delay-risk")
    assert bad.code == Exit.UNHEALTHY and "delay-risk" in bad.out and "endpoints_warning=" in bad.out
    assert fleet.run("check", "endpoint", "delay-risk", "--cached", "-o", "json").json["healthy"] is False
    assert fleet.run("check").code == Exit.UNHEALTHY


def test_bad_input_of_check_gets_one_line(calm: Lab) -> None:
    for argv, code in ((["nonsense"], 2), (["endpoint", "nope"], 3), (["-o", "csv"], 2), (["endpoint", ""], 2)):
        found = calm.run("check", *argv)
        assert found.code == code and found.err.count("\n") == 1 and not found.out, (argv, found)


def test_what_was_never_read_is_not_called_fine(tmp_path: Path) -> None:
    with lab(tmp_path, fleet=2) as made:
        made.world.faults.add(operation="DescribeAlarms", code="AccessDenied", status=403)
        found = made.run("check")
        assert found.code == Exit.DONE and found.out.startswith("UNKNOWN: alarms were never read") and found.err
        assert made.run("check", "--strict").code == Exit.UNHEALTHY
        assert made.run("check", "alarm").code == Exit.CREDENTIALS


def test_mute_and_unmute_as_commands(calm: Lab) -> None:
    name = calm.run("get", "alarms", "-o", "name").out.split()[0]
    plan = calm.run("mute", "alarm", name, "--for", "30m", "--dry-run", "-o", "json").json
    assert plan["subject"] == name and plan["calls"][0]["operation"] == "cloudwatch:PutAlarmMuteRule"
    done = calm.run("mute", "alarm", name, "--for", "30m", "--yes", "--wait", "--reason", "we know")
    assert done.code == 0 and "muted until" in done.out, done
    deadline = time.monotonic() + 10
    while (listed := calm.run("get", "alarms", name, "--fresh", "-o", "json").json["items"][0])["muted"] is not True:
        assert time.monotonic() < deadline
    assert listed["sign"] == "held" and listed["muted_until"]
    assert calm.run("unmute", name, "--yes", "--wait").code == 0
    again = calm.run("unmute", name, "--yes")
    assert (again.code, again.err.count("\n")) == (Exit.REFUSED, 1) and "is not muted" in again.err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["mute", "endpoint", "x"], 2, "mute is not for endpoints"),
        (["mute", "nonsense", "x"], 2, "no kind 'nonsense'"),
        (["mute", "alarm", "nope"], 3, "no alarm nope"),
        (["mute", "delay-risk-5xx", "--for", "soon"], 2, "'soon' is no duration"),
        (["mute", "delay-risk-5xx", "--for", "30d"], 2, "--for 30d"),
        (["mute", "delay-risk-5xx"], 4, ""),
    ],
)
def test_bad_input_of_mute_gets_one_line(calm: Lab, argv: list[str], code: int, said: str) -> None:
    found = calm.run(*argv)
    assert found.code == code and said in found.err and found.err.count("\n") == 1, found
