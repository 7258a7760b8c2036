"""What a health service knows: articles, answers and products, people, and what people did.

Only ids, titles, events and times are required; every other column may be absent or null. What the
hard rules need of a product and nobody has said is taken for the worst: see `corank_health.rules`.
"""

import dataframely as dy

from corank import Edge, Interaction, Item, User

KINDS = ("article", "answer", "product")
ALLERGENS = (
    "celery", "crustaceans", "egg", "fish", "gluten", "lupin", "milk", "molluscs", "mustard",
    "peanut", "sesame", "soya", "sulphites", "tree_nuts",
    "aspirin", "chlorhexidine", "fragrance", "ibuprofen", "lanolin", "latex", "penicillin",
    "propolis", "ragweed",
)  # fmt: skip
PREGNANCY = ("safe", "ask", "avoid")
EVENTS = ("view", "read", "helpful", "unhelpful", "save", "buy", "return", "report")
RELATIONS = ("contains", "harms", "interacts", "eases", "sign_of")

_allergens = "|".join(ALLERGENS)
SOME_ALLERGENS = rf"^(none|({_allergens})(\|({_allergens}))*)$"
SAID = "lower case, underscores, | between them"
WORDS = r"^[a-z0-9_]+(\|[a-z0-9_]+)*$"


class Resource(Item):
    """Something to read, or something to take, to put on or to eat."""

    kind = dy.Enum(KINDS, nullable=True)
    source = dy.String(nullable=True, description="who answers for it: a service, a maker")
    url = dy.String(nullable=True, regex=r"^https?://\S+$")
    reviewed = dy.Date(nullable=True, description="when somebody qualified last read it")
    description = dy.String(nullable=True)
    topics = dy.String(nullable=True, regex=WORDS, description="conditions and themes")
    ingredients = dy.String(nullable=True, regex=WORDS, description="what acts in a product")
    allergens = dy.String(
        nullable=True,
        regex=SOME_ALLERGENS,
        description=f"none: free of all, or, | between them, of {', '.join(ALLERGENS)}",
    )
    avoid_conditions = dy.String(
        nullable=True, regex=WORDS, description="of who must not take it; none: nobody"
    )
    avoid_medicines = dy.String(
        nullable=True, regex=WORDS, description="what it must not meet; none: nothing"
    )
    pregnancy = dy.Enum(PREGNANCY, nullable=True, description="while pregnant or breastfeeding")
    min_age = dy.Int64(nullable=True, min=0, max=120, description="in years")
    max_age = dy.Int64(nullable=True, min=0, max=120, description="in years")


class Person(User):
    """Somebody who asks: all of it is health data."""

    joined = dy.Date(nullable=True)
    age = dy.Int64(nullable=True, min=0, max=120, description="in years")
    allergies = dy.String(
        nullable=True, regex=SOME_ALLERGENS,
        description=f"none or, | between them, of {', '.join(ALLERGENS)}",
    )  # fmt: skip
    conditions = dy.String(nullable=True, regex=WORDS, description=SAID)
    medicines = dy.String(nullable=True, regex=WORDS, description=f"taken now: {SAID}")
    pregnant = dy.Bool(nullable=True, description="or breastfeeding")
    interests = dy.String(nullable=True, description="in their own words")


class Event(Interaction):
    """One thing somebody did to an item."""

    event = dy.Enum(EVENTS)
    dwell_seconds = dy.Float64(nullable=True, min=0, description="how long it was open")
    device = dy.String(nullable=True, description="such as phone, desktop")


class Relation(Edge):
    """One line of the knowledge graph.

    An ingredient ``contains`` an allergen, ``harms`` somebody with a condition, ``interacts`` with
    a medicine and ``eases`` a condition; a symptom is a ``sign_of`` a condition.
    """

    relation = dy.Enum(RELATIONS, primary_key=True)
