"""The world as people use it: in real time, fast, with many clients at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from botocore.exceptions import ClientError

from console.world.clock import Agenda
from tests.world.conftest import Lab
from tests.world.test_front import post


def test_an_incident_and_its_roll_back_in_real_time(world: Callable[..., Lab]) -> None:
    lab = world(speed=400, now=time.time)
    sagemaker = lab.client("sagemaker")
    lab.world.play("bad-config")

    def wait_for(config: str) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = sagemaker.describe_endpoint(EndpointName="delay-risk")
            if found["EndpointStatus"] == "InService" and found["EndpointConfigName"] == config:
                return
            time.sleep(0.05)
        raise AssertionError(f"never on {config}")

    wait_for("delay-risk-v8")
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v7")
    wait_for("delay-risk-v7")


def test_of_two_operators_at_once_one_is_accepted(lab: Lab) -> None:
    clients = [lab.client("sagemaker") for _ in range(6)]
    gate, outcomes = threading.Barrier(len(clients)), []

    def act(client: object, version: int) -> None:
        gate.wait()
        try:
            client.update_endpoint(EndpointName="delay-risk", EndpointConfigName=f"delay-risk-v{version}")  # type: ignore[attr-defined]
            outcomes.append("accepted")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Message"].split('"')[0])

    threads = [threading.Thread(target=act, args=(client, 3 + at % 4)) for at, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["Cannot update in-progress endpoint "] * 5 + ["accepted"]


def test_requests_without_credentials_are_refused(lab: Lab) -> None:
    status, answer = post(lab, b"{}", {"X-Amz-Target": "SageMaker.ListEndpoints"})
    assert (status, answer["__type"]) == (403, "MissingAuthenticationTokenException")


def test_the_agenda_runs_in_due_order_with_the_moment_each_was_due() -> None:
    agenda, seen = Agenda(), []
    agenda.at(30.0, lambda due: seen.append(("late", due)))
    agenda.at(10.0, lambda due: (seen.append(("first", due)), agenda.at(20.0, lambda at: seen.append(("chained", at)))))
    cancelled = agenda.at(15.0, lambda due: seen.append(("never", due)))
    agenda.cancel(cancelled)
    assert agenda.next_due() == 10.0
    agenda.advance(25.0)
    assert seen == [("first", 10.0), ("chained", 20.0)] and agenda.moment is None
    agenda.cancel(cancelled)
    agenda.advance(30.0)
    assert seen[-1] == ("late", 30.0) and agenda.next_due() is None
