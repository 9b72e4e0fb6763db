"""What is typed under a plan: why, and for danger in a guarded context its name, whose last letter is the consent."""

from __future__ import annotations

from screens.fields import TextField
from screens.pieces import Piece

_CONSENT = "consent"


class Typed:
    """The fields and which of them takes the letters; None while keys are keys."""

    def __init__(self, *, why: bool) -> None:
        self._why = [TextField("reason", "Reason"), TextField("ticket", "Ticket")] if why else []
        self._name: TextField | None = None
        self._wanted = ""
        self.active: TextField | None = None

    def ask_name(self, name: str) -> None:
        """From now on the name is the consent, and is what letters go to; an empty one asks for none."""
        self._wanted = name
        self._name = self.active = TextField(_CONSENT, "") if name else None

    def close(self) -> None:
        """No letter goes anywhere: there is nothing to consent to."""
        self._name = self.active = None

    @property
    def in_name(self) -> bool:
        return self.active is not None and self.active is self._name

    @property
    def agreed(self) -> str:
        """The name, once it is typed whole."""
        return self._wanted if self._name is not None and self._wanted and self._name.text == self._wanted else ""

    def text(self, id: str) -> str:
        return next((field.text.strip() for field in self._why if field.id == id), "")

    def ring(self) -> list[TextField | None]:
        """The order of tab, from the name on: reason, ticket, and no field at all."""
        fields = [*([self._name] if self._name else []), *self._why]
        return [*fields, None] if fields else []

    def tab(self, step: int) -> None:
        if ring := self.ring():
            self.active = ring[(ring.index(self.active) + step) % len(ring)]

    def leave(self) -> None:
        """Out of reason or ticket: to the name where one is asked for."""
        self.active = self._name

    # Drawing.

    def why_line(self, width: int) -> list[Piece]:
        if not self._why:
            return []
        reason, ticket = self._why
        return [
            (" Reason ", "dim"),
            *self._pieces(reason, max(8, min(width - 42, 70))),
            ("   Ticket ", "dim"),
            *self._pieces(ticket, 20),
        ]

    def name_line(self) -> tuple[list[Piece], list[Piece]]:
        assert self._name is not None
        fits = self._wanted.startswith(self._name.text)
        left: list[Piece] = [(" Type ", ""), (self._wanted, "key"), (" to do it: ", "")]
        left += self._pieces(self._name, min(40, len(self._wanted) + 6), "" if fits else "warn")
        return left, [] if fits else [("not the context's name ", "warn")]

    def _pieces(self, field: TextField, room: int, ink: str = "") -> list[Piece]:
        return field.pieces(room, active=field is self.active, ink=ink)
