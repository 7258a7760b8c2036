"""The customers of the sample, and the words by which they find what suits them.

A taste crosses kinds (see `corank.people`): whoever saves for a first home looks at accounts,
wrappers and mortgages alike.
"""

from dataclasses import dataclass

from corank.people import Persona, Themes

# fmt: off
THEMES: Themes = {
    # what the money is for
    "first-home": (
        "first home", "first flat", "first rung", "first keys", "deposit for a", "house deposit",
        "buyers between eighteen", "starters", "a route in for", "parent boost",
        "putting down roots", "vingt ans", "landlord's deposit",
    ),
    "emergency-fund": (
        "boiler money", "rainy day", "emergency", "easy access", "instant access",
        "ready the next working day", "three months of", "withdrawals whenever",
        "free withdrawals", "draw out on the same", "overnight money", "heating dies",
    ),
    "travel": (
        "abroad", "travel", "before the holiday", "family trips", "one trip", "trips beyond",
        "a trip north", "flyers", "backpack", "hostels, bar",
        "foreign surcharge", "worldwide",
    ),
    "moving-country": (
        "moving country", "new arrivals", "newcomer", "expat", "residence permit",
        "several countries", "cross-border", "affairs cross", "paid abroad", "paid in dirhams",
        "french address", "property costs over there", "eleven languages",
    ),
    "children": (
        "child", "baby", "newborn", "teen", "pocket money", "grandparents", "godmothers", "kids",
        "school", "nursery", "freshman", "eighteenth birthday", "uniform",
    ),
    "couple": (
        "joint", "couples", "both partners", "spouse", "wedding", "housemate", "marriage",
        "two signatures", "either holder", "a partner", "bathtub through",
    ),
    "studies": (
        "student", "campus", "undergraduate", "graduate", "tuition", "term time", "textbooks",
        "course", "library desk", "university", "degree", "college",
    ),
    "home-improvement": (
        "kitchen", "loft", "bathroom", "new roof", "façade", "retrofit", "renovat", "insulation",
        "builder's invoices", "self-build", "solar", "heat pump",
    ),
    "motoring": (
        "car ", "cars", "vehicle", "driver", "van ", "van,", "white van", "electric car", "petrol",
        "electric model", "chargers", "e-scooters", "motorbike", "bike", "bicycle",
    ),
    "health": (
        "health", "hospital", "cancer", "illness", "dental", "medical", "medicine", "diabetics",
        "nurse on the phone", "drug makers", "low vision", "hearing aids", "vet fees", "vet chains",
        "scanners",
    ),
    "retirement": (
        "retire", "pension", "annuity", "life after sixty", "old age", "lifelong",
        "stop work", "freedom for retirees",
    ),
    "later-life": (
        "over-55", "over-fifties", "older owners", "older terminals", "large-print", "funeral",
        "equity release", "move into care", "widow", "passbook", "low vision", "trusted-person",
        "heart stents", "heart trouble", "ageing",
    ),
    "heirs": (
        "heirs", "inheritance", "if you die", "should you die", "you die", "funeral",
        "nomination form", "family first", "leave a partner", "left to a friend", "for a child",
        "life cover",
    ),
    # how a living is earned
    "self-employed": (
        "freelanc", "self-employed", "sole trader", "contractor", "invoice", "after hours",
        "plumbers", "builders and couriers", "lean months", "irregular earners",
    ),
    "small-firm": (
        "small firm", "the firm", "company's", "directors", "bakers", "cafés",
        "takings", "small exporter", "business account", "hauliers", "for firms", "premises",
        "payroll on friday",
    ),
    "payday": (
        "payday", "wages", "payroll", "salaried", "salary", "paycheck", "employer",
    ),
    # trouble and thrift
    "debt-clearing": (
        "old card debt", "consolidat", "rolls store cards", "umschuldung",
        "balance transfer", "replaces a costly", "single payment",
        "nought percent", "second charge", "twelve smaller ones",
    ),
    "rebuild-credit": (
        "thin file", "credit history", "missed payments", "bankruptcy", "court judgment",
        "defaults", "patchy records", "mends a record", "credit builder", "default, ",
        "mainstream won't", "clean slate",
    ),
    "budgeting": (
        "budget", "pots", "pocket money", "daily ceiling", "lose track", "monthly figure",
        "spare change", "weekly amount", "they can't save", "set a ceiling",
        "slice off", "ten percent monthly", "nudge",
    ),
    "low-cost": (
        "without a monthly fee", "nothing is charged", "fee-free", "cheap",
        "charges capped", "fifth of a percent", "tenth of a percent", "hardly notice",
        "no custody charge", "no minimum balance", "free banking", "no fee in year",
        "costs nothing", "no added charge", "low-rate", "penny-plain",
    ),
    "rewards": (
        "percent back", "gather points", "points card", "bonus", "draw for sums", "rewards",
        "a hundredth of all", "prize", "lounge",
    ),
    "fixed-rate": (
        "fixed", "one known rate", "one rate", "locks today", "unchanging rate", "nailed down",
        "locked", "printed date", "same bill",
    ),
    # what is bought, and why
    "climate": (
        "climate", "carbon", "wind farm", "wind blades", "sun and wind", "solar", "heat pump",
        "fossil", "green", "renewable",
        "clean power", "clean-energy", "energy label", "energy transition", "battery cars",
        "battery metals", "batteries", "electric car", "electric drivers", "diesels still",
        "transition",
    ),
    "conscience": (
        "weapons", "tobacco, gambling", "values come first", "conviction", "social",
        "charity", "vaccine", "schools in poorer", "religious scholars", "the cause",
        "divests", "organic", "mind where the money", "wanting purpose", "beds to exist",
    ),
    "community": (
        "neighbours", "members", "credit union", "choirs", "human being", "society", "union get",
    ),
    "branch-and-voice": (
        "branch", "counters", "a person reads", "helpline", "a face across", "passbook",
        "human being", "named banker", "nurse on the phone", "concierge",
    ),
    "income": (
        "income", "dividend", "payout", "coupon", "cheque every month", "pay cheque",
        "distributed each month", "distributing each quarter", "passing on the rent",
    ),
    "index": (
        "index", "tracker", "tracks", "ticker", "core holding", "copies the shares",
        "building block", "broad world", "of london's largest", "broad japanese",
    ),
    "technology": (
        "technology", "software", "chip ", "chipmakers", "cloud", "robot",
        "artificial intelligence", "firewalls", "foundries", "ransomware", "big tech",
    ),
    "emerging-markets": (
        "emerging", "rising markets", "india", "jakarta", "vietnam", "brazil", "china",
        "hanoi", "bangalore", "korean", "poorer countries",
    ),
    "small-companies": (
        "small companies", "smaller firms", "smaller companies", "little businesses", "minnows",
        "family firms", "early-stage", "unlisted companies", "small cap",
    ),
    "metals-and-materials": (
        "gold", "bullion", "metal", "lithium", "copper", "commodit", "crude", "raw materials",
        "miners",
    ),
    "against-inflation": (
        "inflation", "prices will climb", "retail prices", "consumer prices", "index-linked",
        "purchasing power", "spending power", "rises with prices", "tied to prices", "real money",
        "offset surging",
    ),
    "rents": (
        "rent", "landlord", "warehouses", "sheds", "holiday-let", "to let", "real estate",
        "tenant",
    ),
    "cautious": (
        "cautious", "wobbles less", "prudent", "nervous", "steadier", "dislike drama",
        "not to lose money", "the wary", "capital comes back", "moved least", "safety",
        "stake is safe", "capital is safe", "careful",
    ),
    "parked-cash": (
        "money market", "overnight rate", "park cash", "park seed", "parking bay",
        "short-term rate", "treasury bill",
        "government bills", "waiting room", "notice and", "term deposit", "between decisions",
    ),
    "tax-saving": (
        "tax-free", "free of tax", "free of gains tax", "untaxed", "capital gains tax",
        "tax relief", "tax bill", "taxman", "deductible", "relieved at", "tax on gains",
        "federal income tax", "exemption order", "relief at source",
    ),
    "thrill": (
        "leveraged", "inverse", "doubles each day", "speculative", "strong stomach", "boom",
        "twice the upside", "lottery", "frontier", "two thirds belongs", "losing half",
        "barrier", "private equity", "magnify",
    ),
    "safe-online": (
        "thief", "identity", "firewalls", "one-use", "shops you don't quite", "hijacked",
        "stolen", "theft", "login step",
    ),
}
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Banked(Persona):
    """Someone who banks."""

    jurisdiction: str
    born: int
    risk: int  # tolerance, 1 to 7
    statuses: tuple[str, ...]  # what they are, of `STATUSES`
    horizon: str
    kinds: tuple[str, ...]  # what they look at
    session: float = 3.2


# fmt: off
PERSONAS: tuple[Banked, ...] = (
    Banked(
        name="Bronwen", who="Counts down the months to a deposit on a terrace near her sister.",
        jurisdiction="GB", born=1997, risk=3, horizon="1-3 years",
        statuses=("resident", "first_time_buyer", "payroll_customer", "no_defaults"),
        chapters=({"first-home": 3.4, "fixed-rate": 1.2, "rewards": 0.6, "thrill": -1},),
        kinds=("savings", "tax wrapper", "mortgage"),
    ),
    Banked(
        name="Kwame", who="In his second year of physics, with a bicycle and eleven pounds.",
        jurisdiction="GB", born=2005, risk=4, horizon="months",
        statuses=("resident", "student", "under_26"),
        chapters=({"studies": 3, "budgeting": 1.6, "low-cost": 1.4, "rewards": 0.6},),
        kinds=("current account", "card", "insurance"),
    ),
    Banked(
        name="Sorcha", who="Left her job to throw pots, and is paid whenever it pleases people.",
        jurisdiction="IE", born=1988, risk=3, horizon="10+ years",
        statuses=("resident", "self_employed", "no_defaults"),
        chapters=({"self-employed": 3.2, "budgeting": 1.2, "health": 1, "tax-saving": 1},),
        kinds=("business account", "savings", "pension", "insurance"),
    ),
    Banked(
        name="Ottmar", who="A careful engineer from Kassel who reads contracts on Sundays.",
        jurisdiction="DE", born=1974, risk=3, horizon="3-10 years",
        statuses=("resident", "payroll_customer", "homeowner", "no_defaults"),
        chapters=({"cautious": 3, "fixed-rate": 1.8, "parked-cash": 1.2, "thrill": -2},),
        kinds=("savings", "bond", "etf", "mortgage", "insurance"),
    ),
    Banked(
        name="Annelies", who="Took the gas out of the house and wants it out of her pension.",
        jurisdiction="NL", born=1983, risk=5, horizon="10+ years",
        statuses=("resident", "homeowner", "payroll_customer", "no_defaults"),
        chapters=({"climate": 3.4, "conscience": 1.6, "home-improvement": 1, "index": 0.6},),
        kinds=("fund", "etf", "personal loan", "savings", "bond"),
    ),
    Banked(
        name="Leopold", who="Retired stationmaster; the gas bill should be paid by dividends.",
        jurisdiction="GB", born=1956, risk=4, horizon="10+ years",
        statuses=("resident", "retired", "over_55", "homeowner", "no_defaults"),
        chapters=({"income": 3.2, "retirement": 1, "against-inflation": 1, "technology": -0.8},),
        kinds=("investment trust", "fund", "bond", "savings"),
    ),
    Banked(
        name="Marguerite", who="Eighty-one, sharp as vinegar, and will not bank on a telephone.",
        jurisdiction="GB", born=1944, risk=1, horizon="months",
        statuses=("resident", "retired", "over_55", "homeowner"),
        chapters=({"branch-and-voice": 3, "later-life": 2.4, "heirs": 1.2, "thrill": -2},),
        kinds=("current account", "savings", "insurance"),
    ),
    Banked(
        name="Rafiq", who="Paints houses, owes on four cards and wants to owe on none.",
        jurisdiction="GB", born=1990, risk=1, horizon="1-3 years",
        statuses=("resident", "self_employed"),
        chapters=({"debt-clearing": 3.4, "rebuild-credit": 2.2, "budgeting": 1.4},),
        kinds=("card", "personal loan", "current account"),
    ),
    Banked(
        name="Delphine", who="A notary's clerk in Lyon with twins and a plan for each of them.",
        jurisdiction="FR", born=1985, risk=4, horizon="10+ years",
        statuses=("resident", "payroll_customer", "joint_applicants", "no_defaults"),
        chapters=({"children": 3, "tax-saving": 1.8, "couple": 0.8, "heirs": 0.8},),
        kinds=("tax wrapper", "savings", "bond", "pension"),
    ),
    Banked(
        name="Ikenna", who="Came over as a nurse in March and is still collecting paperwork.",
        jurisdiction="GB", born=1993, risk=2, horizon="months",
        statuses=("expat", "resident", "payroll_customer"),
        chapters=({"moving-country": 3.2, "payday": 1.2, "rebuild-credit": 1.2, "low-cost": 1},),
        kinds=("current account", "card", "savings", "personal loan"),
    ),
    Banked(
        name="Tamsin", who="Buys the whole world once a month and never looks at it.",
        jurisdiction="GB", born=1991, risk=5, horizon="10+ years",
        statuses=("resident", "payroll_customer", "no_defaults"),
        chapters=({"index": 3.2, "low-cost": 2.2, "tax-saving": 1, "thrill": -1.2},),
        kinds=("etf", "fund", "tax wrapper", "pension"),
    ),
    Banked(
        name="Jurek", who="Writes firmware by day and watches three screens by night.",
        jurisdiction="DE", born=1995, risk=7, horizon="months",
        statuses=("resident", "accredited_investor", "payroll_customer", "no_defaults"),
        chapters=({"thrill": 3, "technology": 2.4, "metals-and-materials": 0.6, "cautious": -1.2},),
        kinds=("etf", "structured note", "fund"),
    ),
    Banked(
        name="Philippa", who="Sold the dairy to a rival and has never owned so much cash.",
        jurisdiction="GB", born=1967, risk=4, horizon="3-10 years",
        statuses=("resident", "accredited_investor", "homeowner", "over_55", "no_defaults"),
        chapters=({"parked-cash": 2.2, "cautious": 1.4, "income": 1.4, "heirs": 1.2},),
        kinds=("savings", "fund", "bond", "investment trust", "current account"),
    ),
    Banked(
        name="Gethin", who="Grows tulips, owns a lurcher, and votes at every annual meeting.",
        jurisdiction="GB", born=1979, risk=5, horizon="10+ years",
        statuses=("resident", "self_employed", "homeowner", "no_defaults"),
        chapters=({"conscience": 3.2, "community": 1.8, "climate": 1.2},),
        kinds=("bond", "fund", "etf", "current account", "savings", "pension"),
    ),
    Banked(
        name="Chiara", who="Away two weeks in every four, and collects stamps in her passport.",
        jurisdiction="IE", born=1989, risk=3, horizon="months",
        statuses=("resident", "payroll_customer", "no_defaults"),
        chapters=({"travel": 3.4, "moving-country": 1.2, "safe-online": 1, "rewards": 0.8},),
        kinds=("card", "insurance", "current account"),
    ),
    Banked(
        name="Duane", who="Drives a school bus in the plains and belongs to a credit union.",
        jurisdiction="US", born=1981, risk=2, horizon="1-3 years",
        statuses=("resident", "payroll_customer", "first_time_buyer", "no_defaults"),
        chapters=({"community": 2.4, "low-cost": 1.8, "first-home": 1.2, "payday": 1.2},),
        kinds=("current account", "savings", "card", "personal loan", "mortgage"),
    ),
    Banked(
        name="Yolanda", who="Has three nieces in college and a calculator by the bread bin.",
        jurisdiction="US", born=1972, risk=5, horizon="3-10 years",
        statuses=("resident", "homeowner", "payroll_customer", "no_defaults"),
        chapters=({"studies": 2.2, "tax-saving": 2.2, "index": 1.6, "income": 0.6},),
        kinds=("tax wrapper", "bond", "etf", "pension"),
    ),
    Banked(
        name="Wilhelmina", who="Lets out the floor above the bakery and would like another.",
        jurisdiction="GB", born=1970, risk=4, horizon="10+ years",
        statuses=("resident", "homeowner", "business", "over_55", "no_defaults"),
        chapters=({"rents": 3.4, "income": 1.2, "small-firm": 0.8},),
        kinds=("mortgage", "investment trust", "fund", "etf", "insurance"),
    ),
    Banked(
        name="Faroukh", who="Runs two cafés on one spreadsheet and no sleep.",
        jurisdiction="GB", born=1986, risk=2, horizon="1-3 years",
        statuses=("resident", "business", "joint_applicants", "no_defaults"),
        chapters=({"small-firm": 3.4, "payday": 1, "safe-online": 1, "motoring": 0.6},),
        kinds=("business account", "card", "insurance"),
    ),
    Banked(
        name="Nuala", who="Pays for three music lessons, one dog and no surprises.",
        jurisdiction="IE", born=1982, risk=2, horizon="3-10 years",
        statuses=("resident", "joint_applicants", "homeowner", "payroll_customer"),
        chapters=({"children": 2.6, "health": 1.8, "emergency-fund": 1.6, "community": 0.8},),
        kinds=("insurance", "savings", "personal loan", "card"),
    ),
    Banked(
        name="Bastian", who="Engaged since Easter; the guest list has reached a hundred and ten.",
        jurisdiction="GB", born=1994, risk=2, horizon="1-3 years",
        statuses=("resident", "joint_applicants", "payroll_customer", "no_defaults"),
        chapters=({"couple": 3.2, "first-home": 1, "fixed-rate": 0.8, "rewards": 0.8},),
        kinds=("savings", "current account", "personal loan", "insurance"),
    ),
    Banked(
        name="Ragnhild", who="Sixty-three, five pensions, and a date circled on the calendar.",
        jurisdiction="GB", born=1962, risk=3, horizon="10+ years",
        statuses=("resident", "over_55", "homeowner", "payroll_customer", "no_defaults"),
        chapters=({"retirement": 3.4, "against-inflation": 1.6, "cautious": 1, "income": 0.8},),
        kinds=("pension", "fund", "savings", "bond"),
    ),
    Banked(
        name="Casimir", who="Remembers the queues outside banks and keeps a little metal.",
        jurisdiction="FR", born=1960, risk=5, horizon="10+ years",
        statuses=("resident", "over_55", "homeowner", "no_defaults"),
        chapters=({"metals-and-materials": 3, "against-inflation": 2.2, "cautious": 0.8},),
        kinds=("etf", "fund", "bond"),
    ),
    Banked(
        name="Hyacinth", who="Lost a week's wages to a text message and trusts nothing since.",
        jurisdiction="GB", born=2001, risk=1, horizon="months",
        statuses=("resident", "under_26", "payroll_customer"),
        chapters=({"safe-online": 3.2, "emergency-fund": 1.8, "branch-and-voice": 1.2},),
        kinds=("card", "savings", "insurance", "current account"),
    ),
    Banked(
        name="Thijs", who="Two children, one cargo bicycle and an electric car on order.",
        jurisdiction="NL", born=1984, risk=4, horizon="3-10 years",
        statuses=("resident", "joint_applicants", "first_time_buyer", "no_defaults"),
        chapters=({"motoring": 2.8, "climate": 1.8, "first-home": 1, "children": 0.8},),
        kinds=("personal loan", "insurance", "card", "mortgage"),
    ),
    Banked(
        name="Meera", who="Raised in Pune, working in Dublin, and sure where growth will come.",
        jurisdiction="IE", born=1987, risk=6, horizon="10+ years",
        statuses=("resident", "expat", "payroll_customer", "no_defaults"),
        chapters=({"emerging-markets": 3.2, "small-companies": 1.4, "moving-country": 1},),
        kinds=("fund", "etf", "investment trust", "current account"),
    ),
    Banked(
        name="Alasdair", who="Reads annual reports of firms with fewer staff than his choir.",
        jurisdiction="GB", born=1969, risk=6, horizon="10+ years",
        statuses=("resident", "homeowner", "over_55", "accredited_investor", "no_defaults"),
        chapters=({"small-companies": 3.4, "health": 0.6, "index": -1, "income": 0.6},),
        kinds=("investment trust", "fund"),
    ),
    Banked(
        name="Odette", who="Knocks a wall down every spring and borrows for the one behind it.",
        jurisdiction="FR", born=1977, risk=2, horizon="3-10 years",
        statuses=("resident", "homeowner", "payroll_customer", "no_defaults"),
        chapters=({"home-improvement": 3.4, "climate": 0.8, "fixed-rate": 1},),
        kinds=("personal loan", "mortgage", "card", "savings"),
    ),
)
# fmt: on
