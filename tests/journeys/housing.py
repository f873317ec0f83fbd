"""The whole housing form, filled in without script."""

from tests.citizen import Citizen

ABOUT_YOU = {
    "full_name": "Zoë Łukasz",
    "born__day": "9",
    "born__month": "5",
    "born__year": "1988",
    "national_insurance": "QQ 12 34 56 C",
    "email": "zoe@mail.example",
}
HOME = {
    "tenure": "private_rent",
    "postcode": "AS4 2LN",
    "address__line_1": "Flat 6, 18 Weir Lane",
    "address__town": "Ashmere",
    "address__postcode": "AS4 2LN",
}
RENT = {"amount": "650", "period": "month", "in_arrears": "no", "landlord": "Calder Homes Ltd"}
PERSON = {"full_name": "Joel", "born__day": "2", "born__month": "2", "born__year": "2014", "relation": "child"}
INCOME: dict[str, str | list[str]] = {"kinds": ["wages"], "wages": "1,420.00", "hours": "30"}
LANDLORD = {"since__day": "1", "since__month": "3", "since__year": "2019", "owed": "0", "ending": "no"}
"""What only the landlord answers, before they sign."""
NEEDS = {"story": "The rent went up.", "urgent": "no"}


def start(citizen: Citizen) -> str:
    """Start the form; return the draft's address."""
    citizen.open("/forms/housing-support")
    return citizen.press("Start now").path


def begin(citizen: Citizen) -> str:
    """Start the form and fill in the first section; return the draft's address."""
    draft = start(citizen)
    citizen.open(f"{draft}/about_you")
    citizen.press("Continue", **ABOUT_YOU)
    return draft


def begin_with_home(citizen: Citizen) -> str:
    """Start the form with a rented home, which the rent depends on; return the draft's address."""
    draft = start(citizen)
    citizen.open(f"{draft}/home")
    citizen.press("Continue", **HOME)
    return draft


def fill(citizen: Citizen, draft: str, **rent: str) -> None:
    """Fill every section up to the check page; with a `landlord_email` the landlord will be asked to sign."""
    citizen.open(f"{draft}/about_you")
    citizen.press("Continue", **ABOUT_YOU)
    citizen.press("Continue", **HOME)
    citizen.press("Continue", **(RENT | rent))
    citizen.press("Add a person")
    citizen.press("Continue", **PERSON)
    citizen.press("Continue")
    citizen.press("Continue", **INCOME)
    citizen.press("Continue", **NEEDS)
    citizen.press("Continue")
    citizen.press("Continue", share="yes")
