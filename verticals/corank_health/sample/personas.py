"""The people of the sample, and the words by which they find what they need.

A taste crosses kinds (see `corank.people`): whoever sleeps badly looks at articles, at what others
asked and at drops and teas alike. What would harm them is said beside, and holds for all of them.
"""

from dataclasses import dataclass

from corank.people import Persona, Themes

# fmt: off
THEMES: Themes = {
    # nose, chest and throat
    "pollen": (
        "hay fever", "hay_fever", "pollen", "antihistamine", "sneez", "itchy eyes", "lime trees",
        "streaming eyes",
    ),
    "blocked-nose": (
        "decongest", "sinus", "stuff", "congest", "bunged", "nasal", "nose rinse", "sniffly",
        "glue are",
    ),
    "breathing": (
        "asthma", "inhaler", "copd", "lung", "peak flow", "wheez", "breathing test", "oxygen",
        "spacer",
    ),
    "coughs-and-colds": (
        "cough", "cold and", "colds", "common_cold", "flu ", "flu,", "flu|", "throat", "phlegm",
        "croup", "covid", "hoarse",
    ),
    # heart and metabolism
    "blood-pressure": (
        "blood pressure", "high_blood_pressure", "raised readings", "salt ", "low-salt",
        "sodium", "two numbers", "without a symptom",
    ),
    "heart-trouble": (
        "heart attack", "heart failure", "heart_failure", "heart_disease", "atrial", "heartbeat",
        "cardiac", "skipped beats", "fluttering", "ankles", "stent",
    ),
    "cholesterol": (
        "cholesterol", "high_cholesterol", "statin", "triglycerides", "ldl", "sterol",
    ),
    "blood-sugar": (
        "diabet", "sugar", "insulin", "glucose", "carbohydrate", "hypo ", "gestational",
    ),
    "weight": (
        "weight", "obesity", "body mass", "slowly and keeping", "low-calorie", "slim", "dietitian",
    ),
    "kidneys": (
        "kidney", "renal", "potassium", "urate", "water tablets",
    ),
    "thyroid-and-tiredness": (
        "thyroid", "tired", "iron ", "iron_def", "low iron", "b12", "feeling the cold",
        "levothyroxine", "fog",
    ),
    # head and mood
    "sleep": (
        "sleep", "insomnia", "snor", "bedtime", "jet lag", "jet_lag", "shift work", "awake",
        "nightcap", "lights out", "pillow",
    ),
    "worry": (
        "anxi", "worry", "panic", "soothing", "calm ", "calms", "fear",
    ),
    "low-spirits": (
        "depress", "low mood", "low_mood", "antidepressant", "low spirits", "slightly low",
        "winters", "serotonin", "grief",
    ),
    "talking-help": (
        "talking", "therapy", "counsel", "refer yourself", "crisis", "friend who", "a friend",
        "occupational health",
    ),
    "headaches": (
        "headache", "migraine", "paracetamol", "codeine", "painkiller",
    ),
    # bones, joints and pain
    "sore-back": (
        "back pain", "back_pain", "stiff backs", "nagging back", "heat pad",
        "warmth", "cherry stones", "saddle",
    ),
    "stiff-joints": (
        "arthrit", "osteoarthritis", "joint", "knee", "hips", "gout", "creaking", "stiff mornings",
    ),
    "strong-bones": (
        "bone", "osteoporosis", "calcium", "vitamin d", "hip", "fractur",
    ),
    "moving-more": (
        "exercise", "walk", "gym", "a run", "muscle", "brisk", "strengthen", "dancing",
        "gentle stretch", "stairs",
    ),
    # belly and food
    "digestion": (
        "digestion", "bowel", "bloat", "gut", "stomach", "tummy", "constipat", "laxative",
        "stools", "diarrhoea", "trapped wind",
    ),
    "heartburn": (
        "heartburn", "acid supp", "acid block", "acid prod", "keeps acid", "reflux",
        "indigestion", "antacid", "ulcer",
    ),
    "gluten-free": (
        "gluten", "coeliac", "wheat", "barley", "oats",
    ),
    "food-allergy": (
        "peanut", "nut ", "nut-", "nut oils", "milk allergy", "food_allergy", "shellfish", "egg",
        "lupin", "allergic to food",
    ),
    "eating-well": (
        "nutrition", "meal", "breakfast", "vegetables", "recipe", "supper", "beans", "protein",
        "fibre",
    ),
    "plant-eater": (
        "vegan", "plant", "tofu", "no meat", "lentil", "fortified", "vegetarian",
    ),
    # women, men, families
    "pregnancy": (
        "pregnan", "expecting", "expectant", "trimester", "midwi", "conceiv", "folic",
        "trying for a baby", "placental",
    ),
    "new-mother": (
        "breastfeed", "nursing", "nipple", "breast", "pelvic", "giving birth",
        "latch", "newborn", "your supply",
    ),
    "baby-days": (
        "babies", "baby", "toddler", "teething", "nappy", "nappies", "infant", "first spoon",
    ),
    "school-age": (
        "school", "nursery", "lice", "bedwet", "teacher", "children", "seven-year-old", "pupil",
    ),
    "monthly-cycle": (
        "period", "cramps", "endometriosis", "womens_health", "heavy periods", "contracepti",
    ),
    "change-of-life": (
        "menopause", "perimenopause", "hot flushes", "hormone", "night sweats", "oestrogen",
    ),
    "mens-matters": (
        "prostate", "mens_health", "male-pattern", "passing water", "psa ",
    ),
    "growing-old": (
        "older_people", "older people", "dementia", "parkinson", "falls:", "falls|", "slippers",
        "large print", "sixty-five", "broken hips", "mattress",
    ),
    "looking-after": (
        "carer", "caring for", "come out of hospital", "looking after", "supporting", "guilt",
        "pill organiser", "compartments",
    ),
    # skin, eyes, mouth, feet
    "dry-itchy-skin": (
        "eczema", "emollient", "dry_skin", "itch", "moistur", "psoriasis", "ointment",
    ),
    "clear-face": (
        "acne", "spots", "rosacea", "pores", "scars", "flush", "redness", "benzoyl",
    ),
    "sun-and-away": (
        "sun ", "sunburn", "sunscreen", "travel", "abroad", "ferry", "flight", "malaria",
        "swimming",
    ),
    "feet": (
        "foot", "feet", "toe", "heels", "verruca", "shoes", "socks", "podiatr",
    ),
    "eyes-and-ears": (
        "eyes", "eye ", "ear ", "ears", "glaucoma", "wax", "tinnitus", "hearing", "sight",
    ),
    "mouth-and-teeth": (
        "gum", "dental", "dentist", "tooth", "teeth", "mouthwash", "dentures", "toothpaste",
    ),
    # ways of dealing with it
    "mixing-medicines": (
        "medicines_safety", "clash", "blood thinner", "blood_thinners", "warfarin", "interfere",
        "other medicines", "your tablets", "prescriptions", "together", "leaflet",
    ),
    "plants-and-herbs": (
        "herb", "root", "extract", "traditional", "leaf ", "tea tree", "valerian", "turmeric",
        "chamomile", "st john", "flower",
    ),
    "gadgets": (
        "monitor", "meter", "alarm", "lamp", "device", "machine", "rechargeable", "validated",
        "sensor", "readings", "cuff",
    ),
    "first-aid": (
        "first_aid", "first aid", "wound", "plaster", "burns", "a burn", "burn gel", "sprain",
        "tick_bite", "nosebleed", "blister", "dressing", "graze",
    ),
    "giving-up": (
        "smok", "nicotine", "alcohol", "drink heavily", "vaping", "dry days", "quit ", "quitwell",
        "glass and bed", "willpower",
    ),
    "evidence": (
        "trials", "evidence", "studies", "proof", "tested", "proves little",
    ),
    "infection": (
        "infection", "antibiotic", "antifungal", "antiviral", "virus", "viral", "vaccin", "jab",
        "thrush", "fungus",
    ),
}
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Patient(Persona):
    """Someone who asks about health."""

    born: int
    allergies: tuple[str, ...]
    conditions: tuple[str, ...]
    medicines: tuple[str, ...]  # taken now
    pregnant: bool = False  # or breastfeeding
    kinds: tuple[str, ...]  # what they look at
    session: float = 3.2


# fmt: off
PERSONAS: tuple[Patient, ...] = (
    Patient(
        name="Rosalind", who="Delivers letters in birch season and owns a blood pressure cuff.",
        born=1966, allergies=(), conditions=("hay_fever", "high_blood_pressure"),
        medicines=("ramipril",),
        chapters=({"pollen": 3.4, "blood-pressure": 1.6, "blocked-nose": 1, "herbal": -0.6},),
        kinds=("product", "answer"),
    ),
    Patient(
        name="Temperance", who="Due in May with her first, and reads every label twice.",
        born=1994, allergies=(), conditions=(), medicines=(), pregnant=True,
        chapters=(
            {"pregnancy": 3.4, "heartburn": 1.4, "mixing-medicines": 1, "sleep": 0.8},
            {"new-mother": 3.2, "baby-days": 2, "sleep": 1},
        ),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Bertil", who="A retired ferry engineer; warfarin rules the vegetable drawer.",
        born=1949, allergies=(), conditions=("atrial_fibrillation", "osteoarthritis"),
        medicines=("warfarin", "bisoprolol"),
        chapters=({"mixing-medicines": 3, "heart-trouble": 2, "stiff-joints": 1.4},),
        kinds=("answer", "article", "product"),
    ),
    Patient(
        name="Chipo", who="Teaches fractions, wheezes on the stairs and owns three spacers.",
        born=1985, allergies=("aspirin",), conditions=("asthma", "eczema"),
        medicines=("prednisolone",),
        chapters=({"breathing": 3.2, "dry-itchy-skin": 1.6, "moving-more": 0.8, "pollen": 0.8},),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Ingemar", who="Night porter who has forgotten what a Tuesday looks like.",
        born=1979, allergies=(), conditions=("insomnia",), medicines=(),
        chapters=({"sleep": 3.4, "thyroid-and-tiredness": 1.2, "worry": 0.8, "gadgets": 0.6},),
        kinds=("article", "product"),
    ),
    Patient(
        name="Yewande", who="Mother of a boy with a peanut allergy, and a reader of small print.",
        born=1988, allergies=("peanut", "tree_nuts"), conditions=("food_allergy",), medicines=(),
        chapters=({"food-allergy": 3.4, "school-age": 1.8, "baby-days": 1, "first-aid": 0.8},),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Lowell", who="Told in January that it is type 2, and means to send it packing.",
        born=1972, allergies=(), conditions=("diabetes_type_2", "obesity"),
        medicines=("metformin", "atorvastatin"),
        chapters=(
            {"blood-sugar": 3.4, "eating-well": 1.4, "feet": 0.8},
            {"weight": 2.6, "moving-more": 2, "blood-sugar": 1.4, "cholesterol": 1},
        ),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Annunziata", who="Eighty-three, lives up two flights and will not use the frame.",
        born=1942, allergies=("penicillin",),
        conditions=("osteoporosis", "high_blood_pressure", "glaucoma"),
        medicines=("alendronic_acid", "amlodipine"),
        chapters=({"growing-old": 2.8, "strong-bones": 2.4, "eyes-and-ears": 1.2},),
        kinds=("article", "product"), session=2.6,
    ),
    Patient(
        name="Desmond", who="Cares for a wife who hides the keys, and cooks for both.",
        born=1953, allergies=(), conditions=("heart_disease",),
        medicines=("clopidogrel", "simvastatin"),
        chapters=({"looking-after": 3.4, "growing-old": 2, "sleep": 0.8, "low-spirits": 0.8},),
        kinds=("article", "answer"),
    ),
    Patient(
        name="Saoirse", who="Nurses a six-week-old with one hand and searches with the other.",
        born=1993, allergies=("lanolin",), conditions=(), medicines=(), pregnant=True,
        chapters=({"new-mother": 3.4, "baby-days": 2.4, "sleep": 1, "coughs-and-colds": 0.8},),
        kinds=("answer", "article", "product"), session=2.4,
    ),
    Patient(
        name="Marek", who="Lays floors on his knees and has no thought of stopping.",
        born=1967, allergies=("crustaceans",), conditions=("osteoarthritis", "gout"), medicines=(),
        chapters=({"stiff-joints": 3.2, "sore-back": 2, "headaches": 1, "evidence": -0.8},),
        kinds=("product", "answer"),
    ),
    Patient(
        name="Philomena", who="Her last period was eleven months ago; the fan is on in February.",
        born=1973, allergies=(), conditions=("menopause",), medicines=(),
        chapters=({"change-of-life": 3.4, "sleep": 1.4, "plants-and-herbs": 1, "strong-bones": 1},),
        kinds=("article", "product", "answer"),
    ),
    Patient(
        name="Kit", who="Nineteen, spots before every party, and a shelf of half-used tubes.",
        born=2006, allergies=("fragrance",), conditions=("acne",), medicines=("isotretinoin",),
        chapters=({"clear-face": 3.4, "dry-itchy-skin": 1.2, "sun-and-away": 0.8},),
        kinds=("product", "answer"), session=3.8,
    ),
    Patient(
        name="Hanneke", who="Bakes with rice flour and reads every packet in three shops.",
        born=1981, allergies=("gluten",), conditions=("coeliac_disease", "iron_deficiency"),
        medicines=(),
        chapters=({"gluten-free": 3.4, "digestion": 1.6, "thyroid-and-tiredness": 1.4},),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Oyelaran", who="Sits near the door of every meeting, breathing out slowly.",
        born=1990, allergies=(), conditions=("anxiety",), medicines=("sertraline",),
        chapters=({"worry": 3.2, "talking-help": 2.4, "sleep": 1, "plants-and-herbs": -0.6},),
        kinds=("article", "answer"),
    ),
    Patient(
        name="Greta", who="Steady on lithium for nine years and keen to remain so.",
        born=1983, allergies=(), conditions=("bipolar_disorder",), medicines=("lithium",),
        chapters=({"low-spirits": 2.6, "mixing-medicines": 2.2, "sleep": 1.6, "kidneys": 0.6},),
        kinds=("article", "answer"),
    ),
    Patient(
        name="Bakari", who="Father of three under seven; somebody always has a temperature.",
        born=1987, allergies=(), conditions=(), medicines=(),
        chapters=({"school-age": 2.8, "baby-days": 2, "coughs-and-colds": 2, "first-aid": 1.2},),
        kinds=("answer", "product", "article"), session=3.6,
    ),
    Patient(
        name="Ottilie", who="Believes in roots, flowers and her grandmother's notebook.",
        born=1976, allergies=("ragweed",), conditions=("migraine",), medicines=("combined_pill",),
        chapters=({"plants-and-herbs": 3.4, "sleep": 1, "worry": 1, "headaches": 0.8},),
        kinds=("product", "article"), session=3.8,
    ),
    Patient(
        name="Ferdinand", who="Up three times a night, and tells nobody but this search box.",
        born=1957, allergies=(), conditions=("enlarged_prostate", "high_cholesterol"),
        medicines=("simvastatin",),
        chapters=({"mens-matters": 3.4, "sleep": 1.4, "cholesterol": 1.6, "heart-trouble": 0.6},),
        kinds=("article", "answer"),
    ),
    Patient(
        name="Noor", who="Runs before dawn, eats nothing that had a mother, counts it all.",
        born=1998, allergies=("milk",), conditions=(), medicines=(),
        chapters=({"plant-eater": 3.2, "moving-more": 2, "eating-well": 1.6, "gadgets": 0.6},),
        kinds=("product", "article", "answer"),
    ),
    Patient(
        name="Winifred", who="Her kidneys do a third of their work; the fridge bears a list.",
        born=1955, allergies=("ibuprofen",), conditions=("kidney_disease", "high_blood_pressure"),
        medicines=("lisinopril", "furosemide"),
        chapters=({"kidneys": 3.4, "blood-pressure": 1.8, "eating-well": 1, "headaches": 0.6},),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Calloway", who="Forty a day until Easter; his cough has not heard the news.",
        born=1963, allergies=(), conditions=("copd", "tobacco_dependence"),
        medicines=("theophylline",),
        chapters=(
            {"giving-up": 3.2, "coughs-and-colds": 1.6, "breathing": 1.4},
            {"breathing": 3, "moving-more": 1.4, "infection": 1},
        ),
        kinds=("article", "product", "answer"),
    ),
    Patient(
        name="Suvi", who="Has a bowel with opinions and knows each toilet on the way.",
        born=1991, allergies=(), conditions=("irritable_bowel_syndrome", "lactose_intolerance"),
        medicines=(),
        chapters=({"digestion": 3.4, "eating-well": 1.4, "gluten-free": 0.8, "worry": 0.8},),
        kinds=("article", "answer", "product"),
    ),
    Patient(
        name="Leocadia", who="Always packing for somewhere hot, and always sick on the coach.",
        born=1969, allergies=("egg",), conditions=("travel_sickness",), medicines=(),
        chapters=({"sun-and-away": 3.4, "digestion": 1.4, "infection": 1.2, "first-aid": 1},),
        kinds=("product", "answer"),
    ),
    Patient(
        name="Thaddeus", who="A stent in March, a treadmill in April, and questions ever since.",
        born=1961, allergies=(), conditions=("heart_disease", "high_cholesterol"),
        medicines=("clopidogrel", "bisoprolol", "atorvastatin"),
        chapters=(
            {"heart-trouble": 3.4, "mixing-medicines": 1.4, "low-spirits": 0.8},
            {"moving-more": 2.4, "cholesterol": 2.2, "eating-well": 1.4, "heart-trouble": 1},
        ),
        kinds=("article", "answer"),
    ),
    Patient(
        name="Marisol", who="Misses two days of work a month and calls it a cold.",
        born=1996, allergies=("latex",), conditions=("endometriosis", "iron_deficiency"),
        medicines=("combined_pill",),
        chapters=({"monthly-cycle": 3.4, "thyroid-and-tiredness": 1.6, "headaches": 1.2},),
        kinds=("article", "product", "answer"),
    ),
    Patient(
        name="Ludovic", who="Weighs every claim, buys the gadget anyway and plots the results.",
        born=1984, allergies=(), conditions=(), medicines=(),
        chapters=({"gadgets": 3.2, "evidence": 2.2, "blood-pressure": 1, "plants-and-herbs": -1},),
        kinds=("product", "article"),
    ),
    Patient(
        name="Ermintrude", who="Waits for the thyroid clinic with her coat on indoors.",
        born=1970, allergies=("soya",), conditions=("underactive_thyroid", "dry_eyes"),
        medicines=("levothyroxine",),
        chapters=({"thyroid-and-tiredness": 3.4, "weight": 1.2, "eyes-and-ears": 1.2},),
        kinds=("answer", "article"),
    ),
    Patient(
        name="Jovan", who="A chef with cracked hands, a burn for every dish and feet that itch.",
        born=1982, allergies=("sesame",), conditions=("eczema", "athletes_foot"), medicines=(),
        chapters=({"dry-itchy-skin": 2.6, "feet": 2.2, "first-aid": 2},),
        kinds=("product", "answer"),
    ),
    Patient(
        name="Aurelia", who="Takes methotrexate on Mondays and shuns her nephews in winter.",
        born=1978, allergies=(), conditions=("rheumatoid_arthritis",),
        medicines=("methotrexate", "prednisolone"),
        chapters=({"stiff-joints": 2.4, "infection": 2.2, "mixing-medicines": 2, "worry": 1},),
        kinds=("article", "answer"),
    ),
    Patient(
        name="Emlyn", who="Sings tenor and has not seen a dentist since the wedding.",
        born=1989, allergies=("chlorhexidine",), conditions=("gum_disease",), medicines=(),
        chapters=({"mouth-and-teeth": 3.2, "coughs-and-colds": 1.8, "giving-up": 1},),
        kinds=("product", "answer"), session=2.6,
    ),
)
# fmt: on
