"""What the screens look like, exactly. `LASTGOOD_SNAPSHOT_UPDATE=1` writes them anew; look at them before you commit.

The world's seed and clock are fixed. The README shows `endpoints.svg`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.live_table import LiveTable
from tests.screens.driving import drive, until
from tests.screens.fleet import Fleet, fleet

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "LASTGOOD_SNAPSHOT_UPDATE"
SIZE = (120, 24)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(
        tmp_path_factory.mktemp("fleet"), "bad-config", "stuck-update", "silent-rollback", "pipeline-data"
    ) as made:
        made.look()
        failed = next(view.name for view in made.feed().views("execution") if view.sign.value == "warning")
        made.look(75, execution=[failed])
        yield made


def normal(svg: str) -> str:
    """Textual numbers its style classes by a hash of the content, in which nothing else is random."""
    return re.sub(r"terminal-\d+", "terminal", svg)


def compare(name: str, svg: str) -> None:
    path = FOLDER / f"{name}.svg"
    if os.environ.get(UPDATE):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(normal(svg))
    assert path.read_text() == normal(svg), f"{path.name} looks different: {UPDATE}=1 renews it"


def shot(lab: Fleet, name: str, ready: Any, **options: Any) -> None:
    app = lab.app(**options)
    app.feed.child_env["LASTGOOD_CONTEXT"] = "nowhere"  # type: ignore[attr-defined]  # logs have times of the wall clock

    async def steps(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.is_mounted and ready(app.screen))
        await pilot.pause(0.5)
        await pilot.pause()
        compare(name, app.export_screenshot(title="lastgood"))

    try:
        drive(app, steps, SIZE)
    finally:
        app.feed.close()  # type: ignore[attr-defined]


def test_the_list(lab: Fleet) -> None:
    shot(lab, "endpoints", lambda screen: screen.query_one(LiveTable).cursor_key is not None)


def test_one_endpoint(lab: Fleet) -> None:
    shot(lab, "endpoint", lambda screen: getattr(screen, "content", None) is not None, subject="delay-risk")


def test_one_run(lab: Fleet) -> None:
    failed = next(view.name for view in lab.feed().views("execution") if view.sign.value == "warning")
    shot(
        lab, "execution", lambda screen: getattr(screen, "content", None) is not None, start="execution", subject=failed
    )
