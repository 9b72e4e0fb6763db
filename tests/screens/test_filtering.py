from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from screens.filtering import Term, compile_filter, fold, unknown_columns
from tests.screens.memory import COLUMNS

CELLS = st.fixed_dictionaries({column.id: st.text("aBc: !é", max_size=8) for column in COLUMNS})
WORD = st.text("abc!:é", min_size=1, max_size=4)
ROW = fold({"name": "Delay-Risk", "what": "canary v8: 42 of 1,440 fail", "owner": "tf", "errors": "0.31"})


def matches(source: str) -> bool:
    return compile_filter(source, COLUMNS).matches(ROW)


def test_words_are_substrings_of_any_cell_without_case() -> None:
    assert matches("risk") and matches("RISK fail") and matches("  0.31 ")
    assert not matches("risk pricing")


def test_not_and_columns() -> None:
    assert matches("!pricing owner:tf") and not matches("!risk")
    assert matches("!owner:ci") and not matches("owner:ci")
    assert matches("name:risk") and not matches("name:canary")
    assert matches("!name:canary")


def test_a_column_is_named_by_its_title_too() -> None:
    assert matches("req/s:") and compile_filter("OWNER:TF", COLUMNS).terms == (Term("tf", "owner"),)


def test_a_prefix_that_is_no_column_is_a_word() -> None:
    row = fold({"name": "arn:aws:sagemaker:eu", "what": "since 02:50Z"})
    assert compile_filter("arn:aws", COLUMNS).matches(row)
    assert compile_filter("02:50z", COLUMNS).matches(row)


def test_words_that_say_nothing_let_everything_through() -> None:
    for source in ("", "  ", "!", "owner:", "!owner:"):
        assert not compile_filter(source, COLUMNS)
        assert matches(source)


@given(CELLS, WORD)
def test_not_is_the_complement(cells: dict[str, str], word: str) -> None:
    if compile_filter(plain := word.lstrip("!"), COLUMNS):
        row = fold(cells)
        assert compile_filter("!" + plain, COLUMNS).matches(row) is not compile_filter(plain, COLUMNS).matches(row)


@given(CELLS, st.lists(WORD, max_size=4))
def test_several_words_mean_and(cells: dict[str, str], words: list[str]) -> None:
    row = fold(cells)
    assert compile_filter(" ".join(words), COLUMNS).matches(row) is all(
        compile_filter(word, COLUMNS).matches(row) for word in words
    )


@given(st.text(max_size=30))
def test_every_text_is_a_filter(source: str) -> None:
    compile_filter(source, COLUMNS).matches(ROW)


def test_what_looks_like_a_column_and_is_none() -> None:
    assert unknown_columns("onwer:tf !Stauts:x owner:tf 5XX:1", COLUMNS) == ["onwer", "stauts"]
    assert unknown_columns("arn:aws:sagemaker 03:12z s3://bucket/x http://y column:", COLUMNS) == ["column"]
