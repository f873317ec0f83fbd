"""`flask settings show` and `flask settings set NAME VALUE`."""

import click
from flask.cli import AppGroup

from portal.audit import Actor
from portal.site_settings.definition import BY_NAME, SETTINGS, Setting
from portal.site_settings.operations import change_settings
from portal.site_settings.queries import current_settings
from portal.site_settings.rules import RefusedSettingError, advice_on, as_typed, parse
from portal.web.app_state import app_state

settings_group = AppGroup("settings", help="Show and change the site settings.")


@settings_group.command("show")
def show_command() -> None:
    """Print all settings and their values."""
    with app_state().database.reading() as db:
        current = current_settings(db)
    for setting in SETTINGS:
        click.echo(f"{setting.name} = {as_typed(setting, getattr(current, setting.name))}")


@settings_group.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("value")
def set_command(name: str, value: str) -> None:
    """Change one setting, like: session_lifetime_minutes 45."""
    setting = _setting_named(name)
    try:
        accepted = parse(setting, value)
    except RefusedSettingError as refusal:
        raise click.ClickException(f"{name}: {refusal}.") from refusal
    with app_state().database.writing() as db:
        change_settings(db, {name: accepted}, by=Actor(), now=app_state().clock.now())
    click.echo(f"{name} = {as_typed(setting, accepted)}")
    _advise(setting, value)


def _setting_named(name: str) -> Setting:
    if name not in BY_NAME:
        raise click.ClickException(f"There is no setting “{name}”; “flask settings show” lists them.")
    return BY_NAME[name]


def _advise(setting: Setting, value: str) -> None:
    summary = advice_on(setting, value)
    if summary and setting.advice:
        click.echo(f"{summary} {setting.advice.reason}")
