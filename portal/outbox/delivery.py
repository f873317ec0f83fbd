"""Sending what is due: leased in one short transaction, sent outside any, written down in another."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database
from portal.errors import UndecryptableError
from portal.outbox.definition import MAIL, DeliveryError, Failure, mail_of
from portal.outbox.operations import Leased, lease_next, mark_failed, mark_sent
from portal.outbox.queries import anything_due
from portal.outbox.transport import put_into_folder, read_mail_server, send_by_smtp

logger = logging.getLogger(__name__)
ROUND = 200
"""How many deliveries one round sends at most, so that the worker comes back to its other duties."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round did; `away` says that it stopped because the other side does not answer."""

    sent: int = 0
    failed: int = 0
    away: bool = False


class Deliverer:
    """Sends what is due; any number of them, in any process, share the outbox."""

    def __init__(self, database: Database, configuration: Configuration, clock: Clock) -> None:
        self._database = database
        self._keyring = configuration.keyring
        self._clock = clock
        self._senders: dict[str, Callable[[Leased], None]] = {MAIL: self._mail_sender(configuration)}

    def deliver_due(self, stop: threading.Event | None = None) -> Round:
        """Try what is due, oldest first: all of it, or `ROUND`, or until the other side is away or `stop` is set."""
        sent = failed = 0
        while sent + failed < ROUND and not (stop and stop.is_set()) and (leased := self._lease()):
            failure = self._try(leased)
            sent, failed = sent + (failure is None), failed + (failure is not None)
            if failure is Failure.AWAY:
                return Round(sent=sent, failed=failed, away=True)
        return Round(sent=sent, failed=failed)

    def _lease(self) -> Leased | None:
        now = self._clock.now()
        with self._database.reading() as db:
            if not anything_due(db, now=now):
                return None
        with self._database.writing() as db:
            return lease_next(db, now=now)

    def _try(self, leased: Leased) -> Failure | None:
        error = self._send(leased)
        with self._database.writing() as db:
            if error is None:
                mark_sent(db, leased, now=self._clock.now())
                return None
            again_at = mark_failed(db, leased, error.failure, error.sentence, now=self._clock.now())
        logger.warning("Not delivered: %s %s, %s; next try %s", leased.kind, leased.public_id, error.sentence, again_at)
        return error.failure

    def _send(self, leased: Leased) -> DeliveryError | None:
        """Whatever goes wrong with one delivery becomes its failure: the others must still go out."""
        try:
            self._senders[leased.kind](leased)
        except DeliveryError as error:
            return error
        except UndecryptableError:
            return DeliveryError(Failure.REFUSED, "No key of ANSWER_KEYS opens it")
        except Exception as reason:
            logger.exception("Unexpected failure with delivery %s", leased.public_id)
            return DeliveryError(Failure.LATER, f"Unexpected failure ({type(reason).__name__})")
        return None

    def _mail_sender(self, configuration: Configuration) -> Callable[[Leased], None]:
        server = read_mail_server(configuration.mail_url)
        if server is not None:
            return lambda leased: send_by_smtp(server, mail_of(leased.opened(self._keyring)))
        return lambda leased: put_into_folder(
            configuration.mail_dir,
            mail_of(leased.opened(self._keyring)),
            public_id=leased.public_id,
            created_at=leased.created_at,
        )
