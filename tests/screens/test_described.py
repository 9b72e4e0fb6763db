"""A scalable target from the list to its plan, by keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.blocks import plain
from screens.described import DescribedScreen
from screens.line_view import LineView
from screens.listing import ListScreen
from screens.plan import PlanScreen
from tests.screens.driving import drive, until
from tests.screens.stage import Stage, listed, planned, sheet, stage

NAME = "search-rank/AllTraffic"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("scaling"), fleet=2) as made:
        yield made


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_from_the_list_to_why_to_the_plan_and_back(lab: Stage, tmp_path: Path, size: tuple[int, int]) -> None:
    app = lab.app()

    async def steps(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: isinstance(app.screen, ListScreen))
        await pilot.press("colon", *"scaling", "enter")
        await until(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.kind.id == "scaling")
        await listed(pilot, NAME)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DescribedScreen) and app.screen.content is not None)
        await pilot.pause()
        view = app.screen.query_one(LineView)
        text = "\n".join(plain(view.line(number)) for number in range(view.count))
        assert NAME in text and "CAPACITY" in text and "2–8 instances" in text
        await pilot.press("S")
        await planned(pilot)
        assert isinstance(app.screen, PlanScreen) and app.screen.plan is not None
        assert app.screen.plan.kind == "scaling" and app.screen.plan.subject == NAME
        assert "RegisterScalableTarget" in sheet(app) and "survives scale-in" in sheet(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DescribedScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ListScreen))

    drive(app, steps, size)
