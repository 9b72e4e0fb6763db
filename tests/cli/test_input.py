"""Whatever is typed or configured wrongly: one line that says what and what to do, and the right code."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.cli.lab import Lab, Result

LONG = "x" * 5000


def one_line(result: Result, code: int, *words: str) -> None:
    assert result.code == code, result
    assert result.err.count("\n") == 1 and result.err.startswith("lastgood: ") and len(result.err) < 600, result.err
    for word in words:
        assert word in result.err, result.err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["world", "serve", "--port", "-1"], "--port"),
        (["world", "serve", "--port", "99999999"], "--port"),
        (["world", "serve", "--speed", "nan"], "--speed nan"),
        (["world", "serve", "--speed", "inf"], "--speed inf"),
        (["world", "serve", "--speed", "0"], "--speed 0"),
        (["world", "serve", "--speed", "-1"], "--speed -1"),
        (["world", "serve", "--fleet", "-1"], "--fleet"),
        (["world", "serve", "--seed", "x"], "--seed"),
        (["demo", "--speed", "nan"], "--speed nan"),
        (["collect", "--pace", "nan"], "--pace nan"),
        (["get", "endpoints", "--endpoint-url", "http://127.0.0.1:99999999"], "--endpoint-url: is no URL"),
        (["get", "endpoints", "--endpoint-url", "127.0.0.1:80"], "--endpoint-url: must begin with http"),
        (["get", "endpoints", "--endpoint-url", "http://a b"], "--endpoint-url: must begin with http"),
        (["get", "endpoints", "--region", "../.."], "--region: '../..' is no AWS region"),
        (["get", "endpoints", "--query", "[" * 10_000], "--query: "),
        (["get", "endpoints", "--query", "abs('x')"], "--query: "),
        (["get", "endpoints", "--query", "&name"], "--query: "),
        (["get", "endpoints", "--query", ""], "--query is empty"),
        (["get", "endpoints", ""], "an empty name is no endpoint"),
        (["describe", "endpoint", " "], "an empty name is no endpoint"),
        (["get", LONG], "no kind"),
        ([LONG], "no command"),
        (["--ctx", LONG, "get", "endpoints"], "no context"),
        (["iam", "--role", LONG], "no role"),
        (["audit", "--since", ""], "--since is empty"),
        (["--profile", " ", "triage"], "--profile is empty"),
        (["wait", "endpoint", "ads-embed", "--for", "ended"], "settled, config=NAME, status=WORD, gone"),
        (["wait", "endpoint", "ads-embed", "--for", "succeeded"], "settled, config=NAME"),
        (["wait", "execution", "x/y", "--for", "config=z"], "settled, ended, succeeded"),
        (["wait", "endpoint", "ads-embed", "--for", "gone=x"], "--for 'gone=x'"),
        (["retrain", "ads-embed-train", "--param", "A=5", "--param", "A=6"], "--param gives A twice"),
        (["rollback", "delay-risk", "--to", LONG], "cannot be the name of a config — nearest: delay-risk"),
        (["rollback", "delay-risk", "--to", ""], "--to is empty"),
        (["rollback", "delay-risk", "--reason", "", "--dry-run"], "--reason is empty"),
    ],
    ids=lambda v: " ".join(v)[:50] if isinstance(v, list) else None,
)
def test_usage(fleet: Lab, argv: list[str], says: str) -> None:
    one_line(fleet.run(*argv), 2, says)


@pytest.mark.parametrize(
    "argv",
    [
        ["get", "endpoints", LONG],
        ["describe", "endpoint", LONG],
        ["describe", "pipeline", LONG],
        ["logs", "endpoint", LONG],
        ["wait", "endpoint", LONG],
        ["audit", LONG],
        ["open", LONG],
    ],
    ids=lambda v: " ".join(v)[:20],
)
def test_a_name_of_five_thousand_characters_is_not_repeated(fleet: Lab, argv: list[str]) -> None:
    one_line(fleet.run(*argv), 3, "x" * 20, "…")


def test_a_config_that_is_not_there_is_told_first_and_the_nearest_after_it(fleet: Lab) -> None:
    result = fleet.run("rollback", "delay-risk", "--to", "delay-risk-v77", "--dry-run")
    check = next(line for line in result.out.splitlines() if "target config" in line)
    assert result.code == 4 and "delay-risk-v77 does not exist; nearest: delay-risk-v7" in check


def test_a_port_in_use(fleet: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        argv = ("world", "serve", "--no-mlflow", "--fleet", "1", "--port", str(port))
        one_line(fleet.run(*argv), 2, f"--port {port}: Address")


def test_configurations_that_are_none(fleet: Lab, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes(b'region = "\xe9"')
    (tmp_path / "deep").write_text("a = " + "[" * 20_000 + "]" * 20_000)
    (tmp_path / "tables").write_text(".".join(["[a"] + ["a"] * 5_000) + "]")
    (tmp_path / "huge").write_text("# x\n" * 300_000)
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for name, says in {
        "fifo": "is no regular file",
        "folder": "is a folder",
        "latin": "is no UTF-8 text",
        "deep": "nested too deeply",
        "tables": "tables",
        "huge": "bytes",
        "round": "symbolic links",
        "none": "no such file",
    }.items():
        one_line(fleet.run("get", "endpoints", env={"LASTGOOD_CONFIG": str(tmp_path / name)}), 2, says)
    one_line(fleet.run("get", "endpoints", env={"LASTGOOD_CONFIG": "~nobody-of-that-name/x"}), 2, "no such home folder")
    one_line(fleet.run("get", "endpoints", env={"LASTGOOD_TIMEOUT": "1ms"}), 2, "timeout: 1ms is too short")
    assert fleet.run("get", "endpoints", env={"LASTGOOD_CONFIG": os.devnull}).code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_configuration_that_may_not_be_read(fleet: Lab, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("")
    (tmp_path / "c").chmod(0)
    one_line(fleet.run("get", "endpoints", env={"LASTGOOD_CONFIG": str(tmp_path / "c")}), 2, "Permission denied")


def test_an_arn_of_elsewhere_is_refused(fleet: Lab) -> None:
    for arn in (
        "arn:aws:sagemaker:eu-central-1:999999999999:endpoint/ads-embed",
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/ads-embed",
        "arn:aws-cn:sagemaker:eu-central-1:123456789012:endpoint/ads-embed",
    ):
        one_line(fleet.run("open", arn), 2, "that ARN is of account", "--ctx")
    here = "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/ads-embed"
    assert "no terminal" in fleet.run("open", here).err


def test_a_read_only_context_shows_the_plan_and_refuses_it(fleet: Lab) -> None:
    argv = ("rollback", "delay-risk", "--to", "delay-risk-v7")
    result = fleet.run("--read-only", *argv, "--dry-run")
    checks = [line for line in result.out.splitlines() if "read-only" in line]
    assert result.code == 4 and len(checks) == 1 and checks[0].lstrip().startswith("✖ read-only")
    assert "sagemaker:UpdateEndpoint" in result.out
    one_line(fleet.run("--read-only", *argv, "--yes"), 4, "context default is read-only")
    plan = fleet.run("--read-only", *argv, "--dry-run", "-o", "json").json
    assert plan["preflight"][0]["check"] == "read-only" and plan["preflight"][0]["verdict"] == "fail"


def test_a_dry_run_of_a_refused_plan_exits_4(fleet: Lab) -> None:
    result = fleet.run("rollback", "delay-risk", "--to", "delay-risk-v99", "--dry-run")
    assert result.code == 4 and "does not exist" in result.out and result.err == ""
