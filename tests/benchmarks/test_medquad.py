"""MedQuAD in miniature."""

from pathlib import Path

import pytest

from benchmarks.sets.medquad import FOLDERS, MEDQUAD, questions_and_answers

PAIR = '<QAPair pid="1"><Question qid="1">{}</Question><Answer>{}</Answer></QAPair>'


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    for name in FOLDERS:
        (tmp_path / "medquad" / name).mkdir(parents=True)
    return tmp_path / "medquad"


def write(folder: Path, *pairs: tuple[str, str]) -> None:
    body = "".join(PAIR.format(*pair) for pair in pairs)
    folder.write_text(f"<Document><QAPairs>{body}</QAPairs></Document>", "utf-8")


def test_distinct_questions_with_an_answer_are_read_white_space_evened(public: Path) -> None:
    write(public / FOLDERS[0] / "b.xml", ("What is it ?", "A  long\n   answer."), ("Why ?", ""))
    write(public / FOLDERS[0] / "a.xml", ("How ?", "So."), ("What is it ?", "Said first."))
    assert questions_and_answers(MEDQUAD.source()) == [
        ("How ?", "So."),
        ("What is it ?", "Said first."),
    ]


def test_the_checksum_reads_every_file_of_the_folders(public: Path) -> None:
    write(public / FOLDERS[3] / "a.xml", ("How ?", "So."))
    before = MEDQUAD.sha256()
    write(public / FOLDERS[3] / "a.xml", ("How ?", "So?"))
    assert MEDQUAD.sha256() != before
