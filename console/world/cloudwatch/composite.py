"""The rule language of composite alarms: ALARM(x) AND NOT (OK("y z") OR INSUFFICIENT_DATA(arn)), TRUE, FALSE."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from console.world.errors import AwsError

_TOKEN = re.compile(r'\s*(?:(?P<sign>[()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s()"]+))')
_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
States = Callable[[str], str | None]
"""State of an alarm by name; None where there is no such alarm, which is then in no state at all."""


@dataclass(frozen=True, slots=True)
class Rule:
    holds: Callable[[States], bool]
    children: tuple[str, ...]
    """Names of the alarms it depends on, in order."""


def parse(text: str) -> Rule:
    """Raises ValidationError."""
    tokens: list[tuple[str, str]] = []
    place, stripped = 0, text.rstrip()
    while place < len(stripped):
        found = _TOKEN.match(stripped, place)
        if found is None:
            raise _malformed(f"unexpected character at position {place}")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        place = found.end()
    parser = _Parser(tokens)
    holds = parser.either()
    if parser.tokens:
        raise _malformed(f"unexpected {parser.tokens[0][1]}")
    if len(parser.children) > 100:
        raise _malformed("more than 100 alarms")
    return Rule(holds, tuple(dict.fromkeys(parser.children)))


def _malformed(why: str) -> AwsError:
    return AwsError("ValidationError", f"Invalid AlarmRule: {why}")


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.children: list[str] = []

    def take(self, kind: str, *texts: str) -> bool:
        if self.tokens and self.tokens[0][0] == kind and self.tokens[0][1].upper() in texts:
            self.tokens.pop(0)
            return True
        return False

    def either(self) -> Callable[[States], bool]:
        sides = [self.both()]
        while self.take("word", "OR"):
            sides.append(self.both())
        return lambda states: any(side(states) for side in sides)

    def both(self) -> Callable[[States], bool]:
        sides = [self.one()]
        while self.take("word", "AND"):
            sides.append(self.one())
        return lambda states: all(side(states) for side in sides)

    def one(self) -> Callable[[States], bool]:
        if self.take("word", "NOT"):
            inner = self.one()
            return lambda states: not inner(states)
        if self.take("sign", "("):
            inner = self.either()
            if not self.take("sign", ")"):
                raise _malformed(") is missing")
            return inner
        if not self.tokens:
            raise _malformed("it ends where an alarm is expected")
        kind, text = self.tokens.pop(0)
        if kind == "word" and text.upper() in ("TRUE", "FALSE"):
            return lambda states: text.upper() == "TRUE"
        if kind != "word" or text.upper() not in _STATES or not self.take("sign", "("):
            raise _malformed(f"unexpected {text}")
        name = self._name()
        return lambda states: states(name) == text.upper()

    def _name(self) -> str:
        """An alarm's name or ARN; without quotes it may hold blanks all the same."""
        parts: list[str] = []
        while self.tokens and self.tokens[0] != ("sign", ")"):
            parts.append(self.tokens.pop(0)[1])
        if not parts or not self.take("sign", ")"):
            raise _malformed("the name of an alarm is missing")
        name = " ".join(parts)
        name = name.partition(":alarm:")[2] or name
        self.children.append(name)
        return name
