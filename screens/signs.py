"""A verdict as glyph, word and sentence: the word once, and never `ok` before a note (pure)."""

from __future__ import annotations

from console.kinds.base import Verdict

NOTE = "note"


def worded(verdict: Verdict) -> tuple[str, str]:
    """(word, sentence). The word is empty where the sentence begins with it: not "ok  ok, v8 since 03:09Z"."""
    if verdict.words.startswith(f"{NOTE}: "):
        return NOTE, verdict.words.removeprefix(f"{NOTE}: ")
    return ("" if verdict.words.startswith(verdict.sign.value) else verdict.sign.value), verdict.words
