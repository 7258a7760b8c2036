"""Whole histories: what a step takes, the loss beside plain numpy, what comes to lie together."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank import Dataset, FitConfig
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.errors import ConfigError, DataError
from corank.fitting import tune_encoder
from corank.language.encoder import Encoder
from corank.language.interactions import Interactions, Reconstruction, build_interactions
from corank.language.objectives import Share
from corank.language.options import TrainerConfig
from corank.language.processes import alone
from corank.language.trainer import Run, train
from corank.language.tune import EncoderTraining, train_encoder
from tests.language.toy import (
    QUERIES,
    STEPS,
    TEXTS,
    TOPIC,
    TOY,
    Watched,
    chosen,
    digest,
    distance,
    load,
    weights,
)

NONE = Ragged.of([])
RNG = np.random.default_rng(0)
USERS: TrainerConfig = replace(TOY, epochs=20, batch_size=24)


def build(
    histories: Ragged, judged: Ragged = NONE, n_items: int = 6, **options: int
) -> Interactions:
    given = {"max_users": 99, "min_grade": 2, "seed": 0, **options}
    return build_interactions(histories, judged, n_items, **given)


def graded(*rows: dict[int, float]) -> Ragged:
    """Rows of item -> value."""
    values = np.array([value for row in rows for value in row.values()], np.float32)
    return replace(Ragged.of([[*row] for row in rows]), values=values)


# --- which rows there are -------------------------------------------------------------------


def test_users_of_two_items_and_queries_of_a_good_one_are_the_rows() -> None:
    histories = Ragged.of([[1, 0], [2], [], [3, 3], [4, 1, 4]])
    judged = graded({0: 3.0, 2: 1.0}, {1: 1.0}, {5: 2.0, 4: 0.0})
    found = build(histories, judged)
    expected = [
        [1, 1, 0, 0, 0, 0],
        [0, 1, 0, 0, 1, 0],
        [3, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 2],
    ]
    assert found.wanted.toarray().tolist() == expected
    assert found.asked.tolist() == [-1, -1, 6, 8] and len(found) == 4
    assert found.wanted.dtype == np.float32


def test_of_a_repeated_item_the_largest_weight_counts() -> None:
    histories = replace(Ragged.of([[2, 1, 2, 2]]), values=np.array([0.5, 1, 0.9, 0.2], np.float32))
    assert build(histories).wanted.toarray()[0].tolist() == pytest.approx([0, 1, 0.9, 0, 0, 0])


def test_too_many_users_leave_some_out_never_queries() -> None:
    histories = Ragged.of([[0, user] for user in range(1, 6)])
    judged = graded({0: 3.0})
    found = [build(histories, judged, max_users=2, seed=seed) for seed in (0, 0, 1)]
    assert [each.asked.tolist() for each in found] == [[-1, -1, 6]] * 3
    rows = [each.wanted.indices.tolist() for each in found]
    assert rows[0] == rows[1] != rows[2]


def test_without_two_items_of_anyone_there_is_nothing_to_learn() -> None:
    with pytest.raises(DataError, match=r"Of 2 users none .* of 1 queries none .*grade 2"):
        build(Ragged.of([[1, 1], [2]]), graded({0: 1.0}))
    assert len(build(Ragged.of([[1]]), graded({0: 2.0}))) == 1


# --- what a step takes ----------------------------------------------------------------------


def reconstruction(rows: Interactions, step_texts: int) -> Reconstruction:
    """Each text is its own number."""
    n = rows.wanted.shape[1] + int((rows.asked >= 0).sum())
    return Reconstruction([[number] for number in range(n)], rows, step_texts=step_texts)


def read(objective: Reconstruction, rows: NDArray[np.int64]) -> list[int]:
    return [number for (number,) in objective.texts(rows, RNG).ids]


@st.composite
def steps(draw: st.DrawFn) -> tuple[Reconstruction, NDArray[np.int64], int]:
    items = st.lists(st.integers(0, 29), min_size=2, max_size=20, unique=True)
    histories = draw(st.lists(items, min_size=1, max_size=8))
    judged = draw(st.lists(items, max_size=3))
    found = build(Ragged.of(histories), Ragged.of(judged), n_items=30, min_grade=1)
    rows = np.array(draw(st.permutations(range(len(found)))))
    rows = rows[: draw(st.integers(1, len(rows)))]
    limit = draw(st.integers(2 * len(rows), 40))
    return reconstruction(found, limit), rows, limit


@given(steps())
def test_a_step_reads_each_text_once_and_enough_of_each_row(
    step: tuple[Reconstruction, NDArray[np.int64], int],
) -> None:
    objective, rows, limit = step
    wanted, asked = objective.wanted[rows].toarray(), objective.asked[rows]
    queries = asked[asked >= 0].tolist()
    chosen_at_all = {*objective.wanted.indices.tolist()}
    numbers = read(objective, rows)
    assert numbers == read(objective, rows)
    assert len(numbers) <= limit
    items = [number for number in dict.fromkeys(numbers) if number < 30]
    assert len(items) == min(limit - len(queries), len(chosen_at_all))
    assert {*items} <= chosen_at_all
    assert numbers[: len(items) + len(queries)] == items + queries
    assert ((wanted[:, items] > 0).sum(1) >= np.where(asked < 0, 2, 1)).all()


def test_the_number_of_texts_is_the_same_whoever_is_taken() -> None:
    judged = [[0, 1], [2, 3], [4, 5]]
    found = build(Ragged.of([[0, 1], [2, 3, 4], [5, 6, 7, 8]]), Ragged.of(judged), 9, min_grade=1)
    for limit in (6, 9, 10, 11, 99):
        objective = reconstruction(found, limit)
        batches = [np.array(rows) for rows in ([0, 1, 2], [3, 4, 5], [0, 4, 2])]
        assert {len(read(objective, rows)) for rows in batches} == {min(limit, 12)}


def test_rows_take_turns_so_that_a_long_history_leaves_room_for_a_short_one() -> None:
    histories = Ragged.of([[*range(50)], [50, 51, 52], [53, 54]])
    objective = reconstruction(build(histories, n_items=60), 8)
    numbers = read(objective, np.arange(3))
    counts = [sum(low <= n < high for n in numbers) for low, high in ((0, 50), (50, 53), (53, 55))]
    assert counts == [3, 3, 2]


def test_other_rows_draw_other_parts_and_other_negatives() -> None:
    histories = Ragged.of([[*range(10 * user, 10 * user + 10)] for user in range(10)])
    objective = reconstruction(build(histories, n_items=100), 8)
    parts = [{*read(objective, np.array(rows))} for rows in ([0, 1], [1, 0], [0, 2])]
    own = [part & {*range(10)} for part in parts]
    assert len({frozenset(part) for part in own}) > 1
    wide = reconstruction(build(histories, n_items=100), 40)
    negatives = [{*read(wide, np.array(rows))} - {*range(30)} for rows in ([0, 1], [1, 2])]
    assert len(negatives[0]) > 9 and negatives[0] != negatives[1]


def test_what_nobody_chose_is_never_read() -> None:
    objective = reconstruction(build(Ragged.of([[0, 1], [4, 5]])), 6)
    assert {*read(objective, np.arange(2))} == {0, 1, 4, 5}


# --- the loss -------------------------------------------------------------------------------


def by_hand(wanted: NDArray[np.float64], asked: list[int], vectors: NDArray[np.float64]) -> float:
    """Mean squared distance, row by row over the whole catalogue."""
    items, total = vectors[: wanted.shape[1]], 0.0
    for row, query in zip(wanted, asked, strict=True):
        shown = np.zeros_like(row) if query >= 0 else row
        state = vectors[query] if query >= 0 else row @ items
        guess = items @ state - shown
        guess[(row == 0) & (guess < 0)] = 0
        total += ((guess / np.linalg.norm(guess) - row / np.linalg.norm(row)) ** 2).sum()
    return total / len(wanted)


@pytest.fixture
def vectors() -> NDArray[np.float64]:
    """Of six items and two queries, all directions."""
    found = np.random.default_rng(0).normal(size=(8, 4))
    unit: NDArray[np.float64] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


MIXED = build(
    replace(Ragged.of([[0, 1, 2], [2, 3], [4, 1, 5]]), values=np.linspace(0.3, 1, 8, dtype="f")),
    graded({0: 3.0, 4: 1.0}, {5: 2.0}),
)


def loss_of(rows: list[int], vectors: NDArray[np.float64], step_texts: int = 99) -> float:
    objective = reconstruction(MIXED, step_texts)
    taken = np.array(rows)
    outputs = torch.tensor(vectors[read(objective, taken)], dtype=torch.float32)
    return objective.loss(outputs, Share(taken, slice(0, len(rows)), alone)).item()


@pytest.mark.parametrize("rows", [[0], [3], [2, 0, 1], [4, 0, 3, 2, 1]])
def test_the_loss_is_that_of_plain_numpy(rows: list[int], vectors: NDArray[np.float64]) -> None:
    wanted = MIXED.wanted[rows].toarray().astype(np.float64)
    asked = MIXED.asked[rows].tolist()
    assert loss_of(rows, vectors) == pytest.approx(by_hand(wanted, asked, vectors), rel=1e-5)


def test_of_a_long_history_the_loss_sees_the_part_that_was_read(
    vectors: NDArray[np.float64],
) -> None:
    items = read(reconstruction(MIXED, 2), np.array([2]))
    wanted = MIXED.wanted[[2]].toarray()[:, items].astype(np.float64)
    assert len(items) == 2 and (wanted > 0).all()
    expected = by_hand(wanted, [-1], vectors[items])
    assert loss_of([2], vectors, 2) == pytest.approx(expected, rel=1e-5)


def test_each_process_reconstructs_its_own_rows(vectors: NDArray[np.float64]) -> None:
    objective, rows = reconstruction(MIXED, 99), np.array([4, 0, 3, 2])

    def fail(part: torch.Tensor) -> torch.Tensor:
        raise AssertionError("processes met")

    parts = []
    for mine in (slice(0, 2), slice(2, 4)):
        outputs = torch.tensor(vectors[read(objective, rows[mine])], dtype=torch.float32)
        parts.append(objective.loss(outputs, Share(rows, mine, fail)).item())
    assert np.mean(parts) == pytest.approx(loss_of(rows.tolist(), vectors), rel=1e-5)


def test_items_chosen_together_are_pulled_even_from_opposite_directions() -> None:
    objective = reconstruction(build(Ragged.of([[0, 1], [2, 3]]), n_items=4), 99)
    numbers = read(objective, np.array([0]))
    angles = torch.tensor([0.0, 3.0, 1.6, 1.7])[numbers].requires_grad_()
    outputs = torch.stack([angles.cos(), angles.sin()], 1)
    objective.loss(outputs, Share(np.array([0]), slice(0, 1), alone)).backward()
    assert angles.grad is not None
    assert angles.grad[numbers.index(0)] < 0 < angles.grad[numbers.index(1)]


def test_all_right_costs_nothing_and_two_equal_halves_their_angle() -> None:
    objective = reconstruction(build(Ragged.of([[0, 1], [2, 3]]), n_items=4), 99)
    rows, numbers = np.arange(2), read(objective, np.arange(2))
    share = Share(rows, slice(0, 2), alone)
    right = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])[numbers]
    assert objective.loss(right, share).item() == pytest.approx(0, abs=1e-6)
    alike = torch.ones(4, 1)  # own items are guessed at 1, the others at 2: cosine 1 / sqrt 5
    assert objective.loss(alike, share).item() == pytest.approx(2 - 2 / 5**0.5, rel=1e-5)


# --- training -------------------------------------------------------------------------------


def test_what_is_chosen_together_comes_to_lie_together(encoder: Encoder) -> None:
    model = copy.deepcopy(encoder)
    assert len(train(model, chosen(model), USERS, seed=0).losses) == 20
    cosine = (found := model.encode(TEXTS)) @ found.T
    same = (TOPIC[:, None] == TOPIC) & ~np.eye(12, dtype=bool)
    assert cosine[same].mean() > cosine[TOPIC[:, None] != TOPIC].mean() + 0.5


def test_queries_come_to_find_their_items(encoder: Encoder) -> None:
    model = copy.deepcopy(encoder)
    train(model, chosen(model, queries=True), USERS, seed=0)
    cosine = model.encode(QUERIES) @ model.encode(TEXTS).T
    assert cosine[np.arange(2)[:, None] == TOPIC].min() > 0.3
    assert cosine[np.arange(2)[:, None] != TOPIC].max() < 0.3


def test_a_new_item_is_placed_by_the_words_it_shares(encoder: Encoder) -> None:
    texts = [f"{first} {second}" for first in ("coffee", "tennis") for second in
             ("grinder", "cup", "filter", "bag", "set", "stand")]  # fmt: skip
    new = ["coffee bottle", "tennis bottle"]
    histories = [[*RNG.permutation(5)[:3] + 6 * (user % 2)] for user in range(22)]
    model = copy.deepcopy(encoder)
    ids = model.tokenizer.encode(texts + new)
    rows = build(Ragged.of(histories), n_items=14)
    train(model, Reconstruction(ids, rows, step_texts=64), USERS, seed=0)
    cosine = model.encode(new) @ model.encode(texts).T
    own = np.arange(2)[:, None] == TOPIC
    assert cosine[own].mean() > cosine[~own].mean() + 0.5


def test_a_run_that_is_gone_on_with_ends_with_the_same_bits(
    encoder: Encoder, tmp_path: Path
) -> None:
    config = replace(STEPS, dropout=0.2, drop_tokens=0.2, chunk=4, accumulate=2, save_every=2)

    def fewer() -> Reconstruction:  # than there are items: what is read is drawn
        return chosen(encoder, step_texts=9, queries=True)

    class StoppedError(Exception):
        pass

    def stop(number: int) -> None:
        if number == 8:
            raise StoppedError

    never, model = copy.deepcopy(encoder), copy.deepcopy(encoder)
    whole = train(never, fewer(), config, seed=0)
    with pytest.raises(StoppedError):
        train(model, Watched(fewer(), stop), config, seed=0, run=Run(tmp_path))
    model = copy.deepcopy(encoder)
    run = Run(tmp_path, resume=True)
    watched = Watched(fewer())
    assert train(model, watched, config, seed=0, run=run) == whole
    assert digest(model) == digest(never) and watched.number == 2 * (9 - 2)


def test_other_rows_have_another_fingerprint(encoder: Encoder) -> None:
    plain = chosen(encoder).fingerprint
    assert plain == chosen(encoder).fingerprint != chosen(encoder, queries=True).fingerprint
    one, other = (graded({0: 1.0, 1: weight}) for weight in (1.0, 0.5))
    found = {reconstruction(build(rows), 9).fingerprint for rows in (one, other)}
    assert len(found) == 2


# --- by configuration -----------------------------------------------------------------------


def test_the_examples_decide_the_objective(tiny_encoder: str) -> None:
    one, other = load(tiny_encoder), load(tiny_encoder)
    histories = Ragged.of([[*range(6)], [*range(6, 12)]] * 4)  # a step reads 8 of the 12
    config = EncoderTraining(
        objective="interactions", batch_size=4, step_texts=8, precision="no", frozen_layers=0
    )
    rows = build(histories, n_items=12)
    history = train_encoder(one, TEXTS, rows, config, seed=0)
    assert len(history.losses) == 2
    ids = other.tokenizer.encode(TEXTS)
    train(other, Reconstruction(ids, rows, step_texts=8), config, seed=0)
    assert digest(one) == digest(other)


def test_fitting_takes_the_objective_that_its_config_names(
    sample: Dataset, tiny_encoder: str, tiny_fit: FitConfig
) -> None:
    texts = render("{title}", sample.items)
    _, histories = sample.sequences()
    few, data = histories.take(np.arange(20)), replace(sample, queries=sample.queries.head(9))
    found = []
    for config in (
        tiny_fit,
        replace(tiny_fit, objective="interactions", step_texts=32),
        replace(tiny_fit, objective="interactions", step_texts=32, max_users=10),
    ):
        model = load(tiny_encoder)
        tune_encoder(model, few, data, texts, config)
        found.append(weights(model))
    start = weights(load(tiny_encoder))
    each = [start, *found]
    assert all(distance(a, b) > 1e-6 for i, a in enumerate(each) for b in each[:i])


def test_nobody_with_two_items_is_told_by_name_of_the_cure(
    sample: Dataset, tiny_encoder: str, tiny_fit: FitConfig
) -> None:
    alone = replace(sample, queries=sample.queries.filter(pl.lit(False)))
    config = replace(tiny_fit, objective="interactions")
    texts = render("{title}", sample.items)
    with pytest.raises(DataError, match=r"two different items.*objective='contrastive'"):
        tune_encoder(load(tiny_encoder), Ragged.of([[0], [1]]), alone, texts, config)


def test_too_few_texts_for_a_batch_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"step_texts=100 .*batch_size=64"):
        EncoderTraining(objective="interactions", step_texts=100)
    EncoderTraining(step_texts=100)  # is not read
    with pytest.raises(ConfigError, match="'step_texts' is 0"):
        EncoderTraining(step_texts=0)
