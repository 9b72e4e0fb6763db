"""The sign of life of a collector, for those who only look at it: collecting itself is a large import."""

from __future__ import annotations

BEAT = "collector"
"""The source whose coverage says that a collector lives."""

BEAT_S = 10.0

SILENT = "silent"
"""Memo: since when AWS has not answered what the collector asked; empty while it answers."""

SILENT_S = 5.0
"""What is not answered for so long is silence: the slowest pages of Search take two seconds."""
