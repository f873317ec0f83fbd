"""Any form can have a signer: whoever it names is asked once it is sent, and their section is never the applicant's."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.signing.models import Invitation
from portal.signing.sealing import address_of, name_of
from portal.submissions.models import Submission
from tests.any_form.filling import Journey, text_of, unnamed
from tests.any_form.made import documents
from tests.any_form.test_made_forms import GIVEN

pytestmark = pytest.mark.one_database
ASKED = {"id": "asked", "title": "Only for the signer", "fields": [{"id": "x", "type": "text", "label": "Only theirs"}]}
WHO = {
    "id": "who",
    "title": "Who signs",
    "fields": [{"id": "name", "type": "name", "label": "Their name"}, {"id": "mail", "type": "email", "label": "Mail"}],
}
Place = tuple[str, str]


def places(document: dict[str, Any], *kinds: str) -> list[Place]:
    """Return the fields of these types that are asked once."""
    plain = [each for each in document["sections"] if "repeat" not in each]
    return [(each["id"], field["id"]) for each in plain for field in each["fields"] if field["type"] in kinds]


def with_signer(document: dict[str, Any], name: Place, email: Place, at: int) -> dict[str, Any]:
    """Return the document with a signer who is asked where both fields are answered, and with the signer's section."""
    answered = [{"field": ".".join(place), "answered": "true"} for place in (name, email)]
    signer = {
        "id": "signer",
        "role": "Signer",
        "when": {"all": answered},
        "name": ".".join(name),
        "email": ".".join(email),
        "check": "account",
        "asks": "asked",
        "statement": "I agree.",
    }
    sections = [*document["sections"][:at], ASKED, *document["sections"][at:]]
    return {**document, "sections": sections, "signers": [signer]}


@settings(**GIVEN)
@given(document=documents(), data=st.data())
def test_any_form_asks_the_signer_whom_it_names_and_nobody_else(
    app: Flask, document: dict[str, Any], data: Any
) -> None:
    document["sections"].insert(data.draw(st.integers(0, len(document["sections"]))), WHO)
    name = data.draw(st.sampled_from(places(document, "name", "text")))
    email = data.draw(st.sampled_from(places(document, "email")))
    journey = Journey(app, document, data.draw)
    journey.start(text_of(with_signer(document, name, email, data.draw(st.integers(0, len(document["sections"]))))))
    journey.walk()
    assert "Only theirs" not in journey.citizen.page
    sent = journey.send()
    if journey.reckoned.first_stop():
        assert sent is None
        return
    assert sent is not None, journey.citizen.page.words
    assert unnamed(document, sent) == journey.expected()
    named = [sent.get(section_id, {}).get(field_id) for section_id, field_id in (name, email)]
    event("somebody is asked" if all(named) else "nobody is asked")
    assert invited(app, journey.address.rpartition("/")[2]) == ([tuple(named)] if all(named) else [])


def invited(app: Flask, reference: str) -> list[tuple[str, str]]:
    """Return the name and address of everybody who is asked to sign a form."""
    parts = app.extensions["portal"]
    keyring, own = parts.configuration.keyring, select(Submission.id).where(Submission.reference == reference)
    with parts.database.reading() as db:
        found = db.scalars(select(Invitation).where(Invitation.submission_id.in_(own)).order_by(Invitation.id))
        return [(name_of(keyring, reference, each), address_of(keyring, reference, each)) for each in found]
