from __future__ import annotations

import pytest

from screens.commands import Order, complete, parse
from tests.screens.memory import JOBS, KIND

KINDS = (KIND, JOBS)
NAMES = {"service": ["delay-risk", "eta", "model/7"], "job": ["train"]}


@pytest.mark.parametrize(
    ("line", "order"),
    [
        (":", Order("nothing")),
        (":services", Order("kind", "service")),
        (":svc /risk !ok", Order("kind", "service", "", "risk !ok")),
        (":service delay-risk", Order("kind", "service", "delay-risk")),
        ("/risk owner:tf", Order("filter", filter="risk owner:tf")),
        ("/", Order("filter", filter="")),
        (":/risk", Order("filter", filter="risk")),
        (":ctx staging", Order("ctx", "ctx", "staging")),
        (":sort requests desc", Order("sort", "sort", "requests desc")),
        (":quit", Order("command", "quit")),
        (":q", Order("command", "quit")),
        (":q!", Order("command", "quit")),
        (":train", Order("name", "job", "train")),
        (":model/7", Order("name", "service", "model/7")),
        (":service model/7 /x", Order("kind", "service", "model/7", "x")),
        (":nonsense", Order("unknown", "nonsense")),
    ],
)
def test_lines_are_understood(line: str, order: Order) -> None:
    assert parse(line, KINDS, ["quit", "rollback"], NAMES) == order


def options(line: str) -> list[str]:
    return complete(line, KINDS, ["quit", "rollback"], NAMES, ["prod-eu", "staging"], ["name", "requests"])


def test_completion_offers_lists_then_commands_then_names() -> None:
    assert options(":")[:2] == ["services", "jobs"]
    assert options(":de") == ["delay-risk"]
    assert options(":s") == ["services", "sort"]
    assert options(":ctx ") == ["ctx prod-eu", "ctx staging"]
    assert options(":svc e") == ["svc eta"]
    assert options(":svc risk") == ["svc delay-risk"]
    assert options(":sort r") == ["sort requests"]
    assert options(":quit x") == []


def test_every_completion_is_understood() -> None:
    for start in (":", ":svc ", ":job ", ":ctx ", ":sort ", ":mo"):
        for line in options(start):
            assert parse(line, KINDS, ["quit", "rollback"], NAMES).what != "unknown"
