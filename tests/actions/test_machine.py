"""Property: whatever goes wrong, one plan is executed at most once, and its journal ends with what is true."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from console.actions.model import Plan
from console.actions.orphans import orphans
from console.actions.sending import Pace
from console.errors import LastgoodError
from console.ledger.journal import TERMINAL
from console.world.errors import AwsError
from console.world.identity import ONCALL
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints
from tests.actions.conftest import Rig
from tests.world.conftest import Clock

CONFIGS = ("delay-risk-v5", "delay-risk-v6", "delay-risk-v7")

FAULTS: list[dict[str, Any]] = [
    {"lose_response": True},
    {"truncate": True},
    {"code": "ThrottlingException", "message": "Rate exceeded"},
    {"code": "InternalFailure", "status": 500},
    {"code": "ServiceUnavailable", "status": 503},
    {"code": "ExpiredTokenException"},
    {"code": "AccessDeniedException", "message": "no"},
    {"code": "ResourceLimitExceeded", "message": "The account-level service limit …"},
]


OPERATIONS = ("UpdateEndpoint", "UpdateEndpoint", "DescribeEndpoint", "*")

ENDS: Counter[str] = Counter()
"""How actions ended, over all examples."""


class Died(BaseException):
    """The process ends here: no `except Exception` sees it."""


class Acting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        clock = Clock()
        clock.now = 1_795_000_000.0  # a replay must meet the same world
        self.rig = Rig(Path(self.folder.name), clock=clock, fleet=1, validate=False)
        self.rig.pace = Pace(poll_s=30, unclear_s=60, patience_s=3600)
        self.plans: dict[str, Plan] = {}
        self.accepted: dict[str, int] = {}
        self.repeated: set[str] = set()
        self.acting = ""
        world = self.rig.world
        call = world.handle

        def counted(region: Any, service: str, name: str, request: dict[str, Any], caller: Any) -> Any:
            ours = name == "UpdateEndpoint" and caller.access_key == ONCALL.access_key
            if ours and self.accepted.get(self.acting):
                self.repeated.add(self.acting)  # also where AWS would refuse it
            answer = call(region, service, name, request, caller)
            if ours:
                self.accepted[self.acting] = self.accepted.get(self.acting, 0) + 1
            return answer

        world.handle = counted  # type: ignore[method-assign]

    def teardown(self) -> None:
        self.rig.close()
        self.folder.cleanup()

    @initialize()
    def existing(self) -> None:
        for name in CONFIGS:
            self._ensure(name)

    def _ensure(self, name: str) -> None:
        try:
            self.rig.config(name)
        except AwsError:
            return

    @rule(
        pick=st.integers(0, 1),
        faults=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(FAULTS), st.integers(1, 3)), max_size=2),
        meanwhile=st.none() | st.sampled_from(CONFIGS),
        dies_after=st.none() | st.integers(0, 6),
    )
    def plan_and_apply(self, pick: int, faults: list[Any], meanwhile: str | None, dies_after: int | None) -> None:
        self.rig.world.faults.clear()
        others = [config for config in CONFIGS if config != self.rig.endpoint().config]
        try:
            plan = self.rig.plan(to=others[pick])
        except LastgoodError:
            return
        self.plans[plan.id] = plan
        for operation, fault, times in faults:
            self.rig.fault(operation, times=times, **fault)
        self._run(plan, "apply", dies_after, meanwhile)

    @rule(config=st.sampled_from(CONFIGS))
    def somebody_deploys(self, config: str) -> None:
        try:
            self.rig.deploys(config)
        except AwsError:
            return

    @rule(config=st.sampled_from(CONFIGS), bad=st.booleans())
    def a_config_turns(self, config: str, bad: bool) -> None:
        bad_configs = self.rig.world.region().of(Endpoints).bad_configs
        bad_configs.pop(config, None)
        if bad:
            bad_configs[config] = Trouble("Health check failed", after_s=60)

    @rule(seconds=st.sampled_from([5, 60, 600]))
    def time_passes(self, seconds: float) -> None:
        self.rig.clock.tick(seconds)

    @rule(pick=st.integers(0, 50), dies_after=st.none() | st.integers(0, 8))
    def apply_again(self, pick: int, dies_after: int | None) -> None:
        if self.plans:
            self._run(list(self.plans.values())[pick % len(self.plans)], "apply", dies_after)

    @rule(dies_after=st.none() | st.integers(0, 8))
    def resume(self, dies_after: int | None) -> None:
        for orphan in self._orphans():
            self._run(orphan.plan, "resume", dies_after)

    def _run(self, plan: Plan, what: str, dies_after: int | None, meanwhile: str | None = None) -> None:
        if meanwhile:
            self.rig.between = [lambda: self.somebody_deploys(meanwhile)]
        self.acting = plan.id
        try:
            executor = self.rig.executor(plan)
        except LastgoodError:
            return  # STS did not answer
        write, left = executor.book.write, dies_after

        def dying(step: str, body: Any) -> None:
            nonlocal left
            if left is not None:
                if left == 0:
                    raise Died
                left -= 1
            write(step, body)

        executor.book.write = dying  # type: ignore[method-assign]
        try:
            end = getattr(executor, what)(plan)
        except (LastgoodError, Died):
            return
        finally:
            self.rig.between = []
            steps = self.rig.steps(plan)
            ENDS[next((step for step in steps if step in TERMINAL), "open" if steps else "none")] += 1
        if end.stage.value == "done":
            assert self.rig.endpoint().config == plan.target

    def _orphans(self) -> list[Any]:
        return orphans(self.rig.ledger, next(iter(self.plans.values())).scope) if self.plans else []

    @invariant()
    def once(self) -> None:
        assert all(n <= 1 for n in self.accepted.values()), self.accepted
        assert not self.repeated, [self.rig.steps(self.plans[plan]) for plan in self.repeated]

    @invariant()
    def truthful(self) -> None:
        for plan in self.plans.values():
            steps = self.rig.steps(plan)
            ends = [step for step in steps if step in TERMINAL]
            assert len(ends) <= 1
            if ends and ends[0] in {"refused", "not_needed"}:
                assert self.accepted.get(plan.id, 0) == 0, steps
            if ends == ["done"]:
                assert self.accepted.get(plan.id, 0) == 1 or "note" in steps, steps
            if self.accepted.get(plan.id) and not ends:
                assert "call" in steps  # written ahead: whoever resumes knows that it was sent


@pytest.fixture(autouse=True)
def _environment(nobody: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ONCALL.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    ENDS.clear()
    yield
    assert {"done", "failed", "open"} <= set(ENDS), ENDS  # it really went all these ways


Acting.TestCase.settings = settings(
    max_examples=9, stateful_step_count=16, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestActing = Acting.TestCase
