from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from console.kinds.base import Sign
from console.kinds.endpoint.record import Endpoint
from console.kinds.symptom.record import Symptom
from console.kinds.symptom.watch import ENDPOINTS_AT_MOST, GROUP, _gist
from console.world.sagemaker.endpoint_logs import component_group_of
from console.world.traffic.behaviour import Behaviour, Behaviours
from tests.kinds.conftest import SCOPE, Bench

Make = Callable[..., Bench]


def state(bench: Bench) -> tuple[bool, str]:
    found = bench.ledger.coverage.states(SCOPE)["logs"]
    return found.ok, found.error


def test_where_nothing_was_deployed_lately_one_line_is_asked_for_now_and_then(bench: Make) -> None:
    one = bench()
    one.look()
    one.tick(2 * 3600)
    one.look()
    calls, errors = one.look("logs")
    assert calls == {"FilterLogEvents": 1} and not errors
    one.tick(60)
    assert not one.look("logs")[0]
    one.tick(300)
    assert one.look("logs")[0] == {"FilterLogEvents": 1}


def test_logs_that_may_not_be_read_are_not_well_and_recover(bench: Make) -> None:
    one = bench()
    one.look()
    one.tick(2 * 3600)
    one.look()
    one.world.faults.add(operation="FilterLogEvents", code="AccessDeniedException", message="not for you")
    assert one.look("logs")[1] and not state(one)[0] and "not for you" in state(one)[1]
    one.world.faults.clear()
    one.tick(30)
    assert not one.look("logs")[1] and state(one)[0], "asked again at once, not after minutes"


def test_what_rests_on_endpoints_is_not_known_without_them(bench: Make) -> None:
    """AWS is dead right after a good look: logs would not have asked for minutes."""
    one = bench()
    one.look()
    one.tick(2 * 3600)
    one.look()
    assert not one.look("logs")[1]
    for operation in ("Search", "ListEndpoints"):
        one.world.faults.add(operation=operation, code="ServiceUnavailable", message="down", status=503)
    one.tick(30)
    assert one.look()[1]
    (error,) = one.look("logs")[1]
    assert "which endpoints were deployed lately is not known" in error.message and "down" in error.message
    one.world.faults.clear()
    one.tick(30)
    one.look()
    assert not one.look("logs")[1] and state(one)[0]


def test_no_endpoint_and_no_group_is_an_answer(bench: Make) -> None:
    one = bench(fleet=0)
    assert not one.look()[1] and not one.look("logs")[1] and state(one)[0]


def settled(bench: Make, fleet: int) -> Bench:
    """Nothing was deployed for hours; what it is at this hour is known."""
    one = bench(fleet=fleet, evaluate=False)
    one.clock.s += 2 * 3600 + 20 - one.clock.s % 60
    for source in ("endpoints", "metrics"):
        assert not one.look(source)[1]
    return one


def trouble(one: Bench, *of: Behaviour) -> None:
    """Until the vital signs tell it, and are read in full."""
    for behaviour in of:
        one.world.region().of(Behaviours).set(behaviour.endpoint, behaviour)
    one.tick(16 * 60)
    for source in ("endpoints", "metrics", "metrics"):
        assert not one.look(source)[1]
        one.tick(30)


def groups(one: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The log groups that one sweep asks for, in order."""
    asked: list[str] = []
    before = one.world.handle

    def handle(region: Any, service: str, name: str, request: dict[str, Any], caller: Any) -> Any:
        if name == "FilterLogEvents":
            asked.append(request["logGroupName"])
        return before(region, service, name, request, caller)

    with monkeypatch.context() as patch:
        patch.setattr(one.world, "handle", handle)
        assert not one.look("logs")[1]
    return list(dict.fromkeys(asked))


def symptoms(one: Bench) -> dict[str, Symptom]:
    return {f.name: msgspec.json.decode(f.body, type=Symptom) for f in one.ledger.heads(SCOPE, "symptom")}


def test_what_is_in_trouble_is_read_though_nothing_was_deployed_and_told_until_it_ends(bench: Make) -> None:
    one = settled(bench, 4)
    trouble(one, Behaviour("delay-risk", errors=0.05))
    assert not one.look("logs")[1]
    (found,) = symptoms(one).values()
    assert found.name == "delay-risk" and found.errors and found.sample == "ValueError: Input contains NaN"
    verdict = one.view("endpoint", "delay-risk").verdict
    assert verdict.words.endswith("; logs ValueError: Input contains NaN") and found.words() in verdict.reasons
    one.world.region().of(Behaviours).end("delay-risk")
    one.tick(20 * 60)
    for source in ("endpoints", "metrics"):
        assert not one.look(source)[1]
    assert one.look("logs")[0] == {"FilterLogEvents": 1}, "a line now and then, as of a fleet that is well"
    assert "logs" not in one.view("endpoint", "delay-risk").verdict.words


def test_of_many_in_trouble_the_worst_are_read_first_and_each_in_its_turn(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = settled(bench, 20)
    names = [msgspec.json.decode(f.body, type=Endpoint).name for f in one.ledger.heads(SCOPE, "endpoint")]
    failing = ("eta-minutes", "search-rank")
    trouble(one, *(Behaviour(n, bad_requests=0.2) for n in names), *(Behaviour(n, errors=0.2) for n in failing))
    bad = {name for name in names if one.view("endpoint", name).sign in {Sign.CRITICAL, Sign.WARNING}}
    assert len(bad) > ENDPOINTS_AT_MOST

    def read() -> list[str]:
        return [group.removeprefix(GROUP) for group in groups(one, monkeypatch) if group.startswith(GROUP)]

    first = read()
    assert len(first) == ENDPOINTS_AT_MOST and set(first[:2]) == set(failing)
    one.tick(30)
    second = read()
    assert len(second) == ENDPOINTS_AT_MOST
    assert len({*first, *second}) == min(len(bad), 2 * ENDPOINTS_AT_MOST), "those that were not read go first"
    assert set(failing) <= set(second), "and room that is left is for the worst again"


def test_an_inference_component_in_trouble_logs_to_its_own_group(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = settled(bench, 12)
    one.want("endpoint", "churn-scorer")
    trouble(one, Behaviour("churn-scorer", errors=0.2))
    assert component_group_of("churn-scorer-b2b") in groups(one, monkeypatch)
    assert symptoms(one)["churn-scorer"].errors


@pytest.mark.parametrize(
    ("line", "gist"),
    [
        ("[2026-11-23 03:10:07 +0000] [1] [ERROR] Worker (pid:21) was killed", "Worker (pid:21) was killed"),
        ("2026-11-23T03:10:07.123Z WARN feature store is slow", "feature store is slow"),
        ("03:10:07,123 - ERROR - it broke", "it broke"),
        ("[2026-11-23 03:10:07 +0000] [7] [WARNING] 400 Bad Request: no 'text'", "400 Bad Request: no 'text'"),
        ("ERROR: it broke\x1b[31m", "ERROR: it broke"),
        ("Traceback …\nKeyError: 'dep_delay'", "KeyError: 'dep_delay'"),
    ],
)  # fmt: skip
def test_the_gist_of_a_line(line: str, gist: str) -> None:
    assert _gist(line) == gist
