"""Text in pictures, in any script that a font at hand covers."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

ELLIPSIS = "…"
MISSING_GLYPH = "\uffff"  # no font draws this one; what comes out is its sign for a missing glyph

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Tried in this order for what the font that Matplotlib brings (Latin, Greek, Cyrillic and
# more) does not cover. The operating system has them or not.
SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "msyh.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
)


@lru_cache(maxsize=1024)
def text_mask(text: str, size_px: int) -> NDArray[np.uint8]:
    """How much of each pixel `text` covers, 0 to 255.

    Returns:
        (h, w): h is the same for all texts of a size in a font; w is 1 for no text. Do not
        write into it, it is shared.
    """
    font = _font_for(text, size_px)
    ascent, descent = _ascent_and_descent(font)
    width = max(1, round(font.getlength(text)))
    picture = PillowImage.new("L", (width, ascent + descent))
    ImageDraw.Draw(picture).text((0, ascent), text, font=font, fill=255, anchor="ls")
    return np.asarray(picture)


@lru_cache(maxsize=1024)
def elided_text(text: str, size_px: int, max_width_px: int) -> str:
    """`text` on one line, or as much of its beginning as fits, with an ellipsis after it."""
    text = " ".join(text.split())
    font = _font_for(text, size_px)
    if font.getlength(text) <= max_width_px:
        return text
    for length in range(len(text) - 1, 0, -1):
        shorter = text[:length].rstrip() + ELLIPSIS
        if font.getlength(shorter) <= max_width_px:
            return shorter
    return ELLIPSIS


def _font_for(text: str, size_px: int) -> Font:
    """The first font that has every character of `text`; the first of all if none has."""
    fonts = [font for name in _font_names() if (font := _open_font(name, size_px)) is not None]
    for font in fonts:
        if all(_has_glyph(font, character) for character in text):
            return font
    return fonts[0] if fonts else ImageFont.load_default(size_px)


@lru_cache(maxsize=1)
def _font_names() -> tuple[str, ...]:
    """Where fonts may be found; Matplotlib's is looked up without the cost of importing it."""
    matplotlib = find_spec("matplotlib")
    folders = (matplotlib and matplotlib.submodule_search_locations) or []
    ours = [str(Path(folder, "mpl-data/fonts/ttf/DejaVuSans.ttf")) for folder in folders]
    return (*ours, "DejaVuSans.ttf", *SYSTEM_FONTS)


@lru_cache(maxsize=64)
def _open_font(name: str, size_px: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size_px)
    except OSError:  # not on this machine
        return None


@lru_cache(maxsize=4096)
def _has_glyph(font: ImageFont.FreeTypeFont, character: str) -> bool:
    if character.isspace():
        return True
    return bytes(font.getmask(character)) != bytes(font.getmask(MISSING_GLYPH))


def _ascent_and_descent(font: Font) -> tuple[int, int]:
    if isinstance(font, ImageFont.FreeTypeFont):
        return font.getmetrics()
    return font.getbbox("Å")[3], font.getbbox("g")[3]
