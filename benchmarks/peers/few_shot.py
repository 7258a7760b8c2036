"""A classifier from few labelled texts, by the library SetFit, in a process of its own.

Tunstall et al., "Efficient Few-Shot Learning Without Prompts", 2022: pairs of texts of one class or
of two tune the encoder, a logistic regression is fitted on its vectors. Twenty pairs a text of
each kind, as in the paper; SetFit's defaults otherwise.

``python -m benchmarks.peers.few_shot FOLDER``, with ``labelled.json`` in it; leaves ``said.json``.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.exchange import MODEL

LABELLED, SAID = "labelled.json", "said.json"
PAIRS = 20  # of each text, and as many of texts of two classes


def answer(given: dict[str, Any]) -> list[tuple[str, float]]:
    """Learn from texts and labels; return the class of each test text, and its probability."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    classes = sorted({*given["labels"]})
    model = SetFitModel.from_pretrained(os.environ[MODEL], labels=classes, device="cpu")
    data = Dataset.from_dict({"text": given["texts"], "label": given["labels"]})
    with tempfile.TemporaryDirectory() as folder:
        how = TrainingArguments(
            output_dir=folder, num_iterations=PAIRS, seed=given["seed"], report_to="none",
            save_strategy="no", show_progress_bar=False,
        )  # fmt: skip
        Trainer(model=model, args=how, train_dataset=data).train()
    chances = model.predict_proba(given["test_texts"], as_numpy=True, show_progress_bar=False)
    named = [str(name) for name in model.model_head.classes_]
    return [(named[int(row.argmax())], float(row.max())) for row in chances]


if __name__ == "__main__":
    place, began = Path(sys.argv[-1]), time.perf_counter()
    said = answer(json.loads((place / LABELLED).read_text("utf-8")))
    part = place / f"part-{SAID}"
    part.write_text(json.dumps({"said": said, "seconds": time.perf_counter() - began}), "utf-8")
    part.replace(place / SAID)
