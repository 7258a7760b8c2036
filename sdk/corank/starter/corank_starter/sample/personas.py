"""Who looks things up in the sample: people with an everyday legal matter and without a lawyer.

They come with one matter, a flat, a job, a parent, a bicycle, and leave with another. A taste
crosses topics (see `corank.people`): whoever has learnt to take photographs takes them of a
mouldy wall, a rental car and a broken suitcase.
"""

from corank.people import Persona, Themes

THEMES: Themes = {
    # what a matter is about
    "deposits": ("deposit", "down payment", "payment in advance"),
    "landlords": ("landlord", "tenan", "lease", "rented flat"),
    "shared-flats": ("flatmate", "shared flat", "moving in together", "several tenants"),
    "repairs": ("repair", "mend", "broken", "faulty"),
    "water-damage": ("leak", "damp", "mould", "flood", "burst pipe"),
    "noise": ("noise", "loud", "quiet hours", "barking"),
    "pets": ("pets", "pet is", "dog", "cats", "the cat"),
    "bicycles": ("bicycle", "bike", "cyclist"),
    "cars": ("car ", "car,", "cars", "vehicle", "parking", "driver"),
    "fines": ("a fine", "the fine", "fines", "parking ticket"),
    "salary": ("salar", "wage", "payslip", "overtime"),
    "instalments": ("instalment", "repay", "monthly sum", "small steps"),
    "debt-collectors": ("debt collector", "collectors", "collection firm", "creditor", "bailiff"),
    "online-purchases": ("online", "web shop", "website", "order confirmation"),
    "fraud": ("fraud", "stolen", "phishing", "identity"),
    "children": ("child", "school", "nurser", "baby", "parenting"),
    "illness": ("ill", "sick", "doctor", "hospital"),
    "bereavement": ("died", "death", "funeral", "estate", "heirs", "inherit"),
    "joint-ownership": ("joint", "brothers and sisters", "in both names", "equal halves"),
    "power-of-attorney": ("power of attorney", "behalf", "authorised"),
    # what one does about it
    "deadlines": ("deadline", "time limit", "in time", "run out"),
    "photographs": ("photo", "picture", "screenshot"),
    "witnesses": ("witness", "who saw"),
    "receipts": ("receipt", "invoice", "bank statement", "proof of delivery"),
    "written-notice": ("in writing", "written notice", "notice period"),
    "mediation": ("mediat", "neutral third", "peacefully", "compromise"),
    "small-claims": ("small claims", "court", "judge", "hearing"),
    "complaints": ("complain", "ombuds", "grievance"),
    "cancelling": ("cancel", "withdraw", "back out", "change your mind"),
}

PERSONAS: tuple[Persona, ...] = (
    Persona(
        name="Marit",
        who="Leaves a shared flat for a lease of her own and believes only what she photographed.",
        chapters=(
            {"shared-flats": 2.4, "deposits": 2.2, "photographs": 1.2, "handover": 1},
            {"landlords": 2.2, "deposits": 1.8, "photographs": 1.6, "cars": -1},
            {"landlords": 1.4, "water-damage": 2, "repairs": 1.4, "insur": 1.2},
        ),
        session=3.4,
    ),
    Persona(
        name="Benedikt",
        who="Lost his job in the spring, opens every envelope since, and pays things off slowly.",
        chapters=(
            {"salary": 2.8, "deadlines": 1.4, "illness": 1, "written-notice": 0.8},
            {"instalments": 3, "salary": 1.6, "budget": 1, "deposits": -0.6},
            {"instalments": 2, "small-claims": 1.6, "debt-collectors": 1.4, "deadlines": 1},
        ),
        session=3,
    ),
    Persona(
        name="Odile",
        who="Two children, two homes, and a former husband with whom she still owns a car.",
        chapters=(
            {"children": 2.8, "joint-ownership": 1.8, "mediation": 1.4},
            {"children": 2.4, "illness": 1.2, "written-notice": 1, "holiday": 1, "noise": -0.8},
        ),
        session=2.8,
    ),
    Persona(
        name="Tarek",
        who="Mends bicycles in a cellar after work and wonders whether that is a business yet.",
        chapters=(
            {"bicycles": 3, "repairs": 1.8, "receipts": 0.8},
            {"repairs": 2, "customer": 2.2, "receipts": 1.4, "bicycles": 1.2},
            {"customer": 2.4, "small-claims": 1.6, "deposits": 1.4, "children": -0.8},
        ),
        session=3.2,
    ),
    Persona(
        name="Hanneke",
        who="Widowed last winter; sorts a house, four drawers of paper and three sets of heirs.",
        chapters=(
            {"bereavement": 3, "deadlines": 1, "receipts": 0.8},
            {"bereavement": 2.2, "joint-ownership": 2, "power-of-attorney": 1.6, "mediation": 1},
            {"fraud": 2, "power-of-attorney": 1.8, "password": 1.2, "cars": -0.8},
        ),
        session=2.4,
    ),
    Persona(
        name="Lorcan",
        who="Complains about the flat above, and is complained about because of his dog.",
        chapters=(
            {"noise": 2.8, "complaints": 1.6, "witnesses": 1},
            {"pets": 2.8, "noise": 1.6, "mediation": 1.4, "neighbour": 1},
        ),
        session=3.6,
    ),
    Persona(
        name="Sunniva",
        who="Buys everything at midnight on her telephone and sends half of it back.",
        chapters=(
            {"online-purchases": 2.8, "cancelling": 2, "receipts": 1},
            {"fraud": 2.4, "online-purchases": 2, "complaints": 1.2},
            {"cancelling": 2.2, "data": 1.6, "complaints": 1.2, "landlords": -0.6},
        ),
        session=4.2,
    ),
    Persona(
        name="Ignace",
        who="Sales representative who lives on motorways and argues with every fine on principle.",
        chapters=(
            {"cars": 2.8, "fines": 1.8, "photographs": 1},
            {"witnesses": 2.2, "cars": 2, "insur": 1.4, "children": -0.6},
            {"receipts": 1.8, "holiday": 1.6, "airline": 1.6, "complaints": 1},
        ),
        session=2.6,
    ),
    Persona(
        name="Zofia",
        who="Looks after her father, his hospital post and his spaniel, beside a full-time job.",
        chapters=(
            {"illness": 2.8, "power-of-attorney": 2.2, "pets": 0.8},
            {"power-of-attorney": 2, "bereavement": 1.8, "illness": 1.4, "salary": 1},
        ),
        session=2.2,
    ),
    Persona(
        name="Esi",
        who="Volunteers at an advice desk on Tuesdays and reads up on what she was asked there.",
        chapters=(
            {"deadlines": 2.4, "written-notice": 2, "landlords": 1},
            {"small-claims": 2.4, "mediation": 1.8, "complaints": 1.6, "deadlines": 1},
            {"mediation": 2.2, "written-notice": 1.6, "fraud": 1.4, "pets": -0.6},
        ),
        session=4.8,
    ),
)
