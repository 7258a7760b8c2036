"""Every public set that the benchmarks know, by name."""

from benchmarks.amazon_beauty import AMAZON_BEAUTY
from benchmarks.datasets import RankingSet
from benchmarks.labelled import BANKING77, CLINC150, PHRASEBANK, LabelledSet

RANKING: dict[str, RankingSet] = {each.name: each for each in (AMAZON_BEAUTY,)}
LABELLED: dict[str, LabelledSet] = {each.name: each for each in (BANKING77, CLINC150, PHRASEBANK)}
DATASETS: dict[str, RankingSet | LabelledSet] = {**RANKING, **LABELLED}
