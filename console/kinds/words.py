"""A kind by a word for it. Only that kind is imported: a command is about one, and all of them take 8 ms more."""

from __future__ import annotations

from importlib import import_module

from console.errors import UsageError
from console.kinds.base import Kind
from console.text import echoed

WORDS = {
    "endpoint": ("endpoint", "endpoints", "ep"),
    "pipeline": ("pipeline", "pipelines", "pl"),
    "execution": ("execution", "executions", "run", "runs", "ex"),
    "change": ("change", "changes", "trail"),
    "alarm": ("alarm", "alarms", "al"),
    "scaling": ("scaling", "scaling", "sc", "autoscaling"),
}
"""Each kind's package, and its id, plural and aliases (tests/kinds/test_words.py compares them)."""


def kind_of(word: str) -> Kind:
    """A kind by its id, plural or alias. Raises UsageError naming those there are."""
    for package, words in WORDS.items():
        if word.lower() in words:
            kind: Kind = import_module(f"console.kinds.{package}").KIND
            return kind
    known = ", ".join(words[1] for words in WORDS.values())
    raise UsageError(f"no kind {echoed(word)!r}", advice=f"there are: {known}")
