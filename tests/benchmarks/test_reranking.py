"""Judged documents in miniature: folds of queries, grades, and a run that can be stopped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reporting import results
from benchmarks.reranking import METRICS, run
from benchmarks.sets.crowdflower import CROWDFLOWER
from benchmarks.sets.liveqa import JUDGED, LIVEQA, QRELS, QUESTIONS
from benchmarks.sets.medquad import FOLDERS
from benchmarks.sets.tasks import TASKS
from corank import EncoderConfig, FitConfig, RerankerConfig


def test_every_query_is_asked_once_and_never_judged_in_its_training(crowdflower: Path) -> None:
    folds = [*CROWDFLOWER.folds(crowdflower, "10-fold", 0)]
    asked = [query for fold in folds for query in fold.queries]
    assert len(folds) == 10 and len(set(asked)) == len(asked) == 40
    for fold in folds:
        assert fold.train.items.height == 160
        assert not set(fold.queries) & set(fold.train.queries["query"])
        assert fold.train.queries["query"].n_unique() == 36
        assert sorted(fold.judged.values.tolist()) == sorted([0, 1, 2, 3] * 4)
    texts = dict(folds[0].train.items.select("item_id", "text").iter_rows())
    assert texts["0"] is None and texts["1"] == " fine thing"
    assert [f.queries for f in CROWDFLOWER.folds(crowdflower, "10-fold", 1)] != [
        f.queries for f in folds
    ]


def test_a_run_is_gone_on_with_and_its_values_are_means_over_queries(
    crowdflower: Path,
    tiny_encoder: str,
    small_fit: FitConfig,
    small_reader: RerankerConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "current_commit", lambda: "0123456789ab")
    monkeypatch.setattr(type(CROWDFLOWER), "source", lambda _: crowdflower)
    first = results.Kept.add
    left = 3

    def killed(kept: results.Kept, key: str, found: object) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        first(kept, key, found)

    start = EncoderConfig(name=tiny_encoder, max_tokens=32)
    config = replace(small_fit, reranker=replace(small_reader, negatives=0))
    ask = CROWDFLOWER, "10-fold", range(1), config, start
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(results.Kept, "add", killed)
        run(*ask)
    (kept,) = tmp_path.glob(".crowdflower*")
    before = json.loads(kept.read_text())
    assert [*before] == ["0/0", "0/1", "0/2"]
    before["0/0"]["values"]["corank"]["ndcg@10"] = [0.0] * 4  # as nobody would measure
    kept.write_text(json.dumps(before))
    rows, path = run(*ask)
    assert not kept.exists()
    found = {(row.system, row.metric): row for row in rows}
    systems = {"corank", "corank/unread", "random", "bm25", "bm25s", "frozen-encoder"}
    systems.add("bm25+frozen-encoder")
    assert {(system, metric) for system in systems for metric in METRICS} < set(found)
    assert found["corank", "ndcg@10"].value < 0.91  # a tenth of it is 0
    for words in ("bm25", "bm25s"):
        assert found[words, "ndcg@10"].value > found["random", "ndcg@10"].value
    gap = found["corank", "ndcg@10_over/bm25"]
    assert gap.value == pytest.approx(
        found["corank", "ndcg@10"].value - found["bm25", "ndcg@10"].value
    )
    assert json.loads(path.read_text())["rows"] == [vars(row) for row in rows]


def test_medquad_grades_by_focus_and_kind_and_liveqa_by_its_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    pairs = "".join(
        f'<QAPair><Question qtype="{kind}">{asked}</Question><Answer>{answer}</Answer></QAPair>'
        for kind, asked, answer in (
            ("symptoms", "What are its signs?", "Fever."),
            ("treatment", "How is it treated?", "Rest."),
            ("treatment", "What helps?", ""),
        )
    )
    (tmp_path / FOLDERS[0] / "1.xml").write_text(f"<D><Focus>Flu</Focus>{pairs}</D>")
    other = '<QAPair><Question qtype="symptoms">Signs?</Question><Answer>Aches.</Answer></QAPair>'
    (tmp_path / FOLDERS[1] / "2.xml").write_text(f"<D><Focus>flu</Focus>{other}</D>")
    judged = tmp_path / QRELS / JUDGED
    judged.mkdir(parents=True)
    (tmp_path / QRELS / QUESTIONS).write_text(
        "<Q>"
        '<NLM-QUESTION qid="TQ1"><NIST-PARAPHRASE>Do I have flu?</NIST-PARAPHRASE></NLM-QUESTION>'
        '<NLM-QUESTION qid="TQ2"><NIST-PARAPHRASE/><NLM-Summary>Why?</NLM-Summary></NLM-QUESTION>'
        '<NLM-QUESTION qid="TQ3"><NIST-PARAPHRASE>Nothing?</NIST-PARAPHRASE></NLM-QUESTION>'
        "</Q>"
    )
    answers = ["a,Question: Is it? URL: x Answer: It is.", "b,Answer: No.", "a,Answer: Again."]
    (judged / "All-2479-Answers-retrieved-from-MedQuAD.csv").write_text(
        "\n".join(["AnswerID,Answer", *answers])
    )
    (judged / "All-qrels_LiveQAMed2017-TestQuestions_2479_Judged-Answers.txt").write_text(
        "1 4-Excellent a\n1 1-Incorrect b\n2 2-Related b\n2 1-Incorrect b\n3 1-Incorrect a\n"
    )
    (fold,) = LIVEQA.folds(tmp_path, "liveqa", 0)
    items = {i: (title, text) for i, title, text in fold.train.items.iter_rows()}
    assert items["a"] == ("Is it?", "It is.") and items["b"] == ("b", "No.")
    assert items["medquad-0"] == ("Flu", "Fever.") and items["medquad-2"] == ("flu", "Aches.")
    grades = {(query, item): grade for query, item, grade in fold.train.queries.iter_rows()}
    signs = {item: grade for (query, item), grade in grades.items() if query == "Signs?"}
    assert signs == {"medquad-0": 3, "medquad-1": 1, "medquad-2": 3}
    assert fold.queries == ["Do I have flu?", "Why?"]
    assert fold.judged.values.tolist() == [3, 0, 1]

    monkeypatch.setattr(type(LIVEQA), "source", lambda _: tmp_path)
    task = TASKS["medquad"](0)
    assert task.asked == ["Do I have flu?", "Why?"] and len(task.known) == 2
    right = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)  # a, b, and what is asked
    assert task.values(right).tolist() == [1, 1]
    wrong = task.values(right[[1, 0, 2, 3]])
    assert wrong[0] == pytest.approx(1 / np.log2(3)) and wrong[1] == 1
