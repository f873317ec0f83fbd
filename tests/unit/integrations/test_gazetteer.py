"""The register's file: read whole, or refused with the line of each fault."""

from pathlib import Path

import pytest

from portal.integrations.commands import MOST_FAULTS, FaultyGazetteerError, read_gazetteer
from portal.integrations.definition import AddressRow
from tests.conftest import DEMO_FORMS

HEAD = "line_1,line_2,town,postcode\n"


def fault(content: bytes) -> str:
    with pytest.raises(FaultyGazetteerError) as refused:
        read_gazetteer(content)
    return str(refused.value)


def test_columns_may_be_in_any_order_and_unknown_ones_are_ignored() -> None:
    content = '\ufeffpostcode,uprn,town,line_1\r\nAS1 1AA,7,Ashmere,"1, Mill Street"\r\n'
    expected = AddressRow(line_1="1, Mill Street", line_2="", town="Ashmere", postcode="AS1 1AA")
    assert read_gazetteer(content.encode()) == [expected]


def test_a_repeated_address_is_read_once() -> None:
    assert len(read_gazetteer((HEAD + "1 Mill Street,,Ashmere,AS1 1AA\n" * 2).encode())) == 1


def test_the_demo_register_is_valid_and_holds_the_postcode_of_the_guide() -> None:
    rows = read_gazetteer(Path(DEMO_FORMS / "addresses.csv").read_bytes())
    assert len(rows) > 400
    assert sum(row.postcode == "AS4 2LN" for row in rows) == 10


FAULTS = [
    (b"", "line 1: there is no column line_1, town, postcode"),
    (b"line_1,postcode\n", "line 1: there is no column town"),
    (HEAD.encode(), "line 2: the file holds no address"),
    ((HEAD + ",,Ashmere,AS1 1AA\n").encode(), "line 2: line_1 is empty"),
    ((HEAD + "1 Mill Street,,Ashmere\n").encode(), "line 2: postcode is empty"),
    ((HEAD + "1 Mill Street,,Ashmere,AS1 1AA,more\n").encode(), "line 2: there are more cells than columns"),
    ((HEAD + "1 Mill Street,,Ashmere,--\n").encode(), "line 2: postcode has neither letters nor digits"),
    ((HEAD + "1\x00,,Ashmere,AS1 1AA\n").encode(), "line 2"),
    ((HEAD + "1 Mill Street,," + "A" * 201 + ",AS1 1AA\n").encode(), "line 2: town has more than 200 characters"),
    (HEAD.encode() + b"1 Caf\xe9 Lane,,Ashmere,AS1 1AA\n", "line 2: the file is not UTF-8"),
    ((HEAD + 'a,"b').encode(), "line 2: this is not CSV that we can read"),
]


@pytest.mark.parametrize(("content", "expected"), FAULTS, ids=[case[1] for case in FAULTS])
def test_a_fault_is_reported_with_its_line(content: bytes, expected: str) -> None:
    assert fault(content).startswith(expected)


def test_all_faults_are_reported_up_to_a_maximum() -> None:
    wrong = ",,Ashmere,AS1 1AA\n"
    assert fault((HEAD + wrong * 3).encode()).splitlines() == [f"line {n}: line_1 is empty" for n in (2, 3, 4)]
    assert len(fault((HEAD + wrong * 100).encode()).splitlines()) == MOST_FAULTS
