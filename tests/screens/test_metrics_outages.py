"""The metrics screen when AWS, the credentials or its own subprocess go: what is known stays, and it asks again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import LastgoodApp
from screens.metrics import MetricsScreen
from tests.screens.driving import drive, until
from tests.screens.fleet import Fleet, fleet
from tests.screens.test_metrics import answered, line, play, shown

WIDE = (160, 40)


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as made:
        made.look(endpoint=["delay-risk"])
        yield made


def fields(screen: MetricsScreen) -> set[str]:
    assert screen.content is not None
    return {one.metric for one in screen.content.courses if not one.empty}


def test_expired_credentials_are_said_what_aws_told_stays_and_it_is_asked_again(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        assert "cpu_percent" in fields(screen)
        lab.world.faults.add(operation="GetMetricData", code="ExpiredTokenException")
        lab.clock.now += 240  # the ledger has nothing newer: the screen asks by itself
        await until(pilot, lambda: "have expired" in line(screen, "crumbs"), 30)
        assert "cpu_percent" in fields(screen) and "CPU" in shown(screen), "CloudWatch's series are still drawn"
        lab.world.faults.clear()
        lab.look(50, endpoint=["delay-risk"])  # a collector keeps the ledger fresh: no reason not to ask
        lab.clock.now += 11
        await until(pilot, lambda: " of $" in line(screen, "crumbs"), 30)
        assert screen.answers.asking is None and "cpu_percent" in fields(screen)

    play(lab, steps, WIDE)


def test_a_subprocess_that_dies_is_said_and_one_of_a_screen_that_was_left_ends(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: screen._child is not None and screen._child.running)
        child = screen._child
        assert child is not None and child._process is not None
        os.kill(child._process.pid, 9)
        await answered(pilot, screen)
        assert "without a word" in line(screen, "crumbs") and "requests" in shown(screen)
        lab.clock.now += 61
        await until(pilot, lambda: screen._child is not child and screen._child is not None and screen._child.running)
        again = screen._child
        assert again is not None and again._process is not None
        await pilot.press("escape")
        await until(pilot, lambda: not again.running)
        assert app.screen is not screen

    play(lab, steps, WIDE)


def test_without_a_budget_it_says_so(lab: Fleet) -> None:
    lab.env["LASTGOOD_METRICS_DOLLARS_PER_HOUR"] = "0"

    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        assert "no metrics are read" in line(screen, "crumbs") and "requests" in shown(screen)
        child = screen._child
        for _ in range(3):
            lab.clock.now += 61
            screen.tick(app.feed.now())
        assert screen._child is child and screen.answers.asking is None, "nobody may be asked: no process a minute"

    play(lab, steps, WIDE)


def test_an_endpoint_that_is_not_there_yet_is_asked_for_when_it_comes(lab: Fleet) -> None:
    app = lab.app()
    screen = MetricsScreen("newborn")

    async def run(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.is_mounted)
        app.push_screen(screen)
        await until(pilot, lambda: screen._missing and screen.answers.asking is None and screen._child is not None)
        assert "there is no endpoint newborn" in shown(screen)
        with lab.world.lock:
            served = lab.world.call("DescribeEndpoint", {"EndpointName": "delay-risk"})["EndpointConfigName"]
            lab.world.call("CreateEndpoint", {"EndpointName": "newborn", "EndpointConfigName": served})
        lab.look(20, endpoint=["newborn"])  # less than the minute after which a failure is asked again
        await until(pilot, lambda: " of $" in line(screen, "crumbs"), 30)
        assert "nothing was measured" in shown(screen)

    try:
        drive(app, run, WIDE)
    finally:
        app.feed.close()  # type: ignore[attr-defined]
