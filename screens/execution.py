"""One run: read from the ledger, drawn by `execution_text`; the log tail comes from `lastgood logs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual import events

from console.clock import Millis
from console.kinds.change.record import Change
from console.kinds.reading import decode
from screens.blocks import Line
from screens.child import Child
from screens.commands import Command, Group
from screens.execution_text import ExecutionContent, execution_text, step_lines, telling
from screens.feed import SubjectFeed
from screens.graph import StepState, states
from screens.log_book import level_of
from screens.reading import subject_feed
from screens.subject import SubjectScreen

TAIL_LINES = 12
_TAIL_STATUSES = frozenset({"Failed", "CompletedWithFailures"})


class ExecutionScreen(SubjectScreen):
    kind_id = "execution"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.selected = ""
        self._states: list[StepState] = []
        self._tail: list[str] = []
        self._child: Child | None = None
        self._asked = ""
        self._follows_cursor = False

    def trail(self) -> Sequence[str]:
        return ("pipelines", *self.name_.rsplit("/", 1))

    def read(self, feed: SubjectFeed) -> ExecutionContent | None:
        view = feed.view("execution", self.name_)
        if view is None:
            return None
        starts = (c for c in decode(feed.snapshot(), "change", Change) if c.made == view.execution.arn)
        return ExecutionContent(view, next(starts, None))

    def lines(self, width: int, height: int, now: Millis) -> Sequence[Line]:
        content: ExecutionContent = self.content
        self._states = states(content.view, now)
        if self.selected not in {state.name for state in self._states}:
            self.selected = telling(self._states, content.view.execution)
        self._look_at_log()
        text = execution_text(
            content, self._states, width, height, now, selected=self.selected, tail=self._tail[-TAIL_LINES:]
        )
        if self._follows_cursor:
            self._follows_cursor = False
            self.call_after_refresh(self.text.reveal, text.selected_at)
        return text.lines

    # The log's tail: one subprocess at a time, ended with the screen.

    def _look_at_log(self) -> None:
        e = self.content.view.execution
        step = e.failed_step
        if e.status not in _TAIL_STATUSES or step is None or not step.arn or self._asked == step.arn:
            return
        self._asked = step.arn
        self.run_worker(self._read_tail(), group="tail", exclusive=True)

    async def _read_tail(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = Child(["logs", "execution", self.name_, "--since", "1h"], subject_feed(self).child_env)
        lines: list[str] = []
        await self._child.run(lines.extend)
        if self.stands:
            self._tail = telling_tail(lines)
            self.redraw()

    def on_unmount(self) -> None:
        super().on_unmount()
        if self._child is not None:
            self._child.kill()

    # Steps.

    def body_key(self, event: events.Key) -> bool:
        step = {"j": 1, "down": 1, "right": 1, "k": -1, "up": -1, "left": -1}.get(event.key)
        if step is None or not self._states:
            return super().body_key(event)
        names = [state.name for state in self._states]
        at = names.index(self.selected) if self.selected in names else 0
        self.selected = names[max(0, min(at + step, len(names) - 1))]
        self._follows_cursor = True
        self.redraw()
        return True

    def commands(self) -> Iterator[Command]:
        none = "" if self._states else "no step is known yet"
        yield Command("step", "enter", "step", "All that is known of the selected step", self._open_step, off=none)
        looks = {look.id: look for look in self.looks(self.kind_id, self.name_)}
        if "logs" in looks:
            yield Command("logs", "l", "log", "The log of the selected step, else of that which tells most",
                          self._open_log)  # fmt: skip
        yield from (look for id, look in looks.items() if id != "logs")
        yield Command("copy", "c", "copy", "Copy the run's name to the clipboard", self.copy_name, footer=False)
        yield Command("select", "j", "select", "The next step, also ↓ and →; k, ↑ and ← the one before",
                      lambda: None, Group.MOVE, footer=False)  # fmt: skip
        yield from self.verbs(self.kind, self.name_, self.view)
        # The verbs of its pipeline too: a new run is the other answer to a failed one.
        pipeline = next(kind for kind in self.feed.kinds if kind.id == "pipeline")
        yield from self.verbs(pipeline, self.name_.rsplit("/", 1)[0], self.view)

    def _open_step(self) -> None:
        from screens.reader import StepScreen

        state = next((state for state in self._states if state.name == self.selected), None)
        if state is not None:
            self.app.push_screen(StepScreen(self.name_, state, step_lines(state, self.feed.now(), self.view)))

    def _open_log(self) -> None:
        from screens.logs import LogScreen

        state = next((state for state in self._states if state.name == self.selected), None)
        has_log = state is not None and state.step is not None and bool(state.step.arn)
        self.app.push_screen(LogScreen(self.kind_id, self.name_, step=self.selected if has_log else ""))


def telling_tail(lines: Sequence[str]) -> list[str]:
    """The end of a log; cut soon after its last error, because containers log their going down at length."""
    last = max((n for n, line in enumerate(lines) if level_of(line) == "bad"), default=len(lines) - 1)
    return list(lines[: max(last + 3, 0)])
