"""What the judges find in the portal and we keep, each with its reason."""

from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Findings of one judge whose words fit a pattern."""

    tool: str
    words: str
    reason: str

    def fits(self, tool: str, finding: str) -> bool:
        """Return whether this finding is accepted."""
        return tool == self.tool and fnmatch(finding, self.words)


ACCEPTED = (
    Accepted(
        tool="csp_evaluator",
        words="script-src: 'self' can be problematic if you host *",
        reason="uploads come as attachments with nosniff and a policy of their own that allows nothing",
    ),
    Accepted(
        tool="wapiti",
        words="cookieflags: GET /  Secure flag is not set in the cookie : *",
        reason="the judge's portal speaks plain HTTP on loopback; where BASE_URL is https, every cookie is Secure",
    ),
    *(
        Accepted(tool="bandit", words=f"B10? *: '{words}'", reason="a name, an address or nothing: no password")
        for words in ("", "/account/password", "INTEGRATION_", "password", "password_changed", "set_password")
    ),
    Accepted(
        tool="bandit",
        words="B106 commands/database.py:* 'demo-*-4821'",
        reason="everybody may know the passwords of the demo; it is refused in production",
    ),
    *(
        Accepted(
            tool="bandit", words=f"B{test} commands/{file}.py:*", reason="starts our own programs, without a shell"
        )
        for test, file in (
            ("404", "install"),
            ("603", "install"),
            ("606", "run"),
            ("404", "supervise"),
            ("603", "supervise"),
        )
    ),
    Accepted(
        tool="bandit", words="B704 drafts/pages.py:*", reason="a picture that we draw ourselves, of our own address"
    ),
    Accepted(tool="bandit", words="B704 form_definitions/rich_text.py:*", reason="nh3 has cleaned it just before"),
    Accepted(
        tool="bandit",
        words="B704 submissions/check_page.py:*",
        reason="a text of the catalogue; what is put into it is escaped",
    ),
)


def is_accepted(tool: str, finding: str) -> bool:
    """Return whether a finding is in the list."""
    return any(row.fits(tool, finding) for row in ACCEPTED)
