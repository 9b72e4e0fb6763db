"""Metric math: the expressions of GetMetricData and of alarms, parsed. Evaluated in `query`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from console.world.errors import AwsError


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The Id of another query, or the word REPEAT or LINEAR."""

    value: str


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    sign: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


Node: TypeAlias = Number | Text | Name | Array | Unary | Binary | Call

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>>=|<=|==|!=|&&|\|\||[-+*/^<>(),\[\]]))"
)
# Loosest first.
_LEVELS = (("||", "OR"), ("&&", "AND"), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/"))


def malformed(expression: str, why: str) -> AwsError:
    return AwsError("ValidationError", f"Error in expression '{expression}': {why}")


def parse(expression: str) -> Node:
    """Raises ValidationError, saying where."""
    parser = _Parser(expression)
    node = parser.level(0)
    if parser.at < len(parser.tokens):
        raise parser.fault()
    return node


class _Parser:
    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens: list[tuple[str, str]] = []
        place, text = 0, expression.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise malformed(expression, f"Parse error at position {place}")
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            place = found.end()
        self.at = 0

    def fault(self) -> AwsError:
        found = self.tokens[self.at][1] if self.at < len(self.tokens) else "the end"
        return malformed(self.expression, f"Parse error: unexpected {found}")

    def take(self, *signs: str) -> str | None:
        """The next token if it is one of these."""
        if self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            if kind != "text" and text in signs:
                self.at += 1
                return text
        return None

    def expect(self, sign: str) -> None:
        if self.take(sign) is None:
            raise self.fault()

    def level(self, depth: int) -> Node:
        if depth == len(_LEVELS):
            return self.unary()
        node = self.level(depth + 1)
        while sign := self.take(*_LEVELS[depth]):
            node = Binary({"OR": "||", "AND": "&&"}.get(sign, sign), node, self.level(depth + 1))
        return node

    def unary(self) -> Node:
        if self.take("-"):
            return Unary("-", self.unary())
        node = self.atom()
        return Binary("^", node, self.unary()) if self.take("^") else node

    def items(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        if self.take(end):
            return ()
        while True:
            found.append(self.level(0))
            if self.take(end):
                return tuple(found)
            self.expect(",")

    def atom(self) -> Node:
        if self.take("("):
            node = self.level(0)
            self.expect(")")
            return node
        if self.take("["):
            return Array(self.items("]"))
        if self.at == len(self.tokens):
            raise self.fault()
        kind, text = self.tokens[self.at]
        if kind == "sign":
            raise self.fault()
        self.at += 1
        if kind == "number":
            return Number(float(text))
        if kind == "text":
            return Text(text[1:-1])
        return Call(text.upper(), self.items(")")) if self.take("(") else Name(text)
