"""Read YAML or JSON into a frozen definition, or name every fault at once."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from portal.form_definitions.definition import (
    CustomerFields,
    Drafts,
    Field,
    FormDefinition,
    Repeat,
    Section,
    SignerCheck,
    SignerDefinition,
    StopWhen,
)
from portal.form_definitions.format.condition_reading import (
    ALL_FIELDS,
    ConditionPlace,
    ConditionReader,
    KnownField,
    KnownSection,
)
from portal.form_definitions.format.document import (
    CustomerDocument,
    Document,
    FieldDocument,
    HeaderDocument,
    SectionDocument,
    SignerDocument,
    StopDocument,
    canonical,
    read_document,
)
from portal.form_definitions.format.field_reading import FieldReader, TextReader, checked_id
from portal.form_definitions.format.source import Faults, KeyPath, Tree, json_tree, path_text, yaml_tree
from portal.form_definitions.types.field_types import FIELD_TYPES

RESERVED_SECTIONS = frozenset({"save", "check", "autosave"})
MAX_ITEMS = 1000
AFTER_ALL = "/"
"""Stands for a section after all others, from which a condition can read every one; no id is written so."""
_NOWHERE = ("", "")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_OF_NAMES, _OF_EMAIL = ("name", "text"), ("email",)
_OF_FACTS = ("text", "name", "date", "number", "phone", "email")
_NOT_FOR_SIGNERS = ("file", "lookup")
MAX_SIGNER_DAYS = 120
_REFERRING = frozenset({"field", "some_item", "needs", "inputs", "name", "email", "fact", "shows"})
"""The keys whose values refer to a section, as `section` or `section.field`."""
_ACCESS = ("anyone", "account")
_ON_NEW_VERSION = ("keep", "move", "ask")


def read_yaml(text: str) -> FormDefinition:
    """Return the definition in a YAML text; raise `FaultyDefinitionError` with every fault."""
    return _definition_in(yaml_tree(text))


def read_json(text: str) -> FormDefinition:
    """Return the definition in a JSON text; raise `FaultyDefinitionError` with every fault."""
    return _definition_in(json_tree(text))


def document_of(definition: FormDefinition) -> Document:
    """Return the document from which a definition was read."""
    return read_document(json_tree(definition.document), Faults())


def _definition_in(tree: Tree) -> FormDefinition:
    faults = Faults()
    document = read_document(tree, faults)
    definition = _FormReader(document, faults).read()
    faults.refuse()
    return definition


class _FormReader:
    """Read one document; note each fault and go on."""

    def __init__(self, document: Document, faults: Faults) -> None:
        self._document = document
        self._faults = faults
        self._languages = self._read_languages(document.form)
        self._texts = TextReader(languages=self._languages, faults=faults)
        self._known = _known_sections(document)
        self._conditions = ConditionReader(sections=self._known, named=document.conditions, faults=faults)
        self._fields = FieldReader(texts=self._texts, conditions=self._conditions, lists=document.lists, faults=faults)

    def read(self) -> FormDefinition:
        document, header = self._document, self._document.form
        if document.format not in ("", "1"):
            self._faults.add(("format",), f"Format {document.format} is not known; this portal reads format 1.")
        self._check_header(header)
        self._conditions.read_named()
        for name, options in document.lists.items():
            self._fields.read_options(options, ("lists", name))
        sections = self._sections(document.sections)
        signers = self._signers(document.signers)
        asked = {signer.asks for signer in signers}
        return FormDefinition(
            id=header.id,
            title=self._texts.needed(header.title, ("form", "title")),
            summary=self._texts.read(header.summary, ("form", "summary")),
            languages=self._languages,
            expected_minutes=header.expected_minutes,
            you_will_need=tuple(
                self._texts.needed(text, ("form", "you_will_need", index))
                for index, text in enumerate(header.you_will_need)
            ),
            access=header.access,
            allow_save=header.allow_save,
            drafts=self._drafts(header),
            declaration=self._texts.read(header.declaration, ("form", "declaration")),
            customer=self._customer(header.customer),
            sections=tuple(section for section in sections if section.id not in asked),
            signers=signers,
            signer_sections=tuple(section for section in sections if section.id in asked),
            document=canonical(document),
        )

    def _read_languages(self, header: HeaderDocument) -> tuple[str, ...]:
        for index, code in enumerate(header.languages):
            if not _LANGUAGE.fullmatch(code):
                self._faults.add(("form", "languages", index), "A language is a code of two or three letters, like en.")
        _note_repeated(header.languages, ("form", "languages"), self._faults)
        if not header.languages:
            self._faults.add(("form", "languages"), "A form needs at least one language.")
        return tuple(header.languages) or ("en",)

    def _check_header(self, header: HeaderDocument) -> None:
        checked_id(header.id, ("form", "id"), self._faults)
        if header.expected_minutes is not None and not 1 <= header.expected_minutes <= 600:
            self._faults.add(("form", "expected_minutes"), "This must be between 1 and 600 minutes.")
        self._one_of(header.access, _ACCESS, ("form", "access"))

    def _one_of(self, value: str, allowed: tuple[str, ...], path: KeyPath) -> None:
        if value not in allowed:
            self._faults.add(path, f"This must be one of {', '.join(allowed)}.")

    def _drafts(self, header: HeaderDocument) -> Drafts:
        drafts, path = header.drafts, ("form", "drafts")
        self._one_of(drafts.on_new_version, _ON_NEW_VERSION, (*path, "on_new_version"))
        if not 1 <= drafts.keep_days <= 3650:
            self._faults.add((*path, "keep_days"), "This must be between 1 and 3650 days.")
        # An author who only shortens `keep_days` keeps those default reminders that still fit.
        written = "remind_days_before" in drafts.model_fields_set
        fitting = tuple(days for days in drafts.remind_days_before if 1 <= days < drafts.keep_days)
        if written and len(fitting) < len(drafts.remind_days_before):
            self._faults.add((*path, "remind_days_before"), "Each reminder must fall at least a day before the end.")
        _note_repeated(drafts.remind_days_before, (*path, "remind_days_before"), self._faults)
        return Drafts(keep_days=drafts.keep_days, remind_days_before=fitting, on_new_version=drafts.on_new_version)

    def _customer(self, document: CustomerDocument | None) -> CustomerFields | None:
        """Return which fields say whose form it is; each must be asked once, so that there is one answer."""
        path = ("form", "customer")
        if document is None:
            return None
        written = [document.name] if isinstance(document.name, str) else document.name
        if written == [] or (written is None and document.email is None):
            self._faults.add((*path, "name") if written == [] else path, "Name at least one field.")
        _note_repeated(written or (), (*path, "name"), self._faults)
        names = [
            self._asked_once(each, (*path, "name", *([] if each is document.name else [index])), _OF_NAMES)
            for index, each in enumerate(written or ())
        ]
        emails = [] if document.email is None else [document.email]
        (email,) = [self._asked_once(each, (*path, "email"), _OF_EMAIL) for each in emails] or (None,)
        return CustomerFields(name=tuple(filter(None, names)), email=email)

    def _asked_once(self, written: str, path: KeyPath, types: tuple[str, ...]) -> tuple[str, str] | None:
        """Return the (section, field) that a reference means; None if that is not one answer of these types."""
        section_id, _, field_id = written.partition(".")
        section = self._known.get(section_id)
        known = section.fields.get(field_id) if section else None
        if section is None or known is None:
            self._faults.add(path, f"There is no field {written}; write section.field.")
        elif section.repeats:
            self._faults.add(path, f"{section_id} is repeated; name a field that is asked once.")
        elif known.document.type not in types:
            self._faults.add(path, f"{written} must be a field of type {' or '.join(types)}.")
        else:
            return section_id, field_id
        return None

    def _sections(self, documents: list[SectionDocument]) -> tuple[Section, ...]:
        if not documents and "sections" in self._document.model_fields_set:
            self._faults.add(("sections",), "A form needs at least one section.")
        _note_repeated([document.id for document in documents], ("sections",), self._faults, "id")
        return tuple(self._section(document, ("sections", index)) for index, document in enumerate(documents))

    def _section(self, document: SectionDocument, path: KeyPath) -> Section:
        checked_id(document.id, (*path, "id"), self._faults, RESERVED_SECTIONS)
        own = self._known[document.id]
        fields = self._section_fields(document, path)
        return Section(
            id=document.id,
            place=own.index,
            title=self._texts.needed(document.title, (*path, "title")),
            intro=self._texts.read(document.intro, (*path, "intro")),
            when=self._conditions.read(document.when, (*path, "when"), ConditionPlace(section=document.id)),
            needs=self._needs(document, own, path),
            repeat=self._repeat(document, fields, (*path, "repeat")),
            stop_when=tuple(
                self._stop(stop, (*path, "stop_when", index), document.id)
                for index, stop in enumerate(document.stop_when)
            ),
            fields=fields,
        )

    def _section_fields(self, document: SectionDocument, path: KeyPath) -> tuple[Field, ...]:
        path = (*path, "fields")
        if not document.fields and "fields" in document.model_fields_set:
            self._faults.add(path, "A section needs at least one field.")
        _note_repeated([each.id for each in document.fields], path, self._faults, "id")
        self._check_renamed(document.fields, path)
        read = [
            self._fields.read(each, (*path, index), ConditionPlace(section=document.id, fields_before=index))
            for index, each in enumerate(document.fields)
        ]
        return tuple(each for each in read if each)

    def _check_renamed(self, documents: list[FieldDocument], path: KeyPath) -> None:
        taken = {document.id for document in documents}
        for index, document in enumerate(documents):
            for position, old in enumerate(document.was):
                place = (*path, index, "was", position)
                checked_id(old, place, self._faults)
                if old in taken:
                    self._faults.add(place, f"{old} is the id, or the former id, of another field of this section.")
                taken.add(old)

    def _needs(self, document: SectionDocument, own: KnownSection, path: KeyPath) -> tuple[str, ...]:
        for index, need in enumerate(document.needs):
            needed = self._known.get(need)
            if needed is None:
                self._faults.add((*path, "needs", index), f"There is no section {need}.")
            elif needed.index >= own.index:
                self._faults.add((*path, "needs", index), f"{need} does not come before this section.")
        return tuple(document.needs)

    def _repeat(self, section: SectionDocument, fields: tuple[Field, ...], path: KeyPath) -> Repeat | None:
        document = section.repeat
        if document is None:
            return None
        if document.min > document.max:
            self._faults.add((*path, "min"), f"The minimum {document.min} is larger than the maximum {document.max}.")
        if not 1 <= document.max <= MAX_ITEMS:
            self._faults.add((*path, "max"), f"This must be between 1 and {MAX_ITEMS}.")
        named = {each.id for each in fields if FIELD_TYPES[each.type].answerable}
        if document.label_from is not None and document.label_from not in named:
            self._faults.add((*path, "label_from"), f"There is no field {document.label_from} with an answer here.")
        return Repeat(
            item=self._texts.needed(document.item, (*path, "item")),
            min=document.min,
            max=document.max,
            label_from=document.label_from,
        )

    def _stop(self, document: StopDocument, path: KeyPath, section_id: str) -> StopWhen:
        place = ConditionPlace(section=section_id, fields_before=ALL_FIELDS, own_items=True)
        when: Any = self._conditions.read(document.when, (*path, "when"), place)
        return StopWhen(
            when=when,
            title=self._texts.needed(document.title, (*path, "title")),
            body=self._texts.read(document.body, (*path, "body")),
        )

    def _signers(self, documents: list[SignerDocument]) -> tuple[SignerDefinition, ...]:
        _note_repeated([document.id for document in documents], ("signers",), self._faults, "id")
        self._check_order(documents)
        asked = {document.asks for document in documents if document.asks}
        if documents and asked.issuperset(section.id for section in self._document.sections):
            self._faults.add(("sections",), "A form needs at least one section that its applicant fills in.")
        return tuple(self._signer(document, ("signers", index), asked) for index, document in enumerate(documents))

    def _signer(self, document: SignerDocument, path: KeyPath, asked: Collection[str]) -> SignerDefinition:
        checked_id(document.id, (*path, "id"), self._faults)
        if not 1 <= document.days <= MAX_SIGNER_DAYS:
            self._faults.add((*path, "days"), f"This must be between 1 and {MAX_SIGNER_DAYS} days.")
        self._check_asked(document, (*path, "asks"))
        check, fact = self._signer_check(document, (*path, "check"))
        return SignerDefinition(
            id=document.id,
            role=self._texts.needed(document.role, (*path, "role")),
            when=self._conditions.read(document.when, (*path, "when"), ConditionPlace(section=AFTER_ALL)),
            name=self._asked_once(document.name, (*path, "name"), _OF_NAMES) or _NOWHERE,
            email=self._asked_once(document.email, (*path, "email"), _OF_EMAIL) or _NOWHERE,
            check=check,
            fact=fact,
            shows=self._shows(document, path, asked),
            asks=document.asks,
            statement=self._texts.needed(document.statement, (*path, "statement")),
            days=document.days,
            after=tuple(document.after),
        )

    def _signer_check(self, document: SignerDocument, path: KeyPath) -> tuple[SignerCheck, tuple[str, str] | None]:
        written = document.check
        if not isinstance(written, str):
            return SignerCheck.FACT, self._asked_once(written.fact, (*path, "fact"), _OF_FACTS)
        if written == SignerCheck.FACT:
            self._faults.add(path, "Say which field holds the fact: {fact: section.field}.")
        elif written not in tuple(SignerCheck):
            self._faults.add(path, "This must be {fact: section.field}, code or account.")
        else:
            return SignerCheck(written), None
        return SignerCheck.FACT, None

    def _shows(self, document: SignerDocument, path: KeyPath, asked: Collection[str]) -> tuple[str, ...]:
        """Return the sections that a signer reads: those written, else all in which nothing is sensitive."""
        if document.shows is None:
            plain = (each for each in self._document.sections if not any(field.sensitive for field in each.fields))
            return tuple(each.id for each in plain if each.id not in asked)
        _note_repeated(document.shows, (*path, "shows"), self._faults)
        for index, section_id in enumerate(document.shows):
            if section_id not in self._known or section_id == AFTER_ALL:
                self._faults.add((*path, "shows", index), f"There is no section {section_id}.")
        return tuple(document.shows)

    def _check_asked(self, document: SignerDocument, path: KeyPath) -> None:
        """Note why a section cannot be asked of a signer: the applicant meets it, or it is more than one page."""
        section = next((each for each in self._document.sections if each.id == document.asks), None)
        if section is None or document.asks is None:
            if document.asks is not None:
                self._faults.add(path, f"There is no section {document.asks}.")
            return
        for place in _references(self._document, section.id):
            self._faults.add(path, f"Only a signer answers {section.id}, so {path_text(place)} cannot refer to it.")
        for key in ("when", "needs", "repeat", "stop_when"):
            if getattr(section, key):
                self._faults.add(path, f"{section.id} has {key}, which the section of a signer cannot have.")
        for field in section.fields:
            if field.type in _NOT_FOR_SIGNERS:
                self._faults.add(path, f"{section.id}.{field.id} is of type {field.type}; a signer cannot answer that.")

    def _check_order(self, documents: list[SignerDocument]) -> None:
        """Note signers who wait for nobody that there is, or for themselves."""
        before = {document.id: document.after for document in documents}
        for index, document in enumerate(documents):
            _note_repeated(document.after, ("signers", index, "after"), self._faults)
            for place, name in enumerate(document.after):
                path = ("signers", index, "after", place)
                if name not in before:
                    self._faults.add(path, f"There is no signer {name}.")
                elif document.id in _all_before(name, before):
                    self._faults.add(path, f"{document.id} would wait for {name}, and {name} for {document.id}.")


def _all_before(name: str, before: Mapping[str, list[str]]) -> set[str]:
    """Return a signer and all who sign before them, directly or through others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += before.get(each, ())
    return found


def _references(part: Any, section_id: str, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of everything in a document, outside a section itself, that refers to this section."""
    if isinstance(part, SectionDocument) and part.id == section_id:
        return
    parts: list[tuple[str | int, Any]]
    if isinstance(part, BaseModel):
        parts = [(described.alias or name, getattr(part, name)) for name, described in type(part).model_fields.items()]
    else:
        parts = list(part.items()) if isinstance(part, dict) else list(enumerate(part))
    for key, value in parts:
        here = (*path, key)
        if isinstance(value, BaseModel | dict | list):
            yield from _references(value, section_id, here)
        elif _REFERRING.intersection(here[-2:]) and str(value).partition(".")[0] == section_id:
            yield here


def _known_sections(document: Document) -> Mapping[str, KnownSection]:
    known: dict[str, KnownSection] = {}
    for index, section in enumerate(document.sections):
        fields = {
            each.id: KnownField(index=place, document=each, values=_values(each, document))
            for place, each in reversed(list(enumerate(section.fields)))
        }
        known.setdefault(section.id, KnownSection(index=index, repeats=section.repeat is not None, fields=fields))
    known[AFTER_ALL] = KnownSection(index=len(document.sections), repeats=False, fields={})
    return known


def _values(field: FieldDocument, document: Document) -> tuple[str, ...]:
    options = document.lists.get(field.options, []) if isinstance(field.options, str) else field.options or []
    return tuple(option.value for option in options)


def _note_repeated(values: Iterable[str | int], path: KeyPath, faults: Faults, key: str | None = None) -> None:
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen and value != "":
            faults.add((*path, index, key) if key else (*path, index), f"{value} is used twice.")
        seen.add(value)
