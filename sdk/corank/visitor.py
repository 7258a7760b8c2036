"""Somebody to try a vertical as: what they looked at, and what they say of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """One of the sample's people, by a name that says what to expect.

    Args:
        name: as the app offers it, such as "A runner with a first marathon".
        history: item ids of the sample, oldest first.
        known: columns of users and interactions, as `Engine.recommend` takes them in ``now``.
    """

    name: str
    history: tuple[str, ...]
    known: Mapping[str, Any] = field(default_factory=dict)
