"""The actions of this console: started in processes of their own, followed by the journal, told when they end.

Leaving a screen or the console leaves them running. What another console's death left behind is found here too: what
was sent is observed and closed without asking, what is queued waits for `:resume`.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from console.actions.launch import context_flags, last_line, launch_apply, launch_resume
from console.actions.model import Plan
from console.actions.orphans import Orphan, orphans, silence
from console.clock import clock_time
from console.errors import LastgoodError
from console.fleet.feed import LedgerFeed
from console.ledger.journal import TERMINAL, Entry
from console.ledger.locks import action_lock
from screens.base import ConsoleScreen
from screens.commands import Command, Group
from screens.pieces import Piece

if TYPE_CHECKING:
    from screens.app import LastgoodApp

Launch = Callable[[Path, Mapping[str, str], str], "subprocess.Popen[bytes]"]

LOOK_S = 0.5
ORPHANS_S = 15.0


class Ending(NamedTuple):
    glyph: str
    style: str
    words: str
    severity: str


ENDINGS = {
    "done": Ending("●", "ok", "done", "information"),
    "not_needed": Ending("●", "ok", "not needed: nothing was sent", "information"),
    "failed": Ending("✖", "bad", "failed", "error"),
    "refused": Ending("✖", "bad", "refused: nothing was changed", "error"),
    "overtaken": Ending("▲", "warn", "overtaken: somebody else changed it", "warning"),
    "closed": Ending("✖", "bad", "closed", "error"),
    "lost": Ending("✖", "bad", "its process ended before it did", "error"),
    "unbegun": Ending("✖", "bad", "did not begin: nothing was done", "error"),
}
"""How an action's last step is told. `lost` and `unbegun` are no steps: the journal ends without one, or has none."""


class Following:
    """One action as its journal tells it. `look` reads on a thread; all else is cheap."""

    def __init__(self, feed: LedgerFeed, plan: Plan, process: subprocess.Popen[bytes] | None) -> None:
        self.feed, self.plan, self._process = feed, plan, process
        self.entries: list[Entry] = []
        self.lost = ""
        """The last words of a process that ended without telling the journal."""
        self.silent = ""
        """That its process lives and is not heard of, in words."""

    @property
    def end(self) -> str:
        """The step that ended it, or `lost` or `unbegun`, or nothing while it is under way."""
        last = next((e.step for e in self.entries if e.step in TERMINAL), "")
        return last or (("lost" if self.entries else "unbegun") if self.lost else "")

    @property
    def last(self) -> Entry | None:
        return next((e for e in self.entries if e.step in TERMINAL), self.entries[-1] if self.entries else None)

    @property
    def words(self) -> str:
        """What was said last."""
        if self.end in ("lost", "unbegun"):
            return self.lost
        if self.end:
            return str(self.last.body.get("words", "")) if self.last else ""
        return next((str(e.body["words"]) for e in reversed(self.entries) if e.body.get("words")), "")

    def look(self) -> bool:
        """Whether there is news. A process that is gone is asked about before the journal is read, so that its last
        step is never missed."""
        ledger, plan = self.feed.ledger, self.plan
        gone = self._process is not None and self._process.poll() is not None
        if self._process is None or gone:
            gone = ledger.locks.is_free(action_lock(plan.id))  # somebody else may have taken it over
        after = self.entries[-1].seq if self.entries else None
        new = ledger.journal.entries(plan.scope, action_id=plan.id, after_seq=after)
        self.entries += new
        if gone and not self.end:
            self.lost = last_line(self.feed.settings.state_dir, plan.id) or "it said nothing"
        silent, self.silent = self.silent, "" if gone or self.end else silence(ledger.locks, plan.id)
        return bool(new) or bool(self.lost) or silent != self.silent


class Deeds:
    """All of them. `followed` keeps the ended ones too: their screens can be looked at again."""

    def __init__(self, app: LastgoodApp) -> None:
        self._app = app
        self.followed: dict[str, Following] = {}
        self.waiting: list[Orphan] = []
        """Queued actions whose process died, of the context that is looked at."""
        self._of: LedgerFeed | None = None
        self._told: set[str] = set()
        self._unseen: Following | None = None
        """The last one that ended while another screen was looked at."""
        self._looking = False

    def watch(self) -> None:
        self._app.set_interval(ORPHANS_S, self._look_for_orphans)
        self._look_for_orphans()

    async def apply(
        self, feed: LedgerFeed, plan: Plan, *, reason: str, ticket: str, confirm: str, code: str = ""
    ) -> Following:
        """Start it, once: a plan that is under way already is only followed. Raises LastgoodError."""
        flags = context_flags(feed.context)
        launch = partial(launch_apply, reason=reason, ticket=ticket, confirm=confirm, code=code, plan=plan, flags=flags)
        return await self._start(feed, plan, launch)

    async def resume(self, feed: LedgerFeed, plan: Plan, *, confirm: str = "", code: str = "") -> Following:
        """Take over what a dead process left. `confirm` as for `apply`; what was sent needs none."""
        self.waiting = [orphan for orphan in self.waiting if orphan.plan.id != plan.id]
        launch = partial(launch_resume, confirm=confirm, code=code, flags=context_flags(feed.context))
        return await self._start(feed, plan, launch)

    async def _start(
        self, feed: LedgerFeed, plan: Plan, launch: partial[subprocess.Popen[bytes]] | object
    ) -> Following:
        assert callable(launch)
        known = self.followed.get(plan.id)
        if known is not None and not known.end:
            return known
        state_dir = feed.settings.state_dir
        try:
            process = await asyncio.to_thread(launch, state_dir, feed.child_env, plan.id)
        except OSError as error:
            raise LastgoodError(f"the action cannot be started: {error}", advice="nothing was done") from error
        following = self.followed[plan.id] = Following(feed, plan, process)
        self._app.running[plan.id] = plan.title
        self._app.run_worker(self._follow(following), group=f"action {plan.id}")
        return following

    async def _follow(self, following: Following) -> None:
        from screens.action import ActionScreen

        app, plan = self._app, following.plan
        while not following.end:
            try:
                news = await asyncio.to_thread(following.look)
            except LastgoodError:
                news = False  # a locked or full ledger: the action goes on, and is read when it can be
            screen = app.screen
            if news and isinstance(screen, ActionScreen) and screen.following is following:
                screen.progress()
            if not following.end:
                await asyncio.sleep(LOOK_S)
        app.running.pop(plan.id, None)
        screen = app.screen
        if isinstance(screen, ActionScreen) and screen.following is following:
            screen.progress()
        else:
            self._unseen, ending = following, ENDINGS[following.end]
            told = f"{ending.glyph} {plan.title}: {ending.words}"
            app.tell(told, advice=following.words, severity=ending.severity, lasting=True)

    # What others left behind.

    def _look_for_orphans(self) -> None:
        if isinstance(self._app.feed, LedgerFeed) and not self._looking:
            self._looking = True
            self._app.run_worker(self._find_orphans(self._app.feed), group="orphans")

    async def _find_orphans(self, feed: LedgerFeed) -> None:
        try:
            found = await asyncio.to_thread(orphans, feed.ledger, feed.scope)
        except (LastgoodError, msgspec.MsgspecError):
            return  # of a newer version: that one closes it
        finally:
            self._looking = False
        if feed is not self._app.feed:
            return
        self._of = feed
        mine = {id for id, following in self.followed.items() if not following.end}
        found = [orphan for orphan in found if orphan.plan.id not in mine]
        self.waiting = [orphan for orphan in found if not orphan.sent]
        if isinstance(self._app.screen, ConsoleScreen):
            self._app.screen.refresh_chrome()
        for orphan in found:
            if orphan.plan.id not in self._told:
                self._told.add(orphan.plan.id)
                await self._tell(feed, orphan)

    async def _tell(self, feed: LedgerFeed, orphan: Orphan) -> None:
        title, heard = orphan.plan.title, clock_time(orphan.at, feed.now())
        what = f"Unfinished: {title}; its process died, last heard of {heard}"
        if not orphan.sent:
            self._app.tell(what, advice="queued, nothing was sent; :resume shows it", severity="warning")
        elif feed.context.read_only or feed.settings.read_only:
            self._app.tell(what, advice="it was sent; a console that may act closes it", severity="warning")
        else:
            self._app.tell(what, advice="it was sent: observing how it ended", severity="warning")
            try:
                await self.resume(feed, orphan.plan)
            except LastgoodError as error:
                self._app.tell_error(error)

    # What the shell shows of it.

    def hints(self) -> list[Piece]:
        """(key, label) for the second line."""
        from screens.action import ActionScreen

        said: list[Piece] = []
        if self.waiting and self._of is self._app.feed:
            said.append((":resume", f"{len(self.waiting)} unfinished"))
        if self._app.running and not isinstance(self._app.screen, ActionScreen):
            said.append((":action", f"◐ {len(self._app.running)} under way"))
        elif self._unseen is not None:  # a toast is easily missed
            said.append((":action", f"{ENDINGS[self._unseen.end].glyph} ended"))
        return said

    def commands(self) -> Iterator[Command]:
        if self.waiting and self._of is self._app.feed:
            title = self.waiting[0].plan.title
            yield Command("resume", "", "resume", f"Unfinished: {title}", self._open_waiting, Group.SHELL, footer=False)
        if self.followed:
            title = self._newest.plan.title
            yield Command("action", "", "action", f"Progress of: {title}", self._open_last, Group.SHELL, footer=False)

    def _open_waiting(self) -> None:
        from screens.plan import PlanScreen

        if self.waiting and self._of is not None:
            self._app.push_screen(PlanScreen.of_orphan(self._of, self.waiting[0]))

    @property
    def _newest(self) -> Following:
        """Of those under way the last begun, else the one that ended last: what was begun last may have ended long
        before."""
        live = [following for following in self.followed.values() if not following.end]
        if live:
            return live[-1]
        return max(self.followed.values(), key=lambda one: one.last.at if one.last else one.plan.created_at)

    def _open_last(self) -> None:
        from screens.action import ActionScreen

        following, screen = self._newest, self._app.screen
        self._unseen = None if following is self._unseen else self._unseen
        if not (isinstance(screen, ActionScreen) and screen.following is following):
            self._app.push_screen(ActionScreen(following))
