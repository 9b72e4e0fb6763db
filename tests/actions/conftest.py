"""An embedded world over HTTP, a real ledger, and executors on them; time moves when an action waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import msgspec
import pytest

from console.actions.book import Book
from console.actions.desk import ActionDesk
from console.actions.executor import Executor
from console.actions.model import Plan, Sighting
from console.actions.sending import Pace
from console.actions.verb import Verb
from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clients.identity import who
from console.kinds.registry import verbs
from console.ledger.journal import Entry
from console.ledger.store import Ledger
from console.settings import Context
from console.world.identity import TERRAFORM
from console.world.sagemaker.endpoints import Endpoint, Endpoints
from console.world.world import World
from tests.world.conftest import Clock

_LOADER = botocore.session.Session().get_component("data_loader")
"""One for all: the models of the services take longer to read than a test."""

NAME = "delay-risk"
OLD, NEW = "delay-risk-v6", "delay-risk-v7"
"""The config before the one that serves, and that one."""


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no credentials but what a test gives."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LASTGOOD_", "_LASTGOOD"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))


class Rig:
    """A world and one operator's ledger. `between` are functions called once each, before a wait that comes next."""

    def __init__(self, tmp_path: Path, *, clock: Clock | None = None, busy_ms: int = 500, **options: Any) -> None:
        self.clock = clock or Clock()
        options = {"fleet": 2, "throttle": False, "validate": True, "now": self.clock, "config_lag_s": 0.0} | options
        self.world = World(**options)
        self.served = self.world.serve()
        self.folder = tmp_path
        self.ledger = Ledger.open(tmp_path / "ledger.db", busy_ms=busy_ms)
        self.between: list[Callable[[], None]] = []
        self.pace = Pace()
        self._clouds: dict[Context, Cloud] = {}

    def close(self) -> None:
        self.served.close()
        self.ledger.close()

    def now(self) -> int:
        return round(self.clock() * 1000)

    def context(self, **values: Any) -> Context:
        fields = {"name": "test", "ambient": True, "region": "eu-central-1", "endpoint_url": self.served.url}
        return Context(**(fields | values))

    def desk(self, verb: Verb, **values: Any) -> ActionDesk:
        context = self.context(**values)
        cloud = self._clouds.get(context)
        if cloud is None:
            cloud = self._clouds[context] = Cloud(
                context, budget=Budget(wait=lambda seconds: None), read_s=5, clock=self.clock
            )
            cloud._loader = _LOADER
        return ActionDesk(verb, context, cloud, who(cloud), self.ledger, now=self.now)

    def plan(self, verb: str = "rollback", subject: str = NAME, kind: str = "endpoint", **args: Any) -> Plan:
        args = {"to": OLD} | args if verb == "rollback" else args
        found = verb_of(verb, kind)
        return found.deed().plan(self.desk(found), subject, args)

    def executor(
        self, plan: Plan, *, ledger: Ledger | None = None, unrecorded: bool = False, **values: Any
    ) -> Executor:
        verb = verb_of(plan.verb, plan.kind)
        desk = self.desk(verb, **values)
        desk.ledger = ledger or self.ledger
        book = Book(desk.ledger, plan.scope, plan.id, now=self.now, unrecorded=unrecorded)
        return Executor(desk, verb.deed(), book, desk.ledger.locks, pace=self.pace, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        if self.between:
            self.between.pop(0)()
        self.clock.tick(seconds)

    def apply(self, plan: Plan, **values: Any) -> Sighting:
        return self.executor(plan, **values).apply(plan)

    def steps(self, plan: Plan) -> list[str]:
        return [entry.step for entry in self.entries(plan)]

    def entries(self, plan: Plan) -> list[Entry]:
        return self.ledger.journal.entries(plan.scope, action_id=plan.id)

    def last(self, plan: Plan) -> Entry:
        return self.entries(plan)[-1]

    def fault(self, operation: str, **rule: Any) -> None:
        self.world.faults.add(operation=operation, **rule)

    def sent(self, operation: str = "UpdateEndpoint") -> int:
        """Requests that reached the world."""
        with urllib.request.urlopen(f"{self.served.url}/_world/calls") as answer:
            return int(json.load(answer).get(operation, 0))

    def endpoint(self, name: str = NAME) -> Endpoint:
        with self.world.lock:
            self.world.advance()
            return self.world.region().of(Endpoints).get(name)

    def deploys(self, config: str, name: str = NAME, **request: Any) -> None:
        """Terraform deploys, whatever else happens."""
        request |= {"EndpointName": name, "EndpointConfigName": config}
        with self.world.lock:
            self.world.advance()
            self.world.call("UpdateEndpoint", request, TERRAFORM)

    def config(self, name: str, like: str = NEW) -> str:
        """A config of another name for the same models."""
        with self.world.lock:
            self.world.advance()
            found = self.world.call("DescribeEndpointConfig", {"EndpointConfigName": like})
            request = {"EndpointConfigName": name, "ProductionVariants": found["ProductionVariants"]}
            if "DataCaptureConfig" in found:
                request["DataCaptureConfig"] = found["DataCaptureConfig"]
            self.world.call("CreateEndpointConfig", request)
        return name


def verb_of(name: str, kind: str) -> Verb:
    return next(v for v in verbs() if v.id == name and v.kind == kind)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    """Makes rigs; the environment is that of the engineer on call."""
    rigs: list[Rig] = []

    def build(**options: Any) -> Rig:
        rig = Rig(tmp_path / f"operator-{len(rigs)}", **options)
        rigs.append(rig)
        for name, value in rig.served.env.items():
            monkeypatch.setenv(name, value)
        return rig

    yield build
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


class Real:
    """The wall clock, for tests with processes."""

    def __call__(self) -> float:
        return time.time()

    def tick(self, seconds: float) -> None:
        time.sleep(seconds)


class Shell:
    """The command line on a rig whose world runs by the wall clock, in this process or in one of its own."""

    def __init__(self, rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
        self.rig, self._capfd = rig, capfd

    def __call__(self, *argv: str) -> Said:
        from console.cli.app import run

        self._capfd.readouterr()
        code = run(list(argv))
        return Said(int(code), *self._capfd.readouterr())

    def process(self, *argv: str, module: str = "console", **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def keep(self, plan: Plan) -> str:
        """Puts a plan where `apply` finds it."""
        self.rig.ledger.journal.save_plan(plan.id, plan.scope, msgspec.json.encode(plan), plan.created_at)
        return plan.id

    def until(self, plan_id: str, step: str, timeout_s: float = 20) -> Entry:
        """Waits for a step in the journal."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for entry in self.rig.ledger.journal.entries(action_id=plan_id):
                if entry.step == step:
                    return entry
            time.sleep(0.02)
        steps = [(e.step, e.body.get("words")) for e in self.rig.ledger.journal.entries(action_id=plan_id)]
        raise AssertionError(f"no {step} of {plan_id}: {steps}")


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def shell(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """Deployments of minutes take half a second."""
    return shell_on(make(clock=Real(), speed=600.0), monkeypatch, capfd)


def shell_on(rig: Rig, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("LASTGOOD_STATE_DIR", str(rig.folder))
    monkeypatch.setenv("LASTGOOD_CONFIG", str(configuration(rig, guarded=False)))
    return Shell(rig, capfd)


def configuration(rig: Rig, name: str = "test", **values: Any) -> Path:
    """A config.toml with one context."""
    lines = [f"[contexts.{name}]", 'region = "eu-central-1"', f'endpoint_url = "{rig.served.url}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path = rig.folder / f"{name}-{len(values)}-{int(bool(values.get('guarded')))}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
