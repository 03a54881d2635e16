# SPDX-License-Identifier: MIT
"""bars.py: draws groups of horizontal bars as an SVG, without any library."""

from xml.sax.saxutils import escape

COLOURS = ["#888888", "#d1495b", "#2e86ab", "#edae49", "#66a182", "#8d6a9f"]
LABEL, WIDTH, FIGURE, BAR, GAP, TITLE = 150, 420, 70, 16, 14, 24


def draw(path, title, groups, series, unit):
    """GROUPS: (name, {series: figure}). A missing figure has no bar. All bars have the same scale."""
    longest = max(figure for _, figures in groups for figure in figures.values())
    lines, y = [], 2 * TITLE
    for name, figures in groups:
        lines.append(f'<text x="0" y="{y + BAR - 4}" font-weight="bold">{escape(name)}</text>')
        y += BAR + 2
        for index, who in enumerate(series):
            if who not in figures:
                continue
            length = WIDTH * figures[who] / longest
            lines.append(f'<text x="{LABEL - 6}" y="{y + BAR - 4}" text-anchor="end">{escape(who)}</text>')
            lines.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 2}" '
                         f'fill="{COLOURS[index % len(COLOURS)]}"/>')
            figure = f"{figures[who]:.4g}{escape(unit)}"
            lines.append(f'<text x="{LABEL + length + 4:.1f}" y="{y + BAR - 4}">{figure}</text>')
            y += BAR
        y += GAP
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + FIGURE}" height="{y}" '
                   f'font-family="sans-serif" font-size="12">\n'
                   f'<rect width="100%" height="100%" fill="white"/>\n'
                   f'<text x="0" y="{TITLE - 8}" font-size="14">{escape(title)}</text>\n'
                   + "\n".join(lines) + "\n</svg>\n")
