"""``corank fit`` in two processes: they share the encoder's training, and one writes."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import corank
import corank_ecommerce.sample
from corank import FitConfig
from corank.bundle import read_report

SAMPLE = corank_ecommerce.sample.folder()


@pytest.mark.slow
def test_two_processes_fit_one_bundle(
    tiny_encoder: str, tiny_fit: FitConfig, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(asdict(tiny_fit)))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    fit = ["-m", "corank", "fit", "ecommerce", "--data", SAMPLE, "--out", tmp_path / "shop"]
    given = ["--encoder", tiny_encoder, "--config", config, "--rejects", tmp_path / "rejects"]
    done = subprocess.run(
        [sys.executable, *launch, *map(str, (*fit, *given))],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("The bundle lies in") == done.stdout.count("### all") == 1
    assert read_report(tmp_path / "shop").verdict in done.stdout
    assert len(corank.load(tmp_path / "shop").search("soup", k=3)) == 3
    assert not (tmp_path / "shop.training").exists()
    assert corank.load(tmp_path / "shop").about["processes"] == 2
