"""The pure course of deployments: for any policy, fleet, trouble and alarm."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from console.world.sagemaker import course
from console.world.sagemaker.course import Course, Trouble
from console.world.sagemaker.deployment import Ending, Policy, Size, counted, rollout

sizes = st.builds(Size, percent=st.just(True), value=st.integers(10, 50)) | st.builds(
    Size, percent=st.just(False), value=st.integers(1, 5)
)
policies = st.builds(
    Policy,
    routing=st.sampled_from(["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]),
    step=sizes,
    wait_s=st.sampled_from([0.0, 60.0, 3600.0]),
    termination_wait_s=st.sampled_from([0.0, 300.0]),
    timeout_s=st.sampled_from([math.inf, 600.0, 28800.0]),
    rollback_step=sizes,
    alarms=st.just(("5xx",)),
)
troubles = st.none() | st.builds(
    Trouble,
    reason=st.none() | st.just("ping"),
    after_s=st.sampled_from([30.0, 1440.0, 10800.0]),
    way_back_fails=st.booleans(),
)
instances = st.integers(1, 12)
moments = st.floats(0, 40000)


def course_of(policy: Policy, count: int, trouble: Trouble | None) -> Course:
    return course.update(policy, count, 180.0, trouble)


@given(policies, instances, troubles, moments)
def test_there_is_always_a_fleet_that_serves(
    policy: Policy, count: int, trouble: Trouble | None, elapsed_s: float
) -> None:
    way = course_of(policy, count, trouble)
    for step in (way, way.turned_back(min(elapsed_s, way.length_s), "alarm")):
        for phase in step.phases:
            assert phase.old + phase.new >= 1 - 1e-9
            assert phase.traffic <= phase.new + 1e-9, "no traffic to instances that do not run"
            assert 1 - phase.traffic <= phase.old + 1e-9 or phase.new >= 1 - 1e-9 or phase.status == "Creating"
            assert 0 <= phase.old <= 1 + 1e-9 and 0 <= phase.new <= 1 + 1e-9


@given(policies, instances, troubles)
def test_every_course_ends_and_only_a_good_one_is_done(policy: Policy, count: int, trouble: Trouble | None) -> None:
    way = course_of(policy, count, trouble)
    assert math.isfinite(way.length_s)
    if way.ending is Ending.DONE:
        assert trouble is None
        assert way.length_s <= policy.timeout_s
        assert way.phases[-1].status == "Deleting" and way.phases[-1].side == "old"
        assert way.phases[-1].traffic >= 1 - 1e-9
    if way.ending is Ending.MIXED:
        assert policy.routing == "ROLLING" and trouble and trouble.way_back_fails
        assert 0 < way.phases[-1].new < 1
    if trouble and trouble.reason is None and way.length_s < policy.timeout_s:
        assert way.reason is None, "silent"


@given(policies, instances, moments)
def test_a_turned_back_deployment_leaves_the_old_fleet_whole(policy: Policy, count: int, elapsed_s: float) -> None:
    way = course_of(policy, count, None)
    if way.ending is not Ending.DONE:
        return
    back = way.turned_back(min(elapsed_s, way.length_s), "alarm")
    assert back.ending is Ending.REVERTED and back.reason == "alarm"
    last = back.phases[-1]
    if last.status == "Deleting" and last.side == "new":
        assert last.traffic == 0 and last.old == 1
    relaunched = sum(phase.moved for phase in back.phases if phase.status == "Creating" and phase.side == "old")
    cut_old = way.at(min(elapsed_s, way.length_s))[0].old
    assert math.isclose(relaunched + cut_old, 1.0, abs_tol=1e-6)


@given(policies, instances)
def test_traffic_only_grows_on_the_way_forward(policy: Policy, count: int) -> None:
    phases = rollout(policy, count, 180.0)
    shares = [phase.traffic for phase in phases]
    assert shares == sorted(shares)
    launched = sum(counted(phase.moved, 100) for phase in phases if phase.status == "Creating")
    assert 100 <= launched <= 100 + len(phases)


@given(policies, instances)
def test_boundaries_lead_through_all_phases(policy: Policy, count: int) -> None:
    way = course_of(policy, count, None)
    at, seen = 0.0, []
    while at < way.length_s:
        seen.append(way.at(at)[0])
        after = way.next_boundary(at)
        assert after > at
        at = after
    assert at == way.length_s
    assert seen == [phase for phase in way.phases if phase.lasts_s > 0]


def test_messages_are_those_of_sagemaker() -> None:
    canary = Policy("CANARY", Size(True, 25), wait_s=180, termination_wait_s=300)
    said = [phase.message(4) for phase in rollout(canary, 4, 180)]
    assert said == [
        "Launching 4 instance(s).",
        "Activating traffic on canary capacity of 1 instance(s).",
        "Baking for 180 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s).",
        "Activating traffic on full capacity of 4 instance(s).",
        "Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 4 instance(s).",
        "Terminating 4 instance(s).",
    ]
    assert [phase.status for phase in rollout(Policy(), 2, 180)] == ["Creating", "ActivatingTraffic", "Deleting"]
