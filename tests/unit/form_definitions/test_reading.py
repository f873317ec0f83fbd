"""What a definition may say, and how every fault is reported."""

import json
from pathlib import Path
from typing import Any

import pytest

import portal
from portal.form_definitions.conditions import Scope, evaluate
from portal.form_definitions.definition import Comparison, SomeItem
from portal.form_definitions.format.reading import read_json, read_yaml
from portal.form_definitions.format.source import FaultyDefinitionError
from tests.unit.form_definitions.making import TODAY, ask, definition, document, faults, section

DEMO_FORMS = sorted((Path(portal.__file__).parent / "demo_forms").glob("*.yaml"))
S = "sections[0].fields[0]"


def one(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return document(section("s", *fields, **more))


def two(when: Any, first: dict[str, Any] | None = None, **named: Any) -> dict[str, Any]:
    """Return a document: a first section with one question, and a second that depends on it."""
    return document(section("one", first or ask("yes_no")), section("two", when=when), **named)


def claimed(**customer: Any) -> dict[str, Any]:
    """Return a document whose form says whose it is: a section asked once, and one for each person."""
    fields = (ask("name", "name"), ask("text", "first"), ask("email", "mail"), ask("date", "born"))
    people = section("people", ask("name", "name"), ask("email", "mail"), repeat={"item": "person"})
    return document(section("you", *fields), people, form={"customer": customer})


PEOPLE = section("people", ask("date", "born"), repeat={"item": "person"})

FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("unknown key", {**one(), "extra": 1}, "extra"),
    ("unknown key of a field", one(ask("text", lable="x")), f"{S}.lable"),
    ("unknown format", {**one(), "format": 2}, "format"),
    ("missing title", {**one(), "form": {"id": "f"}}, "form.title"),
    ("no sections", document(), "sections"),
    ("section without fields", document({"id": "s", "title": "S", "fields": []}), "sections[0].fields"),
    ("field that is a text", document({"id": "s", "title": "S", "fields": ["x"]}), S),
    ("not a flag", one(ask("text", required="maybe")), f"{S}.required"),
    ("unknown type", one(ask("colour")), f"{S}.type"),
    ("duplicate section", document(section("s"), section("s")), "sections[1].id"),
    ("duplicate field", one(ask("text"), ask("text")), "sections[0].fields[1].id"),
    ("reserved section", document(section("check")), "sections[0].id"),
    ("reserved section autosave", document(section("autosave")), "sections[0].id"),
    ("reserved field", one(ask("text", "csrf_token")), f"{S}.id"),
    ("underscore", one(ask("text", "_revision")), f"{S}.id"),
    ("hyphen", one(ask("text", "born-day")), f"{S}.id"),
    ("long id", one(ask("text", "a" * 65)), f"{S}.id"),
    ("empty id", one(ask("text", "")), f"{S}.id"),
    ("choice without options", one({"id": "q", "type": "choice", "label": "Q"}), f"{S}.options"),
    ("empty options", one(ask("choice", options=[])), f"{S}.options"),
    ("duplicate option", one(ask("choice", options=[{"value": "a", "label": "A"}] * 2)), f"{S}.options[1].value"),
    ("options on text", one(ask("text", options=[{"value": "a", "label": "A"}])), f"{S}.options"),
    ("unknown list", one(ask("choice", options="colours")), f"{S}.options"),
    ("bounds on text", one(ask("text", min=1)), f"{S}.min"),
    ("number bound no number", one(ask("number", max="many")), f"{S}.max"),
    ("date bound no date", one(ask("date", min="1")), f"{S}.min"),
    ("date bound not real", one(ask("date", min="2026-02-30")), f"{S}.min"),
    ("min above max", one(ask("money", min=2, max=1)), f"{S}.min"),
    ("pattern", one(ask("text", pattern="(")), f"{S}.pattern"),
    ("long pattern", one(ask("text", pattern="a" * 501)), f"{S}.pattern"),
    ("max_length too large", one(ask("text", max_length=20001)), f"{S}.max_length"),
    ("unknown message", one(ask("text", errors={"exclusive": "x"})), f"{S}.errors.exclusive"),
    ("required note", one(ask("note", required=True)), f"{S}.required"),
    ("lookup without integration", one({"id": "q", "type": "lookup", "label": "Q"}), f"{S}.integration"),
    ("lookup of unknown field", one(ask("lookup", inputs={"p": "./gone"})), f"{S}.inputs.p"),
    ("lookup fills unknown", one(ask("lookup", fills={"./gone": "a"})), f"{S}.fills../gone"),
    ("file kind", one(ask("file", files={"types": ["exe"]})), f"{S}.files.types[0]"),
    ("was twice", one(ask("text", "a", was=["x"]), ask("text", "b", was=["x"])), "sections[0].fields[1].was[0]"),
    ("was is another field", one(ask("text", "a", was=["b"]), ask("text", "b")), f"{S}.was[0]"),
    ("access", document(section("s"), form={"access": "nobody"}), "form.access"),
    ("minutes", document(section("s"), form={"expected_minutes": 0}), "form.expected_minutes"),
    ("keep_days", document(section("s"), form={"drafts": {"keep_days": 0}}), "form.drafts.keep_days"),
    (
        "reminder after the end",
        document(section("s"), form={"drafts": {"keep_days": 3, "remind_days_before": [3]}}),
        "form.drafts.remind_days_before",
    ),
    (
        "first language missing",
        document(section("s"), form={"title": {"cy": "F"}, "languages": ["en", "cy"]}),
        "form.title",
    ),
    ("unknown language", document(section("s"), form={"title": {"en": "F", "cy": "F"}}), "form.title.cy"),
    ("language code", document(section("s"), form={"languages": ["English"]}), "form.languages[0]"),
    ("customer that is a text", document(section("s"), form={"customer": "s.x"}), "form.customer"),
    ("customer of nothing", claimed(), "form.customer"),
    ("unknown key of a customer", claimed(mail="you.mail", name="you.name"), "form.customer.mail"),
    ("customer's address in an unknown field", claimed(email="you.gone"), "form.customer.email"),
    ("customer's address in an unknown section", claimed(email="gone.mail"), "form.customer.email"),
    ("customer's address is no reference", claimed(email="mail"), "form.customer.email"),
    ("customer's address without a section", claimed(email="./mail"), "form.customer.email"),
    ("customer's empty address", claimed(email=""), "form.customer.email"),
    ("customer's address in several fields", claimed(email=["you.mail"], name="you.name"), "form.customer.email"),
    ("customer's address in a repeat", claimed(email="people.mail"), "form.customer.email"),
    ("customer's address is a name", claimed(email="you.name"), "form.customer.email"),
    ("customer's name is a date", claimed(name="you.born"), "form.customer.name"),
    ("customer's name is an address", claimed(name=["you.first", "you.mail"]), "form.customer.name[1]"),
    ("customer's name in a repeat", claimed(name="people.name"), "form.customer.name"),
    ("customer's name in an unknown field", claimed(name=["you.gone", "you.first"]), "form.customer.name[0]"),
    ("customer's name in no field", claimed(name=[], email="you.mail"), "form.customer.name"),
    ("customer's name twice in one field", claimed(name=["you.first", "you.first"]), "form.customer.name[1]"),
    ("customer's name is a mapping", claimed(name={"en": "you.name"}, email="you.mail"), "form.customer.name"),
    ("customer's name is no text", claimed(name=["you.first", ["you.name"]]), "form.customer.name[1]"),
    ("repeat min above max", one(repeat={"item": "x", "min": 3, "max": 2}), "sections[0].repeat.min"),
    ("repeat max", one(repeat={"item": "x", "max": 0}), "sections[0].repeat.max"),
    ("label_from", one(repeat={"item": "x", "label_from": "gone"}), "sections[0].repeat.label_from"),
    ("needs unknown", one(needs=["gone"]), "sections[0].needs[0]"),
    ("needs itself", one(needs=["s"]), "sections[0].needs[0]"),
    ("needs a later one", document(section("a", needs=["b"]), section("b")), "sections[0].needs[0]"),
    ("no shape", two({}), "sections[1].when"),
    ("two shapes", two({"condition": "c", "field": "one.q", "is": True}), "sections[1].when"),
    ("no operator", two({"field": "one.q"}), "sections[1].when"),
    ("two operators", two({"field": "one.q", "is": True, "is_not": True}), "sections[1].when"),
    ("operator beside all", two({"all": [{"field": "one.q", "is": True}], "is": True}), "sections[1].when.is"),
    ("empty all", two({"all": []}), "sections[1].when.all"),
    ("unknown condition", two({"condition": "c"}), "sections[1].when.condition"),
    ("unknown section", two({"field": "gone.q", "is": True}), "sections[1].when.field"),
    ("unknown field", two({"field": "one.gone", "is": True}), "sections[1].when.field"),
    ("no reference", two({"field": "q", "is": True}), "sections[1].when.field"),
    ("own field in a section's when", two({"field": "./x", "is": "1"}), "sections[1].when.field"),
    ("not the operator of the type", two({"field": "one.q", "at_least": "3"}), "sections[1].when.at_least"),
    ("not a flag's value", two({"field": "one.q", "is": "perhaps"}), "sections[1].when.is"),
    ("not an option", two({"field": "one.q", "is": "z"}, ask("choice")), "sections[1].when.is"),
    ("one not an option", two({"field": "one.q", "one_of": ["a", "z"]}, ask("choice")), "sections[1].when.one_of"),
    ("not a number", two({"field": "one.q", "at_least": "x"}, ask("number")), "sections[1].when.at_least"),
    ("note compared", two({"field": "one.q", "answered": True}, ask("note")), "sections[1].when.answered"),
    (
        "forward section",
        document(section("a", when={"field": "b.x", "is": "1"}), section("b")),
        "sections[0].when.field",
    ),
    ("forward field", one(ask("text", "a", when={"field": "./b", "is": "1"}), ask("text", "b")), f"{S}.when.field"),
    ("itself", one(ask("text", "a", required_when={"field": "s.a", "is": "1"})), f"{S}.required_when.field"),
    (
        "field of a repeat from outside",
        document(PEOPLE, section("two", when={"field": "people.born", "answered": True})),
        "sections[1].when.field",
    ),
    (
        "some_item of a plain section",
        two({"some_item": "one", "when": {"field": "./q", "is": True}}),
        "sections[1].when.some_item",
    ),
    (
        "some_item without when",
        document(PEOPLE, section("two", when={"some_item": "people"})),
        "sections[1].when.when",
    ),
    (
        "some_item of a later section",
        document(section("a", when={"some_item": "people", "when": {"field": "./born", "answered": True}}), PEOPLE),
        "sections[0].when.some_item",
    ),
    (
        "loop",
        two({"condition": "a"}, conditions={"a": {"condition": "b"}, "b": {"not": {"condition": "a"}}}),
        "conditions.b.not.condition",
    ),
    ("unused condition", {**one(), "conditions": {"c": {"field": "gone.q", "is": "1"}}}, "conditions.c.field"),
    (
        "named condition that looks forward",
        {
            **document(section("a", when={"condition": "c"}), section("b")),
            "conditions": {"c": {"field": "b.x", "is": "1"}},
        },
        "sections[0].when.condition.field",
    ),
]


@pytest.mark.parametrize(("content", "path"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_one_fault_is_refused_once_with_its_path(content, path):
    assert list(faults(content)) == [path]


def test_all_faults_are_listed_at_once_whatever_their_kind():
    content = document(
        section("check", ask("nope"), ask("text", "b", hnt="x", when={"field": "c.d", "is": "1"})),
        section("t", ask("choice", options="gone"), needs=["gone"]),
        form={"title": ["x"], "access": "nobody"},
    )
    assert set(faults(content)) == {
        "form.title",
        "form.access",
        "sections[0].id",
        "sections[0].fields[0].type",
        "sections[0].fields[1].hnt",
        "sections[0].fields[1].when.field",
        "sections[1].fields[0].options",
        "sections[1].needs[0]",
    }


@pytest.mark.parametrize("file", DEMO_FORMS, ids=lambda file: file.stem)
def test_demo_forms_read_and_their_canonical_form_reads_back_the_same(file):
    read = read_yaml(file.read_text())
    again = read_json(read.document)
    assert (again.document, again.digest) == (read.document, read.digest)
    assert [each.fields for each in again.sections] == [each.fields for each in read.sections]


@pytest.mark.parametrize("file", DEMO_FORMS, ids=lambda file: file.stem)
def test_each_question_of_the_demo_has_a_short_name_for_sentences(file):
    questions = [each for section in read_yaml(file.read_text()).sections for each in section.fields]
    unnamed = [each.id for each in questions if each.short is None and each.type not in ("note", "lookup", "heading")]
    assert unnamed == []
    clauses = [each.id for each in questions if each.short and each.short.in_("en").startswith("whether")]
    assert clauses == []  # "Only asked if whether you work is yes"


def test_defaults_match_the_documentation():
    form = definition(section("s"))
    drafts = form.drafts
    assert (form.languages, form.access, form.allow_save) == (("en",), "anyone", True)
    assert (drafts.keep_days, drafts.remind_days_before, drafts.on_new_version) == (30, (7, 2), "ask")


def test_a_short_keeping_time_drops_only_the_default_reminders_that_do_not_fit():
    assert definition(section("s"), form={"drafts": {"keep_days": 5}}).drafts.remind_days_before == (2,)


YAML = """
format: 1
form: {id: f, title: F}
sections:
  - id: s
    title: NO
    fields:
      - id: q
        type: choice
        label: 12:30
        options: [{value: no, label: No}, {value: 007, label: ~}, {value: 1e3, label: on}]
"""


def test_yaml_scalars_stay_what_the_author_wrote():
    form = read_yaml(YAML)
    options = form.field("s", "q").options
    assert [option.value for option in options] == ["no", "007", "1e3"]
    assert [option.label.in_("en") for option in options] == ["No", "~", "on"]
    assert form.field("s", "q").label.in_("en") == "12:30"


@pytest.mark.parametrize(
    ("customer", "name", "email"),
    [
        ({"name": "you.name", "email": "you.mail"}, (("you", "name"),), ("you", "mail")),
        ({"name": ["you.first", "you.name"]}, (("you", "first"), ("you", "name")), None),
        ({"email": "you.mail"}, (), ("you", "mail")),
    ],
    ids=["both", "several names", "address alone"],
)
def test_form_says_whose_it_is(customer: dict[str, Any], name: Any, email: Any) -> None:
    read = read_json(json.dumps(claimed(**customer)))
    assert read.customer
    assert (read.customer.name, read.customer.email) == (name, email)
    assert read_json(read.document).customer == read.customer


def test_a_form_that_does_not_say_whose_it_is_keeps_its_digest():
    assert "customer" not in definition(section("s", ask("email"))).document


def test_yaml_and_json_of_the_same_form_have_the_same_digest():
    content = document(section("s", ask("number", min=1, max=2.5, required=True), intro="Hi"))
    text = """
sections:
  - {intro: Hi, title: S, id: s, fields: [{type: number, id: q, label: Label of q, max: 2.5, min: 1, required: true}]}
form: {title: F, id: f, access: anyone}
format: 1
"""
    assert read_yaml(text).digest == read_json(json.dumps(content)).digest


BROKEN = [
    ("aliases", "a: &x [1]\nb: *x", "b"),
    ("twice", "format: 1\nformat: 1", "format"),
    ("twice, deep", "form: {id: f, id: g}", "form.id"),
    ("syntax", "form: [", ""),
    ("depth", "a: " + "[" * 50 + "]" * 50, "a[0][0]"),
    ("two documents", "a: 1\n---\nb: 1", ""),
    ("key that is a list", "? [a]\n: 1", ""),
    ("control character", 'form: {id: "\\0"}', "form.id"),
    ("list", "- a", ""),
    ("too large", "a" * 1_000_001, ""),
    ("lone surrogate", "a: \ud800", ""),
]


@pytest.mark.parametrize(("text", "path"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_yaml_that_cannot_be_trusted_is_refused(text, path):
    with pytest.raises(FaultyDefinitionError) as refused:
        read_yaml(text)
    assert [fault.path for fault in refused.value.faults] == [path]


@pytest.mark.parametrize(
    "text",
    ['{"format": 1, "format": 1}', "[" * 100_000, '{"format": "\\u0000"}', '{"form": {"id": "\\ud800"}}', "{", "NaN"],
    ids=["twice", "depth", "NUL", "surrogate", "syntax", "constant"],
)
def test_json_that_cannot_be_trusted_is_refused(text):
    with pytest.raises(FaultyDefinitionError):
        read_json(text)


def test_nested_names_cannot_make_a_condition_grow_without_end():
    named: dict[str, Any] = {"c0": {"field": "one.q", "is": True}}
    named |= {f"c{n}": {"all": [{"condition": f"c{n - 1}"}] * 2} for n in range(1, 30)}
    assert any("500 parts" in sentence for sentence in faults(two({"condition": "c29"}, conditions=named)).values())


def test_a_chain_of_names_cannot_exhaust_the_stack():
    named = {f"c{n}": {"condition": f"c{n + 1}"} for n in range(2000)} | {"c2000": {"field": "one.q", "is": True}}
    assert any(
        "nested too deeply" in sentence for sentence in faults(two({"condition": "c0"}, conditions=named)).values()
    )


def test_the_deepest_nesting_allowed_can_be_evaluated():
    when: dict[str, Any] = {"field": "one.q", "is": True}
    for _ in range(16):
        when = {"all": [when]}
    named = {"deep": when, "deeper": {"not": {"condition": "deep"}}}
    form = read_json(json.dumps(two({"condition": "deeper"}, conditions=named)))
    assert evaluate(form.sections[1].when, Scope(said={"one": {"q": False}}, today=TODAY)) is True


def test_either_spelling_of_a_reference_to_the_same_item_means_this_item():
    whens = [{"field": "./a", "is": "1"}, {"field": "s.a", "is": "1"}]
    form = definition(
        section(
            "s",
            ask("text", "a"),
            *[ask("text", f"b{n}", when=when) for n, when in enumerate(whens)],
            repeat={"item": "x"},
        )
    )
    assert form.field("s", "b0").when == form.field("s", "b1").when
    assert isinstance(form.field("s", "b0").when, Comparison)


def test_stop_when_may_refer_to_later_fields_and_to_all_items_of_its_section():
    stop = {"title": "Stop", "when": {"some_item": "people", "when": {"field": "./born", "years_ago_at_least": 100}}}
    form = definition(PEOPLE | {"stop_when": [stop]})
    assert isinstance(form.sections[0].stop_when[0].when, SomeItem)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Za-z]{2} ?[0-9]{2}$",
        r"[A-Za-z]+( [A-Za-z]+)*",
        r"[A-Z0-9]+([-.][A-Z0-9]+)*",
        r"\d{5}|\w{1,8}",
        r"[^@]+@[^@]+",
    ],
)
def test_common_patterns_of_authors_are_accepted(pattern):
    assert not faults(one(ask("text", pattern=pattern)))
