"""Atomic writes: the old one or the new one, and nothing left lying about."""

import os
from pathlib import Path

import pytest

from corank.data.files import atomic


class Interrupted(BaseException):
    """Not an Exception: what ctrl-C raises is none either."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "report.json"
    with atomic(path) as part:
        part.write_text("new")
        assert not path.exists()
        assert part.suffix == ".json"
    assert path.read_text() == "new"
    assert names(path.parent) == ["report.json"]


def test_a_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with atomic(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["report.json"]


def test_an_exception_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(Interrupted), atomic(path) as part:
        part.write_text("half")
        raise Interrupted
    assert path.read_text() == "old"
    assert names(tmp_path) == ["report.json"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "stale.bin").write_text("old")
    with atomic(bundle) as part:
        part.mkdir()
        (part / "model.bin").write_text("new")
        assert names(bundle) == ["stale.bin"]
    assert names(bundle) == ["model.bin"]
    assert names(tmp_path) == ["bundle"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="handles have no names here")
def test_all_of_a_folder_is_on_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, synced, sync = tmp_path / "bundle", [], os.fsync

    def noting(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, bundle.exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    with atomic(bundle) as part:
        (part / "deep").mkdir(parents=True)
        (part / "deep" / "model.bin").write_text("new")
    assert synced == [("model.bin", False), ("deep", False), (part.name, False),
                      (tmp_path.name, True)]  # fmt: skip


def test_an_exception_leaves_the_old_folder_whole(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.bin").write_text("old")
    with pytest.raises(Interrupted), atomic(bundle) as part:
        part.mkdir()
        (part / "model.bin").write_text("half")
        raise Interrupted
    assert (bundle / "model.bin").read_text() == "old"
    assert names(tmp_path) == ["bundle"]


@pytest.mark.parametrize("folder_first", [True, False])
def test_a_file_and_a_folder_do_not_replace_each_other(tmp_path: Path, folder_first: bool) -> None:
    path = tmp_path / "thing"
    if folder_first:
        path.mkdir()
        (path / "inside").write_text("old")
    else:
        path.write_text("old")
    with pytest.raises(OSError, match="thing"), atomic(path) as part:
        if folder_first:
            part.write_text("new")
        else:
            part.mkdir()
    assert path.is_dir() == folder_first
    assert names(tmp_path) == ["thing"]


def test_a_block_that_writes_nothing_is_an_error_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), atomic(path):
        pass
    assert path.read_text() == "old"


def test_two_writers_at_once_do_not_touch_each_other(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with atomic(path) as first:
        first.write_text("first")
        with atomic(path) as second:
            assert second != first
            second.write_text("second")
        assert path.read_text() == "second"
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert names(tmp_path) == ["report.json"]


def test_of_two_writers_of_one_folder_the_last_to_end_wins(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    with atomic(bundle) as first:
        first.mkdir()
        (first / "a").write_text("first")
        with atomic(bundle) as second:
            second.mkdir()
            (second / "b").write_text("second")
    assert names(bundle) == ["a"]
    assert names(tmp_path) == ["bundle"]
