"""The options that every training has, whatever its objective.

Knows what each means and which go together; does nothing with them.
"""

from dataclasses import dataclass

from corank.config import check_ranges
from corank.errors import ConfigError
from corank.language.adapters import Adapter
from corank.language.processes import Precision, Tracker
from corank.language.schedule import Shape


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """How a model is trained, whatever the objective.

    Args:
        epochs: passes over the examples; 0 leaves the model as it is.
        batch_size: examples per process and pass, or fewer where there are not so many.
        accumulate: passes in one optimizer step.
        chunk: texts that are run at a time; 0 for a few groups of like length. Set,
            gradients are cached, and memory depends on the chunk instead of the batch.
        max_tokens: texts are cut to this while training.
        learning_rate: the peak.
        schedule, warm_up: its shape after a linear rise over this share of the steps.
        layer_decay: the rate falls by this factor with each layer down; 1 for all alike.
        head_factor: what stands above the transformer has so many times the rate.
        frozen_layers: so many of the lowest layers, and the embeddings, stay as they are: a
            third faster, and less is forgotten. 0 trains everything; the last layer always
            learns.
        weight_decay: of AdamW, on matrices only.
        clip: gradients are scaled down to this norm.
        dropout: in every layer; 0 is a quarter faster, and one pass rarely overfits.
        drop_tokens: share of each text's tokens left out at random.
        adversarial: length of a step along the embeddings' gradient (FGM); costs a second
            pass. 0 for none.
        average: decay of a moving average of the weights, which is what comes out; 0 for none.
        precision: of the forward pass; ``bf16`` is autocast, weights stay fp32. ``fp16`` is
            for GPUs: a CPU takes it for ``no``.
        gradient_checkpointing: compute activations twice to hold fewer of them.
        checks: how often the metric is asked in each epoch, where there is one.
        patience: stop after so many checks without a gain; the best weights come out. 0 runs
            to the end and keeps the last.
        save_every: steps between checkpoints, where there is a folder for them.
        tracker: where losses and metrics are also sent, by accelerate.
        adapter: ``none`` trains the weights themselves. ``lora``, ``ia3``: the transformer's stay,
            and what adapters learn is merged into them at the end (see `adapters`). ``prompt``:
            only virtual tokens learn, which the tokenizer puts before each text (see `virtual`).
            All but a head's weights are few, and want a rate ten times higher.
        rank: of ``lora``.
        virtual_tokens: of ``prompt``; they count among ``max_tokens``.
        base_8bit: with ``lora``, hold the transformer's matrices in 8 bits while training.
    """

    epochs: int = 1
    batch_size: int = 64
    accumulate: int = 1
    chunk: int = 0
    max_tokens: int = 48
    learning_rate: float = 5e-5
    schedule: Shape = "cosine"
    warm_up: float = 0.1
    layer_decay: float = 1.0
    head_factor: float = 1.0
    frozen_layers: int = 0
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    drop_tokens: float = 0.0
    adversarial: float = 0.0
    average: float = 0.0
    precision: Precision = "bf16"
    gradient_checkpointing: bool = False
    checks: int = 1
    patience: int = 0
    save_every: int = 200
    tracker: Tracker = "none"
    adapter: Adapter = "none"
    rank: int = 8
    virtual_tokens: int = 16
    base_8bit: bool = False

    def __post_init__(self) -> None:
        check_ranges(
            self,
            at_least_1=(
                *("batch_size", "accumulate", "max_tokens", "checks", "save_every"),
                *("rank", "virtual_tokens"),
            ),
            at_least_0=("epochs", "chunk", "frozen_layers", "patience", "learning_rate"),
            above_0=("clip", "layer_decay", "head_factor"),
            share=("warm_up", "dropout", "drop_tokens", "average"),
        )
        if self.base_8bit and self.adapter != "lora":
            raise ConfigError(
                f"base_8bit=True, and adapter={self.adapter!r}: weights in 8 bits cannot learn. "
                "Set adapter='lora', which learns beside them, or base_8bit=False."
            )
        if self.adapter == "prompt" and self.virtual_tokens + 3 > self.max_tokens:
            raise ConfigError(
                f"virtual_tokens={self.virtual_tokens} leave no room for a text in max_tokens="
                f"{self.max_tokens}. Lower the one, or raise the other."
            )
