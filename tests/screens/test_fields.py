from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual import events

from screens.consent import Typed
from screens.fields import LONGEST, TextField


def press(field: TextField, *keys: str) -> None:
    for key in keys:
        field.press(events.Key(key, key if len(key) == 1 else None))


def shown(field: TextField, width: int, *, active: bool) -> str:
    return "".join(text for text, _ in field.pieces(width, active=active))


def test_typing_and_editing() -> None:
    field = TextField("reason", "Reason", "ab")
    press(field, "left", "x", "backspace", "y", "home", "backspace", "z", "end", "!")
    assert field.text == "zayb!"
    press(field, "ctrl+u")
    assert field.text == ""
    press(field, "backspace", "delete", "left", "q")
    assert field.text == "q" and not field.press(events.Key("f5", None))


def test_it_has_an_end_and_takes_one_line_of_a_paste() -> None:
    field = TextField("reason", "Reason")
    field.paste("one\ntwo\x1b[31m")
    assert field.text == "one"
    field.paste("x" * 2 * LONGEST)
    assert len(field.text) == LONGEST


@pytest.mark.parametrize("text", ["", "short", "推荐系统" * 20, "a" * 300, "mixed 推荐 text " * 9])
@pytest.mark.parametrize("active", [True, False])
def test_it_is_drawn_in_exactly_its_room(text: str, active: bool) -> None:
    field = TextField("reason", "Reason", text)
    for width in (8, 9, 40):
        assert cell_len(shown(field, width, active=active)) == width
        if active:
            press(field, "home")
            assert cell_len(shown(field, width, active=True)) == width


def test_tab_goes_round_from_the_name_to_plain_keys() -> None:
    typed = Typed(why=True)
    typed.ask("prod", "")
    assert typed.in_name
    order = []
    for _ in range(4):
        typed.tab(1)
        order.append(typed.active.id if typed.active else "")
    assert order == ["reason", "ticket", "", "consent"]
    typed.tab(-1)
    assert typed.active is None


def test_only_the_whole_name_agrees() -> None:
    typed = Typed(why=True)
    assert typed.agreed == ""
    typed.ask("prod", "")
    assert typed.active is not None
    for key, agreed in (("p", ""), ("r", ""), ("o", ""), ("d", "prod"), ("u", "")):
        press(typed.active, key)
        assert typed.agreed == agreed
    typed.close()
    assert typed.agreed == ""
    typed.ask("", "")
    assert typed.agreed == "" and typed.active is None


@pytest.mark.parametrize("name", ["", "prod"])
def test_a_code_is_digits_comes_first_and_leads_on_when_it_is_whole(name: str) -> None:
    typed = Typed(why=True)
    typed.ask(name, "act")
    assert typed.in_code and not typed.code_short, "none at all will do: an earlier session may hold"
    for char in "12y 3":
        typed.dial(char)
    assert typed.code == "123" and typed.code_short and typed.in_code
    typed.dial("45 678\n")
    assert typed.code == "123456" and not typed.code_short
    assert typed.in_name is bool(name) and not typed.in_code
    assert "MFA code of act" in "".join(text for text, _ in typed.code_line())
    typed.dial("9")
    assert typed.code == "123456"
    typed.close()
    assert typed.code == "" and typed.code_line() == []


def test_what_is_proposed_is_replaced_by_typing_and_kept_by_moving() -> None:
    replaced, kept = TextField("a", "", "a=0.9 b=0.1"), TextField("a", "", "a=0.9 b=0.1")
    replaced.chosen = kept.chosen = True
    press(replaced, "x", "y")
    press(kept, "left", "x")
    assert (replaced.text, kept.text) == ("xy", "a=0.9 b=0.x1")
