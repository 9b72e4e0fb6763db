"""True histories of an endpoint, made by the embedded world's own state machine, and what an observer gets to see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import msgspec

from console.clock import Millis
from console.kinds.change.record import Change, from_event
from console.kinds.endpoint.record import Endpoint, from_api
from console.world.cloudwatch.alarms import Alarms
from console.world.cloudwatch.guards import put_alarm
from console.world.errors import AwsError
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.deployment import Ending
from console.world.sagemaker.endpoints import Endpoints
from console.world.world import World

NAME = "shop-rank"
CONFIGS = tuple(f"{NAME}-v{version}" for version in range(1, 5))
REGION = "eu-central-1"

SIZE = {"Type": "CAPACITY_PERCENT", "Value": 34}
GUARD = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "red"}]}}
POLICIES: dict[str, dict[str, Any] | None] = {
    "plain": None,
    "canary": {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 300,
                "CanarySize": SIZE,
            },
            "TerminationWaitInSeconds": 120,
        },
        **GUARD,
    },
    "rolling": {"RollingUpdatePolicy": {"MaximumBatchSize": SIZE, "WaitIntervalInSeconds": 60}, **GUARD},
}


def parsed(value: Any, name: str = "") -> Any:
    """A world's answer as botocore parses it: epoch seconds of members named so become aware datetimes."""
    if isinstance(value, dict):
        return {key: parsed(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [parsed(item) for item in value]
    if name.endswith("Time") and isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    return value


@dataclass
class Attempt:
    """One accepted CreateEndpoint or UpdateEndpoint, as it really went. Times in UTC milliseconds."""

    start: Millis
    source: str
    target: str
    end: Millis | None = None
    took_over: bool = False
    life: int = 0


class TrueEndpoint:
    """An endpoint of a world whose clock the test moves, with everything that really happened to it."""

    def __init__(self, search_lag_s: float = 10.0, trail_delay_s: float = 30.0) -> None:
        self.s = 1_800_000_000.25
        self.world = World(
            fleet=0,
            throttle=False,
            now=lambda: self.s,
            search_lag_s=search_lag_s,
            trail_delay_s=trail_delay_s,
        )
        self.endpoints = self.world.region().of(Endpoints)
        self.endpoints.on_settling.append(self._settling)
        self.attempts: list[Attempt] = []
        self.moves: list[Millis] = []
        """When anything began on it: deployments, scaling, maintenance."""
        self.lives = 0
        for config in CONFIGS:
            image = {"Image": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/shop:1"}
            self.call("CreateModel", ModelName=config, PrimaryContainer=image)
            variant = {
                "VariantName": "AllTraffic",
                "ModelName": config,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 2,
            }
            self.call("CreateEndpointConfig", EndpointConfigName=config, ProductionVariants=[variant])
        put_alarm(self.world.region(), "red", NAME, "Invocation5XXErrors", 1)
        self.wait(60)

    @property
    def now(self) -> Millis:
        return round(self.s * 1000)

    def wait(self, seconds: float) -> None:
        self.s += seconds
        with self.world.lock:
            self.world.advance()

    def call(self, operation: str, service: str = "sagemaker", **request: Any) -> dict[str, Any]:
        with self.world.lock:
            self.world.advance()
            return self.world.call(operation, request, service=service)

    def _tried(self, operation: str, **request: Any) -> bool:
        try:
            self.call(operation, **request)
        except AwsError:
            return False
        self.moves.append(self.now)
        return True

    def create(self, config: str) -> None:
        if self._tried("CreateEndpoint", EndpointName=NAME, EndpointConfigName=config):
            self.lives += 1
            self.attempts.append(Attempt(self.now, "", config, life=self.lives))

    def deploy(self, config: str, policy: str = "plain", trouble: Trouble | None = None) -> None:
        self.endpoints.bad_configs.clear()
        if trouble:
            self.endpoints.bad_configs[config] = trouble
        before = self.call("DescribeEndpoint", EndpointName=NAME)["EndpointConfigName"]
        request: dict[str, Any] = {"EndpointName": NAME, "EndpointConfigName": config}
        if POLICIES[policy]:
            request["DeploymentConfig"] = POLICIES[policy]
        if self._tried("UpdateEndpoint", **request):
            self.attempts.append(Attempt(self.now, before, config, life=self.lives))

    def scale(self, fails: str | None = None) -> None:
        self.endpoints.bad_scalings.clear()
        if fails is not None:
            self.endpoints.bad_scalings[NAME] = Trouble(fails, after_s=90)
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2 + len(self.moves) % 3}]
        self._tried("UpdateEndpointWeightsAndCapacities", EndpointName=NAME, DesiredWeightsAndCapacities=wanted)

    def maintain(self) -> None:
        with self.world.lock:
            self.world.advance()
            try:
                self.endpoints.maintain(NAME, 200)
            except AwsError:
                return
            self.moves.append(self.now)

    def alarm(self, red: bool) -> None:
        with self.world.lock:
            self.world.advance()
            self.world.region().of(Alarms).hold("red", "ALARM" if red else "OK", "set by a test")

    def delete(self) -> None:
        self._tried("DeleteEndpoint", EndpointName=NAME)

    def _settling(self, endpoint: Any) -> None:
        last = self.attempts[-1] if self.attempts else None
        if last is not None and last.end is None and endpoint.change.kind in ("create", "update"):
            last.end = round(self.world.now * 1000)
            last.took_over = endpoint.change.course.ending is Ending.DONE

    def describe(self) -> Endpoint | None:
        try:
            return from_api(parsed(self.call("DescribeEndpoint", EndpointName=NAME)), detailed=True)
        except AwsError:
            return None

    def search(self) -> Endpoint | None:
        for result in self.call("Search", Resource="Endpoint")["Results"]:
            return from_api(parsed(result["Endpoint"]), detailed=False)
        return None

    def trail(self) -> list[Change]:
        found: list[Change] = []
        request: dict[str, Any] = {}
        while True:
            answer = self.call("LookupEvents", service="cloudtrail", **request)
            for item in answer["Events"]:
                told = msgspec.json.decode(item["CloudTrailEvent"])
                change = from_event(told, event_id=item["EventId"], at=parsed(item["EventTime"], "Time"))
                if change is not None and change.kind == "endpoint":
                    found.append(change)
            if not answer.get("NextToken"):
                return found
            request = {"NextToken": answer["NextToken"]}
