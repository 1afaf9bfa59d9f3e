"""Line icons as SVG, decorative: the button that holds one carries the words."""

from __future__ import annotations

PATHS = {
    "like": '<path d="M12 20s-7.500-4.500-7.500-10A4.200 4.200 0 0 1 12 7.300 4.200 4.200 0 0 1 19.500 10c0 5.500-7.500 10-7.500 10z"/>',
    "dislike": '<circle cx="12" cy="12" r="8.500"/><path d="M6.200 6.200l11.600 11.600"/>',
    "more": '<rect x="4" y="4" width="11" height="11" rx="2.500"/>'
    '<path d="M9.500 20h8a2.500 2.500 0 0 0 2.500-2.500v-8"/>',
    "save": '<path d="M7 4h10a1 1 0 0 1 1 1v15l-6-4-6 4V5a1 1 0 0 1 1-1z"/>',
    "play": '<path class="at-solid" d="M8 5.500v13l10.500-6.500z"/>',
    "undo": '<path d="M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3"/>',
    "redo": '<path d="M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3"/>',
    "remove": '<path d="M6.500 6.500l11 11M17.500 6.500l-11 11"/>',
    "refresh": '<path d="M20 12a8 8 0 1 1-2.300-5.600M20 4v4.500h-4.500"/>',
    "theme": '<circle cx="12" cy="12" r="8.500"/><path class="at-solid" d="M12 3.500v17a8.500 8.500 0 0 0 0-17z"/>',
    "person": '<circle cx="12" cy="8.500" r="3.800"/><path d="M5 20a7 7 0 0 1 14 0"/>',
    "bin": '<path d="M5 7h14M10 4h4M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5"/>',
    "check": '<path d="M5 12.500l4.500 4.500L19 7.500"/>',
    "chevron": '<path d="M8 10l4 4 4-4"/>',
    "logo": '<path d="M3.500 12h2M18.500 12h2M8 7.500v9M12 4v16M16 8.500v7"/>',
}


def icon(name: str) -> str:
    """The SVG of an icon by its name in `PATHS`."""
    return (
        f'<svg class="at-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" fill="none" stroke="currentColor" '
        f'stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round">{PATHS[name]}</svg>'
    )
