"""A bundle: whole or refused, and never half of one on disk."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import corank
from corank import Engine, Pipeline, Report
from corank.bundle import BUNDLE, identity, previous, put_report, read_report, save
from corank.errors import BundleError, UnknownVerticalError
from corank.retrieve.approximate import BinaryIndex, FaissIndex


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A bundle that a test may damage."""
    return Path(shutil.copytree(bundle, tmp_path / "shop"))


@pytest.fixture(scope="module")
def engine(pipeline: Pipeline) -> Engine:
    return pipeline.engine


def names(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


def reseal(folder: Path, **changes: Any) -> None:
    """Change the manifest as somebody would who knows the format."""
    BUNDLE.seal(folder, BUNDLE.read(folder) | changes)


SERVE = """
import sys
import corank
shop = corank.load(sys.argv[1])
assert len(shop.search("coffee grinder", k=3)) == 3
assert len(shop.recommend(["KIT-0001"], k=3)) == 3
heavy = {"torch", "transformers", "accelerate", "peft", "onnx", "gradio", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""


def test_serving_imports_no_training_library(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SERVE, str(bundle)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_a_bundle_lists_all_of_its_files_but_the_list(bundle: Path) -> None:
    assert set(BUNDLE.read(bundle)["files"]) == names(bundle) - {BUNDLE.manifest}
    assert {"report.json", "report.md", "report.png", "encoder/graph.onnx"} <= names(bundle)


def test_a_flipped_byte_in_any_file_is_found_and_the_file_named(copy: Path) -> None:
    for name in sorted(names(copy) - {BUNDLE.manifest}):
        file = copy / name
        whole = file.read_bytes()
        middle = len(whole) // 2
        file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        with pytest.raises(BundleError, match=f"{file} is not what was saved"):
            corank.load(copy)
        file.write_bytes(whole)
    corank.load(copy)


def test_a_flipped_byte_anywhere_in_the_manifest_is_found(copy: Path) -> None:
    whole = (copy / BUNDLE.manifest).read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (copy / BUNDLE.manifest).write_bytes(damaged)
        with pytest.raises(BundleError, match=str(copy)):
            BUNDLE.read(copy)


@pytest.mark.parametrize("garbage", [b"", b"no json", b"null", b"[]", b"{}", b"\xff\xfe{}"])
def test_a_manifest_of_garbage_is_refused(copy: Path, garbage: bytes) -> None:
    (copy / BUNDLE.manifest).write_bytes(garbage)
    with pytest.raises(BundleError, match=f"{BUNDLE.manifest} cannot be read"):
        corank.load(copy)


def test_a_truncated_file_is_found(copy: Path) -> None:
    vectors = copy / "vectors" / "text.npy"
    vectors.write_bytes(vectors.read_bytes()[:-100])
    with pytest.raises(BundleError, match=f"{vectors} is not what was saved"):
        corank.load(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "user_model" / "states.npy").unlink()
    with pytest.raises(BundleError, match=r"truncated: user_model/states\.npy is missing"):
        corank.load(copy)


def test_a_file_left_by_another_bundle_is_named(copy: Path) -> None:
    (copy / "recommender" / "more.txt").write_text("trees of another bundle")
    with pytest.raises(BundleError, match=r"holds recommender/more\.txt, which was not saved"):
        corank.load(copy)
    (copy / "recommender" / "more.txt").rename(copy / "recommender" / ".DS_Store")
    corank.load(copy)


def test_another_format_says_which_version_made_it(copy: Path) -> None:
    reseal(copy, format=9, corank="9.1.0")
    with pytest.raises(BundleError, match=r"format 9; this corank reads format 4\. .* 9\.1\.0"):
        corank.load(copy)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_manifest_that_points_outside_is_refused(copy: Path, absolute: bool) -> None:
    outside = copy.parent / "secret.txt"
    outside.write_text("secret")
    name = str(outside) if absolute else "encoder/../../secret.txt"
    files = BUNDLE.read(copy)["files"]
    reseal(copy, files={name: files["items.parquet"], **files})
    with pytest.raises(BundleError, match=rf"names '{name}', which lies outside the bundle"):
        corank.load(copy)


def test_a_link_that_leads_outside_is_refused(copy: Path) -> None:
    graph = copy / "encoder" / "graph.onnx"
    graph.rename(copy.parent / "graph.onnx")
    graph.symlink_to(copy.parent / "graph.onnx")
    with pytest.raises(BundleError, match=r"names 'encoder/graph\.onnx', which lies outside"):
        corank.load(copy)


def test_a_vertical_that_no_package_brings_is_handed_over(engine: Engine, tmp_path: Path) -> None:
    signals = replace(engine.signals, without=frozenset({"price"}))
    private = replace(engine.vertical, name="private")
    save(replace(engine, vertical=private, signals=signals), None, tmp_path / "shop")
    with pytest.raises(UnknownVerticalError):
        corank.load(tmp_path / "shop")
    loaded = corank.load(tmp_path / "shop", private)
    assert loaded.vertical is private
    assert loaded.signals.without == {"price"}
    other = replace(private, item_text="{title}")
    with pytest.raises(BundleError, match=r"reads '\{title\}'"):
        corank.load(tmp_path / "shop", other)


def test_a_bundle_made_with_another_item_text_is_refused(copy: Path) -> None:
    reseal(copy, item_text="{title}")
    with pytest.raises(BundleError, match=r"made with item_text '\{title\}'.* Fit it again"):
        corank.load(copy)


def test_a_bundle_of_a_vertical_that_is_not_installed_says_so(copy: Path) -> None:
    reseal(copy, vertical="ecomerce")
    with pytest.raises(UnknownVerticalError, match="Did you mean 'ecommerce'"):
        corank.load(copy)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(BundleError, match=f"{path} is no bundle: it holds no bundle.json"):
            corank.load(path)


def test_the_stored_report_is_read_back(
    pipeline: Pipeline, bundle: Path, copy: Path, engine: Engine
) -> None:
    report = read_report(bundle)
    assert report.verdict in (bundle / "report.md").read_text("utf-8")
    save(engine, None, copy)
    with pytest.raises(BundleError, match=r"holds no report\. Make one: corank evaluate"):
        read_report(copy)


def test_a_report_is_put_only_where_nothing_has_changed(
    pipeline: Pipeline, bundle: Path, tmp_path: Path
) -> None:
    report, place = read_report(bundle), tmp_path / "shop"
    pipeline.save(place)
    before = identity(place)
    put_report(pipeline.engine, report, place, made_from=before)
    assert read_report(place).verdict == report.verdict and not previous(place).exists()
    changed = identity(place)
    assert changed != before
    with pytest.raises(BundleError, match="has changed since it was read"):
        put_report(pipeline.engine, report, place, made_from=before)
    assert identity(place) == changed


def test_a_damaged_report_is_not_read(copy: Path) -> None:
    report = json.loads((copy / "report.json").read_text("utf-8"))
    report["verdict"] = "corank wins"
    (copy / "report.json").write_text(json.dumps(report), "utf-8")
    with pytest.raises(BundleError, match=r"report\.json is not what was saved"):
        read_report(copy)


@pytest.mark.parametrize("index", [FaissIndex, BinaryIndex])
def test_an_approximate_index_is_saved_and_used(
    engine: Engine, tmp_path: Path, index: type[FaissIndex | BinaryIndex]
) -> None:
    signals = replace(
        engine.signals,
        text_index=index.build(engine.signals.text_vectors),
        state_index=index.build(engine.signals.user_model.states),
    )
    approximate = replace(engine, signals=signals)
    save(approximate, None, tmp_path / "shop")
    loaded = corank.load(tmp_path / "shop")
    assert isinstance(loaded.signals.text_index, index)
    assert isinstance(loaded.signals.state_index, index)
    assert loaded.search("coffee grinder") == approximate.search("coffee grinder")
    assert loaded.recommend(["KIT-0001"]) == approximate.recommend(["KIT-0001"])


def test_a_place_under_a_file_cannot_be_written(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "shop", tmp_path / "file" / "runs" / "shop"):
        with pytest.raises(BundleError, match=f"cannot be written to {path}: "):
            save(engine, None, path)


def test_a_folder_or_file_that_is_no_bundle_is_left_alone(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.md").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    before = contents(tmp_path)
    for name in ("thesis", "file"):
        with pytest.raises(BundleError, match=f"{name} exists and is no bundle; it is left alone"):
            save(engine, None, tmp_path / name)
    assert contents(tmp_path) == before


def test_an_empty_folder_is_filled(engine: Engine, tmp_path: Path) -> None:
    save(engine, None, tmp_path)
    assert len(corank.load(tmp_path).search("coffee", k=2)) == 2


def test_saving_over_a_bundle_replaces_it_whole(engine: Engine, copy: Path) -> None:
    (copy / "notes.txt").write_text("of the old bundle")
    save(engine, None, copy)
    assert names(copy) == set(BUNDLE.read(copy)["files"]) | {BUNDLE.manifest}
    assert not names(copy) & {"notes.txt", "report.json"}
    assert [path.name for path in copy.parent.iterdir()] == ["shop"]
    corank.load(copy)


class FullDisk(Report):
    """A report that finds the disk full."""

    def save(self, folder: Path) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("report", "error"),
    [
        (FullDisk("", ()), BundleError),
        (Report("", (), {"cannot be": object()}), TypeError),  # no JSON
    ],
)
def test_a_failure_in_the_middle_leaves_the_old_bundle_whole(
    engine: Engine, copy: Path, report: Report, error: type[Exception]
) -> None:
    before = contents(copy)
    with pytest.raises(error):
        save(engine, report, copy)
    assert contents(copy) == before
    assert [path.name for path in copy.parent.iterdir()] == ["shop"]
    with pytest.raises(error):
        save(engine, report, copy.parent / "new")
    assert [path.name for path in copy.parent.iterdir()] == ["shop"]
