"""MovieLens 1M and 100K: who rated which film when, as sequences of films.

As in papers on sequential recommendation (Kang and McAuley, "Self-Attentive Sequential
Recommendation", ICDM 2018) every rating is an interaction, whatever its stars: a film is asked for
because it was seen. Nobody rates a film twice, and what was rated is masked.

Ties. People rate lists of films in one sitting, and most ratings share their second with others of
the same person, the last one of two persons in five too. Events at one time keep the order of
the public file. That order follows neither the time nor the films: within a tie it is unrelated to
how popular a film is or how it was rated. So leave-one-out asks for one of those last rated, as in
the papers, and the others of its second are in the history; it is partly a question about the
lists that MovieLens showed (Fan et al., "Our Model Achieves Excellent Performance on MovieLens:
What Does it Mean?", TOIS 2024). A split by time has no such ties: all of one second are on one
side.

"time" asks for everything that a person rates after one moment in time. Most people rate for an
hour and never come back, so many of those asked have no history at all.

Of MovieLens 1M only the users 1 to 2999 are to be had with their times, half of the ratings:
figures of papers, which have all 6,040, do not apply. Descriptions that were written by language
models are not used. Neither set may be handed on, nor used commercially.
"""

import re
from pathlib import Path

import dataframely as dy
import polars as pl

from benchmarks.sets.datasets import RankingSet
from corank import (
    AlreadySeen,
    Calibrate,
    FitConfig,
    Interaction,
    Item,
    UserModelConfig,
    Vertical,
    labeling_function,
)
from corank.data.files import atomic
from corank.errors import DataError


class Film(Item):
    """A film, and what is known of it."""

    year = dy.Int64(nullable=True)
    genres = dy.String(nullable=True)  # as people read them
    genre = dy.String(nullable=True)  # each of them, with | between
    director = dy.String(nullable=True)
    actors = dy.String(nullable=True)
    plot = dy.String(nullable=True)


class Rating(Interaction):
    """A person rated a film."""

    stars = dy.Int64(min=1, max=5)


@labeling_function
def rated() -> pl.Expr:
    """Seen, whatever the stars."""
    return pl.when(pl.col("event") == "rate").then(1)


FILMS = Vertical(
    name="films",
    items=Film,
    interactions=Rating,
    item_text="{title} ({year}). {genres}. {director}. {actors}. {plot}",
    labeling_functions=(rated,),
    rules=(AlreadySeen(), Calibrate("genre", weight=0.3)),
    genre="genre",
)

EXTRA = ("", "", "", "", "genres", "director", "", "actors", "plot", "")
"""Fields of movies_extrainfos.dat after the id."""
YEAR = re.compile(r"(.+?) ?\((\d{4})\)")


def prepare_ml_1m(source: Path, out: Path) -> None:
    """Write items.parquet and interactions.parquet.

    Titles and years are those of movies.dat (latin-1, 3 fields); movies_extrainfos.dat (UTF-8, 11
    fields) knows more about almost every film, "N/A" where it does not.
    """
    films = {}
    for line in (source / "movies.dat").read_text("latin-1").splitlines():
        item, title, genres = line.split("::")
        named = YEAR.fullmatch(title)
        if named is None:
            raise DataError(
                f"movies.dat: film {item} is called {title!r}, without a year in braces."
            )
        name, year = named.groups()
        films[item] = {
            "item_id": item,
            "title": name,
            "year": int(year),
            "genres": genres.replace("|", ", "),
        }
    for line in (source / "movies_extrainfos.dat").read_text("utf-8").splitlines():
        item, *fields = line.split("::")
        told = zip(EXTRA, fields, strict=True)
        films[item] |= {name: text for name, text in told if name and text not in ("", "N/A")}
    ratings = pl.read_csv(
        source / "ratings_first_half_with_timestamps.dat", separator=":", has_header=False
    )
    users, items, stars, when = ratings.get_columns()[::2]  # the "::" leaves a blank between
    _write(
        out,
        pl.DataFrame([*films.values()], schema={n: d.dtype for n, d in Film.columns().items()}),
        pl.DataFrame([users.alias("user_id"), items.alias("item_id"), stars.alias("stars"),
                      when.alias("timestamp")]),
    )  # fmt: skip


def prepare_ml_100k(source: Path, out: Path) -> None:
    """Write items.parquet and interactions.parquet, from RecBole's atomic files."""
    films = _atomic_file(source / "ml-100k.item").select(
        "item_id",
        pl.col("movie_title").alias("title"),
        pl.col("release_year").cast(pl.Int64, strict=False).alias("year"),
        pl.col("class").str.replace_all(" ", ", ").alias("genres"),
    )
    whole = pl.col("rating", "timestamp").cast(pl.Float64).cast(pl.Int64)
    ratings = _atomic_file(source / "ml-100k.inter").select("user_id", "item_id", whole)
    ratings = ratings.rename({"rating": "stars"})
    _write(out, films, ratings)


def _atomic_file(path: Path) -> pl.DataFrame:
    """Read tab-separated columns whose names carry a type, such as ``rating:float``."""
    frame = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
    return frame.rename(lambda name: name.split(":")[0])


def _write(out: Path, films: pl.DataFrame, ratings: pl.DataFrame) -> None:
    """Write films, and ratings (user_id, item_id, stars, timestamp in seconds)."""
    events = ratings.select(
        pl.col("user_id", "item_id").cast(pl.String),
        pl.lit("rate").alias("event"),
        pl.from_epoch("timestamp").cast(pl.Datetime("us")),
        "stars",
    )
    films = films.with_columns(genre=pl.col("genres").str.replace_all(", ", "|", literal=True))
    for name, frame in (("items", films), ("interactions", events)):
        with atomic(out / f"{name}.parquet") as part:
            frame.write_parquet(part)


TERMS = "GroupLens: for research, not to be handed on, no commercial use"

ML_1M = RankingSet(
    name="ml-1m",
    domain="content",
    vertical=FILMS,
    home_page="https://grouplens.org/datasets/movielens/1m "
    "(first half with times: github.com/dev-sumanta/dsmlai; "
    "plots: github.com/recohut/coldstart-recsys, data/MeLU/ml-1m)",
    licence=TERMS,
    files={
        "ratings_first_half_with_timestamps.dat": "UserID::MovieID::Rating::Timestamp",
        "movies.dat": "MovieID::Title (Year)::Genre|Genre, latin-1",
        "movies_extrainfos.dat": "11 fields: MovieID::title::year::certificate::date::genres::"
        "director::writer::cast::plot::poster",
    },
    prepare=prepare_ml_1m,
    protocols=("leave-one-out", "time"),
    options=FitConfig(user_model=UserModelConfig(epochs=10)),
)

ML_100K = RankingSet(
    name="ml-100k",
    domain="content",
    vertical=FILMS,
    home_page="https://grouplens.org/datasets/movielens/100k "
    "(atomic files: github.com/RUCAIBox/RecBole, dataset/ml-100k)",
    licence=TERMS,
    files={
        "ml-100k.inter": "user_id, item_id, rating, timestamp; tabs",
        "ml-100k.item": "item_id, movie_title, release_year, class; tabs",
    },
    prepare=prepare_ml_100k,
    protocols=("time",),
)
