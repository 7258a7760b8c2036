"""Who may be tried; what they have to mind decides what they are shown."""

from corank import Visitor

VISITORS = (
    Visitor(
        name="Joints that ache, and no shellfish",
        history=("HLT-0205", "HLT-0206"),
        known={"age": 55, "allergies": "crustaceans", "conditions": "gout"},
    ),
    Visitor(
        name="A heart on three medicines",
        history=("HLT-0015", "HLT-0111", "HLT-0168"),
        known={
            "age": 62, "conditions": "heart_disease",
            "medicines": "clopidogrel|bisoprolol|atorvastatin",
        },
    ),
    Visitor(
        name="Expecting, with a cough",
        history=("HLT-0108",),
        known={"age": 31, "pregnant": True, "allergies": "none", "medicines": "none"},
    ),
    Visitor(
        name="Skin that itches",
        history=("HLT-0260", "HLT-0155", "HLT-0263"),
        known={"age": 41, "allergies": "sesame", "conditions": "eczema"},
    ),
)  # fmt: skip
