"""Text from a provider: made safe to draw, redacted, shortened.

Names, reasons and log lines may hold control characters, ANSI and OSC sequences, bidi overrides, markup of Rich or
Textual and a thousand characters (facts/sagemaker.md section 13.13). Records, ledger and JSON keep the raw value.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_ESCAPES = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC: titles, hyperlinks, clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|\x1b[ -/]*[0-~]?"  # the rest of the family, and the opening of a string that never ends
)
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and symbols that draw nothing
_SELECTOR = re.compile("[\ufe00-\ufe0f\u034f\u180b-\u180f\U000e0100-\U000e01ef]")
_ON_EMOJI = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")
_MAX_MARKS = 4
"""Combining marks kept on one character: Vietnamese and Hebrew need three, Zalgo text climbs over other rows."""


def safe(text: str) -> str:
    """One line without anything that could move the cursor, change colours or reorder what is read.

    Runs of white space and line breaks become one space; escape sequences vanish; other control, format (bidi
    overrides, zero-width), private, unassigned and invisible characters become `·`, so that a name that differs only
    there looks different. Marks stay on their character, a stray one sits on `◌`. Emoji stay, without the selectors,
    joiners and skin tones about whose width terminals disagree. Idempotent.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split()) if "  " in text or text[:1] == " " or text[-1:] == " " else text
    drawn: list[str] = []
    marks, last = 0, ""  # `last` is what a mark would sit on
    for char in _ESCAPES.sub("", text):
        if char.isspace():
            if drawn and drawn[-1] != " ":
                drawn.append(" ")
            last = ""
            continue
        kind = unicodedata.category(char)
        if last and _ON_EMOJI.match(char) and unicodedata.category(last) == "So":
            continue
        if kind in _UNSAFE or char in _INVISIBLE or _SELECTOR.match(char):
            char, kind = "·", "Po"
        if kind in {"Mn", "Me"}:
            if not last:
                drawn.append("◌")
                last = "◌"
            marks += 1
            if marks > _MAX_MARKS:
                continue
        else:
            marks, last = 0, char
        drawn.append(char)
    return "".join(drawn).rstrip(" ")


_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|token(?!s|i[sz]|_?-?(?:count|limit|length))|api_?-?key|access_?-?key|private_?-?key|credential|authorization|cookie"
    r"|signature|_pat$|dsn$|connection_?-?string",
    re.IGNORECASE,
)


@cache
def _secrets() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What secrets look like, and what stands instead. Compiled when first needed: 2 ms that no list should pay."""
    return (
        (re.compile(r"\b(Bearer|Basic)\s+[\w.+/=~-]{8,}", re.IGNORECASE), r"\1 ***"),
        (re.compile(r"(://)[^/\s@]+@"), r"\1***@"),
        (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), "***"),
        (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "***"),
        (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "***"),
        # 40 characters of an AWS secret key, one of which no hexadecimal hash has; session tokens are longer.
        (
            re.compile(
                r"(?<![\w/+=])(?=[\w/+]*[G-Zg-z/+])(?=[\w/+]*\d)(?=[\w/+]*[A-Z])(?=[\w/+]*[a-z])[A-Za-z0-9/+]{40}(?![\w/+=-])"
            ),
            "***",
        ),
        (re.compile(r"(?<![\w/+=])(?=[\w/+]*[A-Z])(?=[\w/+]*[a-z])(?=[\w/+]*\d)[A-Za-z0-9/+]{120,}={0,2}"), "***"),
    )


HIDDEN = "***"
"""Stands where a value must not be kept or shown."""


def looks_secret(name: str) -> bool:
    """Whether a variable or parameter of this name should never be kept or shown."""
    return bool(_SECRET_NAME.search(name))


def redact(text: str) -> str:
    """Text with what looks like a secret replaced by `***`: keys, tokens, passwords, URL users, private keys.

    A net, not a promise: values that are known to be secret must not come here at all.
    """
    text = _without_named(text)
    for pattern, instead in _secrets():
        text = pattern.sub(instead, text)
    return text


def _without_named(text: str) -> str:
    """NAME=value, "Name": "value" and name: value with a name that tells of a secret, their values hidden.

    By hand, in one pass: as one pattern it took a second for a hostile kilobyte.
    """
    naming, value = _namings()
    kept: list[str] = []
    done = 0
    while found := naming.search(text, done):
        kept.append(text[done : found.end()])
        done = found.end()
        if _NAMES_SECRET.search(found[1]) and (secret := value.match(text, done)):
            kept.append(HIDDEN)
            done = secret.end()
    return "".join(kept) + text[done:]


_NAMES_SECRET = re.compile(
    r"secret|passw(?:or)?d|passphrase|token|api[_-]?key|access[_-]?key|private[_-]?key|signature|authorization|cookie",
    re.IGNORECASE,
)


@cache
def _namings() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A name with its `=` or `:`, and a value, which ends where its quotes or its word does."""
    return (
        re.compile(r"""(?<![\w.-])([\w.-]++)["']?\s*+[:=]\s*+(?:(?:Bearer|Basic)\s++)?""", re.IGNORECASE),
        re.compile(r"""("(?:[^"\\]|\\.)*+"|'[^']*+'|[^\s"',;&}]++)"""),
    )


_ASCII = {
    **{"✖": "X", "▲": "!", "◐": "*", "◌": "?", "⏸": "=", "●": "o", "✓": "+", "…": "~", "–": "-", "—": "-"},
    **{"→": ">", "←": "<", "·": ".", "×": "x", "⏎": "^", "“": '"', "”": '"', "‘": "'", "’": "'"},
    **{"›": ">", "○": "O", "─": "-", "│": "|", "╵": "'", "█": "#"},
    **dict(zip("▁▂▃▄▅▆▇", "_.-:=+*", strict=True)),
}
"""Every sign that is drawn, for a terminal without Unicode: one character each, or columns would move."""


def in_ascii(text: str) -> str:
    """As wide, in ASCII: signs by their table, letters without their marks, `?` for the rest."""
    return "".join(char if char.isascii() else _ascii(char) for char in text)


def _ascii(char: str) -> str:
    if char in _ASCII:
        return _ASCII[char]
    if unicodedata.combining(char):
        return ""
    if unicodedata.east_asian_width(char) in "WF":
        return "??"
    if 0x2800 < ord(char) < 0x2900:  # braille of a plot: dots of its upper half, of its lower one, or of both
        upper, lower = bool(ord(char) & 0b00011011), bool(ord(char) & 0b11100100)
        return ":" if upper and lower else "'" if upper else "."
    if 0x2500 <= ord(char) < 0x2580:  # corners and crossings of frames
        return "+"
    plain = unicodedata.normalize("NFKD", char)[0]
    return plain if plain.isascii() else "?"


ECHO = 60
"""Characters of what somebody typed that a message repeats."""


def echoed(typed: str) -> str:
    """What was typed, as a message may repeat it: safe, on one line, and cut where it is longer than any name."""
    return shorten(safe(typed[: 4 * ECHO]), ECHO)


def shorten(text: str, width: int) -> str:
    """At most `width` characters; what is cut ends in `…`."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 1 else "…"[:width]


BARS = "▁▂▃▄▅▆▇█"
"""A sparkline's, by height."""


def few(value: float) -> str:
    """A rate with as many digits as mean something: `1,904`, `3.1`, `0.02`, `0`."""
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 endpoint`, `12 endpoints`"""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
