"""`lastgood get`: what is listed, in which forms, and what a script may rely on."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import yaml

from console.clock import now_ms
from console.kinds.change.record import Change
from console.kinds.pipeline.record import Pipeline
from console.ledger.store import Ledger
from tests.cli.lab import Lab, Result, until

NAMES = {
    *("ads-embed", "churn-scorer", "delay-risk", "demand-cast", "doc-extract", "eta-minutes", "fraud-online"),
    *("lead-value", "price-elastic", "review-toxic", "route-cost", "search-rank"),
}


def calls(lab: Lab) -> int:
    return sum(lab.world.calls.values())


def test_a_first_look_knows_owners_and_since_when(fleet: Lab) -> None:
    first: Result = fleet.first  # type: ignore[attr-defined]
    assert first.code == 0 and first.err == "", "a pipe gets no progress"
    lines = first.out.splitlines()
    assert len(lines) == 13 and lines[0].split() == [
        *(
            "NAME",
            "WHAT",
            "REQ/S",
            "5XX",
            "%",
            "P99",
            "MS",
            "WAS",
            "CONFIG",
            "SINCE",
            "INST",
            "OWNER",
            "TEAM",
            "STATUS",
            "CHANGED",
        ),
    ]
    row = next(line for line in lines if " ads-embed " in line)
    assert re.search(r"ads-embed-v11 +\d+ Nov \d\d:\d\dZ +2/2 +ci", row)


def test_the_envelope_and_the_names_that_scripts_rely_on(fleet: Lab) -> None:
    answer = fleet.run("get", "endpoints", "-o", "json").json
    assert list(answer) == ["kind", "as_of", "context", "items", "sources"]
    assert answer["kind"] == "endpoint" and answer["context"] == "default"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["as_of"])
    assert {item["name"] for item in answer["items"]} == NAMES
    item = next(item for item in answer["items"] if item["name"] == "delay-risk")
    assert {"name", "status", "config", "pending_config", "owner", "variants", "deployments"} <= set(item)
    assert {"name", "weight", "instances", "desired_instances", "vitals", "was"} <= set(item["variants"][0])
    # The fixture's collector is still: these numbers are gone once they are too old.
    vitals = item["variants"][0]["vitals"]
    assert vitals is None or {"invocations_per_min", "error_rate", "latency_p99_ms"} <= set(vitals)
    assert {"from", "to", "started_at", "ended_at", "outcome", "by", "evidence"} <= set(item["deployments"][0])
    for source in ("endpoints", "changes", "logs", "metrics"):
        assert set(answer["sources"][source]) == {"ok", "age_s", "error"}
        assert answer["sources"][source]["ok"] is True and answer["sources"][source]["error"] is None
        assert 0 <= answer["sources"][source]["age_s"] < 300


def test_a_young_ledger_is_served_without_a_call_and_fresh_makes_one(fleet: Lab) -> None:
    fleet.run("get", "endpoints", "--fresh")
    before = calls(fleet)
    assert fleet.run("get", "endpoints").code == 0
    assert fleet.run("get", "endpoints", "--cached").code == 0
    assert calls(fleet) == before
    assert fleet.run("get", "endpoints", "--fresh").code == 0
    assert calls(fleet) > before


def test_the_live_collector_is_asked_rather_than_aws(fleet: Lab) -> None:
    process = fleet.start("collect")
    try:
        locks = fleet.ledger().locks
        until(lambda: any(h.pid == process.pid for h in [locks.holder(f"collector {fleet.scope}")] if h), 15)
        until(lambda: (s := fleet.ledger().coverage.states(fleet.scope).get("collector")) and s.ok, 15)
        asked = now_ms()
        result = fleet.run("get", "endpoints", "--fresh", "-o", "json")
        assert result.code == 0 and result.err == ""
        assert (fleet.ledger().coverage.states(fleet.scope)["endpoints"].at or 0) >= asked
        assert now_ms() - asked < 10_000
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_forms(fleet: Lab) -> None:
    assert set(fleet.run("get", "endpoints", "-o", "name").out.split()) == NAMES
    table = list(csv.DictReader(io.StringIO(fleet.run("get", "endpoints", "-o", "csv").out)))
    assert {row["name"] for row in table} == NAMES and "config" in table[0]
    assert {i["name"] for i in yaml.safe_load(fleet.run("get", "endpoints", "-o", "yaml").out)["items"]} == NAMES
    chosen = fleet.run("get", "ep", "--query", "items[?name=='ads-embed'].config | [0]")
    assert chosen.out == '"ads-embed-v11"\n'
    assert fleet.run("get", "endpoints", "ads-embed", "lead-value", "-o", "name").out.split() == [
        *("ads-embed", "lead-value")
    ]
    for kind in ("pipelines", "executions", "changes"):
        assert fleet.run("get", kind, "-o", "json").json["items"]


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["get", "nope"], 2, "no kind 'nope' — there are: endpoints, pipelines, executions, changes"),
        (["get", "endpoints", "nope"], 3, "no endpoint nope — lastgood get endpoints lists them"),
        (["get", "endpoints", "--fresh", "--cached"], 2, "exclude each other"),
        (["get", "endpoints", "--watch", "--at", "2h"], 2, "the past does not change"),
        (["get", "endpoints", "--at", "tomorrow"], 2, "'tomorrow' is no moment"),
        (["get", "endpoints", "--query", "items["], 2, "--query: "),
        (["get", "endpoints", "-o", "csv", "--query", "items"], 2, "--query selects from the JSON"),
        (["get", "endpoints", "-o", "xml"], 2, "lastgood get --help"),
        (["gte", "endpoints"], 2, "no command 'gte' — did you mean get?"),
        (["describe", "endpoint"], 2, "missing argument"),
        (["describe", "endpoint", "nope"], 3, "no endpoint nope"),
        (["describe", "endpoint", "ads-embed", "-o", "csv"], 2, "-o csv"),
        (["wait", "pipeline", "ads-embed-train"], 2, "do not settle"),
        (["wait", "endpoint", "ads-embed", "--for", "config"], 2, "--for 'config'"),
        (["audit", "nope"], 3, "no action nope"),
        (["iam", "--role", "root"], 2, "no role 'root'"),
        (["open", "ads-embed"], 2, "no terminal"),
        (["--ctx", "x", "get", "endpoints"], 2, "no context 'x'"),
        (["triage", "-o", "csv"], 2, "-o csv"),
        (["logs", "change", "x"], 2, "have no logs"),
        (["world", "serve", "--incident", "nope"], 2, "no incident nope — there are: async-backlog, bad-canary"),
        ([], 2, "no terminal"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_bad_input_gets_one_line_and_a_code(fleet: Lab, argv: list[str], code: int, says: str) -> None:
    result = fleet.run(*argv)
    assert result.code == code and says in result.err, result.err
    assert result.err.count("\n") == 1 and result.err.startswith("lastgood: ") and result.out == ""


def test_the_past(fleet: Lab) -> None:
    past = fleet.run("get", "endpoints", "--at", "3h", "-o", "json")
    assert past.code == 0 and past.json["items"] == [] and "nobody watched endpoints at" in past.err
    assert past.json["sources"]["endpoints"]["ok"] is False
    now = fleet.run("get", "endpoints", "--at", "1ms", "-o", "json")
    assert {i["name"] for i in now.json["items"]} == NAMES and now.err == ""


def test_options_of_place_count_wherever_they_stand(fleet: Lab) -> None:
    assert fleet.run("get", "endpoints", "--ctx", "default", "-o", "name").code == 0
    assert fleet.run("get", "endpoints", "--ctx=nope").code == 2


def test_several_contexts_degrade_by_themselves(fleet: Lab) -> None:
    dead = "http://127.0.0.1:9"
    fleet.write_config(
        f'[contexts.one]\nregion = "eu-central-1"\n[contexts.gone]\nregion = "eu-west-1"\nendpoint_url = "{dead}"\n'
    )
    try:
        result = fleet.run("get", "endpoints", "--ctx", "one,gone", "-o", "json")
        assert result.code == 0 and "gone: 127.0.0.1 cannot be reached" in result.err
        assert result.json["context"] == "one,gone" and {i["context"] for i in result.json["items"]} == {"one"}
        assert result.json["sources"]["one:endpoints"]["ok"] is True
        assert result.json["sources"]["gone:endpoints"]["ok"] is False
        assert "cannot be reached" in result.json["sources"]["gone:endpoints"]["error"]
        table = fleet.run("get", "endpoints", "--ctx", "all")
        assert table.out.splitlines()[0].split()[:2] == ["CONTEXT", "NAME"]
        assert fleet.run("get", "endpoints", "--ctx", "gone").code == 1
        assert fleet.run("describe", "endpoint", "ads-embed", "--ctx", "one,gone").code == 2
    finally:
        fleet.write_config("[contexts.default]\n")


def wide(fleet: Lab, width: int, monkeypatch: pytest.MonkeyPatch, **env: str) -> Result:
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((width, 24)))
    return fleet.run("get", "endpoints", "--cached", tty=True, env=env)


@pytest.mark.parametrize("width", [200, 80, 40, 20])
def test_a_reason_of_a_thousand_characters_does_not_break_a_terminal(
    fleet: Lab, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fleet.ledger() as ledger:
        head = ledger.head(fleet.scope, "endpoint", "lead-value")
        assert head is not None
        hostile = msgspec.json.decode(head.body) | {"name": "zz-hostile", "status": "x\x1b[31m界" * 250}
        ledger.observe(fleet.scope, "endpoint", [("zz-hostile", msgspec.json.encode(hostile), None)], at=now_ms())
        try:
            drawn = wide(fleet, width, monkeypatch, NO_COLOR="1").out.splitlines()
            piped = fleet.run("get", "endpoints", "--cached").out
            full = fleet.run("get", "endpoints", "--cached", "-o", "csv").out
        finally:
            ledger.tombstone(fleet.scope, "endpoint", ["zz-hostile"], at=now_ms())
    cells = [sum(2 if c == "界" else 1 for c in line) for line in drawn]
    assert max(cells) <= width and len(drawn) == 14 and not any("\x1b" in line for line in drawn)
    assert "…" in piped and all(len(line) < 400 for line in piped.splitlines()), "nor does it widen a pipe's table"
    assert full.count("界") >= 250 and "\x1b" not in full, "CSV has everything, made safe"


def test_changes_name_their_subject_and_what_made_them(fleet: Lab) -> None:
    fleet.run("get", "changes")
    arn = "arn:aws:sagemaker:eu-central-1:123456789012"
    agent = "APN/1.0 HashiCorp/1.0 Terraform/1.13.3 (+https://www.terraform.io) terraform-provider-aws/6 aws-sdk-go/1"
    told = {
        "zz-1": ("execution", f"{arn}:pipeline/ads-embed-train/execution/abc123", "ads-embed-train/abc123"),
        "zz-2": ("endpoint", f"{arn}:endpoint/ads-embed", "ads-embed"),
        "zz-3": ("pipeline", f"{arn}:pipeline/mixedcase", "MixedCase"),
        "zz-4": ("endpoint", "plain", "plain"),
    }
    with fleet.ledger() as ledger:
        for id, (kind, subject, _) in told.items():
            change = Change(id=id, at=now_ms(), event="StopIt", kind=kind, subject=subject, agent=agent)
            ledger.observe(fleet.scope, "change", [(id, msgspec.json.encode(change), None)], at=now_ms())
        pipeline = msgspec.json.encode(Pipeline(name="MixedCase", arn=f"{arn}:pipeline/mixedcase"))
        ledger.observe(fleet.scope, "pipeline", [("MixedCase", pipeline, None)], at=now_ms())
        try:
            items = fleet.run("get", "changes", *told, "--cached", "-o", "json").json["items"]
            drawn = fleet.run("get", "changes", "zz-1", "--cached").out
        finally:
            ledger.tombstone(fleet.scope, "change", list(told), at=now_ms())
            ledger.tombstone(fleet.scope, "pipeline", ["MixedCase"], at=now_ms())
    assert {item["subject"] for item in items} == {name for _, _, name in told.values()}
    assert all(item["agent"] == agent for item in items), "JSON has the whole of it"
    assert "Terraform/1.13.3" in drawn and "terraform-provider" not in drawn
    everything = fleet.run("get", "changes", "--cached")
    assert max(map(len, everything.out.splitlines())) < 200 and "arn:" not in everything.out


def test_colour_is_for_terminals_that_want_it(fleet: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in wide(fleet, 120, monkeypatch, TERM="xterm").out
    assert "\x1b[" not in wide(fleet, 120, monkeypatch, TERM="xterm", NO_COLOR="1").out
    assert "\x1b[" not in wide(fleet, 120, monkeypatch, TERM="dumb").out
    assert "\x1b[" not in fleet.run("get", "endpoints", "--cached").out


def test_a_reader_that_goes_away_is_no_failure(fleet: Lab) -> None:
    fleet.run("get", "changes")
    process = fleet.start("get", "changes", "--cached", "-o", "yaml")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    process.stdout = None
    assert process.stderr is not None and process.stderr.read() == ""


def test_watch_prints_again_when_something_changed(fleet: Lab) -> None:
    process = fleet.start("get", "endpoints", "--watch", "--cached", "-o", "name")
    assert process.stdout is not None
    assert len([process.stdout.readline() for _ in range(12)]) == 12
    time.sleep(1.2)
    with fleet.ledger() as ledger:
        head = ledger.head(fleet.scope, "endpoint", "lead-value")
        assert head is not None
        ledger.observe(
            fleet.scope, "endpoint", [("zz-new", head.body.replace(b"lead-value", b"zz-new"), None)], at=now_ms()
        )
        again = [process.stdout.readline().strip() for _ in range(13)]
        ledger.tombstone(fleet.scope, "endpoint", ["zz-new"], at=now_ms())
    assert set(again) == {*NAMES, "zz-new"}
    process.send_signal(2)
    assert process.wait(timeout=10) == 130


def test_progress_shows_on_a_terminal_when_it_takes_longer_than_a_second(fleet: Lab) -> None:
    fleet.world.faults.add(operation="Search", delay_s=1.6)
    controller, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "console", "get", "endpoints", "--fresh", "-o", "name"],
            env=fleet.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=terminal,
        )
        os.close(terminal)
        out, _ = process.communicate(timeout=30)
    finally:
        fleet.world.faults.clear()
    said = os.read(controller, 10_000).decode()
    os.close(controller)
    assert set(out.decode().split()) == NAMES
    assert "collecting endpoints of default …" in said and said.endswith("\r\x1b[K"), "and leaves nothing behind"


def test_a_ledger_that_cannot_be_used_is_one_line(fleet: Lab, tmp_path: Path) -> None:
    broken = tmp_path / "ledger.db"
    broken.write_bytes(b"%PDF-1.7 not ours" * 100)
    result = fleet.run("get", "endpoints", env={"LASTGOOD_LEDGER": str(broken)})
    assert result.code == 1 and "not a ledger of lastgood" in result.err and result.err.count("\n") == 1
    assert broken.read_bytes()[:4] == b"%PDF"


def test_names_are_completed_from_the_ledger_without_a_call(fleet: Lab) -> None:
    before = calls(fleet)
    shell = {"_LASTGOOD_COMPLETE": "complete_bash"}
    given = fleet.run(env={**shell, "COMP_WORDS": "lastgood describe endpoint de", "COMP_CWORD": "3"})
    assert set(given.out.split()) == {"delay-risk", "demand-cast"}
    given = fleet.run(env={**shell, "COMP_WORDS": "lastgood rollback se", "COMP_CWORD": "2"})
    assert given.out.split() == ["search-rank"]
    given = fleet.run(env={**shell, "COMP_WORDS": "lastgood ro", "COMP_CWORD": "1"})
    assert given.out.split() == ["rollback"]
    given = fleet.run(env={**shell, "COMP_WORDS": "lastgood get e", "COMP_CWORD": "2"})
    assert given.out.split() == ["endpoints", "executions"]
    assert calls(fleet) == before


def test_completion_never_complains(fleet: Lab) -> None:
    shell = {"_LASTGOOD_COMPLETE": "complete_bash", "COMP_WORDS": "lastgood describe endpoint d", "COMP_CWORD": "3"}
    for env in ({"LASTGOOD_CONFIG": "/nowhere.toml"}, {"LASTGOOD_STATE_DIR": "/proc/nowhere"}):
        assert fleet.run(env={**shell, **env}).out.strip() == ""


def test_the_calls_of_commands_are_counted(fleet: Lab) -> None:
    with Ledger.open(fleet.folder / "state" / "ledger.db") as ledger:
        before = ledger.coverage.calls_by_operation(fleet.scope, 0).get("logs:FilterLogEvents", (0, 0))[0]
        fleet.run("logs", "endpoint", "delay-risk")
        after = ledger.coverage.calls_by_operation(fleet.scope, 0)["logs:FilterLogEvents"][0]
    assert after > before
