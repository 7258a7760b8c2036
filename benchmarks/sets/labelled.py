"""Public sets of labelled texts: intents, sentiment, and questions out of scope."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from benchmarks.sets.datasets import PublicSet, Published
from corank.classify.material import Labelled
from corank_finance.reading import INTENTS, NEWS, NEWS_VOTED, voted

Labels = list[str | None]


class Fold(NamedTuple):
    """Texts to train on and to test on; a label of None is out of scope."""

    texts: list[str]
    labels: Labels
    test_texts: list[str]
    test_labels: Labels
    validation: Labelled | None = None
    targets: NDArray[np.float64] | None = None  # (n, classes) how sure those who labelled were
    clear: NDArray[np.bool_] | None = None  # (n_test,) where everybody gave the same label


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSet(PublicSet):
    """Texts with classes; its protocols are ways to divide them."""

    folds: Callable[[Path, str, int], Iterator[Fold]]  # folder, protocol, seed
    frozen_only: tuple[str, ...] = ()  # protocols that check the harness on the frozen encoder
    in_steps: tuple[str, ...] = ()  # protocols whose classes arrive a few at a time
    variants: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Protocol -> system -> the options in which it differs from corank's own."""
    options: dict[str, dict[str, Any]] = field(default_factory=dict)  # protocol -> corank's own
    few: tuple[str, ...] = ()  # protocols of so few labels that SetFit is asked too


def _banking77(folder: Path, protocol: str, seed: int) -> Iterator[Fold]:
    parts = []
    for name in ("train.csv", "test.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            parts.append([(row["text"], row["category"]) for row in csv.DictReader(file)])
    train, test = parts
    if protocol.endswith("half"):  # for choosing settings: the test is not looked at
        labels = [label for _, label in train]
        train, test = train_test_split(train, test_size=0.5, stratify=labels, random_state=seed)
    if protocol == "faq":
        yield _with_what_no_entry_answers(train, test, folder.parent / CLINC150.name, seed)
        return
    per_class = {"10-per-class": 10, "10-of-half": 10, "8-shot": 8}.get(protocol)
    if per_class:
        order = np.random.default_rng(seed).permutation(len(train))
        taken: dict[str, int] = {}
        chosen = []
        for row in order:
            label = train[row][1]
            taken[label] = taken.get(label, 0) + 1
            if taken[label] <= per_class:
                chosen.append(train[row])
        train = chosen
    yield Fold(
        [text for text, _ in train], [label for _, label in train],
        [text for text, _ in test], [label for _, label in test],
    )  # fmt: skip


Rows = list[tuple[str, str]]


def _with_what_no_entry_answers(train: Rows, test: Rows, clinc: Path, seed: int) -> Fold:
    """Banking77 among questions that have nothing to do with it: CLINC150's out of scope.

    What teaches not to answer is CLINC150's training part: its out-of-scope questions, and its
    intents of other domains than banking and cards, as many as are held out of ten.
    """
    CLINC150.checked(clinc)
    data = json.loads((clinc / "data_full.json").read_text("utf-8"))
    classes = [label for _, label in train]
    learn, held = train_test_split(train, test_size=0.1, stratify=classes, random_state=seed)
    strange = [text for text, label in data["train"] if label not in ABOUT_MONEY]
    order = np.random.default_rng(seed).permutation(len(strange))[:1_000]
    none = [strange[row] for row in order.tolist()] + [text for text, _ in data["oos_train"]]
    nobody: Labels = [None]

    def told(rows: Rows) -> Labels:
        return [label for _, label in rows]

    outside = [text for text, _ in data["oos_test"]]
    held_out = [text for text, _ in data["oos_val"]]
    return Fold(
        [text for text, _ in learn] + none,
        told(learn) + nobody * len(none),
        [text for text, _ in test] + outside,
        told(test) + nobody * len(outside),
        Labelled(
            [text for text, _ in held] + held_out,
            told(held) + nobody * len(held_out),
        ),
    )


# fmt: off
ABOUT_MONEY = frozenset((
    "freeze_account", "routing", "pin_change", "bill_due", "pay_bill", "account_blocked",
    "interest_rate", "min_payment", "bill_balance", "transfer", "order_checks", "balance",
    "spending_history", "transactions", "report_fraud", "replacement_card_duration",
    "expiration_date", "damaged_card", "improve_credit_score", "report_lost_card",
    "card_declined", "credit_limit_change", "apr", "redeem_rewards", "credit_limit",
    "rewards_balance", "application_status", "credit_score", "new_card", "international_fees",
    "exchange_rate", "taxes", "income", "payday", "direct_deposit", "rollover_401k",
    "insurance", "insurance_change", "w2",
))
# fmt: on
"""Intents of CLINC150 that a bank's customers might mean."""

AGREED = {"50Agree": 0.58, "66Agree": 0.70, "75Agree": 0.87, "AllAgree": 1.0}
"""A file of PhraseBank -> about which share of the annotators agreed, where no file asks for more:
the middle between this file's share and the next one's."""


def _phrasebank(folder: Path, protocol: str, seed: int) -> Iterator[Fold]:
    """Ten folds. Training learns from how many annotators agreed, too; testing goes by the label.

    What they did not agree on is divided evenly between the other classes. As for FinBERT, what is
    said of the sentences on which all agreed comes from a model that has learned from all kinds.
    """
    agreed: dict[str, float] = {}  # later files are parts of earlier ones
    labelled: list[list[list[str]]] = []
    by_functions = protocol.endswith("functions")
    for name, share in AGREED.items():
        lines = (folder / f"Sentences_{name}.txt").read_text("latin-1").splitlines()
        labelled.append([line.rsplit("@", 1) for line in lines if line.strip()])
        agreed |= dict.fromkeys((text for text, _ in labelled[-1]), share)
    texts, labels = (np.array(column) for column in zip(*labelled[0], strict=True))
    sure = np.array([agreed[text] for text in texts.tolist()])[:, None]  # (n, 1)
    own = labels[:, None] == np.unique(labels)[None, :]  # (n, 3)
    targets = np.where(own, sure, (1 - sure) / (own.shape[1] - 1))
    parts = StratifiedKFold(10, shuffle=True, random_state=seed).split(texts, labels)
    for train, test in parts:
        learn = texts[train].tolist(), labels[train].tolist(), targets[train]
        if by_functions:
            learn = voted(texts[train].tolist())
        yield Fold(
            *learn[:2], texts[test].tolist(), labels[test].tolist(),
            targets=learn[2], clear=sure[test, 0] == 1,
        )  # fmt: skip


def _clinc150(folder: Path, protocol: str, seed: int) -> Iterator[Fold]:
    data = json.loads((folder / "data_full.json").read_text("utf-8"))

    def part(*names: str) -> tuple[list[str], Labels]:
        rows = [row for name in names for row in data[name]]
        return [text for text, _ in rows], [None if c == "oos" else c for _, c in rows]

    validation = Labelled(*part("val", "oos_val"))
    yield Fold(*part("train", "oos_train"), *part("test", "oos_test"), validation)


ALONE: dict[str, dict[str, Any]] = {
    "head at the encoder's rate": {"head_factor": 1.0},
    "2.5 x the rate": {"learning_rate": 5e-4},
    "twice the epochs": {"epochs": 8},
    "lowest layer frozen": {"frozen_layers": 1},
    "no dropout": {"dropout": 0.0},
    "no smoothing": {"smoothing": 0.0},
    "layer decay .8": {"layer_decay": 0.8},
    "averaged weights": {"average": 0.98},
    "a tenth of the tokens dropped": {"drop_tokens": 0.1},
    "adversarial": {"adversarial": 0.5},
    "by pairs": {"mode": "few", "pairs": 1, "epochs": 2},
    "prompt": {"adapter": "prompt", "learning_rate": 2e-2},
    "IA3": {"adapter": "ia3", "learning_rate": 1e-2},
    "LoRA": {"adapter": "lora", "learning_rate": 2e-3},
}
"""What each technique adds to the defaults, or takes from them, alone."""

FEW: dict[str, dict[str, Any]] = {
    "one pass": {"epochs": 1},
    "two passes": {"epochs": 2},
    "eight passes": {"epochs": 8},
    "half the rate": {"learning_rate": 1e-4},
    "temperature .1": {"temperature": 0.1},
    "batches of 256": {"batch_size": 256, "learning_rate": 5e-4},
    "no dropout": {"dropout": 0.0},
    "adversarial": {"adversarial": 0.5},
    "end to end": {"mode": "full", "epochs": 20},
    "end to end, adversarial": {"mode": "full", "epochs": 20, "adversarial": 0.5},
}
"""Ways to learn from ten texts a class."""

BANKING77 = LabelledSet(
    name="banking77",
    domain="finance",
    home_page="https://github.com/PolyAI-LDN/task-specific-datasets",
    licence="CC BY 4.0",
    files={"train.csv": "columns text, category", "test.csv": "the same"},
    folds=_banking77,
    protocols=("full", "10-per-class", "8-shot", "7-steps", "half", "10-of-half", "faq"),
    frozen_only=("8-shot",),
    in_steps=("7-steps",),
    few=("10-per-class",),
    options={
        "full": INTENTS,
        "half": {"holdout": 0.0},
        "faq": INTENTS | {"out_of_scope": 0.25},
        "10-of-half": {"holdout": 0.0},
    },
    variants={
        "full": {"corank, LoRA": {"adapter": "lora", "learning_rate": 2e-3, "adversarial": 0.0}},
        "half": ALONE,
        "10-of-half": FEW,
    },
    published=(
        Published(
            system="USE+ConveRT",
            source="Casanueva et al., NLP for ConvAI 2020",
            protocol="full",
            metrics={"accuracy": 0.934},
        ),
        Published(
            system="USE+ConveRT",
            source="Casanueva et al., NLP for ConvAI 2020",
            protocol="10-per-class",
            metrics={"accuracy": 0.852},
        ),
        Published(
            system="all-MiniLM-L6-v2 (MTEB, frozen)",
            source="MTEB Banking77Classification, 8 samples a label, 10 draws",
            protocol="8-shot",
            metrics={"accuracy": 0.800},
        ),
    ),
)

PHRASEBANK = LabelledSet(
    name="phrasebank",
    domain="finance",
    home_page="https://huggingface.co/datasets/takala/financial_phrasebank",
    licence="CC BY-NC-SA 3.0",
    files={
        "Sentences_50Agree.txt": "a line per sentence: sentence@label, latin-1",
        "Sentences_66Agree.txt": "the same, where two annotators in three agreed",
        "Sentences_75Agree.txt": "the same, where three in four agreed",
        "Sentences_AllAgree.txt": "the same, where every annotator agreed",
    },
    folds=_phrasebank,
    protocols=("50agree-10-fold", "50agree-functions"),
    options={
        "50agree-10-fold": NEWS,
        "50agree-functions": NEWS_VOTED,
    },
    published=(
        Published(
            system="FinBERT",
            source="Araci, 2019",
            protocol="50agree-10-fold",
            metrics={"accuracy": 0.86, "clear_accuracy": 0.97},
        ),
    ),
)

CLINC150 = LabelledSet(
    name="clinc150",
    domain="finance",
    home_page="https://github.com/clinc/oos-eval",
    licence="CC BY 3.0",
    files={"data_full.json": "train, val, test, oos_train, oos_val, oos_test: [text, intent]"},
    folds=_clinc150,
    options={"full": {"out_of_scope": 0.1}},
    protocols=("full",),
    published=(
        Published(
            system="BERT",
            source="Larson et al., EMNLP 2019",
            protocol="full",
            metrics={"in_scope_accuracy": 0.969, "oos_recall": 0.403},
        ),
    ),
)
