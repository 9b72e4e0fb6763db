from __future__ import annotations

from collections.abc import Callable

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
