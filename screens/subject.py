"""What the screens of one thing have in common: read on a thread, drawn here, its verbs and ways to look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from textual import events
from textual.app import ComposeResult

from console.actions.verb import Verb
from console.clock import Millis
from console.kinds.base import Kind
from screens.blocks import Line
from screens.commands import Command, Group, of_verb
from screens.feed import SubjectFeed
from screens.line_view import LineView
from screens.places import Look
from screens.reading import ReadingScreen


class SubjectScreen(ReadingScreen):
    """Subclasses give `read` (on a thread; None: there is no such thing) and `lines` (pure, from what was read).

    `content` is what was read last, None before. It must compare by value: what is equal is not drawn again.
    """

    kind_id = ""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_ = name
        self.content: Any = None
        self.text = LineView()
        self._missing = ""

    @property
    def kind(self) -> Kind:
        return next(kind for kind in self.feed.kinds if kind.id == self.kind_id)

    @property
    def view(self) -> Any:
        """The view the verbs judge; None while there is none."""
        return getattr(self.content, "view", None)

    def read(self, feed: SubjectFeed) -> Any | None:
        raise NotImplementedError

    def lines(self, width: int, height: int, now: Millis) -> Sequence[Line]:
        raise NotImplementedError

    def trail(self) -> Sequence[str]:
        return (self.kind.plural, self.name_)

    def body(self) -> ComposeResult:
        yield self.text

    # Data.

    def on_mount(self) -> None:
        super().on_mount()
        self.feed.interest(self.kind_id, [self.name_])

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.feed.interest(self.kind_id, [self.name_])

    def on_unmount(self) -> None:
        self.feed.interest(self.kind_id, [])

    def show(self, content: Any) -> None:
        if content is None:
            self._missing = f"there is no {self.kind_id} {self.name_}" + (" any more" if self.content else "")
        else:
            self._missing, self.content = "", content
        self.redraw()

    def redraw(self) -> None:
        width, height = self.text.size
        if not width:
            return
        lines: Sequence[Line] = [((" reading …", "dim"),)]
        if self.content is not None:
            lines = self.lines(width, height, self.feed.now())
        if self._missing:
            lines = [((f" {self._missing}", "warn"),), (), *(lines if self.content is not None else ())]
        self.text.show(lines)

    def tick(self, now: Millis) -> None:
        self.redraw()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.redraw)

    # Commands.

    def body_key(self, event: events.Key) -> bool:
        return self.text.press(event)

    def commands(self) -> Iterator[Command]:
        yield from self.looks(self.kind_id, self.name_)
        yield Command("copy", "c", "copy", "Copy the name to the clipboard", self.copy_name, footer=False)
        if self.text.count > self.text.size.height:
            yield Command("scroll", "j", "scroll", "Also k, gg, G, ctrl-d and ctrl-u", lambda: self.text.move("down"),
                          Group.MOVE, footer=False)  # fmt: skip
        yield from self.verbs(self.kind, self.name_, self.view)

    def looks(self, kind_id: str, name: str) -> Iterator[Command]:
        for look in self.console.places.looks_for(kind_id):
            yield Command(look.id, look.key, look.label, look.effect, partial(self._look, look, kind_id, name))

    def verbs(self, kind: Kind, name: str, view: Any, *, none: str = "reading …") -> Iterator[Command]:
        """The kind's verbs about one subject; off, with the reason, where its view says so. `none`: without a view."""
        if self.console.places.plan is None:
            return
        for verb in kind.verbs:
            off = verb.off(view) if view is not None else none
            if verb.writes and self.console.info.read_only:
                off = "this context is read-only"
            plan = partial(self._plan, verb, name)
            yield of_verb(verb, plan, label=self.verb_label(verb), off=off, footer=bool(verb.key))

    def verb_label(self, verb: Verb) -> str:
        return verb.label

    def copy_name(self) -> None:
        self.console.copy(self.name_)

    def _look(self, look: Look, kind_id: str, name: str) -> None:
        self.app.push_screen(look.open(self.feed, kind_id, name))

    def _plan(self, verb: Verb, name: str) -> None:
        if self.console.places.plan is not None:
            self.app.push_screen(self.console.places.plan(self.feed, verb, (name,)))
