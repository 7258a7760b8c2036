"""Search and recommendation that understand text and behaviour.

    shop = corank.load_vertical("ecommerce")
    train, test = shop.read("data/shop").split("time")
    pipeline = corank.Pipeline(shop)
    pipeline.fit(train)
    report = pipeline.evaluate(test)
    pipeline.save("runs/shop", report)

    shop = corank.load("runs/shop")          # no torch from here on
    shop.search("vitamin c serum", k=10)
    shop.recommend(["B000142FVW"], k=10)

Importing corank does nothing else: names are loaded when they are first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from corank.errors import MissingExtraError

if TYPE_CHECKING:
    from corank.bundle import load as load
    from corank.classify.appeal import Appeal as Appeal
    from corank.classify.appeal_training import AppealConfig as AppealConfig
    from corank.classify.appeal_training import fit_appeal as fit_appeal
    from corank.classify.classifier import Classifier as Classifier
    from corank.classify.compressing import compress_classifier as compress_classifier
    from corank.classify.material import Labelled as Labelled
    from corank.classify.training import ClassifierConfig as ClassifierConfig
    from corank.classify.training import fit_classifier as fit_classifier
    from corank.classify.trials import Trials as Trials
    from corank.classify.updating import ClassifierUpdate as ClassifierUpdate
    from corank.classify.updating import update_classifier as update_classifier
    from corank.data.context import Context as Context
    from corank.data.context import asker as asker
    from corank.data.dataset import Dataset as Dataset
    from corank.data.graph import Join as Join
    from corank.data.labels import labeling_function as labeling_function
    from corank.data.schema import Edge as Edge
    from corank.data.schema import Interaction as Interaction
    from corank.data.schema import Item as Item
    from corank.data.schema import Query as Query
    from corank.data.schema import User as User
    from corank.engine import Engine as Engine
    from corank.evaluate.report import Report as Report
    from corank.exporting import export as export
    from corank.fitting import FitConfig as FitConfig
    from corank.installed import load_vertical as load_vertical
    from corank.installed import verticals as verticals
    from corank.language.adapt import AdaptConfig as AdaptConfig
    from corank.language.encoder import EncoderConfig as EncoderConfig
    from corank.language.rerank import RerankerConfig as RerankerConfig
    from corank.language.shrink import ShrinkConfig as ShrinkConfig
    from corank.language.trainer import Run as Run
    from corank.pipeline import Pipeline as Pipeline
    from corank.policy import Alarm as Alarm
    from corank.policy import Policy as Policy
    from corank.rank.fusion import UserModelConfig as UserModelConfig
    from corank.rank.ranker import RankerConfig as RankerConfig
    from corank.rank.rules.diverse import Calibrate as Calibrate
    from corank.rank.rules.diverse import Diversify as Diversify
    from corank.rank.rules.hard import AlreadySeen as AlreadySeen
    from corank.rank.rules.hard import Exclude as Exclude
    from corank.rank.rules.hard import Require as Require
    from corank.rank.rules.soft import Boost as Boost
    from corank.rank.rules.soft import Cap as Cap
    from corank.rank.rules.soft import Floor as Floor
    from corank.rank.rules.value import ExpectedValue as ExpectedValue
    from corank.updating import UpdateConfig as UpdateConfig
    from corank.vertical import Vertical as Vertical
    from corank.visitor import Visitor as Visitor

    __version__: str

_HOME = {
    "AdaptConfig": "language.adapt",
    "Alarm": "policy",
    "AlreadySeen": "rank.rules.hard",
    "Appeal": "classify.appeal",
    "AppealConfig": "classify.appeal_training",
    "Boost": "rank.rules.soft",
    "Calibrate": "rank.rules.diverse",
    "Cap": "rank.rules.soft",
    "Classifier": "classify.classifier",
    "ClassifierConfig": "classify.training",
    "ClassifierUpdate": "classify.updating",
    "Context": "data.context",
    "asker": "data.context",
    "Dataset": "data.dataset",
    "Diversify": "rank.rules.diverse",
    "Edge": "data.schema",
    "EncoderConfig": "language.encoder",
    "Engine": "engine",
    "Exclude": "rank.rules.hard",
    "ExpectedValue": "rank.rules.value",
    "FitConfig": "fitting",
    "Floor": "rank.rules.soft",
    "Interaction": "data.schema",
    "Item": "data.schema",
    "Join": "data.graph",
    "Labelled": "classify.material",
    "Pipeline": "pipeline",
    "Policy": "policy",
    "Query": "data.schema",
    "RankerConfig": "rank.ranker",
    "Report": "evaluate.report",
    "Require": "rank.rules.hard",
    "RerankerConfig": "language.rerank",
    "Run": "language.trainer",
    "ShrinkConfig": "language.shrink",
    "Trials": "classify.trials",
    "UpdateConfig": "updating",
    "User": "data.schema",
    "UserModelConfig": "rank.fusion",
    "Vertical": "vertical",
    "Visitor": "visitor",
    "compress_classifier": "classify.compressing",
    "export": "exporting",
    "fit_appeal": "classify.appeal_training",
    "fit_classifier": "classify.training",
    "labeling_function": "data.labels",
    "load": "bundle",
    "load_vertical": "installed",
    "update_classifier": "classify.updating",
    "verticals": "installed",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("corank")
    if name not in _HOME:
        raise AttributeError(f"module 'corank' has no attribute {name!r}")
    try:
        return getattr(import_module(f"corank.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name in ("torch", "transformers", "accelerate", "onnx", "sklearn"):
            raise MissingExtraError(f"corank.{name}", "train") from error
        raise


def __dir__() -> list[str]:
    return __all__
