"""The user model on worlds whose right answer is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.errors import ConfigError
from corank.rank.fusion import FusedItems, HistoryEncoder, UserModelConfig, suited
from corank.rank.history import UserModel
from corank.rank.prediction import seen_before
from corank.rank.sequence import Trained, _sampler, train_user_model
from corank.rank.windows import cut

CHAINS, LENGTH = 4, 5
COLD = CHAINS * LENGTH  # one item that nobody chose
TINY = UserModelConfig(
    dim=16, heads=2, epochs=1, min_steps=120, checks=3, events_per_step=64, id_dropout=0.0
)
SHORT = replace(TINY, min_steps=8, checks=4)  # 480 predictions are 8 steps


def unit(rows: int, dim: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(0).standard_normal((rows, dim), dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


TEXT = unit(COLD + 1, 8)
CHAIN = [list(range(c * LENGTH, (c + 1) * LENGTH)) for c in range(CHAINS)]
HISTORIES = Ragged.of(CHAIN * 30)  # each item is always followed by the next of its chain
COUNTS = np.array([30] * COLD + [0])


def train(config: UserModelConfig = SHORT, *, seed: int = 0, share: float = 1.0) -> UserModel:
    return train_user_model(HISTORIES, TEXT, COUNTS, config, seed=seed, share=share).model


@pytest.fixture(scope="module")
def model() -> UserModel:
    return train(TINY)


@pytest.mark.parametrize(("layers", "steps", "sampled"), [(0, 500, 0), (1, 120, 0), (1, 160, 6)])
def test_what_always_follows_is_learned(layers: int, steps: int, sampled: int) -> None:
    learned = train(replace(TINY, layers=layers, min_steps=steps, sampled=sampled))
    prefixes = [chain[:n] for chain in CHAIN for n in range(1, LENGTH)]
    following = [chain[n] for chain in CHAIN for n in range(1, LENGTH)]
    scores = learned.score(Ragged.of(prefixes))
    for row, prefix in enumerate(prefixes):
        scores[row, prefix] = -np.inf
    assert np.mean(scores.argmax(1) == following) >= 0.9


def test_a_sample_stands_for_many_items_and_for_few_only_if_that_is_asked() -> None:
    few, many = np.ones(100, np.int64), np.ones(60_000, np.int64)
    assert _sampler(few, TINY) is None and _sampler(many, TINY) is not None
    assert _sampler(few, replace(TINY, sampled=50)) is not None
    assert _sampler(few, replace(TINY, sampled=100)) is None  # they are all there
    assert _sampler(many, replace(TINY, sampled=0)) is None
    with pytest.raises(ConfigError, match="'sampled' is -1"):
        replace(TINY, sampled=-1)


def test_states_have_unit_length(model: UserModel) -> None:
    assert model.states.shape == (COLD + 1, 16)
    assert np.linalg.norm(model.states, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_cold_items_state_is_its_text(model: UserModel) -> None:
    by_text = model.as_new(TEXT).candidates
    assert by_text[COLD] == pytest.approx(model.states[COLD], abs=1e-5)
    assert (np.abs(by_text - model.states).max(1)[:COLD] > 1e-3).all()
    projected = np.append(TEXT[COLD], 1) @ model.projection
    assert model.states[COLD] == pytest.approx(projected / np.linalg.norm(projected), abs=1e-5)


def test_the_projection_starts_as_principal_components() -> None:
    config = replace(TINY, dim=4)
    items = FusedItems(TEXT, np.zeros(len(TEXT), np.int64), config).eval()
    centred = TEXT - TEXT.mean(0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    with torch.no_grad():
        found = items.project(items.text).numpy()
    assert np.abs(found) == pytest.approx(np.abs(centred @ axes[:4].T), abs=1e-4)
    assert np.linalg.norm(found, axis=0) == pytest.approx(spread[:4], abs=1e-4)


def test_an_items_own_vector_opens_with_how_often_it_was_chosen() -> None:
    counts = np.arange(len(TEXT)) % 2 * 1000
    items = FusedItems(TEXT, counts, TINY).eval()
    with torch.no_grad():
        before = items()
        items.ids.normal_()
        moved = (items() - before).norm(dim=1).numpy()
    assert (moved[counts == 0] == 0).all() and (moved[counts > 0] > 0.1).all()


def readable(seed: int = 0) -> HistoryEncoder:
    """A reader whose transformer has its say, as after training."""
    torch.manual_seed(seed)
    reader = HistoryEncoder(TINY).eval()
    torch.nn.init.normal_(reader.mix.weight)
    return reader


def test_the_future_does_not_change_the_past() -> None:
    reader, history = readable(), torch.randn(2, 6, 16)
    mask = torch.ones(2, 6)
    other = history.clone()
    other[:, 4] = torch.randn(2, 16)
    with torch.no_grad():
        before, after = reader.read(history, mask), reader.read(other, mask)
    assert torch.equal(before[:, :4], after[:, :4])
    assert ((before[:, 4:] - after[:, 4:]).norm(dim=-1) > 1e-3).all()


@pytest.mark.parametrize(("length", "dropout"), [(2, 0.3), (19, 0.3), (20, 0.1), (200, 0.1)])
def test_the_shorter_histories_are_the_more_is_dropped(length: int, dropout: float) -> None:
    histories = Ragged.of([[0] * length] * 3)
    assert suited(TINY, histories) == replace(TINY, dropout=dropout)
    settled = replace(TINY, dropout=0.0)
    assert suited(settled, histories) is settled


def test_what_is_masked_is_not_read() -> None:
    reader, history = readable(), torch.randn(1, 5, 16)
    mask = torch.tensor([[0.0, 1.0, 0.0, 1.0, 1.0]])
    other = history + torch.randn(1, 5, 16) * (1 - mask)[..., None]
    with torch.no_grad():
        assert torch.equal(reader(history, mask), reader(other, mask))


def test_recency_weights_start_as_a_geometric_mean() -> None:
    """Without layers the user is the history's mean, each step back at .65 of the last."""
    reader = HistoryEncoder(replace(TINY, layers=0)).eval()
    history = torch.eye(16)[None, :3]
    with torch.no_grad():
        user = reader(history, torch.ones(1, 3))[0, :3].numpy()
    assert user / user[2] == pytest.approx([0.65**2, 0.65, 1], abs=1e-5)


def test_padding_does_not_change_an_answer(model: UserModel) -> None:
    short, long = [3, 9, 14], [*range(10)]
    alone = model.users(Ragged.of([short]))[0]
    padded = model.users(Ragged.of([short, long]))[0]
    assert padded == pytest.approx(alone, abs=1e-5)
    items = torch.from_numpy(model.states[[0] * 7 + short])[None].numpy()
    mask = np.array([[0] * 7 + [1] * 3], np.float32)
    (run,) = model._session.run(["vector"], {"history": items, "mask": mask})
    assert run[0] == pytest.approx(alone, abs=1e-5)


def test_only_the_last_items_of_a_history_are_read() -> None:
    model = train(replace(SHORT, history_length=3))
    assert model.history_length == 3
    long, end = model.users(Ragged.of([[9, 8, 7, 0, 1, 2], [0, 1, 2]]))
    assert long == pytest.approx(end, abs=1e-6)


@given(st.lists(st.integers(0, 30), min_size=1), st.integers(1, 9), st.integers(0, 9))
def test_of_a_long_history_every_item_but_the_first_is_predicted_once(
    lengths: list[int], most: int, seed: int
) -> None:
    rows = [list(range(100 * n, 100 * n + length)) for n, length in enumerate(lengths)]
    histories = Ragged.of(rows)
    found = histories.slices(*cut(histories, most, np.random.default_rng(seed)))
    windows = [found[n].tolist() for n in range(len(found))]
    assert all(len(window) <= most + 1 for window in windows)
    assert all(later == item + 1 for w in windows for item, later in pairwise(w))
    predicted = [item for window in windows for item in window[1:]]
    assert predicted == [item for row in rows for item in row[1:]]
    assert all(row in windows for row in rows if len(row) <= most + 1)


def test_what_happened_long_ago_is_learned_too() -> None:
    """Every history ends with the same chain, longer than what is read."""
    histories = Ragged.of([chain + CHAIN[-1] for chain in CHAIN[:-1]] * 40)
    config = replace(TINY, history_length=4)
    model = train_user_model(histories, TEXT, COUNTS, config, seed=0).model
    scores = model.score(Ragged.of([chain[:1] for chain in CHAIN[:-1]]))
    for row, chain in enumerate(CHAIN[:-1]):
        scores[row, chain[0]] = -np.inf
    assert scores.argmax(1).tolist() == [chain[1] for chain in CHAIN[:-1]]


def test_one_seed_gives_one_model_and_another_another() -> None:
    first, again, other = train(), train(), train(seed=1)
    assert np.array_equal(first.states, again.states) and first.graph == again.graph
    assert not np.array_equal(first.states, other.states)


def checked(values: list[float]) -> tuple[Trained, list[UserModel]]:
    """Train with a validation that finds these values, one after another."""
    seen: list[UserModel] = []

    def validate(model: UserModel) -> float:
        seen.append(model)
        return values[len(seen) - 1]

    best = train_user_model(HISTORIES, TEXT, COUNTS, SHORT, seed=0, validate=validate)
    return best, seen


@pytest.mark.parametrize(
    ("values", "place", "share"),
    [([1, 5, 2, 3], 1, 0.5), ([5, 5, 1, 5], 0, 0.25), ([1, 2, 3, 4], 3, 1.0)],
)
def test_validation_keeps_the_best(values: list[float], place: int, share: float) -> None:
    best, seen = checked(values)
    assert len(seen) == SHORT.checks
    assert best.model is seen[place] and best.share == share


def test_a_share_of_the_steps_ends_where_validation_stopped() -> None:
    best, _ = checked([1, 5, 2, 3])
    stopped = train(share=best.share)
    assert np.array_equal(stopped.states, best.model.states)
    assert not np.array_equal(stopped.states, train().states)


def test_histories_too_short_to_learn_from_leave_the_text() -> None:
    nothing = train_user_model(Ragged.of([[0], [], [3]]), TEXT, COUNTS * 0, SHORT, seed=0)
    assert nothing.share == 0
    assert nothing.model.as_new(TEXT).candidates == pytest.approx(nothing.model.states, abs=1e-5)


def test_what_was_seen_is_masked_unless_it_is_the_answer() -> None:
    given = np.array([[-1, 3, 4], [5, 6, 5]])
    coming = np.array([[-1, 4, 3], [6, 5, 7]])
    rows, items, target = seen_before(given, coming, given >= 0)
    assert target.tolist() == [4, 3, 6, 5, 7]
    masked = list(zip(rows.tolist(), items.tolist(), strict=True))
    assert masked == [(0, 3), (1, 4), (2, 5), (3, 6), (4, 5), (4, 6)]


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_the_width_are_refused(heads: int) -> None:
    with pytest.raises(ConfigError, match=f"'dim' is 16 and 'heads' {heads}; expected heads that"):
        replace(TINY, heads=heads)
