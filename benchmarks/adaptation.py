"""Does reading a domain first help? Perplexity before and after, and retrieval with and without.

An encoder finds, for held-out questions, their own answer among all answers: as it came, after
reading the answers' text, after tuning on other questions with their answers, and after both.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.clock import Clock
from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.medquad import MEDQUAD, questions_and_answers
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.report import Row
from corank.evaluate.significance import bootstrap_mean, paired_difference
from corank.language.adapt import AdaptConfig, adapt
from corank.language.encoder import Encoder
from corank.language.pairs import Pairs
from corank.language.tune import EncoderTraining, train_encoder
from corank.retrieve.exact import ExactIndex

METRICS = ("recall@10", "mrr@10")
HELD = 0.2  # of the questions
DEPTH = 10


def run(*, texts: int, seed: int = 0) -> tuple[list[Row], Path]:
    """Adapt and tune on ``texts`` questions and answers; measure and store."""
    clock = Clock()
    current_commit()  # as it is now; the run is long
    asked = questions_and_answers(MEDQUAD.source())
    everything = [(question, answer) for answer, question in {a: q for q, a in asked}.items()]
    chosen = np.random.default_rng(seed).permutation(len(everything))[:texts]
    questions, answers = zip(*(everything[row] for row in chosen), strict=True)
    held = np.arange(round(len(questions) * HELD))
    learn = np.arange(len(held), len(questions))

    def tuned(encoder: Encoder) -> Encoder:
        n = len(answers)
        known = sp.csr_array((np.ones(n, np.bool_), (np.arange(n), np.arange(n))), shape=(n, n))
        both = sp.csr_array(sp.vstack([known, known]))
        pairs = Pairs(n + learn, learn, both, np.full(n, 1 / n))
        config = EncoderTraining(frozen_layers=0, max_tokens=96, batch_size=32)
        train_encoder(encoder, [*answers, *questions], pairs, config, seed=seed)
        return encoder

    def adapted() -> Encoder:
        encoder = Encoder.load()
        done = adapt(encoder, answers, AdaptConfig(), seed=seed)
        perplexity.update(before=done.before, after=done.after, fall=done.fall)
        return encoder

    perplexity: dict[str, float] = {}
    makers: dict[str, Callable[[], Encoder]] = {
        "frozen-encoder": Encoder.load,
        "tuned": lambda: tuned(Encoder.load()),
        "adapted": adapted,
        "adapted, then tuned": lambda: tuned(encoders["adapted"]),
    }
    encoders: dict[str, Encoder] = {}
    found: dict[tuple[str, str], NDArray[np.float64]] = {}
    for system, make in makers.items():
        with clock("fit_seconds"):
            encoders[system] = make()
        run_ = _rank(encoders[system], [questions[row] for row in held], answers)
        judged = judge(run_, Qrels.from_lists([[row] for row in held.tolist()]))
        found |= {(system, metric): compute(metric, judged) for metric in METRICS}
    rows = [_row(system, metric, values) for (system, metric), values in found.items()]
    gains = {}
    for after, before in (("adapted", "frozen-encoder"), ("adapted, then tuned", "tuned")):
        for metric in METRICS:
            gain = paired_difference(found[after, metric], found[before, metric])
            rows.append(
                Row(f"{after} - {before}", "difference", metric, gain.value, gain.low, gain.high)
            )
            gains[after, metric] = gain
    rows += [Row("adapted", "perplexity", name, value) for name, value in perplexity.items()]
    rows += [Row("corank", "cost", name, value) for name, value in clock.figures().items()]
    gain = gains["adapted, then tuned", METRICS[0]]
    gained = "gained" if gain.low > 0 else "lost" if gain.high < 0 else "neither gained nor lost"
    verdict = (
        f"held-out perplexity {perplexity['before']:.1f} -> {perplexity['after']:.1f} "
        f"({-perplexity['fall']:+.0%}); retrieval after tuning {gained} ({METRICS[0]} "
        f"{gain.value:+.4f}, 95% interval {gain.low:+.4f} .. {gain.high:+.4f})"
    )
    about = {"texts": len(questions), "held out questions": len(held)}
    return rows, store(MEDQUAD, "adaptation", verdict, rows, about=about)


def _rank(encoder: Encoder, questions: list[str], answers: tuple[str, ...]) -> NDArray[np.int32]:
    index = ExactIndex(encoder.encode(answers))
    return index.search(encoder.encode(questions), DEPTH).items


def _row(system: str, metric: str, values: NDArray[np.float64]) -> Row:
    interval = bootstrap_mean(values)
    return Row(system, "all", metric, interval.value, interval.low, interval.high, len(values))
