"""One line per kind."""

from __future__ import annotations

from console.actions.verb import Verb
from console.errors import UsageError
from console.kinds import change, endpoint, execution, pipeline
from console.kinds.base import Kind

KINDS: tuple[Kind, ...] = (endpoint.KIND, pipeline.KIND, execution.KIND, change.KIND)


def kind_of(word: str) -> Kind:
    """A kind by its id, plural or alias. Raises UsageError naming those there are."""
    for kind in KINDS:
        if word.lower() in {kind.id, kind.plural, *kind.aliases}:
            return kind
    raise UsageError(f"no kind {word!r}", advice=f"there are: {', '.join(kind.plural for kind in KINDS)}")


def verbs() -> tuple[Verb, ...]:
    return tuple(verb for kind in KINDS for verb in kind.verbs)
