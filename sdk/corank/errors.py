"""Everything corank raises.

    CorankError
    ├── DataError              your data is wrong
    │   └── SchemaError        a column is missing, misspelled or of the wrong type
    ├── DeclarationError       your vertical's declaration is wrong
    │   └── UnknownVerticalError
    ├── ConfigError            an option has a value it cannot take
    ├── RequestError           a search or recommendation asked for the impossible
    │   └── UnknownItemError
    ├── TrainingError          a run cannot go on: NaN, memory, disk, a damaged checkpoint
    ├── CompressionError       what was made smaller does its work too badly to be kept
    ├── BundleError            a saved bundle is damaged, foreign, or cannot be written
    ├── UnreachableError       a service that was pointed at does not answer
    └── MissingExtraError      an optional dependency is not installed

    LeakageWarning             a split lets training see what it is tested on

Each message says what was given, what was expected, and how to mend it.
"""

import difflib
from collections.abc import Iterable


class CorankError(Exception):
    """Base of every error that corank raises on purpose."""


class DataError(CorankError, ValueError):
    """The data handed in cannot be used."""


class SchemaError(DataError):
    """A column is missing, misspelled or of a type that cannot be cast."""


class DeclarationError(CorankError):
    """A vertical, rule or labelling function is declared wrongly."""


class UnknownVerticalError(DeclarationError, LookupError):
    """No installed package declares a vertical of that name."""


class ConfigError(CorankError, ValueError):
    """An option has a value it cannot take."""


class RequestError(CorankError, ValueError):
    """A search or recommendation request cannot be answered."""


class UnknownItemError(RequestError, LookupError):
    """An item id is not in the catalogue."""


class TrainingError(CorankError):
    """A training run cannot go on; its last good checkpoint is kept."""


class CompressionError(CorankError):
    """What was made smaller loses more than it may; what it was made from is unchanged."""


class BundleError(CorankError):
    """A bundle is damaged, made by another version, or cannot be written."""


class UnreachableError(CorankError):
    """A service elsewhere, such as a vector database, does not answer, or not as it should."""


class MissingExtraError(CorankError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} requires extra '{extra}'. Install it with: pip install 'corank[{extra}]'"
        )


class LeakageWarning(UserWarning):
    """A split lets training see what it is tested on; reports made from it are stamped."""


def nearest(given: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name closest to ``given``, or ``""``."""
    close = difflib.get_close_matches(given, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
