"""Who of the audience may be tried."""

from corank import Visitor

VISITORS = (
    Visitor(
        name="Drives electric",
        history=("AD-0153", "AD-0151", "AD-0198", "AD-0200"),
        known={"age": 42, "country": "GB", "device": "phone", "segments": "drivers|eco-minded"},
    ),
    Visitor(
        name="Eighteen, plays games",
        history=("AD-0101", "AD-0103", "AD-0127"),
        known={"age": 18, "country": "GB", "device": "phone", "segments": "gamers|teens"},
    ),
    Visitor(
        name="Over sixty, walks, and has had enough of politics",
        history=("AD-0216", "AD-0215", "AD-0269"),
        known={
            "age": 62, "country": "GB", "device": "tablet", "segments": "singles|walkers",
            "blocked": "politics",
        },
    ),
    Visitor(
        name="Reads crime on the train",
        history=("AD-0090", "AD-0088", "AD-0093"),
        known={"age": 48, "country": "GB", "device": "phone", "segments": "commuters|readers"},
    ),
)  # fmt: skip
