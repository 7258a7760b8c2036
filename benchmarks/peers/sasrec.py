"""SASRec by the library RecTools: self-attention over the items of a history, in their order.

Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, with full softmax as in
Klenitskiy and Vasilev, "Turning Dross Into Gold Loss", RecSys 2023, which is RecTools' default. So
are two blocks of four heads, 256 factors, batches of 128 and a rate of 0.001; its three epochs
are replaced by as many as validation asks for. Dropout is the SASRec paper's, .2 for dense data and
.5 for sparse. Histories are cut where all but one in a hundred fit, at 200 items at
most; that saves time and no more. A stopped run goes on from its weights and its optimizer's.
"""

import sys
import time
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import seed_everything
from rectools.dataset import Dataset
from rectools.models import SASRecModel

from benchmarks.peers.exchange import Floats, Given, Lists, Vectors, keep, kept, work

DENSE = 50  # events of a history, on average
MAX_EPOCHS = 100
PATIENCE = 10  # epochs without a gain on validation
LONGEST = 200
BATCH = 256


def fit(given: Given, folder: Path | None = None) -> Vectors:
    """Train until validation gains no more; return what the best epoch makes.

    Args:
        given: what to learn from.
        folder: where weights are kept after every epoch, and found again.
    """
    began, before = time.perf_counter(), kept(folder) if folder else {}
    dataset = _dataset(given.train)
    lengths = np.diff(given.train.indptr)
    length = max(min(int(np.quantile(lengths, 0.99, method="higher")), LONGEST), 2)
    dropout = 0.2 if lengths.mean() >= DENSE else 0.5
    seed_everything(given.seed)
    model = SASRecModel(dropout_rate=dropout, session_max_len=length)
    best: dict[str, torch.Tensor] = {}
    best_value, best_epoch, first, spent = -1.0, 0, 1, 0.0
    if before:
        model.fit_partial(dataset, min_epochs=1, max_epochs=1)  # builds the net, and is forgotten
        model.torch_model.load_state_dict(_part(before, "now."))
        _restore(model.lightning_model.optimizer, _part(before, "adam."))
        best = _part(before, "best.")
        best_value, spent = float(before["best_value"]), float(before["spent"])
        best_epoch, first = int(before["best_epoch"]), int(before["epoch"]) + 1
    for epoch in range(first, MAX_EPOCHS + 1):
        if epoch - 1 - best_epoch >= PATIENCE:
            break
        model.fit_partial(dataset, min_epochs=1, max_epochs=1)
        items, known = _items(model, given.n_items)
        value = given.ndcg(_vectors(model, given.validation), items, known)
        print(f"epoch {epoch}: {value:.4f}", flush=True)
        if value > best_value:
            best_value, best_epoch = value, epoch
            best = deepcopy(model.torch_model.state_dict())
        if folder:
            keep(
                folder, epoch=epoch, best_epoch=best_epoch, best_value=best_value,
                spent=spent + time.perf_counter() - began,
                **_named("now.", model.torch_model.state_dict()), **_named("best.", best),
                **_named("adam.", _state(model.lightning_model.optimizer)),
            )  # fmt: skip
    settings = f"dropout {dropout}, {best_epoch} epochs, histories of {length}"
    model.torch_model.load_state_dict(best)
    items, known = _items(model, given.n_items)
    return Vectors(_vectors(model, given.test), items, known, settings, spent)


def _state(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimizer knows of each weight: ``number.name`` -> tensor."""
    state = optimizer.state_dict()["state"]
    return {f"{n}.{name}": value for n, each in state.items() for name, value in each.items()}


def _restore(optimizer: torch.optim.Optimizer, known: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in known.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _named(prefix: str, weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {prefix + name: value.numpy() for name, value in weights.items()}


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(value)
        for name, value in arrays.items()
        if name.startswith(prefix)
    }


def _dataset(histories: Lists) -> Dataset:
    when = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(histories.items)), unit="s")
    return Dataset.construct(
        pd.DataFrame(
            {
                "user_id": histories.rows(),
                "item_id": histories.items,
                "weight": 1.0,
                "datetime": when,  # nothing but an order
            }
        )
    )


def _numbers(model: SASRecModel) -> dict[int, int]:
    """Item -> its row in the model; padding stands before the items."""
    rows = enumerate(model.data_preparator.item_id_map.external_ids)
    first = model.data_preparator.n_item_extra_tokens
    return {int(item): row for row, item in rows if row >= first}


@torch.no_grad()
def _items(model: SASRecModel, n_items: int) -> tuple[Floats, np.ndarray]:
    """Vectors of the catalogue, (n_items, d), and which of them the model has."""
    vectors = model.torch_model.eval().item_model.get_all_embeddings().numpy()
    number = _numbers(model)
    items = np.zeros((n_items, vectors.shape[1]), np.float32)
    known = np.zeros(n_items, np.bool_)
    items[[*number]], known[[*number]] = vectors[[*number.values()]], True
    return items, known


@torch.no_grad()
def _vectors(model: SASRecModel, histories: Lists) -> Floats:
    """Vectors of histories, (n, d)."""
    net, number = model.torch_model.eval(), _numbers(model)
    embeddings = net.item_model.get_all_embeddings()
    x = np.zeros((len(histories), model.session_max_len), np.int64)
    for row in range(len(histories)):
        items = histories.items[histories.indptr[row] : histories.indptr[row + 1]]
        read = [number[item] for item in items.tolist() if item in number]
        read = read[-model.session_max_len :]
        x[row, len(x[row]) - len(read) :] = read
    parts = torch.from_numpy(x).split(BATCH)
    users = torch.cat([net.encode_sessions({"x": part}, embeddings)[:, -1] for part in parts])
    return users.numpy()


if __name__ == "__main__":
    work(partial(fit, folder=Path(sys.argv[-1])))
