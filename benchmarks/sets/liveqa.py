"""LiveQA-Med: answers that people judged for what patients asked, learned from MedQuAD.

MedQuAD pairs a question with one answer, but says of each what it is about (its focus, a disease
mostly) and which kind of question it answers. That makes grades: an answer about the same focus to
the same kind of question is what was asked for, 3; one about the same focus to another kind is
related, 1, as the judges of LiveQA would say. To training, an answer shows the name of its focus
instead of its question, which would give it away.

The test is of 2017: 103 questions as NIST put them (three only have a summary), with every answer
that was judged, the better grade where that was done twice. Questions whose answers are all wrong
order nothing and are left out. Some of the judged answers are MedQuAD's
own; what was judged of them is not seen in training.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import polars as pl

from benchmarks.reranking import Fold, RerankingSet, passages
from benchmarks.sets.medquad import FOLDERS, MEDQUAD, plain
from corank import FitConfig, RerankerConfig

FOCI = 500
"""So many of MedQuAD's foci are learned from, chosen by the seed."""
QRELS = "liveqa_qrels"
JUDGED = "QA-TestSet-LiveQA-Med-Qrels-2479-Answers"
QUESTIONS = "TREC-2017-LiveQA-Medical-Test-Questions-w-summaries.xml"


class Known(NamedTuple):
    """One question of MedQuAD and its answer."""

    focus: str
    kind: str
    question: str
    answer: str


def folds(source: Path, protocol: str, seed: int) -> Iterator[Fold]:
    """One fold: MedQuAD to learn from, LiveQA to order."""
    about: defaultdict[str, list[Known]] = defaultdict(list)
    for known in medquad(source):
        about[known.focus.lower()].append(known)
    several = sorted(focus for focus, those in about.items() if len({k.kind for k in those}) > 1)
    chosen = np.random.default_rng(seed).permutation(several)[:FOCI].tolist()
    items: list[dict[str, str]] = []
    grades: dict[tuple[str, str], int] = {}
    for focus in sorted(chosen):
        first = len(items)
        for number, known in enumerate(about[focus], first):
            items.append(
                {"item_id": f"medquad-{number}", "title": known.focus, "text": known.answer}
            )
        for question in about[focus]:
            for number, known in enumerate(about[focus], first):
                key = question.question, f"medquad-{number}"
                grades[key] = max(3 if known.kind == question.kind else 1, grades.get(key, 0))
    questions, answers, judged = liveqa(source / QRELS)
    asked = [
        (questions[number], item, grade)
        for number, those in judged.items()
        if any(those.values())
        for item, grade in those.items()
    ]
    schema = ["query", "item_id", "grade"]
    learned = [(query, item, grade) for (query, item), grade in grades.items()]
    train, test = (
        passages(pl.DataFrame(items + answers), pl.DataFrame(rows, schema=schema, orient="row"))
        for rows in (learned, asked)
    )
    yield Fold(train, *test.judged_queries())


def medquad(source: Path) -> Iterator[Known]:
    """Yield every question that has an answer, in the order of the files."""
    for name in FOLDERS:
        for file in sorted((source / name).glob("*.xml")):
            root = ElementTree.parse(file).getroot()  # noqa: S314  a file of one's own
            focus = plain(root.findtext("Focus"))
            for pair in root.iter("QAPair"):
                question, answer = pair.find("Question"), plain(pair.findtext("Answer"))
                asked = plain(pair.findtext("Question"))
                if focus and question is not None and asked and answer:
                    yield Known(focus, question.get("qtype", ""), asked, answer)


def liveqa(folder: Path) -> tuple[dict[str, str], list[dict[str, str]], dict[str, dict[str, int]]]:
    """Return the questions by number, the judged answers as items, and each question's grades.

    Grades are the judges' minus 1: 0 for what is wrong, 3 for what is excellent.
    """
    root = ElementTree.parse(folder / QUESTIONS).getroot()  # noqa: S314  a file of one's own
    questions = {
        str(each.get("qid")).removeprefix("TQ"): plain(each.findtext("NIST-PARAPHRASE"))
        or plain(each.findtext("NLM-Summary"))
        for each in root.iter("NLM-QUESTION")
    }
    table = pl.read_csv(folder / JUDGED / "All-2479-Answers-retrieved-from-MedQuAD.csv")
    answers = []
    for item, text in table.unique("AnswerID", keep="first", maintain_order=True).iter_rows():
        question, _, answer = text.partition("Answer:")
        asked = plain(question.partition("URL:")[0].removeprefix("Question:"))
        answers.append({"item_id": item, "title": asked or item, "text": plain(answer)})
    known = {each["item_id"] for each in answers}
    judged: dict[str, dict[str, int]] = {}
    lines = folder / JUDGED / "All-qrels_LiveQAMed2017-TestQuestions_2479_Judged-Answers.txt"
    for line in lines.read_text("utf-8").splitlines():
        number, said, item = line.split()
        if item in known:
            grades = judged.setdefault(number, {})
            grades[item] = max(int(said[0]) - 1, grades.get(item, 0))
    return questions, answers, judged


LIVEQA = RerankingSet(
    name=MEDQUAD.name,
    domain="health",
    home_page=f"{MEDQUAD.home_page} and https://github.com/abachaa/LiveQA_MedicalTask_TREC2017",
    licence=MEDQUAD.licence,
    files={
        **MEDQUAD.files,
        QRELS: f"folder with {QUESTIONS} and, in {JUDGED}, the judged answers and the qrels",
    },
    folds=folds,
    options=FitConfig(
        max_tokens=96, reranker=RerankerConfig(epochs=1, negatives=2, max_tokens=160)
    ),
    protocols=("liveqa",),
)
