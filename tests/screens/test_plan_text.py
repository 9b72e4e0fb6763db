from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.actions.model import Call, Check, Level, Plan, Verdict
from screens.blocks import Line, plain
from screens.pieces import lay_out
from screens.plan_text import LastValues, changes, checks, difference, plan_lines, turn_lines

CALL = {"EndpointName": "delay-risk", "RetainAllVariantProperties": True}
NASTY = "evil\x1b]0;gone\x07[red]na\u202eme[/red]\nnext"


def plan(**given: Any) -> Plan:
    fields: dict[str, Any] = {
        "id": "1", "verb": "rollback", "kind": "endpoint", "subject": "delay-risk", "target": "risk-v7",
        "level": Level.DANGER, "scope": "s", "context": "prod", "identity": "me", "created_at": 0,
        "title": "Roll back delay-risk → risk-v7", "before": {"config": "risk-v8"}, "after": {"config": "risk-v7"},
        "calls": (Call("sagemaker:UpdateEndpoint", CALL),),
        "causes": ("a second fleet runs",), "inverse": "lastgood rollback delay-risk --to risk-v8",
        "when": "starts at once", "cost": "risk-v8 serves until then", "how": "all at once",
        "preflight": (Check("settled", Verdict.PASS, "InService"), Check("owner", Verdict.WARN, "Terraform owns it"),
                      Check("kms", Verdict.UNKNOWN, "not permitted to look"), Check("quota", Verdict.PASS, "enough")),
    }  # fmt: skip
    return Plan(**(fields | given))


def text(lines: list[Line]) -> str:
    return "\n".join(plain(line) for line in lines)


def test_loud_checks_are_in_full_worst_first_and_passes_are_one_line() -> None:
    found = text(checks(plan().preflight, 80, unfolded=False))
    assert found.index("▲ owner  Terraform owns it") < found.index("◌ kms") < found.index("✓ 2 more: settled, quota")
    assert "✓ quota    enough" in text(checks(plan().preflight, 80, unfolded=True))


def test_what_forbids_it_comes_before_all_else() -> None:
    shown = plan_lines(plan(preflight=(Check("target", Verdict.FAIL, "does not exist"),)), 80, unfolded=False)
    assert plain(shown[0]) == " ✖ target  does not exist"
    assert plain(plan_lines(plan(), 80, unfolded=False)[0]) == " WHEN    starts at once"


def test_the_call_is_told_exactly_and_the_queue_where_there_is_one() -> None:
    shown = text(plan_lines(plan(), 80, unfolded=False)).replace("\n         ", " ")
    call = 'sagemaker UpdateEndpoint {"EndpointName": "delay-risk", "RetainAllVariantProperties": true}'
    assert call in shown and "QUEUE" not in shown
    assert "waits for InService on v8" in text(plan_lines(plan(settle="InService on v8"), 80, unfolded=False))


def test_parts_are_set_apart_only_where_there_is_room() -> None:
    tight, roomy = (plan_lines(plan(), 80, height, unfolded=False) for height in (5, 40))
    assert () not in tight and roomy.count(()) == 2 and [line for line in roomy if line] == tight


def test_a_wide_screen_has_the_preflight_beside_and_unfolded() -> None:
    lines = plan_lines(plan(), 200, 40, unfolded=False)
    assert "WHEN" in plain(lines[0]) and "PREFLIGHT" in plain(lines[0])
    assert "✓ settled" in text(lines) and len(lines) < len(plan_lines(plan(), 80, 40, unfolded=True))


@pytest.mark.parametrize("width", [40, 80, 131, 132, 200])
@given(words=st.text(max_size=300), verdict=st.sampled_from(Verdict))
def test_no_line_is_wider_than_the_screen_whatever_it_says(width: int, words: str, verdict: Verdict) -> None:
    hostile = plan(when=NASTY + words, inverse=words, preflight=(Check("x", verdict, words + NASTY),), causes=(words,),
                   calls=(Call("a:B", {words: NASTY}),), after={"config": words})  # fmt: skip
    for line in plan_lines(hostile, width, 20, unfolded=True):
        cells = "".join(char for char, _ in lay_out(line, (), 400))
        assert cell_len(cells.rstrip()) <= width
        assert not any(char in cells for char in "\x1b\x07\u202e\n")


def test_of_a_new_run_only_what_differs_from_the_last_green_one_is_a_change() -> None:
    asked = {"Data": "s3://b/2", "Epochs": "10", "Rate": "0.1", "Seed": ""}
    run = plan(before={}, after={"parameters": asked}, args={"param": {"Data": "s3://b/2"}})
    shown = text(plan_lines(run, 80, unfolded=False))
    assert "CHANGE  Data s3://b/2\n SAME    at its default: Epochs 10, Rate 0.1, Seed none" in shown
    last = LastValues("ab12", {"Data": "s3://b/1", "Epochs": "10", "Rate": "0.1", "Seed": ""})
    shown = text(plan_lines(run, 80, unfolded=False, last=last))
    assert "CHANGE  Data s3://b/1 → s3://b/2\n SAME    as in the last green run ab12: Epochs 10" in shown
    many = plan(before={}, after={"parameters": {f"Parameter{n}": "x" * 30 for n in range(9)}})
    assert text(plan_lines(many, 80, unfolded=False)).count("Parameter") < 3
    assert text(plan_lines(many, 80, unfolded=True)).count("Parameter") == 9


def test_a_plan_left_open_says_as_of_when() -> None:
    shown = text(plan_lines(plan(), 80, unfolded=False, as_of="as of 08:03Z, r makes it again"))
    assert "WHEN    starts at once (▲ as of 08:03Z, r makes it again)" in shown


def test_changes_say_what_is_other_and_nothing_else() -> None:
    before = {"config": "v8", "status": "InService", "held": None}
    assert list(changes(before, {"config": "v7", "held": None})) == [("config", "v8", "v7")]
    assert list(changes({}, {"parameters": {"a": "1", "b": ""}})) == [("a", "", "1"), ("b", "", "none")]
    assert difference(before, before) == ""
    assert difference(before, before | {"held": "drill"}) == "changed: held none → drill"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_of_several_each_plan_says_which_it_is_about(width: int) -> None:
    assert turn_lines("endpoint", ["only"], 0, width) == []
    some = text(turn_lines("endpoint", ["ads", "eta", NASTY], 1, width))
    assert "3 endpoints:" in some and "ads" in some and "eta" in some
    names = [f"service-number-{n}" for n in range(60)]
    for number in (0, 17, 59):
        lines = turn_lines("pipeline", names, number, width)
        assert len(lines) <= 4 and "60 pipelines:" in text(lines[:1])
        assert any((names[number], "key") in line for line in lines)
