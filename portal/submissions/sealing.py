"""The answers of a submission, encrypted under a key of their own."""

import json

from portal.form_definitions.definition import FormAnswers
from portal.keyring import Keyring
from portal.submissions.models import Submission

PLACE = "answers"


def seal_answers(keyring: Keyring, reference: str, answers: FormAnswers) -> bytes:
    """Encrypt what is sent."""
    plain = json.dumps(answers, ensure_ascii=False, default=dict, separators=(",", ":"))
    return keyring.seal(plain.encode(), subject=f"submission:{reference}", place=PLACE)


def sent_answers(keyring: Keyring, submission: Submission) -> FormAnswers:
    """Decrypt what was sent."""
    plain = keyring.open(submission.sealed, subject=f"submission:{submission.reference}", place=PLACE)
    answers: FormAnswers = json.loads(plain)
    return answers
