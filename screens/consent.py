"""What is typed under a plan: why, an MFA code where the acting profile asks for one, and for danger in a guarded
context its name, whose last letter is the consent."""

from __future__ import annotations

from screens.fields import TextField
from screens.pieces import Piece

_CONSENT = "consent"
DIGITS = 6
"""Of an MFA code (RFC 6238 as AWS uses it)."""


class Typed:
    """The fields and which of them takes the letters; None while keys are keys."""

    def __init__(self, *, why: bool) -> None:
        self._why = [TextField("reason", "Reason"), TextField("ticket", "Ticket")] if why else []
        self._name: TextField | None = None
        self._code: TextField | None = None
        self._wanted = ""
        self.active: TextField | None = None

    def ask(self, name: str, code_of: str) -> None:
        """From now on the name is the consent, and is what letters go to, after the code of that profile where there is
        one; an empty one asks for none."""
        self._wanted = name
        self._name = TextField(_CONSENT, "") if name else None
        self._code = TextField("code", f"MFA code of {code_of}") if code_of else None
        self.active = self._code or self._name

    def close(self) -> None:
        """No letter goes anywhere: there is nothing to consent to."""
        self._name = self._code = self.active = None

    @property
    def in_name(self) -> bool:
        return self.active is not None and self.active is self._name

    @property
    def in_code(self) -> bool:
        return self.active is not None and self.active is self._code

    @property
    def code(self) -> str:
        return self._code.text if self._code is not None else ""

    @property
    def code_short(self) -> bool:
        """Begun and not whole. None at all will do where the session of an earlier code still holds."""
        return 0 < len(self.code) < DIGITS

    def dial(self, text: str) -> None:
        """Digits for the code, typed or pasted; with the last one letters go where they went without it."""
        if self._code is not None and len(self.code) < DIGITS:
            digits = "".join(char for char in text if char in "0123456789")
            self._code.paste(digits[: DIGITS - len(self.code)])
            if len(self.code) == DIGITS:
                self.leave()

    @property
    def agreed(self) -> str:
        """The name, once it is typed whole."""
        return self._wanted if self._name is not None and self._wanted and self._name.text == self._wanted else ""

    def text(self, id: str) -> str:
        return next((field.text.strip() for field in self._why if field.id == id), "")

    def ring(self) -> list[TextField | None]:
        """The order of tab: code, name, reason, ticket, and no field at all."""
        fields = [*filter(None, (self._code, self._name)), *self._why]
        return [*fields, None] if fields else []

    def tab(self, step: int) -> None:
        if ring := self.ring():
            self.active = ring[(ring.index(self.active) + step) % len(ring)]

    def leave(self) -> None:
        """Out of code, reason or ticket: to the name where one is asked for."""
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

    def code_line(self) -> list[Piece]:
        if self._code is None:
            return []
        told = f"{DIGITS} digits" if self.code_short else "" if self.code else "none: the session of an earlier code"
        field = self._pieces(self._code, DIGITS + 1, "warn" if self.code_short else "")
        return [(f" {self._code.label} ", "dim"), *field, ("  ", ""), (told, "warn" if self.code_short else "dim")]

    def name_line(self) -> tuple[list[Piece], list[Piece]]:
        assert self._name is not None
        fits = self._wanted.startswith(self._name.text)
        left: list[Piece] = [(" Type ", ""), (self._wanted, "key"), (" to do it: ", "")]
        left += self._pieces(self._name, min(40, len(self._wanted) + 6), "" if fits else "warn")
        return left, [] if fits else [("not the context's name ", "warn")]

    def _pieces(self, field: TextField, room: int, ink: str = "") -> list[Piece]:
        return field.pieces(room, active=field is self.active, ink=ink)
