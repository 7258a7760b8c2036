"""The people who shop in the sample, and the words by which they find what they like.

A taste follows meaning through every category (see `corank.people`): whoever wants no plastic wants
it in the kitchen, the bathroom and the nursery.
"""

from dataclasses import dataclass

from corank.people import Persona, Themes

# fmt: off
THEMES: Themes = {
    # what people care about, in any category
    "zero-waste": (
        "refill", "compost", "plastic-free", "no plastic", "no bottle", "reus", "recycle",
        "landfill", "throw away", "throwaway", "disposable", "replaceable", "last cotton wool",
        "retires the paper", "glueless", "fabric gift", "unbleached", "unpaper",
    ),
    "small-home": (
        "fold", "collaps", "nesting", "stack", "wall-mounted", "on the wall",
        "up an unused wall", "small apartment", "studio flat", "landlord", "rent", "hallway",
        "galley", "no floor", "flattens", "squashes flat", "over-the-sink", "under-desk",
        "frees a drawer", "behind a wardrobe", "narrower", "no balcony",
    ),
    "easy-hands": (
        "stiff", "arthritis", "weak wrists", "big button", "wide handle", "easy-grip",
        "cushioned", "large print", "large-key", "tired eyes", "sore hands", "smaller hands",
        "steady steps", "magnif", "old hips", "grey muzzle", "automatic", "grandmother",
    ),
    "gift": (
        "gift", "the present", "small present", "december present", "boxed", "keepsake",
        "handwritten card", "thing to give", "nice to give", "giving", "a host", "advent",
        "festive", "hamper", "christmas", "december table", "thank you", "grandparents",
        "for the friend", "new home",
    ),
    "gentle": (
        "fragrance-free", "unscented", "perfume", "eczema", "no scent", "sting", "itch",
        "gentle", "unperfumed", "allerg", "rosacea", "rash", "delicate skin", "sulphate",
        "reactive", "hives", "touchy skin", "asthmatic", "prickle", "soothing", "oat",
    ),
    "sleep": (
        "sleepy", "insomnia", "pillow", "bedtime", "blackout", "snor", "white noise", "sleepers",
        "before bed", "awake", "wind-down", "lavender", "racing head", "night light", "wake-up",
    ),
    "rain": (
        "waterproof", "rain", "wet", "storm", "puddle", "mud", "drizzle", "cloudburst", "bog",
    ),
    "light-load": (
        "grams", "titanium", "ultralight", "packable", "packs to", "people who weigh",
        "size of a", "bikepacking", "dehydrated", "tarp", "bivvy", "handlebar", "tents, trains",
        "no rack",
    ),
    "after-dark": (
        "torch", "reflective", "dark", "glow", "blink", "lumens", "high-visib", "headl",
        "beacon",
    ),
    "quiet": (
        "quiet", "silent", "whisper", "low noise", "noise-cancel", "hums", "decibels",
        "near-silent", "somebody else sleeps", "half of the bed",
    ),
    "aches": (
        "lumbar", "ergonomic", "posture", "neck", "sore", "wrist", "shoulders", "aching",
        "knees", "tired legs", "orthopaedic", "pelvis", "tailbone", "desk-bound", "forearm",
    ),
    "warmth": (
        "warm", "winter", "insulated", "wool", "merino", "heated", "frost", "fleece",
        "still steaming", "down sleeping", "draught",
    ),
    # trades and hobbies, some of them ladders
    "scratch-cooking": (
        "ferment", "sourdough", "kimchi", "dough", "pickle", "loaf", "no-knead", "yeast", "miso",
        "pasta-making", "stock in forty",
    ),
    "good-steel": ("knives", "cookware", "cast iron", "carbon steel", "whetstone", "one-pot"),
    "plain-coffee": (
        "cafetière", "ground 500", "moka", "speciality instant", "cold brew", "espresso pods",
    ),
    "filter-coffee": (
        "pour-over", "filter roast", "paper cone", "gooseneck", "burr grinder", "guji",
    ),
    "espresso": (
        "espresso", "tamper", "portafilter", "steam wand", "steaming jug", "a shot", "58 mm",
    ),
    "tea": (
        "teaware", "tea flask", "green tea", "loose leaf", "matcha", "chamomile", "infus",
        "teas",
    ),
    "curls": (
        "curl", "coil", "ringlet", "braid", "frizz", "silk pillow", "detangl", "diffuser att",
    ),
    "clear-skin": ("serums", "spot", "pores", "blemish", "toner", "pimple", "oily"),
    "mature-skin": ("fine lines", "bakuchiol", "root touch", "facial oil", "night serum"),
    "sun": (
        "skincare > sun", "sunscreen", "aloe gel", "insect", "cooling", "summer", "hot days",
        "hot after",
    ),
    "pen-and-paper": (
        "notebooks", "planner", "pens", "nib", "journal", "sketch", "lettering", "washi",
        "sticker",
    ),
    "making": ("craft", "linocut", "watercolour", "brush pens", "print your own"),
    # stages of a life
    "pregnancy": ("pregnan", "bump", "trimester", "maternity", "expectant", "hospital bag"),
    "newborn": (
        "newborn", "cots", "swaddle", "nursing", "breast", "from birth", "crib", "colic",
        "cord stump", "nappy rash", "soft wrap", "baby monitor", "cradle cap", "baby wipes",
    ),
    "weaning": (
        "wean", "puree", "porridge, oat", "high chair", "six months", "first tastes", "6 to 10",
        "6-18 months", "small fists", "pincer", "first teeth", "sensory", "stacking rainbow",
    ),
    "toddler": (
        "toddler", "potty", "stair gate", "balance bike", "size 5", "cupboard locks",
        "wrigglers", "ages two", "rear child seat", "children of two", "school run",
    ),
    "first-run": (
        "starting from the sofa", "beginner trainer", "nine-week", "sports bra", "phone belt",
        "running tee", "two-in-one shorts", "wide-fit", "anti-chafe",
    ),
    "racing": (
        "race shoes", "tempo", "interval", "half marathon", "gels", "gps running", "heart rate",
        "electrolyte", "foam roller", "compression", "recovery",
    ),
    "trail": (
        "trail shoes", "trail watch", "ultramarathon", "vest pack", "gaiters", "soft flask",
        "off-road", "trekking poles", "head torch", "massage gun", "spikes",
    ),
    "puppy": (
        "puppy", "puppies", "training treats", "lick mat", "recall", "stair gate",
        "natural chew",
    ),
    "kitten": ("kitten", "litter", "wand toy", "scratcher", "water fountain"),
}

GOES_WITH: tuple[tuple[str, str], ...] = (
    ("knives", "whetstone"), ("cast iron", "one-pot"), ("banneton", "kitchen scale"),
    ("fermenting crock", "fermenter"), ("compost caddy", "caddy liners"),
    ("espresso machine", "tamper"), ("lever espresso", "electric burr"),
    ("dripper", "paper cone"), ("hand burr", "filter roast"), ("gooseneck", "matcha"),
    ("safety razor, brass", "razor blades"), ("retinal", "spf"), ("glycolic", "barrier repair"),
    ("curl", "silk pillowcase"), ("shampoo bar", "conditioner bar"),
    ("trekking tent", "sleeping"), ("pocket gas", "cartridge"), ("hiking boots", "blister"),
    ("hiking boots", "walking socks"), ("bivvy", "seat pack"), ("city helmet", "rear light"),
    ("d-lock", "puncture-resistant"), ("gravel tyre", "frame bag"), ("bib shorts", "chamois"),
    ("road shoes", "anti-chafe"), ("road shoes", "phone belt"), ("trail shoes", "vest pack"),
    ("trail shoes", "head torch"), ("gps", "heart rate"), ("running", "magnesium"),
    ("sit-stand", "monitor arm"), ("ergonomic mesh", "foot rest"),
    ("silent keyboard", "vertical mouse"), ("white noise", "blackout"),
    ("sleep earbuds", "slow sleep"), ("pregnancy pillow", "hospital bag"),
    ("hospital bag", "newborn"), ("nappies", "wipes"), ("crib", "night light"),
    ("breast pump", "nursing pads"), ("high chair", "weaning"),
    ("puppy food", "training treats"), ("kitten food", "litter"), ("dog raincoat", "paw washer"),
    ("dog harness", "led dog"), ("water fountain", "fountain filters"),
    ("linocut", "laid paper"), ("fountain pen", "bottled ink"), ("dotted", "brush pens"),
    ("wrapping paper", "birthday cards"),
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Buyer(Persona):
    """Someone who shops."""

    price: float  # -1 buys the cheapest that works, +1 the best there is
    restock_days: int  # until a consumable is bought again
    returns: float  # share of purchases sent back


# fmt: off
PERSONAS: tuple[Buyer, ...] = (
    Buyer(
        name="Maren", who="Empties the bin once a month and means to make it two.",
        chapters=({"zero-waste": 3, "kitchen >": 0.8, "baby >": -1, "gentle": 0.5},
                  {"zero-waste": 3, "beauty >": 1, "stationery >": 0.7}),
        price=0.2, restock_days=60, returns=0.03, session=3.4,
    ),
    Buyer(
        name="Tomasz", who="Rents twenty-two square metres and cooks, works and keeps a cat there.",
        chapters=({"small-home": 3, "kitchen >": 0.8},
                  {"small-home": 2.6, "home office >": 1, "cat >": 1.4}),
        price=-0.5, restock_days=70, returns=0.08, session=3.6,
    ),
    Buyer(
        name="Priya", who="Expecting in the spring, then awake at four, then mashing carrots.",
        chapters=({"pregnancy": 3.4, "baby >": 1},
                  {"newborn": 3.2, "baby >": 1.6, "gentle": 0.8},
                  {"weaning": 3.2, "baby >": 1.6}),
        price=0.3, restock_days=24, returns=0.07, session=3.8,
    ),
    Buyer(
        name="Joel", who="Father of a crawler who has learnt to climb; cycles to nursery.",
        chapters=({"weaning": 2.8, "baby >": 1.4},
                  {"toddler": 3.2, "baby >": 1.2, "cycling >": 0.7},
                  {"toddler": 2.4, "rain": 1.4, "cycling >": 0.8}),
        price=-0.2, restock_days=26, returns=0.06, session=2.9,
    ),
    Buyer(
        name="Shanice", who="Could not run for a bus in January and has an eye on the hills.",
        chapters=({"first-run": 3.4, "running >": 1.4}, {"racing": 2.8, "running >": 1.6},
                  {"trail": 3, "running >": 1.2, "outdoor >": 0.6}),
        price=0.1, restock_days=45, returns=0.13, session=3.4,
    ),
    Buyer(
        name="Ingrid", who="Comes out in a rash at the sight of a scented candle.",
        chapters=({"gentle": 3.2, "skincare": 1.2}, {"gentle": 3, "hair >": 0.8, "baby >": 0.3}),
        price=0.2, restock_days=40, returns=0.09, session=3.0,
    ),
    Buyer(
        name="Clement", who="Godfather of seven; buys little for himself and wraps everything.",
        chapters=({"gift": 3.4, "stationery >": 0.7, "making": 0.6},),
        price=0.5, restock_days=120, returns=0.14, session=3.2,
    ),
    Buyer(
        name="Beatriz", who="Began with a jar of instant and now owns two grinders.",
        chapters=({"plain-coffee": 3, "coffee and tea >": 1.4},
                  {"filter-coffee": 3.2, "coffee and tea >": 1.5},
                  {"espresso": 3.2, "coffee and tea >": 1.3}),
        price=0.6, restock_days=25, returns=0.05, session=3.3,
    ),
    Buyer(
        name="Dafydd", who="Rides to work in every weather and arrives with dry socks.",
        chapters=({"cycling >": 2, "rain": 2, "after-dark": 1},
                  {"cycling >": 1.8, "after-dark": 2.2}),
        price=0.0, restock_days=55, returns=0.06, session=2.9,
    ),
    Buyer(
        name="Sunniva", who="Carries her house on a bicycle and counts every gram of it.",
        chapters=({"light-load": 3, "outdoor >": 1.2}, {"light-load": 3, "cycling >": 1.4}),
        price=0.8, restock_days=50, returns=0.05, session=3.5,
    ),
    Buyer(
        name="Graham", who="Walks a spaniel across a bog before breakfast and after supper.",
        chapters=({"puppy": 2.6, "dog >": 2.2}, {"dog >": 2.2, "rain": 2},
                  {"dog >": 2, "after-dark": 1.8, "warmth": 0.8}),
        price=0.0, restock_days=30, returns=0.05, session=2.8,
    ),
    Buyer(
        name="Noor", who="Serves two indoor cats, and wears black.",
        chapters=({"kitten": 2.6, "cat >": 2.2}, {"cat >": 2.4, "quiet": 1, "small-home": 0.8}),
        price=-0.1, restock_days=28, returns=0.05, session=2.8,
    ),
    Buyer(
        name="Henrik", who="Works from the spare room, and his back has opinions.",
        chapters=({"aches": 2.6, "home office >": 1.6},
                  {"aches": 2, "home office >": 1.2, "quiet": 1.8},
                  {"aches": 2, "tea": 1.6, "warmth": 1}),
        price=0.5, restock_days=75, returns=0.11, session=3.2,
    ),
    Buyer(
        name="Lucia", who="Bakes on Saturdays, salts cabbage on Sundays, sharpens in between.",
        chapters=({"scratch-cooking": 3, "kitchen >": 1.2},
                  {"good-steel": 2.8, "kitchen >": 1.2}),
        price=0.4, restock_days=80, returns=0.04, session=3.3,
    ),
    Buyer(
        name="Adaeze", who="Has learnt to love her curls and will not be talked out of them.",
        chapters=({"curls": 3.2, "hair >": 1.4},
                  {"curls": 2.4, "skincare": 1, "clear-skin": 1.2}),
        price=0.2, restock_days=38, returns=0.07, session=3.2,
    ),
    Buyer(
        name="Minh", who="A student with seven pens on the go and three euros in the account.",
        chapters=({"pen-and-paper": 3, "stationery >": 1},
                  {"pen-and-paper": 2, "plain-coffee": 1.8},
                  {"clear-skin": 2.4, "pen-and-paper": 1.6}),
        price=-0.9, restock_days=50, returns=0.04, session=3.1,
    ),
    Buyer(
        name="Odile", who="Seventy-four, still hosting; jars and small print are the enemy.",
        chapters=({"easy-hands": 3.2, "tea": 1},
                  {"easy-hands": 2.8, "gift": 1, "mature-skin": 1}),
        price=0.1, restock_days=45, returns=0.07, session=2.6,
    ),
    Buyer(
        name="Wes", who="Sleeps badly and has tried most things twice.",
        chapters=({"sleep": 3.2, "quiet": 1}, {"sleep": 2.8, "tea": 1.2, "aches": 0.6}),
        price=0.3, restock_days=42, returns=0.1, session=3.0,
    ),
    Buyer(
        name="Kirsty", who="Has a tent in the hall and looks at the forecast on Wednesdays.",
        chapters=({"outdoor >": 2.2, "warmth": 1.4},
                  {"outdoor >": 2, "sun": 1.2, "light-load": 1},
                  {"outdoor >": 2, "warmth": 2, "rain": 1}),
        price=0.1, restock_days=48, returns=0.08, session=3.2,
    ),
    Buyer(
        name="Renske", who="Turned forty-five, bought a serum, and now reads every label.",
        chapters=({"clear-skin": 2, "skincare": 1.6},
                  {"mature-skin": 2.8, "skincare": 1.4, "sun": 0.6}),
        price=0.7, restock_days=46, returns=0.09, session=3.1,
    ),
)
# fmt: on
