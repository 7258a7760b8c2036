"""The audience of the sample, and the words by which an advertisement finds it.

A taste crosses categories (see `corank.people`): whoever has a dog stops at dog food, at cottages
that allow paws and at the insurance against swallowed socks.
"""

from dataclasses import dataclass

from corank.people import Persona, Themes

# fmt: off
THEMES: Themes = {
    # who is at home
    "dogs": (
        "dog", "puppy", "spaniel", "labrador", "terrier", "paws", "kibble",
    ),
    "cats": ("cat ", "cats", "cat's", "cat,", "cat.", "catnip"),
    "babies": (
        "baby", "babies", "newborn", "midwife", "cot ", "cots", "high chairs", "childcare",
    ),
    "children": (
        "child", "children", "school", "eight to twelve", "ages three", "ages five", "ghosts of",
        "marble", "daughter", "small ones", "beanstalk",
    ),
    "grandparents": (
        "grandparent", "grandad", "gran's", "grandma", "grandmother", "grandchildren",
        "grandfather", "pensioner", "three generations",
    ),
    "for-two": ("couple", "for two", "two people", "a friend free", "housemates", "the pair"),
    "alone": (
        "single people", "travelling by themselves", "for one,", "matchmaker", "over-fifties",
        "dine with strangers", "introduction", "two quiet people",
    ),
    "later-life": (
        "over-fifties", "retired", "pension", "new knees", "stiff", "hearing", "chair yoga",
        "seventy-four", "grey", "over forty", "eleven tablets", "your mother's hair",
    ),
    # where one lives
    "renting": (
        "landlord", "rent ", "rented", "shared house", "housemate", "rooms to", "flats",
        "moves house", "move out", "moved house", "fifth-floor", "up three floors",
    ),
    "own-house": (
        "loft", "roof", "semi", "terrace", "heat pump", "home insurance", "buildings and contents",
        "sell your house", "solar", "chimney", "stove", "pipe",
    ),
    "moving-house": (
        "moved house", "move out", "moves house", "to sell",
        "first mortgage", "a mortgage", "mortgage adviser", "completion", "show flat", "stairs",
        "hall before", "to halls", "housemates",
    ),
    "warm-indoors": (
        "warm", "heating", "heated", "heat ", "insulation", "wool", "frost", "blanket",
        "radiators", "jumper",
    ),
    "kitchen": ("kitchen", "pans", "colander", "kettle", "toaster", "washing up"),
    # at table
    "baking": (
        "sourdough", "bake", "baker", "bread", "loaf", "loaves", "flour", "croissants", "biscuits",
        "sandwich",
    ),
    "supper": (
        "dinner", "supper", "recipes", "portion", "noodles", "crab", "fish", "on your plate",
        "tofu", "chilli",
    ),
    "plants-only": ("vegan", "plants only", "plant-based", "tofu", "bean", "peat"),
    "coffee": ("coffee", "café", "cafetière", "moka", "beans"),
    "a-glass": (
        "gin ", "gin,", "whisky", "whiskies", "distiller", "ale", "beer", "pint", "drams",
        "negroni", "brewe",
    ),
    # out of doors
    "growing": (
        "garden", "tomato", "bulbs", "seed", "compost", "sow", "patio", "hedge trim", "lawn",
        "greenhouse",
    ),
    "wildlife": ("hedgehog", "squirrel", "herons", "bees", "gulls"),
    "on-foot": ("walk", "boots", "guided", "muddy", "dales", "bags carried"),
    "running": ("run ", "running", "runs", "marathon", "5k", "five kilomet", "training"),
    "exercise": (
        "gym", "yoga", "trainer", "classes", "coach", "physiotherap", "stiff", "5k",
    ),
    "bicycles": ("bicycle", "bike", "cycle"),
    "the-sea": (
        "sea ", "sea,", "seaweed", "beach", "harbour", "tide", "lighthouse", "island", "boats",
        "lifeboat", "newlyn", "cornwall", "cornish", "trawlers", "kerry",
    ),
    "rain": ("rain", "puddles", "waterproof", "wet ", "muddy", "snow", "hailstones"),
    # on the way
    "commuting": (
        "commut", "train", "trains", "bus ", "bus.", "journey", "to work", "8.15", "7.42",
        "station",
    ),
    "abroad": (
        "abroad", "countries", "europe", "vienna", "venice", "portuguese", "lisbon", "zurich",
        "greek", "holiday", "holidays", "madeira", "slovenia", "amsterdam", "accent",
    ),
    "electric-car": (
        "electric car", "electric driver", "electric bike", "voltaire", "charging stops",
    ),
    "driving": (
        "car ", "car,", "car.", "cars", "drive ", "drivers", "learner", "parking", "parallel park",
        "tyres", "licence",
    ),
    # thrift and time
    "second-hand": (
        "second-hand", "refurbished", "bought back", "buy it back", "sell it back", "borrow",
        "swap", "rent a", "rent ba", "rent the", "the toy library",
    ),
    "mending": (
        "repair", "darn", "mend", "resoled", "replace yourself", "spare parts", "solder",
        "new sole",
    ),
    "green": (
        "turbine", "wind farm", "community wind", "solar", "heat pump", "peat", "recycled",
        "without plastic", "night trains", "electric car", "electric bike", "second-hand", "repair",
        "plants only", "panels", "insulation", "owning a car",
    ),
    "small-price": (
        "cheap", "half price", "eight pounds", "free of charge", "costs nothing", "for nothing",
        "less than half", "free in england", "from 29p", "from 89p", "under-twelves free", "7p",
        "3p", "face value", "no joining fee", "without paying", "one fixed fee",
        "first bag", "is free", "are free", "for free", "stay free",
    ),
    "no-strings": (
        "cancel", "no contract", "without a contract", "leave for", "leave with", "leave whenever",
        "stop when", "stop any", "skip", "no exit fee", "pause", "thirty-day", "notice",
    ),
    "try-first": (
        "first week free", "free trial", "trial", "try ", "free week", "demo", "first box",
        "first month", "first fortnight", "first three weeks", "sixty days", "two hundred nights",
        "free for",
    ),
    "gifts": (
        "present ", "gift", "christmas", "birthday", "advent", "wrapped",
    ),
    # how a living is made
    "studies": (
        "student", "exam", "degree", "campus", "essay", "gcse", "lectures",
        "reading list",
        "a level", "halls", "revised",
    ),
    "own-business": (
        "freelanc", "sole trader", "invoice", "small shops", "your café", "bills paid", "florist",
        "office", "the plumber", "desk",
    ),
    "new-job": (
        "interview", "retrain", "electrician", "salary", "shifts", "paid on friday", "remote jobs",
        "return to nursing", "part-time", "employer", "the job",
    ),
    "night-work": (
        "night shift", "night shifts", "shift worker", "rota", "open all night", "insomnia",
        "in the morning", "sleep",
    ),
    # of an evening
    "sleep": ("sleep", "mattress", "insomnia", "bedtime", "bed ", "cot "),
    "quiet": ("quiet", "calm", "silent", "noise", "hums", "gentle", "nothing in this game", "hush"),
    "mystery": (
        "mystery", "detective", "murder", "evidence", "coroner", "suspects", "clues", "a body",
        "crime",
    ),
    "reading": (
        "book", "chapter", "paperback", "novel", "library", "page", "reader",
    ),
    "play": ("game", "puzzle", "board game", "marble", "demo", "adventure", "costumes"),
    "watching": (
        "television", "cinema", "drama", "film", "stream", "matinées", "panto", "jack and",
    ),
    "music": ("music", "band", "concert", "gig", "guitar", "quartet", "song"),
    "making": (
        "sew", "knit", "wool", "clay", "mug", "stitch", "paint", "seam", "cardboard", "pottery",
        "fabric",
    ),
    "curious": (
        "science", "physic", "rocket", "radio", "experiment", "space", "language", "curious",
        "lessons", "explain",
    ),
    # what may go wrong
    "health": (
        "pharmacist", "medicine", "medical", "tablets", "nurse", "vet ", "prescription", "flu jab",
        "vaccin", "therapy", "hearing", "heart",
    ),
    "tender-skin": ("skin", "perfume", "unscented", "sensitive", "sting"),
    "covered": ("insurance", "cover ", "covered", "excess", "insured", "claims", "vet fees"),
    "debt": ("apr", "one payment", "card balances", "cards", "debt", "consolidate", "mortgage"),
    "money-growing": (
        "invest", "capital at risk", "isa ", "pension", "shares", "index fund", "tax-free",
    ),
    "bills": (
        "bill", "bills", "tariff", "unit rate", "energy", "electricity", "7p", "3p", "broadband",
        "full fibre",
    ),
    "data": (
        "gb ", "gigs", "sim ", "roaming", "data", "phone ", "phones", "handset", "fibre",
        "megabits",
    ),
    "a-wager": ("bet", "races", "odds", "coupon", "stake", "pools", "jackpot", "gamble"),
    "good-causes": (
        "volunteer", "charity", "neighbours", "petition", "sign ", "your vote", "shelters",
        "hospice", "rescue", "register",
    ),
    "human-voice": (
        "by phone", "on the phone", "from people", "read by a human", "a person", "rings back",
        "a baker", "telephone screening", "bookseller", "real pharmacist", "by people", "engineer",
    ),
}
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Viewer(Persona):
    """Someone to whom advertisements are shown."""

    country: str
    born: int
    segments: tuple[str, ...]  # what the ad server may know of them
    devices: tuple[str, ...]  # those they use, the most used first
    patience: float  # 0 to 1; the low ones hide what they don't care for
    session: float = 6.0


# fmt: off
PERSONAS: tuple[Viewer, ...] = (
    Viewer(
        name="Philippa", who="Names her tomato plants after hymns and talks to the runner beans.",
        country="GB", born=1961, patience=0.8, devices=("tablet", "desktop"),
        segments=("gardeners", "home-owners", "retirees"),
        chapters=({"growing": 3.4, "wildlife": 1.6, "quiet": 0.8, "data": -0.6},),
    ),
    Viewer(
        name="Desmond", who="Night porter in Leicester who sleeps badly and runs instead.",
        country="GB", born=1986, patience=0.4, devices=("phone",),
        segments=("night-shift", "runners", "renters"),
        chapters=({"night-work": 2.6, "sleep": 2.2, "running": 1.8, "quiet": 1, "a-glass": -0.8},),
    ),
    Viewer(
        name="Aoife", who="Expected in March: one daughter, and a flat that has no room for a cot.",
        country="IE", born=1993, patience=0.6, devices=("phone", "television"),
        segments=("new-parents", "renters", "couples"),
        chapters=(
            {"for-two": 2, "supper": 1.6, "abroad": 1.4, "watching": 1},
            {"babies": 3.4, "sleep": 1.8, "second-hand": 1, "quiet": 0.8, "abroad": -1},
        ),
    ),
    Viewer(
        name="Gethin", who="Keeps two old spaniels and cancels plans on their behalf.",
        country="GB", born=1969, patience=0.7, devices=("desktop", "phone"),
        segments=("dog-people", "walkers", "home-owners"),
        chapters=({"dogs": 3.5, "on-foot": 1.6, "rain": 0.8, "covered": 0.6, "cats": -1.5},),
        session=7.0,
    ),
    Viewer(
        name="Priyanka", who="Reads law in Leeds on eleven pounds a day and other people's notes.",
        country="GB", born=2005, patience=0.3, devices=("phone", "desktop"),
        segments=("students", "renters", "bargain-hunters"),
        chapters=({"studies": 3.2, "small-price": 1.6, "second-hand": 1.4, "own-house": -1.5},),
        session=8.0,
    ),
    Viewer(
        name="Friedhelm", who="A Graz tram driver who hasn't flown since 2009 and keeps count.",
        country="AT", born=1972, patience=0.7, devices=("desktop",),
        segments=("eco-minded", "travellers", "walkers"),
        chapters=({"green": 2.8, "abroad": 2, "on-foot": 1.4, "driving": -1.6},),
    ),
    Viewer(
        name="Solveig", who="Codes from a café in Berlin and owes a year of receipts to the tax.",
        country="DE", born=1990, patience=0.2, devices=("desktop", "phone"),
        segments=("freelancers", "cyclists", "music-fans"),
        chapters=({"own-business": 3, "coffee": 1.6, "bicycles": 1.4, "music": 1, "debt": -1},),
    ),
    Viewer(
        name="Marjorie", who="Eighty, deaf in one ear, and beats all six grandchildren at cards.",
        country="GB", born=1945, patience=0.9, devices=("tablet", "television"),
        segments=("grandparents", "retirees"),
        chapters=({"later-life": 2.6, "grandparents": 2.4, "human-voice": 1.4, "data": -1.5},),
        session=4.0,
    ),
    Viewer(
        name="Tobias", who="Reads crime novels on the last train and guesses wrong with pleasure.",
        country="GB", born=1979, patience=0.5, devices=("phone", "tablet"),
        segments=("readers", "commuters"),
        chapters=({"mystery": 3.2, "reading": 2, "commuting": 1.4, "exercise": -0.8},),
    ),
    Viewer(
        name="Chiamaka", who="Bought an electric car and now times the dishwasher by the tariff.",
        country="GB", born=1984, patience=0.6, devices=("desktop", "phone"),
        segments=("drivers", "home-owners", "eco-minded"),
        chapters=({"electric-car": 3, "bills": 2, "green": 1.6, "own-house": 0.8},),
    ),
    Viewer(
        name="Wilf", who="Plumber on his own since spring, chasing three people who owe him money.",
        country="GB", born=1981, patience=0.3, devices=("phone",),
        segments=("small-business", "drivers"),
        chapters=(
            {"new-job": 2.6, "driving": 1.2, "studies": 1, "a-wager": 0.8},
            {"own-business": 3.2, "covered": 1, "driving": 1, "reading": -0.8},
        ),
    ),
    Viewer(
        name="Rosalind", who="Four cats, a rented attic, and a landlord who thinks there is one.",
        country="GB", born=1988, patience=0.5, devices=("phone", "tablet"),
        segments=("cat-people", "renters", "readers"),
        chapters=({"cats": 3.5, "renting": 1.8, "warm-indoors": 1.2, "dogs": -1.5},),
    ),
    Viewer(
        name="Eamon", who="Widower in Cork who learnt to bake at sixty-six and bakes for ten.",
        country="IE", born=1958, patience=0.9, devices=("tablet",),
        segments=("home-cooks", "retirees"),
        chapters=(
            {"supper": 2, "later-life": 1.6, "watching": 1.2, "human-voice": 1},
            {"baking": 3.2, "alone": 2, "kitchen": 1.2, "coffee": 1, "data": -1},
        ),
    ),
    Viewer(
        name="Zahra", who="Runs before her ward rounds and has a marathon number on the fridge.",
        country="GB", born=1995, patience=0.4, devices=("phone",),
        segments=("runners", "night-shift", "commuters"),
        chapters=({"running": 3.4, "exercise": 1.8, "night-work": 1, "a-glass": -1},),
    ),
    Viewer(
        name="Cornelius", who="Backs horses at a pound a time and puts the losses under culture.",
        country="GB", born=1964, patience=0.6, devices=("phone", "television"),
        segments=("football-fans",),
        chapters=({"a-wager": 3.4, "a-glass": 2, "watching": 1, "plants-only": -1.4},),
    ),
    Viewer(
        name="Ishbel", who="Mends zips at the repair café and has owned one kettle since 1998.",
        country="GB", born=1976, patience=0.7, devices=("desktop",),
        segments=("eco-minded", "makers", "bargain-hunters"),
        chapters=({"mending": 3.2, "second-hand": 2, "good-causes": 1.4, "making": 1},),
    ),
    Viewer(
        name="Callum", who="Fifteen, saving for a game about a king who is mostly dead.",
        country="GB", born=2010, patience=0.2, devices=("phone", "desktop"),
        segments=("teens", "gamers", "students"),
        chapters=({"play": 3.2, "curious": 1.4, "studies": 0.8, "later-life": -1.5},),
        session=9.0,
    ),
    Viewer(
        name="Bernadette", who="Saves with her girlfriend for a first flat and reads every APR.",
        country="GB", born=1994, patience=0.5, devices=("desktop", "phone"),
        segments=("renters", "couples", "movers"),
        chapters=(
            {"renting": 2.6, "money-growing": 1.8, "small-price": 1.2, "for-two": 0.8},
            {"moving-house": 3.2, "debt": 2, "own-house": 1.2, "play": -0.6},
        ),
    ),
    Viewer(
        name="Hugo", who="Three children, one of whom has taken the radio apart again.",
        country="GB", born=1982, patience=0.4, devices=("television", "phone"),
        segments=("families", "home-owners", "teachers"),
        chapters=({"children": 3, "curious": 2, "play": 1.4, "gifts": 0.8},),
    ),
    Viewer(
        name="Thandiwe", who="Sings in a brass-and-choir band and will camp beside any stage.",
        country="GB", born=1999, patience=0.5, devices=("phone",),
        segments=("music-fans", "singles", "students"),
        chapters=({"music": 3.4, "alone": 1.2, "commuting": 0.8, "covered": -1},),
    ),
    Viewer(
        name="Lorcan", who="Swims off Galway each morning and would live in a harbour if asked.",
        country="IE", born=1974, patience=0.7, devices=("phone", "tablet"),
        segments=("travellers", "foodies", "dog-people"),
        chapters=({"the-sea": 3.2, "dogs": 1.4, "supper": 1.2, "mystery": 0.8, "bills": -0.8},),
    ),
    Viewer(
        name="Margaux", who="Teaches in Lyon, reddens at every scent, and is sworn at by creams.",
        country="FR", born=1985, patience=0.3, devices=("phone", "desktop"),
        segments=("families", "travellers"),
        chapters=({"tender-skin": 3.4, "abroad": 1.4, "health": 1, "a-wager": -1},),
    ),
    Viewer(
        name="Neville", who="Found a forgotten pension in a drawer and now opens every drawer.",
        country="GB", born=1967, patience=0.8, devices=("desktop", "television"),
        segments=("home-owners", "bargain-hunters"),
        chapters=({"money-growing": 3.2, "later-life": 1.4, "bills": 1.2, "play": -1},),
    ),
    Viewer(
        name="Ginevra", who="Left Bergamo for a job in Ghent and learns Flemish on the 7.42.",
        country="BE", born=1997, patience=0.4, devices=("phone",),
        segments=("expats", "commuters", "travellers"),
        chapters=({"abroad": 3, "commuting": 1.8, "bicycles": 1, "data": 1, "own-house": -1},),
    ),
    Viewer(
        name="Gwendolen", who="Knits through every film and owns more wool than furniture.",
        country="GB", born=1956, patience=0.8, devices=("television", "tablet"),
        segments=("makers", "retirees", "film-fans"),
        chapters=({"making": 3.2, "warm-indoors": 1.6, "watching": 1.4, "running": -1},),
    ),
    Viewer(
        name="Ravi", who="Turned vegan for a bet, stayed for the noodles, cooks for six friends.",
        country="GB", born=1991, patience=0.5, devices=("phone", "television"),
        segments=("home-cooks", "foodies", "commuters"),
        chapters=({"plants-only": 2.8, "supper": 2.4, "kitchen": 1, "coffee": 1, "a-wager": -1},),
    ),
    Viewer(
        name="Oonagh", who="Cares for her mother, her teenagers and the boiler, in that order.",
        country="GB", born=1973, patience=0.3, devices=("phone", "desktop"),
        segments=("families", "home-owners"),
        chapters=({"health": 2.8, "bills": 1.8, "human-voice": 1.4, "grandparents": 1},),
    ),
    Viewer(
        name="Lachlan", who="Left Perth for a year of hostels, with one rucksack and no contract.",
        country="AU", born=2000, patience=0.4, devices=("phone",),
        segments=("travellers", "singles", "bargain-hunters"),
        chapters=({"abroad": 2.6, "data": 1.8, "no-strings": 1.8, "the-sea": 1, "growing": -1},),
    ),
    Viewer(
        name="Winifred", who="Left a long marriage at sixty-one and bought boots the next day.",
        country="GB", born=1964, patience=0.7, devices=("tablet", "phone"),
        segments=("walkers", "singles"),
        chapters=(
            {"moving-house": 2, "human-voice": 1.6, "sleep": 1.2, "quiet": 1},
            {"on-foot": 3, "alone": 2.6, "abroad": 1.4, "debt": -0.8},
        ),
    ),
    Viewer(
        name="Jonty", who="Subscribes to everything for one free week and owns a calendar for it.",
        country="GB", born=1992, patience=0.6, devices=("phone", "tablet", "desktop"),
        segments=("bargain-hunters", "commuters", "renters"),
        chapters=({"try-first": 3, "no-strings": 2, "small-price": 1.6, "debt": -1.2},),
        session=9.0,
    ),
    Viewer(
        name="Magdalena", who="Cleans offices in Zurich, studies nursing, sends every franc home.",
        country="CH", born=1987, patience=0.6, devices=("phone",),
        segments=("expats", "job-seekers"),
        chapters=({"new-job": 3, "studies": 1.4, "abroad": 1, "on-foot": 0.6, "a-glass": -1},),
    ),
    Viewer(
        name="Alasdair", who="Buys his Christmas presents in October and hides them in the stove.",
        country="GB", born=1970, patience=0.8, devices=("desktop", "tablet"),
        segments=("families", "grandparents", "couples"),
        chapters=({"gifts": 3.2, "a-glass": 1.6, "reading": 1.2, "children": 1, "data": -0.8},),
    ),
)
# fmt: on
