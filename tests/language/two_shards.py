"""Trains the toy in processes that share out its weights, case by case.

``torchrun --nproc-per-node 2 -m tests.language.two_shards ENCODER FOLDER``

accelerate shards on GPUs only; on CPUs it takes FSDP for plain copies. Told that these processes
are of that kind, it prepares the model as on GPUs, and torch shards it over gloo.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from corank.language import trainer
from corank.language.adapt import MaskedLM, MaskedWords, pack
from corank.language.trainer import Run, train
from tests.language.toy import TEXTS, Headed, Watched, distance, load, topics, weights
from tests.language.two_processes import (
    CASES,
    PAIRS,
    RANDOM,
    Case,
    StoppedError,
    digests,
    everyone,
    interrupt,
    trained,
)

SHARDED = {name: CASES[name] for name in ("contrast", "everything", "classes", "lora", "frozen")}
MASKED = Case(
    MaskedLM,
    lambda e: MaskedWords(pack(TEXTS * 4, e.tokenizer, 8), 0.3, 4, 1_000),
    replace(PAIRS, batch_size=8, average=0.3),
)


def main(encoder_folder: str, folder: Path) -> None:
    state = PartialState(cpu=True)
    found: dict[str, Any] = {}
    plain, _ = trained(MASKED, encoder_folder, state.num_processes)  # copies, as on CPUs
    join = vars(trainer)["accelerator"]

    def sharding(*given: Any) -> Accelerator:
        joined = join(*given)
        AcceleratorState._shared_state |= {
            "distributed_type": DistributedType.FSDP,
            "fsdp_plugin": FullyShardedDataParallelPlugin(
                fsdp_version=2,
                auto_wrap_policy="transformer_based_wrap",
                transformer_cls_names_to_wrap=["BertLayer"],
                cpu_ram_efficient_loading=False,
            ),
        }
        return joined

    vars(trainer)["accelerator"] = sharding
    shared, _ = trained(MASKED, encoder_folder, state.num_processes)
    found["masked"] = distance(weights(plain), weights(shared))
    for name, case in SHARDED.items():
        model, history = trained(case, encoder_folder, state.num_processes)
        assert not any(isinstance(p, DTensor) for p in model.parameters())
        found[name] = {"losses": history.losses, "metrics": history.metrics, "of": digests(model)}
        if state.is_main_process:
            save_file(weights(model), folder / f"{name}.safetensors")

    encoder = load(encoder_folder)
    config = replace(RANDOM, average=0.3)
    runs, kinds = [], set()

    class Looking(Headed):
        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            kinds.add(type(self).__name__)
            return super().forward(ids, mask)

    for run, objective in (
        (Run(folder / "never"), topics(encoder)),
        (Run(folder / "run"), Watched(topics(encoder), interrupt)),
        (Run(folder / "run", resume=True), watched := Watched(topics(encoder))),
    ):
        model = Looking(encoder)
        try:
            history = train(model, objective, config, seed=3, run=run)
        except StoppedError:
            continue
        runs.append({"losses": history.losses, "of": digests(model)})
    found |= {"runs": runs, "passes": watched.number, "kinds": everyone(sorted(kinds))}
    if state.is_main_process:
        (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
