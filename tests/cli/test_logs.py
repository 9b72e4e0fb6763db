"""`lastgood logs`: searched in CloudWatch, merged by time, followed live or by asking."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from console.cli.tailing import Event, _Told, wanted
from console.world import log_operations, logs
from console.world.log_patterns import compiled
from console.world.sagemaker.endpoint_logs import component_group_of, group_of
from tests.cli.lab import Lab, lab

GROUP = group_of("delay-risk")
HOSTILE = "\x1b]52;c;aGk=\x07\x1b[31mERROR\x1b[0m \u202eevil\u202c line\r\nsecond \x9b2Jpart"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("logs"), fleet=6) as opened:
        opened.world.play("pipeline-data")
        opened.run("get", "endpoints")
        yield opened


def say(fleet: Lab, *texts: str, stream: str = "AllTraffic/i-0123456789abcdef0", group: str = GROUP) -> None:
    with fleet.world.lock:
        logs.write("eu-central-1", group, stream, [(time.time(), text) for text in texts])


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", ""),
        ("ERROR", "ERROR"),
        ("ERROR timeout", "ERROR timeout"),
        ('"as it is"', '"as it is"'),
        ('ERROR -"health check"', 'ERROR -"health check"'),
        ("?ERROR ?WARN", "?ERROR ?WARN"),
        ("-INFO", "-INFO"),
        ("%5[0-9]{2}%", "%5[0-9]{2}%"),
        ("{ $.level = 50 }", "{ $.level = 50 }"),
        ("KeyError: 'x'", "\"KeyError: 'x'\""),
        ("POST /invocations", '"POST /invocations"'),
        ("dep-delay", '"dep-delay"'),
        ("fährt", '"fährt"'),
        ('HTTP/1.1" 500', '"HTTP/1.1" " 500"'),
        ("C:\\temp", '"C:" "temp"'),
        ("[ERROR] Exception on", '"[ERROR] Exception on"'),
        ('{"level": "ERROR"}', '"{" "level" ": " "ERROR" "}"'),
        ("{ ($.a = 1) && $.b = 2 }", "{ ($.a = 1) && $.b = 2 }"),
        ('"', ""),
    ],
)
def test_plain_text_becomes_what_cloudwatch_takes(text: str, pattern: str) -> None:
    found = wanted(text)
    assert found.pattern == pattern and found.told is (text != pattern)
    compiled(found.pattern)
    assert found.holds(Event(0, "s", f"before {text} after"))


def test_what_stands_around_a_quotation_mark_is_not_enough() -> None:
    search = wanted('HTTP/1.1" 500')
    assert search.holds(Event(0, "s", '"POST / HTTP/1.1" 500 12')) and not search.holds(
        Event(0, "s", '"POST / HTTP/1.1" 200 500')
    )


def test_cloudwatch_searches_and_streams_are_merged_by_time(fleet: Lab) -> None:
    say(fleet, "needle: 'one'", "hay")
    say(fleet, "needle: 'two'", stream="AllTraffic/i-0fedcba9876543210")
    found = fleet.run("logs", "endpoint", "delay-risk", "--grep", "needle: '", "--since", "2h")
    assert found.code == 0 and "searches for the text" in found.err
    lines = found.out.splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["'one'", "'two'"]
    assert re.match(r"\d\d:\d\d:\d\dZ AllTraffic/i-0123456789abcdef0 needle: 'one'", lines[0])
    whole = fleet.run("logs", "endpoint", "delay-risk").out.splitlines()
    assert len({line.split()[1] for line in whole}) > 3 and len(whole) > len(lines)
    none = fleet.run("logs", "endpoint", "delay-risk", "--grep", "nothing of the kind")
    assert none.code == 0 and not none.out and "no line matches" in none.err


def test_what_cloudwatch_refuses_is_one_line_with_what_it_takes(fleet: Lab) -> None:
    said = fleet.run("logs", "endpoint", "delay-risk", "--grep", "{ $.x = }")
    assert said.code == 2 and said.err.count("\n") == 1
    assert "Invalid filter pattern" in said.err and "-without" in said.err


def test_hostile_lines_are_made_safe(fleet: Lab) -> None:
    say(fleet, f"hostile {HOSTILE}")
    out = fleet.run("logs", "endpoint", "delay-risk", "--grep", "hostile").out
    assert out.count("\n") == 1 and "hostile" in out and "ERROR" in out and "second" in out
    assert not set(out) & {"\x1b", "\x9b", "\x07", "\r", "\u202e", "\u202c"}


def test_a_search_that_gives_up_says_how_far_it_came(fleet: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_operations, "LOOKED_AT", 3)
    monkeypatch.setattr("console.cli.tailing.PAGES_AT_MOST", 2)
    said = fleet.run("logs", "endpoint", "delay-risk", "--grep", "nothing", "--since", "2h")
    assert "was not searched beyond" in said.err and "narrow --since" in said.err


def test_inference_components_log_to_groups_of_their_own(fleet: Lab) -> None:
    with fleet.world.lock:
        group = next(g for g in component_groups(fleet))
    say(fleet, "from a copy", group=group, stream="i-0aa/c")
    found = fleet.run("logs", "endpoint", "churn-scorer", "--grep", "from a copy")
    assert found.code == 0 and "from a copy" in found.out


def component_groups(fleet: Lab) -> Iterator[str]:
    from console.world.sagemaker.components import InferenceComponents

    for one in fleet.world.region().of(InferenceComponents).on("churn-scorer"):
        yield component_group_of(one.name)


def test_a_runs_telling_step_is_searched(fleet: Lab) -> None:
    runs = fleet.run("get", "executions", "-o", "json").json["items"]
    failed = next(run["name"] for run in runs if run["status"] == "Failed")
    whole = fleet.run("logs", "execution", failed, "--since", "2h")
    errors = fleet.run("logs", "execution", failed, "--since", "2h", "--grep", "KeyError: '")
    assert whole.code == errors.code == 0 and 0 < errors.out.count("\n") < whole.out.count("\n")
    assert all("KeyError" in line for line in errors.out.splitlines())


def follow(fleet: Lab, *argv: str) -> subprocess.Popen[str]:
    process = fleet.start("logs", "endpoint", "delay-risk", "-f", *argv, env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None and process.stdout.readline()
    return process


def heard(fleet: Lab, process: subprocess.Popen[str], text: str) -> list[str]:
    say(fleet, text)
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    return lines


def test_live_tail_tells_each_line_once(fleet: Lab) -> None:
    before = fleet.world.calls["StartLiveTail"]
    process = follow(fleet)
    said = heard(fleet, process, "live one") + heard(fleet, process, "live two")
    process.kill()
    _, err = process.communicate()
    assert fleet.world.calls["StartLiveTail"] == before + 1
    assert sum("live one" in line for line in said) == 1 and not err


def test_where_live_tail_is_refused_it_is_asked_for_and_said(fleet: Lab) -> None:
    rule = fleet.world.faults.add(operation="StartLiveTail", code="AccessDeniedException", message="no live tail here")
    try:
        process = follow(fleet)
        assert heard(fleet, process, "polled")
        process.kill()
        _, err = process.communicate()
    finally:
        fleet.world.faults.rules.remove(rule)
    assert err.count("\n") == 1 and "no live tail" in err and "asking every 3 s instead" in err


def test_poll_asks_and_live_tail_can_be_left_out(fleet: Lab) -> None:
    before = fleet.world.calls["StartLiveTail"]
    argv = ("logs", "endpoint", "delay-risk", "-f", "--poll", "--grep", "only this")
    process = fleet.start(*argv, env={"PYTHONUNBUFFERED": "1"})
    said = heard(fleet, process, "only this line")
    process.kill()
    process.communicate()
    assert len(said) == 1 and fleet.world.calls["StartLiveTail"] == before


def test_a_session_that_breaks_off_goes_on_by_asking() -> None:
    from console.cli import tailing

    class Broken:
        def updates(self) -> Iterator[list[Event]]:
            yield [Event(2_000, "s", "by tail")]
            raise tailing.LostTail("connection reset")

        sampled = False

        def close(self) -> None: ...

    class Reader:
        def read(self, start: int) -> Iterator[Event]:
            yield Event(1_000, "s", "before")
            if self.again:
                yield from (Event(2_000, "s", "by tail"), Event(3_000, "s", "by asking"))
            self.again = True

        again = False

    said: list[str] = []
    patch = pytest.MonkeyPatch()
    patch.setattr(tailing, "POLL_S", 0.0)
    try:
        batches = tailing.follow(Reader(), 0, Broken, said.append)  # type: ignore[arg-type]
        told = [[event.message for event in next(batches)] for _ in range(3)]
    finally:
        patch.undo()
    assert told == [["before"], ["by tail"], ["by asking"]] and "connection reset" in said[0]


def test_the_same_line_twice_at_once_is_told_twice_and_what_both_ways_tell_once() -> None:
    told = _Told()
    twin = Event(1_000, "s", "same")
    assert told.new([twin, twin]) == [twin, twin]
    assert told.new([twin, twin, twin]) == [twin]
    late = _Told()
    assert late.new([twin, twin]) == [twin, twin]
    assert late.more([twin, Event(2_000, "s", "new"), twin, twin]) == [Event(2_000, "s", "new"), twin]


def test_lines_as_json_are_one_envelope_with_raw_messages(fleet: Lab) -> None:
    say(fleet, "\x1b[31mERROR\x1b[0m as json")
    done = fleet.run("logs", "endpoint", "delay-risk", "--grep", "as json", "-o", "json")
    told = json.loads(done.out)
    assert told["kind"] == "logs" and told["sources"]["logs"]["ok"] is True and done.err == ""
    [item] = told["items"]
    assert item["message"] == "\x1b[31mERROR\x1b[0m as json" and item["stream"].startswith("AllTraffic/i-")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", item["at"])
    none = fleet.run("logs", "endpoint", "delay-risk", "--grep", "nothing of it", "-o", "json")
    assert json.loads(none.out)["items"] == [] and none.code == 0
    assert fleet.run("logs", "endpoint", "delay-risk", "-o", "csv").code == 2
