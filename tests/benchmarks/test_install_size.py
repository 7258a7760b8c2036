"""What is installed is weighed; what every environment has is not."""

from pathlib import Path

import pytest

from benchmarks.install_size import weighed


def test_packages_are_weighed_one_by_one(tmp_path: Path) -> None:
    for name, size in (("numpy/core/a.so", 3_000_000), ("pip/b.py", 9), ("six.py", 2_000)):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(size))
    assert weighed(tmp_path) == pytest.approx({"numpy": 3.0, "six.py": 0.002})
