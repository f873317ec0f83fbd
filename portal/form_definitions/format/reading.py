"""Read YAML or JSON into a frozen definition, or name every fault at once."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from portal.form_definitions.definition import CustomerFields, Drafts, Field, FormDefinition, Repeat, Section, StopWhen
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
    StopDocument,
    canonical,
    read_document,
)
from portal.form_definitions.format.field_reading import FieldReader, TextReader, checked_id
from portal.form_definitions.format.source import Faults, KeyPath, Tree, json_tree, yaml_tree
from portal.form_definitions.types.field_types import FIELD_TYPES

RESERVED_SECTIONS = frozenset({"save", "check", "autosave"})
MAX_ITEMS = 1000
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_OF_NAMES, _OF_EMAIL = ("name", "text"), ("email",)
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
            sections=self._sections(document.sections),
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
            self._customer_field(each, (*path, "name", *([] if each is document.name else [index])), _OF_NAMES)
            for index, each in enumerate(written or ())
        ]
        emails = [] if document.email is None else [document.email]
        (email,) = [self._customer_field(each, (*path, "email"), _OF_EMAIL) for each in emails] or (None,)
        return CustomerFields(name=tuple(filter(None, names)), email=email)

    def _customer_field(self, written: str, path: KeyPath, types: tuple[str, ...]) -> tuple[str, str] | None:
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


def _known_sections(document: Document) -> Mapping[str, KnownSection]:
    known: dict[str, KnownSection] = {}
    for index, section in enumerate(document.sections):
        fields = {
            each.id: KnownField(index=place, document=each, values=_values(each, document))
            for place, each in reversed(list(enumerate(section.fields)))
        }
        known.setdefault(section.id, KnownSection(index=index, repeats=section.repeat is not None, fields=fields))
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
