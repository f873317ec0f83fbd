"""The form of one tab of site settings, made from the table of settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError

from portal.site_settings.definition import SETTINGS, Setting, Settings, Value
from portal.site_settings.rules import RefusedSettingError, advice_on, as_typed, parse, unix_lines

SEEN = "_seen_"
"""Begins the hidden inputs that say which value the page showed when it was loaded."""


def tab_settings(tab: str) -> list[Setting]:
    """The settings of a tab, in their order."""
    return [setting for setting in SETTINGS if setting.tab == tab]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting as the page shows it: what stands in the control, what was seen when the page was loaded."""

    setting: Setting
    typed: str
    seen: str
    error: str | None

    @property
    def advice(self) -> str | None:
        """The first sentence of the advice on what stands in the control."""
        return advice_on(self.setting, self.typed)


class SettingsForm:
    """What somebody typed on a tab; each value is judged by its setting's own rule, all of them or none are taken."""

    def __init__(self, tab: str, current: Settings, posted: Mapping[str, str]) -> None:
        self._settings = tab_settings(tab)
        self._seen = {
            setting.name: unix_lines(posted.get(SEEN + setting.name, as_typed(setting, getattr(current, setting.name))))
            for setting in self._settings
        }
        self._form = _form_class(self._settings)(data=self._seen)

    @property
    def rows(self) -> list[Row]:
        """The settings as the page shows them."""
        return [self._row(setting) for setting in self._settings]

    def _row(self, setting: Setting) -> Row:
        field = self._form[setting.name]
        error = str(field.errors[0]) if field.errors else None
        return Row(setting=setting, typed=unix_lines(field.data), seen=self._seen[setting.name], error=error)

    def validate(self) -> bool:
        """Judge every value."""
        valid: bool = self._form.validate()
        return valid

    def changed(self) -> dict[str, Value]:
        """The valid values that differ from what the page showed: what nobody touched here stays as it is now.

        So two administrators with the page open never undo each other's change without meaning to.
        """
        return {row.setting.name: parse(row.setting, row.typed) for row in self.rows if row.typed != row.seen}


def _form_class(settings: Sequence[Setting]) -> Any:
    fields = {setting.name: StringField(validators=[_judge(setting)]) for setting in settings}
    return type("TabForm", (FlaskForm,), fields)


def _judge(setting: Setting) -> Callable[[Any, Any], None]:
    def judge(_form: Any, field: Any) -> None:
        try:
            parse(setting, field.data)
        except RefusedSettingError as refusal:
            raise ValidationError(str(refusal)) from refusal

    return judge
