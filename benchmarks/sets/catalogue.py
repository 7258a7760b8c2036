"""Every public set that the benchmarks know, by name."""

from benchmarks.insurance import INSURANCE
from benchmarks.openbandit import OPENBANDIT
from benchmarks.reranking import RerankingSet
from benchmarks.sets.amazon_beauty import AMAZON_BEAUTY
from benchmarks.sets.crowdflower import CROWDFLOWER
from benchmarks.sets.datasets import PublicSet, RankingSet
from benchmarks.sets.labelled import BANKING77, CLINC150, PHRASEBANK, LabelledSet
from benchmarks.sets.liveqa import LIVEQA
from benchmarks.sets.medquad import MEDQUAD
from benchmarks.sets.movielens import ML_1M, ML_100K
from benchmarks.upworthy import UPWORTHY

RANKING: dict[str, RankingSet] = {each.name: each for each in (AMAZON_BEAUTY, ML_1M, ML_100K)}
LABELLED: dict[str, LabelledSet] = {each.name: each for each in (BANKING77, CLINC150, PHRASEBANK)}
RERANKING: dict[str, RerankingSet] = {each.name: each for each in (CROWDFLOWER, LIVEQA)}
DATASETS: dict[str, RankingSet | LabelledSet | RerankingSet] = {
    **RANKING,
    **LABELLED,
    **RERANKING,
}
OWN: dict[str, PublicSet] = {each.name: each for each in (INSURANCE, OPENBANDIT, UPWORTHY)}
"""Sets with a protocol of their own."""
KNOWN: dict[str, PublicSet] = {MEDQUAD.name: MEDQUAD, **DATASETS, **OWN}


def domain_of(name: str) -> str | None:
    """Return the vertical whose teams a data set speaks to; None for what is none."""
    known = KNOWN.get(name)
    return known.domain if known else None
