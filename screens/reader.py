"""Text to read and search: a thing whole (`d`), its record as YAML (`y`), one step of a run (⏎)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult

from console.fleet.describe import lines as described
from console.kinds.base import Kind
from screens.blocks import BLANK, Line, paragraph, plain
from screens.commands import Command, Group
from screens.feed import SubjectFeed
from screens.graph import StepState
from screens.line_view import LineView
from screens.reading import ReadingScreen

Said = Sequence[tuple[str, str]]
"""(label, text); an empty label continues the one above, both empty are a blank line."""

_LABEL_AT_MOST = 20


def labelled_lines(said: Said, width: int) -> list[Line]:
    """Labels in a column of their own, texts wrapped beside them."""
    column = min(_LABEL_AT_MOST, max((cell_len(label) for label, _ in said), default=0)) + 3
    lines: list[Line] = []
    aligned = True
    for n, (label, text) in enumerate(said):
        if not label and not text:
            lines.append(BLANK)
            continue
        if label or not n:
            section = takewhile(lambda one: not one[0] and one[1], said[n + 1 :])
            aligned = all(column + cell_len(one) < width for _, one in ((label, text), *section))
        head: Line = ((f" {label.upper():<{column - 1}}", "head"),)
        if cell_len(label) > _LABEL_AT_MOST:
            lines.append(((f" {label.upper()}", "head"),))
            head = ((" " * column, ""),)
        if not aligned:  # an empty column of a table is none in running text
            text = re.sub(r"^ {3,}", "  ", text)
        lead = len(text) - len(text.lstrip(" "))
        if column + cell_len(text) < width:
            lines.append((*head, *spaced(text)))
            continue
        text = re.sub(r"(?<=\S) {2,}", " · ", text)  # no room for its columns: they must not run into each other
        lines += paragraph(text, width - 1 - lead, "", first=(*head, (" " * lead, "")), indent=column + lead)
    return lines


def spaced(text: str) -> Line:
    """Text whose runs of spaces align columns: each a piece of its own, because within a piece they become one."""
    return tuple((part, "") for part in re.split(r"( {2,})", text) if part)


def yaml_lines(text: str, width: int) -> list[Line]:
    """Keys dim, values as they are; long ones go on further in."""
    lines: list[Line] = []
    for line in text.rstrip("\n").split("\n"):
        key, colon, value = line.partition(":")
        body = key.lstrip(" -")
        if colon and (not value or value[0] == " ") and body and " " not in body and body[0] not in "'\"":
            indent = cell_len(key) + 3
            if indent + cell_len(value) <= width or indent > width // 2:
                lines.append(((f" {key}:", "dim"), (value, "")))
            else:
                lines += paragraph(value.strip(), width - 1, "", first=((f" {key}: ", "dim"),), indent=indent)
        else:
            lines.append(((f" {line}", ""),))
    return lines


class TextScreen(ReadingScreen):
    """Subclasses give `said` (on a thread) or are given lines; `/` marks and finds, `n` goes on to the next one."""

    what = ""

    def __init__(self, kind_id: str, name: str) -> None:
        super().__init__()
        self.kind_id, self.name_ = kind_id, name
        self.text = LineView()
        self._lines: list[Line] = []
        self._missing = False

    def trail(self) -> Sequence[str]:
        return (self.kind.plural, self.name_, self.what)

    @property
    def kind(self) -> Kind:
        return next(kind for kind in self.feed.kinds if kind.id == self.kind_id)

    def body(self) -> ComposeResult:
        yield self.text

    def read(self, feed: SubjectFeed) -> bool:
        """On a thread; False if there is no such thing. What was read is drawn by `lines`."""
        raise NotImplementedError

    def lines(self, width: int) -> list[Line]:
        raise NotImplementedError

    def show(self, content: bool) -> None:
        self._missing = not content
        self.redraw()

    def redraw(self) -> None:
        if not self.text.size.width:
            return
        lines = self.lines(self.text.size.width)
        if self._missing:
            gone: Line = ((f" there is no {self.kind_id} {self.name_}" + (" any more" if lines else ""), "warn"),)
            lines = [gone, BLANK, *lines]
        self._lines = lines
        self.text.show(lines)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.redraw)

    # Search.

    def filterable(self) -> bool:
        return True

    def chip(self) -> str:
        return self.text.needle

    def filter_typed(self, text: str) -> None:
        self.text.needle = text.casefold().strip()
        self.text.sync()
        if self.text.needle:
            self._find(self.text.top)
        self.refresh_chrome()

    def _find(self, start: int) -> None:
        needle, count = self.text.needle, len(self._lines)
        for step in range(count):
            at = (start + step) % count
            if needle in plain(self._lines[at]).casefold():
                self.text.go(max(0, at - 2) if at < self.text.top or at >= self.text.top + 3 else self.text.top)
                self._found = at
                return

    def _next(self) -> None:
        if self.text.needle:
            self._find(getattr(self, "_found", -1) + 1)

    def go_back(self) -> None:
        if self.text.needle:
            self.filter_typed("")
        else:
            super().go_back()

    def body_key(self, event: events.Key) -> bool:
        return self.text.press(event)

    def commands(self) -> Iterator[Command]:
        yield Command("copy", "c", "copy all", "Copy the whole text to the clipboard", self._copy)
        off = "" if self.text.needle else "nothing was looked for: /"
        yield Command("next", "n", "next match", "The next line that holds what was looked for", self._next,
                      off=off, footer=not off)  # fmt: skip
        yield Command("scroll", "j", "scroll", "Also k, gg, G, ctrl-d and ctrl-u", lambda: self.text.move("down"),
                      Group.MOVE, footer=False)  # fmt: skip

    def whole(self) -> str:
        """The text to copy."""
        return "\n".join(plain(line)[1:] for line in self._lines)

    def _copy(self) -> None:
        self.console.copy(self.whole())


class DescribeScreen(TextScreen):
    what = "describe"
    _said: Said = ()

    def read(self, feed: SubjectFeed) -> bool:
        view = feed.view(self.kind_id, self.name_)
        if view is not None:
            self._said = described(self.kind, view, feed.snapshot(), feed.now())
        return view is not None

    def lines(self, width: int) -> list[Line]:
        return labelled_lines(self._said, width)


class YamlScreen(TextScreen):
    what = "YAML"
    _yaml = ""

    def read(self, feed: SubjectFeed) -> bool:
        import msgspec
        import yaml

        view = feed.view(self.kind_id, self.name_)
        if view is not None:
            self._yaml = yaml.safe_dump(
                msgspec.to_builtins(view.to_json()), sort_keys=False, allow_unicode=True, width=10**6
            )
        return view is not None

    def whole(self) -> str:
        return self._yaml

    def lines(self, width: int) -> list[Line]:
        return yaml_lines(self._yaml, width) if self._yaml else []


class StepScreen(TextScreen):
    """One step of a run as it was when it was opened."""

    def __init__(self, run: str, state: StepState, said: Said) -> None:
        super().__init__("execution", run)
        self._state, self._said = state, said

    def trail(self) -> Sequence[str]:
        return ("pipelines", *self.name_.rsplit("/", 1), self._state.shown)

    def read(self, feed: SubjectFeed) -> bool:
        return True

    def lines(self, width: int) -> list[Line]:
        return labelled_lines(self._said, width)
