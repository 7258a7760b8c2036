"""The web app of a fitted bundle: search, recommend, why, report.

`open_app` makes it and `serve` runs it. Nothing is loaded from, or sent to, another host.
"""

import os
from collections.abc import Callable
from pathlib import Path

from corank.bundle import BUNDLE, load, read_report
from corank.errors import BundleError, ConfigError, MissingExtraError
from corank.plugin import beside
from corank.serve.guard import Check, Guard
from corank.serve.journal import Journal

try:
    import gradio as gr
    from starlette.middleware import Middleware

    from corank.serve.page import build
except ModuleNotFoundError as error:
    raise MissingExtraError("The app", "app") from error

SESSIONS = 1000  # visitors whose history is kept


def open_app(path: str | Path, journal: Path | None = None, data: Path | None = None) -> gr.Blocks:
    """Build the app of the bundle at ``path``.

    Args:
        path: the bundle.
        journal: file to write requests down in; see `corank.serve.journal`.
        data: folder of the events that the Labels tab shows.

    Raises:
        BundleError: there is none, or it is damaged.
        ConfigError: the journal cannot be written.
    """
    path = Path(path)
    engine = load(path)
    report = read_report(path) if "report.json" in BUNDLE.read(path)["files"] else None
    kept = Journal(journal, engine.vertical.policy) if journal else None

    def model(name: str) -> Path | None:
        folder = beside(path, name)
        return folder if folder.is_dir() else None

    return build(engine, report, path.name, kept, data, model)


def open_vertical_app(name: str) -> gr.Blocks:
    """Build the app of a vertical's own bundle, for ``gradio app.py``.

    The bundle is the one that ``CORANK_BUNDLE`` names; by default ``runs/demo-NAME``.

    Raises:
        BundleError: there is none there; the message says what makes one.
    """
    path = Path(os.environ.get("CORANK_BUNDLE", f"runs/demo-{name}"))
    if not (path / BUNDLE.manifest).is_file():
        raise BundleError(
            f"{path.absolute()} is no bundle. Make one with: corank demo {name}; or name "
            "another in CORANK_BUNDLE."
        )
    return open_app(path)


def serve(
    demo: gr.Blocks,
    *,
    say: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 7860,
    check: Check | None = None,
) -> None:
    """Serve an app until the process is stopped.

    Args:
        demo: what `build` made.
        say: is told the app's address once it can be opened.
        host: the address to bind to.
        port: the port to bind to.
        check: says whether a name and a password may come in; None asks for neither.

    Raises:
        ConfigError: the port cannot be opened.
    """
    if not 1 <= port <= 65_535:
        raise ConfigError(f"--port {port} must lie in 1..65535.")
    try:
        _, url, _ = demo.launch(
            server_name=host,
            server_port=port,
            auth=check,
            share=False,
            quiet=True,
            show_error=False,
            prevent_thread_lock=True,
            inline=False,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            num_workers=0,
            enable_monitoring=False,
            max_file_size=0,
            state_session_capacity=SESSIONS,
            app_kwargs={"middleware": [Middleware(Guard)], "docs_url": None, "redoc_url": None},
            i18n=demo.i18n_instance,
            theme=_theme(),
            css_paths=Path(__file__).with_name("app.css"),
        )
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be opened; another program may hold it. Try --port {port + 1}."
        ) from error
    if url:  # gradio's reloading thread launches again and gets none
        say(url)
        demo.block_thread()


def _theme() -> gr.themes.Base:
    """Quiet greys, one accent, and the fonts that the visitor's system has."""
    theme: gr.themes.Base = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=["Segoe UI", "Roboto", "Helvetica Neue", "PingFang SC", "sans-serif"],
        font_mono=["SF Mono", "Cascadia Mono", "Menlo", "monospace"],
    ).set(
        color_accent="*primary_700",
        body_background_fill="*neutral_50",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_padding="0px",
        block_label_text_color="*neutral_600",
        block_title_text_color="*neutral_600",
        input_background_fill="white",
        input_border_width="1px",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        slider_color="*primary_700",
        slider_color_dark="*primary_500",
    )
    return theme
