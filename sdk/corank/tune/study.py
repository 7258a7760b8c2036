"""Search for the settings of a config under which an objective is best, by Optuna.

The tree-structured Parzen estimator proposes settings, and a trial that is worse than the
median of those before it, at the same point, is cut short. Everything lies in a folder:
``study.db`` (SQLite) holds every trial, ``best.json`` the best settings, ``study.png`` a picture
where matplotlib is installed. A search that was killed goes on when it is started again.

    def objective(config, report):            # higher is better
        classifier = fit_classifier(texts, labels, config)
        return accuracy(classifier.predict(more_texts))

    found = search(objective, ClassifierConfig(), {"epochs": {"low": 2, "high": 12}},
                   folder=Path("runs/study"))
    found.best                                # a ClassifierConfig

Sources: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; median
rule, Golovin et al., "Google Vizier", KDD 2017; importance, Watanabe et al., "PED-ANOVA", IJCAI
2023. Knows configs and numbers; knows neither data nor models.
"""

import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from corank.data.files import atomic
from corank.errors import ConfigError, TrainingError
from corank.progress import bar
from corank.tune.space import Choice, Range, Space, changed, put, read_space
from corank.tune.store import alone, opened, plot, quiet

C = TypeVar("C")

Report = Callable[[int, float], None]
"""Says how good a trial is after ``step`` of its steps; ends it where that is too little."""

DATABASE, BEST, PICTURE = "study.db", "best.json", "study.png"
ENOUGH = 10  # complete trials from which it is worth saying what mattered


@dataclass(frozen=True, kw_only=True)
class Found(Generic[C]):
    """What a search found.

    Args:
        base, best: the settings it started from, and the best it tried.
        base_value: of the settings it started from; None where they could not be trained.
        value: of the best.
        complete, pruned, failed: how many trials came to a value, were cut short, and could
            not be trained or were killed.
        importance: of each option for the complete trials' values, adding up to 1; empty where
            there are fewer than 10 of them.
    """

    base: C
    best: C
    base_value: float | None
    value: float
    complete: int
    pruned: int
    failed: int
    importance: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; ``settings`` are those that differ from the base."""
        differ = changed(self.base, self.best)
        return {
            "trials": self.complete + self.pruned + self.failed,
            "complete": self.complete,
            "pruned": self.pruned,
            "failed": self.failed,
            "value": self.value,
            "base_value": self.base_value,
            "settings": {name: after for name, (_, after) in differ.items()},
            "importance": self.importance,
        }

    def __str__(self) -> str:
        trials = self.complete + self.pruned + self.failed
        base = "unknown" if self.base_value is None else f"{self.base_value:.4f}"
        lines = [
            f"{trials:,} trials: {self.complete:,} complete, {self.pruned:,} cut short, "
            f"{self.failed:,} failed",
            f"best value {self.value:.4f}, of the base settings {base}",
        ]
        for name, (before, after) in changed(self.base, self.best).items():
            share = self.importance.get(name)
            mattered = "" if share is None else f"  (importance {share:.0%})"
            lines.append(f"    {name}: {before!r} -> {after!r}{mattered}")
        return "\n".join(lines)


def search(
    objective: Callable[[C, Report], float],
    config: C,
    space: Mapping[str, Any],
    *,
    folder: Path,
    trials: int = 20,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> Found[C]:
    """Try settings until there were so many trials; the base settings come first.

    A trial's draws are seeded by (seed, trials that came to an end), and a trial that was killed
    is not one: it is tried again, with the same settings. So a search that was killed and started
    again tries what one that never was would have, as long as the objective is deterministic.
    One process searches in a folder at a time.

    Args:
        objective: trains with the settings it is given and says how good the outcome is, higher
            is better. It may call ``report(step, value)`` on the way, where steps must mean the
            same in every trial. A `TrainingError` that it raises, or a value that is not finite,
            is a failed trial; anything else it raises ends the search.
        config: the base, a dataclass of plain values and other such dataclasses.
        space: what may be changed; see `corank.tune.space.read_space`.
        folder: of this search alone.
        trials: how many, with those of earlier runs in the folder; killed ones do not count.
        seed: of the settings that are drawn.
        about: what else must be the same for a search to go on, such as the data; plain JSON
            values.

    Raises:
        ConfigError: the space or the number of trials cannot be; the folder cannot be written,
            is in use, or holds a search of something else (the message says what differs).
        TrainingError: no trial came to a value.
    """
    options = read_space(space, config)
    if trials < 1:
        raise ConfigError(f"trials={trials}; expected 1 or more.")
    made_with = {"space": space, "base": asdict(config), "seed": seed, **(about or {})}  # type: ignore[call-overload]
    with quiet(), alone(folder), opened(folder / DATABASE) as study:
        _check_same(study, json.loads(json.dumps(made_with)), folder)
        for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(left.number, state=TrialState.FAIL)  # it was killed
        with bar() as bars:
            task = bars.add_task("trials", total=trials, completed=len(_ended(study)))
            while (number := len(_ended(study))) < trials:
                _try(study, objective, config, options, seed=seed, number=number)
                _write_best(study, config, folder)
                bars.advance(task)
        found = _found(study, config)
        _write_best(study, config, folder)
        if find_spec("matplotlib"):
            with atomic(folder / PICTURE) as part:
                plot(_ended(study), part)
        return found


def _try(
    study: optuna.Study,
    objective: Callable[[C, Report], float],
    config: C,
    options: Space,
    *,
    seed: int,
    number: int,
) -> None:
    """Run one trial; ``number`` counts those that came to an end before it."""
    seeded = np.random.SeedSequence([seed, number]).generate_state(1)[0]
    study.sampler = optuna.samplers.TPESampler(seed=int(seeded))
    base = asdict(config)  # type: ignore[call-overload]
    if number == 0:
        options = {name: each for name, each in options.items() if each.holds(_get(base, name))}
        if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial({name: _get(base, name) for name in options})
    trial = study.ask()
    settings = {name: _suggest(trial, name, options[name]) for name in options}
    told: set[int] = set()

    def report(step: int, value: float) -> None:
        if step not in told:
            told.add(step)
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned

    try:
        tried = put(config, settings)
    except ConfigError as error:  # each would do alone, but not all together
        _fail(study, trial, str(error))
        return
    try:
        value = objective(tried, report)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except TrainingError as error:
        _fail(study, trial, str(error))
    else:
        if math.isfinite(value):
            study.tell(trial, value)
        else:
            _fail(study, trial, f"The objective's value is {value}.")


def _fail(study: optuna.Study, trial: optuna.Trial, why: str) -> None:
    trial.set_user_attr("error", why)
    study.tell(trial, state=TrialState.FAIL)


def _suggest(trial: optuna.Trial, name: str, option: Range | Choice) -> Any:
    if isinstance(option, Choice):
        return trial.suggest_categorical(name, option.values)
    if option.whole:
        return trial.suggest_int(name, int(option.low), int(option.high), log=option.log)
    return trial.suggest_float(name, option.low, option.high, log=option.log)


def _get(plain: dict[str, Any], name: str) -> Any:
    for step in name.split("."):
        plain = plain[step]
    return plain


def _ended(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that came to an end, in order. One that was killed says no error."""
    over = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    return [
        trial
        for trial in study.get_trials(deepcopy=False, states=over)
        if trial.state != TrialState.FAIL or "error" in trial.user_attrs
    ]


def _best(study: optuna.Study) -> FrozenTrial | None:
    """Return the first of the best trials."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return max(complete, key=_value, default=None)


def _value(trial: FrozenTrial) -> float:
    return -math.inf if trial.value is None else trial.value


def _write_best(study: optuna.Study, config: Any, folder: Path) -> None:
    if best := _best(study):
        with atomic(folder / BEST) as part:
            part.write_text(json.dumps(asdict(put(config, best.params)), indent=1), "utf-8")


def _found(study: optuna.Study, config: C) -> Found[C]:
    best, first = _best(study), _ended(study)[0]
    if best is None:
        raise TrainingError(
            f"None of {len(_ended(study))} trials came to a value. The first: "
            f"{first.user_attrs.get('error', 'it was cut short')}"
        )
    count = dict.fromkeys(TrialState, 0)
    for trial in study.get_trials(deepcopy=False):
        count[trial.state] += 1
    importance: dict[str, float] = {}
    if count[TrialState.COMPLETE] >= ENOUGH:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few trials, rough numbers: the docs say so
            importance = optuna.importance.get_param_importances(study)
    return Found(
        base=config,
        best=put(config, best.params),
        base_value=first.value,
        value=_value(best),
        complete=count[TrialState.COMPLETE],
        pruned=count[TrialState.PRUNED],
        failed=count[TrialState.FAIL],
        importance=importance,
    )


def _check_same(study: optuna.Study, made_with: dict[str, Any], folder: Path) -> None:
    theirs = study.user_attrs.get("made with")
    if theirs is None:
        study.set_user_attr("made with", made_with)
        return
    for name, (was, now) in changed(theirs, made_with).items():
        raise ConfigError(
            f"{folder} holds a study made with {name} = {was!r}, and this one has {now!r}. Set it "
            "back to go on with that study, or name another folder."
        )
