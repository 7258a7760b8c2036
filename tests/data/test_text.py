"""Templates: what a row's text holds when columns are null, empty or full of markup."""

import polars as pl
import pytest

from corank.data.text import MAX_CHARS, clean, render, template_columns
from corank.errors import DeclarationError

TEMPLATE = "{title}. {brand}. {price} euro"


def test_a_null_or_blank_column_takes_its_separator_with_it() -> None:
    frame = pl.DataFrame(
        {
            "title": ["Serum", "Cream", None, "", None],
            "brand": ["X", None, "Y", "  ", None],
            "price": [12.5, None, 8.0, None, None],
        }
    )
    assert render("{title}. {brand} - {price}", frame).to_list() == [
        "Serum. X - 12.5",
        "Cream",
        "Y - 8.0",
        "",
        "",
    ]


def test_text_between_columns_and_after_the_last_is_kept() -> None:
    frame = pl.DataFrame({"title": ["Serum"], "brand": ["X"], "price": [3]})
    assert render(f"New: {TEMPLATE}", frame).to_list() == ["New: Serum. X. 3 euro"]


def test_columns_of_any_plain_type_are_rendered() -> None:
    frame = pl.DataFrame(
        {"kind": pl.Series(["a"], dtype=pl.Enum(["a"])), "new": [True], "n": [3], "x": [0.5]}
    )
    assert render("{kind} {new} {n} {x}", frame).to_list() == ["a true 3 0.5"]


def test_no_rows_make_no_texts() -> None:
    texts = render("{title}", pl.DataFrame({"title": []}, schema={"title": pl.String}))
    assert texts.dtype == pl.String
    assert len(texts) == 0


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("Salt &amp; pepper &#39;mill&#39;", "Salt & pepper 'mill'"),
        ("  two\n\tlines  here ", "two lines here"),
        ("no&nbsp;break", "no break"),
        (" - Serum |;.", "Serum"),
        ("AT&T", "AT&T"),
        ("", ""),
        ("护手霜 50ml", "护手霜 50ml"),
    ],
)
def test_clean(given: str, cleaned: str) -> None:
    assert clean(given) == cleaned


def test_a_very_long_text_is_cut() -> None:
    assert len(clean("x" * 50_000)) == MAX_CHARS == 20_000


def test_a_template_names_its_columns_in_order() -> None:
    assert template_columns(TEMPLATE) == ("title", "brand", "price")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("no column", "names no column"),
        ("", "names no column"),
        ("{title", "is malformed"),
        ("title}", "is malformed"),
        ("{title} {}", "something else than a column's name"),
        ("{price:.2f}", "something else than a column's name"),
        ("{title!r}", "something else than a column's name"),
    ],
)
def test_a_malformed_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        template_columns(template)
    with pytest.raises(DeclarationError, match=message):
        render(template, pl.DataFrame({"title": ["a"], "price": [1.0]}))


def test_an_unknown_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(DeclarationError, match=r"'titel', which is not.*Did you mean 'title'\?"):
        render("{titel}", pl.DataFrame({"title": ["a"]}))
