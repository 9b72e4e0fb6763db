"""What is kept of answers: of AWS the last word stays, of failures only the last one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from console.clock import HOUR, MINUTE, iso
from console.kinds.vitals.course import Course
from console.kinds.vitals.spans import Window
from screens.answers import KEEP, Answer, Answers, understood

START = 1_795_140_000_000
SPAN = Window(START, START + HOUR, 60)
CPU = Course("AllTraffic", "", "", "cpu_percent", START, 60, (51.0,) * 60)


def later(minutes: int) -> Window:
    return Window(SPAN.start + minutes * MINUTE, SPAN.end + minutes * MINUTE, 60)


def told(metrics: int, **source: Any) -> str:
    return msgspec.json.encode(
        {
            "items": [CPU.to_json()],
            "start": iso(START),
            "sources": {"metrics": source} if source else {},
            "cost": {"metrics": metrics, "dollars_last_hour": 0.001, "dollars_per_hour_at_most": 1.0},
        }
    ).decode()


def test_what_aws_told_stays_through_a_night_of_failures() -> None:
    answers = Answers()
    answers.put(SPAN, Answer(SPAN.end, (CPU,), "11 metrics"))
    for minute in range(1, 2 * KEEP):
        answers.put(later(minute), Answer(later(minute).end, failed="no network"))
    now = later(2 * KEEP)
    failed, best = answers.for_(now), answers.best(now)
    assert failed is not None and failed.failed == "no network", "what is told is the failure"
    assert best is not None and best.courses == (CPU,), "what is drawn is what is known"
    answers.put(now, Answer(now.end, (CPU,)))
    assert answers.best(now) == answers.exactly(now)


def test_a_minute_later_the_answer_that_has_most_of_it_counts() -> None:
    answers = Answers()
    narrow, wide = SPAN, Window(SPAN.end - 12 * HOUR, SPAN.end, 60)
    answers.put(narrow, Answer(SPAN.end, words="narrow"))
    assert not answers.covers(wide), "eleven hours of it were never told"
    answers.put(wide, Answer(SPAN.end, words="wide"))
    minute = Window(wide.start + MINUTE, wide.end + MINUTE, 60)
    found = answers.best(minute)
    assert found is not None and found.words == "wide" and answers.covers(minute)


def test_without_any_answer_the_failure_is_all_there_is() -> None:
    answers = Answers()
    assert answers.best(SPAN) is None
    answers.put(SPAN, Answer(SPAN.end, failed="no network"))
    assert answers.best(SPAN) == answers.for_(SPAN) and not answers.has(SPAN)
    wider = Window(SPAN.start, SPAN.end, 300)
    assert answers.best(wider) is None, "of other periods nothing can be drawn"


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        (told(11, ok=True, error=None), ""),
        (told(0, ok=False, error="the credentials have expired"), "the credentials have expired"),
        (told(0, ok=False, error=None), "CloudWatch did not answer"),
        (told(0), ""),
        ("", "the answer of lastgood metrics was not understood"),
        ("[]", "the answer of lastgood metrics was not understood"),
        (told(11)[:200], "the answer of lastgood metrics was not understood"),
    ],
)
def test_what_the_ledger_has_is_no_answer_of_cloudwatch(text: str, failed: str) -> None:
    answer = understood(text, SPAN.end)
    assert answer.failed == failed
    assert bool(answer.courses) == ("understood" not in failed)
