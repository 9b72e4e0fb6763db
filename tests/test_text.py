"""Text from a provider: whatever it holds, what is drawn is one harmless line."""

from __future__ import annotations

import json
import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.text import echoed, in_ascii, looks_secret, redact, safe, shorten

ESC = "\x1b"
PIECES = [
    *(ESC, ESC + "[", ESC + "]0;", ESC + "P", "\x9b", "\x9d", "\x90", "\x07", ESC + "\\", "\x9c", "31m", "8;;http://x"),
    *(
        "\u202e",
        "\u2066",
        "\u200d",
        "\u200b",
        "\ufe0f",
        "\u0301",
        "\u20dd",
        "\u3164",
        "\u2800",
        "\U0001f3fd",
        "👩",
        "👨‍👩‍👧",
        "❤️",
    ),
    *(
        " ",
        "\n",
        "\r\n",
        "\t",
        "\u2028",
        "\u3000",
        "\xa0",
        "\x00",
        "\ud800",
        "\ue000",
        "[red]",
        "ä",
        "日本",
        "ملف",
        "🇩🇪",
    ),
    *("a", "risk-v8", "%s{}", "·", "◌"),
]
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=3) | st.characters(), max_size=25).map("".join)


@given(hostile)
@example(" \ufe0f ")
@example("\u0301")
@example(f"{ESC}]0;never closed")
@example(f"{ESC}{ESC}[31m[31m")
def test_safe_is_one_harmless_line(text: str) -> None:
    drawn = safe(text)
    assert len(drawn.splitlines()) <= 1 and drawn == drawn.strip() and "  " not in drawn
    for char in drawn:
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}, hex(ord(char))
        assert char == " " or not char.isspace()
    assert safe(drawn) == drawn
    drawn.encode()


@given(hostile)
def test_width_is_the_sum_of_its_characters(text: str) -> None:
    """No sequence whose width terminals and Rich see differently survives: joined, toned, selected emoji."""
    drawn = safe(text)
    assert cell_len(drawn) == sum(cell_len(char) for char in drawn)


@given(
    st.text(
        st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u3164\uffa0\u2800"), max_size=40
    )
)
def test_what_is_printable_stays(text: str) -> None:
    assert safe(text) == re.sub("(?<=[^\x00-\x7f])[\U0001f3fb-\U0001f3ff]+", lambda m: kept_tones(text, m), text)


def kept_tones(text: str, match: re.Match[str]) -> str:
    """Skin tones vanish behind an emoji only."""
    return "" if unicodedata.category(text[match.start() - 1]) == "So" else match[0]


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (f"{ESC}[31mred{ESC}[0m", "red"),
        (f"{ESC}]8;;http://evil{ESC}\\click{ESC}]8;;{ESC}\\", "click"),
        (f"{ESC}]52;c;ZXZpbA==\x07risk", "risk"),
        ("\x9b2Jrisk", "risk"),
        (f"a {ESC}]0;reason of the provider", "a 0;reason of the provider"),
        ("gpj.\u202eexe", "gpj.·exe"),
        ("ris\u200bk", "ris·k"),
        ("risk\ufe0f", "risk·"),
        ("line one\r\n  line two\t!", "line one line two !"),
        ("  spaced  ", "spaced"),
        ("[bold red]x[/]", "[bold red]x[/]"),
        ("👨‍👩‍👧 ❤️ 👍🏽", "👨👩👧 ❤ 👍"),
        ("Viê\u0323t", "Viê\u0323t"),
        ("Z" + "\u0335" * 40, "Z" + "\u0335" * 4),
        ("\u0301x", "◌\u0301x"),
        ("a\x00b\x7fc", "a·b·c"),
        ("\ud83d", "·"),
        ("", ""),
        ("🇩🇪 日本", "🇩🇪 日本"),
    ],
)
def test_examples(text: str, drawn: str) -> None:
    assert safe(text) == drawn


def test_long_and_nasty_text_is_quick() -> None:
    import time

    for text in (f"{ESC}]" * 50_000, f"{ESC}P" * 50_000, "\u0301" * 100_000, f"{ESC}[0;" * 30_000, "a=" * 50_000):
        began = time.process_time()
        safe(text)
        redact(text)
        assert time.process_time() - began < 2


SECRET = "s3cr3t/neverShownAnywhere+0123456789abcd"


@pytest.mark.parametrize(
    "text",
    [
        f"aws_secret_access_key = {SECRET}",
        json.dumps({"SecretAccessKey": SECRET}),
        f"DB_PASSWORD='{SECRET}'",
        f"https://bo:{SECRET.replace('/', '_')}@mlflow.example.org/x",
        f"Authorization: Bearer {SECRET}",
        f"the helper said {SECRET} twice",
        f"x-amz-security-token:{SECRET * 5}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"password: {SECRET}, user: bo",
    ],
)
def test_secrets_are_redacted(text: str) -> None:
    done = redact(text)
    assert SECRET not in done and SECRET.replace("/", "_") not in done and "***" in done
    assert redact(done) == done


@pytest.mark.parametrize(
    "text",
    [
        "Token for https://x.awsapps.com/start does not exist",
        "Token has expired and refresh failed",
        'Could not find endpoint "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/risk".',
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "s3://models/risk/2026-11-23/output/model.tar.gz",
        "User: arn:aws:sts::123456789012:assumed-role/ops/ana is not authorized to perform: sagemaker:ListEndpoints",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert redact(text) == text


def test_names_that_look_secret() -> None:
    for name in ("DB_PASSWORD", "apiKey", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "private-key", "GH_PAT"):
        assert looks_secret(name), name
    for name in ("MODEL_NAME", "S3Uri", "LearningRate", "monkey", "path", "MaxRuntimeInSeconds"):
        assert not looks_secret(name), name


@given(st.text(max_size=30), st.integers(0, 12))
def test_shorten(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= max(width, 0) and (short == text or short.endswith("…") or width == 0)


def test_every_character_alone() -> None:
    for code in (*range(0x20000), *range(0xE0000, 0xE0200), 0x10FFFF):
        char = chr(code)
        drawn = safe(char)
        assert len(drawn) <= 2
        if unicodedata.category(char)[0] == "C" and not char.isspace() and char not in (ESC, "\x9b"):
            assert drawn == "·", hex(ord(char))


PARTS = ("token", "token-", "secret ", "a.b-", 'token="\\', "://", "eyJaaaaaaaa.", "A1a/", "a", "=")


@pytest.mark.parametrize("part", PARTS)
def test_hostile_text_is_redacted_in_time(part: str) -> None:
    """Quadratic or worse would take minutes for this; a definition's default may be this long."""
    began = time.process_time()
    redact(part * (200_000 // len(part)))
    assert time.process_time() - began < 2


@given(st.text(max_size=60))
def test_ascii_is_ascii_and_as_wide(text: str) -> None:
    drawn = in_ascii(safe(text))
    assert drawn.isascii() and in_ascii(drawn) == drawn
    assert len(drawn) <= 2 * len(safe(text))


def test_every_sign_that_is_drawn_stays_distinct_in_ascii() -> None:
    assert in_ascii("✖▲◐◌⏸●✓") == "X!*?=o+" and in_ascii("é→界…") == "e>??~"
    assert in_ascii("▁▂▃▄▅▆▇█") == "_.-:=+*#" and in_ascii("│╵─┤╭○›") == "|'-++O>", "bars, frames and axes"
    assert in_ascii("⠉⠒⣀⠤⣿⢸⠈⢀") == "''..::'.", "a line of a plot rises and falls"


@given(st.text(max_size=400))
def test_what_was_typed_is_echoed_on_one_short_line(text: str) -> None:
    assert len(echoed(text)) <= 60 and echoed(text) == safe(echoed(text)) and "\n" not in echoed(text)
