"""The sign of life of a collector, for those who only look at it: collecting itself is a large import."""

from __future__ import annotations

BEAT = "collector"
"""The source whose coverage says that a collector lives."""

BEAT_S = 10.0
