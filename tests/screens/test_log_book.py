from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from screens.blocks import plain, width_of
from screens.log_book import LogBook, cut_short, level_of
from tests.screens.records import HOSTILE

LINES = [
    "03:04:01Z i-1 INFO starting",
    "03:04:02Z i-1 WARN slow feature store",
    "03:04:03Z i-1 [2026-11-23 03:04:03 +0000] [21] [ERROR] Exception on /invocations Traceback KeyError: 'dep_delay'",
    '03:04:04Z i-2 169.254.178.2 - - [23/Nov/2026:03:04:04 +0000] "POST /invocations HTTP/1.1" 500 265 "-"',
    "something else",
]


def book(*lines: str, **options: int) -> LogBook:
    made = LogBook(**options)
    made.add(lines or LINES)
    return made


def texts(made: LogBook) -> list[str]:
    return [plain(made.line(row)) for row in range(len(made.rows))]


def test_levels_are_told_by_sign_and_what_was_told_already_is_left_out() -> None:
    assert texts(book()) == [
        "   03:04:01Z INFO starting",
        " ▲ 03:04:02Z WARN slow feature store",
        " ✖ 03:04:03Z KeyError: 'dep_delay'  [21] [ERROR] Exception on /invocations Traceback",
        ' ▲ 03:04:04Z "POST /invocations HTTP/1.1" 500 265 "-"',
        "   something else",
    ]
    assert book().errors == 1
    assert level_of("an Error message") == "bad" and level_of("mirrors") == "" and level_of("ErrorRate=0") == ""


def test_the_filter_lets_through_and_keeps_its_place() -> None:
    made = book()
    made.filter("INVOCATIONS")
    assert [made.number(row) for row in range(len(made.rows))] == [2, 3]
    assert made.row_of(3) == 1 and made.row_of(0) == 0 and made.row_of(4) == 2
    made.add(["03:04:09Z i-1 POST /invocations 200", "03:04:10Z i-1 nothing"])
    assert len(made.rows) == 3
    made.filter("")
    assert len(made.rows) == 7


def test_errors_are_gone_to_in_a_circle() -> None:
    made = book("KeyError: 1", "fine", "ValueError: 2", "fine")
    assert [made.next_error(row) for row in range(4)] == [2, 2, 0, 0]
    assert book("fine").next_error(0) is None
    assert LogBook().next_error(0) is None


def test_the_oldest_lines_are_let_go() -> None:
    made = LogBook(keep=100, spare=20)
    gone = sum(made.add([f"line {n}" for n in range(start, start + 10)]) for start in range(0, 300, 10))
    assert 100 <= len(made) < 120
    assert len(made.rows) == len(made) and gone == 300 - len(made) == made.base
    assert plain(made.line(0)).strip() == f"line {made.base}"
    assert plain(made.line(len(made.rows) - 1)).strip() == "line 299"


@given(st.lists(st.text(max_size=300), min_size=1, max_size=20), st.integers(20, 100), st.text(max_size=3))
def test_wrapped_rows_fit_and_belong_to_their_lines(lines: list[str], width: int, needle: str) -> None:
    made = book(*lines)
    made.wrap(width)
    made.filter(needle)
    for row in range(len(made.rows)):
        assert width_of(made.line(row)) <= width
        assert needle.casefold() in made.entry(row).text.casefold()
    numbers = [number for number, _ in made.rows]
    assert numbers == sorted(numbers)
    if not needle:
        assert set(numbers) == set(range(len(lines)))


def test_a_wrapped_line_is_whole() -> None:
    made = book(LINES[2])
    made.wrap(40)
    whole = " ".join(text.strip() for text in texts(made))
    assert whole.startswith("✖ 03:04:03Z [2026-11-23 03:04:03 +0000]") and whole.endswith("KeyError: 'dep_delay'")
    assert made.entry(len(made.rows) - 1).text == LINES[2]


def test_a_hostile_line_is_one_line() -> None:
    assert cut_short(HOSTILE, "")[-1][0] == HOSTILE  # raw here, made safe where it is drawn
    made = book(f"03:04:01Z {HOSTILE}")
    made.wrap(30)
    assert all("\x1b" not in plain(made.line(row)) for row in range(len(made.rows)))


def test_errors_are_gone_back_to_and_lines_are_taken_whole() -> None:
    made = book("KeyError: 1", "fine", "ValueError: 2", "fine")
    assert [made.next_error(row, -1) for row in range(4)] == [2, 0, 0, 2]
    made.wrap(12)
    assert len(made.rows) > 4
    assert made.texts(range(len(made.rows))) == ["KeyError: 1", "fine", "ValueError: 2", "fine"]
    assert made.texts(range(0)) == []


def test_streams_are_named_when_asked_for() -> None:
    made = book("03:04:01Z AllTraffic/i-0123456789abcdef0 INFO starting", "03:04:02Z algo-1-1795 INFO here")
    assert texts(made)[0] == "   03:04:01Z INFO starting"
    made.name_streams(True)
    assert texts(made) == ["   03:04:01Z AllTraffic/i-…def0 INFO starting", "   03:04:02Z algo-1-1795 INFO here"]
    assert made.entry(0).text.startswith("03:04:01Z AllTraffic/i-0123456789abcdef0"), "what is copied is whole"
