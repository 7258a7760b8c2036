"""Classifiers on texts whose class a word gives away, and on what cannot be learned."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from corank.classify.classifier import Classifier
from corank.classify.heads import REGULARISATIONS, cross_fit, fit_head, logits_of
from corank.classify.material import Labelled
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.errors import BundleError, ConfigError, DataError, RequestError
from corank.language.encoder import EncoderConfig

TOY = ClassifierConfig(
    epochs=3, batch_size=32, learning_rate=1e-3, head_factor=1.0, precision="no", dropout=0.0,
    holdout=0.2,
)  # fmt: skip
KITCHEN = ("coffee", "kettle", "tea", "cup", "pan", "knife")
SPORT = ("yoga", "ball", "shoe", "helmet", "swim", "tent")


def texts_of(words: tuple[str, ...], n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, 3)) for _ in range(n)]


TEXTS = [*texts_of(KITCHEN, 60, 0), *texts_of(SPORT, 60, 1)]
LABELS: list[str | None] = [*["kitchen"] * 60, *["sport"] * 60]
NEW = [*texts_of(KITCHEN, 20, 2), *texts_of(SPORT, 20, 3)]


def fitted(tiny_encoder: str, config: ClassifierConfig = TOY, **others: object) -> Classifier:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    return fit_classifier(TEXTS, LABELS, config, encoder=encoder, **others)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def classifier(tiny_encoder: str) -> Classifier:
    return fitted(tiny_encoder)


@pytest.mark.parametrize("mode", ["full", "few", "frozen"])
def test_new_texts_get_their_class(
    tiny_encoder: str, mode: Literal["full", "few", "frozen"]
) -> None:
    made = fitted(tiny_encoder, replace(TOY, mode=mode))
    best = [p.best for p in made.predict(NEW)]
    assert best == ["kitchen"] * 20 + ["sport"] * 20
    assert made.about["mode"] == mode and made.about["held out"]["accuracy"] == 1.0


def test_a_head_on_a_frozen_encoder_leaves_it_as_it_is(tiny_encoder: str) -> None:
    frozen = replace(TOY, mode="frozen")
    one = fitted(tiny_encoder, frozen)
    other = fit_classifier(
        TEXTS, LABELS[::-1], frozen, encoder=EncoderConfig(name=tiny_encoder, max_tokens=32)
    )
    assert one.encoder.graph == other.encoder.graph
    assert (one.weights != other.weights).any()
    assert one.about["held out"]["texts"] == len(TEXTS)
    assert one.about["inverse_l2"] in REGULARISATIONS
    assert np.array_equal(one.weights, fitted(tiny_encoder, frozen).weights)
    unsure = fitted(tiny_encoder, replace(frozen, holdout=0.0))
    assert unsure.about["held out"] == {} and np.array_equal(one.weights, unsure.weights)


def test_texts_of_no_class_and_a_validation_of_ones_own_calibrate_a_frozen_head(
    tiny_encoder: str,
) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    config = replace(TOY, mode="frozen", answer_precision=0.9)
    strange = texts_of(("novel", "poem", "essay"), 30, 9)
    nobody: list[str | None] = [None] * 30
    made = fit_classifier(TEXTS + strange, LABELS + nobody, config, encoder=encoder)
    assert made.about["held out"]["texts"] == 150
    checked = fit_classifier(
        TEXTS, LABELS, config, encoder=encoder, validation=Labelled(NEW, LABELS[40:80])
    )
    assert checked.about["held out"]["texts"] == 40
    assert np.array_equal(checked.weights, fitted(tiny_encoder, config).weights)


def test_what_a_frozen_head_cannot_have_is_refused(tiny_encoder: str) -> None:
    encoder, frozen = EncoderConfig(name=tiny_encoder, max_tokens=32), replace(TOY, mode="frozen")
    with pytest.raises(ConfigError, match="adapter='prompt' cannot be had with mode='frozen'"):
        fit_classifier(TEXTS, LABELS, replace(frozen, adapter="prompt"), encoder=encoder)
    few = ClassifierConfig(mode="few")
    with pytest.raises(ConfigError, match="mode='few', which learns from pairs"):
        fit_classifier(TEXTS, LABELS, few, encoder=encoder, targets=np.full((120, 2), 0.5))
    with pytest.raises(DataError, match=r"shape \(120, 3\); expected \(120, 2\)"):
        fit_classifier(TEXTS, LABELS, encoder=encoder, targets=np.full((120, 3), 1 / 3))
    with pytest.raises(ConfigError, match="targets cannot be had"):
        fit_classifier(TEXTS, LABELS, frozen, encoder=encoder, targets=np.full((120, 2), 0.5))
    check = Labelled(["swim ball"], ["sport"])
    with pytest.raises(DataError, match="Class 'sport' has 1 texts to learn from"):
        fit_classifier(
            [*TEXTS[:9], TEXTS[-1]], [*LABELS[:9], "sport"], frozen, encoder=encoder,
            validation=check,
        )  # fmt: skip


def test_what_was_left_out_is_judged_by_heads_that_never_saw_it() -> None:
    rng = np.random.default_rng(0)
    vectors, y = rng.normal(size=(120, 80)).astype(np.float32), np.arange(120) % 3
    crossed = cross_fit(vectors, y, 3, seed=1)
    right = (crossed.logits.argmax(1) == y).mean()
    own = logits_of(fit_head(vectors, y, 3, 30.0), vectors)
    assert right < 0.5 < 0.9 < (own.argmax(1) == y).mean()


def test_few_labels_choose_pairs_of_themselves(tiny_encoder: str) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    rows = [*range(8), *range(60, 68)]
    made = fit_classifier(
        [TEXTS[r] for r in rows], [LABELS[r] for r in rows], TOY, encoder=encoder, seed=0
    )
    assert made.about["mode"] == "few"


def test_where_texts_are_few_those_held_out_teach_in_the_end(tiny_encoder: str) -> None:
    rows = [*range(8), *range(60, 68)]
    few = [TEXTS[r] for r in rows], [LABELS[r] for r in rows]

    def made(holdout: float) -> Classifier:
        encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
        return fit_classifier(*few, replace(TOY, batch_size=8, holdout=holdout), encoder=encoder)

    held, whole = made(0.25), made(0.0)
    assert held.about["held out"]["texts"] == 4 and whole.about["held out"] == {}
    assert np.array_equal(held.weights, whole.weights)  # all sixteen made both
    assert held.temperature != 1.0 and whole.temperature == 1.0


def test_probabilities_sum_to_one_and_the_threshold_withholds(classifier: Classifier) -> None:
    p = classifier.predict_proba(NEW)
    assert p.shape == (40, 2) and np.allclose(p.sum(1), 1)
    assert 0.5 < p.max() < 1 - 1e-6  # all held-out texts were right, and yet it is not certain
    strict = Classifier(
        classifier.encoder, classifier.classes, classifier.weights, classifier.bias,
        threshold=float(np.median(p.max(1))),
    )  # fmt: skip
    said = strict.predict(NEW)
    assert {prediction.label for prediction in said} > {None}
    for prediction in said:
        assert prediction.label in (None, prediction.best)
        assert (prediction.label is None) == (prediction.probability < strict.threshold)


def test_a_saved_classifier_says_the_same_without_torch(
    classifier: Classifier, tmp_path: Path
) -> None:
    classifier.save(tmp_path / "topics")
    again = Classifier.load(tmp_path / "topics")
    assert again.predict(NEW) == classifier.predict(NEW)
    assert (again.about, again.classes) == (classifier.about, classifier.classes)
    program = (
        "import sys; from corank.classify.classifier import Classifier; "
        f"print(Classifier.load({str(tmp_path / 'topics')!r}).predict(['tea cup'])[0].best); "
        "print({'torch', 'transformers', 'sklearn'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["kitchen", "set()"]


def test_a_damaged_classifier_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "topics")
    (tmp_path / "topics" / "bias.npy").write_bytes(b"")
    with pytest.raises(BundleError, match="is not what was saved"):
        Classifier.load(tmp_path / "topics")


def test_texts_of_no_class_lower_its_confidence_in_their_like(tiny_encoder: str) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    strange = texts_of(("lamp", "desk", "sofa", "paint"), 40, 4)
    made = fit_classifier([*TEXTS, *strange], [*LABELS, *[None] * 40], TOY, encoder=encoder, seed=0)
    known, unknown = made.predict_proba(NEW).max(1), made.predict_proba(strange[:10]).max(1)
    assert unknown.mean() < known.mean() - 0.2
    assert made.classes == ("kitchen", "sport")


def test_probabilities_of_a_label_model_can_be_learned_from(tiny_encoder: str) -> None:
    sure = np.array([[0.9, 0.1]] * 60 + [[0.1, 0.9]] * 60)
    config = replace(TOY, mode="full", smoothing=0.0)
    assert [p.best for p in fitted(tiny_encoder, config, targets=sure).predict(NEW)] == (
        ["kitchen"] * 20 + ["sport"] * 20
    )


def test_one_seed_makes_one_classifier(tiny_encoder: str, classifier: Classifier) -> None:
    assert np.array_equal(fitted(tiny_encoder).weights, classifier.weights)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a", "a", "a"], "the labels hold 1: a"),
        ([None, None, None], "the labels hold 0: none"),
        (["a", "a", "b"], "Class 'b' has a single text"),
        (["a", "a"], "3 texts came with 2 labels"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels: list[str | None], says: str) -> None:
    with pytest.raises(DataError, match=says):
        fit_classifier(["x", "y", "z"], labels)


def test_a_single_text_of_no_class_is_refused() -> None:
    with pytest.raises(DataError, match="A single text belongs to no class"):
        fit_classifier(list("abcde"), ["a", "a", "b", "b", None])


def test_a_string_is_no_list_of_texts(classifier: Classifier) -> None:
    with pytest.raises(RequestError, match=r"predict\(\[text\]\)"):
        classifier.predict("tea cup")


def test_nothing_held_out_means_no_threshold(tiny_encoder: str) -> None:
    made = fitted(tiny_encoder, replace(TOY, holdout=0.0, epochs=1))
    assert (made.temperature, made.threshold) == (1.0, 0.0)
    assert all(p.label for p in made.predict(NEW))


def test_held_out_texts_may_be_given(tiny_encoder: str) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    mine = Labelled(NEW, ["kitchen"] * 20 + ["sport"] * 20)
    config = replace(TOY, batch_size=30)
    made = fit_classifier(TEXTS, LABELS, config, encoder=encoder, validation=mine)
    assert made.about["held out"]["texts"] == 40 and made.about["texts"] == 160
    assert made.about["steps"] == 3 * 4  # all 120 texts were learned from


def test_more_texts_out_of_scope_in_use_raise_the_threshold(tiny_encoder: str) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    mixed = [
        " ".join((a, b))
        for a, b in zip(texts_of(KITCHEN, 12, 7), texts_of(SPORT, 12, 8), strict=True)
    ]
    mine = Labelled([*NEW, *mixed], ["kitchen"] * 20 + ["sport"] * 20 + [None] * 12)

    def threshold(share: float | None) -> float:
        config = replace(TOY, out_of_scope=share, answer_precision=0.8)
        return fit_classifier(TEXTS, LABELS, config, encoder=encoder, validation=mine).threshold

    assert threshold(0.01) <= threshold(None) <= threshold(0.9)
    assert threshold(0.01) < threshold(0.9)


def test_a_share_out_of_scope_needs_such_texts(tiny_encoder: str) -> None:
    with pytest.raises(DataError, match="Bring such texts with the label None"):
        fitted(tiny_encoder, replace(TOY, out_of_scope=0.1, epochs=0))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"answer_precision": 1.5}, "at most 1"),
        ({"out_of_scope": 0.0}, "out_of_scope"),
        ({"out_of_scope": 0.1, "answer_level": 0.9}, "Set one of the two"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ClassifierConfig(**wrong)  # type: ignore[arg-type]
