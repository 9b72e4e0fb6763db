"""A world over HTTP whose clock the test moves: no test waits for what takes minutes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from console.world.server import Served
from console.world.world import DEFAULT_REGION, World

_SESSION = boto3.session.Session()
"""One for all: it keeps botocore's models, 100 ms a client otherwise."""


class Clock:
    """Wall time that passes only when told, from the last 10:10Z on: traffic differs by the time of day."""

    def __init__(self, now: float | None = None) -> None:
        self.now = at_ten() if now is None else now

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


def at_ten() -> float:
    """The last 10:10Z, in epoch seconds."""
    now = float(int(time.time()))
    return now - (now - (10 * 3600 + 600)) % 86400


@dataclass
class Lab:
    """A served world and its clock."""

    world: World
    clock: Clock
    served: Served

    def client(self, service: str, *, region: str = DEFAULT_REGION, attempts: int = 1, **config: Any) -> Any:
        """A real boto3 client; one attempt unless said, so that a test sees each answer."""
        env = self.served.env
        return _SESSION.client(
            service,
            region_name=region,
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=env["AWS_SESSION_TOKEN"],
            endpoint_url=self.served.url,
            config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, **config),
        )

    def settle(self, name: str, step_s: float = 10.0) -> dict[str, Any]:
        """Ticks until the endpoint is in no transition; its description."""
        sagemaker = self.client("sagemaker")
        for _ in range(2000):
            found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed"):
                return found
            self.clock.tick(step_s)
        raise AssertionError(f"{name} never settles")


@pytest.fixture
def world() -> Iterator[Callable[..., Lab]]:
    """Makes worlds: validated, unthrottled, with a clock of their own unless `now` is given."""
    open_: list[Served] = []

    def make(**options: Any) -> Lab:
        clock = Clock()
        made = World(**({"validate": True, "throttle": False, "now": clock} | options))
        served = made.serve()
        open_.append(served)
        return Lab(made, clock, served)

    yield make
    for served in open_:
        served.close()


@pytest.fixture
def lab(world: Callable[..., Lab]) -> Lab:
    return world()
