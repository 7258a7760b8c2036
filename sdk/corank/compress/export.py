"""Export torch modules to ONNX, one graph each, checked against torch before anyone uses them.

The encoder's graph runs from token ids to the normalised vector, pooling included; the
cross-encoder's from the tokens of a pair to its score; the user model's from a history of item
vectors to the user's vector. Uses the TorchScript exporter: the
graph it makes with eager attention is the one that onnxruntime fuses. Every weight keeps its name
in the graph, so the graph is also what training goes on from: `torch_encoder`.
"""

import io
import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from corank.compress.pair_scorer import PairScorer
from corank.compress.runtime import PROBE, TOLERANCE, TextEncoder, session
from corank.errors import BundleError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.pair_tokens import PairBatch, join

OPSET = 17
PROBED = 16  # of a domain's own texts, on which an exported encoder is compared with torch
TRANSPOSED = ".T"  # ends the name of a weight that the exporter stored transposed
EXPORTABLE = ("bert", "distilbert", "modernbert", "mpnet", "roberta", "xlm-roberta")
"""Types of transformers whose export is tested; others may work."""


def export(
    module: nn.Module, inputs: Sequence[tuple[str, Tensor]], *, dynamic: Sequence[str]
) -> bytes:
    """Return an ONNX graph with one output, ``vector``, equal to ``module(*inputs)``.

    Args:
        module: put into evaluation mode; not changed otherwise.
        inputs: name and example of each input. Parity is checked on the examples, and on their
            first corner, where every dynamic axis has length 1.
        dynamic: the names of the inputs' leading axes that may vary, such as
            ``("batch", "tokens")``.

    Raises:
        BundleError: the module holds what no graph can say, or graph and module disagree.
    """
    module.eval()
    names = [name for name, _ in inputs]
    examples = tuple(example for _, example in inputs)
    buffer = io.BytesIO()
    axes = dict(enumerate(dynamic))
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter warns about itself, and about constants
        try:
            torch.onnx.export(
                module,
                examples,
                buffer,  # type: ignore[arg-type]  # the TorchScript exporter writes to a stream
                input_names=names,
                output_names=["vector"],
                dynamic_axes={**dict.fromkeys(names, axes), "vector": {0: dynamic[0]}},
                opset_version=OPSET,
                dynamo=False,
            )
        except Exception as error:  # whatever the module, or the exporter, makes of it
            said = next(iter(str(error).splitlines()), type(error).__name__)
            raise _refused(module, said) from error
        graph = _named(module, buffer.getvalue())
        corner = (slice(1),) * len(dynamic)
        exported = session(graph, "exported")
        _check(module, exported, inputs)
        _check(module, exported, [(name, example[corner]) for name, example in inputs])
    return graph


def _refused(module: nn.Module, why: str) -> BundleError:
    said = f"{_kind(module)} cannot be exported: {why} Nothing was written. "
    if any(getattr(part, "is_quantized", False) for part in module.modules()):
        return BundleError(f"{said}It is held in 8 bits: load it without in_8bit.")
    return BundleError(f"{said}Encoders of these types can: {', '.join(EXPORTABLE)}.")


def _kind(module: nn.Module) -> str:
    """What a module is, by the type of the transformer in it if there is one."""
    configs = (getattr(part, "config", None) for part in module.modules())
    kinds = (getattr(config, "model_type", "") for config in configs)
    return next(filter(None, kinds), type(module).__name__)


def _named(module: nn.Module, graph: bytes) -> bytes:
    """Give back their names to the weights that the exporter transposed and numbered."""
    found = onnx.load_from_string(graph)
    numbered = {w.raw_data: w.name for w in found.graph.initializer if "::" in w.name}
    names = {}
    for name, parameter in module.named_parameters():
        if parameter.ndim == 2 and (old := numbered.get(parameter.numpy(force=True).T.tobytes())):
            names[old] = name + TRANSPOSED
    for weight in found.graph.initializer:
        weight.name = names.get(weight.name, weight.name)
    for node in found.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
    named: bytes = found.SerializeToString(deterministic=True)
    return named


def _check(
    module: nn.Module, exported: ort.InferenceSession, inputs: Sequence[tuple[str, Tensor]]
) -> None:
    expected = module(*(x for _, x in inputs)).numpy()
    try:
        got = exported.run(["vector"], {name: x.numpy() for name, x in inputs})[0]
    except Exception as error:  # onnxruntime's own exceptions share no other base
        raise _refused(module, f"onnxruntime cannot run it ({error}).") from error
    worst = float(np.abs(got - expected).max())
    if not worst <= TOLERANCE:  # also when it is nan
        raise BundleError(
            f"The exported graph differs from the torch model by {worst:.2g} "
            f"(allowed: {TOLERANCE:.0e}); nothing was written. "
            "Try other versions of torch and onnxruntime."
        )


def text_encoder(encoder: Encoder, texts: Sequence[str]) -> TextEncoder:
    """Export an encoder, parity checked on ``texts``, and make it ready to run."""
    batch = encoder.tokenizer.pad(encoder.tokenizer.encode(list(texts)))
    inputs = [("ids", torch.from_numpy(batch.ids)), ("mask", torch.from_numpy(batch.mask))]
    graph = export(encoder.cpu(), inputs, dynamic=("batch", "tokens"))
    config = encoder.config
    try:
        return TextEncoder(graph, encoder.tokenizer, config.query_prompt, config.passage_prompt)
    except BundleError as error:
        raise _refused(encoder, str(error)) from error


def pair_scorer(model: CrossEncoder, queries: Sequence[str], passages: Sequence[str]) -> PairScorer:
    """Export a cross-encoder, parity checked on these pairs, and make it ready to run."""
    tokenizer = model.encoder.tokenizer
    pairs = join(tokenizer, queries, passages)
    ids, mask = tokenizer.pad(pairs.ids)
    batch = PairBatch(ids, mask, tokenizer.pad(pairs.segments).ids)
    inputs = [(name, torch.from_numpy(array)) for name, array in batch._asdict().items()]
    return PairScorer(export(model.cpu(), inputs, dynamic=("batch", "tokens")), tokenizer)


def torch_encoder(exported: TextEncoder, config: EncoderConfig) -> Encoder:
    """Return the encoder that `text_encoder` exported, its weights read back from the graph.

    Args:
        exported: in full precision.
        config: what it was once loaded from, which says how the transformer is built.

    Raises:
        ConfigError: see `Encoder.load`.
        BundleError: the graph does not hold this transformer's weights.
    """
    encoder = Encoder.load(config)
    encoder.tokenizer = exported.tokenizer
    stored = {w.name: w for w in onnx.load_from_string(exported.graph).graph.initializer}
    embeddings = encoder.model.get_input_embeddings().weight
    for name, parameter in encoder.named_parameters():
        if parameter is embeddings and name in stored:
            encoder.model.resize_token_embeddings(stored[name].dims[0], mean_resizing=False)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if weight := stored.get(name):
                array = numpy_helper.to_array(weight)
            elif weight := stored.get(name + TRANSPOSED):
                array = numpy_helper.to_array(weight).T
            else:  # has no part in the vector, as the comparison below will tell
                continue
            if array.shape == parameter.shape:
                parameter.copy_(torch.tensor(array))
    apart = np.abs(encoder.encode(PROBE) - exported.encode_items(PROBE)).max()
    if not apart <= TOLERANCE:
        raise BundleError(
            f"What was read back from the graph differs from it by {apart:.2g}: it was made from "
            f"another transformer than {config.name!r}, was compressed, or comes from an older "
            "corank. It cannot be trained further; fit again."
        )
    return encoder
