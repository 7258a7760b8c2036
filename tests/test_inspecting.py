"""What lies in a bundle: every file counted, and none of them changed."""

import hashlib
import json
import shutil
from contextlib import redirect_stdout
from copy import copy
from io import StringIO
from pathlib import Path

import pytest

from corank import ClassifierConfig, EncoderConfig, Pipeline, fit_classifier
from corank.bundle import read_report
from corank.cli import main
from corank.errors import BundleError
from corank.inspecting import inspect


def test_every_file_is_listed_with_its_size_and_checksum(bundle: Path) -> None:
    found = inspect(bundle)
    here = {p.relative_to(bundle).as_posix(): p for p in bundle.rglob("*") if p.is_file()}
    del here["bundle.json"]
    assert {file.name for file in found.files} == set(here)
    for file in found.files:
        content = here[file.name].read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert found.bytes == sum(path.stat().st_size for path in here.values())
    parts = found.parts()
    assert sum(size for _, size in parts.values()) == found.bytes
    assert [size for _, size in parts.values()] == sorted(
        (size for _, size in parts.values()), reverse=True
    )
    assert parts["encoder"][0] == 3
    assert (found.kind, found.vertical) == ("bundle", "ecommerce")
    assert found.verdict == read_report(bundle).verdict
    made = dict(found.made_with())
    assert made["fit.batch_size"] == 16 and made["encoder.max_tokens"] == 32


def test_the_command_prints_it_for_people_and_machines(bundle: Path) -> None:
    for option in ([], ["--json"]):
        out = StringIO()
        with redirect_stdout(out):
            assert main(["inspect", str(bundle), *option]) == 0
        said = out.getvalue()
        if option:
            assert json.loads(said) == json.loads(json.dumps(inspect(bundle).to_dict()))
        else:
            assert "all as they were saved" in said and "fit.ranker.trees = 20" in said
            assert read_report(bundle).verdict in said


def test_a_compressed_bundle_is_said_in_lines_and_its_files_by_name(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    smaller = copy(pipeline)
    smaller.compress(max_drop=0.5)
    smaller.save(tmp_path / "shop")
    out = StringIO()
    with redirect_stdout(out):
        assert main(["inspect", str(tmp_path / "shop"), "--files"]) == 0
    said = out.getvalue()
    layers = len(smaller.engine.about["compressed"]["layers"])  # type: ignore[index]
    assert f"compressed.layers = {layers} entries, in --json" in said
    assert max(map(len, said.splitlines())) < 200
    for file in inspect(tmp_path / "shop").files:
        assert f"{file.sha256}  {file.bytes:>12,}  {file.name}" in said


def test_a_classifier_is_looked_into_as_well(tiny_encoder: str, tmp_path: Path) -> None:
    texts = ["my card is lost", "where is the card", "a fee was taken", "why this fee"] * 2
    classifier = fit_classifier(
        texts,
        ["card", "card", "fee", "fee"] * 2,
        ClassifierConfig(epochs=1, precision="no", holdout=0.0),
        encoder=EncoderConfig(name=tiny_encoder),
    )
    classifier.save(tmp_path / "intents")
    found = inspect(tmp_path / "intents")
    assert (found.kind, found.vertical, found.verdict) == ("classifier", None, None)
    assert found.about["texts"] == 8


def test_a_flipped_byte_is_found(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "shop"
    shutil.copytree(bundle, other)
    file = other / "vectors" / "text.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=r"text\.npy is not what was saved"):
        inspect(other)
    with pytest.raises(BundleError, match="nothing that corank wrote"):
        inspect(tmp_path)
