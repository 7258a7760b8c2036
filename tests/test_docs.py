"""The pages in docs/ say what is so: their code runs, on the sample and a tiny encoder."""

import ast
import json
import re
import shlex
from dataclasses import replace
from http.client import HTTPConnection
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import polars as pl
import pytest

import corank
from corank import AdaptConfig, ClassifierConfig, Dataset, EncoderConfig, FitConfig, Pipeline
from corank.arguments import parser
from corank.classify.faq import Faq
from corank.data.dataset import Split
from corank.data.schema import Label
from corank.encoding import encode
from corank.rank.rules import Rule
from corank.retrieve.milvus import MilvusIndex

DOCS = Path(__file__).parent.parent / "docs"


def code_of(page: str, stand_ins: dict[str, str]) -> str:
    """The Python of a page, with each of these passages, which it must hold, in other words."""
    text = (DOCS / page).read_text("utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    for theirs, ours in stand_ins.items():
        assert theirs in code, theirs
        code = code.replace(theirs, ours)
    return code


def test_the_training_page_runs(
    sample: Dataset,
    split: Split,
    tiny_encoder: str,
    tiny_fit: FitConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    stand_ins = {
        "cr.Pipeline(shop)": "cr.Pipeline(shop, encoder)",
        "data.items, new_tokens": "data.items, tiny_adapt, new_tokens",
        "cr.ClassifierConfig(answer_precision=0.95))": "tiny_classifier, encoder=encoder)",
        "labels, config)": "labels, replace(config, epochs=1, precision='no'), encoder=encoder)",
        "pipeline.fit(train,": "pipeline.fit(train, tiny_fit,",
        'Path("runs/shop.training")': 'Path("shop.training")',
    }
    code = code_of("training.md", stand_ins)
    names: dict[str, Any] = {
        "cr": corank,
        "Path": Path,
        "replace": replace,
        "shop": corank.load_vertical("ecommerce"),
        "data": sample,
        "train": split.train,
        "encoder": EncoderConfig(name=tiny_encoder, max_tokens=32),
        "tiny_adapt": AdaptConfig(head_steps=2, batch_size=64, max_tokens=32, precision="no"),
        "tiny_classifier": ClassifierConfig(epochs=1, precision="no"),
        "tiny_fit": tiny_fit,
        "texts": ["my card is lost", "where is the card", "a fee was taken", "why this fee"] * 6,
        "labels": ["card", "card", "fee", "fee"] * 6,
    }
    exec(code, names)  # noqa: S102  our own page
    assert names["done"].sequences > 0
    assert names["by_users"].objective == "interactions"
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert corank.Classifier.load("runs/intents").classes == ("card", "fee")
    assert names["small"].classes == ("card", "fee")
    assert [path.name[:5] for path in Path("shop.training").iterdir()] == ["step-"]


def test_the_rules_page_runs(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "rules.md").read_text("utf-8")
    code = code_of("rules.md", {'"runs/shop"': repr(str(bundle))})
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  our own page
    answers = names["answers"]
    *said, anybody, premium = capsys.readouterr().out.splitlines()
    assert len(said) == len(answers) + 1 == 11
    prices = dict(names["engine"].items.select("title", "price").iter_rows())
    assert all(prices[title] < 60 for title in ast.literal_eval(anybody))
    assert ast.literal_eval(premium) and premium != anybody
    released = dict(names["engine"].items.select("item_id", "released").iter_rows())
    new = [released[answer.item_id].year >= 2024 for answer in answers]
    assert sum(new[:5]) >= 1
    assert sum(new) >= 2
    moved = {rule for answer in answers for rule in answer.rules}
    assert moved <= {rule.name for rule in names["rules"]}
    assert {"new", "category_calibration"} <= moved
    public = {name: getattr(corank, name) for name in corank.__all__}
    every = {n for n, each in public.items() if isinstance(each, type) and issubclass(each, Rule)}
    assert every
    assert every <= set(re.findall(r"`(\w+)`", page))


def test_the_serving_page_runs_and_answers_over_http(
    bundle: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins = {
        '"runs/shop"': repr(str(bundle)),
        '"127.0.0.1", 8000': '"127.0.0.1", 0',
        "server.serve_forever()": "",
    }
    names: dict[str, Any] = {}
    exec(code_of("serving.md", stand_ins), names)  # noqa: S102  our own page
    server = names["server"]
    monkeypatch.setattr(names["Search"], "log_message", lambda *_: None)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        for query, status in (("coffee%20grinder", 200), ("%20", 400)):
            call = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
            call.request("GET", f"/?q={query}")
            reply = call.getresponse()
            said = json.loads(reply.read())
            call.close()
            assert reply.status == status
            assert len(said["answers"]) == 10 if status == 200 else "empty" in said["error"]
    finally:
        server.shutdown()
        server.server_close()
    page = (DOCS / "serving.md").read_text("utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in commands.splitlines():
        parser().parse_args(shlex.split(line)[1:])
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    graded = pl.read_csv(StringIO(table))
    assert Label.validate(graded.cast({"grade": pl.Int64})).height == 2
    assert set(graded["item_id"]) <= set(sample.items["item_id"])


def test_the_context_page_runs(pipeline: Pipeline) -> None:
    page = (DOCS / "context.md").read_text("utf-8")
    names: dict[str, Any] = {"engine": pipeline.engine}
    exec(code_of("context.md", {}), names)  # noqa: S102  our own page
    assert {context.name for context in names["contexts"]} == {"evening", "device", "price_band"}
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in commands.splitlines():
        parser().parse_args(shlex.split(line)[1:])


def test_the_page_on_explanations_runs(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "explanations.md").read_text("utf-8")
    names: dict[str, Any] = {"engine": pipeline.engine}
    exec(code_of("explanations.md", {}), names)  # noqa: S102  our own page
    assert names["why"].history == ("KIT-0001", "COF-0019")
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line.startswith(("gift", "coffee"))]
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in commands.splitlines():
        parser().parse_args(shlex.split(line)[1:])


def test_the_accelerate_configs_are_read_by_accelerate() -> None:
    from accelerate.commands.config.config_args import ClusterConfig

    found = {
        path.stem: ClusterConfig.from_yaml_file(path)
        for path in sorted((DOCS / "accelerate").glob("*.yaml"))
    }
    processes = {name: config.num_processes for name, config in found.items()}
    assert processes == {"eight-gpus": 8, "eight-gpus-sharded": 8, "one-gpu": 1, "two-nodes": 16}
    assert {config.mixed_precision for config in found.values()} == {"bf16"}
    page = (DOCS / "training.md").read_text("utf-8")
    assert all(f"docs/accelerate/{name}.yaml" in page for name in found)


def test_every_option_of_training_is_documented() -> None:
    from corank.language.options import TrainerConfig

    said = TrainerConfig.__doc__ or ""
    for option in TrainerConfig.__dataclass_fields__:
        assert re.search(rf"\b{option}\b", said), option


def test_the_page_on_scale_runs(
    bundle: Path, few: Split, tiny_encoder: str, small_fit: FitConfig, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    few.train.items.write_parquet("items.parquet")
    encode(bundle, Path("items.parquet"), Path("vectors"))
    stand_ins = {
        'cr.FitConfig(index="milvus://milvus.internal:19530")': "moved",
        '"runs/shop"': '"shop"',
    }
    names: dict[str, Any] = {
        "cr": corank,
        "pl": pl,
        "pipeline": Pipeline(
            corank.load_vertical("ecommerce"), EncoderConfig(name=tiny_encoder, max_tokens=32)
        ),
        "train": few.train,
        "moved": replace(small_fit, index="milvus:vectors.db"),
    }
    exec(code_of("scale.md", stand_ins), names)  # noqa: S102  our own page
    assert names["vectors"].collect().height == few.train.items.height
    assert len(names["engine"].search("soup", k=3)) == 3
    assert isinstance(names["engine"].signals.text_index, MilvusIndex)


def test_the_tuning_page_runs(
    tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corank.tune.space import read_space

    monkeypatch.chdir(tmp_path)
    page = (DOCS / "tuning.md").read_text("utf-8")
    (space,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert len(read_space(json.loads(space), FitConfig())) == 3
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in commands.splitlines():
        parser().parse_args(shlex.split(line)[1:])
    stand_ins = {
        "labels, config)": "labels, config, encoder=encoder)",
        "labels, found.best)": "labels, found.best, encoder=encoder)",
        "cr.ClassifierConfig()": "tiny_classifier",
        "space, folder=": "space, trials=2, folder=",
    }
    code = code_of("tuning.md", stand_ins)
    names: dict[str, Any] = {
        "cr": corank,
        "Path": Path,
        "encoder": EncoderConfig(name=tiny_encoder, max_tokens=32),
        "tiny_classifier": ClassifierConfig(epochs=1, precision="no", mode="few"),
        "texts": ["my card is lost", "where is the card", "a fee was taken", "why this fee"] * 6,
        "labels": ["card", "card", "fee", "fee"] * 6,
        "more_texts": ["the card", "this fee"],
        "more_labels": ["card", "fee"],
    }
    exec(code, names)  # noqa: S102  our own page
    assert names["found"].complete == 2
    assert (tmp_path / "runs" / "intents-study" / "best.json").exists()


def test_the_search_page_runs(
    split: Split, tiny_encoder: str, tiny_fit: FitConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_ins = {
        "cr.FitConfig(": "replace(tiny_fit, ",
        "depth=50)": "depth=50, epochs=1, max_tokens=16, precision='no')",
        "cr.Pipeline(shop)": "cr.Pipeline(shop, encoder)",
        "negatives=0)": "negatives=0, precision='no')",
        "Encoder.load()": "Encoder.load(encoder)",
    }
    code = code_of("search.md", stand_ins)
    names: dict[str, Any] = {
        "cr": corank,
        "replace": replace,
        "shop": corank.load_vertical("ecommerce"),
        "train": split.train,
        "encoder": EncoderConfig(name=tiny_encoder, max_tokens=32),
        "tiny_fit": tiny_fit,
        "table": pl.DataFrame({"documents": [[0, 1], [2, 1]], "grades": [[3, 0], [2, 1]]}),
        "queries": ["steel kettle", "yoga mat"],
        "documents": ["kettle of steel", "rain jacket", "mat for yoga"],
        "asked": ["swim cap", "swim cap"],
        "read": ["tea pot", "cap"],
    }
    exec(code, names)  # noqa: S102  our own page
    assert "'reading'" in capsys.readouterr().out
    assert {answer.item_id for answer in names["answers"]} <= set(names["ids"])
    assert len(names["answers"]) >= 2  # one may be out of stock
    assert names["scores"].shape == (2,)
    assert names["light"].score(names["asked"], names["read"]) == pytest.approx(
        names["scores"], abs=1e-4
    )


def test_the_page_on_creatives_runs(
    tiny_encoder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {
        "texts": [f"{word} mug {n}" for n in range(30) for word in ("coffee", "steel")],
        "tests": [n for n in range(30) for _ in range(2)],
        "clicks": rng.poisson([40, 20] * 30),
        "impressions": np.full(60, 500),
        "tiny": corank.AppealConfig(epochs=1, precision="no"),
        "encoder": EncoderConfig(name=tiny_encoder, max_tokens=32),
    }
    stand_ins = {"(texts, trials)": "(texts, trials, tiny, encoder=encoder)"}
    exec(code_of("creatives.md", stand_ins), names)  # noqa: S102  our own page
    assert re.match(r"\d+% \{'pairs': [23],", capsys.readouterr().out)


def test_the_ads_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    names: dict[str, Any] = {
        "action": random.integers(0, 3, 400),
        "clicked": random.integers(0, 2, 400).astype(float),
        "propensity": np.full(400, 1 / 3),
        "context": random.normal(size=(400, 2)),
        "n_actions": 3,
        "target": np.tile([0.2, 0.3, 0.5], (400, 1)),
    }
    exec(code_of("ads.md", {}), names)  # noqa: S102  our own page
    assert 0 < names["found"].effective_rounds < 400
    assert "Interval(value=" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:No three labelling functions")  # there are three sentences
def test_the_finance_page_runs(
    tiny_encoder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    stand_ins = {
        ", frozen).save": ", frozen, encoder=encoder).save",
        "questions(), config)": "questions(), config, encoder=encoder)",
        "voted(sentences))": "voted(sentences), options=quick, encoder=encoder)",
        "sentences, sentiments)": "sentences, sentiments, options=quick, encoder=encoder)",
        "messages, wanted)": "messages, wanted, options=quick, encoder=encoder)",
    }
    names: dict[str, Any] = {
        "config": ClassifierConfig(epochs=1, precision="no", mode="full"),
        "quick": {"epochs": 1, "precision": "no", "mode": "full", "batch_size": 8},
        "sentences": ["Net sales rose by 9%.", "Net sales fell by 9%.", "It is based here."] * 4,
        "sentiments": ["positive", "negative", "neutral"] * 4,
        "texts": ["the app broke", "the app is good", "fees rose", "fees fell"] * 3,
        "topics": ["app", "app", "fees", "fees"] * 3,
        "messages": ["my card is lost", "where is the card", "a fee was taken", "why a fee"] * 4,
        "wanted": ["card", "card", "fee", None] * 4,
        "encoder": EncoderConfig(name=tiny_encoder, max_tokens=32),
    }
    exec(code_of("finance.md", stand_ins), names)  # noqa: S102  our own page
    assert "FaqAnswer(entry=" in capsys.readouterr().out
    for name in ("topic", "sentiment"):
        assert corank.Classifier.load(f"runs/bank.{name}").classes
    assert Faq.load("runs/bank.faq").entries.height


@pytest.mark.parametrize("page", ["ads.md", "finance.md", "health.md"])
def test_the_commands_of_a_page_parse(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 4
    for line in lines:
        parser().parse_args(shlex.split(line)[1:])


PAGES = {name: f"{name}.md" for name in ("ads", "content", "ecommerce", "finance", "health")}
"""Verticals that have a page of their own."""


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_ten_rows_of_each_file_can_be_read(name: str, tmp_path: Path) -> None:
    page, vertical = (DOCS / PAGES[name]).read_text("utf-8"), corank.load_vertical(name)
    examples = re.findall(r"\*\*(\w+\.csv)\*\*.*?```csv\n(.*?)```", page, re.DOTALL)
    files = ["items.csv", "interactions.csv", "users.csv", "queries.csv"]
    assert [file for file, _ in examples] == files + ["edges.csv"] * bool(vertical.edges)
    for file, text in examples:
        assert len(text.splitlines()) == 11
        (tmp_path / file).write_text(text, "utf-8")
    data = vertical.read(tmp_path)
    assert data.intake and not any(table.rejected for table in data.intake.tables.values())
    assert not data.positives.is_empty() and not data.negatives.is_empty()
    declared = {f"`{function.name}`" for function in vertical.labeling_functions}
    assert declared <= set(re.findall(r"^\| (`\w+`) \|", page, re.MULTILINE))
