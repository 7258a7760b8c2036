"""A FAQ answers with its source, or says that it does not know."""

from pathlib import Path

import polars as pl
import pytest

from corank import ClassifierConfig, EncoderConfig
from corank.classify.faq import FAQ, Faq
from corank.classify.faq_training import fit_faq
from corank.classify.material import Labelled
from corank.errors import BundleError, DataError

ENTRIES = pl.DataFrame(
    {
        "item_id": ["grind", "leak"],
        "title": ["How fine do I grind coffee?", "What if the kettle leaks?"],
        "description": ["As fine as sand.", "Send it back."],
        "source": ["Guide, page 2", None],
        "kind": ["coffee", "kettles"],
    }
)
ASKED = Labelled(
    ["coffee grind size", "fine coffee or coarse coffee", "grind coffee for a press"] * 6
    + ["kettle leaks water", "my kettle is leaking", "a leak in the kettle"] * 6
    + ["linen shirt size", "garden chair colour", "wool socks"] * 3,
    ["grind"] * 18 + ["leak"] * 18 + [None] * 9,
)


@pytest.fixture(scope="module")
def faq(tiny_encoder: str) -> Faq:
    config = ClassifierConfig(epochs=20, mode="full", precision="no", holdout=0.0, batch_size=8)
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    return fit_faq(ENTRIES, ASKED, config, encoder=encoder, validation=ASKED)


def test_a_question_is_answered_with_its_source_or_not_at_all(faq: Faq) -> None:
    known, sourceless, strange = faq.answer(["grind coffee", "kettle leaks", "wool socks"])
    assert (known.entry, known.text, known.source) == ("grind", "As fine as sand.", "Guide, page 2")
    assert (sourceless.entry, sourceless.source) == ("leak", "")
    assert (strange.entry, strange.text, strange.source) == (None, "", "")
    assert 0 < strange.chance < known.chance <= 1


def test_it_is_read_as_it_was_written(faq: Faq, tmp_path: Path) -> None:
    faq.save(tmp_path / "faq")
    again = Faq.load(tmp_path / "faq")
    asked = ["grind coffee", "wool socks"]
    assert again.answer(asked) == faq.answer(asked) and again.entries.equals(faq.entries)
    (tmp_path / "faq" / "entries.parquet").write_bytes(b"no")
    with pytest.raises(BundleError, match="not what was saved"):
        Faq.load(tmp_path / "faq")
    assert FAQ.manifest == "faq.json"


@pytest.mark.parametrize(
    ("entries", "asked", "why"),
    [
        (ENTRIES.drop("description"), ASKED, "no column 'description'"),
        (ENTRIES.with_columns(title=pl.lit("")), ASKED, "cannot be used"),
        (pl.concat([ENTRIES, ENTRIES]), ASKED, "cannot be used"),
        (ENTRIES, Labelled(["a", "b"], ["grind", None]), "1 entries are answers to no.*'leak'"),
        (ENTRIES, Labelled(["a", "b"], ["grind", "grund"]), "'grund', which is no entry.*'grind'"),
    ],
)
def test_entries_that_make_no_sense_are_refused(
    entries: pl.DataFrame, asked: Labelled, why: str
) -> None:
    with pytest.raises(DataError, match=why):
        fit_faq(entries, asked)
