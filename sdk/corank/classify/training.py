"""Train a classifier from the encoder: end to end, by pairs where labels are few, or a head alone.

With many labels, a linear head is fitted on the frozen vectors by scikit-learn, then head and
encoder are tuned together. With few, texts of one class are pulled together first (contrastive
pairs), and the head is fitted on the tuned vectors: a pair is an example, so ten labelled texts
make many. Held-out texts then choose the temperature of the probabilities and the threshold
below which it abstains; where texts are few, all of them teach once that is known. A head on the
frozen encoder is fitted in seconds, and several of them can read the same vectors.

Sources: few labels, Tunstall et al., "Efficient Few-Shot Learning Without Prompts" (SetFit),
2022; out-of-scope texts taught as uncertain, Hendrycks et al., "Deep Anomaly Detection with
Outlier Exposure", ICLR 2019. Knows texts and classes; knows nothing of items or users.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from torch import nn

from corank.classify.classifier import Classifier
from corank.classify.heads import (
    Calibration,
    Headed,
    calibrate,
    cross_fit,
    fit_head,
    logits_of,
)
from corank.classify.material import Labelled, Labels, Material, Rows
from corank.compress.export import PROBED, text_encoder
from corank.config import check_ranges
from corank.errors import ConfigError, DataError
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.objectives import Classification, Contrastive
from corank.language.options import TrainerConfig
from corank.language.pairs import Pairs
from corank.language.parameters import restore, snapshot
from corank.language.trainer import History, Run, train

FEW = 20  # texts per class, in the middle; with fewer, pairs beat end-to-end tuning


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(TrainerConfig):
    """How a classifier is trained; see `TrainerConfig` for the fields of any training.

    Args:
        mode: ``full`` tunes head and encoder together, ``few`` learns from pairs, ``frozen``
            leaves the encoder as it is; ``auto`` takes ``few`` where the middle class has fewer
            than 20 texts, and else ``full``.
        smoothing: of the labels, in ``full``.
        temperature: divides the cosines of pairs, in ``few``.
        pairs: for each text and epoch, in ``few``.
        inverse_l2: of the scikit-learn head (its ``C``); ``frozen`` chooses by cross-validation.
        holdout: share of the texts that choose temperature, threshold and the epoch; 0 leaves
            probabilities as they are, and it never abstains. In ``few``, training then starts anew
            and these texts teach too, for a tenth of ten is dear and a second run is short. In
            ``frozen`` every text is held out once, in a fifth of them, and all teach.
        answer_precision: the threshold is the lowest at which this share of the answers given
            to held-out texts is right. Where none is, it abstains always.
        answer_level: ask for that precision with this confidence over the draw of the held-out
            texts, which takes a few hundred of them; None takes the share as it is.
        out_of_scope: share of texts of no class that it will be asked, for the precision above;
            None: as many as are held out.
    """

    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 2e-4
    head_factor: float = 20.0
    max_tokens: int = 64
    dropout: float = 0.1
    mode: Literal["auto", "full", "few", "frozen"] = "auto"
    smoothing: float = 0.1
    temperature: float = 0.05
    pairs: int = 4
    inverse_l2: float = 30.0
    holdout: float = 0.1
    answer_precision: float = 0.95
    answer_level: float | None = None
    out_of_scope: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            at_least_1=("pairs",),
            above_0=("temperature", "inverse_l2", "answer_precision"),
            share=("smoothing", "holdout"),
        )
        if self.answer_precision > 1:
            raise ConfigError(f"answer_precision={self.answer_precision} is a share: at most 1.")
        if self.out_of_scope is not None:
            check_ranges(self, above_0=("out_of_scope",), share=("out_of_scope",))
            if self.answer_level is not None:
                raise ConfigError(
                    "answer_level promises something about the held-out texts as they are, and "
                    "out_of_scope weighs them otherwise. Set one of the two."
                )


def fit_classifier(
    texts: Sequence[str],
    labels: Labels,
    config: ClassifierConfig | None = None,
    *,
    encoder: EncoderConfig | Encoder | None = None,
    targets: NDArray[np.float64] | None = None,
    validation: Labelled | None = None,
    seed: int = 0,
    run: Run | None = None,
) -> Classifier:
    """Train on labelled texts; return a classifier that needs no torch.

    Args:
        texts: (n,).
        labels: (n,) class names. None marks a text that belongs to no class: it teaches
            uncertainty, and counts as a wrong answer where the threshold is chosen.
        config: how.
        encoder: what to start from; one that is given loaded is changed.
        targets: (n, n_classes) probabilities of the sorted classes, such as a label model gives,
            to learn from in place of the labels' certainty; in ``full`` only.
        validation: the held-out texts, in place of a share of ``texts``.
        seed: of everything that is random.
        run: where checkpoints go.

    Raises:
        DataError: fewer than two classes, a class with a single text, or lengths that differ.
        TrainingError, ConfigError: see `corank.language.trainer.train`.
    """
    config = config or ClassifierConfig()
    if config.mode == "few" and targets is not None:
        raise ConfigError("targets cannot be had with mode='few', which learns from pairs.")
    if config.mode == "frozen" and (targets is not None or config.adapter != "none"):
        what = "targets" if targets is not None else f"adapter={config.adapter!r}"
        raise ConfigError(
            f"{what} cannot be had with mode='frozen', which fits a head and nothing else. Use "
            "mode='full'."
        )
    model = encoder if isinstance(encoder, Encoder) else Encoder.load(encoder)
    if config.adapter == "prompt":
        model.add_virtual_tokens(config.virtual_tokens, texts)
    check, truth = validation or Labelled((), ())
    material = Material([*texts, *check], [*labels, *truth], model, config.max_tokens)
    if targets is not None and targets.shape != (len(texts), len(material.classes)):
        raise DataError(
            f"targets have shape {targets.shape}; expected "
            f"{(len(texts), len(material.classes))}: a row for each text, a column for each of "
            f"{', '.join(material.classes)}."
        )
    if config.mode == "frozen":
        return on_frozen(material, config, len(check), seed=seed)
    if validation:
        learn, held = np.split(np.arange(len(material)), [len(texts)])
    else:
        learn, held = material.divide(config.holdout, seed)
    sizes = np.bincount(material.y[material.known(learn)])
    few = config.mode == "few" or (
        config.mode == "auto" and targets is None and np.median(sizes) < FEW
    )
    start = snapshot(model)

    def learned(rows: Rows, part: str) -> tuple[nn.Linear, History]:
        here = run and Run(run.folder / part, run.resume)
        if few:
            history = tune_by_pairs(material, material.known(rows), config, seed=seed, run=here)
            return head_on(material, rows, config), history
        taught = material.targets()
        if targets is not None:
            taught[: len(texts)] = targets
        head = head_on(material, rows, config)
        history = tune_whole(material, head, rows, held, taught, config, seed=seed, run=here)
        return head, history

    head, history = learned(learn, "part")
    calibration = calibrated(logits_of(head, material.vectors(held)), material.y[held], config)
    if few and len(held) and not validation:
        restore(model, start)
        head, history = learned(np.arange(len(material)), "all")
    about = {
        "mode": "few" if few else "full",
        "steps": len(history.losses),
        "share of weights trained": history.trained,
    }
    return finished(material, head, calibration, config, seed=seed, about=about)


def on_frozen(
    material: Material, config: ClassifierConfig, n_validation: int, *, seed: int
) -> Classifier:
    """Fit a head on the vectors of the encoder as it is.

    Args:
        material: what to learn from; its last ``n_validation`` texts only calibrate.
        config: how.
        n_validation: so many; with none, each text calibrates by what was learned from others.
        seed: of the folds.
    """
    rows = np.arange(len(material))
    vectors, learn = material.vectors(rows), rows[: len(rows) - n_validation]
    known = material.known(learn)
    sizes = np.bincount(material.y[known], minlength=len(material.classes))
    if sizes.min() < 2:
        raise DataError(
            f"Class {material.classes[sizes.argmin()]!r} has {sizes.min()} texts to learn from. "
            "Bring two or more, so that one can be held out."
        )
    crossed = cross_fit(vectors[known], material.y[known], len(material.classes), seed)
    head = fit_head(vectors[known], material.y[known], len(material.classes), crossed.inverse_l2)
    logits = logits_of(head, vectors)
    logits[known] = crossed.logits
    held = rows[len(learn) :] if n_validation else rows if config.holdout else rows[:0]
    calibration = calibrated(logits[held], material.y[held], config)
    about = {"mode": "frozen", "inverse_l2": crossed.inverse_l2, "share of weights trained": 0.0}
    return finished(material, head, calibration, config, seed=seed, about=about)


def tune_by_pairs(
    material: Material, rows: Rows, config: ClassifierConfig, *, seed: int, run: Run | None
) -> History:
    """Pull texts of one class together, in place."""
    pairs = _class_pairs(material.y[rows], config.pairs, seed)
    objective = Contrastive(material.ids_of(rows), pairs, temperature=config.temperature)
    name = "tuning by pairs"
    return train(material.encoder, objective, config, seed=seed, run=run, name=name)


def tune_whole(
    material: Material,
    head: nn.Linear,
    learn: Rows,
    held: Rows,
    targets: NDArray[np.float64],
    config: ClassifierConfig,
    *,
    seed: int,
    run: Run | None,
) -> History:
    """Tune the encoder and a head together, in place; return what happened.

    Args:
        material: what to learn from.
        head: of the classes of the material; is changed.
        learn, held: which texts to learn from, and which to choose the epoch by.
        targets: (n, n_classes) probabilities, of every text of the material.
        config, seed, run: as `fit_classifier`.
    """
    chosen = material.known(held)

    def accuracy() -> float:
        logits = logits_of(head, material.vectors(chosen))
        return float((logits.argmax(1) == material.y[chosen]).mean())

    return train(
        Headed(material.encoder, head),
        Classification(
            material.ids_of(learn), targets[learn].astype(np.float32), smoothing=config.smoothing
        ),
        config,
        seed=seed,
        metric=accuracy if len(chosen) else None,
        run=run,
        name="tuning classifier",
    )


def head_on(material: Material, rows: Rows, config: ClassifierConfig) -> nn.Linear:
    """Fit a head on the vectors that the encoder makes of these texts now."""
    known = material.known(rows)
    vectors, y = material.vectors(known), material.y[known]
    return fit_head(vectors, y, len(material.classes), config.inverse_l2)


def calibrated(
    logits: NDArray[np.float64], y: NDArray[np.int64], config: ClassifierConfig
) -> Calibration:
    """Choose temperature and threshold by what a head says of held-out texts, (n, n_classes)."""
    return calibrate(
        logits,
        y,
        config.answer_precision,
        level=config.answer_level,
        out_of_scope=config.out_of_scope,
    )


def finished(
    material: Material,
    head: nn.Linear,
    calibration: Calibration,
    config: ClassifierConfig,
    *,
    seed: int,
    about: dict[str, Any],
) -> Classifier:
    """Export; ``about`` says how it was trained."""
    return Classifier(
        text_encoder(material.encoder, material.prompted[:PROBED]),
        material.classes,
        head.weight.numpy(force=True).T.copy(),
        head.bias.numpy(force=True).copy(),
        calibration.temperature,
        calibration.threshold,
        {
            **about,
            "texts": len(material),
            "fit": asdict(config),
            "encoder": asdict(material.encoder.config),
            "seed": seed,
            "held out": calibration.measured,
        },
    )


def _class_pairs(y: NDArray[np.int64], per_text: int, seed: int) -> Pairs:
    """Pair each text with others of its class, or itself where it is alone.

    All of its class are known to be alike.
    """
    rng = np.random.default_rng(seed)
    anchors = np.repeat(np.arange(len(y)), per_text)
    members = [np.flatnonzero(y == one) for one in range(y.max() + 1)]
    others = [members[y[a]][members[y[a]] != a] for a in range(len(y))]
    other = np.array([rng.choice(others[a]) if len(others[a]) else a for a in anchors])
    belongs = sp.csr_array((np.ones(len(y), np.bool_), (np.arange(len(y)), y)))
    frequency = np.bincount(other, minlength=len(y)) / len(other)
    return Pairs(anchors, other, sp.csr_array(belongs @ belongs.T), frequency)
