"""SEARCH terms of metric math: `{Namespace,Dimension,…} MetricName="x" Dimension=part word OR (word)`.

Source: CloudWatch User Guide, CloudWatch search expression syntax. Terms are joined by AND unless OR stands between.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from console.world.cloudwatch.expressions import malformed
from console.world.cloudwatch.series import Key

MOST = 100
"""A SEARCH returns no more time series than that."""
Match: TypeAlias = Callable[[Key], bool]

_SCHEMA = re.compile(r"\s*\{([^}]*)\}")
_TOKEN = re.compile(r'\s*(?:(?P<sign>[()])|(?P<term>(?:[\w/.:-]+\s*=\s*)?(?:"[^"]*"|[^\s()"=]+)))')


def label(key: Key) -> str:
    return " ".join([key.metric, *(value for _, value in key.dimensions)])


def parse(wanted: str, text: str) -> Match:
    """Raises ValidationError."""
    schema = _SCHEMA.match(wanted)
    place = schema.end() if schema else 0
    tokens: list[str] = []
    while wanted[place:].strip():
        found = _TOKEN.match(wanted, place)
        if found is None:
            raise malformed(text, f"Parse error in SEARCH at position {place}")
        tokens.append(found[0].strip())
        place = found.end()
    terms = _any(tokens, text) if tokens else (lambda key: True)
    if tokens:
        raise malformed(text, f"Parse error in SEARCH: unexpected {tokens[0]}")
    if schema is None:
        return terms
    namespace, *dimensions = [part.strip().strip('"') for part in schema[1].split(",")]
    names = set(dimensions)
    return lambda key: key.namespace == namespace and {name for name, _ in key.dimensions} == names and terms(key)


def _any(tokens: list[str], text: str) -> Match:
    alternatives = [_all(tokens, text)]
    while tokens and tokens[0].upper() == "OR":
        tokens.pop(0)
        alternatives.append(_all(tokens, text))
    return alternatives[0] if len(alternatives) == 1 else lambda key: any(one(key) for one in alternatives)


def _all(tokens: list[str], text: str) -> Match:
    terms: list[Match] = []
    while tokens and tokens[0] != ")" and tokens[0].upper() != "OR":
        if tokens[0].upper() == "AND":
            tokens.pop(0)
            continue
        terms.append(_one(tokens, text))
    if not terms:
        raise malformed(text, "Parse error in SEARCH: a term is missing")
    return lambda key: all(one(key) for one in terms)


def _one(tokens: list[str], text: str) -> Match:
    token = tokens.pop(0)
    if token.upper() == "NOT" and tokens:
        inner = _one(tokens, text)
        return lambda key: not inner(key)
    if token == "(":
        inside = _any(tokens, text)
        if not tokens or tokens.pop(0) != ")":
            raise malformed(text, "Parse error in SEARCH: ) is missing")
        return inside
    name, equals, value = token.partition("=") if not token.startswith('"') else ("", "", token)
    name, value = name.strip(), (value if equals or not name else name).strip()
    exact = value.startswith('"')
    value = value.strip('"')
    return lambda key: any(
        (value == found) if exact else (value.lower() in found.lower())
        for found in _properties(key, name if equals else None)
    )


def _properties(key: Key, name: str | None) -> list[str]:
    """Values that a term may match: of one property, or of all of them, names of dimensions too."""
    if name is None:
        return [key.namespace, key.metric, *(part for pair in key.dimensions for part in pair)]
    if name in ("MetricName", "Namespace"):
        return [key.metric if name == "MetricName" else key.namespace]
    return [value for dimension, value in key.dimensions if dimension == name]
