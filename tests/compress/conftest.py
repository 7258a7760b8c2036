"""Every kind of encoder that is supported, small and random."""

from pathlib import Path

import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer as Backend

from corank.language.encoder import EncoderConfig

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
