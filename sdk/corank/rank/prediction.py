"""One step of the user model: predict each next item of some histories, and say how badly.

Cross-entropy over every item that anybody chose, or over a sample that stands for them; what was
seen before is left out. Source: full softmax as in Klenitskiy and Vasilev, "Turning Dross Into
Gold Loss", RecSys 2023; of the sample see `sampling`. Knows nothing of optimisers.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corank.data.ragged import Ragged
from corank.rank.fusion import FusedItems, HistoryEncoder, UserModelConfig
from corank.rank.sampling import Sampler
from corank.rank.softmax import FullSoftmax

Ids = NDArray[np.int64]


def predict(
    items: FusedItems,
    reader: HistoryEncoder,
    scale: Tensor,
    histories: Ragged,
    config: UserModelConfig,
    rng: np.random.Generator,
    sampler: Sampler | None = None,
) -> Tensor:
    """Return the mean loss of predicting each next item, a scalar.

    Args:
        items, reader: the networks.
        scale: log of what cosines are multiplied with.
        histories: two items each at least, oldest first.
        config: what is left out, and how mass is smoothed.
        rng: decides what is left out, and the sample.
        sampler: draws the items that stand for all; None weighs all.
    """
    padded = histories.last(int(histories.lengths.max()))  # (b, t + 1)
    given, coming = padded[:, :-1].astype(np.int64), padded[:, 1:].astype(np.int64)  # (b, t)
    real = given >= 0
    kept = real & (rng.random(given.shape) >= config.item_dropout)
    first = np.arange(given.shape[1]) == real.argmax(1)[:, None]
    kept |= real & first  # so that no prefix is empty
    on = items.text.device
    drawn = sampler.draw(coming[real], rng) if sampler else None
    needed = None if drawn is None else np.union1d(drawn.items, given[real])
    at = given if needed is None else np.searchsorted(needed, np.where(real, given, needed[0]))
    with torch.autocast(on.type, torch.bfloat16):
        states = items(None if needed is None else torch.from_numpy(needed).to(on))
        history = states[torch.from_numpy(at).to(on)]
        users = reader.read(history, torch.from_numpy(kept).to(on).float())
    rows, columns, target = seen_before(given, coming, real)
    log_p = None
    if drawn is None or needed is None:
        # An item nobody chose would only ever be a negative, and learn that its text is wrong.
        place = np.cumsum(items.warm.cpu().numpy() > 0) - 1
        columns, target = place[columns], place[target]
        weighed = states[items.warm > 0]
    else:
        there = np.isin(columns, drawn.items)
        rows = rows[there]
        columns, target = (np.searchsorted(drawn.items, ids) for ids in (columns[there], target))
        weighed = states[torch.from_numpy(np.searchsorted(needed, drawn.items)).to(on)]
        log_p = torch.from_numpy(drawn.log_p).to(on)
    loss: Tensor = FullSoftmax.apply(  # type: ignore[no-untyped-call]
        users[torch.from_numpy(real).to(on)] * scale.exp(),
        weighed,
        *(torch.from_numpy(ids).to(on) for ids in (target, rows, columns)),
        config.label_smoothing,
        log_p,
    )
    return loss


def seen_before(given: Ids, coming: Ids, real: NDArray[np.bool_]) -> tuple[Ids, Ids, Ids]:
    """Return (row, item) of everything seen before each prediction, and the targets.

    Args:
        given: histories, (b, t), -1 for padding.
        coming: what came after each, (b, t).
        real: where there is anything, (b, t).
    """
    number = np.cumsum(real.ravel()).reshape(real.shape) - 1  # of each prediction
    steps = np.arange(real.shape[1])
    before = (steps[:, None] >= steps[None, :]) & real[:, None, :] & real[:, :, None]
    user, at, earlier = np.nonzero(before)
    item = given[user, earlier]
    other = item != coming[user, at]
    size = given.max() + 1
    pairs = np.unique((number[user, at] * size + item)[other])
    row, column = np.divmod(pairs, size)
    return row, column, coming[real]
