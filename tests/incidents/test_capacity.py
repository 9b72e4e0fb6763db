"""Capacity that would not help or cannot be had: the plan of `scale` says so before anybody consents to it."""

from __future__ import annotations

import pytest

from console.actions.model import Check, Plan, Stage, Verdict
from console.kinds.base import Sign
from tests.incidents.conftest import Make
from tests.incidents.test_says import begin


def check(plan: Plan, name: str) -> Check:
    return next(c for c in plan.preflight if c.check == name)


def test_where_more_hosts_do_not_help_the_plan_says_so(night: Make) -> None:
    one = begin(night, "slow-dependency")
    need = check(one.plan("scale", "eta-minutes", min=6), "need")
    assert need.verdict is Verdict.WARN and "more hosts do not mend it" in need.detail
    assert one.view("eta-minutes/AllTraffic", "scaling").code == "ok", "its requests per host are what they were"


@pytest.mark.parametrize(
    ("incident", "name", "told", "verdict"),
    [("quota", "eta-minutes", "quota", Verdict.FAIL), ("no-capacity", "search-rank", "to be had", Verdict.WARN)],
)
def test_what_cannot_be_had_is_asked_for_in_vain(
    night: Make, incident: str, name: str, told: str, verdict: Verdict
) -> None:
    one = begin(night, incident)
    plan = one.plan("scale", name, min=7)
    assert check(plan, told).verdict is verdict and check(plan, "need").verdict is Verdict.WARN
    assert "in vain" in check(plan, "need").detail
    assert "scale" in one.view(f"{name}/AllTraffic", "scaling").speaks_against


def test_a_higher_maximum_is_used_by_autoscaling(night: Make) -> None:
    one = begin(night, "max-capacity")
    plan = one.plan("scale", "search-rank/AllTraffic", "scaling")
    assert list(plan.calls[0].params)[3:] == ["MaxCapacity"] and check(plan, "quota").verdict is Verdict.PASS
    assert one.apply(plan).stage is Stage.DONE
    one.wait(6)
    assert one.look() == {}
    view = one.view("search-rank/AllTraffic", "scaling")
    assert view.sign in {Sign.MOVING, Sign.OK} and (view.desired or 0) > 8, view.verdict.words
