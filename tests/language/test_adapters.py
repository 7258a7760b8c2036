"""Adapters: what learns and what stays, what is merged, and that nothing is left behind."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from corank.classify.training import ClassifierConfig, fit_classifier
from corank.compress.export import text_encoder
from corank.errors import ConfigError, DataError, MissingExtraError
from corank.language.adapt import AdaptConfig, adapt, pack
from corank.language.adapters import Adapter, adapted
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.options import TrainerConfig
from corank.language.trainer import History, Run, train
from corank.language.tune import EncoderTraining, train_encoder
from corank.language.virtual import most_common, virtual_ids, with_virtual_tokens
from tests.language.toy import (
    STEPS,
    TEXTS,
    TOPIC,
    Headed,
    Watched,
    digest,
    distance,
    load,
    topics,
    toy_pairs,
    weights,
)

QUICK = replace(STEPS, epochs=6, learning_rate=3e-2, rank=2, virtual_tokens=3)
CONFIGS = {
    "lora": replace(QUICK, adapter="lora"),
    "ia3": replace(QUICK, adapter="ia3", epochs=20, learning_rate=1e-1),
    "prompt": replace(QUICK, adapter="prompt"),
    "8-bit": replace(QUICK, adapter="lora", base_8bit=True),
}
WORDS = "encoder.model.embeddings.word_embeddings.weight"
QUERY = "encoder.model.encoder.layer.1.attention.self.query.weight"
each = pytest.mark.parametrize("name", CONFIGS)


def made(encoder: Encoder, config: TrainerConfig) -> Headed:
    """A fresh model; with virtual tokens where they are to learn."""
    model = Headed(encoder)
    if config.adapter == "prompt":
        model.encoder.add_virtual_tokens(config.virtual_tokens, TEXTS)
    return model


def fit(encoder: Encoder, config: TrainerConfig, seed: int = 0) -> tuple[Headed, History]:
    model = made(encoder, config)
    return model, train(model, topics(model.encoder), config, seed=seed)


def shape(model: nn.Module) -> list[object]:
    """All that must be as it was, but for the values of the weights."""
    return [
        *((name, type(m), m.training, sorted(vars(m))) for name, m in model.named_modules()),
        *((name, id(p), p.requires_grad, p.dtype, p.grad) for name, p in model.named_parameters()),
        *(m.config.to_dict() for m in model.modules() if isinstance(m, PreTrainedModel)),
    ]


def logits(model: Headed) -> Tensor:
    with torch.inference_mode():
        rows = model.encoder.tokenizer.encode(TEXTS)
        return torch.cat([model(torch.tensor([row]), torch.ones(1, len(row))) for row in rows])


@each
def test_the_loss_falls_and_the_weights_stay_until_they_are_merged(
    encoder: Encoder, name: str
) -> None:
    config = CONFIGS[name]
    model = made(encoder, config)
    before = weights(model)
    learning: set[str] = set()

    def look(_: int) -> None:
        for label, p in model.named_parameters():
            plain = label.replace(".base_layer", "")
            if p.requires_grad:
                learning.add(label)
            elif p.dtype != torch.int8:
                assert torch.equal(p, before[plain]), label

    objective = Watched(topics(model.encoder), look)
    history = train(model, objective, config, seed=0)
    assert np.mean(history.losses[-3:]) < 0.7 * np.mean(history.losses[:3])  # an epoch is three
    assert {"head.weight", "head.bias"} < learning
    # What learned is what changed, and nothing else.
    kind = {"prompt": "trainable_tokens", "8-bit": "lora_"}.get(name, f"{name}_")
    assert all(kind in label for label in learning if "head" not in label)
    changed = {n for n, p in weights(model).items() if not torch.equal(p, before[n])}
    places = {label.split(f".{kind}")[0] for label in learning if "head" not in label}
    assert {n.rpartition(".")[0] for n in changed} == places | {"head"}


@each
def test_merged_it_answers_as_it_did_unmerged(encoder: Encoder, name: str) -> None:
    model = made(encoder, CONFIGS[name])
    answers: list[Tensor] = []

    def metric() -> float:
        answers.append(logits(model))
        return 0.0

    train(model, topics(model.encoder), CONFIGS[name], seed=0, metric=metric)
    # the 8-bit base is rounded, and what was learned is added to the weights that are not
    bound = 5e-2 if name == "8-bit" else 1e-5
    assert float((logits(model) - answers[-1]).abs().max()) < bound
    assert float((answers[-1] - answers[0]).abs().max()) > 0.5


@each
@pytest.mark.parametrize("fails", [False, True])
def test_modules_names_and_modes_are_back_however_it_ends(
    encoder: Encoder, name: str, fails: bool
) -> None:
    model = made(encoder, CONFIGS[name]).eval()
    model.get_parameter(QUERY).requires_grad_(False)
    before = shape(model)

    def fail(number: int) -> None:
        if fails and number == 4:
            raise KeyboardInterrupt

    objective = Watched(topics(model.encoder), fail)
    try:
        train(model, objective, CONFIGS[name], seed=0)
    except KeyboardInterrupt:
        assert fails
    assert shape(model) == before
    assert digest(model) != digest(made(encoder, CONFIGS[name]))


@each
def test_before_the_first_step_nothing_has_changed(encoder: Encoder, name: str) -> None:
    model = made(encoder, CONFIGS[name])

    def fail(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, Watched(topics(model.encoder), fail), CONFIGS[name], seed=0)
    assert digest(model) == digest(made(encoder, CONFIGS[name]))


@each
def test_the_share_that_learns_is_told(encoder: Encoder, name: str) -> None:
    model = made(encoder, CONFIGS[name])
    whole = sum(p.numel() for p in model.parameters())
    _, history = fit(encoder, replace(CONFIGS[name], epochs=1))
    # two layers of width 32 and 64: four matrices 32 x 32, and one each way between them
    lora = 2 * 2 * (4 * (32 + 32) + 2 * (32 + 64))
    adapters = {"ia3": 2 * (32 + 32 + 32 + 64), "prompt": 3 * 32}.get(name, lora)
    head = 32 * 2 + 2
    assert history.trained == (adapters + head) / (whole + adapters)
    assert history.trained < 0.08
    assert fit(encoder, replace(STEPS, epochs=1))[1].trained == 1.0


def test_the_start_is_of_the_seed_alone(encoder: Encoder) -> None:
    found = []
    for state, seed in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(state)
        model = Headed(encoder)
        with adapted(model, "lora", rank=2, base_8bit=False, seed=seed):
            found.append(digest(model))
    assert found[0] == found[1] != found[2]


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("name", ["lora", "prompt"])
def test_a_run_goes_on_from_its_checkpoint_which_holds_only_what_learns(
    encoder: Encoder, name: str, tmp_path: Path
) -> None:
    config = replace(CONFIGS[name], epochs=3, save_every=2, average=0.4)
    never, history = fit(encoder, config)

    def stop(number: int) -> None:
        if number == 6:
            raise StoppedError

    model = made(encoder, config)
    with pytest.raises(StoppedError):
        train(model, Watched(topics(model.encoder), stop), config, seed=0, run=Run(tmp_path))
    torch.manual_seed(99)
    model = made(encoder, config)
    again = Watched(topics(model.encoder))
    resumed = train(model, again, config, seed=0, run=Run(tmp_path, resume=True))
    assert digest(model) == digest(never) and resumed == history and again.number == 9 - 4
    learned = history.trained * sum(p.numel() for p in model.parameters())
    size = (tmp_path / "step-00000009" / "state.safetensors").stat().st_size
    assert size < 4 * 4.5 * learned + 20_000  # weights, two moments, an average; and their names
    with pytest.raises(ConfigError, match="rank = 2, and this run has 3"):
        train(
            made(encoder, config),
            topics(model.encoder),
            replace(config, rank=3),
            seed=0,
            run=Run(tmp_path, resume=True),
        )


def test_frozen_layers_get_no_adapters_and_lower_ones_learn_slower(encoder: Encoder) -> None:
    before = weights(Headed(encoder))
    for adapter in ("lora", "ia3"):
        model, _ = fit(encoder, replace(CONFIGS[adapter], frozen_layers=1))
        changed = {n for n, p in weights(model).items() if not torch.equal(p, before[n])}
        assert changed and all(".layer.1." in n or "head" in n for n in changed)

    config = replace(CONFIGS["lora"], epochs=1, batch_size=12, layer_decay=0.1, schedule="constant")
    model = Headed(encoder)
    last: dict[str, Tensor] = {}

    def metric() -> float:
        last.update(weights(model))
        return 0.0

    train(model, topics(encoder), config, seed=0, metric=metric)
    for layer, rate in ((1, 3e-3), (0, 3e-4)):  # AdamW's first step is the rate long
        label = f"encoder.model.encoder.layer.{layer}.output.dense.lora_B.default.weight"
        assert float(last[label].abs().max()) == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize("name", ["lora", "prompt"])
@pytest.mark.parametrize("chunk", [0, 2])
def test_computing_activations_twice_changes_no_weight(
    encoder: Encoder, name: str, chunk: int
) -> None:
    config = replace(CONFIGS[name], epochs=1, dropout=0.2, chunk=chunk)
    plain, history = fit(encoder, config)
    model, again = fit(encoder, replace(config, gradient_checkpointing=True))
    assert digest(model) == digest(plain) and again.losses == history.losses


@each
def test_it_trains_with_the_other_options(encoder: Encoder, name: str) -> None:
    config = replace(CONFIGS[name], epochs=2, precision="bf16", average=0.3, patience=2, chunk=3)
    model = made(encoder, config)
    before, structure = digest(model), shape(model.encoder.eval())
    values = iter([0.3, 0.2])
    history = train(model, topics(model.encoder), config, seed=0, metric=lambda: next(values))
    assert history.best == (3, 0.3) and digest(model) != before
    assert shape(model.encoder) == structure
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_eight_bits_need_less_memory_and_what_is_learned_is_added_to_the_full_weights(
    encoder: Encoder,
) -> None:
    model = Headed(encoder)
    full = weights(model)
    size = sum(p.nbytes for p in model.parameters() if p.ndim == 2 and len(p) < 100)
    during: dict[str, Tensor] = {}

    def metric() -> float:
        during.update(weights(model))
        return 0.0

    train(model, topics(encoder), CONFIGS["8-bit"], seed=0, metric=metric)
    held = {n: p for n, p in during.items() if p.dtype == torch.int8}
    assert len(held) == 2 * 6 + 1  # every linear layer, the pooler's too
    heavy = [p for n, p in during.items() if "base_layer.weight" in n or "pooler.dense.w" in n]
    assert sum(p.nbytes for p in heavy) < 0.3 * size
    part = QUERY.removesuffix(".weight")
    up, down = (during[f"{part}.lora_{side}.default.weight"] for side in "BA")
    expected = full[QUERY] + 2 * up @ down  # nothing of it is rounded to 8 bits
    assert torch.allclose(model.get_parameter(QUERY), expected, atol=1e-6)
    assert float((up @ down).abs().max()) > 1e-3


def test_only_the_virtual_rows_change(encoder: Encoder) -> None:
    model, _ = fit(encoder, CONFIGS["prompt"])
    before = weights(made(encoder, CONFIGS["prompt"]))[WORDS]
    rows = (model.get_parameter(WORDS) != before).any(1).nonzero().flatten().tolist()
    assert rows == virtual_ids(model.encoder.tokenizer) == [len(before) - n for n in (3, 2, 1)]
    assert torch.equal(before[-3:], before[most_common(encoder.tokenizer, TEXTS, 3)])


def test_virtual_tokens_open_each_text_within_the_limit(encoder: Encoder) -> None:
    plain = encoder.tokenizer
    longer = with_virtual_tokens(plain, 3)
    assert plain.ends == ([2], [3]) and virtual_ids(plain) == []
    assert longer.ends == ([2, *virtual_ids(longer)], [3])
    texts = ["coffee grinder", "", "yoga mat " * 40]
    for text, before, after in zip(texts, plain.encode(texts), longer.encode(texts), strict=True):
        room = plain.max_tokens - 3 - 2
        assert after == [2, *virtual_ids(longer), *before[1:-1][:room], 3], text
    assert with_virtual_tokens(longer, 3).encode(texts) == longer.encode(texts)
    assert longer.max_tokens == plain.max_tokens == len(longer.encode(texts)[2])
    packed = pack(["coffee grinder"] * 9, longer, 8)
    assert {tuple(row[:4]) for row in packed.ids} == {tuple(longer.ends[0])}


def test_virtual_tokens_are_added_once(tiny_encoder: str) -> None:
    encoder = load(tiny_encoder)
    encoder.add_virtual_tokens(2, TEXTS)
    size, before = encoder.tokenizer.backend.get_vocab_size(), digest(encoder)
    encoder.add_virtual_tokens(2, ["another text"])
    assert encoder.tokenizer.backend.get_vocab_size() == size and digest(encoder) == before
    with pytest.raises(ConfigError, match=r"already has 2\. Set virtual_tokens=2"):
        encoder.add_virtual_tokens(3, TEXTS)
    with pytest.raises(ConfigError, match="needs max_tokens of 17 or more"):
        load(tiny_encoder).add_virtual_tokens(14, TEXTS)
    with pytest.raises(DataError, match="no token"):
        load(tiny_encoder).add_virtual_tokens(2, ["", " "])
    few = most_common(load(tiny_encoder).tokenizer, ["tea pot tea"], 3)
    assert few == [few[0], few[1], few[0]] and few[0] != few[1]


def test_a_tuned_prompt_is_served_without_torch(tiny_encoder: str, tmp_path: Path) -> None:
    encoder = load(tiny_encoder)
    plain = encoder.encode(TEXTS)
    config = EncoderTraining(
        adapter="prompt", virtual_tokens=3, epochs=1, batch_size=12, learning_rate=3e-2,
        precision="no", max_tokens=16,
    )  # fmt: skip
    history = train_encoder(encoder, TEXTS, toy_pairs(), config, seed=0)
    assert 0 < history.trained < 0.01  # whatever frozen_layers says of the rest
    exported = text_encoder(encoder, TEXTS)
    ids = exported.tokenizer.encode(TEXTS)
    assert ids == encoder.tokenizer.encode(TEXTS) and ids[0][1:4] == virtual_ids(encoder.tokenizer)
    tuned = encoder.encode(TEXTS)
    assert np.abs(exported.encode_items(TEXTS) - tuned).max() < 1e-5
    assert np.abs(tuned - plain).max() > 0.05
    encoder.save(tmp_path)
    again = Encoder.load(EncoderConfig(name=str(tmp_path), max_tokens=16))
    assert again.tokenizer.encode(TEXTS) == ids and np.array_equal(again.encode(TEXTS), tuned)


@pytest.mark.parametrize("mode", ["few", "full"])
@pytest.mark.parametrize("adapter", ["lora", "ia3", "prompt"])
def test_a_classifier_is_trained_with_adapters(
    tiny_encoder: str, adapter: Adapter, mode: Literal["few", "full"]
) -> None:
    encoder = load(tiny_encoder)
    config = ClassifierConfig(
        adapter=adapter, mode=mode, epochs=2, batch_size=12, learning_rate=1e-2, precision="no",
        max_tokens=16, virtual_tokens=2, pairs=1,
    )  # fmt: skip
    labels = ["drinks" if topic == 0 else "sports" for topic in TOPIC]
    classifier = fit_classifier(TEXTS * 2, labels * 2, config, encoder=encoder)
    said = classifier.encoder.encode_items(TEXTS)  # torch-free
    assert np.abs(said - encoder.encode(TEXTS)).max() < 1e-5
    assert len(virtual_ids(classifier.encoder.tokenizer)) == 2 * (adapter == "prompt")
    assert classifier.about["fit"]["adapter"] == adapter


def test_a_domain_is_read_with_adapters(tiny_encoder: str) -> None:
    encoder = load(tiny_encoder)
    before = weights(encoder)
    config = AdaptConfig(
        adapter="lora", base_8bit=True, epochs=4, batch_size=16, max_tokens=16, precision="no",
        learning_rate=1e-2, holdout=0.2, head_steps=4,
    )  # fmt: skip
    done = adapt(encoder, TEXTS * 8, config)
    assert done.fall > 0.1 and done.history.trained < 0.2
    words = "model.embeddings.word_embeddings.weight"
    assert torch.equal(encoder.get_parameter(words), before[words])
    assert distance(weights(encoder), before) > 0


def test_what_cannot_be_adapted_is_told_with_its_cure(encoder: Encoder) -> None:
    def tried(model: nn.Module, adapter: Adapter) -> None:
        with adapted(model, adapter, rank=2, base_8bit=False, seed=0):
            raise AssertionError("nothing should be adapted")

    with pytest.raises(ConfigError, match=r"transformer inside the model; Linear has none.*none"):
        tried(nn.Linear(2, 2), "lora")
    with pytest.raises(ConfigError, match=r"Headed .*add_virtual_tokens"):
        tried(Headed(encoder), "prompt")
    strange = Headed(encoder)
    vars(strange.encoder.model.config)["model_type"] = "strange"
    with pytest.raises(ConfigError, match=r"nothing to adapt in a strange .*'lora'.*bert"):
        tried(strange, "ia3")
    still = Headed(encoder)
    still.encoder.requires_grad_(False)
    before = shape(still)
    with pytest.raises(ConfigError, match=r"0 of which may learn.*frozen_layers=0"):
        tried(still, "lora")
    assert shape(still) == before
    with pytest.raises(ConfigError, match=r"adapter='none'.*Set adapter='lora'"):
        TrainerConfig(base_8bit=True)
    with pytest.raises(ConfigError, match=r"virtual_tokens=46 .*max_tokens=48"):
        TrainerConfig(adapter="prompt", virtual_tokens=46)
    with pytest.raises(ConfigError, match=r"'rank' is 0; expected 1 or more"):
        TrainerConfig(rank=0)
    with pytest.raises(ConfigError, match=r"'virtual_tokens' is 0; expected 1 or more"):
        TrainerConfig(virtual_tokens=0)
    with pytest.raises(ConfigError, match="'lora'"):
        AdaptConfig(adapter="prompt")


@pytest.mark.parametrize(
    ("package", "extra", "name"), [("peft", "train", "lora"), ("bitsandbytes", "8bit", "8-bit")]
)
def test_a_package_that_is_missing_is_told(
    encoder: Encoder, package: str, extra: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, package, None)  # as if it could not be found
    model = Headed(encoder).eval()
    before = shape(model)
    with pytest.raises(MissingExtraError, match=rf"pip install 'corank\[{extra}\]'"):
        train(model, topics(encoder), CONFIGS[name], seed=0)
    assert shape(model) == before and digest(model) == digest(Headed(encoder))
