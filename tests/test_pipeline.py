from corank import Engine, Pipeline
from corank.data.dataset import Split


def test_a_fitted_pipeline_answers(pipeline: Pipeline, split: Split) -> None:
    engine: Engine = pipeline.engine
    assert len(engine.search("coffee grinder", k=5)) == 5
