"""Signers of a form: what may be said of them, every fault by its path, defaults, and what a new version changes."""

import json
from typing import Any

import pytest

from portal.form_definitions.definition import FormDefinition, SignerCheck
from portal.form_definitions.format.readback import missing_texts, readback, unclaimed_addresses, unsure_signers
from portal.form_definitions.format.reading import read_json
from portal.form_definitions.rules import shown
from portal.form_definitions.versions.comparison import ChangeKind, compare
from tests.unit.form_definitions.making import TODAY, ask, document, faults, page, section

LANDLORD = {
    "id": "landlord",
    "role": "Landlord",
    "name": "you.name",
    "email": "you.mail",
    "check": {"fact": "you.born"},
    "statement": "I confirm that **this** is true.",
}
YOU = section("you", ask("name", "name"), ask("email", "mail"), ask("date", "born"), ask("choice", "kind"))
PEOPLE = section("people", ask("name", "name"), ask("date", "born"), repeat={"item": "person"})
SECRET = section("secret", ask("text", "x", sensitive="personal"))
REPLY = section("reply", ask("text", "agreed"), ask("text", "why", when={"field": "./agreed", "answered": True}))
LAST = section("last")


def signed(*signers: dict[str, Any], sections: tuple[dict[str, Any], ...] = (), **signer: Any) -> dict[str, Any]:
    """Return a document signed by a landlord and by these others; None leaves a key of the landlord's out."""
    first = {key: value for key, value in (LANDLORD | signer).items() if value is not None}
    return document(YOU, PEOPLE, SECRET, REPLY, LAST, *sections, signers=[first, *signers])


def read(content: dict[str, Any]) -> FormDefinition:
    return read_json(json.dumps(content))


def partner(**more: Any) -> dict[str, Any]:
    return LANDLORD | {"id": "partner"} | more


def asked(**more: Any) -> dict[str, Any]:
    """Return a document in which the landlord answers a section that something else refers to."""
    return signed(asks="reply", sections=(section("other", **more),))


ANSWERED = {"field": "reply.agreed", "answered": True}
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("a mapping", {**signed(), "signers": {"a": {}}}, "signers"),
    ("unknown key", signed(colour="blue"), "signers[0].colour"),
    ("no id", signed(id=None), "signers[0].id"),
    ("no role", signed(role=None), "signers[0].role"),
    ("no name", signed(name=None), "signers[0].name"),
    ("no address", signed(email=None), "signers[0].email"),
    ("no check", signed(check=None), "signers[0].check"),
    ("no statement", signed(statement=None), "signers[0].statement"),
    ("bad id", signed(id="Land lord"), "signers[0].id"),
    ("one id twice", signed(LANDLORD), "signers[1].id"),
    ("role in an unknown language", signed(role={"en": "Landlord", "xx": "?"}), "signers[0].role.xx"),
    ("empty statement", signed(statement=" "), "signers[0].statement"),
    ("name in an unknown field", signed(name="you.gone"), "signers[0].name"),
    ("name that is an address", signed(name="you.mail"), "signers[0].name"),
    ("name in several fields", signed(name=["you.name"]), "signers[0].name"),
    ("name in a repeat", signed(name="people.name"), "signers[0].name"),
    ("address in an unknown section", signed(email="gone.mail"), "signers[0].email"),
    ("address that is a name", signed(email="you.name"), "signers[0].email"),
    ("unknown check", signed(check="trust"), "signers[0].check"),
    ("check by a fact, without one", signed(check="fact"), "signers[0].check"),
    ("check of nothing", signed(check={}), "signers[0].check.fact"),
    ("unknown key of a check", signed(check={"fact": "you.born", "code": "x"}), "signers[0].check.code"),
    ("fact in an unknown field", signed(check={"fact": "you.gone"}), "signers[0].check.fact"),
    ("fact in a repeat", signed(check={"fact": "people.born"}), "signers[0].check.fact"),
    ("fact that is a choice", signed(check={"fact": "you.kind"}), "signers[0].check.fact"),
    ("fact that is no reference", signed(check={"fact": "born"}), "signers[0].check.fact"),
    ("unknown section shown", signed(shows=["you", "gone"]), "signers[0].shows[1]"),
    ("one section shown twice", signed(shows=["you", "you"]), "signers[0].shows[1]"),
    ("shows that is a text", signed(shows="you"), "signers[0].shows"),
    ("no days", signed(days=0), "signers[0].days"),
    ("too many days", signed(days=121), "signers[0].days"),
    ("days in words", signed(days="a month"), "signers[0].days"),
    ("after nobody", signed(after=["gone"]), "signers[0].after[0]"),
    ("after oneself", signed(after=["landlord"]), "signers[0].after[0]"),
    ("unknown condition", signed(when={"condition": "c"}), "signers[0].when.condition"),
    ("condition on an item", signed(when={"field": "./name", "answered": True}), "signers[0].when.field"),
    ("condition on a repeat", signed(when={"field": "people.name", "answered": True}), "signers[0].when.field"),
    ("asks an unknown section", signed(asks="gone"), "signers[0].asks"),
    ("asks what is shown to them", signed(asks="reply", shows=["you", "reply"]), "signers[0].asks"),
    ("asks what is shown to another", signed(partner(shows=["reply"]), asks="reply"), "signers[0].asks"),
    ("asks what another section needs", asked(needs=["reply"]), "signers[0].asks"),
    ("asks what another section rests on", asked(when=ANSWERED), "signers[0].asks"),
    ("asks what another field rests on", asked(fields=[ask("text", when={"not": ANSWERED})]), "signers[0].asks"),
    ("asks what a stop reads", asked(stop_when=[{"when": ANSWERED, "title": "T"}]), "signers[0].asks"),
    ("asks what a look-up reads", asked(fields=[ask("lookup", inputs={"a": "reply.agreed"})]), "signers[0].asks"),
    ("asks what decides about them", signed(asks="reply", when=ANSWERED), "signers[0].asks"),
    ("asks what a named condition reads", {**signed(asks="reply"), "conditions": {"c": ANSWERED}}, "signers[0].asks"),
    ("asks what is a fact", signed(asks="reply", check={"fact": "reply.agreed"}), "signers[0].asks"),
    ("asks what is a name", signed(asks="reply", name="reply.agreed"), "signers[0].asks"),
    (
        "asks whose form it is",
        {**signed(asks="reply"), "form": {"id": "f", "title": "F", "customer": {"name": "reply.agreed"}}},
        "signers[0].asks",
    ),
    ("asks a repeat", signed(asks="people"), "signers[0].asks"),
    ("asks for a file", signed(asks="more", sections=(section("more", ask("file")),)), "signers[0].asks"),
    ("asks with a look-up", signed(asks="more", sections=(section("more", ask("lookup")),)), "signers[0].asks"),
]
OF_ONE_PAGE = {
    "when": {"field": "you.name", "answered": True},
    "needs": ["you"],
    "stop_when": [{"when": {"field": "./x", "answered": True}, "title": "T"}],
}
FAULTS += [
    (f"asks a section with {key}", signed(asks="more", sections=(section("more", **{key: value}),)), "signers[0].asks")
    for key, value in OF_ONE_PAGE.items()
]


@pytest.mark.parametrize(("content", "path"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_one_fault_of_a_signer_is_refused_once_with_its_path(content: dict[str, Any], path: str) -> None:
    assert list(faults(content)) == [path]


def test_signers_who_wait_for_each_other_are_refused_at_each_of_them() -> None:
    content = signed(partner(after=["employer"]), partner(id="employer", after=["landlord"]), after=["partner"])
    found = faults(content)
    assert list(found) == ["signers[0].after[0]", "signers[1].after[0]", "signers[2].after[0]"]
    assert found["signers[0].after[0]"] == "landlord would wait for partner, and partner for landlord."
    assert faults(signed(partner(after=["landlord"]), partner(id="employer", after=["landlord", "partner"]))) == {}


def test_an_unknown_key_is_refused_with_the_one_that_was_meant() -> None:
    assert faults(signed(chek="code"))["signers[0].chek"] == "This key is not known. Did you mean check?"
    assert faults(signed(colour="x"))["signers[0].colour"] == "This key is not known."


def test_a_form_whose_every_section_is_a_signers_is_refused() -> None:
    content = document(section("s", ask("name", "name"), ask("email", "mail")), signers=[LANDLORD | {"asks": "s"}])
    assert "sections" in faults(content)


def test_a_signer_is_read_with_its_defaults() -> None:
    form = read(signed(asks="reply"))
    (signer,) = form.signers
    assert (signer.id, signer.role.in_("en"), signer.when) == ("landlord", "Landlord", None)
    assert (signer.name, signer.email) == (("you", "name"), ("you", "mail"))
    assert (signer.check, signer.fact) == (SignerCheck.FACT, ("you", "born"))
    assert (signer.days, signer.after, signer.asks) == (30, (), "reply")
    assert signer.shows == ("you", "people", "last")  # neither what is sensitive nor what they are asked


def test_a_signer_is_read_as_written() -> None:
    when = {"field": "you.kind", "is": "a"}
    form = read(
        signed(partner(check="account"), check="code", shows=["secret"], days=120, after=["partner"], when=when)
    )
    first, second = form.signers
    assert (first.check, first.fact, second.check) == (SignerCheck.CODE, None, SignerCheck.ACCOUNT)
    assert (first.shows, first.days, first.after) == (("secret",), 120, ("partner",))
    assert ("signers[0].when", "landlord is asked to sign if “Label of kind” is “A”.") in list(readback(form))
    assert read_json(form.document).signers == form.signers


def test_no_applicant_meets_the_section_of_a_signer() -> None:
    form = read(signed(asks="reply"))
    assert [each.id for each in form.sections] == ["you", "people", "secret", "last"]
    assert [each.id for each in form.signer_sections] == ["reply"]
    assert form.section("reply") is None
    assert "reply" not in shown(form, {"reply": {"agreed": "yes"}}, TODAY).answers


def test_paths_count_the_section_of_a_signer() -> None:
    late = section("late", ask("email", "second"), when={"field": "you.kind", "is": "a"})
    form = read(signed(asks="reply", sections=(late,)))
    assert [each.path for each in unclaimed_addresses(form)] == ["sections[5].fields[0]"]  # the signer's has its use
    assert [path for path, _ in readback(form)] == ["sections[3].fields[1].when", "sections[5].when"]


def test_the_page_of_a_signers_section_reads_all_that_was_sent() -> None:
    content = signed(asks="reply")
    content["sections"][3]["fields"][1]["when"] = {"field": "you.kind", "is": "a"}
    form = read(content)
    assert [each.name for each in page(form, "reply", answers={"you": {"kind": "a"}})] == ["agreed", "why"]
    assert [each.name for each in page(form, "reply", answers={"you": {"kind": "b"}})] == ["agreed"]


def test_texts_of_a_signer_are_translated_like_all_others() -> None:
    content = signed(role={"en": "Landlord", "cy": "Landlord"})
    content["form"]["languages"] = ["en", "cy"]
    missing = [each.path for each in missing_texts(read(content)) if each.path.startswith("signers")]
    assert missing == ["signers[0].statement"]


@pytest.mark.parametrize(
    ("required", "when", "expected"),
    [
        ((), None, ["name", "email", "check.fact"]),
        (("name", "mail", "born"), None, []),
        (("name", "born"), {"field": "you.mail", "answered": True}, []),
        (("name", "born"), {"all": [{"field": "you.mail", "answered": True}, {"field": "you.kind", "is": "a"}]}, []),
        (("name", "born"), {"field": "you.kind", "is": "a"}, ["email"]),
    ],
    ids=["nothing required", "all required", "asked if answered", "asked if answered, and more", "asked otherwise"],
)
def test_check_says_which_field_of_a_signer_may_be_empty(required: tuple[str, ...], when: Any, expected: Any) -> None:
    content = signed(when=when)
    you = content["sections"][0]
    fields = [each | ({"required": True} if each["id"] in required else {}) for each in you["fields"]]
    content["sections"][0] = you | {"fields": fields}
    assert [each.path for each in unsure_signers(read(content))] == [f"signers[0].{path}" for path in expected]


def test_a_field_that_may_be_hidden_may_be_empty_unless_the_signer_has_the_same_condition() -> None:
    when = {"field": "you.kind", "is": "a"}
    place = section("home", ask("email", "mail", required=True), when=when)
    named = {"check": "code", "email": "home.mail"}
    you = section("you", ask("choice", "kind", required=True), ask("name", "name", required=True))

    def form(**more: Any) -> FormDefinition:
        return read(document(you, place, signers=[LANDLORD | named | more]))

    assert [each.path for each in unsure_signers(form())] == ["signers[0].email"]
    assert unsure_signers(form(when=when)) == ()


def test_other_signers_are_a_change_and_a_renamed_field_of_theirs_is_none() -> None:
    old = read(signed(asks="reply"))
    assert _kinds(old, read(signed(asks="reply", days=31))) == [ChangeKind.SIGNERS]
    assert _kinds(old, read(signed(asks="reply", statement="Other"))) == [ChangeKind.SIGNERS]
    assert _kinds(old, read(signed(partner(), asks="reply"))) == [ChangeKind.SIGNERS]
    assert _kinds(old, read(signed(asks="reply"))) == []
    renamed = signed(asks="reply", email="you.post")
    fields = renamed["sections"][0]["fields"]
    renamed["sections"][0] = section(
        "you", fields[0], ask("email", "post", label="Label of mail", was=["mail"]), *fields[2:]
    )
    assert _kinds(old, read(renamed)) == [ChangeKind.RENAMED]


def test_what_a_signer_is_asked_may_change_and_asks_nothing_of_the_applicant() -> None:
    other = signed(asks="reply")
    other["sections"][3] = section("reply", ask("text", "agreed", label="Other", required=True), REPLY["fields"][1])
    (change,) = compare(read(signed(asks="reply")), read(other)).changes
    assert (change.kind, change.section_id) == (ChangeKind.SIGNERS, "")


def test_a_form_without_signers_keeps_its_digest() -> None:
    assert "signers" not in read(document(section("s"))).document


def _kinds(old: FormDefinition, new: FormDefinition) -> list[ChangeKind]:
    return [each.kind for each in compare(old, new).changes]
