"""A tab of a vertical's own: what it is called, what it says, and what builds it.

    # corank_ads/what_if.py
    PANEL = Panel(name="what_if", words=WORDS, build=build)
    # corank_ads/__init__.py
    vertical = Vertical(..., panels=("corank_ads.what_if:PANEL",))

A vertical names its panels and does not import them, so that what serves without an app needs no
gradio. Knows gradio's components; knows nothing of any domain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from corank.engine import Engine
from corank.errors import DeclarationError
from corank.plugin import named
from corank.serve.words import LANGUAGES, PREFIX, Words, words_for

QUIET: Mapping[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
WAITED: Mapping[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
"""How events are bound: nothing is offered to strangers' scripts; what takes a while shows so."""


@dataclass(frozen=True)
class Booth:
    """What a panel is given to build with.

    Args:
        engine: what answers.
        known: of whoever asks; a state that holds a mapping of columns.
        history: of the visitor; a state that holds item ids.
        word: key -> the string that gradio shows in the browser's language.
        markup: name and options -> a part of the page that shows our own markup.
        words: request -> the strings of its language, the panel's own among them.
        loaded: function and outputs -> they are filled when the page opens.
        model: name -> the folder of a model that the vertical names, where it was fitted.
    """

    engine: Engine
    known: Any
    history: Any
    word: Callable[[str], Any]
    markup: Callable[..., Any]
    words: Callable[[gr.Request], Words]
    loaded: Callable[[Callable[..., Any], Sequence[Any]], None]
    model: Callable[[str], Path | None]


@dataclass(frozen=True)
class Panel:
    """One tab.

    Args:
        name: of the tab, and the key of its heading in ``words``.
        words: ``en`` and ``zh`` -> key -> string; keys are the panel's own.
        build: fills the tab; called inside it.
    """

    name: str
    words: Mapping[str, Mapping[str, str]]
    build: Callable[[Booth], None]

    def __post_init__(self) -> None:
        keys = [set(self.words.get(language, ())) for language in ("en", "zh")]
        if not keys[0] or keys[0] != keys[1] or self.name not in keys[0]:
            raise DeclarationError(
                f"Panel {self.name!r} must say the same things in 'en' and 'zh', and hold a string "
                f"of its own name; only one language has {sorted(keys[0] ^ keys[1])}."
            )

    def labels(self) -> dict[str, dict[str, str]]:
        """Return language -> prefixed key -> string, as `words.labels` does."""
        return {
            language: {PREFIX + key: said for key, said in self._said(language).items()}
            for language in LANGUAGES
        }

    def words_for(self, request: gr.Request) -> Words:
        """Return the strings of a request's language, this panel's among them."""
        words = words_for(request.headers.get("accept-language", ""))
        return Words(words.language, {**words.strings, **self._said(words.language)})

    def _said(self, language: str) -> Mapping[str, str]:
        return self.words[language.partition("-")[0]]


def load_panels(names: Sequence[str]) -> tuple[Panel, ...]:
    """Return the panels that a vertical names, ``module:attribute`` each.

    Raises:
        DeclarationError: one cannot be loaded, or is no panel.
    """
    return tuple(named(name, Panel) for name in names)
