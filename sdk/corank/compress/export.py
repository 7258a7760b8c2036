"""Export torch modules to ONNX, one graph each, checked against torch before anyone uses them.

The encoder's graph runs from token ids to the normalised vector, pooling included; the user
model's from a history of item vectors to the user's vector. Uses the TorchScript exporter: the
graph it makes with eager attention is the one that onnxruntime fuses.
"""

import io
import warnings
from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from corank.compress.runtime import TextEncoder, session
from corank.errors import BundleError
from corank.language.encoder import Encoder

OPSET = 17
TOLERANCE = 1e-4
"""Largest absolute difference allowed between a unit vector from torch and from ONNX."""


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
        BundleError: the graph and the module disagree.
    """
    module.eval()
    names = [name for name, _ in inputs]
    examples = tuple(example for _, example in inputs)
    buffer = io.BytesIO()
    axes = dict(enumerate(dynamic))
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter warns about itself, and about constants
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
        graph = buffer.getvalue()
        corner = (slice(1),) * len(dynamic)
        exported = session(graph, "exported")
        _check(module, exported, inputs)
        _check(module, exported, [(name, example[corner]) for name, example in inputs])
    return graph


def _check(
    module: nn.Module, exported: ort.InferenceSession, inputs: Sequence[tuple[str, Tensor]]
) -> None:
    expected = module(*(x for _, x in inputs)).numpy()
    got = exported.run(["vector"], {name: x.numpy() for name, x in inputs})[0]
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
    return TextEncoder(graph, encoder.tokenizer, config.query_prompt, config.passage_prompt)
