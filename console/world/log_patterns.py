"""Filter patterns of CloudWatch Logs (FilterLogEvents, Live Tail), as its user guide describes them.

Terms, "quoted phrases", -excluded, ?optional, %regular expressions% and { JSON } selectors. Space-delimited patterns
([ip, user, …]) are refused: no container of the world logs so. Case matters. That a term matches inside a longer word
too is not stated outright by the guide (it warns of it for regular expressions alone).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from console.world.errors import AwsError

Match = Callable[[str], bool]

INVALID = "Invalid filter pattern"
"""AWS's words for whatever it cannot read (awslogs #210, cw #181, aws-toolkit-jetbrains #3219)."""

_WORD = re.compile(r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<term>\w+))(?=\s|$)')
_REGEX = re.compile(r"[A-Za-z0-9_#=@/;,:\-^$?\[\]{}|\\*+. ]+")
"""What regular expressions may be made of: parentheses are not supported."""


def compiled(pattern: str) -> Match:
    """A function that tells whether a message matches. Raises InvalidParameterException as AWS does."""
    text = pattern.strip()
    if not text:
        return lambda message: True
    if text.startswith("{"):
        if not text.endswith("}"):
            raise _refused("If a filter pattern starts with '{' it must end with '}'")
        return _Json(text[1:-1]).match()
    if text.startswith("["):
        raise _refused(f"{INVALID}: space-delimited patterns are not modelled in this world")
    return _terms(text)


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _terms(text: str) -> Match:
    wanted: list[Match] = []
    unwanted: list[Match] = []
    optional: list[Match] = []
    at = regexes = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise _refused(INVALID)
        at = re.compile(r"\s*").match(text, found.end()).end()  # type: ignore[union-attr]
        if found["regex"] is not None:
            regexes += 1
            match = _regex(found["regex"])
        else:
            match = _contains(found["term"] or re.sub(r"\\(.)", r"\1", found["phrase"] or ""))
        {"": wanted, "-": unwanted, "?": optional}[found["sign"]].append(match)
    if regexes > 2:
        raise _refused(INVALID)

    def matches(message: str) -> bool:
        if not all(one(message) for one in wanted) or any(one(message) for one in unwanted):
            return False
        # Beside terms that are required or excluded, optional ones no longer narrow anything.
        return bool(wanted or unwanted) or any(one(message) for one in optional)

    return matches


def _contains(term: str) -> Match:
    return lambda message: term in message


def _regex(text: str) -> Match:
    if not _REGEX.fullmatch(text):
        raise AwsError("InvalidParameterException", "Invalid character(s) in term")
    try:
        expression = re.compile(text)
    except re.error:
        raise _refused(INVALID) from None
    return lambda message: expression.search(message) is not None


_TOKEN = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||!=|>=|<=|[=<>()])|(?P<path>\$(?:\.[\w-]+|\[\d+\])+)|"(?P<text>(?:[^"\\]|\\.)*)"|"""
    r"""%(?P<regex>[^%]+)%|(?P<word>[\w.*+:/-]+))"""
)
_Value = Callable[[Any], bool]
_MISSING = object()


class _Json:
    """`$.level = "ERROR" && ($.ms > 100 || $.error EXISTS …)`: a parser by descent, `&&` binding closer than `||`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _refused(INVALID)
            self._tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()
        self._at = 0

    def match(self) -> Match:
        test = self._either()
        if self._at != len(self._tokens):
            raise _refused(INVALID)

        def matches(message: str) -> bool:
            try:
                value = json.loads(message)
            except ValueError:
                return False
            return isinstance(value, dict) and test(value)

        return matches

    def _either(self) -> _Value:
        tests = [self._both()]
        while self._take("op", "||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _both(self) -> _Value:
        tests = [self._one()]
        while self._take("op", "&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _one(self) -> _Value:
        if self._take("op", "("):
            test = self._either()
            if not self._take("op", ")"):
                raise _refused(INVALID)
            return test
        path = self._next("path")
        kind, text = self._any()
        if kind == "word":
            return self._stated(path, text)
        if kind != "op" or text in ("(", ")", "&&", "||"):
            raise _refused(INVALID)
        return _compared(path, text, *self._any())

    def _stated(self, path: str, word: str) -> _Value:
        """`IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`."""
        second = self._next("word")
        stated = {("IS", "NULL"): None, ("IS", "TRUE"): True, ("IS", "FALSE"): False, ("NOT", "EXISTS"): _MISSING}
        if (word, second) not in stated:
            raise _refused(INVALID)
        wanted = stated[word, second]
        return lambda value: _at(value, path) is wanted

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _any(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _refused(INVALID)
        self._at += 1
        return self._tokens[self._at - 1]

    def _next(self, kind: str) -> str:
        found, text = self._any()
        if found != kind:
            raise _refused(INVALID)
        return text


def _compared(path: str, operator: str, kind: str, text: str) -> _Value:
    if kind not in ("text", "word", "regex"):
        raise _refused(INVALID)
    if operator in (">", "<", ">=", "<="):
        try:
            limit = float(text)
        except ValueError:
            raise _refused(INVALID) from None
        order: dict[str, Callable[[float], bool]] = {
            ">": lambda x: x > limit, "<": lambda x: x < limit, ">=": lambda x: x >= limit, "<=": lambda x: x <= limit,
        }  # fmt: skip
        return lambda value: (n := _number(_at(value, path))) is not None and order[operator](n)
    same = _equal(kind, text)
    if operator == "=":
        return lambda value: (found := _at(value, path)) is not _MISSING and same(found)
    return lambda value: (found := _at(value, path)) is not _MISSING and not same(found)


def _equal(kind: str, text: str) -> Callable[[Any], bool]:
    if kind == "regex":
        search = _regex(text)
        return lambda value: isinstance(value, str) and search(value)
    plain = re.sub(r"\\(.)", r"\1", text)
    wanted = _number_of(text) if kind == "word" else None

    def equals(value: Any) -> bool:
        if isinstance(value, str):
            return fnmatchcase(value, re.sub(r"([\[?])", r"[\1]", plain))  # an asterisk alone is a wildcard
        number = _number(value)
        return number is not None and (number == wanted or (wanted is None and "*" in text
                                                            and fnmatchcase(f"{number:g}", text)))  # fmt: skip

    return equals


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _number_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _at(value: Any, path: str) -> Any:
    """What `$.a.b[0]` points to, or _MISSING."""
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", path):
        if name and isinstance(value, dict) and name in value:
            value = value[name]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return _MISSING
    return value
