"""A pipeline that learns what happened since, publishes only what is better, and is taken back."""

import datetime as dt
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

import corank
from corank import Dataset, EncoderConfig, FitConfig, Pipeline, UpdateConfig
from corank.bundle import publish, roll_back
from corank.cli import main
from corank.compress.export import pair_scorer
from corank.data.context import SESSION, nothing_known
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.errors import BundleError, ConfigError, DataError
from corank.evaluate.gate import Gate
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder
from corank.rank.ranker import Ranker
from corank.rank.reader import READ, Reader
from corank.updating import known_part, replayed

LENIENT = Gate(budget=0.5)


@pytest.fixture(scope="module")
def old(sample: Dataset) -> Dataset:
    """The first 70% of the sample's events, on two items of three."""
    items = sample.items.gather_every(3, 0).vstack(sample.items.gather_every(3, 1))
    when = sample.interactions["timestamp"].sort()
    early = pl.col("timestamp") < when[int(len(when) * 0.7)]
    known = pl.col("item_id").is_in(items["item_id"].implode())
    return replace(
        sample,
        items=items,
        interactions=sample.interactions.filter(early & known),
        queries=sample.queries.filter(known),
    )


@pytest.fixture(scope="module")
def update_fit(tiny_fit: FitConfig) -> UpdateConfig:
    return UpdateConfig(**{**vars(tiny_fit), "gate": LENIENT})


@pytest.fixture
def fitted(old: Dataset, tiny_encoder: str, tiny_fit: FitConfig) -> Pipeline:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    pipeline = Pipeline(corank.load_vertical("ecommerce"), encoder)
    pipeline.fit(old.split("time").train, tiny_fit)
    return pipeline


def test_an_engine_is_asked_about_as_much_of_a_session_as_it_knows() -> None:
    histories = Ragged.of([[5, 11, 12], [5, 1, 11], [1, 2, 3], []])
    moments = nothing_known(4).with_columns(pl.Series(SESSION, [3, 2, 1, 0], pl.Int32))
    known, asked = known_part(histories, moments, 10)
    assert [known[row].tolist() for row in range(4)] == [[5], [5, 1], [1, 2, 3], []]
    assert asked[SESSION].to_list() == [1, 1, 1, 0]
    assert asked.schema == moments.schema


def test_items_that_came_since_are_learned(
    fitted: Pipeline, old: Dataset, sample: Dataset, update_fit: UpdateConfig
) -> None:
    before, test = fitted.engine, old.split("time").test
    judgement, grown = fitted.update(sample, test, update_fit)
    assert judgement.publish, judgement.why
    assert judgement.new.value > 0 and "ndcg@10" in judgement.why
    assert fitted.engine is not before
    assert fitted.engine.items.height == sample.items.height
    assert fitted.engine.items["item_id"].head(old.items.height).equals(old.items["item_id"])
    report = fitted.evaluate(grown.test)
    assert report.about["updates"][0]["why"] == judgement.why
    again, _ = fitted.update(_later(sample, grown.test), grown.test, update_fit)
    assert len(cast(list[Any], fitted.engine.about["updates"])) == 1 + again.publish


def _later(sample: Dataset, test: Dataset) -> Dataset:
    """A month on, the last events of the sample happen again, to other people."""
    shifted = test.interactions.with_columns(
        pl.col("timestamp") + dt.timedelta(days=30), pl.format("{}-too", "user_id").alias("user_id")
    )
    return replace(sample, interactions=shifted)


def test_an_update_that_may_lose_more_than_its_budget_changes_nothing(
    fitted: Pipeline, old: Dataset, sample: Dataset, update_fit: UpdateConfig
) -> None:
    before, test = fitted.engine, old.split("time").test
    strict = replace(update_fit, gate=Gate(budget=0.0))
    judgement, data = fitted.update(sample, test, strict)
    assert not judgement.publish and judgement.why.startswith("Not published: ")
    assert fitted.engine is before and "updates" not in before.about
    assert data.test is test  # as it was


def test_what_happened_last_is_learned(
    fitted: Pipeline, old: Dataset, sample: Dataset, update_fit: UpdateConfig
) -> None:
    _, grown = fitted.update(sample, old.split("time").test, update_fit)
    signals, train = fitted.engine.signals, grown.train
    assert np.array_equal(signals.counts, train.item_counts())  # of every event, the last too
    assert fitted.engine.about["refit"] is True
    assert np.array_equal(signals.text_vectors, fitted.engine.encoder.encode_items(_texts(fitted)))


def _texts(pipeline: Pipeline) -> list[str]:
    return render(pipeline.vertical.item_text, pipeline.engine.items).to_list()


def test_what_reads_the_answers_of_a_search_stays(
    fitted: Pipeline, old: Dataset, sample: Dataset, update_fit: UpdateConfig, encoder: Encoder
) -> None:
    ones = np.ones(len(READ))
    scorer = pair_scorer(CrossEncoder(encoder), ["tea pot"], ["milk jug"])
    reader = Reader(scorer, Ranker(tuple(READ), 0 * ones, ones, ones), depth=10)
    fitted._engine = replace(fitted.engine, reader=reader)
    judgement, _ = fitted.update(sample, old.split("time").test, update_fit)
    assert judgement.publish, judgement.why
    assert fitted.engine.reader is reader
    assert "reading" in fitted.engine.search("coffee grinder")[0].parts


def test_other_data_than_it_was_fitted_on_is_refused(pipeline: Pipeline, sample: Dataset) -> None:
    other = replace(sample, items=sample.items.reverse()).split("time").train
    with pytest.raises(DataError, match="Bring what it was fitted on"):
        Pipeline.resume(pipeline.engine, other)


def test_what_is_known_already_is_no_update(
    fitted: Pipeline, old: Dataset, update_fit: UpdateConfig
) -> None:
    with pytest.raises(DataError, match="is new"):
        fitted.update(old, old.split("time").test, update_fit)
    nothing = replace(old.split("time").test, interactions=old.interactions.clear())
    with pytest.raises(DataError, match="The old test holds nothing relevant"):
        fitted.update(_later(old, old.split("time").test), nothing, update_fit)


def test_new_histories_are_read_whole_and_old_ones_in_their_share(sample: Dataset) -> None:
    users, histories = sample.sequences()
    last = sample.positives.group_by("user_id", maintain_order=True).agg(pl.col("timestamp").max())
    since = cast(dt.datetime, last["timestamp"].sort()[-20])  # twenty people did something new
    lengths = histories.lengths[(last["timestamp"] >= since).to_numpy()]
    alone = replayed(sample, since, 0.0, 0)
    assert sorted(alone.lengths) == sorted(lengths)
    assert len(replayed(sample, since, 1.5, 0)) == 20 + 30
    assert len(replayed(sample, since, 1e6, 0)) == len(users)
    chosen = [replayed(sample, since, 1.0, seed).items for seed in (0, 0, 1)]
    assert np.array_equal(chosen[0], chosen[1]) and not np.array_equal(chosen[0], chosen[2])


@pytest.mark.parametrize("wrong", [{"test": 0.0}, {"test": 1.0}, {"keep": 1.0}, {"replay": -1.0}])
def test_shares_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        UpdateConfig(**wrong)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_publishing_keeps_the_bundle_before_and_rolling_back_changes_the_two(
    pipeline: Pipeline, bundle: Path, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    first = replace(pipeline.engine, about={**pipeline.engine.about, "note": "first"})
    publish(first, None, shop)
    old = contents(shop)
    with pytest.raises(BundleError, match="no bundle before"):
        roll_back(shop)
    publish(pipeline.engine, None, shop)
    new = contents(shop)
    assert new != old
    roll_back(shop)
    assert contents(shop) == old
    roll_back(shop)
    assert contents(shop) == new
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shop", "shop.previous"]


def test_publishing_cut_off_half_way_can_be_rolled_back(pipeline: Pipeline, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    publish(pipeline.engine, None, shop)
    old = contents(shop)
    shop.rename(tmp_path / "shop.previous")  # killed between the two renames
    roll_back(shop)
    assert contents(shop) == old


def test_a_damaged_bundle_is_not_rolled_back_to(pipeline: Pipeline, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    for _ in range(2):
        publish(pipeline.engine, None, shop)
    new = contents(shop)
    (tmp_path / "shop.previous" / "items.parquet").write_bytes(b"")
    with pytest.raises(BundleError, match="is not what was saved"):
        roll_back(shop)
    assert contents(shop) == new


def call(*arguments: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def write(data: Dataset, folder: Path) -> Path:
    folder.mkdir()
    for name in ("items", "users", "interactions", "queries"):
        getattr(data, name).write_parquet(folder / f"{name}.parquet")
    return folder


def test_the_commands_update_evaluate_and_roll_back(
    fitted: Pipeline, old: Dataset, sample: Dataset, update_fit: UpdateConfig, tmp_path: Path
) -> None:
    shop, before = tmp_path / "shop", write(old, tmp_path / "old")
    since = write(sample, tmp_path / "new")
    fitted.save(shop)
    first = contents(shop)
    config = tmp_path / "update.json"
    fields = {name: getattr(update_fit, name) for name in ("epochs", "batch_size", "max_pairs")}
    small = {"precision": "no", "user_model": vars(update_fit.user_model)}
    small |= {"ranker": vars(update_fit.ranker), "gate": {"budget": 0.5}}
    config.write_text(json.dumps(fields | small))

    code, out, err = call(
        "update", shop, "--data", before, "--new", since, "--config", config, "--json"
    )
    assert code == 0, err
    said = json.loads(out)
    assert said["publish"] and said["new"]["low"] > 0 and said["report"]["rows"]
    assert corank.load(shop).items.height == sample.items.height
    assert not shop.with_name("shop.training").exists()

    code, out, err = call("evaluate", shop, "--data", before)
    assert code == 4 and "updated 1 times; give --data for each" in err
    code, out, err = call("evaluate", shop, "--data", before, "--data", since, "--json")
    assert code == 0 and json.loads(out)["rows"] == said["report"]["rows"]

    twice = ("--data", before, "--data", since, "--rejects", tmp_path / "bad.parquet")
    code, out, err = call("evaluate", shop, *twice)
    assert code == 4 and "each would replace it" in err

    code, out, err = call("rollback", shop)
    assert code == 0 and "of 0 updates" in out
    assert contents(shop) == first


def test_the_updating_page_runs(
    fitted: Pipeline,
    old: Dataset,
    sample: Dataset,
    update_fit: UpdateConfig,
    tiny_encoder: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (Path(__file__).parent.parent / "docs" / "updating.md").read_text("utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    for theirs, ours in {
        "split.test)\n": "split.test, tiny_update)\n",
        "old_test=cr.Labelled(texts, labels),\n": "old_test=cr.Labelled(texts, labels),\n"
        "    config=cr.ClassifierUpdate(epochs=1, precision='no'),\n",
    }.items():
        assert theirs in code, theirs
        code = code.replace(theirs, ours)
    texts, labels = ["my card is lost", "why this fee"] * 8, ["card", "fee"] * 8
    known = corank.fit_classifier(
        texts,
        labels,
        corank.ClassifierConfig(epochs=0, mode="full"),
        encoder=EncoderConfig(name=tiny_encoder, max_tokens=32),
    )
    names: dict[str, Any] = {
        "cr": corank,
        "pipeline": fitted,
        "new": sample,
        "split": old.split("time"),
        "tiny_update": update_fit,
        "classifier": known,
        "texts": texts,
        "labels": labels,
        "new_texts": ["a new address", "we moved house"] * 8,
        "new_labels": ["address"] * 16,
    }
    exec(code, names)  # noqa: S102  our own page
    assert capsys.readouterr().out.startswith("True Published.")
    assert names["classifier"].classes == ("card", "fee", "address")
