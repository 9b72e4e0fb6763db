"""A deployment that failed while the old config serves on: what failed is told, and what serves is not blamed."""

from __future__ import annotations

import msgspec
import pytest

from console.kinds.base import Sign
from console.kinds.symptom.record import Symptom
from console.world.traffic.behaviour import Behaviour, Behaviours
from tests.incidents.conftest import Make, Night
from tests.incidents.test_says import begin

NAME = "search-rank"
WHY = "its logs: OutOfMemoryError: CUDA out of memory"


def symptom(one: Night) -> Symptom:
    return next(
        msgspec.json.decode(fact.body, type=Symptom)
        for fact in one.ledger.heads(one.scope, "symptom")
        if fact.name == NAME
    )


def test_while_the_new_fleet_leaves_nothing_is_to_be_rolled_back(night: Make) -> None:
    one = begin(night, "ping-failure", (0.0,), fleet=12)
    words = one.view(NAME).verdict.words
    assert words.startswith("v24: given up, its fleet leaving since 03:1") and "; logs OutOfMemoryError: CUDA" in words
    assert symptom(one).config == f"{NAME}-v24"
    need = one.need(NAME)
    assert need is not None and need.way == "" and need.advice.verb == ""
    told = "do not roll back (v24 is on its way out, v23 serves)"
    assert told in one.triage() and told in one.screen(NAME) and "old fleet leaving" not in one.described(NAME)
    plan = one.plan("rollback", NAME, to=f"{NAME}-v22")
    assert next(c.detail for c in plan.preflight if c.check == "need") == told


@pytest.mark.parametrize("watched", [True, False])
def test_why_it_failed_is_in_its_logs(night: Make, watched: bool) -> None:
    one = begin(night, "ping-failure", (0.0, 1.0) if watched else (), fleet=12)
    for minutes in (2.0, 1.0):
        one.wait(minutes)
        assert one.look() == {}
    found = symptom(one)
    assert found.fell and found.config == (f"{NAME}-v24" if watched else "")
    view, screen = one.view(NAME), " ".join(one.screen(NAME).split())
    assert view.sign is Sign.OK and WHY in view.verdict.words and WHY in screen
    assert "ping health check; its logs" in screen
    assert "containers log errors" not in screen, "what serves logs none"
    assert one.triage().startswith("● nothing needs you")
    if watched:
        assert f"{NAME}-v24 (failed) would have changed:" in screen and "changed from" not in screen
        assert "(failed: would have changed)" in one.described(NAME)
    need = next(c for c in one.plan("rollback", NAME).preflight if c.check == "need")
    assert need.detail.startswith(f"nothing known speaks against {NAME}-v23")


def test_what_serves_is_told_by_its_own_lines(night: Make) -> None:
    one = begin(night, "ping-failure", (0.0, 1.0), fleet=12)
    one.world.region().of(Behaviours).set(NAME, Behaviour(NAME, errors=0.2))
    one.wait(8)
    assert one.look() == {}
    one.wait(1)
    assert one.look() == {}
    found = symptom(one)
    assert found.config == f"{NAME}-v23" and not found.fell and found.sample == "ValueError: Input contains NaN"


def test_who_may_not_list_streams_is_told_of_the_lines_all_the_same(night: Make) -> None:
    one = night(fleet=12)
    one.has(NAME)
    assert one.look() == {} == one.look()
    one.world.faults.add(operation="DescribeLogStreams", code="AccessDeniedException", message="no")
    one.world.play("ping-failure")
    assert one.look() == {}
    found = symptom(one)
    assert found.errors and not found.apart and found.config == f"{NAME}-v23"
