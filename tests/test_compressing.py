"""A fitted engine made smaller, measured, refused, saved, served, and taken back."""

import json
import re
import shutil
import subprocess
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import corank
from corank import Pipeline, ShrinkConfig
from corank.bundle import previous
from corank.cli import main
from corank.compress import int8
from corank.compress.gate import Change, Compression
from corank.compress.runtime import Proof, TextEncoder
from corank.data.text import render
from corank.errors import BundleError, CompressionError, ConfigError


@pytest.fixture(scope="module", autouse=True)
def small_tables() -> object:
    """The tiny encoder's vocabulary is small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "TABLE", 100)
        yield


@pytest.fixture(scope="module")
def done(pipeline: Pipeline) -> tuple[Pipeline, Compression]:
    smaller = copy(pipeline)  # tests share the fitted one
    return smaller, smaller.compress(max_drop=0.5)


def test_it_says_what_it_costs_and_what_it_saves(
    pipeline: Pipeline, done: tuple[Pipeline, Compression]
) -> None:
    smaller, found = done
    assert set(found.changes) == {"recommend", "search"}
    for change in found.changes.values():
        assert change.low <= change.after - change.before <= change.high
        assert change.lost == pytest.approx(1 - change.after / change.before)
    assert 0.98 < found.least_cosine <= found.cosine < 1
    assert found.graph_mb[1] == len(smaller.engine.encoder.graph) / 1e6 < 0.6 * found.graph_mb[0]
    cosines = [layer.cosine for layer in found.layers]
    assert cosines == sorted(cosines) and 0.9 < cosines[0] < cosines[-1] <= 1
    assert found.layers[0].name in str(found) and "search: ndcg@10" in str(found)
    assert pipeline.engine.encoder.graph != smaller.engine.encoder.graph
    assert smaller.engine.about["compressed"] == found.to_dict()


@pytest.mark.parametrize(("low", "said"), [(-0.05, True), (-0.002, False)])
def test_few_cases_are_said_not_to_rule_out_a_loss(
    done: tuple[Pipeline, Compression], low: float, said: bool
) -> None:
    few = Change(cases=39, before=0.5, after=0.499, low=low, high=0.05)
    found = replace(done[1], changes={"search": few}, max_drop=0.005)
    assert few.lost == pytest.approx(0.002) and few.perhaps_lost == pytest.approx(-2 * low)
    assert ("do not rule out a loss of 10.00%" in str(found)) == said


def test_what_was_refitted_is_asked_without_knowing_the_answers(
    pipeline: Pipeline, done: tuple[Pipeline, Compression]
) -> None:
    """Signals that have seen validation would answer it whatever became of the encoder."""
    smaller = copy(pipeline)
    refitted = smaller.refit()
    found = smaller.compress(max_drop=0.5)
    for name, change in found.changes.items():
        assert change.before == pytest.approx(done[1].changes[name].before, abs=1e-6), name
    assert np.array_equal(smaller.engine.signals.counts, refitted.signals.counts)
    assert smaller.engine.signals.user_model is refitted.signals.user_model
    assert smaller.engine.encoder.graph != refitted.encoder.graph


def test_the_catalogue_is_what_the_new_encoder_says(done: tuple[Pipeline, Compression]) -> None:
    engine = done[0].engine
    texts = render(engine.vertical.item_text, engine.items).to_list()
    assert engine.signals.text_vectors == pytest.approx(
        engine.encoder.encode_items(texts), abs=1e-5
    )


def test_what_loses_more_is_refused_and_changes_nothing(pipeline: Pipeline) -> None:
    before = pipeline.engine
    with pytest.raises(CompressionError, match=r"more than -100\.00%.*\n.*encoder: "):
        pipeline.compress(max_drop=-1)
    assert pipeline.engine is before


def test_layers_are_kept_until_it_is_good_enough(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer is rounded beyond use, which costs something; in full precision it does not."""
    broken = int8.roundings

    def one_is_broken(graph, rows, find):  # type: ignore[no-untyped-def]
        how = broken(graph, rows, find)
        worst = list(how)[-1]
        how[worst] = replace(how[worst], steps=1e4 * how[worst].steps)
        return how

    monkeypatch.setattr(int8, "roundings", one_is_broken)
    smaller = copy(pipeline)
    first = smaller.compress(max_drop=0.001)
    kept = [layer.name for layer in first.layers if layer.kept]
    assert kept == [first.layers[0].name] and "kept as it was" in str(first)
    names = [site.name for site in int8.sites(onnx.load_from_string(smaller.engine.encoder.graph))]
    assert names == kept


def test_one_layer_learns_to_say_what_two_said(
    pipeline: Pipeline,
) -> None:
    smaller = copy(pipeline)
    how = ShrinkConfig(epochs=2, min_steps=150, learning_rate=1e-3, precision="no")
    found = smaller.compress(layers=1, shrink=how, max_drop=0.5)
    assert not any("layer.1" in layer.name for layer in found.layers)
    assert any("layer.0" in layer.name for layer in found.layers)
    assert found.graph_mb[0] == len(pipeline.engine.encoder.graph) / 1e6
    assert 0.9 < found.cosine < 1  # to the two layers in full precision
    assert smaller.engine.about["compressed"]["shrunk"]["layers"] == 1  # type: ignore[index]
    assert len(smaller.engine.search("coffee grinder", k=5)) == 5
    with pytest.raises(ConfigError, match="layers=3, and this encoder has 2"):
        copy(pipeline).compress(layers=3)


def test_twice_is_once_too_often(done: tuple[Pipeline, Compression]) -> None:
    with pytest.raises(CompressionError, match="compressed already"):
        done[0].compress()
    with pytest.raises(ConfigError, match=r"'int4'.*'int8'"):
        done[0].compress("int4")  # type: ignore[arg-type]


def test_it_is_saved_and_proves_itself_where_it_is_loaded(
    done: tuple[Pipeline, Compression], tmp_path: Path
) -> None:
    encoder = done[0].engine.encoder
    assert encoder.proof
    encoder.save(tmp_path)
    again = TextEncoder.load(tmp_path)
    assert again.proof and again.proof.text == encoder.proof.text
    assert again.encode_query("lamp") == pytest.approx(encoder.encode_query("lamp"), abs=1e-6)
    other = np.roll(encoder.proof.vector, 1)  # as a processor would give that drops digits
    replace(encoder, proof=Proof(encoder.proof.text, other)).save(tmp_path)
    with pytest.raises(BundleError, match=r"not multiply exactly enough.*VNNI"):
        TextEncoder.load(tmp_path)


def test_of_two_at_once_one_is_kept_and_the_other_is_told(bundle: Path, tmp_path: Path) -> None:
    shop, data = tmp_path / "shop", corank.load_vertical("ecommerce").sample
    shutil.copytree(bundle, shop)
    asked = ["compress", str(shop), "--data", str(data), "--max-drop", "0.5", "--json"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "corank", *asked], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate() for process in both]
    lost, won = sorted(range(2), key=lambda n: both[n].returncode == 0)
    assert both[won].returncode == 0 and json.loads(said[won][0])["graph_mb"]
    assert both[lost].returncode in (1, 5), said[lost]
    assert re.search("has changed since it was read|compressed already", said[lost][1])
    small, large = corank.load(shop), corank.load(previous(shop))
    assert "compressed" in small.about and "compressed" not in large.about
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_by_command_in_place_and_back(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, data = tmp_path / "shop", corank.load_vertical("ecommerce").sample
    shutil.copytree(bundle, shop)
    large = corank.load(shop)
    asked = ["compress", str(shop), "--data", str(data)]
    assert main([*asked, "--max-drop", "-1"]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert corank.load(shop).encoder.graph == large.encoder.graph
    assert main([*asked, "--max-drop", "0.5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["graph_mb"][1] < told["graph_mb"][0] and told["report"]["rows"]
    small = corank.load(shop)
    assert len(small.encoder.graph) < len(large.encoder.graph)
    assert len(small.search("a lamp")) == 10
    assert main(["rollback", str(shop)]) == 0
    assert corank.load(shop).encoder.graph == large.encoder.graph
