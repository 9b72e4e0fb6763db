"""What screens that read the ledger have in common: on a thread, one reading at a time, drawn here."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from console.errors import LastgoodError
from screens.base import ConsoleScreen
from screens.feed import SubjectFeed


def subject_feed(screen: ConsoleScreen) -> SubjectFeed:
    """The screen's feed. All feeds of screens of one thing are ledger feeds."""
    return cast(SubjectFeed, screen.feed)


class ReadingScreen(ConsoleScreen):
    """Subclasses give `read` (on a thread) and `show` (what was read, here); `read_beside` is for what may come later.

    News that arrive during a reading cause one more after it, however many they are.
    """

    _reading = _wanted = False

    def read(self, feed: SubjectFeed) -> Any:
        raise NotImplementedError

    def show(self, content: Any) -> None:
        raise NotImplementedError

    def read_beside(self, feed: SubjectFeed) -> Any:
        """Read after `show`, so that what is shown first does not wait for it."""

    def show_beside(self, content: Any) -> None:
        """Only called where `read_beside` gave something."""

    def data_changed(self) -> None:
        self._wanted = True
        if not self._reading:
            self._reading = True
            self.run_worker(self._read_all(), group="read")

    async def _read_all(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                content = await asyncio.to_thread(self.read, subject_feed(self))
                if not self.stands:  # closed meanwhile
                    return
                self.show(content)
                self.refresh_chrome()
                beside = await asyncio.to_thread(self.read_beside, subject_feed(self))
                if beside is not None and self.stands:
                    self.show_beside(beside)
                    self.refresh_chrome()
        except LastgoodError as error:
            self.console.tell_error(error)
        finally:
            self._reading = False
