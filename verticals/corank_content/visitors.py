"""Who may be tried at the publisher's."""

from corank import Visitor

VISITORS = (
    Visitor(
        name="Floods and the sponge city, in English and German",
        history=("VID-0082", "FLM-0058", "FLM-0032", "ART-0042", "ART-0088"),
        known={"age": 62, "languages": "en|de"},
    ),
    Visitor(
        name="Cold water every morning",
        history=("VID-0076", "ART-0051", "ART-0030", "ART-0136"),
        known={"age": 58, "languages": "en|fr"},
    ),
    Visitor(
        name="Sixteen, and growing up",
        history=("FLM-0005", "ART-0075", "ART-0103"),
        known={"age": 16, "languages": "en|fr"},
    ),
    Visitor(
        name="只读中文",
        history=("FLM-0052", "VID-0030", "ART-0091"),
        known={"age": 68, "languages": "zh"},
    ),
)
