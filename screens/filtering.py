"""The filter language, compiled once: `risk`, `!canary`, `owner:tf`, `!status:InService`; words are joined by and.

A word is a case-insensitive substring of any cell; `column:value` looks in that column alone, named by its id or its
title. A prefix that is no column is an ordinary word, so that ARNs and times can be looked for as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.kinds.base import Column


@dataclass(frozen=True, slots=True)
class Term:
    """One word. `column` is a column's id, or empty for all columns."""

    text: str
    column: str = ""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What a row must satisfy. False when it lets everything through."""

    source: str = ""
    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, cells: Mapping[str, str]) -> bool:
        """`cells` are folded texts (`fold`) by column id; the key "" holds all of them, one a line."""
        return all((term.text in cells.get(term.column, "")) is not term.negated for term in self.terms)


def fold(texts: Mapping[str, str]) -> dict[str, str]:
    """Texts by column id, made ready for `Filter.matches`: words hold no white space, so lines keep cells apart."""
    folded = {column: text.casefold() for column, text in texts.items()}
    folded[""] = "\n".join(folded.values())
    return folded


def unknown_columns(source: str, columns: Sequence[Column]) -> list[str]:
    """What looks like `column:value` and names no column; not ARNs, times and addresses."""
    names = {name.casefold() for column in columns for name in (column.id, column.title)}
    words = (word.removeprefix("!").partition(":") for word in source.casefold().split())
    return list(dict.fromkeys(
        prefix for prefix, colon, value in words
        if colon and prefix.isalpha() and prefix not in names and not value.startswith("/") and ":" not in value
    ))  # fmt: skip


def compile_filter(source: str, columns: Sequence[Column] = ()) -> Filter:
    """Every text is a valid filter; words that say nothing (`!`, `column:`) are left out."""
    names = {column.title.casefold(): column.id for column in columns if column.title}
    names |= {column.id.casefold(): column.id for column in columns}
    terms: list[Term] = []
    for word in source.casefold().split():
        negated, word = word.startswith("!"), word.removeprefix("!")
        prefix, colon, value = word.partition(":")
        term = Term(value, names[prefix], negated) if colon and prefix in names else Term(word, "", negated)
        if term.text and term not in terms:
            terms.append(term)
    return Filter(" ".join(source.split()), tuple(terms))
