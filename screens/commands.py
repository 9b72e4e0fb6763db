"""What can be done on a screen, as records: footer, help, palette and `:` are made from one list (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from console.actions.verb import Verb
from console.kinds.base import Kind


class Group(IntEnum):
    """In the order of the footer and the help: understanding before verbs."""

    LOOK = 0
    MOVE = 1
    SHELL = 2
    ACT = 3


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do here. `key` is Textual's name of the key; a capital opens a plan.

    `off` is why not now, or empty.
    """

    id: str
    key: str
    label: str
    effect: str
    run: Callable[[], object]
    group: Group = Group.LOOK
    off: str = ""
    footer: bool = True
    takes: Callable[[str], object] | None = None
    """What is done with the words behind it at the `:` prompt."""

    @property
    def shown_key(self) -> str:
        names = {
            "enter": "⏎",
            "escape": "esc",
            "space": "space",
            "slash": "/",
            "colon": ":",
            "question_mark": "?",
            "plus": "+",
            "minus": "-",
        }
        return names.get(self.key, self.key.replace("ctrl+", "ctrl-")) or f":{self.id}"


def of_verb(verb: Verb, run: Callable[[], object], *, label: str = "", off: str = "", footer: bool = True) -> Command:
    """The command that opens a verb's plan, written as all others are: a label in small letters, a sentence."""
    effect = verb.effect[:1].upper() + verb.effect[1:]
    return Command(verb.id, verb.key, (label or verb.label).lower(), effect, run, Group.ACT, off, footer)


@dataclass(frozen=True, slots=True)
class Order:
    """A line of the `:` prompt, understood. `what` is kind, ctx, filter, sort, command, name, nothing or unknown."""

    what: str
    word: str = ""
    name: str = ""
    filter: str | None = None


def kind_named(word: str, kinds: Iterable[Kind]) -> Kind | None:
    folded = word.casefold()
    return next((kind for kind in kinds if folded in (kind.id, kind.plural, *kind.aliases)), None)


def parse(line: str, kinds: Sequence[Kind], commands: Iterable[str], names: Mapping[str, Sequence[str]]) -> Order:
    """Understand `endpoints`, `endpoints NAME`, `endpoints /text`, `ctx NAME`, `sort COLUMN`, `/text`, a verb, a NAME.

    `names` are the known names by kind id. A word that is both a command and a name is the command.
    """
    text = line.strip().removeprefix(":")
    # A slash inside a word belongs to a name ("model/7"); after a blank or at the start it begins a filter.
    found = re.search(r"(?:^|\s)/(.*)$", text)
    head, wanted_filter = (text[: found.start()], found[1]) if found else (text, None)
    words = head.split()
    if not words:
        return Order("filter", filter=wanted_filter) if wanted_filter is not None else Order("nothing")
    word, rest = words[0], " ".join(words[1:])
    word = {"q": "quit", "q!": "quit"}.get(word, word)  # what fingers know from vi
    if kind := kind_named(word, kinds):
        return Order("kind", kind.id, rest, wanted_filter)
    if word in ("ctx", "context"):
        return Order("ctx", word, rest)
    if word == "sort":
        return Order("sort", word, rest)
    if word in commands:
        return Order("command", word, text.partition(word)[2].strip())  # a slash begins no filter here
    whole = " ".join(words)
    for kind_id, known in names.items():
        if whole in known:
            return Order("name", kind_id, whole, wanted_filter)
    return Order("unknown", word)


def complete(
    line: str,
    kinds: Sequence[Kind],
    commands: Iterable[str],
    names: Mapping[str, Sequence[str]],
    contexts: Sequence[str],
    columns: Sequence[str],
) -> list[str]:
    """Whole lines that `line` may become, the likeliest first."""
    text = line.removeprefix(":").lstrip()
    word, blank, rest = text.partition(" ")
    if not blank:
        words = [kind.plural for kind in kinds] + ["ctx", "sort", *sorted(commands)]
        found = [option for option in words if option.startswith(word)]
        if len(word) >= 2:
            found += sorted({name for known in names.values() for name in known if name.startswith(word)})
        return list(dict.fromkeys(found))
    if kind := kind_named(word, kinds):
        options = sorted(names.get(kind.id, ()))
    elif word in ("ctx", "context"):
        options = list(contexts)
    elif word == "sort":
        options = list(columns)
    else:
        options = []
    starting = [option for option in options if option.startswith(rest)]
    return [f"{word} {option}" for option in starting or [option for option in options if rest and rest in option]]
