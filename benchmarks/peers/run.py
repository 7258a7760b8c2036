"""Run the peers: each in its process, with a limit; what fails is named and the rest goes on."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.exchange import MODEL, Answers, Given, Lists, Vectors, left
from corank.data.dataset import Split
from corank.data.ragged import Ragged
from corank.evaluate.baselines import MAX_TUNING_CASES, Baseline, Known, usual_answer
from corank.evaluate.task import Scorer, Task
from corank.language.source import DEFAULT_ENCODER, resolve

ROOT = Path(__file__).parents[2]
LOG = "log.txt"


class PeerError(Exception):
    """A peer did not come to its end; the message says why."""


@dataclass(frozen=True)
class Peer:
    """A library's recommender, and the Python that it runs in."""

    name: str
    module: str
    python: str = sys.executable
    install: str = "pip install 'corank[bench]'"
    environment: dict[str, str] = field(default_factory=dict)


APART = os.environ.get("CORANK_PEERS", str(ROOT / ".peers" / "bin" / "python"))
PEERS = (
    Peer("implicit-als", "benchmarks.peers.als", environment={"OPENBLAS_NUM_THREADS": "1"}),
    Peer(
        "rectools-sasrec",
        "benchmarks.peers.sasrec",
        APART,
        "make peers, or point CORANK_PEERS at a Python that has it",
    ),
    Peer(
        "lightfm",
        "benchmarks.peers.hybrid",
        APART,
        "make peers, where there is a C compiler to build lightfm-next with",
        {"OMP_NUM_THREADS": "1"},
    ),
    Peer("sentence-transformers+faiss+lightgbm", "benchmarks.peers.glued"),
)
SETFIT = Peer("setfit", "benchmarks.peers.few_shot")
"""Learns from a few labelled texts."""


@dataclass
class Fitted:
    """Peers that can be asked, what they took, and why others cannot."""

    scorers: list[Baseline] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def scorer(made: Vectors | Answers, histories: Ragged, usual: NDArray[np.float32]) -> Scorer:
    """Return what scores some of these histories.

    Args:
        made: what a peer left.
        histories: what it answered, (n,).
        usual: the answer to a history that holds nothing the peer knows, (n_items,).
    """
    number = {histories[row].tobytes(): row for row in range(len(histories))}

    def score(asked: Ragged) -> NDArray[np.float32]:
        each = [asked[row] for row in range(len(asked))]
        rows = [number[items.tobytes()] for items in each]
        if isinstance(made, Answers):
            return _listed(made, rows, len(usual))
        scores = made.users[rows] @ made.items.T
        scores[[not made.known[items].any() for items in each]] = usual
        return np.where(made.known, scores, -np.inf).astype(np.float32)

    return score


def _listed(answers: Answers, rows: Sequence[int], n_items: int) -> NDArray[np.float32]:
    """Scores of some lists, (len(rows), n_items); what stands in none has none."""
    scores = np.full((len(rows), n_items), -np.inf, np.float32)
    for place, row in enumerate(rows):
        there = answers.items[row] >= 0
        scores[place, answers.items[row][there]] = answers.scores[row][there]
    return scores


def fit_peers(
    split: Split,
    repeatable: NDArray[np.bool_],
    texts: Sequence[str],
    folder: Path,
    *,
    seed: int,
    limit: float,
    peers: Sequence[Peer] = PEERS,
) -> Fitted:
    """Fit on what the baselines learn from, tune on what they are tuned on.

    Args:
        split: training data and test.
        repeatable: items that may be shown again, (n_items,).
        texts: of the items, (n_items,).
        folder: where what is exchanged lies, a folder a peer; who has left answers there is not run
            again, and who was stopped goes on.
        seed: of everything that is random.
        limit: seconds that each may take.
        peers: who.
    """
    fit, valid = split.train.carve()
    _, histories = fit.sequences()
    tuning = Task.of(valid.cases(), repeatable).sample(MAX_TUNING_CASES, seed)
    test = Task.of(split.test.cases(), repeatable)
    given = Given(
        len(repeatable), seed, _lists(histories), _lists(tuning.histories),
        Lists(tuning.qrels.indptr, tuning.qrels.items), _lists(test.histories), tuple(texts),
    )  # fmt: skip
    found = Fitted()
    usual = usual_answer(Known.of(fit), tuning)
    for peer in peers:
        place = folder / peer.name
        place.mkdir(parents=True, exist_ok=True)
        try:
            made = left(place)
            if made is None:
                given.save(place)
                run_in(peer, place, limit)
                made = left(place)
            if made is None:
                raise ValueError("nothing")
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            found.failed[peer.name] = why(peer, place, error)
            continue
        score = scorer(made, test.histories, usual)
        found.scorers.append(Baseline(peer.name, score, made.settings))
        found.seconds[peer.name] = made.seconds
    return found


def _lists(histories: Ragged) -> Lists:
    return Lists(histories.indptr, histories.items)


def run_in(peer: Peer, place: Path, limit: float) -> None:
    """Run a peer in its folder, for so many seconds at the most; what it says is kept there."""
    given = {MODEL: str(resolve(DEFAULT_ENCODER))}
    with (place / LOG).open("w") as log:
        subprocess.run(
            [peer.python, "-m", peer.module, str(place.resolve())],
            check=True, timeout=limit, cwd=ROOT, env=os.environ | peer.environment | given,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip


def why(peer: Peer, place: Path, error: Exception) -> str:
    """Say in a line what went wrong, and how it may be mended."""
    if not Path(peer.python).exists():
        return f"its Python is not there: {peer.install}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"stopped after {error.timeout:.0f} seconds"
    if not isinstance(error, subprocess.CalledProcessError):
        return f"what it left cannot be read: {error}"
    said = (place / LOG).read_text("utf-8", "replace").strip().splitlines()
    last = f"exit status {error.returncode}" + (f": {said[-1]}" if said else "")
    return f"{last} ({peer.install})" if "No module named" in last else last
