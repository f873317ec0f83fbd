"""The worker's tasks for files: delete those that are due, scan those that wait."""

import logging
import threading

from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database
from portal.errors import UndecryptableError
from portal.storage.adapters import open_storage
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.operations import delete_rows, note_scan, open_content, put_off_scan
from portal.storage.queries import due_for_deletion, waiting_for_scan
from portal.storage.scanner import ScannerAwayError, read_scanner, scan
from portal.storage.sealed_files import plain_chunks

logger = logging.getLogger(__name__)
UPKEEP_EVERY_S = 10.0


class FileKeeper:
    """Delete and scan files; several may run at once, as deleting twice is harmless and a scan has one worker."""

    def __init__(self, database: Database, configuration: Configuration, clock: Clock) -> None:
        self._database = database
        self._keyring = configuration.keyring
        self._clock = clock
        self._storage = open_storage(configuration)
        self._scanner = read_scanner(configuration.clamav_url)

    def run(self, stop: threading.Event) -> None:
        """Look every few seconds until told to stop; log a failure and go on.

        It runs in its own thread, because a slow scanner must not delay e-mails.
        """
        while not stop.wait(UPKEEP_EVERY_S):
            try:
                self.keep()
            except Exception:
                logger.exception("The keeper of files failed and goes on")

    def keep(self) -> None:
        """Delete and scan one batch each."""
        self.delete_due()
        self.scan_waiting()

    def delete_due(self) -> None:
        """Delete contents first, then their rows, so that an interrupted run is repeated."""
        with self._database.reading() as db:
            names = due_for_deletion(db, now=self._clock.now())
        for name in names:
            self._storage.delete(name)
        if names:
            with self._database.writing() as db:
                delete_rows(db, names)

    def scan_waiting(self) -> None:
        """Scan the files that came while the scanner was away; stop as soon as it is away again."""
        with self._database.reading() as db:
            waiting = waiting_for_scan(db, now=self._clock.now())
        for file in waiting:
            try:
                self._take(file)
            except ScannerAwayError as reason:
                logger.warning("File %s is not scanned yet: %s", file.name, reason)
                return

    def _take(self, file: StoredFile) -> None:
        if not self._lease(file):
            return
        found = self._scanned(file)
        with self._database.writing() as db:
            note_scan(db, file.name, found)
        if found is Scan.INFECTED:
            logger.warning("File %s is infected and was deleted", file.name)
            self._storage.delete(file.name)

    def _lease(self, file: StoredFile) -> bool:
        """Postpone the next try; return False if another worker has already done so."""
        with self._database.writing() as db:
            return put_off_scan(db, file, now=self._clock.now())

    def _scanned(self, file: StoredFile) -> Scan:
        if self._scanner is None:
            return Scan.NOT_SCANNED
        try:
            with self._storage.open(file.name) as sealed:
                return scan(self._scanner, plain_chunks(sealed, open_content(self._keyring, file).key, file.size))
        except (FileNotFoundError, UndecryptableError):
            logger.exception("File %s cannot be read", file.name)
            return Scan.NOT_SCANNED
