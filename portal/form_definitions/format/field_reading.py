"""Read one field of a document: check it and freeze it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.form_definitions.definition import Field, FileLimits, Lookup, Option, Pattern, TranslatedText
from portal.form_definitions.format.condition_reading import ConditionPlace, ConditionReader, day, number
from portal.form_definitions.format.document import FieldDocument, OptionDocument, TextDocument
from portal.form_definitions.format.patterns import read_pattern
from portal.form_definitions.format.source import Faults, KeyPath
from portal.form_definitions.types.answers import LONG_TEXT
from portal.form_definitions.types.field_types import FIELD_TYPES, NOT_IN_LOOKUPS, FieldType, override_keys
from portal.form_definitions.types.files import FILE_KINDS

ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TYPED_KEYS = ("min", "max", "max_length", "max_words", "pattern", "options", "files", "integration", "inputs", "fills")
_ANSWER_KEYS = ("short", "required", "required_when", "errors", "was", "sensitive")
_NOTHING_READ = TranslatedText(by_language=(("", ""),))


def checked_id(value: str, path: KeyPath, faults: Faults, reserved: frozenset[str] = frozenset()) -> None:
    """Note a fault if an id cannot be used in addresses and input names."""
    if not value:
        faults.add(path, "An id must not be empty.")
    elif value in reserved:
        faults.add(path, f"The id {value} is reserved.")
    elif value.startswith("_"):
        faults.add(path, "An id must not begin with an underscore; those names are the portal's own.")
    elif not ID.fullmatch(value):
        faults.add(path, "An id must begin with a-z, hold only a-z, 0-9 and _, and have at most 64 characters.")


@dataclass(kw_only=True)
class TextReader:
    """Read texts in the languages of the form."""

    languages: tuple[str, ...]
    faults: Faults

    def read(self, document: TextDocument | None, path: KeyPath) -> TranslatedText | None:
        """Return the text, or None if there is none; note a missing first language and unknown ones."""
        if document is None:
            return None
        texts = document if isinstance(document, dict) else {self.languages[0]: document}
        if self.languages[0] not in texts:
            self.faults.add(path, f"The text is missing in {self.languages[0]}, the form's first language.")
        for code in texts.keys() - set(self.languages):
            self.faults.add((*path, code), f"{code} is not among the form's languages.")
        for code, text in texts.items():
            if not text.strip():
                self.faults.add((*path, code) if isinstance(document, dict) else path, "This text is empty.")
        return TranslatedText(
            by_language=tuple((code, texts[code]) for code in self.languages if code in texts) or (("", ""),)
        )

    def needed(self, document: TextDocument | None, path: KeyPath) -> TranslatedText:
        """Return a text that has to be there; a missing one has been noted already."""
        return (self.read(document, path) if document else None) or _NOTHING_READ


@dataclass(kw_only=True)
class FieldReader:
    """Read the fields of one document."""

    texts: TextReader
    conditions: ConditionReader
    lists: Mapping[str, list[OptionDocument]]
    faults: Faults

    def read(self, document: FieldDocument, path: KeyPath, place: ConditionPlace) -> Field | None:
        """Return the frozen field; None if its type is unknown."""
        checked_id(document.id, (*path, "id"), self.faults, frozenset({"csrf_token"}))
        entry = FIELD_TYPES.get(document.type)
        if entry is None:
            if document.type:
                self.faults.add((*path, "type"), f"There is no field type {document.type}.")
            return None
        self._refuse_foreign_keys(document, entry, path)
        return Field(
            id=document.id,
            type=document.type,
            label=self.texts.needed(document.label, (*path, "label")),
            hint=self.texts.read(document.hint, (*path, "hint")),
            short=self.texts.read(document.short, (*path, "short")),
            required=document.required,
            required_when=self.conditions.read(document.required_when, (*path, "required_when"), place),
            when=self.conditions.read(document.when, (*path, "when"), place),
            options=self._options(document, entry, path),
            sensitive=self._sensitive(document.sensitive, path),
            autocomplete=self._autocomplete(document, entry, path),
            was=tuple(document.was),
            errors=self._errors(document, path),
            files=self._files(document, path),
            lookup=self._lookup(document, path, place),
            **self._limits(document, entry, path),
        )

    def _refuse_foreign_keys(self, document: FieldDocument, entry: FieldType, path: KeyPath) -> None:
        foreign = {key for key in _TYPED_KEYS if key not in entry.keys}
        if not entry.purposes:
            foreign.add("autocomplete")
        if not entry.answerable:
            foreign |= set(_ANSWER_KEYS)
        for key in sorted(foreign & document.model_fields_set):
            self.faults.add((*path, key), f"A field of type {document.type} takes no {key}.")

    def _sensitive(self, value: str | None, path: KeyPath) -> str | None:
        if value is not None and not ID.fullmatch(value):
            self.faults.add((*path, "sensitive"), "This must be one word, such as personal.")
        return value

    def _autocomplete(self, document: FieldDocument, entry: FieldType, path: KeyPath) -> str | None:
        purpose = document.autocomplete
        if purpose is not None and entry.purposes and purpose not in entry.purposes:
            known = ", ".join(sorted(entry.purposes))
            self.faults.add((*path, "autocomplete"), f"A field of type {document.type} takes only {known}.")
        return purpose

    def _limits(self, document: FieldDocument, entry: FieldType, path: KeyPath) -> dict[str, Any]:
        bounds = _BOUNDS.get(str(entry.compare))
        least: Any = self._bound(bounds, document.min, (*path, "min")) if "min" in entry.keys else None
        most: Any = self._bound(bounds, document.max, (*path, "max")) if "max" in entry.keys else None
        # Compare only values of one type: whether a date is before `today` changes with the day.
        if None not in (least, most) and type(least) is type(most) and least > most:
            self.faults.add((*path, "min"), f"The minimum {document.min} is larger than the maximum {document.max}.")
        self._check_length(document, path)
        pattern = self._pattern(document, path)
        words = document.max_words
        if words == 0:
            self.faults.add((*path, "max_words"), "This must be at least 1.")
        return {"min": least, "max": most, "max_length": document.max_length, "max_words": words, "pattern": pattern}

    def _bound(self, read: Callable[[str], Any] | None, value: str | None, path: KeyPath) -> Any:
        if value is None or read is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            self.faults.add(path, str(error))
            return None

    def _check_length(self, document: FieldDocument, path: KeyPath) -> None:
        if document.max_length is not None and not 1 <= document.max_length <= LONG_TEXT:
            self.faults.add((*path, "max_length"), f"This must be between 1 and {LONG_TEXT}.")

    def _pattern(self, document: FieldDocument, path: KeyPath) -> Pattern | None:
        if document.pattern is None:
            return None
        try:
            return read_pattern(document.pattern)
        except ValueError as fault:
            self.faults.add((*path, "pattern"), str(fault))
            return None

    def _errors(self, document: FieldDocument, path: KeyPath) -> dict[str, TranslatedText]:
        known = override_keys(document.type)
        for key in document.errors.keys() - known:
            self.faults.add((*path, "errors", key), f"Fields of this type word only {', '.join(sorted(known))}.")
        return {key: self.texts.needed(text, (*path, "errors", key)) for key, text in document.errors.items()}

    def _options(self, document: FieldDocument, entry: FieldType, path: KeyPath) -> tuple[Option, ...]:
        if "options" not in entry.keys:
            return ()
        path = (*path, "options")
        if document.options is None:
            self.faults.add(path, "This is missing: give a list of options, or the name of a list.")
            return ()
        if isinstance(document.options, list):
            return self.read_options(document.options, path)
        if document.options not in self.lists:
            self.faults.add(path, f"There is no list named {document.options}.")
        return self.read_options(self.lists.get(document.options), ("lists", document.options))

    def read_options(self, documents: list[OptionDocument] | None, path: KeyPath) -> tuple[Option, ...]:
        """Return the options of a list; note repeated values, and a list without options."""
        if documents == []:
            self.faults.add(path, "This list needs at least one option.")
        seen: set[str] = set()
        for index, document in enumerate(documents or ()):
            self._check_value(document.value, seen, (*path, index, "value"))
        return tuple(
            Option(
                value=document.value,
                label=self.texts.needed(document.label, (*path, index, "label")),
                hint=self.texts.read(document.hint, (*path, index, "hint")),
                exclusive=document.exclusive,
            )
            for index, document in enumerate(documents or ())
        )

    def _check_value(self, value: str, seen: set[str], path: KeyPath) -> None:
        if value in seen:
            self.faults.add(path, f"The value {value} is used twice in this list.")
        if value != value.strip() or len(value) > 100 or "\n" in value:
            self.faults.add(path, "A value must be one line of at most 100 characters without spaces around it.")
        if not value:
            self.faults.add(path, "A value must not be empty.")
        seen.add(value)

    def _files(self, document: FieldDocument, path: KeyPath) -> FileLimits | None:
        limits = document.files
        if document.type != "file" or limits is None:
            return FileLimits(max=1, max_mb=10, types=("pdf", "jpg", "png")) if document.type == "file" else None
        for name, largest in (("max", 100), ("max_mb", 1000)):
            if not 1 <= getattr(limits, name) <= largest:
                self.faults.add((*path, "files", name), f"This must be between 1 and {largest}.")
        for index, kind in enumerate(limits.types):
            if kind not in FILE_KINDS:
                self.faults.add((*path, "files", "types", index), f"{kind} is not a kind of file that we know.")
        if not limits.types:
            self.faults.add((*path, "files", "types"), "This list needs at least one kind of file.")
        return FileLimits(max=limits.max, max_mb=limits.max_mb, types=tuple(limits.types))

    def _lookup(self, document: FieldDocument, path: KeyPath, place: ConditionPlace) -> Lookup | None:
        if document.type != "lookup":
            return None
        if not document.integration:
            self.faults.add((*path, "integration"), "This is missing: name the integration to ask.")
        return Lookup(
            integration=document.integration or "",
            inputs=self._lookup_inputs(document.inputs or {}, (*path, "inputs"), place),
            fills=self._lookup_fills(document.fills or {}, (*path, "fills"), place),
        )

    def _lookup_inputs(
        self, written: Mapping[str, str], path: KeyPath, place: ConditionPlace
    ) -> dict[str, tuple[str, str]]:
        inputs: dict[str, tuple[str, str]] = {}
        for name, reference in written.items():
            found = self.conditions.reference(reference, (*path, name), place)
            if found and found[1].document.type in NOT_IN_LOOKUPS:
                self.faults.add((*path, name), f"A look-up cannot ask with a field of type {found[1].document.type}.")
            elif found:
                inputs[name] = (found[0], found[1].document.id)
        return inputs

    def _lookup_fills(self, written: Mapping[str, str], path: KeyPath, place: ConditionPlace) -> dict[str, str]:
        fills: dict[str, str] = {}
        for target, output in written.items():
            field_id = self._filled(target, (*path, target), place)
            if field_id in fills:
                self.faults.add((*path, target), f"{field_id} is filled twice.")
            fills[field_id] = output
        return fills

    def _filled(self, target: str, path: KeyPath, place: ConditionPlace) -> str:
        """Return the id of a field that a look-up fills in; it must be in the look-up's own section."""
        section_id, _, field_id = target.replace("./", f"{place.section}.", 1).partition(".")
        section = self.conditions.sections.get(section_id)
        if section_id != place.section or section is None or field_id not in section.fields:
            self.faults.add(path, f"There is no field {target} in this section; write ./field.")
        elif section.fields[field_id].document.type in NOT_IN_LOOKUPS:
            self.faults.add(path, f"A look-up cannot fill a field of type {section.fields[field_id].document.type}.")
        return field_id


_BOUNDS: Mapping[str, Callable[[str], Any]] = {"number": number, "date": day}
