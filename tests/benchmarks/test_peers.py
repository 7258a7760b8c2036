"""Peers in their own processes: what they are given, what they leave, and how they may fail."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from benchmarks.peers.exchange import VECTORS, Answers, Given, Lists, Vectors, keep, kept, left
from benchmarks.peers.run import PEERS, Fitted, Peer, fit_peers, scorer
from corank import Dataset
from corank.data.context import nothing_known
from corank.data.dataset import Cases, Split
from corank.data.ragged import Ragged
from corank.evaluate.task import Task

ALS, SASREC, LIGHTFM, GLUED = PEERS
N = 12
NONE = np.zeros(N, np.bool_)
TEXTS = [f"the thing called {name}" for name in "abcdefghijkl"]


def lists(rows: Sequence[Sequence[int]]) -> Lists:
    ragged = Ragged.of(rows)
    return Lists(ragged.indptr, ragged.items)


def _has_lightfm() -> bool:
    if not Path(LIGHTFM.python).exists():
        return False
    done = subprocess.run([LIGHTFM.python, "-c", "import lightfm"], capture_output=True)
    return done.returncode == 0


@pytest.fixture
def none(split: Split) -> NDArray[np.bool_]:
    """No item may be shown again."""
    return np.zeros(split.train.items.height, np.bool_)


@pytest.fixture(scope="module")
def rings(sample: Dataset) -> Split:
    """Items in a ring: whoever had three of them in turn wants the fourth."""
    items = sample.items.head(N)
    ids = items["item_id"].to_list()
    events = [
        (f"u{user:02d}", ids[(user + step) % N], "purchase", 1_000_000 * step)
        for user in range(48)
        for step in range(6)
    ]
    frame = pl.DataFrame(events, ["user_id", "item_id", "event", "timestamp"], orient="row")
    log = sample.interactions.clear()
    told = frame.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in log.schema.items()
        if name not in frame.columns
    )
    return replace(
        sample,
        items=items,
        interactions=pl.concat([log, told.select(log.columns).cast(log.schema)]),
        queries=sample.queries.clear(),
    ).split("leave-one-out")


def test_what_is_given_and_what_is_left_survives_the_folder(tmp_path: Path) -> None:
    given = Given(
        3, 7, lists([[0, 1]]), lists([[0], []]), lists([[1], [2]]), lists([[2, 0]]), ("a", "é", "")
    )
    given.save(tmp_path)
    again = Given.load(tmp_path)
    assert (again.n_items, again.seed, len(again.validation)) == (3, 7, 2)
    assert again.texts == given.texts and left(tmp_path) is None
    for name in ("train", "validation", "relevant", "test"):
        ours, theirs = getattr(given, name), getattr(again, name)
        assert ours.indptr.tolist() == theirs.indptr.tolist()
        assert ours.items.tolist() == theirs.items.tolist()
    known = np.array([True, False, True])
    Vectors(np.eye(2, 3, dtype=np.float32), np.eye(3, dtype=np.float32), known, "x 1").save(
        tmp_path
    )
    vectors = left(tmp_path)
    assert isinstance(vectors, Vectors) and vectors.known.tolist() == known.tolist()
    assert (vectors.settings, vectors.users.shape, vectors.items.shape) == ("x 1", (2, 3), (3, 3))
    own = Answers(np.array([[2, -1]], np.int32), np.array([[0.5, 9]], np.float32), "y", 3.0)
    own.save(tmp_path)
    answers = left(tmp_path)
    assert isinstance(answers, Answers) and (answers.settings, answers.seconds) == ("y", 3.0)
    score = scorer(answers, Ragged.of([[0]]), np.zeros(3, np.float32))
    assert score(Ragged.of([[0]])).tolist() == [[-np.inf, -np.inf, 0.5]]


def test_peers_are_tuned_by_the_number_that_tunes_the_baselines() -> None:
    rng = np.random.default_rng(0)
    histories = [[n % 18, *rng.permutation(20)[: n // 9]] for n in range(36)]
    cases = Cases(
        pl.Series([str(n) for n in range(36)]),
        Ragged.of([[*dict.fromkeys(history)] for history in histories]),
        Ragged.of([rng.permutation(20)[:3].tolist() for _ in histories]),
        nothing_known(36),
    )
    task = Task.of(cases, np.zeros(20, np.bool_))
    users = rng.normal(size=(len(task), 4)).astype(np.float32)
    items = rng.normal(size=(20, 4)).astype(np.float32)
    known = np.arange(20) < 18
    given = Given(
        20, 0, lists([[0]]), Lists(task.histories.indptr, task.histories.items),
        Lists(task.qrels.indptr, task.qrels.items), lists([[0]]),
    )  # fmt: skip
    score = scorer(Vectors(users, items, known, ""), task.histories, np.zeros(20, np.int64))
    value = given.ndcg(users, items, known)
    assert 0.1 < value == pytest.approx(task.mean(score, "ndcg@10"))

    strangers = [[], [18, 19]]
    rows = [task.histories[row].tolist() for row in range(len(task))]
    wanted = [task.qrels.subset(np.arange(len(task)) == row).items for row in range(len(task))]
    more = replace(
        given,
        validation=lists([*rows, *strangers]),
        relevant=lists([*(w.tolist() for w in wanted), [0], [1]]),
    )
    assert more.ndcg(np.pad(users, ((0, 2), (0, 0))), items, known) == pytest.approx(value)


def test_a_history_of_strangers_is_answered_by_what_sells() -> None:
    known = np.array([True, True, False])
    histories = Ragged.of([[0], [2], []])
    items = np.eye(3, dtype=np.float32)
    users = np.array([[0, 5, 9], [8, 0, 0], [8, 0, 0]], np.float32)
    score = scorer(Vectors(users, items, known, ""), histories, np.array([1, 3, 7]))
    assert score(Ragged.of([[2], [0], []])).tolist() == [
        [1, 3, -np.inf], [0, 5, -np.inf], [1, 3, -np.inf]
    ]  # fmt: skip


def test_what_crashes_hangs_or_is_not_installed_is_named_and_the_rest_goes_on(
    split: Split, none: NDArray[np.bool_], tmp_path: Path
) -> None:
    peers = (
        Peer("crashes", "benchmarks.peers.nowhere", install="pip install nowhere"),
        Peer("hangs", "tests.benchmarks.hanging"),
        Peer("is not there", "benchmarks.peers.als", str(tmp_path / "python"), "make it"),
        Peer("leaves rubbish", "benchmarks.peers.als"),
    )
    rubbish = tmp_path / "leaves rubbish"
    rubbish.mkdir()
    (rubbish / VECTORS).write_text("no arrays")
    found = fit_peers(split, none, TEXTS, tmp_path, seed=0, limit=2, peers=peers)
    assert found.scorers == []
    assert found.failed["crashes"].startswith("exit status 1: ")
    assert (
        "No module named benchmarks.peers.nowhere (pip install nowhere)" in found.failed["crashes"]
    )
    assert found.failed["hangs"] == "stopped after 2 seconds"
    assert found.failed["is not there"] == "its Python is not there: make it"
    assert found.failed["leaves rubbish"].startswith("what it left cannot be read: ")


def asked(found: Fitted, rings: Split) -> NDArray[np.int32]:
    assert not found.failed
    (peer,) = found.scorers
    task = Task.of(rings.test.cases(), np.zeros(N, np.bool_))
    assert found.seconds[peer.name] > 0
    run: NDArray[np.int32] = task.run(peer.score)
    assert all(not set(run[row]) & set(task.histories[row]) for row in range(len(task)))
    return run


@pytest.mark.skipif(not find_spec("implicit"), reason="implicit is not installed")
def test_als_finds_what_goes_together_and_is_not_asked_twice(rings: Split, tmp_path: Path) -> None:
    found = fit_peers(rings, NONE, TEXTS, tmp_path, seed=0, limit=120, peers=[ALS])
    run = asked(found, rings)
    wanted = np.array([rings.test.cases().relevant[row][0] for row in range(len(run))])
    assert np.mean((run[:, :3] == wanted[:, None]).any(1)) > 0.5  # 3 of 7 at random
    assert found.scorers[0].settings.startswith("factors ")
    broken = replace(ALS, module="benchmarks.peers.nowhere")
    again = fit_peers(rings, NONE, TEXTS, tmp_path, seed=0, limit=120, peers=[broken])
    assert (asked(again, rings) == run).all()


@pytest.mark.skipif(not Path(SASREC.python).exists(), reason="RecTools is not installed")
def test_sasrec_learns_what_comes_next(rings: Split, tmp_path: Path) -> None:
    found = fit_peers(
        rings, np.zeros(N, np.bool_), TEXTS, tmp_path, seed=0, limit=300, peers=[SASREC]
    )
    run = asked(found, rings)
    wanted = np.array([rings.test.cases().relevant[row][0] for row in range(len(run))])
    assert np.mean(run[:, 0] == wanted) > 0.9
    assert "epochs" in found.scorers[0].settings
    place = tmp_path / SASREC.name
    (place / VECTORS).unlink()  # as if it had been stopped before the end
    before = kept(place)
    again = fit_peers(
        rings, np.zeros(N, np.bool_), TEXTS, tmp_path, seed=0, limit=300, peers=[SASREC]
    )
    assert (asked(again, rings) == run).all()
    assert kept(place)["epoch"] == before["epoch"]
    assert again.seconds[SASREC.name] > float(before["spent"])
    (place / VECTORS).unlink()
    keep(place, **before | {"best_epoch": before["epoch"] - 8})  # as if it had gone on gaining
    fit_peers(rings, NONE, TEXTS, tmp_path, seed=0, limit=300, peers=[SASREC])
    later = kept(place)
    assert later["epoch"] > before["epoch"]
    epochs = float(later["epoch"]) / float(before["epoch"])
    assert float(later["adam.0.step"]) == pytest.approx(epochs * float(before["adam.0.step"]))


@pytest.mark.skipif(not _has_lightfm(), reason="lightfm-next is not installed")
def test_lightfm_finds_what_goes_together(rings: Split, tmp_path: Path) -> None:
    found = fit_peers(rings, NONE, TEXTS, tmp_path, seed=0, limit=300, peers=[LIGHTFM])
    run = asked(found, rings)
    wanted = np.array([rings.test.cases().relevant[row][0] for row in range(len(run))])
    assert np.mean((run[:, :3] == wanted[:, None]).any(1)) > 0.6  # 3 of 7 at random
    assert "components" in found.scorers[0].settings


@pytest.mark.skipif(
    not (find_spec("sentence_transformers") and find_spec("datasets")),
    reason="bench is not installed",
)
def test_what_is_glued_together_learns_what_comes_next(
    rings: Split, tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.peers.run.DEFAULT_ENCODER", tiny_encoder)
    found = fit_peers(rings, NONE, TEXTS, tmp_path, seed=0, limit=300, peers=[GLUED])
    run = asked(found, rings)
    wanted = np.array([rings.test.cases().relevant[row][0] for row in range(len(run))])
    assert np.mean((run[:, :2] == wanted[:, None]).any(1)) > 0.5
    assert found.scorers[0].settings.startswith("decay ")


def test_every_peer_says_how_it_is_installed() -> None:
    assert [peer.name for peer in PEERS] == [
        "implicit-als", "rectools-sasrec", "lightfm", "sentence-transformers+faiss+lightgbm"
    ]  # fmt: skip
    assert ALS.python == GLUED.python == sys.executable
    assert LIGHTFM.python == SASREC.python == os.environ.get("CORANK_PEERS", SASREC.python)
    assert all(peer.install for peer in PEERS)
