from __future__ import annotations

import pytest

from console.world.errors import AwsError
from console.world.log_patterns import compiled

PLAIN = '[2026-11-23 03:04:03 +0000] [21] [ERROR] Exception on /invocations: KeyError "dep_delay" after 120 ms'
JSON = '{"level": "ERROR", "ms": 120.5, "user": {"id": 7, "tags": ["a", "b"]}, "ok": false, "gone": null, "n": "12"}'


@pytest.mark.parametrize(
    ("pattern", "plain", "json"),
    [
        ("", True, True),
        ("ERROR", True, True),
        ("error", False, False),  # case matters
        ("ERROR KeyError", True, False),
        ('"Exception on /invocations"', True, False),
        ('"KeyError \\"dep_delay\\""', True, False),
        ("-KeyError", False, True),
        ("ERROR -KeyError", False, True),
        ("?KeyError ?level", True, True),
        ("?nothing ?level", False, True),
        ("?nothing KeyError", True, False),  # beside a required term an optional one does not narrow
        ('-"KeyError" ?nothing', False, True),
        ("%Key[A-Z]rror%", True, False),
        ("%[0-9]+ ms% ERROR", True, False),
        ('{ $.level = "ERROR" }', False, True),
        ("{ $.level = ERROR }", False, True),
        ('{ $.level = "ERR*" }', False, True),
        ('{ $.level != "ERROR" }', False, False),
        ('{ $.missing != "x" }', False, False),  # what is not there is neither equal nor unequal
        ("{ $.level = %^ERR% }", False, True),
        ("{ $.ms > 100 && $.ms <= 120.5 }", False, True),
        ("{ $.ms > 1.3e2 }", False, False),
        ("{ $.n = 12 }", False, True),
        ("{ $.user.id = 7 }", False, True),
        ('{ $.user.tags[1] = "b" }', False, True),
        ('{ $.user.tags[2] = "b" }', False, False),
        ("{ $.ok IS FALSE }", False, True),
        ("{ $.ok IS TRUE }", False, False),
        ("{ $.gone IS NULL }", False, True),
        ("{ $.missing IS NULL }", False, False),
        ("{ $.missing NOT EXISTS }", False, True),
        ("{ $.gone NOT EXISTS }", False, False),
        ('{ ($.level = "WARN" || $.ok IS FALSE) && $.user.id = 7 }', False, True),
        ('{ $.level = "WARN" || $.ok IS FALSE && $.user.id = 8 }', False, False),
    ],
)
def test_what_a_pattern_matches(pattern: str, plain: bool, json: bool) -> None:
    match = compiled(pattern)
    assert (match(PLAIN), match(JSON)) == (plain, json)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("KeyError: 'x'", "Invalid filter pattern"),
        ("POST /invocations", "Invalid filter pattern"),
        ('"open', "Invalid filter pattern"),
        ("%a(b)%", "Invalid character(s) in term"),
        ("%a% %b% %c%", "Invalid filter pattern"),
        ("%[%", "Invalid filter pattern"),
        ("{ $.x = 1", "it must end with '}'"),
        ("{ $.x }", "Invalid filter pattern"),
        ("{ x = 1 }", "Invalid filter pattern"),
        ("{ $.x > abc }", "Invalid filter pattern"),
        ("{ ($.x = 1 }", "Invalid filter pattern"),
        ("{ $.x = 1 && }", "Invalid filter pattern"),
        ("{ $.x IS MAYBE }", "Invalid filter pattern"),
        ("[ip, user, ...]", "not modelled in this world"),
    ],
)
def test_what_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(AwsError) as told:
        compiled(pattern)
    assert told.value.code == "InvalidParameterException" and words in told.value.message
