"""What a bank or a broker knows: products, customers, and what customers did.

Only ids, titles, events and times are required; every other column may be absent or null. What the
hard rules need and nobody knows is taken for the worst: see `corank_finance.rules`.
"""

import dataframely as dy

from corank import Interaction, Item, User

KINDS = (
    "current account", "savings", "card", "personal loan", "mortgage", "fund", "etf", "bond",
    "pension", "insurance", "investment trust", "structured note", "tax wrapper",
    "business account",
)  # fmt: skip
STATUSES = (
    "resident", "student", "first_time_buyer", "self_employed", "business", "retired",
    "accredited_investor", "homeowner", "payroll_customer", "expat", "joint_applicants",
    "under_26", "over_55", "no_defaults",
)  # fmt: skip
HORIZONS = ("months", "1-3 years", "3-10 years", "10+ years")
EVENTS = ("view", "details", "compare", "apply", "open", "decline", "close", "complain")

_listed = "|".join(STATUSES)
SOME_STATUSES = rf"^({_listed})(\|({_listed}))*$"
COUNTRY = "[A-Z]{2}"


class Product(Item):
    """Something to hold, to borrow or to be insured by."""

    kind = dy.Enum(KINDS, nullable=True)
    provider = dy.String(nullable=True)
    description = dy.String(nullable=True)
    risk_class = dy.Int64(
        nullable=True, min=1, max=7, description="summary risk indicator: 1 as cash, 7 the highest"
    )
    fee_percent = dy.Float64(
        nullable=True, min=0, max=100, description="ongoing charge a year; of lending, the rate"
    )
    minimum = dy.Float64(nullable=True, min=0, description="smallest amount, in the currency")
    currency = dy.String(nullable=True, regex="^[A-Z]{3}$", description="ISO 4217, such as EUR")
    jurisdictions = dy.String(
        nullable=True,
        regex=rf"^{COUNTRY}(\|{COUNTRY})*$",
        description="ISO 3166 codes of where it may be offered, | between them; null: everywhere",
    )
    eligibility = dy.String(
        nullable=True,
        regex=SOME_STATUSES,
        description="what a customer has to be, | between them; null: anybody",
    )
    min_age = dy.Int64(nullable=True, min=0, max=120, description="in years")
    term_months = dy.Int64(nullable=True, min=1)
    tags = dy.String(nullable=True, description="themes, | between them")


class Customer(User):
    """Somebody who is advised."""

    joined = dy.Date(nullable=True)
    jurisdiction = dy.String(
        nullable=True, regex=f"^{COUNTRY}$", description="ISO 3166 code of where they live"
    )
    age = dy.Int64(nullable=True, min=0, max=120, description="in years")
    risk_tolerance = dy.Int64(
        nullable=True, min=1, max=7, description="1 to 7, as risk classes are counted"
    )
    statuses = dy.String(
        nullable=True,
        regex=SOME_STATUSES,
        description="what they are, | between them, such as resident|student",
    )
    horizon = dy.Enum(HORIZONS, nullable=True, description="when the money is needed")
    interests = dy.String(nullable=True, description="in the customer's own words")


class Event(Interaction):
    """One thing a customer did to a product, or the house did to an application."""

    event = dy.Enum(EVENTS)
    device = dy.String(nullable=True, description="such as phone, desktop, branch")
