"""MovieLens from its original formats, on a few lines of each."""

import datetime as dt
from pathlib import Path

import pytest

from benchmarks.sets.movielens import FILMS, prepare_ml_1m, prepare_ml_100k
from corank.errors import DataError


@pytest.fixture
def ml_1m(tmp_path: Path) -> Path:
    rated = "1::7::5::978300760\n1::9::3::978300760\n2::7::1::978302109\n"
    (tmp_path / "ratings_first_half_with_timestamps.dat").write_text(rated, "utf-8")
    films = "7::Café, Le (1995)::Comedy|Drama\n9::Dark (1999)::Thriller\n"
    (tmp_path / "movies.dat").write_text(films, "latin-1")
    more = "7::Le Café::1995::PG::1 Jan::Comedy::A. Regie::W.::B. Actor::A bar: a life.::x.jpg\n"
    (tmp_path / "movies_extrainfos.dat").write_text(more, "utf-8")
    return tmp_path


def test_ml_1m_joins_films_with_what_is_known_of_them(ml_1m: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    prepare_ml_1m(ml_1m, out)
    data = FILMS.read(out)
    assert data.intake
    assert all(not table.rejected for table in data.intake.tables.values())
    cafe, dark = data.items.rows(named=True)
    assert (cafe["title"], cafe["year"], cafe["director"]) == ("Café, Le", 1995, "A. Regie")
    assert (cafe["actors"], cafe["plot"]) == ("B. Actor", "A bar: a life.")
    assert (dark["genres"], dark["plot"]) == ("Thriller", None)
    when = dt.datetime(2000, 12, 31, 22, 12, 40)
    assert data.interactions.select("user_id", "item_id", "timestamp", "stars").rows()[:2] == [
        ("1", "7", when, 5),
        ("1", "9", when, 3),
    ]
    assert data.positives.height == 3  # whatever the stars


def test_a_film_without_a_year_is_named(ml_1m: Path, tmp_path: Path) -> None:
    (ml_1m / "movies.dat").write_text("7::Nowhen::Comedy\n", "latin-1")
    with pytest.raises(DataError, match="film 7 is called 'Nowhen'"):
        prepare_ml_1m(ml_1m, tmp_path)


def test_ml_100k_is_read_from_atomic_files(tmp_path: Path) -> None:
    (tmp_path / "ml-100k.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        '1\tToy "Story\t1995\tAnimation Comedy\n2\tunknown\t\tunknown\n',
        "utf-8",
    )
    (tmp_path / "ml-100k.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t1\t4.0\t978300760.0\n",
        "utf-8",
    )
    prepare_ml_100k(tmp_path, tmp_path)
    data = FILMS.read(tmp_path)
    assert data.items.select("title", "year", "genres").rows() == [
        ('Toy "Story', 1995, "Animation, Comedy"),
        ("unknown", None, "unknown"),
    ]
    assert data.interactions["stars"].to_list() == [4]
