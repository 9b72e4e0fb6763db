"""An acting profile that asks for an MFA code: typed under the plan, used by the acting process, kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from console.world.identity import ONCALL, SECRET
from screens.action import ActionScreen
from screens.app import LastgoodApp
from screens.plan import PlanScreen
from tests.screens.driving import drive, until
from tests.screens.stage import Stage, ended, intents, line, listed, planned, sheet, stage

CODE = "714253"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """`vault` reads with keys from a file and acts as a role that wants a code; `safe` is the same, and guarded."""
    folder = tmp_path_factory.mktemp("vault")
    with stage(folder) as made:
        (folder / "credentials").write_text(
            f"[base]\naws_access_key_id={ONCALL.access_key}\naws_secret_access_key={SECRET}\n"
        )
        (folder / "aws").write_text(
            "[profile base]\nregion=eu-central-1\n[profile act]\nsource_profile=base\n"
            "role_arn=arn:aws:iam::123456789012:role/Operator\nmfa_serial=arn:aws:iam::123456789012:mfa/maria\n"
        )
        where = f'profile = "base"\nact_profile = "act"\nregion = "eu-central-1"\nendpoint_url = "{made.served.url}"\n'
        with (folder / "config.toml").open("a") as config:
            config.write(f"[contexts.vault]\n{where}[contexts.safe]\nguarded = true\n{where}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            made.env.pop(name, None)
        made.env |= {
            "AWS_CONFIG_FILE": str(folder / "aws"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "HOME": str(folder),
        }
        for context in ("vault", "safe"):
            made.cli("--ctx", context, "get", "endpoints", "--fresh", "-o", "name")
        yield made


def planning(vault: Stage, context: str, name: str, steps: Any) -> None:
    app = vault.app(context)

    async def whole(pilot: Pilot[Any]) -> None:
        await listed(pilot, name)
        await pilot.press("R")
        await planned(pilot)
        assert "MFA code of act" in line(app, "code")
        await steps(app, pilot)

    drive(app, whole)


def test_a_code_that_is_missing_stops_it_before_it_begins(vault: Stage) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("y", "1", "2", "enter", "y")  # letters are no digits, and a part of a code is none
        await pilot.pause(0.2)
        assert isinstance(app.screen, PlanScreen) and not app.running and not intents(vault.feeds[-1])
        await pilot.press("tab", "backspace", "backspace", "enter", "y")
        await until(pilot, lambda: isinstance(app.screen, ActionScreen))
        await ended(pilot, "unbegun")
        assert "Did not begin: nothing was done" in sheet(app) and "asks for an MFA code" in sheet(app)

    planning(vault, "vault", "churn-scorer", steps)
    assert not intents(vault.feeds[-1])


def test_the_code_signs_in_the_acting_process_and_is_kept_nowhere(vault: Stage) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        app.post_message(events.Paste(f" {CODE[:3]} {CODE[3:]}\n"))  # as authenticators show it
        await until(pilot, lambda: CODE in line(app, "code"))
        await pilot.press(*"saf")
        assert isinstance(app.screen, PlanScreen)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ActionScreen))
        await ended(pilot)

    planning(vault, "safe", "eta-minutes", steps)
    [intent] = intents(vault.feeds[-1], "eta-minutes")
    assert ":assumed-role/Operator/" in intent.body["by"]
    code = re.compile(rb"(?<![0-9a-f])" + CODE.encode() + rb"(?![0-9a-f])")
    files = [file for file in Path(vault.env["HOME"]).rglob("*") if file.is_file()]
    assert files and not any(code.search(file.read_bytes()) for file in files)
