"""The ``corank`` command: the SDK's steps, one word each.

Every step is the SDK's. With ``--json`` the answer is one JSON document on standard output;
progress and warnings go to standard error either way.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from corank.arguments import parser
from corank.commands import asking, fitting
from corank.errors import (
    BundleError,
    CorankError,
    DataError,
    LeakageWarning,
    MissingExtraError,
    RequestError,
    UnreachableError,
)

COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "verticals": asking.verticals,
    "new-vertical": asking.new_vertical,
    "demo": fitting.demo,
    "fit": fitting.fit,
    "tune": fitting.tune,
    "evaluate": fitting.evaluate,
    "update": fitting.update,
    "compress": fitting.compress,
    "rollback": fitting.rollback,
    "inspect": asking.inspect,
    "export": asking.export,
    "encode": asking.encode,
    "search": asking.search,
    "recommend": asking.recommend,
    "why": asking.why,
    "monitor": asking.monitor,
    "app": asking.app,
}

EXIT_CODES: dict[type[CorankError], int] = {
    DataError: 3,
    RequestError: 4,
    BundleError: 5,
    MissingExtraError: 6,
    UnreachableError: 7,
    CorankError: 1,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say_warning
            COMMANDS[arguments.command](arguments)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in corank ... | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CorankError as error:
        print(f"corank: {error}", file=sys.stderr)
        return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
    return 0


def _say_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, LeakageWarning):
        print(f"corank: warning: {message}", file=sys.stderr)
