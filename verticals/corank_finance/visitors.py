"""Which customers may be tried."""

from corank import Visitor

VISITORS = (
    Visitor(
        name="A student, for whom little is right yet",
        history=("FIN-0048", "FIN-0003", "FIN-0222"),
        known={
            "age": 22, "jurisdiction": "GB", "risk_tolerance": 4,
            "statuses": "resident|student|under_26",
        },
    ),
    Visitor(
        name="A first flat, and some risk to bear",
        history=("FIN-0096", "FIN-0026", "FIN-0028", "FIN-0082"),
        known={
            "age": 30, "jurisdiction": "GB", "risk_tolerance": 4,
            "statuses": "resident|first_time_buyer|payroll_customer|no_defaults",
        },
    ),
    Visitor(
        name="Eighty-two, and nothing that can fall",
        history=("FIN-0209", "FIN-0014", "FIN-0217"),
        known={
            "age": 82, "jurisdiction": "GB", "risk_tolerance": 2,
            "statuses": "resident|retired|over_55|homeowner",
        },
    ),
    Visitor(
        name="A careful saver in Germany",
        history=("FIN-0098", "FIN-0030", "FIN-0168"),
        known={
            "age": 54, "jurisdiction": "DE", "risk_tolerance": 3,
            "statuses": "resident|payroll_customer|homeowner|no_defaults",
        },
    ),
)  # fmt: skip
