"""Lines told apart by the instance that wrote them."""

from __future__ import annotations

from console.clock import HOUR, MINUTE
from console.kinds.symptom.fleets import Line, fallen, launched

AT = 1_795_403_610_000
OLD, NEW = "a/i-1", "a/i-2"
FIRST = {OLD: AT - 9 * HOUR, NEW: AT - 25 * MINUTE}


def lines(stream: str, *minutes: float) -> list[Line]:
    return [Line(stream, AT + round(n * MINUTE), "boom") for n in minutes]


def test_what_began_with_the_deployment_is_of_its_fleet() -> None:
    all_of = [*lines(OLD, -1), *lines(NEW, -1), *lines("a/i-3", 0), *lines("", 0)]
    found = launched(all_of, FIRST, AT - 26 * MINUTE)
    assert [line.stream for line in found] == [NEW, "a/i-3"], "what is not listed yet is new; copies are of no fleet"


def test_what_is_silent_since_the_failure_is_of_the_fleet_that_went() -> None:
    before = [*lines(OLD, -2), *lines(NEW, -2)]
    assert fallen(before, lines(OLD, 2), FIRST, AT) == {NEW}
    assert fallen(before, lines(OLD, 0.5), FIRST, AT) == set(), "nothing logs on, so nothing tells whose they are"
    assert fallen(before, [*lines(OLD, 2), *lines(NEW, 2)], FIRST, AT) == set(), "it logs on"
    twin = FIRST | {NEW: FIRST[OLD] + 1000}
    assert fallen(before, lines(OLD, 2), twin, AT) == set(), "launched with what serves"
    assert fallen(before, lines(OLD, 2), {}, AT) == set(), "nobody may list the streams"
