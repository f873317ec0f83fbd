"""`flask sessions`: who is signed in, ending sessions, and removing old ones."""

import click
from flask.cli import AppGroup

from portal.audit import Actor, record
from portal.sessions.operations import end_all_sessions, end_session, end_sessions_of, sweep_sessions
from portal.sessions.queries import live_sessions
from portal.sessions.rules import EndReason
from portal.web.app_state import app_state

sessions_group = AppGroup("sessions", help="List and end sessions.")


@sessions_group.command("list")
@click.option("--person", type=int, help="List only the sessions of the person with this number.")
def list_sessions(person: int | None) -> None:
    """List the live sessions: number, kind, person, start and end in UTC."""
    with app_state().database.reading() as db:
        for row in live_sessions(db, now=app_state().clock.now(), person_id=person):
            holder = f"person {row.person_id}" if row.person_id else "guest"
            click.echo(
                f"{row.id:<8}{row.kind:<10}{holder:<14}{row.started_at:%Y-%m-%d %H:%M}  {row.expires_at:%H:%M:%S}"
            )


@sessions_group.command("end")
@click.argument("session_ids", nargs=-1, type=int)
@click.option("--person", type=int, help="End all sessions of the person with this number.")
@click.option("--all", "everybody", is_flag=True, help="End all sessions of everybody, guests included.")
def end_sessions(session_ids: tuple[int, ...], person: int | None, everybody: bool) -> None:
    """End sessions by number, of one person, or all. People read that staff signed them out."""
    if everybody or person is not None:
        click.echo(f"{_end_many(person)} sessions ended.")
    elif not session_ids:
        raise click.UsageError("Give numbers of sessions, --person or --all.")
    now = app_state().clock.now()
    for session_id in session_ids:
        with app_state().database.writing() as db:
            if not end_session(db, session_id, EndReason.STAFF, now=now):
                raise click.ClickException(f"There is no live session {session_id}.")
            record(db, "session_ended", by=Actor(), now=now, subject=f"session {session_id}")
        click.echo(f"Session {session_id} ended.")


def _end_many(person_id: int | None) -> int:
    now = app_state().clock.now()
    with app_state().database.writing() as db:
        reason, subject = EndReason.STAFF, f"person {person_id}" if person_id else "everybody"
        if person_id is None:
            ended = end_all_sessions(db, reason, now=now)
        else:
            ended = end_sessions_of(db, person_id, reason, now=now)
        record(db, "sessions_ended", by=Actor(), now=now, subject=subject)
    return ended


@sessions_group.command("sweep")
def sweep() -> None:
    """Delete old sessions."""
    removed = 0
    while batch := _swept():
        removed += batch
    click.echo(f"{removed} old sessions removed.")


def _swept() -> int:
    with app_state().database.writing() as db:
        return sweep_sessions(db, now=app_state().clock.now())
