"""Every public set that the benchmarks know, by name."""

from benchmarks.amazon_beauty import AMAZON_BEAUTY
from benchmarks.crowdflower import CROWDFLOWER
from benchmarks.datasets import RankingSet
from benchmarks.labelled import BANKING77, CLINC150, PHRASEBANK, LabelledSet
from benchmarks.liveqa import LIVEQA
from benchmarks.movielens import ML_1M, ML_100K
from benchmarks.reranking import RerankingSet

RANKING: dict[str, RankingSet] = {each.name: each for each in (AMAZON_BEAUTY, ML_1M, ML_100K)}
LABELLED: dict[str, LabelledSet] = {each.name: each for each in (BANKING77, CLINC150, PHRASEBANK)}
RERANKING: dict[str, RerankingSet] = {each.name: each for each in (CROWDFLOWER, LIVEQA)}
DATASETS: dict[str, RankingSet | LabelledSet | RerankingSet] = {
    **RANKING,
    **LABELLED,
    **RERANKING,
}
