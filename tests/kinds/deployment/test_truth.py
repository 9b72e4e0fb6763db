"""Derived histories against true ones: the world's state machine makes them, an observer with gaps looks on.

What is claimed must be true, nothing may be invented, what nobody watched is unknown, and what was watched is told.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.clock import SECOND, Millis, iso
from console.kinds.change.record import LATE, Change
from console.kinds.deployment.derive import QUICKEST, derive, is_current
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import Endpoint
from console.world.sagemaker.course import Trouble
from tests.kinds.truth import CONFIGS, Attempt, TrueEndpoint

TROUBLES = (
    None,
    None,
    Trouble(None, after_s=200),
    Trouble("The primary container did not pass the ping health check.", after_s=400),
    Trouble("no\ncapacity", after_s=150, way_back_fails=True),
)

deploy = st.tuples(
    st.just("deploy"),
    st.sampled_from(CONFIGS[:3]),
    st.sampled_from(["plain", "plain", "canary", "rolling"]),
    st.sampled_from(TROUBLES),
)
deeds = st.one_of(
    deploy,
    st.tuples(st.just("scale"), st.sampled_from([None, "InsufficientInstanceCapacity"])),
    st.tuples(st.just("maintain")),
    st.tuples(st.just("alarm"), st.booleans()),
    st.tuples(st.just("again"), st.sampled_from(CONFIGS[:3])),
)
looks = st.one_of(
    st.tuples(st.just("watch"), st.sampled_from([10, 60, 150])),
    st.tuples(st.just("glance"), st.just(0)),
    st.tuples(st.just("index"), st.sampled_from([0, 15])),
)
blind = st.tuples(st.just("blind"), st.sampled_from([20, 200, 400, 1200, 3000]))
rounds = st.one_of(
    st.tuples(deploy, looks),
    st.tuples(deploy, looks, blind, looks),
    st.tuples(deploy, looks, blind, deploy, blind, looks),
    st.tuples(deploy, blind, deploy, blind, looks),
    st.tuples(deploy, blind, looks),
    st.tuples(deeds, blind, looks),
    st.tuples(deeds, looks),
    st.tuples(blind),
)
"""Deployments that are watched, glanced at or missed, one after the other before anybody looks."""


class Observer:
    """Keeps what a ledger would keep, and CloudTrail as far as it was delivered."""

    def __init__(self, true: TrueEndpoint, trail: bool) -> None:
        self.true, self.trail = true, trail
        self.sights: list[tuple[Millis, Endpoint]] = []

    def look(self, seen: Endpoint | None) -> None:
        if seen is not None and is_current(self.sights, seen):
            self.sights.append((self.true.now, seen))

    def watch(self, step_s: float) -> None:
        """Describe at that pace until it has settled (and once if it has), as a collector does."""
        for _ in range(2000):
            seen = self.true.describe()
            self.look(seen)
            if seen is None or not seen.moving:
                return
            self.true.wait(step_s)

    def derived(self) -> tuple[tuple[Deployment, ...], list[Change]]:
        changes = self.true.trail() if self.trail else []
        return derive(self.sights, changes, self.true.now - LATE if self.trail else 0), changes


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    rounds=st.lists(rounds, min_size=1, max_size=6),
    trail=st.booleans(),
    trail_lag_s=st.sampled_from([0, 30, 600]),
    search_lag_s=st.sampled_from([0, 10, 90]),
)
def test_whatever_is_claimed_is_true(
    rounds: list[tuple[tuple[Any, ...], ...]], trail: bool, trail_lag_s: float, search_lag_s: float
) -> None:
    true = TrueEndpoint(search_lag_s=search_lag_s, trail_delay_s=trail_lag_s)
    observer = Observer(true, trail)
    true.create(CONFIGS[0])
    for step in [step for steps in rounds for step in steps]:
        match step:
            case ("deploy", config, policy, trouble):
                true.deploy(config, policy, trouble)
                true.wait(1.5)
            case ("scale", fails):
                true.scale(fails)
                true.wait(1.5)
            case ("maintain",):
                true.maintain()
                true.wait(1.5)
            case ("alarm", red):
                true.alarm(red)
            case ("again", config):
                true.delete()
                true.wait(1000)
                observer.look(true.describe())
                true.create(config)
                true.wait(1.5)
            case ("blind", seconds):
                true.wait(seconds)
            case ("watch", pace):
                observer.watch(pace)
            case ("glance", _):
                observer.look(true.describe())
            case ("index", seconds):
                true.wait(seconds)
                observer.look(true.search())
        check(observer)


def check(observer: Observer) -> None:
    found, changes = observer.derived()
    told = "\n".join(
        [*map(str, found), "TRUE", *map(str, observer.true.attempts), "SEEN", *map(_short, observer.sights)]
    )
    starts: list[Millis] = []
    unstarted: dict[str, int] = {}
    for d in found:
        if d.started_at is None:
            fits = [
                a
                for a in observer.true.attempts
                if a.target == d.target and a.took_over and a.end <= d.ended_at + SECOND
            ]
            assert fits, f"invented: {d}\n{told}"
            assert d.outcome is Outcome.SUCCEEDED
            unstarted[d.target] = unstarted.get(d.target, 0) + 1
            continue
        fits = [a for a in observer.true.attempts if a.target == d.target and abs(a.start - d.started_at) <= 1500]
        assert len(fits) == 1, f"invented: {d}\n{told}"
        true = fits[0]
        assert true.start not in starts, f"told twice: {d}\n{told}"
        starts.append(true.start)
        last_look = observer.sights[-1][0] if observer.sights else 0
        # From mixed fleets to the config it is on: without a reason, no observation tells success from failure.
        if d.outcome is Outcome.SUCCEEDED and true.source != true.target:
            assert true.took_over, f"it did not succeed: {d}\n{told}"
        elif d.outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}:
            assert true.end is not None and not true.took_over, f"it did not fail: {d}\n{told}"
        elif d.outcome is Outcome.IN_PROGRESS:
            seen = [at for at, s in observer.sights if s.pending and s.pending.config == d.target]
            assert seen and (true.end is None or max(seen) <= true.end), f"it is over: {d}\n{told}"
            assert d is found[0] or last_look >= true.start
        if d.ended_at is not None:
            assert true.end is not None and -SECOND <= d.ended_at - true.end <= QUICKEST, f"not its end: {d}\n{told}"
    for target, count in unstarted.items():
        known = sum(d.target == target and d.started_at is not None for d in found)
        assert count + known <= sum(a.target == target for a in observer.true.attempts), f"too many\n{told}"
    for attempt in observer.true.attempts:
        if watched(observer, attempt):
            mine = [d for d in found if d.started_at and abs(d.started_at - attempt.start) <= 1500]
            assert mine, f"not told: {attempt}\n{told}"
            good = {Outcome.SUCCEEDED} if attempt.took_over else {Outcome.FAILED, Outcome.ROLLED_BACK}
            assert mine[0].outcome in good, f"watched, yet {mine[0].outcome}: {attempt}\n{told}"
    for change in changes:
        if change.event in {"CreateEndpoint", "UpdateEndpoint"} and not change.error:
            assert any(d.started_at and abs(d.started_at - change.at) <= 1500 for d in found), f"lost {change}\n{told}"


def watched(observer: Observer, attempt: Attempt) -> bool:
    """Seen in motion by Describe shortly before its end, and settled right after it."""
    if attempt.end is None or attempt.source == attempt.target:
        return False
    end = attempt.end
    described = [(at, s) for at, s in observer.sights if s.detailed]
    before = [at for at, s in described if s.pending and s.pending.started_at == attempt.start and at >= end - QUICKEST]
    following = min((m for m in observer.true.moves if m >= end), default=observer.true.now + 1)
    after = [at for at, s in described if end <= at <= following and not s.moving]
    return bool(before) and bool(after)


def _short(sight: tuple[Millis, Endpoint]) -> str:
    at, s = sight
    kind = "describe" if s.detailed else "search"
    return f"{iso(at)} {kind} {s.status} {s.config} pending={s.pending and s.pending.config} m={s.modified_at}"
