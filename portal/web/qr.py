"""QR pictures: of an app's secret, and of the address at which a form goes on."""


def qr_picture(text: str) -> str:
    """Return the text as a QR picture: an SVG that needs no style, in the ink of the page, on a white ground."""
    import segno

    modules = segno.make(text, error="m")
    return str(modules.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"))
