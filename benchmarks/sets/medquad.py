"""MedQuAD: questions about health and trusted answers to them."""

import re
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.sets.datasets import PublicSet

FOLDERS = (
    "1_CancerGov_QA", "2_GARD_QA", "3_GHR_QA", "4_MPlus_Health_Topics_QA", "5_NIDDK_QA",
    "6_NINDS_QA", "7_SeniorHealth_QA", "8_NHLBI_QA_XML", "9_CDC_QA",
)  # fmt: skip

MEDQUAD = PublicSet(
    name="medquad",
    domain="health",
    home_page="https://github.com/abachaa/MedQuAD",
    licence="CC BY 4.0",
    files=dict.fromkeys(FOLDERS, "folder of XML files, QAPair elements in each"),
    protocols=("adaptation",),
)


def questions_and_answers(folder: Path) -> list[tuple[str, str]]:
    """Return every distinct question with an answer, and the answer, in the order of the files."""
    found: dict[str, str] = {}
    for name in FOLDERS:
        for file in sorted((folder / name).glob("*.xml")):
            for pair in ElementTree.parse(file).iter("QAPair"):  # noqa: S314  a file of one's own
                question, answer = (plain(pair.findtext(tag)) for tag in ("Question", "Answer"))
                if question and answer:
                    found.setdefault(question, answer)
    return [*found.items()]


def plain(text: str | None) -> str:
    """Return text with every run of white space as one blank; nothing for None."""
    return re.sub(r"\s+", " ", text or "").strip()
