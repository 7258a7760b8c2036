"""An exported encoder of fewer layers, which has learned to say what the whole one says."""

from collections.abc import Mapping, Sequence
from typing import Any

from corank.compress.export import PROBED, text_encoder, torch_encoder
from corank.compress.runtime import TextEncoder
from corank.config import from_mapping
from corank.language.encoder import EncoderConfig
from corank.language.shrink import ShrinkConfig, shrunk


def shallower(
    encoder: TextEncoder,
    made: Mapping[str, Any],
    texts: Sequence[str],
    config: ShrinkConfig,
    *,
    seed: int,
) -> TextEncoder:
    """Read the weights back, take layers away, distil and export.

    Args:
        encoder: in full precision; is left alone.
        made: the fields of the `EncoderConfig` that it was once loaded by.
        texts: the domain's, prompts included.
        config: how.
        seed: of all that is random.

    Raises:
        BundleError: see `torch_encoder`.
        ConfigError, TrainingError: see `shrunk`.
    """
    whole = torch_encoder(encoder, from_mapping(EncoderConfig, dict(made)))
    return text_encoder(shrunk(whole, texts, config, seed=seed), texts[:PROBED])
