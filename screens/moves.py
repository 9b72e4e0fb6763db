"""The keys that move through lines or rows, and where each leads: one table for every text and every list."""

from __future__ import annotations

from typing import Final

from textual import events

MOVES: Final = {
    **{"j": "down", "down": "down", "k": "up", "up": "up", "home": "first", "G": "last", "end": "last"},
    **{"pageup": "page_up", "pagedown": "page_down", "ctrl+u": "half_up", "ctrl+d": "half_down"},
}


class MoveKeys:
    """Reads keys; remembers the first `g` of `gg`."""

    def __init__(self) -> None:
        self._pending_g = False

    def read(self, event: events.Key) -> str | None:
        """The move that a key means; an empty text for the first `g`, None for a key that does not move."""
        key = event.character if event.character in ("G", "g") else event.key
        pending, self._pending_g = self._pending_g, False
        if key == "g":
            self._pending_g = not pending
            return "first" if pending else ""
        return MOVES.get(key)


def led(step: str, now: int, height: int, count: int) -> int:
    """The index that a move from `now` leads to, among `count` of which `height` are seen; not yet kept within them."""
    page = max(1, height - 1)
    steps = {"down": 1, "up": -1, "page_down": page, "page_up": -page, "half_down": page // 2, "half_up": -page // 2}
    return {"first": 0, "last": count - 1}.get(step, now + steps.get(step, 0))
