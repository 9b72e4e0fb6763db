"""The patience of a command: silence is counted, our own waiting is not, and one cause is told once."""

from __future__ import annotations

import threading
import time

import pytest

from console.clients.errors import Unanswered
from console.clients.patience import LEAST_S, Patience
from console.errors import Exit, Rejected, Unreachable


def test_an_answer_and_an_error_come_through() -> None:
    patience = Patience(5.0)
    assert patience.call("sts:Get", lambda: 42) == 42

    def refuse() -> None:
        raise Rejected("no")

    with pytest.raises(Rejected, match="no"):
        patience.call("sts:Get", refuse)
    assert patience.left_s("sts") == 5.0


def test_silence_ends_the_call_names_it_and_is_not_repeated() -> None:
    patience, never = Patience(LEAST_S), threading.Event()
    began = time.monotonic()
    with pytest.raises(Unanswered, match=r"sagemaker:Search has not answered for 3 s") as caught:
        patience.call("sagemaker:Search", never.wait)
    assert LEAST_S <= time.monotonic() - began < LEAST_S + 1 and caught.value.exit_code == Exit.TIMEOUT
    with pytest.raises(Unanswered, match="sagemaker:Search"):
        patience.call("sagemaker:ListPipelines", lambda: pytest.fail("it is not asked again at once"))
    assert patience.call("sts:Get", lambda: 1) == 1, "another service is"
    patience.renew()
    assert patience.call("sagemaker:Search", lambda: 2) == 2
    never.set()


def test_waiting_for_our_own_budget_is_no_silence() -> None:
    patience = Patience(LEAST_S)

    def slowed() -> str:
        with patience.resting():
            time.sleep(LEAST_S + 0.6)
        return "late"

    assert patience.call("cloudtrail:LookupEvents", slowed) == "late"


def test_what_one_service_lost_is_not_there_for_the_next() -> None:
    now = [0.0]
    patience = Patience(20.0, clock=lambda: now[0])

    def unreachable() -> None:
        now[0] += 13.0
        raise Unreachable("no connection", code="ConnectTimeoutError")

    with pytest.raises(Unreachable):
        patience.call("logs:Filter", unreachable)
    assert patience.left_s("sagemaker") == 7.0
    now[0] += 60.0
    assert patience.call("logs:Filter", lambda: 1) == 1 and patience.left_s("sagemaker") == 20.0
