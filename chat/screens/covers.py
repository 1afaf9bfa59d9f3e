"""Cover art without pictures: a calm SVG drawn from the category and the item id, the same for ever."""

from __future__ import annotations

import hashlib
from html import escape

HUES: dict[str, tuple[int, int]] = {
    "mystery": (232, 258), "romance": (342, 12), "scifi-fantasy": (262, 214), "horror": (282, 320),
    "urban-history": (24, 44), "classics": (34, 14), "kids": (44, 22), "comedy": (48, 30), "drama": (352, 330),
    "history": (28, 50), "biography": (200, 224), "science": (190, 216), "business": (158, 186), "self": (96, 140),
    "health": (170, 206), "language": (206, 176), "news": (214, 236), "truecrime": (4, 348), "arts": (312, 280),
    "philosophy": (78, 112),
}  # fmt: skip
"""Root category -> the two hues (degrees) of its gradient."""

GLYPHS: dict[str, str] = {
    "mystery": '<circle cx="10.5" cy="10.5" r="6"/><path d="M15 15l5.5 5.5"/>',
    "romance": '<path d="M12 20s-8-4.7-8-10.4A4.4 4.4 0 0 1 12 7a4.4 4.4 0 0 1 8 2.6C20 15.3 12 20 12 20z"/>',
    "scifi-fantasy": '<circle cx="12" cy="12" r="5"/>'
    '<path d="M3.2 16.2c-1.6-2.6 17-11.6 17.6-8.4.5 2.7-15 11-17.6 8.4z"/>',
    "horror": '<path d="M6 20V11a6 6 0 0 1 12 0v9l-3-2-3 2-3-2z"/><path d="M10 11h.01M14 11h.01"/>',
    "urban-history": '<path d="M4 20V9l6-3v14M10 20V4l10 4v12M3 20h18M14 12h2M14 16h2"/>',
    "classics": '<path d="M12 6.5C9.5 4.8 6.5 4.5 3.5 5v13c3-.5 6-.2 8.5 1.5'
    'M12 6.5c2.5-1.7 5.5-2 8.5-1.5v13c-3-.5-6-.2-8.5 1.5M12 6.5v13"/>',
    "kids": '<path d="M12 15c4 0 6-3 6-6a6 6 0 0 0-12 0c0 3 2 6 6 6zM12 15l-1.5 2h3zM12 17c0 3 3 2 2 5"/>',
    "comedy": '<circle cx="12" cy="12" r="8.5"/><path d="M8 13.5a4 4 0 0 0 8 0zM9 9h.01M15 9h.01"/>',
    "drama": '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21"/>',
    "history": '<path d="M4 9l8-5 8 5zM6 9v8M10 9v8M14 9v8M18 9v8M4 20h16M4.5 17h15"/>',
    "biography": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0"/>',
    "science": '<circle cx="12" cy="12" r="1.3"/><ellipse cx="12" cy="12" rx="9" ry="3.6"/>'
    '<ellipse cx="12" cy="12" rx="9" ry="3.6" transform="rotate(60 12 12)"/>'
    '<ellipse cx="12" cy="12" rx="9" ry="3.6" transform="rotate(120 12 12)"/>',
    "business": '<path d="M4 20h16M7 20v-6M12 20V9M17 20v-9M5 9l5-5 4 3 5-4"/>',
    "self": '<path d="M12 21V11M12 13c0-4-3-6-7-6 0 4 3 6 7 6zM12 11c0-4 3-6 7-6 0 4-3 6-7 6z"/>',
    "health": '<path d="M20 14.5A8.5 8.5 0 1 1 9.5 4a6.8 6.8 0 0 0 10.5 10.5zM16 5h3l-3 3.5h3"/>',
    "language": '<path d="M4 5h11v8H9l-3 3v-3H4zM17 9h3v8h-1.5v3l-3-3H11"/>',
    "news": '<path d="M4 5h13v14H6a2 2 0 0 1-2-2zM17 9h3v8a2 2 0 0 1-2 2h-1M7 9h7M7 12.5h7M7 16h4"/>',
    "truecrime": '<path d="M12 3l7 3v6c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6zM12 8v5M12 16h.01"/>',
    "arts": '<circle cx="7" cy="17.5" r="2.8"/><circle cx="17" cy="15.5" r="2.8"/><path d="M9.8 17.5V6l10-2v11.5"/>',
    "philosophy": '<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5a4.25 4.25 0 0 1 0 8.5 4.25 4.25 0 0 0 0 8.5"/>',
}  # fmt: skip
HEADPHONES = '<path d="M4 15v-2a8 8 0 0 1 16 0v2M4 14h3v6H5a1 1 0 0 1-1-1zM20 14h-3v6h2a1 1 0 0 0 1-1z"/>'


def cover(category_path: str, item_id: str, title: str) -> str:
    """A square SVG, decorative: gradient and glyph by root category, shapes by item, the title's initial."""
    root = category_path.partition("/")[0]
    seed = hashlib.sha256(f"{category_path}\0{item_id}".encode()).digest()
    first, second = HUES.get(root) or (hue := hashlib.sha256(root.encode()).digest()[0] * 360 // 256, (hue + 36) % 360)
    turn = seed[0] % 21 - 10
    name = f"cv{seed[:6].hex()}"
    stops = (
        f'<stop offset="0" stop-color="hsl({first + turn} 46% {54 + seed[1] % 8}%)"/>'
        f'<stop offset="1" stop-color="hsl({second + turn} 52% {34 + seed[2] % 8}%)"/>'
    )
    slope = f'gradientTransform="rotate({seed[3] % 60 + 15} .5 .5)"'
    letter = escape(initial(title))
    return (
        '<svg class="at-cover" viewBox="0 0 96 96" aria-hidden="true" focusable="false">'
        f'<defs><linearGradient id="{name}" {slope}>{stops}</linearGradient></defs>'
        f'<rect width="96" height="96" fill="url(#{name})"/>{SHAPES[seed[4] % len(SHAPES)](seed)}'
        f'<text x="8" y="87" font-size="40" font-weight="700" fill="#fff" fill-opacity=".93">{letter}</text>'
        '<g transform="translate(64 8) scale(1)" fill="none" stroke="#fff" stroke-opacity=".9" stroke-width="1.6" '
        f'stroke-linecap="round" stroke-linejoin="round">{GLYPHS.get(root, HEADPHONES)}</g></svg>'
    )


def initial(title: str) -> str:
    """The first letter or digit of a title, in upper case; a note where there is none."""
    return next((char.upper() for char in title if char.isalnum()), "♪")


def _circles(seed: bytes) -> str:
    return "".join(
        f'<circle cx="{seed[i] % 96}" cy="{seed[i + 1] % 96}" r="{18 + seed[i + 2] % 30}" '
        'fill="#fff" fill-opacity=".1"/>'
        for i in (5, 8, 11)
    )


def _waves(seed: bytes) -> str:
    return "".join(
        f'<path d="M0 {y} q24 {-10 - seed[5 + n] % 12} 48 0 t48 0 V96 H0z" fill="#fff" fill-opacity=".09"/>'
        for n, y in enumerate((38 + seed[14] % 8, 54 + seed[15] % 8, 70))
    )


def _rings(seed: bytes) -> str:
    cx, cy = seed[5] % 96, seed[6] % 96
    return "".join(
        f'<circle cx="{cx}" cy="{cy}" r="{r}" fill="none" stroke="#fff" stroke-opacity=".16" stroke-width="5"/>'
        for r in (14, 30, 46, 62)
    )


def _bars(seed: bytes) -> str:
    bars = ((8 + 12 * n, 16 + seed[5 + n] % 44) for n in range(7))
    return "".join(
        f'<rect x="{x}" y="{48 - h / 2:g}" width="6" height="{h}" rx="3" fill="#fff" fill-opacity=".13"/>'
        for x, h in bars
    )


SHAPES = (_circles, _waves, _rings, _bars)
