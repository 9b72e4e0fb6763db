from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from console.cli.plans import step_line
from console.fleet.audit import rows
from console.kinds.endpoint.advice import Advice
from console.ledger.journal import TERMINAL, Entry
from screens.action import ActionScreen, started, step_lines, verdict_lines
from screens.blocks import Line, plain
from screens.deeds import ENDINGS, Deeds, Following
from screens.endpoint import EndpointScreen
from screens.pieces import lay_out
from screens.subject import SubjectScreen
from tests.screens.test_plan_text import NASTY, plan

NOW = 1_795_489_920_000


def entry(step: str, at: int = NOW, **body: Any) -> Entry:
    return Entry(1, "s", "a1", step, at, body, "", "")


def text(lines: Any) -> str:
    return "\n".join(plain(line) for line in lines)


def drawn(lines: list[Line], width: int) -> str:
    return "\n".join("".join(char for char, _ in lay_out(line, (), width)).rstrip() for line in lines)


def following(*entries: Entry, lost: str = "", **options: Any) -> Any:
    end = ("lost" if entries else "unbegun") if lost else entries[-1].step
    words = lost or entries[-1].body.get("words", "")
    return SimpleNamespace(entries=list(entries), last=entries[-1] if entries else None, end=end, words=words,
                           plan=plan(**options), lost=lost)  # fmt: skip


def test_every_end_has_words() -> None:
    assert set(ENDINGS) == TERMINAL | {"lost", "unbegun"}


def test_a_step_has_its_time_who_and_why() -> None:
    intent = entry("intent", by="arn:aws:sts::1:assumed-role/OnCall/ana", reason="5xx", ticket="INC-7")
    assert text(step_lines(intent, NOW, 80, current=False)) == " 03:12:00Z  ● consent         by ana · 5xx · INC-7"
    assert "◐ verifying       v7: launching" in text(
        step_lines(entry("verifying", words="v7: launching"), NOW, 80, current=True)
    )
    assert "▲ unclear" in text(step_lines(entry("unclear", words="connection reset"), NOW, 80, current=True))


@pytest.mark.parametrize("step", ["intent", "queued", "call", "failed", "note", "of-a-newer-version"])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_others_wrote_is_drawn_safely_and_wrapped(step: str, width: int) -> None:
    hostile = entry(step, words=NASTY * 9, operation=NASTY, reason=NASTY * 9, by=NASTY)
    shown = drawn(step_lines(hostile, NOW, width, current=True), 400)
    assert all(len(line) <= width for line in shown.split("\n"))
    assert not any(char in shown for char in "\x1b\x07\u202e") and "gone" not in shown


def test_the_end_is_told_for_users() -> None:
    began, done = entry("intent", NOW - 125_000), entry("done", words="InService on risk-v7, nothing pending")
    shown = text(verdict_lines(following(began, done), None, NOW, 80))
    assert "● Users are on risk-v7 since 03:12Z; it took 2 m 05 s" in shown
    assert "Watched for two days" in shown and "UNDO    lastgood rollback" in shown and "audit 1" in shown
    run = following(began, done, kind="pipeline", verb="retrain")
    assert "● Done in 2 m 05 s" in text(verdict_lines(run, None, NOW, 80))
    shifted = text(verdict_lines(following(began, entry("done", words="InService with a 50 %"), verb="weights"), None,
                                 NOW, 80))  # fmt: skip
    assert "InService with a 50 %" in shifted and "Watched for two days" not in shifted
    watched = following(began, entry("done", words="InService with a 50 %"), verb="weights", basis={"watched": True})
    assert "Watched for two days" in text(verdict_lines(watched, None, NOW, 80))


def test_a_process_that_is_not_heard_of_is_told_below_its_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Following(None, plan(), None)  # type: ignore[arg-type]
    made.entries = [entry("intent", NOW - 90_000), entry("verifying", NOW - 80_000, words="v7: launching")]
    screen = ActionScreen(made)
    monkeypatch.setattr(ActionScreen, "feed", SimpleNamespace(now=lambda: NOW))
    assert "not reported" not in text(screen._draw(80))
    made.silent = "the process that acts (pid 4711) has not reported for 1 m 20 s"
    shown = text(screen._draw(80))
    assert "▲ the process that acts (pid 4711) has not reported for 1 m 20 s; if somebody" in shown
    assert "kill -CONT" in shown


def test_of_ended_actions_the_one_that_ended_last_is_opened_and_those_under_way_first() -> None:
    def followed(*entries: Entry) -> Following:
        made = Following(None, plan(), None)  # type: ignore[arg-type]
        made.entries = list(entries)
        return made

    deeds = Deeds(None)  # type: ignore[arg-type]
    scale, mute = followed(entry("done", NOW + 60_000)), followed(entry("done", NOW))
    deeds.followed = {"scale": scale, "mute": mute}
    assert deeds._newest is scale, "the mute was begun later, and ended before"
    deeds.followed = {"hold": (under_way := followed(entry("intent", NOW - 90_000))), **deeds.followed}
    assert deeds._newest is under_way


def test_what_helps_is_the_first_verb_of_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def verbs(*args: Any, **options: Any) -> list[Any]:
        return [SimpleNamespace(id=id) for id in ("rollback", "weights", "scale")]

    monkeypatch.setattr(SubjectScreen, "verbs", verbs)
    screen = EndpointScreen("risk")
    assert [c.id for c in screen.verbs(None, "risk", None)] == ["rollback", "weights", "scale"]  # type: ignore[arg-type]
    screen.content = SimpleNamespace(advice=Advice(verb="scale"))
    assert [c.id for c in screen.verbs(None, "risk", None)] == ["scale", "rollback", "weights"]  # type: ignore[arg-type]


def test_a_done_action_leads_to_the_run_it_started() -> None:
    arn = "arn:aws:sagemaker:eu-central-1:1:pipeline/train/execution/ab12"
    answer = entry("answer", call=0, answer={"PipelineExecutionArn": arn})
    assert started(following(entry("intent"), answer, entry("done"))) == "train/ab12"
    assert started(following(entry("intent"), answer, entry("failed"))) == ""
    assert started(following(entry("intent"), entry("answer", answer={"EndpointArn": "a"}), entry("done"))) == ""


def test_a_failure_keeps_the_providers_words_and_the_advice() -> None:
    failed = entry("failed", words="InService on v8, not on v7: no capacity", advice="plan again")
    shown = text(verdict_lines(following(entry("intent"), failed), None, NOW, 80))
    assert "✖ Failed" in shown and "no capacity" in shown and "plan again" in shown and "UNDO" not in shown
    gone = text(verdict_lines(following(entry("intent"), lost="another action on x is running"), None, NOW, 80))
    assert "✖ Its process ended before it did" in gone and "another action" in gone and ":resume" in gone
    never = text(verdict_lines(following(lost="the MFA code is wrong"), None, NOW, 80))
    assert "✖ Did not begin: nothing was done" in never and "MFA code" in never and ":resume" not in never


def test_screens_and_commands_call_a_step_by_the_same_name() -> None:
    for step in ("intent", "ready", "call", "again", "answer", "unclear", "queued", "verifying", *TERMINAL):
        told = entry(step, words="so it went", operation="sagemaker:UpdateEndpoint")
        [row] = rows([told], NOW)
        assert row.step == step_line(step, told.body).split("  ")[0]
        assert f" {row.step} " in text(step_lines(told, NOW, 120, current=False)) + " "
        if ending := ENDINGS.get(step):
            assert ending.words.startswith(row.step)
