"""The queue of an asynchronous endpoint: what comes, what is done, when it is empty."""

from __future__ import annotations

import pytest

from console.clock import HOUR, MINUTE
from console.kinds.vitals.queue import Queue, queue
from console.kinds.vitals.record import Signs
from tests.kinds.scaling.test_verdict import NOW


def signs(backlog: float | None, oldest_s: float | None, done: float | None) -> Signs:
    return Signs("AllTraffic", minutes=5, backlog=backlog, oldest_request_s=oldest_s, invocations=done)


def test_what_waits_came_while_the_oldest_waited() -> None:
    found = queue(signs(300, 2400, 13))
    assert found == Queue(300, 7.5, 2.6) and found.empty_in is None and found.shrinks_words(NOW) == ""


@pytest.mark.parametrize("one", [signs(None, None, 13), signs(300, 60, 13), signs(0, 0, 13), signs(300, 2400, None)])
def test_what_tells_nothing(one: Signs) -> None:
    assert queue(one) is None


def test_one_that_is_empty_within_the_hour_needs_no_more() -> None:
    found = queue(signs(300, 2400, 75))  # 7.5 come, 15 are done
    assert found is not None and found.empty_in == 40 * MINUTE
    assert found.shrinks_words(NOW) == "300 wait, 15.0 a minute are done and 7.5 come: none by ~03:52Z"
    slow = Queue(300, 7.5, 9.0)
    assert slow.empty_in is not None and slow.empty_in > HOUR and slow.shrinks_words(NOW) == ""
