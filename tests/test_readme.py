"""The README says what is so: its code runs, its commands exist, its figures are stored ones."""

import re
from pathlib import Path
from typing import Any

import pytest

import corank_ecommerce.sample
from benchmarks.reporting import report
from benchmarks.reporting.results import stored
from benchmarks.reporting.scale import markdown as scale_of
from corank import EncoderConfig, FitConfig
from corank.cli import COMMANDS, main

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.usefixtures("capsys")
def test_the_python_example_runs(tiny_encoder: str, tiny_fit: FitConfig, tmp_path: Path) -> None:
    (code,) = blocks("python")
    stand_ins = {
        '"data/shop"': repr(str(corank_ecommerce.sample.folder())),
        '"runs/shop"': repr(str(tmp_path / "shop")),
        "cr.Pipeline(shop)": "cr.Pipeline(shop, tiny_encoder)",
        "pipeline.fit(train)": "pipeline.fit(train, tiny_fit)",
    }
    for theirs, ours in stand_ins.items():
        assert theirs in code
        code = code.replace(theirs, ours)
    names: dict[str, Any] = {
        "tiny_encoder": EncoderConfig(name=tiny_encoder, max_tokens=32),
        "tiny_fit": tiny_fit,
    }
    exec(code, names)  # noqa: S102  our own README
    assert len(names["engine"].search("soup", k=3)) == 3


def test_every_command_it_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"^corank ([\w-]+)", "\n".join(blocks("sh")), re.MULTILINE))
    assert named == set(COMMANDS)
    for command in named:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
    assert "usage: corank" in capsys.readouterr().out


def test_its_make_targets_exist() -> None:
    makefile = (Path(__file__).parent.parent / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_its_figures_are_the_stored_results() -> None:
    shown = README.split(report.START)[1].split(report.END)[0].strip()
    assert shown == report.short(stored())
    page = Path(__file__).parent.parent / report.FULL
    assert page.read_text("utf-8") == report.markdown()
    scale = (Path(__file__).parent.parent / report.SCALE).read_text("utf-8")
    assert scale.split(report.SUM)[1].split(report.SUM_END)[0].strip() == scale_of(stored())


def test_its_pictures_are_there() -> None:
    named = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert str(report.PICTURE) in named
    for name in named:
        start = (Path(__file__).parent.parent / name).read_bytes()[:4]
        assert start in (b"\x89PNG", b"<svg"), name
