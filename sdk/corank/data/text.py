"""Row to text: a template over columns becomes the one string that models read.

``"{title}. {brand}. {description}"`` renders each row; a null or empty column takes its
separator with it, HTML entities are decoded and white space is folded. The module does not
know tokens: cutting a text to a model's length is the tokenizer's work.
"""

import html
import re
import string

import polars as pl

from corank.errors import DeclarationError, nearest

MAX_CHARS = 20_000
"""Characters of one text that are kept; no encoder reads further than this."""


def template_columns(template: str) -> tuple[str, ...]:
    """Return the columns a template names, in order.

    Raises:
        DeclarationError: the template has no column, a malformed brace, or more in a brace than
            a column's name.
    """
    columns = tuple(column for _, column in _parts(template) if column)
    if not columns:
        raise DeclarationError(
            f"The template {template!r} names no column. Write columns in braces: '{{title}}'."
        )
    return columns


def render(template: str, frame: pl.DataFrame) -> pl.Series:
    """Render one text per row of ``frame`` (n rows -> Series of n strings, never null).

    Raises:
        DeclarationError: the template names a column that the frame lacks.
    """
    for column in template_columns(template):
        if column not in frame.columns:
            raise DeclarationError(
                f"The template {template!r} names {column!r}, which is not a column of the items."
                + nearest(column, frame.columns)
            )
    parts = [
        pl.when(_text(column).str.len_chars() > 0).then(pl.lit(literal) + _text(column))
        if column
        else pl.lit(literal)
        for literal, column in _parts(template)
    ]
    joined = pl.concat_str(parts, ignore_nulls=True).alias("text")
    return frame.select(joined).to_series().map_elements(clean, return_dtype=pl.String)


def clean(text: str) -> str:
    """Decode HTML entities, fold white space, strip separators left at the ends."""
    if "&" in text:
        text = html.unescape(text)
    return re.sub(r"\s+", " ", text[:MAX_CHARS]).strip(" .,;:|-")


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("").str.strip_chars()


def _parts(template: str) -> list[tuple[str, str | None]]:
    """Split into (separator, column): a separator belongs to the column that follows it."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise DeclarationError(f"The template {template!r} is malformed: {error}.") from error
    for _, column, spec, conversion in parts:
        if column == "" or spec or conversion:
            raise DeclarationError(
                f"The template {template!r} has a brace that holds something else than a column's "
                "name. Write '{title}'; formats such as '{price:.2f}' are not read."
            )
    return [(literal, column) for literal, column, _, _ in parts]
