from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets._toast import Toast

from console.errors import CredentialsError, LastgoodError, Throttled
from console.fleet.header import Unread
from console.kinds.base import Sign
from screens.app import LastgoodApp
from screens.feed import Feed
from screens.help import Ask, HelpScreen
from screens.listing import ListScreen
from screens.live_table import LiveTable
from screens.moves import MOVES
from screens.pieces import TextLine
from screens.places import Places
from screens.prompt import MOST
from tests.screens.driving import drive, until
from tests.screens.memory import NOW, MemoryFeed, NameScreen, Service, fleet, places


def app_of(feed: MemoryFeed | None = None, **options: Any) -> LastgoodApp:
    return LastgoodApp(feed or fleet(), places=options.pop("places", places()), **options)


def table(app: LastgoodApp) -> LiveTable:
    return app.screen.query_one(LiveTable)


def said(app: LastgoodApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", TextLine).text


async def loaded(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, LastgoodApp)
    await until(pilot, lambda: bool(app.screen.query(LiveTable)) and table(app).cursor_key is not None)
    await pilot.pause()


def shell(steps: Any, app: LastgoodApp | None = None, size: tuple[int, int] = (100, 24)) -> None:
    app = app or app_of()

    async def run(pilot: Pilot[Any]) -> None:
        await loaded(pilot)
        await steps(app, pilot)

    drive(app, run, size)


async def type_in(pilot: Pilot[Any], line: str) -> None:
    names = {":": "colon", "/": "slash", "!": "exclamation_mark", " ": "space", "-": "minus"}
    await pilot.press(*(names.get(char, char) for char in line))


def trail(app: LastgoodApp) -> tuple[str, ...]:
    return tuple(app.screen.trail())  # type: ignore[attr-defined]


def test_the_first_screen_says_where_what_and_why() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        assert "prod-eu …9012 eu-central-1  GUARDED   as oncall-read · 41 m left" in said(app, "where")
        assert "services 38 · 2 need you · 1 moving · 1 unknown" in said(app, "crumbs")
        assert table(app).keys[:4] == ["delay-risk", "search-rank", "fraud-online", "ads-embed"]
        assert "✖ critical  canary v8: 42 of 1,440 fail · all traffic at 03:16Z" in said(app, "status")
        table(app).move_to("eta-minutes-00")
        await until(pilot, lambda: said(app, "status").strip() == "● ok")
        footer = said(app, "footer")
        assert footer.index("open") < footer.index("logs") < footer.index("R roll back")

    shell(steps)


def test_news_are_shown_with_cursor_filter_and_marks_kept() -> None:
    feed = fleet()

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j", "space")
        await type_in(pilot, "/!eta")
        await pilot.press("enter")
        key = table(app).cursor_key
        feed.put(Service("brand-new", Sign.CRITICAL, "burns"), Service("fraud-online", Sign.OK, "ok"))
        await until(pilot, lambda: "brand-new" in table(app).keys)
        assert table(app).cursor_key == key and table(app).marks == {"search-rank"}
        assert table(app).filter.source == "!eta" and "eta-minutes-00" not in table(app).keys
        assert "3 need you" in said(app, "crumbs") and "1 marked" in said(app, "crumbs")
        feed.drop("brand-new")
        await until(pilot, lambda: "brand-new" not in table(app).keys)

    shell(steps, app_of(feed))


def test_nothing_is_read_again_while_nothing_changes() -> None:
    feed = fleet()

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        before = feed.reads
        await pilot.press("j", "k", "j")
        await pilot.pause(0.6)
        assert feed.reads == before

    shell(steps, app_of(feed))


def test_reading_happens_on_a_thread_one_at_a_time() -> None:
    class Slow(MemoryFeed):
        def views(self, kind_id: str) -> list[Any]:
            assert threading.current_thread() is not threading.main_thread()
            assert busy.acquire(blocking=False), "two readings at once"
            gate.wait(5)
            busy.release()
            return super().views(kind_id)

    busy, gate, feed = threading.Lock(), threading.Event(), Slow(fleet().services)
    app = app_of(feed)

    async def steps(pilot: Pilot[Any]) -> None:
        await until(pilot, busy.locked)
        for n in range(3):
            feed.put(Service(f"late-{n}"))
            await pilot.pause(0.3)
        await pilot.press("question_mark", "escape")  # the screen answers meanwhile
        gate.set()
        await until(pilot, lambda: "late-2" in table(app).keys)

    drive(app, steps)


def test_the_filter_is_shown_while_typed_kept_by_enter_and_given_back_by_esc() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await type_in(pilot, "/RISK")
        assert table(app).keys == ["delay-risk"]
        await pilot.press("enter")
        assert "1 of 38" in said(app, "crumbs") and "/RISK" in said(app, "crumbs")
        await type_in(pilot, "/")
        assert table(app).keys == ["delay-risk"] and "/RISK" in said(app, "crumbs")
        await type_in(pilot, "nobody")
        assert "no services match the filter" in table(app).render_line(1).text
        await pilot.press("escape")
        assert table(app).filter.source == "RISK"
        await pilot.press("slash", "enter")
        assert not table(app).filter
        await type_in(pilot, "/RISK")
        await pilot.press("enter")
        await pilot.press("escape")
        assert table(app).counts == (38, 38)
        await type_in(pilot, ":services /owner:tf !embed")
        await pilot.press("enter")
        await loaded(pilot)
        assert table(app).keys == ["delay-risk", "churn-scorer"]
        await pilot.press("n", "n", "n")
        assert table(app).cursor_key == "churn-scorer"

    shell(steps)


def test_going_somewhere_and_back() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("enter")
        assert trail(app) == ("services", "delay-risk")
        await pilot.press("escape")
        assert isinstance(app.screen, ListScreen)
        await pilot.press("l")
        assert trail(app) == ("service", "delay-risk", "logs")
        await type_in(pilot, ":eta-minutes-07")
        await pilot.press("enter")
        assert trail(app) == ("services", "eta-minutes-07")
        await type_in(pilot, ":jobs")
        await pilot.press("enter", "escape", "escape")
        assert trail(app) == ("jobs",)
        assert len(app.screen_stack) == 2

    shell(steps)


def test_tab_completes() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await type_in(pilot, ":svc ")
        await until(pilot, lambda: "ads-embed" in said(app, "candidates"))
        await type_in(pilot, "de")
        await pilot.press("tab", "enter")
        assert trail(app) == ("services", "delay-risk")

    shell(steps)


def test_a_capital_opens_a_plan_for_what_is_chosen() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("space", "space", "R")
        assert isinstance(app.screen, NameScreen)
        assert trail(app) == ("rollback", "delay-risk", "search-rank")

    shell(steps)


def test_what_is_off_says_why_and_opens_nothing() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j", "j", "R")
        assert isinstance(app.screen, ListScreen)
        assert [note.message for note in app._notifications] == ["roll back: it is in motion"]
        await pilot.press("space", "space", "R")
        assert "fraud-online: it is in motion" in [n.message for n in app._notifications][-1]

    shell(steps)


def test_only_what_there_is_is_offered() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        assert said(app, "footer").strip() == ""
        await pilot.press("R", "l", "d")
        assert isinstance(app.screen, ListScreen)

    shell(steps, app_of(places=Places()))


def test_help_and_palette_come_from_the_same_records() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        screen = app.screen
        assert isinstance(screen, ListScreen)
        labels = {command.label for command in screen.all_commands()}
        assert {"open", "ways back", "roll back", "filter", "quit"} <= labels
        titles = {command.title for command in app.get_system_commands(screen)}
        assert {"roll back (R)", "open (⏎)", "jobs"} <= titles
        await pilot.resize_terminal(100, 60)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        shown = "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())
        assert "ctrl-p  palette" in " ".join(shown.split()).replace("ctrl-p palette", "ctrl-p  palette")
        assert "tab completes" in " ".join(shown.split())
        worst = screen.table.cursor_view
        assert shown.lstrip().startswith(f"WHY  {worst.name}") and worst.verdict.words[:30] in shown
        assert all(reason[:30] in shown for reason in worst.verdict.reasons)
        scroll = app.screen.query_one(VerticalScroll)
        await pilot.resize_terminal(60, 12)
        for keys, at in (("jjj", 3), ("G", None), ("k", None), ("gg", 0)):
            for key in keys:  # read together
                app.post_message(events.Key(key, key))
            await pilot.pause()
            wanted = scroll.max_scroll_y - (keys == "k") if at is None else at
            assert scroll.scroll_target_y == wanted > (20 if at is None else -1)
        await pilot.press("escape", "ctrl+p")
        await pilot.pause()
        assert "CommandPalette" in type(app.screen).__name__

    shell(steps)


def test_no_key_of_tmux_flow_control_or_job_control_is_bound() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        taken = {f"ctrl+{key}" for key in "absqz"}
        assert not taken & set(app._bindings.key_to_bindings)
        for screen in (app.screen, HelpScreen("", []), Ask("", "")):
            assert not taken & set(screen._bindings.key_to_bindings)
        assert not taken & set(MOVES)
        await pilot.press("ctrl+q")
        assert app.is_running and not app._exit

    shell(steps)


def test_lower_case_keys_never_open_a_plan() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        screen = app.screen
        assert isinstance(screen, ListScreen)
        for command in screen.all_commands():
            assert (command.key.isupper() and len(command.key) == 1) is (command.group.name == "ACT")

    shell(steps)


def test_leaving_asks_while_an_action_is_under_way() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        app.running["p1"] = "roll back delay-risk"
        for key in ("q", "ctrl+c"):
            await pilot.press(key)
            assert isinstance(app.screen, Ask)
            await pilot.press("enter")
            assert isinstance(app.screen, Ask)
            await pilot.press("escape")
            assert isinstance(app.screen, ListScreen) and not app._exit
        await pilot.press("ctrl+c", "ctrl+c", "y")
        assert app._exit

    shell(steps)


@pytest.mark.parametrize("keys", [["q"], ["ctrl+c"], [*":q", "u", "i", "t", "enter"], [*":q", "enter"]])
def test_leaving(keys: list[str]) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press(*("colon" if key == ":" else key for key in keys))
        assert app._exit

    shell(steps)


def test_errors_are_told_with_their_kind_and_advice() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        app.tell_error(Throttled("Rate [red]exceeded\x1b[2J", advice="it recovers by itself"))
        app.tell_error(CredentialsError("expired", advice="aws sso login"))
        await until(pilot, lambda: len(app._notifications) == 2)
        notes = list(app._notifications)
        assert [(n.title, n.severity) for n in notes] == [("Throttled", "warning"), ("Credentials", "error")]
        assert notes[0].message == "Rate [red]exceeded\nit recovers by itself"
        await until(pilot, lambda: len(app.screen.query(Toast)) == 2)

    shell(steps)


def test_toasts_are_few_never_twice_and_leave_with_their_screen() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        def shown() -> list[str]:
            return [note.message for note in app._notifications]

        for words in ("a", "a", "b"):
            app.tell(words)
        await until(pilot, lambda: shown() == ["a", "b"])
        app.tell("broken", severity="error")
        app.tell("c")
        await until(pilot, lambda: shown() == ["broken", "c"])
        await until(pilot, lambda: len(app.screen.query(Toast)) == 2)
        await pilot.press("enter")
        await until(pilot, lambda: shown() == ["broken"])
        assert isinstance(app.screen, NameScreen)

    shell(steps)


def test_a_column_that_is_none_is_told_once_on_enter() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await type_in(pilot, "/onwer:tf")
        assert not app._notifications
        await pilot.press("enter")
        await until(pilot, lambda: bool(app._notifications))
        [note] = app._notifications
        assert note.message.startswith("No column onwer: looked for as a word\ncolumns: ") and "owner" in note.message

    shell(steps)


def test_a_note_is_told_as_one() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        table(app).move_to("churn-scorer")
        await until(pilot, lambda: said(app, "status").strip() == "● note  v41 failed, v40 serves")

    shell(steps)


def test_f1_is_help_too() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("f1")
        assert isinstance(app.screen, ListScreen)

    shell(steps)


def test_before_the_first_look_nothing_is_said_to_be_missing() -> None:
    feed = MemoryFeed(not_read=Unread())
    app = app_of(feed)

    async def steps(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: feed.reads > 0)
        await pilot.pause(0.1)
        assert "reading …" in app.screen.query_one("#crumbs", TextLine).text and table(app).empty == "reading …"
        feed.not_read = None  # it found nothing: no fact is written, so nothing is new
        await until(pilot, lambda: "no services here" in table(app).render_line(1).text)
        assert "reading …" not in app.screen.query_one("#crumbs", TextLine).text

    drive(app, steps)


def test_a_ledger_that_cannot_be_read_is_told_and_the_last_rows_stay() -> None:
    class Broken(MemoryFeed):
        broken = False

        def views(self, kind_id: str) -> list[Any]:
            if self.broken:
                raise LastgoodError("the ledger is locked")
            return super().views(kind_id)

    feed = Broken(fleet().services)

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        feed.broken, feed.news = True, True
        await until(pilot, lambda: bool(app._notifications))
        assert table(app).counts == (38, 38)
        feed.broken = False
        feed.put(Service("after"))
        await until(pilot, lambda: "after" in table(app).keys)

    shell(steps, app_of(feed))


def test_another_context_has_another_feed() -> None:
    staging = MemoryFeed(info=replace(fleet().info, context="staging", guarded=False))
    staging.put(Service("only-there"))
    asked: list[str] = []

    def feed_for(name: str) -> Feed:
        asked.append(name)
        return staging

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await type_in(pilot, ":ctx nowhere")
        await pilot.press("enter")
        assert asked == [] and "prod-eu, staging" in next(iter(app._notifications)).message
        await type_in(pilot, ":ctx staging")
        await pilot.press("enter")
        await until(pilot, lambda: app.feed is staging)
        await loaded(pilot)
        assert table(app).keys == ["only-there"]
        assert "staging" in said(app, "where") and "GUARDED" not in said(app, "where")

    shell(steps, app_of(feed_for=feed_for))


def test_what_is_on_screen_is_told_to_the_collector() -> None:
    feed = fleet()

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: bool(feed.told))
        assert feed.told == [("service", table(app).visible_keys)]
        await pilot.press("G")
        await until(pilot, lambda: len(feed.told) > 1)
        assert "eta-minutes-29" in feed.told[-1][1]

    shell(steps, app_of(feed))


def test_sorting_by_key_and_by_command() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await type_in(pilot, ":sort requests desc")
        await pilot.press("enter")
        assert table(app).keys[0] == "search-rank" and table(app).keys[-1] == "ads-embed"
        await pilot.press("i")
        assert table(app).keys[0] == "eta-minutes-00" and table(app).keys[-1] == "ads-embed"
        await pilot.press("o")
        assert table(app).sort == ("errors", False)

    shell(steps)


def test_resizing_from_tiny_to_wide_never_fails() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        for width, height in ((20, 5), (200, 60), (1, 1), (80, 24), (29, 30), (30, 8), (80, 24)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            tiny = app.screen.query_one("#tiny").display
            assert tiny is (width < 30 or height < 8)
        await pilot.press("j")
        assert table(app).cursor_key == "search-rank"

    shell(steps)


def test_copying_sends_the_chosen_names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("space", "space", "c")
        assert app.clipboard == "delay-risk\nsearch-rank"

    shell(steps)


def test_the_clock_is_utc() -> None:
    feed = fleet()

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        assert "03:12Z" in said(app, "where")
        feed.clock = NOW + 60_000
        await until(pilot, lambda: "03:13Z" in said(app, "where"))

    shell(steps, app_of(feed))


def test_a_list_left_while_it_is_being_read_is_let_go() -> None:
    class Slow(MemoryFeed):
        def views(self, kind_id: str) -> list[Any]:
            if kind_id == "service":
                gate.wait(5)
                read.set()
            return super().views(kind_id)

    gate, read = threading.Event(), threading.Event()
    app = app_of(Slow(fleet().services, {"train": Service("train")}))

    async def steps(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.is_mounted)
        await type_in(pilot, ":jobs")
        await pilot.press("enter")
        gate.set()
        await until(pilot, read.is_set)
        await until(pilot, lambda: table(app).keys == ["train"])
        assert trail(app) == ("jobs",)

    drive(app, steps)


@pytest.mark.parametrize("pasted", ["\x00\x1b[2J\x1b]52;c;eA==\x07risk", "risk\nquit\n:quit", "\nrisk", "\r\n"])
def test_a_hostile_paste_is_text_and_only_its_first_line(pasted: str) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("slash")
        app.post_message(events.Paste(pasted))
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, ListScreen) and screen.has_class("-prompt") and not app._exit
        assert screen.prompt.edit.value.isprintable()
        assert screen.prompt.edit.value in ("/[2J]52;c;eA==risk", "/risk", "/")
        await pilot.press("escape")

    shell(steps)


def test_a_whole_log_pasted_is_cut() -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("slash")
        for _ in range(3):
            app.post_message(events.Paste("x" * 900_000))
        await pilot.pause()
        assert isinstance(app.screen, ListScreen) and len(app.screen.prompt.edit.value) == MOST

    shell(steps)
