"""The samples that come with the verticals, as sets of their own: written for corank."""

from benchmarks.sets.datasets import PublicSet

SAMPLES = PublicSet(
    name="samples",
    home_page="verticals/",
    licence="that of corank",
    files={},
    protocols=("quick", "screens"),
)
