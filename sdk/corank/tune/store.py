"""Where a search is kept: a database of trials, a lock, a picture.

What Optuna writes into SQLite, and reads back, are numbers and JSON, never pickles. Knows trials;
knows neither configs nor objectives.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import optuna
import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState

from corank.errors import ConfigError

LOCK = ".study.lock"


@contextmanager
def opened(path: Path) -> Iterator[optuna.Study]:
    """Open the study in a database; make one where there is none.

    Raises:
        ConfigError: the file is no study, or another version of Optuna's.
    """
    url = sa.URL.create("sqlite", database=str(path.absolute())).render_as_string()
    try:
        storage = optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))
    except (sa.exc.SQLAlchemyError, RuntimeError) as error:
        raise ConfigError(
            f"{path} is no study that this version of Optuna reads: {str(error).splitlines()[0]} "
            "Name another folder."
        ) from error
    try:
        yield optuna.create_study(
            storage=storage,
            study_name="corank",
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(),
            load_if_exists=True,
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it when the process ends, however it ends.

    Raises:
        ConfigError: another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise ConfigError(f"{folder} cannot hold a study: {error}. Name another folder.") from error
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ConfigError(
                f"The study in {folder} is in use ({error}): one process searches in a folder at "
                "a time. Wait for the other, or name another folder."
            ) from error
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing but errors meanwhile."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def plot(trials: list[FrozenTrial], path: Path) -> None:
    """Draw each trial's value, the best so far, and where the base settings stand."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    complete = [trial.state == TrialState.COMPLETE for trial in trials]
    number = np.arange(1, len(trials) + 1)
    values = np.array([trial.values[0] if trial.values else np.nan for trial in trials])
    values[~np.array(complete)] = np.nan  # a trial that was cut short keeps its last report
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    best = np.fmax.accumulate(values)
    axes.step(number, best, "#c2410c", where="post", label="best so far")
    axes.plot(number, values, "o", color="#475569", markersize=5, label="complete")
    axes.axhline(values[0], color="#475569", linewidth=1, linestyle=":", label="base settings")
    cut = number[np.isnan(values)]
    axes.plot(
        cut, np.full(len(cut), 0.02), "|", color="#94a3b8",
        transform=axes.get_xaxis_transform(), label="cut short or failed",
    )  # fmt: skip
    axes.set_xlabel("trial")
    axes.set_ylabel("value, higher is better")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="png", dpi=150)
