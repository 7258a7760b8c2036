"""What was asked and what was answered, a JSON line each: for audits, and to learn from.

    {"at": "2026-03-01T09:30:00.120+00:00", "kind": "search", "asked": "fixed rate", "history": [],
     "known": {"age": 34}, "answers": ["P-02"], "removed": {"suitable": 3}, "confidence": 0.81,
     "alarm": null, "withheld": false, "ms": 4.2}

Nobody is named. Of what the vertical's policy masks only that it was said is kept; where it masks
what people write, their words, their history, what was answered and what rules removed are counted
and not kept. Knows answers and policies; knows nothing of pages.
"""

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from corank.errors import ConfigError
from corank.policy import Policy
from corank.rank.explain import Answers

MASKED = "masked"


class Journal:
    """Writes to the end of a file, which only its owner may read from then on.

    Args:
        path: the file; what it holds is kept.
        policy: what is masked.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, path: Path, policy: Policy) -> None:
        self.path, self.policy = path, policy
        self._lock = Lock()
        self._write("")
        try:
            path.chmod(0o600)
        except OSError as error:
            raise ConfigError(f"The journal {path} cannot be kept from others: {error}.") from error

    def note(
        self,
        kind: Literal["search", "recommend"],
        answers: Answers,
        *,
        asked: str = "",
        history: Sequence[str] = (),
        known: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Write down one request.

        Args:
            kind: what was asked for.
            answers: what came of it.
            asked: in somebody's own words.
            history: item ids.
            known: of whoever asks, by column.
            seconds: that it took.

        Raises:
            ConfigError: the file cannot be written.
        """
        hidden = self.policy.mask_text
        line = {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "kind": kind,
            "asked": f"{MASKED}, {len(asked)} characters" if hidden else asked,
            "history": f"{MASKED}, {len(history)} items" if hidden else list(history),
            "known": {
                name: MASKED if name in self.policy.masked else value
                for name, value in (known or {}).items()
            },
            "answers": f"{MASKED}, {len(answers)}" if hidden else [a.item_id for a in answers],
            "removed": sum(answers.removed.values()) if hidden else answers.removed,
            "confidence": answers.confidence,
            "alarm": answers.alarm,
            "withheld": answers.withheld,
            "ms": round(1000 * seconds, 2),
        }
        self._write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def _write(self, line: str) -> None:
        try:
            with self._lock:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                with os.fdopen(os.open(self.path, flags, 0o600), "a", encoding="utf-8") as file:
                    file.write(line)
        except OSError as error:
            raise ConfigError(f"The journal {self.path} cannot be written: {error}.") from error
