"""A classifier that learns more, and one that would forget."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.classify.classifier import Classifier
from corank.classify.material import Labelled
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.classify.updating import (
    ClassifierUpdate,
    _balanced,
    learn_more,
    update_classifier,
)
from corank.errors import ConfigError, DataError
from corank.language.encoder import EncoderConfig

WORDS = {
    "kitchen": ("coffee", "kettle", "tea", "cup", "pan", "knife"),
    "sport": ("yoga", "ball", "shoe", "helmet", "swim", "tent"),
    "room": ("lamp", "desk", "sofa", "shelf", "rug", "chair"),
}
TOY = ClassifierConfig(
    epochs=3, batch_size=32, learning_rate=1e-3, head_factor=1.0, precision="no", dropout=0.0,
    holdout=0.2,
)  # fmt: skip
MORE = ClassifierUpdate(**vars(TOY))


def labelled(names: tuple[str, ...], n: int, seed: int) -> Labelled:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS[name], 3)) for name in names for _ in range(n)]
    return Labelled(texts, [name for name in names for _ in range(n)])


OLD, OLD_TEST = labelled(("kitchen", "sport"), 50, 0), labelled(("kitchen", "sport"), 60, 1)
NEW, NEW_TEST = labelled(("room",), 50, 2), labelled(("room",), 60, 3)


@pytest.fixture(scope="module")
def current(tiny_encoder: str) -> Classifier:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    return fit_classifier(*OLD, TOY, encoder=encoder)


def accuracy(classifier: Classifier, test: Labelled) -> float:
    said = classifier.predict(list(test.texts))
    return float(np.mean([p.best == label for p, label in zip(said, test.labels, strict=True)]))


def test_a_new_class_is_learned_and_the_old_ones_are_kept(current: Classifier) -> None:
    classifier, judgement = update_classifier(
        current, NEW, OLD, new_test=NEW_TEST, old_test=OLD_TEST, config=MORE
    )
    assert classifier.classes == ("kitchen", "sport", "room")  # known ones keep their numbers
    assert judgement.publish and judgement.why.startswith("Published. Accuracy")
    assert judgement.new.value > 0.9 and judgement.old.value > -0.02
    assert accuracy(classifier, NEW_TEST) == accuracy(current, NEW_TEST) + judgement.new.value


def test_an_update_of_wrong_labels_leaves_the_current_one_in_place(current: Classifier) -> None:
    swapped = Labelled(OLD.texts, ["sport"] * 50 + ["kitchen"] * 50)
    before = current.predict_proba(list(OLD_TEST.texts))
    config = replace(MORE, replay=0.0)
    classifier, judgement = update_classifier(
        current, swapped, Labelled([], []), new_test=NEW_TEST, old_test=OLD_TEST, config=config
    )
    assert classifier is current and not judgement.publish
    assert "does not gain clearly on the new slice and it may lose more than 0.02" in judgement.why
    assert np.array_equal(current.predict_proba(list(OLD_TEST.texts)), before)


def test_without_old_texts_the_old_classes_are_known_and_never_said(current: Classifier) -> None:
    two = labelled(("room",), 40, 5)
    mixed = Labelled([*two.texts, *OLD.texts[:10]], [*two.labels, *["kitchen"] * 10])
    classifier = learn_more(current, mixed, Labelled([], []), replace(MORE, holdout=0.0))
    assert classifier.classes == ("kitchen", "sport", "room")
    said = {p.best for p in classifier.predict(list(OLD_TEST.texts))}
    assert "sport" not in said  # no text taught the new head what it is


def test_keeping_more_of_the_encoder_moves_its_vectors_less(current: Classifier) -> None:
    before = current.encoder.encode_items(OLD_TEST.texts)

    def moved(keep: float) -> float:
        made = learn_more(current, NEW, OLD, replace(MORE, keep=keep))
        return float(np.abs(made.encoder.encode_items(OLD_TEST.texts) - before).mean())

    assert 0 < moved(0.9) < moved(0.5) < moved(0.0)


@given(
    y=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    n=st.integers(0, 50),
    seed=st.integers(0, 3),
)
def test_replay_takes_each_class_as_often_as_it_can(y: list[int], n: int, seed: int) -> None:
    rows = np.arange(len(y))
    chosen = _balanced(np.array(y), rows, n, seed)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, len(y))
    have, took = np.bincount(y, minlength=5), np.bincount(np.array(y)[chosen], minlength=5)
    left = took < have
    if left.any():  # no class that has texts left got two fewer than another
        assert took[left].min() >= took.max() - 1


def test_replay_of_less_than_a_text_each_takes_other_classes_each_time() -> None:
    y, rows = np.arange(50), np.arange(50)
    assert {tuple(y[_balanced(y, rows, 3, seed)].tolist()) for seed in range(5)} != {(0, 1, 2)}


def test_texts_of_no_class_are_learned_where_abstaining_is_right(current: Classifier) -> None:
    words = ("paint", "nail", "glue", "saw")
    rng = np.random.default_rng(9)
    strange = [" ".join(rng.choice(words, 3)) for _ in range(60)]
    new = Labelled(strange[:30], [None] * 30)
    _, judgement = update_classifier(
        current, new, OLD, new_test=Labelled(strange[30:], [None] * 30), old_test=OLD_TEST,
        config=MORE,
    )  # fmt: skip
    assert judgement.new.value > 0.3


def test_one_new_class_is_learned_without_replay(current: Classifier) -> None:
    classifier = learn_more(current, NEW, OLD, replace(MORE, replay=0.0))
    assert accuracy(classifier, NEW_TEST) > 0.9


def test_an_update_may_be_by_virtual_tokens(current: Classifier) -> None:
    config = replace(MORE, adapter="prompt", virtual_tokens=2)
    assert learn_more(current, NEW, OLD, config).classes == ("kitchen", "sport", "room")


def test_tests_that_ask_nothing_are_refused_before_training(current: Classifier) -> None:
    empty = Labelled([], [])
    with pytest.raises(DataError, match="new_test holds 0 texts"):
        update_classifier(current, NEW, OLD, new_test=empty, old_test=OLD_TEST, config=MORE)
    with pytest.raises(DataError, match="old_test holds 1 texts and 0 labels"):
        odd = Labelled(["x"], [])
        update_classifier(current, NEW, OLD, new_test=NEW_TEST, old_test=odd, config=MORE)


@pytest.mark.parametrize("wrong", [{"keep": 1.0}, {"distil": -0.1}, {"replay": -1.0}])
def test_shares_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ClassifierUpdate(**wrong)  # type: ignore[arg-type]
