"""Any sequence of writes, alarms, troubles and waiting: what an endpoint must never do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from console.world.cloudwatch.alarms import Alarms
from console.world.cloudwatch.guards import put_alarm
from console.world.errors import AwsError
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints
from console.world.world import World

NAME = "shop-rank"
BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
CONFIGS = {f"{NAME}-v{version}": version for version in range(1, 6)}
SIZE = {"Type": "CAPACITY_PERCENT", "Value": 34}
POLICIES: list[dict[str, Any] | None] = [
    None,
    {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}},
    {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 300, "CanarySize": SIZE},
            "TerminationWaitInSeconds": 120,
        }
    },
    {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": SIZE},
            "MaximumExecutionTimeoutInSeconds": 600,
        }
    },
    {"RollingUpdatePolicy": {"MaximumBatchSize": SIZE, "WaitIntervalInSeconds": 60}},
]
GUARD = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "red"}]}}


class EndpointMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.world = World(fleet=0, validate=True, throttle=False, now=lambda: self.now)
        self.endpoints = self.world.region().of(Endpoints)
        self.guarded = False
        self.retained: dict[str, int] | None = None
        self.before = self.target = ""
        self.kind = "create"

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        with self.world.lock:
            self.world.advance()
            return self.world.call(operation, request)

    def describe(self) -> dict[str, Any]:
        return self.call("DescribeEndpoint", EndpointName=NAME)

    @initialize()
    def create(self) -> None:
        for config, version in CONFIGS.items():
            image = {"Image": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:{version}"}
            self.call("CreateModel", ModelName=config, PrimaryContainer=image)
            variant = {
                "VariantName": "AllTraffic",
                "ModelName": config,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": version,
            }
            self.call("CreateEndpointConfig", EndpointConfigName=config, ProductionVariants=[variant])
        put_alarm(self.world.region(), "red", NAME, "Invocation5XXErrors", 1)
        self.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName=f"{NAME}-v3")
        self.target = f"{NAME}-v3"
        self.now += 10

    @rule(seconds=st.sampled_from([1, 30, 200, 700, 4000]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(
        config=st.sampled_from(sorted(CONFIGS)),
        policy=st.sampled_from(POLICIES),
        guard=st.booleans(),
        keep=st.booleans(),
    )
    def update(self, config: str, policy: dict[str, Any] | None, guard: bool, keep: bool) -> None:
        before = self.describe()
        request: dict[str, Any] = {
            "EndpointName": NAME,
            "EndpointConfigName": config,
            "RetainAllVariantProperties": keep,
        }
        deployment = (policy or {}) | (GUARD if guard else {})
        if deployment:
            request["DeploymentConfig"] = deployment
        status = before["EndpointStatus"]
        if status in BUSY:
            with pytest.raises(AwsError, match=r'^ValidationException: Cannot update in-progress endpoint "arn:aws:'):
                self.call("UpdateEndpoint", **request)
            return
        if status == "Failed" or (config == before["EndpointConfigName"] and status == "InService"):
            with pytest.raises(AwsError, match="ValidationException"):
                self.call("UpdateEndpoint", **request)
            return
        self.call("UpdateEndpoint", **request)
        running = before["ProductionVariants"][0]["DesiredInstanceCount"]
        self.before, self.target, self.kind, self.guarded = before["EndpointConfigName"], config, "update", guard
        self.expected = running if keep else CONFIGS[config]
        self.running = running
        after = self.describe()
        assert after["EndpointStatus"] == "Updating"
        assert after["EndpointConfigName"] == self.before, "the old config until it is done"
        assert after["PendingDeploymentSummary"]["EndpointConfigName"] == config
        assert "FailureReason" not in after

    @precondition(lambda self: self.describe()["EndpointStatus"] == "InService")
    @rule(count=st.integers(1, 6), fails=st.booleans())
    def scale(self, count: int, fails: bool) -> None:
        before = self.describe()
        if fails:
            self.endpoints.bad_scalings[NAME] = Trouble("InsufficientInstanceCapacity", after_s=100)
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        self.call("UpdateEndpointWeightsAndCapacities", EndpointName=NAME, DesiredWeightsAndCapacities=wanted)
        self.before = self.target = before["EndpointConfigName"]
        self.running = before["ProductionVariants"][0]["DesiredInstanceCount"]
        self.expected = self.running if fails else count
        self.kind, self.guarded = "scale", False
        assert "PendingDeploymentSummary" not in self.describe()

    @rule(config=st.sampled_from(sorted(CONFIGS)), reason=st.sampled_from([None, "ping"]), mixed=st.booleans())
    def trouble(self, config: str, reason: str | None, mixed: bool) -> None:
        self.endpoints.bad_configs[config] = Trouble(reason, after_s=400, way_back_fails=mixed)

    @rule(config=st.sampled_from(sorted(CONFIGS)))
    def mend(self, config: str) -> None:
        self.endpoints.bad_configs.pop(config, None)

    @rule(state=st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]))
    def alarm(self, state: str) -> None:
        self.world.advance()
        self.world.region().of(Alarms).hold("red", state, "set by a test")

    @precondition(lambda self: self.describe()["EndpointStatus"] == "InService")
    @rule()
    def maintenance(self) -> None:
        self.world.advance()
        self.endpoints.maintain(NAME, 300)

    @invariant()
    def someone_serves(self) -> None:
        if not self.target:
            return
        found = self.describe()  # its shape is checked by validate=True
        if found["EndpointStatus"] in ("Creating", "Failed"):
            return
        pending = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        assert sum(one["CurrentInstanceCount"] for one in found["ProductionVariants"] + pending) >= 1
        shares = [one["CurrentWeight"] for one in found["ProductionVariants"] + pending]
        assert abs(sum(shares) - 1.0) < 1e-3

    @invariant()
    def what_is_settled_is_whole(self) -> None:
        if not self.target:
            return
        found = self.describe()
        if found["EndpointStatus"] != "InService":
            return
        assert "PendingDeploymentSummary" not in found
        (variant,) = found["ProductionVariants"]
        assert "VariantStatus" not in variant
        assert variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"]
        if self.kind == "update":
            reached = found["EndpointConfigName"] == self.target and self.target != self.before
            assert found["EndpointConfigName"] in (self.target, self.before)
            assert variant["DesiredInstanceCount"] == (self.expected if reached else self.running)
            assert not (reached and "FailureReason" in found)

    def teardown(self) -> None:
        """Left alone, everything settles; a deployment that watched a red alarm all along is on the old config."""
        if not self.target:
            return
        updating = self.describe()["EndpointStatus"] == "Updating" and self.kind == "update" and self.guarded
        rolls = self.endpoints.get(NAME).change
        early = (
            updating
            and rolls is not None
            and rolls.course.at(0)[0] == self.endpoints.phase(self.endpoints.get(NAME), self.now)[0]
        )  # type: ignore[index]
        if early:
            self.alarm("ALARM")
        self.now += 50_000
        found = self.describe()
        assert found["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed")
        if early:
            assert found["EndpointConfigName"] == self.before


TestEndpointMachine = EndpointMachine.TestCase
TestEndpointMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
