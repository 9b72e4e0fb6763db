"""The words of the kinds stand apart from the kinds, so that one can be found without importing them all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from console.errors import UsageError
from console.kinds.registry import KINDS
from console.kinds.words import WORDS, kind_of


def test_the_words_are_those_of_the_kinds() -> None:
    assert list(WORDS.items()) == [(kind.id, (kind.id, kind.plural, *kind.aliases)) for kind in KINDS]
    assert all(kind_of(word.upper()) is kind for kind in KINDS for word in WORDS[kind.id])


def test_an_unknown_word_is_told_what_there_is() -> None:
    with pytest.raises(UsageError) as error:
        kind_of("models")
    assert [error.value.message, error.value.advice] == [
        "no kind 'models'",
        "there are: endpoints, pipelines, executions, changes, alarms, scaling",
    ]


def test_one_kind_imports_no_other() -> None:
    code = (
        "import sys; from console.kinds.words import kind_of; kind_of('ep');"
        " print([m for m in sys.modules if m.startswith(('console.kinds.pipeline', 'console.kinds.execution'))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
