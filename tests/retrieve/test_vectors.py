import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import corank.retrieve.vectors as module
from corank.errors import BundleError, ConfigError, DataError, RequestError
from corank.retrieve.approximate import BinaryIndex, FaissIndex
from corank.retrieve.exact import ExactIndex, Sketch
from corank.retrieve.hits import Hits
from corank.retrieve.milvus import MilvusIndex
from corank.retrieve.vectors import VectorIndex, build_index, load_index, save_index

Floats = NDArray[np.float32]
Build = Callable[[Floats], VectorIndex]
IN_PROCESS: dict[str, Build] = {
    "exact": ExactIndex,
    "faiss": FaissIndex.build,
    "binary": BinaryIndex.build,
}


@pytest.fixture(scope="module", params=[*IN_PROCESS, "milvus"])
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Each kind of index in turn: what is asked of one is asked of all."""
    file = str(tmp_path_factory.mktemp("milvus") / "vectors.db")
    return IN_PROCESS.get(request.param, lambda vectors: MilvusIndex(vectors, file))


def clustered(size: int, dim: int, seed: int) -> Floats:
    """Unit vectors around 40 centres, as texts of a catalogue are."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((40, dim))
    vectors = centres[random.integers(40, size=size)] + 0.5 * random.standard_normal((size, dim))
    unit: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return clustered(3000, 32, seed=0)


def test_exact_is_what_a_full_sort_finds(vectors: Floats) -> None:
    queries = clustered(20, 32, seed=1)
    hits = ExactIndex(vectors).search(queries, 7)
    products = queries @ vectors.T
    assert hits.items.tolist() == np.argsort(-products, axis=1, kind="stable")[:, :7].tolist()
    assert hits.scores == pytest.approx(-np.sort(-products, axis=1)[:, :7], abs=1e-6)
    assert hits.scores.dtype == np.float32 and hits.items.dtype == np.int32


@pytest.mark.parametrize("dim", [3, 32, 200])
@pytest.mark.parametrize("scale", [1, 1e-3, 1e3])
def test_one_query_finds_what_many_find(dim: int, scale: float) -> None:
    vectors = scale * clustered(6000, dim, seed=0)
    queries = np.concatenate([clustered(60, dim, seed=1), np.zeros((1, dim), np.float32)])
    index = ExactIndex(vectors)
    together = index.search(queries, 20)
    for row, query in enumerate(queries):
        alone = index.search(query[None], 20)
        assert alone.items[0].tolist() == together.items[row].tolist()
        assert alone.scores[0] == pytest.approx(together.scores[row], rel=1e-5, abs=1e-6)


def test_a_sketch_says_so_where_it_cannot_tell() -> None:
    vectors = clustered(6000, 32, seed=0)
    query = vectors[:1].copy()
    assert Sketch(vectors).search(query, 5) is not None
    assert Sketch(np.repeat(vectors[:1], 6000, axis=0)).search(query, 5) is None
    assert Sketch(vectors).search(np.zeros_like(query), 5) is None


@pytest.mark.parametrize(
    ("build", "least", "megabytes"), [(FaissIndex.build, 0.95, 2.6), (BinaryIndex.build, 0.9, 0.15)]
)
def test_short_vectors_find_what_exact_finds(
    build: Callable[[Floats], FaissIndex | BinaryIndex],
    least: float,
    megabytes: float,
    tmp_path: Path,
) -> None:
    vectors = clustered(3000, 384, seed=0)
    queries = vectors[:200] + 0.05 * clustered(200, 384, seed=1)
    exact, approximate = ExactIndex(vectors), build(vectors)
    true, found = exact.search(queries, 10), approximate.search(queries, 10)
    overlap = [len(set(a) & set(b)) for a, b in zip(true.items, found.items, strict=True)]
    assert np.mean(overlap) / 10 >= least
    assert np.all(np.diff(found.scores, axis=1) <= 0)
    looked_up = np.einsum("nd,nkd->nk", queries, vectors[found.items])
    assert found.scores == pytest.approx(looked_up, abs=1e-5)
    approximate.save(tmp_path / "index")
    assert (tmp_path / "index").stat().st_size < megabytes * 1e6 < vectors.nbytes


def test_a_k_beyond_the_size_is_padded(build: Build) -> None:
    index = build(np.eye(3, dtype=np.float32))
    hits = index.search(np.array([[3, 1, 2]], np.float32), 5)
    assert hits.items.tolist() == [[0, 2, 1, -1, -1]]
    assert hits.scores.tolist() == [[3, 2, 1, -math.inf, -math.inf]]
    assert (index.size, index.dim) == (3, 3)


def test_an_empty_index_and_no_queries_are_answered(build: Build) -> None:
    nothing = build(np.zeros((0, 2), np.float32)).search(np.ones((1, 2), np.float32), 2)
    assert nothing.items.tolist() == [[-1, -1]]
    unasked = build(np.ones((4, 2), np.float32)).search(np.zeros((0, 2), np.float32), 2)
    assert unasked.scores.shape == unasked.items.shape == (0, 2)


def test_negative_products_are_hits_too(build: Build) -> None:
    hits = build(-np.eye(2, dtype=np.float32)).search(np.array([[1, 2]], np.float32), 2)
    assert hits.items.tolist() == [[0, 1]] and hits.scores.tolist() == [[-1, -2]]


def test_equal_scores_go_to_the_lower_index() -> None:
    same = np.ones((500, 4), np.float32)
    same[[7, 9]] = 2
    assert ExactIndex(same).search(same[:1], 4).items.tolist() == [[7, 9, 0, 1]]
    few = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], np.float32)
    assert FaissIndex.build(few).search(few[:1], 5).items.tolist() == [[0, 2, 4, 1, 3]]


def test_queries_in_many_blocks_are_answered_as_one(
    vectors: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = np.random.default_rng(0).integers(0, 9, (50, 40)).astype(np.float32)
    whole = Hits.of_matrix(products, 6)
    monkeypatch.setattr("corank.retrieve.hits.BLOCK", 120)  # three rows of 40
    sizes = []

    def score(block: slice) -> Floats:
        sizes.append(len(products[block]))
        return products[block]

    parts = Hits.in_blocks(score, n=50, size=40, k=6)
    assert max(sizes) == 3 and sum(sizes) == 50
    assert np.array_equal(parts.items, whole.items)
    assert np.array_equal(parts.scores, whole.scores)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 12).flatmap(
        lambda m: st.lists(
            st.lists(st.sampled_from([-math.inf, -1.0, 0.0, 2.0]), min_size=m, max_size=m),
            min_size=1,
            max_size=4,
        )
    ),
    st.integers(1, 15),
)
def test_top_k_is_a_stable_sort_without_the_missing(rows: list[list[float]], k: int) -> None:
    hits = Hits.of_matrix(np.array(rows, np.float32), k)
    for row, items, scores in zip(rows, hits.items, hits.scores, strict=True):
        best = sorted((i for i, s in enumerate(row) if s > -math.inf), key=lambda i: -row[i])
        assert items.tolist() == (best + [-1] * k)[:k]
        assert scores.tolist() == ([row[i] for i in best] + [-math.inf] * k)[:k]


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(build: Build, k: int) -> None:
    with pytest.raises(RequestError, match="at least 1"):
        build(np.eye(3, dtype=np.float32)).search(np.eye(3, dtype=np.float32), k)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (np.ones((1, 4), np.float32), r"\(n, 3\), not \(1, 4\)"),
        (np.ones(3, np.float32), r"queries\[None, :\]"),
        (np.array([[1, math.nan, 0]], np.float32), "NaN"),
    ],
)
def test_queries_that_do_not_fit_are_refused(build: Build, queries: Floats, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        build(np.eye(3, dtype=np.float32)).search(queries, 1)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones(3, np.float32), r"\(size, dim\), not \(3,\)"),
        (np.ones((3, 0), np.float32), r"not \(3, 0\)"),
        (np.array([[1.0, 2], [1, math.inf], [1, 2]], np.float32), "first at row 1"),
    ],
)
def test_vectors_that_cannot_be_indexed_are_refused(
    build: Build, vectors: Floats, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        build(vectors)


def test_other_layouts_and_types_are_taken(build: Build, vectors: Floats) -> None:
    index = build(np.asfortranarray(vectors[:100].astype(np.float64)))
    hits = index.search(vectors[:100][::2].astype(np.float64), 1)
    assert hits.items[:, 0].tolist() == list(range(0, 100, 2))


def test_a_loaded_index_answers_the_same(build: Build, vectors: Floats, tmp_path: Path) -> None:
    few = vectors[:300]
    index = build(few)
    save_index(index, tmp_path, "few")
    loaded = load_index(tmp_path, "few", few)
    assert type(loaded) is type(index)
    assert (loaded.size, loaded.dim) == (300, 32)
    for before, after in zip(index.search(vectors, 9), loaded.search(vectors, 9), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("build", [FaissIndex.build, BinaryIndex.build])
def test_an_index_of_other_vectors_is_refused(
    build: Build, vectors: Floats, tmp_path: Path
) -> None:
    few = vectors[:300]
    save_index(build(few), tmp_path, "few")
    assert [file.name for file in tmp_path.iterdir()] == ["few.faiss"]
    for others, said in ((few[1:], "299 of 32"), (few[:, :16], "300 of 16")):
        with pytest.raises(BundleError, match=f"300 vectors of 32 numbers, and {said} lie beside"):
            load_index(tmp_path, "few", others)


@pytest.mark.parametrize("content", [b"", b"not an index", b"IHNs\x00\x00", b"IBxF\x00"])
def test_load_says_which_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vectors.faiss").write_bytes(content)
    with pytest.raises(BundleError, match=r"vectors\.faiss"):
        load_index(tmp_path, "vectors", np.eye(2, dtype=np.float32))


def test_auto_is_exact_until_the_catalogue_is_large(
    vectors: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.EXACT_BELOW == 50_000
    monkeypatch.setattr(module, "EXACT_BELOW", 100)
    assert isinstance(build_index(vectors[:99]), ExactIndex)
    assert isinstance(build_index(vectors[:100]), FaissIndex)
    assert isinstance(build_index(vectors[:100], "exact"), ExactIndex)
    assert isinstance(build_index(vectors[:5], "faiss"), FaissIndex)
    assert isinstance(build_index(vectors[:5], "binary"), BinaryIndex)
    with pytest.raises(ConfigError, match="Did you mean 'faiss'"):
        build_index(vectors, "fais")


def test_a_small_exact_index_does_not_load_faiss() -> None:
    code = (
        "import sys, numpy as np; from corank.retrieve.vectors import build_index\n"
        "build_index(np.eye(2, dtype='f')).search(np.eye(2, dtype='f'), 1)\n"
        "assert 'faiss' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loading_faiss_warns_of_nothing() -> None:
    code = (
        "import numpy as np; from corank.retrieve.approximate import FaissIndex\n"
        "FaissIndex.build(np.eye(2, dtype=np.float32))"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
