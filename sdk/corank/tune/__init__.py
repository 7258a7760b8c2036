"""Search for settings: what may be tried, the search, and the search over a whole fit."""

from corank.errors import MissingExtraError

try:
    import optuna  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("Searching for settings", "tune") from error
