"""Every kind of encoder that is supported: one graph, equal to torch, and back again."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer as Backend

from corank.compress.export import pair_scorer, text_encoder, torch_encoder
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder, EncoderConfig

TEXTS = ["coffee grinder", "a lamp", "", "a steel kettle for the kitchen, with a long spout"]
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WIDE = {**SHAPE, "intermediate_size": 64}
KINDS = {
    "bert": (hf.BertConfig, WIDE),
    "roberta": (hf.RobertaConfig, {**WIDE, "max_position_embeddings": 66}),
    "xlm-roberta": (hf.XLMRobertaConfig, {**WIDE, "max_position_embeddings": 66}),
    "mpnet": (hf.MPNetConfig, {**WIDE, "max_position_embeddings": 66}),
    "distilbert": (
        hf.DistilBertConfig, {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    ),
    "modernbert": (hf.ModernBertConfig, {**WIDE, "max_position_embeddings": 64}),
}  # fmt: skip


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tiny_encoder: str, tmp_path: Path) -> EncoderConfig:
    """A small random model of this kind, with the tiny encoder's tokenizer."""
    config, shape = KINDS[request.param]
    backend = Backend.from_file(str(Path(tiny_encoder) / "tokenizer.json"))
    ids = {"pad_token_id": 0, "cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3}
    torch.manual_seed(0)
    given = config(vocab_size=backend.get_vocab_size(), **{**ids, "eos_token_id": 3, **shape})
    hf.AutoModel.from_config(given).save_pretrained(tmp_path)  # type: ignore[no-untyped-call]
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=backend, **names)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(tmp_path)
    return EncoderConfig(name=str(tmp_path), max_tokens=24)


def test_one_graph_says_what_torch_says_of_texts_and_pairs(kind: EncoderConfig) -> None:
    encoder, fresh = Encoder.load(kind), Encoder.load(kind)
    with torch.no_grad():  # so that what is read back cannot come from where it was loaded
        for weight in encoder.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    exported = text_encoder(encoder, TEXTS)
    assert exported.encode_items(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-4)
    alone = np.concatenate([exported.encode_items([text]) for text in TEXTS])
    assert (alone * exported.encode_items(TEXTS)).sum(1) == pytest.approx(1, abs=1e-4)
    again = torch_encoder(exported, kind)
    assert again.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-5)
    assert np.abs(fresh.encode(TEXTS) - encoder.encode(TEXTS)).max() > 1e-2

    reader = CrossEncoder(encoder, 32)
    scorer = pair_scorer(reader, TEXTS, TEXTS[::-1])
    assert scorer.score(TEXTS, TEXTS[::-1]) == pytest.approx(
        reader.score(TEXTS, TEXTS[::-1]), abs=1e-3
    )
