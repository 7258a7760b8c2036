"""Every vertical keeps the contract, and the contract notices when one does not."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import dataframely as dy
import numpy as np
import polars as pl
import pytest

import corank
from corank import (
    AlreadySeen,
    Boost,
    Cap,
    Exclude,
    ExpectedValue,
    Interaction,
    Item,
    Require,
    User,
    Vertical,
    Visitor,
    asker,
    labeling_function,
)
from corank.errors import DeclarationError, UnknownVerticalError
from corank.rank.rules import Ranked, Rule, Shelf
from corank.testing import check_vertical


@pytest.mark.parametrize("name", sorted(corank.verticals()))
def test_an_installed_vertical_keeps_the_contract(name: str) -> None:
    check_vertical(corank.load_vertical(name))


class Book(Item):
    pages = dy.Int64(nullable=True)
    blurb = dy.String(nullable=True)
    printed = dy.Date(nullable=True)


class Reader(User):
    device = dy.String(nullable=True)


class UntitledBook(Item):
    title = dy.String(nullable=True)


class DatedLoan(Interaction):
    timestamp = dy.Date()  # type: ignore[assignment]


class BookWithoutKey(Item):
    item_id = dy.String()


@labeling_function
def borrowed() -> pl.Expr:
    return pl.when(pl.col("event") == "borrow").then(2)


@labeling_function
def burnt() -> pl.Expr:
    return pl.when(pl.col("event") == "burn").then(0)


@labeling_function
def anything() -> pl.Expr:
    return pl.lit(1)


@labeling_function
def disliked() -> pl.Expr:
    return pl.when(pl.col("event") == "borrow").then(0)


@pytest.fixture
def library(tmp_path: Path) -> Vertical:
    """A small vertical that keeps the contract."""
    days = range(1, 21)
    (tmp_path / "items.csv").write_text(
        "item_id,title,pages,blurb\n" + "".join(f"b{n},Volume {n},{100 * n},\n" for n in days)
    )
    (tmp_path / "interactions.csv").write_text(
        "user_id,item_id,event,timestamp\n"
        + "".join(f"u{n % 3},b{n},borrow,2026-01-{n:02}\nu{n % 3},b1,look,2026-01-{n:02}\n"
                  for n in days)
    )  # fmt: skip
    (tmp_path / "queries.csv").write_text("query,item_id,grade\nfirst volume,b1,3\n")
    return Vertical(
        name="library",
        items=Book,
        interactions=Interaction,
        item_text="{title}. {blurb}",
        labeling_functions=(borrowed,),
        rules=(Exclude("long", pl.col("pages") > 1_900),),
        sample=tmp_path,
    )


def test_a_sound_vertical_passes_and_its_sample_is_not_written_to(library: Vertical) -> None:
    assert library.sample
    before = sorted(path.name for path in library.sample.iterdir())
    check_vertical(library)
    assert sorted(path.name for path in library.sample.iterdir()) == before


@dataclass(frozen=True, eq=False)
class BadRule(Rule):
    """A stranger's rule that does whatever it is made for."""

    does: Callable[[Ranked], Ranked]
    name: str = "bad"
    line: str = "does something bad"
    hard: ClassVar[bool] = True

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        return self.does(ranked)

    def describe(self) -> str:
        return self.line


def drop_first(ranked: Ranked) -> Ranked:
    return ranked.drop(np.arange(len(ranked.items)) == 0, "bad")


def only_works_on_many(ranked: Ranked) -> Ranked:
    assert ranked.items[0] >= 0
    return ranked


def bring_in(ranked: Ranked) -> Ranked:
    return replace(ranked, items=np.append(ranked.items, 0), scores=np.append(ranked.scores, -99.0))


def turn_round(ranked: Ranked) -> Ranked:
    return replace(ranked, items=ranked.items[::-1], scores=ranked.scores[::-1])


TOLD = Require("told", asker("device") == "tv")

BROKEN: dict[str, tuple[Callable[[Any], Vertical], str]] = {
    "no sample": (lambda v: replace(v, sample=None), "ships no sample"),
    "no such folder": (
        lambda v: replace(v, sample=v.sample / "missing"),
        "its sample cannot be read: .*missing is not a folder",
    ),
    "a title may be null": (
        lambda v: replace(v, items=UntitledBook, item_text="{title}", rules=()),
        r"UntitledBook\.title must not be nullable",
    ),
    "a time is a date": (
        lambda v: replace(v, interactions=DatedLoan),
        r"DatedLoan\.timestamp holds Date; Interaction declares Datetime",
    ),
    "an id is no key": (
        lambda v: replace(v, items=BookWithoutKey, item_text="{title}", rules=()),
        r"BookWithoutKey has the primary key \[\]; Item declares \['item_id'\]",
    ),
    "a function never votes": (
        lambda v: replace(v, labeling_functions=(borrowed, burnt)),
        "'burnt' votes on no sample event",
    ),
    "a function never abstains": (
        lambda v: replace(v, labeling_functions=(anything,)),
        "'anything' votes on every sample event",
    ),
    "no positives": (
        lambda v: replace(v, labeling_functions=(disliked,)),
        "no sample event is graded above 0",
    ),
    "a silent item": (
        lambda v: replace(v, item_text="{blurb}"),
        r"'\{blurb\}' renders nothing for item 'b1'",
    ),
    "a blank example": (lambda v: replace(v, example_queries=("ok", " ")), "queries is blank"),
    "nothing left": (
        lambda v: replace(v, rules=(Require("short", pl.col("pages") < 50),)),
        r"its rules leave nothing of the sample to show\.",
    ),
    "nothing left for whoever asks in the demo": (
        lambda v: replace(
            v, rules=(TOLD,), users=Reader, example_asker={"device": "phone"}
        ),
        "its rules leave nothing of the sample to show to its example_asker",
    ),
    "an example that makes no sense": (
        lambda v: replace(v, rules=(TOLD,), example_asker={"timestamp": "noon"}, users=Reader),
        "its example_asker makes no sense: .* cannot be read as Datetime",
    ),
    "a rule that fails for some": (
        lambda v: replace(v, rules=(Boost("told", asker("device").str.len_chars()),), users=Reader),
        "rule 'told' fails on 20 items: DeclarationError",
    ),
    "a rule that fails": (
        lambda v: replace(v, rules=(BadRule(only_works_on_many),)),
        r"rule 'bad' fails on 0 items: IndexError",
    ),
    "a condition that is no condition": (
        lambda v: replace(v, rules=(Boost("long", pl.col("pages")),)),
        "rule 'long' fails on 20 items: DeclarationError",
    ),
    "a rule that invents": (
        lambda v: replace(v, rules=(BadRule(bring_in),)),
        "rule 'bad' repeats items or brings in new ones",
    ),
    "a rule that turns the order round": (
        lambda v: replace(v, rules=(BadRule(turn_round),)),
        "rule 'bad' leaves scores that do not descend",
    ),
    "a hard rule that does not hold": (
        lambda v: replace(v, rules=(BadRule(drop_first),)),
        "hard rule 'bad' is broken by the finished answer",
    ),
    "a rule without a description": (
        lambda v: replace(v, rules=(BadRule(lambda ranked: ranked, line=" "),)),
        "rule 'bad' does not describe itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_vertical_is_told_what_is_wrong(library: Vertical, case: str) -> None:
    breaks, message = BROKEN[case]
    with pytest.raises(DeclarationError, match=f"Vertical 'library': .*{message}"):
        check_vertical(breaks(library))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("items.csv", "Volume 2,200", "Volume 2,few", "rejected: items.csv: pages: not a whole"),
        ("queries.csv", ",3", ",0", "none has an item graded above 0"),
        ("interactions.csv", "2026-01-..", "2026-01-01", "its sample is too small: The time split"),
    ],
)
def test_a_broken_sample_is_told_what_is_wrong(
    library: Vertical, file: str, old: str, new: str, message: str
) -> None:
    assert library.sample
    whole = (library.sample / file).read_text()
    (library.sample / file).write_text(re.sub(old, new, whole))
    with pytest.raises(DeclarationError, match=message):
        check_vertical(library)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": Interaction}, r"items=Interaction must extend corank\.Item"),
        ({"queries": Item}, r"queries=Item must extend corank\.Query"),
        ({"item_text": "{titel}"}, "its item text names 'titel'.* mean 'title'"),
        ({"price": "cost"}, "its price names 'cost', which is no column of Book"),
        ({"price": "blurb"}, "price='blurb' holds no numbers"),
        ({"provider": "publisher"}, "its provider names 'publisher'"),
        ({"genre": "blurbs"}, "its genre names 'blurbs'.* mean 'blurb'"),
        ({"provider": "printed"}, "provider='printed' must hold text, .* it holds Date"),
        ({"genre": "printed"}, "genre='printed' must hold text, whole numbers or lists of them"),
        (
            {"rules": (Exclude("x", pl.col("page") > 1),)},
            "the rule 'x' names 'page'.* mean 'pages'",
        ),
        (
            {"rules": (Exclude("x", asker("age") < pl.col("pages")),)},
            "the rule 'x' names 'age', .* of Interaction or User",
        ),
        (
            {"rules": (AlreadySeen(unless=asker("event") == "x"),)},
            "names 'asker:event', which is no column of Book",
        ),
        (
            {"rules": (Cap("blurb", at_most=1), ExpectedValue("worth", pl.col("pages")))},
            "'worth' reads the model's scores, which 'blurb_cap' changes before it",
        ),
        ({"example_asker": {"devise": "tv"}}, "its example asker names 'devise'"),
        (
            {"visitors": (Visitor(name="A", history=(), known={"devise": "tv"}),)},
            "the visitor 'A' names 'devise'",
        ),
        ({"labeling_functions": ()}, "declares no labelling function"),
        ({"metrics": ("ndgc@10",)}, "Vertical 'library': Unknown metric 'ndgc@10'.* 'ndcg'"),
        ({"metrics": ("recall@101",)}, "'recall@101' looks deeper than the 100 ranks"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_declared(
    library: Vertical, change: dict[str, object], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        replace(library, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("visitor", "message"),
    [
        (Visitor(name="Ana", history=("nix",)), "its visitor 'Ana': Item 'nix' is not among"),
        (
            Visitor(name="Bo", history=(), known={"timestamp": "soon"}),
            "its visitor 'Bo': The moment's timestamp='soon' cannot be read",
        ),
    ],
)
def test_a_visitor_who_cannot_be_is_refused(
    library: Vertical, visitor: Visitor, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        check_vertical(replace(library, visitors=(visitor,)))


def test_reading_a_sample_that_does_not_exist_is_an_error(library: Vertical) -> None:
    with pytest.raises(corank.errors.DataError, match="'library' ships no sample"):
        replace(library, sample=None).read_sample()


def test_an_unknown_vertical_suggests_the_nearest() -> None:
    with pytest.raises(UnknownVerticalError, match=r"No vertical 'ecomerce'.* mean 'ecommerce'"):
        corank.load_vertical("ecomerce")


STRANGER = """
from pathlib import Path
import polars as pl
from corank import Interaction, Item, Vertical, labeling_function

@labeling_function
def borrowed() -> pl.Expr:
    return pl.when(pl.col("event") == "borrow").then(3)

vertical = Vertical(
    name="library", items=Item, interactions=Interaction, labeling_functions=(borrowed,)
)
"""


def install(folder: Path, code: str, **points: str) -> None:
    """Install a package as pip would: a module, and metadata that names its entry points."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "stranger.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[corank.verticals]", *lines, ""]))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "corank", *arguments],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip


def test_a_strangers_package_appears_beside_the_built_in_ones(tmp_path: Path) -> None:
    install(tmp_path, STRANGER, library="stranger:vertical")
    done = run(tmp_path, "verticals", "--json")
    assert done.returncode == 0, done.stderr
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert set(found) == {"library", *corank.verticals()}
    assert found["library"] == {
        "name": "library",
        "item_text": "{title}",
        "labeling_functions": ["borrowed"],
        "rules": [],
        "metrics": ["ndcg@10", "recall@100"],
        "sample": False,
    }


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere"),
        ("import corank; vertical = corank.Vertical(colour='red')", "TypeError: .*'colour'"),
        ("vertical = 1 / 0", "ZeroDivisionError"),
        ("vertical = (", "SyntaxError"),
    ],
)
def test_a_broken_package_is_named_and_does_not_break_the_others(
    code: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, code, library="broken_stranger:vertical")
    (tmp_path / "stranger.py").rename(tmp_path / "broken_stranger.py")
    monkeypatch.delitem(sys.modules, "broken_stranger", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert corank.load_vertical("ecommerce").name == "ecommerce"
    message = f"Entry point library = broken_stranger:vertical cannot be loaded. {why}"
    with pytest.raises(DeclarationError, match=message):
        corank.verticals()


def test_an_entry_point_holds_a_vertical_of_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path, "import corank_ecommerce\nvertical = corank_ecommerce.vertical\nother = 7\n",
        shop="stranger:vertical", seven="stranger:other", gone="stranger:gone",
    )  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path)
    for name, message in {
        "shop": "shop = stranger:vertical holds the vertical 'ecommerce'; give both the same name",
        "seven": r"seven = stranger:other holds a int; expected a corank\.Vertical",
        "gone": "gone = stranger:gone cannot be loaded",
    }.items():
        with pytest.raises(DeclarationError, match=message):
            corank.load_vertical(name)
    assert EntryPoint("a", "stranger:other", "b").load() == 7


def test_somebody_of_whom_much_is_known_is_shown_something(library: Vertical) -> None:
    check_vertical(replace(library, rules=(TOLD,), users=Reader, example_asker={"device": "tv"}))
