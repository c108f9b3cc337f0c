"""Cost against size, as SVG: a small drawing for each curve, with nothing to install."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from tests.bench.figures import Row
from tests.bench.report import Result, number

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 50, 50


def draw(results: Sequence[Result]) -> str:
    """The curves of all rows that stand on one; sizes on a logarithmic scale, costs from zero."""
    curves: dict[str, list[Row]] = {}
    for row in (row for result in results for row in result.rows):
        if row.point is not None and row.samples:
            curves.setdefault(row.point.curve, []).append(row)
    drawings = [
        f'<g transform="translate(0 {place * HEIGHT})">{_curve(title, rows)}</g>'
        for place, (title, rows) in enumerate(sorted(curves.items()))
    ]
    size = f'width="{WIDTH}" height="{HEIGHT * len(drawings)}"'
    body = "\n".join(drawings)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
{body}
</svg>
"""


def _curve(title: str, rows: Sequence[Row]) -> str:
    points = sorted((row.point.size, row) for row in rows if row.point is not None)
    sizes = [size for size, _ in points]
    most = max(max(row.samples) for row in rows) * 1.1 or 1.0

    def x(size: int) -> float:
        low, high = math.log(max(sizes[0], 1)), math.log(max(sizes[-1], 2))
        share = (math.log(max(size, 1)) - low) / (high - low) if high > low else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(cost: float) -> float:
        return HEIGHT - BOTTOM - cost / most * (HEIGHT - TOP - BOTTOM)

    path = " ".join(f"{x(size):.1f},{y(row.median):.1f}" for size, row in points)
    parts = [
        f'<text x="{LEFT}" y="24" font-size="14">{escape(title)} ({escape(rows[0].unit)})</text>',
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>',
        f'<polyline points="{path}" fill="none" stroke="#1f6feb" stroke-width="2"/>',
    ]
    for size, row in points:
        parts.append(
            f'<line x1="{x(size):.1f}" x2="{x(size):.1f}" y1="{y(min(row.samples)):.1f}"'
            f' y2="{y(max(row.samples)):.1f}" stroke="#1f6feb"/>'
            f'<circle cx="{x(size):.1f}" cy="{y(row.median):.1f}" r="4" fill="#1f6feb"/>'
            f'<text x="{x(size):.1f}" y="{y(row.median) - 10:.1f}" text-anchor="middle">'
            f"{number(row.median)}</text>"
            f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>'
        )
    return "\n".join(parts)
