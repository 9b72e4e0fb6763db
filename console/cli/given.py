"""What was typed for a verb: names, values of its options, and pairs that stand without an option's name."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from typing import Any

from console.actions.verb import Option, Verb
from console.errors import UsageError
from console.text import echoed

LONGEST = 10_000
"""Characters of a reason, a ticket or a name."""


def worded_option(verb: Verb) -> Option | None:
    """The option that is given without its name."""
    return next((option for option in verb.options if option.kind == "words"), None)


def words_of(verb: Verb, subject: str, more: str | Sequence[str] | None) -> tuple[list[str], list[str]]:
    """(NAME, or KIND and NAME; then the pairs of a verb that takes such). Raises UsageError."""
    rest = [more] if isinstance(more, str) and more else list(more or ())
    words = [text("the name", word) for word in (subject, *rest)]
    if worded_option(verb) is None:
        return words, []
    names = 2 if len(words) > 1 and "=" not in words[1] else 1
    return words[:names], words[names:]


def parameter(option: Option) -> str:
    """Python's name for it: `--for` is a keyword."""
    return f"{option.name}_" if keyword.iskeyword(option.name) else option.name


def text(what: str, given: str) -> str:
    """As it can be kept: bytes that are no UTF-8 become question marks. Raises UsageError where it is too long."""
    if len(given) > LONGEST:
        raise UsageError(f"{what} has {len(given)} characters", advice=f"{LONGEST} at most")
    return given.encode("utf-8", "replace").decode()


def value(option: Option, given: Any) -> Any:
    if option.kind == "choice" and given is not None and given not in option.choices:
        raise UsageError(f"--{option.name} {echoed(given)!r}", advice=f"one of {', '.join(option.choices)}")
    if option.kind not in ("map", "words"):
        return text(f"--{option.name}", given) if isinstance(given, str) else given
    pairs = {}
    said = f"--{option.name} " if option.kind == "map" else ""
    for item in (text(f"--{option.name}", item) for item in given or ()):
        name, equals, given_value = item.partition("=")
        if not equals or not name:
            raise UsageError(f"{said}{echoed(item)!r}", advice="write it as NAME=VALUE")
        if name in pairs:
            gives = f"{said}gives " if said else ""
            raise UsageError(f"{gives}{echoed(name)} twice", advice="which of the values is meant?")
        pairs[name] = given_value
    return pairs
