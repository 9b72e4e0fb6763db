"""What a start costs: reads from a warm ledger and `--help` import nothing heavy (facts/speed.md)."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.main

from console.cli import app, index
from tests.cli.lab import Lab

HEAVY = {
    *("textual", "rich", "boto3", "botocore", "mlflow", "httpx", "pydantic", "yaml", "asyncio", "urllib3"),
    *(
        "textual_plotext",
        "plotext",
        "requests",
        "console.world",
        "screens",
        "console.clients.aws",
        "concurrent.futures",
    ),
}
LIGHT = {"msgspec", "sqlite3", "console.kinds", "console.ledger", "console.settings"}
"""What `--help` needs none of."""

SCRIPT = """
import sys
from console.cli.app import run
code = run(sys.argv[1:])
print("imported", *sys.modules, file=sys.stderr)
raise SystemExit(code)
"""


def imported(lab: Lab, *argv: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *argv], env=lab.env, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.split("imported", 1)[1].split())


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["get", "--help"],
        ["rollback", "--help"],
        ["get", "endpoints"],
        ["get", "pipelines", "-o", "json", "--cached"],
        ["get", "executions", "--at", "1s"],
        ["describe", "endpoint", "ads-embed"],
        ["audit"],
        ["iam"],
    ],
    ids=" ".join,
)
def test_a_start_imports_nothing_heavy(fleet: Lab, argv: list[str]) -> None:
    if argv == ["get", "endpoints"]:
        fleet.run("get", "endpoints", "--fresh")
    if argv[0] == "describe":  # the first look at it reads more than the list did
        fleet.run(*argv)
    found = imported(fleet, *argv)
    assert not found & HEAVY
    if argv == ["--help"]:
        assert not found & LIGHT


def test_the_index_names_every_command_with_its_own_words() -> None:
    registered: dict[str, str] = {}
    for module in {entry.module for entry in index.INDEX.values()}:
        part = typer.Typer()
        __import__(f"console.cli.{module}", fromlist=["register"]).register(part, app.session, print)
        for info in part.registered_commands:
            name = info.name or (info.callback.__name__ if info.callback else "")
            registered[name] = "" if info.hidden else module
        registered |= {str(group.name): module for group in part.registered_groups}
    visible = {name: entry.module for name, entry in index.INDEX.items() if entry.help}
    assert {name: module for name, module in registered.items() if module} == visible
    assert {name for name, module in registered.items() if not module} == set(index.INDEX) - set(visible)


@pytest.mark.parametrize("name", index.INDEX)
def test_the_short_help_is_the_first_sentence_of_the_commands_own(name: str) -> None:
    command = index.load(name)
    entry = index.INDEX[name]
    assert command.hidden is not bool(entry.help)
    if entry.help:
        full = " ".join((command.help or "").split())
        assert full.startswith(entry.help), f"{name}: {full!r}"
