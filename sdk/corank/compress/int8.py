"""8-bit integers in an exported graph: fast, and a vector is the same in any batch.

Every product of activations with a matrix of weights is computed in integers. Both are rounded as
`rounding` finds best on texts of the domain; embeddings are rounded token by token.

Steps that are found while running, as most exports have, come from the whole batch: then a text's
vector depends on its neighbours. Here it depends on nothing but the text.

Knows graphs and the numbers that run through them; knows no texts and no metrics.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from corank.compress.rounding import Matrix, Rounding, columns, rounding
from corank.compress.runtime import session
from corank.errors import BundleError

ROWS = 8_192  # of each activation are looked at
TABLE = 1_000  # rows from which a table that is looked up counts as embeddings
MICROSOFT = "com.microsoft"  # onnxruntime's own operators


Find = Callable[[Matrix, Matrix], Rounding]
"""Activations, (n, k), and weights, (k, m) -> how they are rounded."""


class Product(NamedTuple):
    """Activations times a matrix of weights, and a bias where there is one."""

    node: str  # that multiplies
    adds: str  # that adds the bias; "" where there is none
    weight: str
    bias: str
    output: str


@dataclass(frozen=True)
class Site:
    """An activation, and what it is multiplied with: query, key and value share theirs."""

    name: str
    tensor: str
    products: tuple[Product, ...]


def sites(graph: onnx.ModelProto) -> list[Site]:
    """Return every activation that is multiplied with weights, in the order of the graph."""
    weights = {each.name: len(each.dims) for each in graph.graph.initializer}
    readers: defaultdict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.graph.node:
        for name in node.input:
            readers[name].append(node)
    found: dict[str, list[Product]] = {}
    for node in graph.graph.node:
        if node.op_type != "MatMul" or weights.get(node.input[1]) != 2:
            continue
        (made,), next_ = node.output, readers[node.output[0]]
        bias = adds = ""
        if len(next_) == 1 and next_[0].op_type == "Add":
            others = [name for name in next_[0].input if weights.get(name) == 1]
            if others:
                bias, adds, made = others[0], next_[0].name, next_[0].output[0]
        product = Product(node.name, adds, node.input[1], bias, made)
        found.setdefault(node.input[0], []).append(product)
    shared = Counter(_called(products) for products in found.values())
    known = []
    for tensor, products in found.items():
        name = _called(products)
        if shared[name] > 1:  # weights that several activations are multiplied with
            name = f"{name} at {products[0].node}"
        known.append(Site(name, tensor, tuple(products)))
    return known


def observe(
    graph: onnx.ModelProto, feeds: Iterable[Mapping[str, NDArray[np.int64]]], *, seed: int = 0
) -> dict[str, Matrix]:
    """Run a graph, and return some rows of the activation at each site, by its name.

    Args:
        graph: in full precision.
        feeds: inputs, without padding.
        seed: of the rows, where there are more than `ROWS`.
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(graph)
    known = sites(graph)
    watched.graph.output.extend(onnx.ValueInfoProto(name=site.tensor) for site in known)
    runs, rows = session(watched.SerializeToString(), "watched"), defaultdict(list)
    for feed in feeds:
        for site, value in zip(known, runs.run([s.tensor for s in known], feed), strict=True):
            rows[site.name].append(value.reshape(-1, value.shape[-1]))
    random, seen = np.random.default_rng(seed), {}
    for name, each in rows.items():
        every = np.concatenate(each)
        chosen = random.permutation(len(every))[:ROWS]
        peaks = np.unique([*every.argmax(axis=0), *every.argmin(axis=0)])  # nothing is clipped
        seen[name] = every[np.union1d(chosen, peaks)]
    return seen


def roundings(
    graph: onnx.ModelProto, rows: Mapping[str, Matrix], find: Find = rounding
) -> dict[str, Rounding]:
    """Find how to round at every site that was observed."""
    stored = _stored(graph)
    return {
        site.name: find(
            rows[site.name],
            np.concatenate([stored[product.weight] for product in site.products], axis=1),
        )
        for site in sites(graph)
    }


def rewritten(
    graph: onnx.ModelProto,
    how: Mapping[str, Rounding],
    *,
    keep: Collection[str] = (),
    embeddings: bool = True,
) -> bytes:
    """Return the graph in 8 bits.

    Args:
        graph: in full precision; not changed.
        how: see `roundings`.
        keep: names of sites that stay in full precision.
        embeddings: whether the tables of embeddings are rounded too.

    Raises:
        BundleError: nothing in the graph can be rounded.
    """
    made = _Rewriting(graph)
    at = {site.tensor: site for site in sites(graph) if site.name in how and site.name not in keep}
    if not at and not embeddings:
        raise BundleError("Nothing is left to round: every product stays in full precision.")
    skipped = {each.adds for site in at.values() for each in site.products if each.adds}
    multiplying = {each.node: (site, each) for site in at.values() for each in site.products}
    for node in graph.graph.node:
        if node.name in multiplying:
            site, product = multiplying[node.name]
            made.round(site, how[site.name])
            made.multiply(site, product, how[site.name])
        elif node.name in skipped:
            continue
        elif embeddings and node.op_type == "Gather" and made.is_table(node.input[0]):
            made.look_up(node)
        else:
            made.nodes.append(node)
    return made.finished()


class _Rewriting:
    """Nodes and weights of the new graph, as they are added."""

    def __init__(self, graph: onnx.ModelProto) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._graph = graph
        self._stored = _stored(graph)
        self._new: dict[str, NDArray[np.generic]] = {}

    def round(self, site: Site, how: Rounding) -> None:
        """Round an activation, once for all its products."""
        codes = f"{site.tensor}:int8"
        if f"{codes}:step" in self._new:
            return
        source = site.tensor
        if how.smooth is not None:
            source = f"{site.tensor}:smooth"
            self._new[f"{source}:by"] = 1 / how.smooth
            self._add("Mul", [site.tensor, f"{source}:by"], source)
        self._new[f"{codes}:step"] = np.array(how.step, np.float32)
        self._new[f"{codes}:zero"] = np.array(how.zero, np.uint8)
        self._add("QuantizeLinear", [source, f"{codes}:step", f"{codes}:zero"], codes)

    def multiply(self, site: Site, product: Product, how: Rounding) -> None:
        """Multiply in integers, and come back to floating point."""
        first = 0
        for each in site.products[: site.products.index(product)]:
            first += self._stored[each.weight].shape[1]
        one = how.of(slice(first, first + self._stored[product.weight].shape[1]))
        source, made = f"{site.tensor}:int8", f"{product.output}:weights"  # of this product alone
        self._new[f"{made}:int8"] = np.ascontiguousarray(one.codes)
        self._new[f"{made}:step"] = np.ascontiguousarray(one.steps)
        inputs = [
            source, f"{made}:int8", f"{source}:step", f"{made}:step", f"{source}:zero", "",
            product.bias,
        ]  # fmt: skip
        self._add("MatMulIntegerToFloat", inputs, product.output, domain=MICROSOFT)

    def is_table(self, name: str) -> bool:
        """Whether this is a stored matrix with many rows."""
        table = self._stored.get(name)
        return table is not None and table.ndim == 2 and len(table) >= TABLE

    def look_up(self, node: onnx.NodeProto) -> None:
        """Look up rounded embeddings, each with a step of its own."""
        table, (name, ids), made = self._stored[node.input[0]], node.input, node.output[0]
        codes, steps = columns(table.T)
        self._new[f"{name}:int8"] = np.ascontiguousarray(codes.T)
        self._new[f"{name}:step"] = np.ascontiguousarray(steps[:, None])
        self._add("Gather", [f"{name}:int8", ids], f"{made}:int8")
        self._add("Cast", [f"{made}:int8"], f"{made}:codes", to=onnx.TensorProto.FLOAT)
        self._add("Gather", [f"{name}:step", ids], f"{made}:step")
        self._add("Mul", [f"{made}:codes", f"{made}:step"], made)

    def finished(self) -> bytes:
        """Return the graph, without what nothing reads any more."""
        new = onnx.ModelProto()
        new.CopyFrom(self._graph)
        del new.graph.node[:], new.graph.initializer[:]
        new.graph.node.extend(self.nodes)
        read = {name for node in self.nodes for name in node.input}
        kept = [each for each in self._graph.graph.initializer if each.name in read]
        made = [numpy_helper.from_array(array, name) for name, array in self._new.items()]
        new.graph.initializer.extend([*kept, *made])
        if MICROSOFT not in {each.domain for each in new.opset_import}:
            new.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
        rewritten: bytes = new.SerializeToString(deterministic=True)
        return rewritten

    def _add(self, kind: str, inputs: list[str], output: str, **more: Any) -> None:
        name = f"{output}:{kind}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **more))


def _stored(graph: onnx.ModelProto) -> dict[str, Matrix]:
    return {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}


def _called(products: list[Product]) -> str:
    """The first weight's name, without what says that it is one."""
    return products[0].weight.removeprefix("model.").removesuffix(".T").removesuffix(".weight")
