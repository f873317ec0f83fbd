"""Names of files: each is cleaned, none is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.storage.inspection import LONGEST_FILE_NAME, clean_name

CLEANED = {
    "payslip.pdf": "payslip.pdf",
    "C:\\Users\\Zoë\\My scan (2).pdf": "My scan (2).pdf",
    "folder/scan.pdf": "scan.pdf",
    "e\u0301tat.pdf": "état.pdf",
    "turned\u202efdp.exe": "turnedfdp.exe",
    'a<b>:"c|?*.pdf': "a-b---c---.pdf",
    "  two \u00a0 spaces .pdf ": "two spaces.pdf",
    ".pdf": "file.pdf",
    "...": "file",
    "": "file",
    "no ending": "no ending",
    "Łódź – raport.pdf": "Łódź – raport.pdf",
    "Trip - Booking.com.pdf": "Trip - Booking.com.pdf",
    "page.html.pdf": "page.html.pdf",
    "v1.2.3.pdf": "v1.2.3.pdf",
    "a..pdf": "a.pdf",
    "../../../etc/cron.d/x.pdf": "x.pdf",
    "..\\a.pdf": "a.pdf",
    "/etc/passwd.pdf": "passwd.pdf",
    "a/b\\c.pdf": "c.pdf",
    "a\x00b.pdf": "ab.pdf",
    "pay\x07slip\r\n.pdf": "payslip.pdf",
    "two\tcolumns.pdf": "two columns.pdf",
    "Screenshot at 3.14\u202fPM.png": "Screenshot at 3.14 PM.png",
    "scan.pdf.": "scan.pdf",
    "scan.pdf . ": "scan.pdf",
    "scan.pd\u200ff": "scan.pdf",
    "\u200fמכתב\u200e.pdf": "מכתב.pdf",
    "\u202e.pdf": "file.pdf",
    "مى\u200cخواهم.pdf": "مى\u200cخواهم.pdf",
    "us 👩\u200d👧.jpg": "us 👩\u200d👧.jpg",
    "party \U0001fae8.jpg": "party \U0001fae8.jpg",
    "newer \U0001fadf.jpg": "newer \U0001fadf.jpg",
    "no letter \uffff\ufdd0.jpg": "no letter.jpg",
    "Scan 12\uf02230.pdf": "Scan 12-30.pdf",
    "\uf8ff \ue000logo.pdf": "logo.pdf",
    "half \ud83d.pdf": "half.pdf",
    "CON.pdf": "_CON.pdf",
    "nul.tar.pdf": "_nul.tar.pdf",
    "Com1.pdf": "_Com1.pdf",
    "LPT² .pdf": "_LPT².pdf",
    "contract.pdf": "contract.pdf",
    "com10.pdf": "com10.pdf",
}


@pytest.mark.parametrize(("given", "cleaned"), CLEANED.items())
def test_a_name_is_cleaned_for_screens_and_downloads(given: str, cleaned: str) -> None:
    assert clean_name(given) == cleaned


def test_a_long_name_keeps_its_ending() -> None:
    cleaned = clean_name("x" * 300 + ".pdf")
    assert (len(cleaned), cleaned[-5:]) == (LONGEST_FILE_NAME, "x.pdf")


@given(st.text(max_size=400), st.sampled_from(["", ".pdf", ".JPEG", "." + "x" * 200]))
def test_a_cleaned_name_is_safe_and_never_changes_again(given: str, ending: str) -> None:
    cleaned = clean_name(given + ending)
    assert 0 < len(cleaned) <= LONGEST_FILE_NAME
    assert not set('/\\<>:"|?*') & set(cleaned)
    assert not {unicodedata.category(char) for char in cleaned} & {"Cc", "Co", "Cs", "Zl", "Zp"}
    assert cleaned == cleaned.strip(" ").rstrip(".")
    assert clean_name(cleaned) == cleaned
    if len(ending) == 4:
        assert cleaned.endswith(ending)
