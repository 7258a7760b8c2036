"""No hard rule of any vertical can be broken: not through the API, not through the app.

A thousand cases each: random catalogues, people, histories and scores. What may be shown is said by
`tests.verticals.promises` in plain words, so each rule is told twice.
"""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corank import EncoderConfig, Engine, FitConfig, Pipeline, load_vertical, verticals
from corank.rank.rules import Ranked, Shelf, apply_rules
from corank.serve.asker import questions, told
from corank.serve.desk import Desk
from corank.serve.words import words_for
from tests.verticals.promises import PROMISES, TODAY, Row, catalogue

EN = words_for("en")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
PEOPLE = 120


def test_every_vertical_promises_something() -> None:
    assert set(PROMISES) == set(verticals())


@pytest.mark.parametrize("name", sorted(PROMISES))
@given(data=st.data(), seed=st.integers(0, 100_000))
@settings(max_examples=1_000, deadline=None, suppress_health_check=SLOW)
def test_what_may_be_shown_is_shown_and_nothing_else(
    name: str, data: st.DataObject, seed: int
) -> None:
    vertical, promise = load_vertical(name), PROMISES[name]
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30))
    items, vectors = catalogue(vertical, promise.columns, random, n), np.eye(n, dtype=np.float32)
    asker = data.draw(promise.askers)
    known = {column: value for column, value in asker.items() if value is not None}
    seen = random.permutation(n)[:2].astype(np.int32)
    scores = np.sort(random.normal(size=n))[::-1]
    before = Ranked(random.permutation(n).astype(np.int32), scores, seen)

    moments = vertical.moment({"timestamp": TODAY, **known})
    shelf = Shelf(items, vectors, vertical.nobody, vertical.rules).asked_by(moments)
    answer = apply_rules(vertical.rules, before, shelf)

    allowed = {
        row for row in range(n)
        if promise.keeps(items.row(row, named=True), asker, row in seen.tolist())
    }  # fmt: skip
    assert set(answer.items.tolist()) == allowed
    assert len(answer.items) + sum(answer.removed.values()) == n
    assert set(answer.removed) <= {rule.name for rule in vertical.rules if rule.hard}


@pytest.fixture(scope="module", params=sorted(PROMISES))
def engine(request: pytest.FixtureRequest, tiny_encoder: str, tiny_fit: FitConfig) -> Engine:
    """A vertical fitted on a part of its sample."""
    vertical = load_vertical(request.param)
    data = vertical.read_sample()
    kept = pl.col("user_id").is_in(data.users["user_id"].head(PEOPLE).implode())
    train = replace(data, interactions=data.interactions.filter(kept)).split("time").train
    return Pipeline(vertical, EncoderConfig(name=tiny_encoder, max_tokens=32)).fit(train, tiny_fit)


def typed(value: str | int | bool | None) -> str:
    """What somebody types into the form."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@given(data=st.data(), seed=st.integers(0, 100_000))
@settings(
    max_examples=1_000, deadline=None,
    suppress_health_check=[*SLOW, HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_the_app_shows_nothing_that_may_not_be_shown(
    engine: Engine, data: st.DataObject, seed: int
) -> None:
    vertical, random = engine.vertical, np.random.default_rng(seed)
    promise = PROMISES[vertical.name]
    drawn = catalogue(vertical, promise.columns, random, engine.items.height)
    changed = engine.items.with_columns(drawn.select("item_id", *promise.columns))
    desk = Desk(replace(engine, items=changed))
    form, asker = questions(vertical), data.draw(promise.askers)
    assert {question.column for question in form} <= set(asker), "a rule asks what no case tells"
    known = told(form, [typed(asker[question.column]) for question in form])
    history = [f"i{row}" for row in random.permutation(changed.height)[: random.integers(0, 5)]]
    if data.draw(st.booleans(), label="searches"):
        query, history = data.draw(st.sampled_from(vertical.example_queries)), []
        found, page = desk.search(query, 10, None, EN, known)
    else:
        _, found, page = desk.follow(history, EN, known)

    rows: dict[str, Row] = {row["item_id"]: row for row in changed.iter_rows(named=True)}
    shown = set(re.findall(r'data-item="([^"]+)"', page))
    assert shown <= set(rows)
    for item in shown:
        assert promise.keeps(rows[item], asker, item in history), (item, rows[item], asker)
    assert found is not None, page
    kept_back = found.answers.withheld or found.answers.alarm
    allowed = any(promise.keeps(row, asker, item in history) for item, row in rows.items())
    assert bool(shown) == (allowed and not kept_back)
