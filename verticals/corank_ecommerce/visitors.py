"""Who may be tried in the shop."""

from corank import Visitor

VISITORS = (
    Visitor(
        name="A runner after a first half marathon",
        history=("RUN-0014", "RUN-0022", "RUN-0024", "RUN-0019"),
    ),
    Visitor(name="Coffee, by hand", history=("COF-0007", "COF-0019", "COF-0024")),
    Visitor(name="A dog that likes mud", history=("PET-0017", "PET-0016", "PET-0043", "PET-0011")),
    Visitor(name="A baby that runs along", history=("BAB-0012", "BAB-0031", "RUN-0034")),
)
