"""Capacity that would not help or cannot be had: the plan of `scale` says so before anybody consents to it."""

from __future__ import annotations

import re

import pytest

from console.actions.model import Check, Plan, Stage, Verdict
from console.errors import Refused
from console.kinds.base import Sign
from console.kinds.registry import kind_of
from console.world.incidents import INCIDENTS
from screens.ways import WaysScreen
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


@pytest.mark.parametrize(
    ("incident", "quota", "to_be_had", "holds"),
    [
        ("quota", Verdict.FAIL, "the quota was used up", "fraud-online holds 12, eta-minutes 4"),
        ("no-capacity", Verdict.PASS, "AWS had none to spare", ""),
    ],
)
def test_a_second_fleet_is_asked_for_what_capacity_is_asked_for(
    night: Make, incident: str, quota: Verdict, to_be_had: str, holds: str
) -> None:
    """A roll back and a scaling tell the same of the account's quota and of what AWS has."""
    one = begin(night, incident, fleet=12)
    name = INCIDENTS[incident].subject.removeprefix("endpoint/")
    back, scaled = one.plan("rollback", name), one.plan("scale", name, min=7)
    found = check(back, "quota")
    assert found.verdict is quota and holds in found.detail and holds in check(scaled, "quota").detail
    assert "of the quota used" in found.detail
    had = check(back, "to be had")
    assert had == check(scaled, "to be had") and had.detail.startswith(to_be_had)


@pytest.mark.parametrize("incident", ["caller-change", "mme-thrash", "no-capacity"])
def test_a_roll_back_that_mends_nothing_says_so_wherever_it_is_offered(night: Make, incident: str) -> None:
    one = begin(night, incident, fleet=12)
    name = INCIDENTS[incident].subject.removeprefix("endpoint/")
    need = check(plan := one.plan("rollback", name), "need")
    assert need.verdict is Verdict.WARN and need is next(c for c in plan.preflight if c.verdict is Verdict.WARN)
    told, *better = need.detail.split("; ")
    assert re.fullmatch(r"do not roll back \(nothing was deployed since .*\)", told)
    assert f"but       {told}" in one.triage() and told in one.screen(name, 200) and told in one.described(name)
    with one.feed() as feed:
        assert WaysScreen(feed, name).read(feed)[2] == need.detail
    wanted = one.need(name)
    assert wanted is not None and better == ([f"scale out helps: {wanted.way}"] if wanted.advice.verb else [])


def test_a_roll_back_that_helps_is_ticked(night: Make) -> None:
    one = begin(night, "bad-config")
    assert check(one.plan("rollback", "delay-risk"), "need").verdict is Verdict.PASS
    with one.feed() as feed:
        assert WaysScreen(feed, "delay-risk").read(feed)[2] == ""


def test_no_capacity_promises_nothing_and_tells_what_is_left_to_do(night: Make) -> None:
    one = begin(night, "no-capacity")
    name, target = "search-rank", "search-rank/AllTraffic"
    retried = kept = False
    for _ in range(14):
        view = one.view(target, "scaling")
        assert view.code == "no_capacity", view.verdict
        if view.desired > view.current:
            retried = True
            with pytest.raises(Refused, match=r"8 are asked for and 4 serve; the load needs no more"):
                one.plan("scale", name)
        else:
            kept = True
            plan = one.plan("scale", name)
            assert re.search(r"when more serve nobody knows: AWS had none to spare at 0\d:\d\dZ$", plan.when), plan.when
        one.wait(1)
        assert one.look() == {}
    assert retried and kept
    need = one.need(name)
    assert need is not None and need.way == ""
    told = r"autoscaling tries again every ~\d+ m; another instance type takes a new config"
    assert re.search(told, dict(need.advice.lines)["helps"]) and re.search(f"helps +{told}", one.triage())
    assert re.search(r" → autoscaling tries again every ~\d+ m", one.screen(name))


def test_the_quota_that_is_used_up_is_named_where_it_can_be_raised(night: Make) -> None:
    one = begin(night, "quota")
    asks = "ask Service Quotas for more 'ml.c6i.2xlarge for endpoint usage' than 4; eta-minutes holds 4"
    need = one.need("eta-minutes")
    assert need is not None and dict(need.advice.lines)["helps"] == asks and asks in one.triage()
    assert " → ask Service Quotas for more" in one.screen("eta-minutes")
    assert need.to_json()["elsewhere"] == asks
    plan = one.plan("scale", "eta-minutes")
    assert "nobody knows: the quota was used up at" in plan.when
    (red,) = (a for a in kind_of("alarm").views(one.snapshot, None) if a.sign is Sign.WARNING and a.alarm.scaling)
    assert re.search(r"^above its scaling target since \d\d:\d\dZ: cannot grow: the quota of", red.verdict.words)


def test_a_higher_maximum_is_used_by_autoscaling(night: Make) -> None:
    one = begin(night, "max-capacity")
    plan = one.plan("scale", "search-rank/AllTraffic", "scaling")
    assert list(plan.calls[0].params)[3:] == ["MaxCapacity"] and check(plan, "quota").verdict is Verdict.PASS
    assert one.apply(plan).stage is Stage.DONE
    one.wait(6)
    assert one.look() == {}
    view = one.view("search-rank/AllTraffic", "scaling")
    assert view.sign in {Sign.MOVING, Sign.OK} and (view.desired or 0) > 8, view.verdict.words
