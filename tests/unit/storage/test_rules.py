"""Names of files: which are refused, and how the others are cleaned."""

import pytest

from portal.storage.inspection import LONGEST_FILE_NAME, clean_name, is_usable

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
}


@pytest.mark.parametrize(("given", "cleaned"), CLEANED.items())
def test_a_name_is_cleaned_for_screens_and_downloads(given: str, cleaned: str) -> None:
    assert clean_name(given) == cleaned


def test_a_long_name_keeps_its_ending() -> None:
    cleaned = clean_name("x" * 300 + ".pdf")
    assert (len(cleaned), cleaned[-5:]) == (LONGEST_FILE_NAME, "x.pdf")


@pytest.mark.parametrize("name", ["a.pdf", "C:\\a.pdf", "folder/a.pdf", "v1.2.3.pdf", "Zoë’s scan.pdf", "a..pdf", ""])
def test_ordinary_file_names_are_usable(name: str) -> None:
    assert is_usable(name)


@pytest.mark.parametrize(
    "name", ["../a.pdf", "..\\a.pdf", "/etc/a.pdf", "a/b\\c.pdf", "a\x00.pdf", "a\n.pdf", "a.exe.pdf", "a.HTML.txt"]
)
def test_harmful_file_names_are_refused(name: str) -> None:
    assert not is_usable(name)
