"""The graphs of what corank made, for other runtimes: ONNX files that need no corank to run.

Each goes from token ids (or from a history of states) to what is asked for, pooling, normalisation
and a classifier's head and probabilities included. A manifest says what goes in and comes out, and
a tokenizer in the format of the library tokenizers lies beside each graph that reads text.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from corank.bundle import BUNDLE
from corank.bundle import load as load_bundle
from corank.classify.appeal import APPEAL, Appeal
from corank.classify.classifier import CLASSIFIER, Classifier
from corank.compress.runtime import PROBE, TOLERANCE, TextEncoder, session
from corank.errors import BundleError, MissingExtraError
from corank.language.tokenizer import Tokenizer
from corank.sealed import Sealed

EXPORT = Sealed("export", 1)


class Graph(NamedTuple):
    """One graph, and what has to be known to run it."""

    graph: bytes
    tokenizer: Tokenizer | None = None
    about: dict[str, Any] | None = None  # prompts, classes; plain JSON values
    arrays: dict[str, NDArray[np.float32]] | None = None  # what else it needs, by file name
    items: list[str] | None = None  # ids of what the arrays' rows are


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: str
    graphs: dict[str, dict[str, Any]]  # name -> what goes in, what comes out, and the rest


def export(source: str | Path, out: str | Path, *, texts: Sequence[str] = PROBE) -> Exported:
    """Write the graphs of a bundle, a classifier, an appeal model or an encoder; all or nothing.

    Args:
        source: a folder that corank wrote, or an encoder: a folder or a name, as in
            `EncoderConfig`.
        out: a folder to write; one that an export wrote before is replaced.
        texts: on which a graph and what it stands for are compared before anything is written.

    Raises:
        BundleError: the source is damaged, a graph cannot be made or says something else, or
            ``out`` holds another thing.
        ConfigError: there is no such encoder.
        MissingExtraError: it takes torch to export an encoder.
    """
    out = Path(out)
    EXPORT.check_place(out)
    graphs = _graphs(Path(source), texts)

    def write(folder: Path) -> None:
        for name, each in graphs.items():
            place = folder / name
            place.mkdir()
            (place / "graph.onnx").write_bytes(each.graph)
            if each.tokenizer:
                each.tokenizer.save(place / "tokenizer.json")
            for array, values in (each.arrays or {}).items():
                np.save(place / f"{array}.npy", values, allow_pickle=False)
            if each.items is not None:
                (place / "items.json").write_text(json.dumps(each.items), "utf-8")

    said = {name: _said(each) for name, each in graphs.items()}
    EXPORT.save(out, write, {"graphs": said, "about": {"source": str(source)}})
    return Exported(str(out), said)


def _graphs(source: Path, texts: Sequence[str]) -> dict[str, Graph]:
    if (source / BUNDLE.manifest).is_file():
        return _of_bundle(source)
    if (source / CLASSIFIER.manifest).is_file():
        classifier = Classifier.load(source)
        weights, bias = classifier.weights, classifier.bias
        graph = _with_head(classifier.encoder, weights, bias, temperature=classifier.temperature)
        _check(graph, classifier.encoder, texts, classifier.predict_proba(texts))
        about = {"classes": classifier.classes, "threshold": classifier.threshold}
        return {"classifier": _reading(graph, classifier.encoder, about)}
    if (source / APPEAL.manifest).is_file():
        appeal = Appeal.load(source)
        graph = _with_head(appeal.encoder, appeal.weights[:, None], np.zeros(1, np.float32))
        _check(graph, appeal.encoder, texts, appeal.score(texts)[:, None])
        return {"appeal": _reading(graph, appeal.encoder, {})}
    try:
        from corank.compress.export import text_encoder
        from corank.language.encoder import Encoder, EncoderConfig
    except ImportError as error:
        raise MissingExtraError("export", "train") from error
    encoder = text_encoder(Encoder.load(EncoderConfig(name=str(source))), texts)
    return {"encoder": _reading(encoder.graph, encoder, {})}


def _of_bundle(path: Path) -> dict[str, Graph]:
    engine = load_bundle(path)
    model = engine.signals.user_model
    states = {"states": np.asarray(model.states), "projection": model.projection}
    about = {"history_length": model.history_length}
    found = {
        "encoder": _reading(engine.encoder.graph, engine.encoder, {}),
        "user_model": Graph(model.graph, None, about, states, engine.ids),
    }
    if engine.reader:
        scorer = engine.reader.scorer
        found["reranker"] = Graph(
            scorer.graph, scorer.tokenizer, {"max_tokens": scorer.tokenizer.max_tokens}
        )
    return found


def _reading(graph: bytes, encoder: TextEncoder, about: dict[str, Any]) -> Graph:
    known = {
        "max_tokens": encoder.tokenizer.max_tokens,
        "query_prompt": encoder.query_prompt,
        "passage_prompt": encoder.passage_prompt,
    }
    return Graph(graph, encoder.tokenizer, known | about)


def _with_head(
    encoder: TextEncoder,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    temperature: float | None = None,
) -> bytes:
    """Return the encoder's graph with a linear head on it; probabilities, with a temperature."""
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise MissingExtraError("export", "train") from error
    model = onnx.load_from_string(encoder.graph)
    graph, scale = model.graph, np.float32(temperature or 1)
    (vector,) = graph.output
    for name, values in (("head.weight", weights / scale), ("head.bias", bias / scale)):
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    last = "score" if temperature is None else "logits"
    graph.node.append(helper.make_node("Gemm", [vector.name, "head.weight", "head.bias"], [last]))
    if temperature is not None:
        last = "probabilities"
        graph.node.append(helper.make_node("Softmax", ["logits"], [last], axis=1))
    batch = vector.type.tensor_type.shape.dim[0].dim_param
    graph.output.remove(vector)
    graph.output.append(
        helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, weights.shape[1]])
    )
    whole: bytes = model.SerializeToString(deterministic=True)
    return whole


def _check(
    graph: bytes, encoder: TextEncoder, texts: Sequence[str], expected: NDArray[np.float64]
) -> None:
    prompted = [encoder.passage_prompt + text for text in texts]
    running = session(graph, "exported")
    (output,) = running.get_outputs()
    for text, row in zip(prompted, expected, strict=True):
        batch = encoder.tokenizer.pad(encoder.tokenizer.encode([text]))
        (got,) = running.run([output.name], batch._asdict())[0]
        worst = float(np.abs(got - row).max())
        if not worst <= TOLERANCE:
            raise BundleError(
                f"The exported graph says something else of {text[:40]!r}, by {worst:.2g} "
                f"(allowed: {TOLERANCE:.0e}); nothing was written."
            )


def _said(each: Graph) -> dict[str, Any]:
    running = session(each.graph, "exported")

    def shaped(nodes: list[ort.NodeArg]) -> dict[str, Any]:
        return {node.name: {"type": node.type, "shape": node.shape} for node in nodes}

    known = {"inputs": shaped(running.get_inputs()), "outputs": shaped(running.get_outputs())}
    return known | (each.about or {})
