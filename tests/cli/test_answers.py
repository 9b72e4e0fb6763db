"""`triage`, `handover`, `describe`, `audit`, `doctor`, `info`, `iam`, `wait`: read as somebody who was just woken."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import msgspec
import pytest
import yaml

from console.clock import now_ms
from console.ledger.locks import collector_lock
from tests.cli.lab import Lab, lab, until


def test_triage_names_what_is_wrong_what_changed_and_the_way_back(fleet: Lab) -> None:
    lines = fleet.run("triage").out.splitlines()
    assert re.fullmatch(r"▲ endpoint delay-risk: warning since \d\d:\d\dZ", lines[0])
    told = {line.split()[0]: line for line in lines[1:]}
    assert "KeyError: 'carrier_delay_7d'" in told["what"]
    assert re.search(r"\d\d:\d\dZ UpdateEndpoint delay-risk-v8 by codepipeline", told["changed"])
    assert told["way"].endswith("lastgood rollback delay-risk --to delay-risk-v7 --dry-run")
    assert len({line.index(line.split(maxsplit=1)[1]) for line in lines[1:] if not line.startswith("  way")}) == 1
    answer = fleet.run("triage", "-o", "json").json
    assert answer["kind"] == "need" and answer["items"][0]["subject"] == "delay-risk"
    assert set(answer["sources"]) >= {"endpoints", "pipelines", "executions", "changes", "logs", "metrics"}


def test_triage_of_a_time_nobody_watched_does_not_say_that_all_is_well(fleet: Lab) -> None:
    result = fleet.run("triage", "--at", "5h")
    assert "nobody watches endpoints" in result.out and "nothing needs you" not in result.out


def test_handover_puts_what_is_empty_into_one_line(fleet: Lab) -> None:
    text = fleet.run("handover").out
    assert text.startswith("# Handover of default, ")
    assert "## Needs somebody\n- delay-risk: " in text and "## Deployments" in text
    assert "Nothing to say of: trouble, actions" in text and "- nothing" not in text
    titles = [s["title"] for s in fleet.run("handover", "-o", "json").json["items"]]
    assert titles == ["Needs somebody", "Trouble", "Actions", "Deployments", "Failed runs", "Holds"]


def test_describe_says_each_deployment_on_one_line_in_columns(fleet: Lab) -> None:
    lines = fleet.run("describe", "endpoint", "delay-risk").out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("DEPLOYMENTS"))
    told = []
    for line in lines[start:]:
        if "(known since" in line:
            break
        told.append(line)
    assert len(told) >= 5
    assert {line.index("codepipeline") for line in told} == {told[0].index("codepipeline")}
    assert all(line.endswith("not watched") for line in told[2:])
    assert not any(line.strip() == "" for line in (lines[0], lines[-1]))
    ways = "\n".join(lines[lines.index(next(line for line in lines if line.startswith("WAYS BACK"))) :])
    assert "delay-risk-v7" in ways and ways.count("not watched") == len(ways.splitlines())


@pytest.mark.parametrize("live", [False, True], ids=["alone", "beside a collector"])
def test_describe_right_after_a_list_reads_what_it_shows_of_one(tmp_path: Path, live: bool) -> None:
    with lab(tmp_path, fleet=4) as one:
        name = one.run("get", "endpoints", "-o", "json").json["items"][-1]["name"]
        if live:
            started = one.start("collect")
            holder = collector_lock(one.scope)
            until(lambda: not one.ledger().locks.is_free(holder), 20, "the collector")
        told = one.run("describe", "endpoint", name)
        assert told.code == 0 and "CHANGED" in told.out and "not read yet" not in told.out, told.out
        configs = one.ledger().coverage.states(one.scope)["configs"].at
        assert one.run("describe", "endpoint", name).out
        if live:
            started.terminate()
        else:  # within the minute its configs are not asked for again
            assert one.ledger().coverage.states(one.scope)["configs"].at == configs


def test_describe_in_json_is_the_item_of_get(fleet: Lab) -> None:
    item = fleet.run("describe", "endpoint", "ads-embed", "-o", "json").json
    assert item["name"] == "ads-embed" and item["deployments"] and item["variants"]
    run = fleet.run("get", "executions", "-o", "name").out.split()[0]
    assert fleet.run("describe", "execution", run.split("/")[1], "-o", "json").json["name"] == run
    assert fleet.run("describe", "pipeline", run.split("/")[0]).out.startswith("PIPELINE")
    assert fleet.run("describe", "ads-embed", "-o", "json").json["name"] == "ads-embed", "a name alone"
    assert fleet.run("describe", run.split("/")[1], "-o", "json").json["name"] == run
    missing = fleet.run("describe", "no-such")
    assert missing.code == 3 and "no-such" in missing.err
    assert fleet.run("describe", "endpoint").code == 2


def test_describe_makes_hostile_text_safe_and_keeps_its_columns(fleet: Lab) -> None:
    with fleet.ledger() as ledger:
        head = ledger.head(fleet.scope, "endpoint", "lead-value")
        assert head is not None
        body = msgspec.json.decode(head.body) | {"name": "zz-bad", "failure_reason": "\x1b]0;x\x07\x1b[2Jgone\nnext"}
        ledger.observe(fleet.scope, "endpoint", [("zz-bad", msgspec.json.encode(body), None)], at=now_ms())
        out = fleet.run("describe", "endpoint", "zz-bad", "--cached").out
        raw = fleet.run("describe", "endpoint", "zz-bad", "--cached", "-o", "json").json["failure_reason"]
        ledger.tombstone(fleet.scope, "endpoint", ["zz-bad"], at=now_ms())
    assert "\x1b" not in out and "of the last failed update: gone next" in out
    assert raw == "\x1b]0;x\x07\x1b[2Jgone\nnext", "JSON keeps the raw value"


def test_audit_has_columns_and_verify(fleet: Lab) -> None:
    plan = {"title": "Roll back delay-risk to delay-risk-v7"}
    with fleet.ledger() as ledger:
        at = now_ms()
        said = {"plan": plan, "by": "arn:aws:sts::1:assumed-role/OnCall/maria", "reason": "errors", "ticket": "OPS-7"}
        ledger.journal.append(fleet.scope, "a-1", "intent", said, at)
        ledger.journal.append(fleet.scope, "a-1", "not_needed", {"words": "settled\x1b[31m on v7"}, at)
    lines = fleet.run("audit").out.splitlines()
    assert lines[0].split() == ["AT", "ACTION", "STEP", "WHAT"]
    assert lines[1].endswith("Roll back delay-risk to delay-risk-v7 by maria (errors, OPS-7)")
    assert "not needed" in lines[2] and lines[2].endswith("settled on v7")
    assert len({line.index(word) for line, word in zip(lines, ("WHAT", "Roll", "settled"), strict=True)}) == 1
    assert [step["step"] for step in fleet.run("audit", "a-1", "-o", "json").json["items"]] == ["intent", "not_needed"]
    table = list(csv.reader(io.StringIO(fleet.run("audit", "a-1", "-o", "csv").out)))
    assert table[0] == ["at", "action", "step", "what"] and len(table) == 3
    assert table[2][1:] == ["a-1", "not needed", "settled on v7"]
    assert fleet.run("audit", "-o", "name").out == "a-1\n"
    kept = yaml.safe_load(fleet.run("audit", "-o", "yaml").out)
    assert [item["words"] for item in kept["items"][1:]] == ["settled\x1b[31m on v7"]
    assert "as it was written" in fleet.run("audit", "verify").out
    assert "Roll back delay-risk" in fleet.run("handover").out


def test_doctor_and_info(fleet: Lab) -> None:
    result = fleet.run("doctor")
    checks = {line.split()[1]: line for line in result.out.splitlines()}
    for name in ("ledger", "journal", "disk", "credentials", "clock", "endpoints", "changes", "collector", "terminal"):
        assert name in checks, result.out
    assert result.code == 0 and "✓ credentials" in result.out
    info = fleet.run("info").out
    assert re.search(r"^source executions  ok, last good \d{4}-", info, re.MULTILINE)
    assert re.search(r"^metrics +[\d,]+ metrics in the last hour, \$0\.\d\d of \$1\.00", info, re.MULTILINE)
    assert "metrics in the last hour" in checks["metrics"]
    columns = {re.match(r"[a-z0-9 ]+?\s{2,}", line).end() for line in info.splitlines()}  # type: ignore[union-attr]
    assert len(columns) == 1


def test_doctor_says_what_keeps_the_ledger_from_opening(fleet: Lab) -> None:
    result = fleet.run("doctor", env={"LASTGOOD_LEDGER": "/proc/nowhere/ledger.db"})
    assert result.code == 1 and result.out.startswith("✖ ledger") and "✓ credentials" in result.out


def test_a_wrong_clock_is_told_by_doctor(fleet: Lab) -> None:
    from console.clients.aws import Cloud

    fleet_skew = property(lambda self: 90_000, lambda self, value: None)
    kept = Cloud.__dict__.get("skew_ms")
    try:
        Cloud.skew_ms = fleet_skew  # type: ignore[assignment,method-assign]
        assert "this host is 90 s behind AWS" in fleet.run("doctor").out
    finally:
        if kept is None:
            del Cloud.skew_ms
        else:
            Cloud.skew_ms = kept  # type: ignore[method-assign]


def test_the_least_policies(fleet: Lab) -> None:
    reader, operator = fleet.run("iam").json, fleet.run("iam", "--role", "operator").json
    text = fleet.run("iam").out
    assert "sagemaker:UpdateEndpoint" not in text and "sagemaker:Search" in text
    assert "sagemaker:UpdateEndpoint" in fleet.run("iam", "--role", "operator").out
    assert reader["Version"] == operator["Version"] == "2012-10-17"


def test_wait(fleet: Lab) -> None:
    assert fleet.run("wait", "endpoint", "ads-embed").code == 0
    assert fleet.run("wait", "endpoint", "ads-embed", "--for", "config=ads-embed-v11").code == 0
    settled_elsewhere = fleet.run("wait", "endpoint", "ads-embed", "--for", "config=ads-embed-v10", "--timeout", "1s")
    assert settled_elsewhere.code == 1
    assert fleet.run("wait", "endpoint", "ads-embed", "--for", "status=Failed", "--timeout", "10ms").code == 6
    assert fleet.run("wait", "endpoint", "nope", "--for", "gone").code == 0
    assert fleet.run("wait", "endpoint", "nope").code == 3
