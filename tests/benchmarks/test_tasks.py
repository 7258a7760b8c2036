"""What vectors are worth, by sets so small that the right answer is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.sets.tasks import TASKS


def test_banking77_is_told_apart_by_vectors_that_tell_its_classes_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "banking77"
    folder.mkdir()
    rows = [f"text {n} of {c},{c}" for c in ("card", "fee") for n in range(8)]
    (folder / "train.csv").write_text("\n".join(["text,category", *rows]))
    (folder / "test.csv").write_text("text,category\nmine,fee\nyours,card\ntheirs,fee\n")
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    task = TASKS["banking77"](0)
    assert (len(task.known), task.asked, task.metric) == (
        16,
        ["mine", "yours", "theirs"],
        "accuracy",
    )
    card, fee = [1.0, 0.0], [0.0, 1.0]
    vectors = np.array([card] * 8 + [fee] * 8 + [fee, card, card], np.float32)
    assert task.values(vectors).tolist() == [1, 1, 0]


def test_beauty_is_worth_how_near_the_next_title_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "amazon-beauty"
    folder.mkdir()
    people = [f"{n} {n % 4 + 1} {(n + 1) % 4 + 1} {(n + 2) % 4 + 1}" for n in range(40)]
    (folder / "beauty_sequential_p5ids.txt").write_text("\n".join(people))
    ids = {str(n): f"B000{n}" for n in range(1, 5)}
    (folder / "beauty_datamaps.json").write_text(json.dumps({"id2item": ids, "user2id": {}}))
    (folder / "beauty_item_id_to_int.json").write_text(
        json.dumps({name: int(n) for n, name in ids.items()})
    )
    names = [f"{n},title {n}" for n in range(1, 5)]
    (folder / "beauty_products_lookup.csv").write_text(
        "\n".join(["global_product_id,name", *names])
    )
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    task = TASKS["amazon-beauty"](0)
    assert len(task.known) == 4 and task.asked == []

    def mean(*vectors: list[float]) -> float:
        return float(task.values(np.array(vectors, np.float32)).mean())

    # Everybody goes round four titles, and the third is asked for. In a ring it is nearer to the
    # two before than the fourth is; where every other one is alike, the fourth is.
    assert mean([1, 0], [0, 1], [-1, 0], [0, -1]) == 1
    assert mean([1, 0], [-1, 0], [1, 0], [-1, 0]) == pytest.approx(1 / np.log2(3))
