"""Draws the packages and their imports, and writes the table of packages: `python -m tools.architecture`.

Both come from the import graph of the code. `tests/test_architecture.py` compares them with the files.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import grimp

from tools.layered import Layout, layout, reduced

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
ROOTS = ("nas", "distill", "search_spaces")
TABLE = re.compile(r"(?<=<!-- packages -->\n).*?(?=<!-- end of packages -->)", flags=re.DOTALL)

ROW, BOX, TITLE, MARGIN, BETWEEN = 64, 34, 50, 20, 56  # px
HEAD = 7  # px: of an arrow
LETTER, PADDING = 7.4, 20  # px: of 13 px text


@dataclass(frozen=True)
class Package:
    """A folder of modules."""

    name: str
    sentence: str  # the first line of its docstring
    modules: int  # in the folder itself, `__init__` and packages within left out


@cache
def graph() -> grimp.ImportGraph:
    """Every import of the code, also those that functions make and those of types."""
    return grimp.build_graph(*ROOTS, cache_dir=None)


def packages() -> list[Package]:
    """Every package, root packages first, in alphabetical order below them."""
    found = []
    for root in ROOTS:
        for init in sorted((ROOT / root).rglob("__init__.py")):
            docstring = ast.get_docstring(ast.parse(init.read_text()))
            name = ".".join(init.parent.relative_to(ROOT).parts)
            if "migrations" in name:
                continue
            assert docstring, f"{name} has no docstring"
            found.append(Package(name, docstring.splitlines()[0], len(list(init.parent.glob("*.py"))) - 1))
    return found


def table() -> str:
    """The packages as a table in Markdown."""
    rows = [f"| `{each.name}` | {each.sentence} | {each.modules} |" for each in packages()]
    return "\n".join(["| package | what it knows | modules |", "|---|---|---|", *rows, ""])


def imports_within(root: str) -> dict[str, frozenset[str]]:
    """The packages and modules directly in `root` ─► those of them that they import."""
    children = sorted(graph().find_children(root))
    found: dict[str, set[str]] = {child: set() for child in children}
    for importer, imported in _imports():
        above, below = _child(importer), _child(imported)
        if above in found and below in found and above != below:
            found[above].add(below)
    return {name: frozenset(below) for name, below in found.items()}


def imports_between() -> list[tuple[str, str]]:
    """Which root package imports from which other one."""
    roots = {(a.partition(".")[0], b.partition(".")[0]) for a, b in _imports()}
    return sorted((above, below) for above, below in roots if above != below)


def _imports() -> list[tuple[str, str]]:
    names = sorted(graph().modules)
    return [(a, b) for a in names for b in sorted(graph().find_modules_directly_imported_by(a))]


def _child(module: str) -> str:
    return ".".join(module.split(".")[:2])


def picture() -> str:
    """The packages as an SVG: `nas` left of `distill` and `search_spaces`, layers from top to bottom."""
    columns = {root: _column(root) for root in ROOTS}
    above, *right = ROOTS
    middle = MARGIN + columns[above].width + 2 * MARGIN + BETWEEN
    frames = {above: _Frame(MARGIN, MARGIN, columns[above])}
    top = float(MARGIN)
    for root in right:
        frames[root] = _Frame(middle, top, columns[root])
        top += frames[root].height + BETWEEN
    parts = [part for root, frame in frames.items() for part in _package(root, frame)]
    width = max(frame.left + frame.width for frame in frames.values())
    height = max(frame.top + frame.height for frame in frames.values())
    return _document(width + MARGIN, height + MARGIN, parts + _between(frames))


@dataclass(frozen=True)
class _Frame:
    """Where a root package is drawn."""

    left: float
    top: float
    placed: Layout

    @property
    def width(self) -> float:
        return self.placed.width + 2 * MARGIN

    @property
    def height(self) -> float:
        return TITLE + ROW * (self.placed.rows - 1) + BOX + MARGIN

    def x(self, point: float) -> float:
        return self.left + MARGIN + point

    def y(self, row: int) -> float:
        return self.top + TITLE + ROW * row


def _column(root: str) -> Layout:
    edges = reduced(imports_within(root))
    return layout(edges, {name: _box_width(name) for name in edges})


def _label(name: str) -> str:
    return name.partition(".")[2]


def _box_width(name: str) -> float:
    return LETTER * len(_label(name)) + PADDING


def _package(root: str, frame: _Frame) -> list[str]:
    """A frame with the packages and modules in it, and the arrows between them."""
    title = f'<text class="root" x="{frame.left + frame.width / 2:.1f}" y="{frame.top + 30}">{root}</text>'
    return [
        f'<rect class="frame" {_box(frame.left, frame.top, frame.width, frame.height)} rx="12"/>',
        title,
        *_arrows(frame),
        *_boxes(frame),
    ]


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _boxes(frame: _Frame) -> list[str]:
    parts = []
    for name, (point, row) in sorted(frame.placed.boxes.items()):
        width, x, y = _box_width(name), frame.x(point), frame.y(row)
        kind = "package" if graph().find_children(name) else "module"
        parts.append(f'<rect class="{kind}" {_box(x - width / 2, y, width, BOX)} rx="6"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + BOX / 2 + 4.5:.1f}">{escape(_label(name))}</text>')
    return parts


def _arrows(frame: _Frame) -> list[str]:
    """Curves from the lower edge of a box to the upper edge of another, straight along the rows between."""
    parts = []
    for points in frame.placed.arrows.values():
        (first, row), *rest = points
        x, y = frame.x(first), frame.y(row) + BOX
        path = f"M{x:.1f} {y:.1f}"
        for i, (point, row_below) in enumerate(rest, 1):
            last = i == len(rest)
            x_below, y_below = frame.x(point), frame.y(row_below) - (HEAD if last else 0)
            bend = (y + y_below) / 2
            path += f"C{x:.1f} {bend:.1f} {x_below:.1f} {bend:.1f} {x_below:.1f} {y_below:.1f}"
            path += "" if last else f"V{y_below + BOX:.1f}"
            x, y = x_below, y_below + BOX
        parts.append(f'<path class="arrow" d="{path}" marker-end="url(#head)"/>')
    return parts


def _between(frames: dict[str, _Frame]) -> list[str]:
    """Thick arrows from root package to root package."""
    parts = []
    for above, below in imports_between():
        start, end = frames[above], frames[below]
        if start.left == end.left:
            x, y = start.left + start.width / 2, start.top + start.height
            path = f"M{x:.1f} {y:.1f}V{end.top - HEAD - 2:.1f}"
        else:
            x, y = start.left + start.width, end.top + 24
            path = f"M{x:.1f} {y:.1f}H{end.left - HEAD - 2:.1f}"
        parts.append(f'<path class="thick" d="{path}" marker-end="url(#thick-head)"/>')
    return parts


def _document(width: float, height: float, parts: list[str]) -> str:
    style = (
        "text{font:13px Helvetica,Arial,sans-serif;text-anchor:middle;fill:#1f2933}"
        ".root{font-size:17px;font-weight:bold}"
        ".frame{fill:#f7f9fb;stroke:#cbd2d9}.package{fill:#d9e8f7;stroke:#5a8ab8}"
        ".module{fill:#fff;stroke:#9aa5b1}.arrow{fill:none;stroke:#7b8794;stroke-width:1.3}"
        ".thick{fill:none;stroke:#b7791f;stroke-width:2.4}"
    )
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="{size}" markerHeight="{size}" '
        f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        for name, size, colour in (("head", 6, "#7b8794"), ("thick-head", 4.5, "#b7791f"))
    )
    lines = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">\n<title>Packages and their imports</title>\n'
        f"<style>{style}</style>\n<defs>{heads}</defs>\n"
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>\n{lines}\n</svg>\n'
    )


def main() -> None:
    """Write the picture, and the table between its marks in the page."""
    PICTURE.write_text(picture())
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text()))


if __name__ == "__main__":
    main()
