"""Line icons as SVG, decorative: the button that holds one carries the words."""

from __future__ import annotations

PATHS = {
    "like": '<path d="M12 20s-7.5-4.5-7.5-10A4.2 4.2 0 0 1 12 7.3 4.2 4.2 0 0 1 19.5 10c0 5.5-7.5 10-7.5 10z"/>',
    "dislike": '<circle cx="12" cy="12" r="8.5"/><path d="M6.2 6.2l11.6 11.6"/>',
    "more": '<rect x="4" y="4" width="11" height="11" rx="2.5"/><path d="M9.5 20h8a2.5 2.5 0 0 0 2.5-2.5v-8"/>',
    "save": '<path d="M7 4h10a1 1 0 0 1 1 1v15l-6-4-6 4V5a1 1 0 0 1 1-1z"/>',
    "play": '<path class="at-solid" d="M8 5.5v13l10.5-6.5z"/>',
    "undo": '<path d="M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3"/>',
    "redo": '<path d="M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3"/>',
    "remove": '<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>',
    "refresh": '<path d="M20 12a8 8 0 1 1-2.3-5.6M20 4v4.5h-4.5"/>',
    "theme": '<circle cx="12" cy="12" r="8.5"/><path class="at-solid" d="M12 3.5v17a8.5 8.5 0 0 0 0-17z"/>',
    "person": '<circle cx="12" cy="8.5" r="3.8"/><path d="M5 20a7 7 0 0 1 14 0"/>',
    "bin": '<path d="M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5"/>',
    "check": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "chevron": '<path d="M8 10l4 4 4-4"/>',
    "logo": '<path d="M3.5 12h2M18.5 12h2M8 7.5v9M12 4v16M16 8.5v7"/>',
}


def icon(name: str) -> str:
    """The SVG of an icon by its name in `PATHS`."""
    return (
        f'<svg class="at-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" fill="none" '
        f'stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">{PATHS[name]}</svg>'
    )
