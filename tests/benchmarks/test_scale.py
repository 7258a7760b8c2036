"""The arithmetic of scale: a line is items times what one takes."""

import pytest

from benchmarks.reporting.results import Result
from benchmarks.reporting.scale import Need, markdown, needs
from corank.evaluate.report import Row


def result(
    dataset: str, protocol: str, system: str, split: str, rate: float, when: str = "", **gpu: str
) -> Result:
    rows = (Row(system, split, "texts_per_second", rate),)
    return Result(dataset, protocol, "0", {"cores": 2, **gpu}, {}, "", "so", rows, when=when)


RATES = [
    result("crowdflower", "latency", "corank/int8", "all", 100.0),
    result("crowdflower", "8-bit-cuda", "fp32", "encoding", 5_000.0, gpu="NVIDIA X"),
]


@pytest.mark.parametrize(
    ("need", "n", "said"),
    [
        (Need("x", 1_536, "B"), 1_000_000, "1.5 GB"),
        (Need("x", 1_536, "B"), 1_000_000_000, "1.5 TB"),
        (Need("x", 8, "B"), 1_000, "0.0 MB"),
        (Need("x", 0.01, "s"), 1_000_000, "2.8 h"),
        (Need("x", 0.01, "s"), 1_000_000_000, "116 days"),
        (Need("x", 0.01, "s"), 100, "1.0 s"),
    ],
)
def test_a_line_is_items_times_what_one_takes(need: Need, n: int, said: str) -> None:
    assert need.of(n) == said


def test_rates_are_those_that_were_stored_last() -> None:
    later = [result("crowdflower", "latency", "corank/int8", "all", 200.0, "2026-12-01"), *RATES]
    (rate,) = {need.each for need in needs(later) if "2 cores" in need.what}
    assert rate == 1 / 200
    table = markdown(later, [1_000_000])
    assert "| encoding in 8 bits, 2 cores (200 texts/s) | 1.4 h |" in table
    assert "| encoding by torch, NVIDIA X (5,000 texts/s) | 3.3 min |" in table
    with pytest.raises(LookupError, match="no result of crowdflower, latency"):
        needs(RATES[1:])
