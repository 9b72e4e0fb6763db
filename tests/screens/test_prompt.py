from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from screens.prompt import MOST, Edit

KEYS = ("backspace", "delete", "ctrl+w", "ctrl+u", "left", "right", "home", "end")


def pressed(edit: Edit, *keys: str) -> Edit:
    return reduce(lambda line, key: line.press(key) or line, keys, edit)


def test_editing() -> None:
    line = Edit().insert("/risk owner:tf")
    assert pressed(line, "ctrl+w") == Edit("/risk ", 6)
    assert pressed(line, "ctrl+w", "ctrl+w", "ctrl+w") == Edit("/", 1)
    assert pressed(line, "ctrl+u") == Edit("/", 1)
    assert pressed(line, "home", "delete") == Edit("/isk owner:tf", 1)
    assert pressed(line, "home", "right").insert("x").value == "/rxisk owner:tf"
    assert pressed(Edit("/", 1), "backspace") == Edit("", 0)
    assert line.press("f5") is None


@given(st.text(), st.lists(st.sampled_from(KEYS) | st.text(max_size=3), max_size=20))
def test_the_cursor_stays_in_the_line_and_nothing_unprintable_in_it(start: str, steps: list[str]) -> None:
    line = Edit().insert("/" + start)
    for step in steps:
        line = (line.press(step) or line) if step in KEYS else line.insert(step)
        assert 0 <= line.at <= len(line.value)
        assert line.value.isprintable()


def test_what_is_pasted_is_cut_and_made_harmless() -> None:
    line = Edit("/", 1).insert("x" * (MOST + 500)).insert("y")
    assert len(line.value) == MOST and line.at == MOST and "y" not in line.value
    hostile = "ab\x1b[2J\x1b]0;gone\x07\x00\u202e\ud800c"
    assert Edit("/", 1).insert(hostile) == Edit("/ab[2J]0;gonec", 14)
