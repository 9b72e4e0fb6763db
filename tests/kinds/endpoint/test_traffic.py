from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import UsageError
from console.kinds.endpoint.traffic import (
    Tally,
    loads,
    parse_steps,
    parse_weights,
    percent,
    risen,
    same,
    shares,
    told,
    way,
)

BEFORE = {"a": 0.9, "b": 0.1}


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "1e7", " 1", "1_0x"])
def test_what_is_no_weight(text: str) -> None:
    with pytest.raises(UsageError, match="no weight"):
        parse_weights({"a": text})


def test_weights_and_steps() -> None:
    assert parse_weights({"a": "90", "b": "0", "c": "0.5"}) == {"a": 90, "b": 0, "c": 0.5}
    assert parse_steps("10,50,100") == (10, 50, 100) and parse_steps("100") == (100,)
    for text in ("", "10", "50,10,100", "10,10,100", "0,100", "10,200", "a,100", "10,nan,100", ",".join(["1"] * 30)):
        with pytest.raises(UsageError, match="--steps"):
            parse_steps(text)


def test_steps_go_from_one_share_to_the_other_whatever_the_scales() -> None:
    assert way(BEFORE, {"a": 50.0, "b": 50.0}, (10, 50, 100)) == [
        {"a": 86, "b": 14}, {"a": 70, "b": 30}, {"a": 50, "b": 50},
    ]  # fmt: skip
    assert way(BEFORE, {"a": 0.0, "b": 3.0}, (100,)) == [{"a": 0, "b": 3}]


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=2, max_size=5).filter(
        lambda pairs: sum(a for a, _ in pairs) > 0.1 and sum(b for _, b in pairs) > 0.1
    ),
    st.lists(st.integers(1, 99), max_size=5, unique=True).map(sorted),
)
def test_each_step_lies_between_and_the_last_is_what_was_asked_for(
    pairs: list[tuple[float, float]], steps: list[int]
) -> None:
    before = {str(n): a for n, (a, _) in enumerate(pairs)}
    after = {str(n): b for n, (_, b) in enumerate(pairs)}
    found = way(before, after, (*steps, 100))
    assert found[-1] == after and len(found) == len(steps) + 1
    was, then = shares(before), shares(after)
    for weights in found:
        assert abs(sum(shares(weights).values()) - 1) < 1e-9
        for name, share in shares(weights).items():
            assert min(was[name], then[name]) - 1e-4 <= share <= max(was[name], then[name]) + 1e-4


def test_what_each_will_get() -> None:
    more, less = loads({"a": 1, "b": 9}, {"a": 5, "b": 5}, 180.0, {"a": 2, "b": 6})
    assert more.gains and not less.gains
    assert more.words == "a 10 → 50 % of traffic (18 → 90 requests/s)"
    assert more.host_words == "each instance of a: 540 → 2,700 requests a minute"
    blind = loads({"a": 1, "b": 9}, {"a": 5, "b": 5}, None, {"a": 2})[0]
    assert blind.words == "a 10 → 50 % of traffic" and not blind.host_words
    serverless = loads({"a": 0, "b": 9}, {"a": 5, "b": 5}, 10.0, {"a": None, "b": 2})[0]
    assert serverless.words == "a 0 → 50 % of traffic (0 → 5.0 requests/s)" and not serverless.host_words


def test_shares_in_words() -> None:
    assert told({"a": 0.995, "b": 0.005}) == "a 99.5 %, b 0.5 %"
    assert [percent(share) for share in (0, 0.1, 0.333, 1)] == ["0 %", "10 %", "33.3 %", "100 %"]


def test_weights_come_back_as_32_bit_floats() -> None:
    assert same({"a": 0.9}, {"a": 0.8999999761581421})
    assert not same({"a": 0.9}, {"a": 0.91}) and not same({"a": 0.9}, {"a": 0.9, "b": 0})
    assert same({"a": 0.0}, {"a": 0.0})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        # As many fail as before, of fewer requests and of more.
        ({"a": (9_000, 9), "b": (1_000, 1)}, {"a": (5_000, 5), "b": (5_000, 5)}, ""),
        # The new one fails: it shows in the whole.
        ({"a": (9_000, 9), "b": (1_000, 1)}, {"a": (5_000, 5), "b": (5_000, 150)}, "5XX 1.55 % (155 of 10,000)"),
        # It failed before already, and gets more now.
        ({"a": (9_000, 0), "b": (1_000, 30)}, {"a": (5_000, 0), "b": (5_000, 150)}, "5XX 1.50 % (150 of 10,000)"),
        # One breaks while the other mends: only against itself.
        ({"a": (1_000, 0), "b": (9_000, 300)}, {"a": (5_000, 60), "b": (5_000, 0)}, "a: 5XX 1.20 % (60 of 5,000)"),
        # Nobody asked it before: held against all.
        ({"a": (1_000, 30), "b": (0, 0)}, {"a": (500, 15), "b": (500, 15)}, ""),
        ({"a": (1_000, 0), "b": (0, 0)}, {"a": (9_500, 0), "b": (500, 15)}, "b: 5XX 3.00 % (15 of 500)"),
        # Four errors are no rise, whatever they are of.
        ({"a": (1_000, 0), "b": (0, 0)}, {"a": (50, 0), "b": (5, 4)}, ""),
        ({"a": (0, 0), "b": (0, 0)}, {"a": (0, 0), "b": (0, 0)}, ""),
    ],
)  # fmt: skip
def test_a_rise_is_more_than_chance(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]], words: str
) -> None:
    told_ = risen({name: Tally(*of) for name, of in before.items()}, {name: Tally(*of) for name, of in after.items()})
    assert told_.startswith(words) if words else not told_, told_
