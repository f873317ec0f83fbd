"""Whatever bytes come as a form: they are read as they are, or refused as unreadable."""

from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from portal.web.strict_input import StrictFormParser

PIECES = st.sampled_from(
    [
        *(b"--cut", b"--cut--", b"\r\n", b"\n", b"\r", b"--", b"Content-Disposition: form-data", b'; name="a"', b"\0"),
        *(b"; filename=x", b"; name*=utf-8''%ff", b"Content-Type: text/plain; charset=utf-7", b"\xff", "é".encode()),
    ]
)


def read(body: bytes, kind: str = "multipart/form-data") -> MultiDict[str, str]:
    """Return what a body says."""
    parser = StrictFormParser(lambda *_: BytesIO(), max_form_memory_size=1000, cls=MultiDict, silent=False)
    return parser.parse(BytesIO(body), kind, len(body), {"boundary": "cut"})[1]


@settings(max_examples=300)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=30).map(b"".join))
def test_a_body_that_cannot_be_read_is_refused_as_such(body: bytes) -> None:
    for kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        try:
            found = read(body, kind)
        except (ValueError, HTTPException):
            continue
        assert all(isinstance(text, str) for pair in found.items(multi=True) for text in pair)


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_multipart_text_is_read_as_it_was_typed(text: str) -> None:
    body = b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + text.encode() + b"\r\n--cut--"
    assert read(body)["a"] == text
