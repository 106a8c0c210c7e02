"""DESIGN's arrows: which module may import which, read from the sources."""

import ast
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A part of the package imports itself and the layers before its own, nothing else: parts of one
# layer never import each other. A new module gets a place here.
LAYERS = [
    {"errors", "cores"},
    {"records"},
    {
        "config",
        "boxes",
        "mapped",
        "motion",
        "mot",
        "openvino_core",
        "progress",
        "devices",
        "weights",
        "video",
    },
    {"settings", "networks", "openvino_ir", "tracked"},
    # the stages
    {
        "shots",
        "detection",
        "tracklets",
        "constraints",
        "features",
        "embedding",
        "association",
        "clustering",
    },
    {"lettering"},
    {"evaluation", "storage", "render", "synthetic"},
    {"learned", "charts", "export", "edits", "run_video"},
    {"failure_page", "report", "clips", "redaction"},
    {"run"},
    {"scan", "presenting"},
    {"faces"},
    {"identity"},
    {"pipeline"},
    {"outputs", "benchmark", "naming", "importing"},
    {"job"},
    {"batch"},
    {"reporting"},
    {"arguments"},
    {"commands"},
    {"cli"},
]
LAYER_OF = {part: number for number, layer in enumerate(LAYERS) for part in layer}


def imported_names(source, package):
    """Everything that `source`, a module of `package`, imports, wherever in it; absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(name):
    """The part of the package that `name`, such as tracker.video.reader, is in; else None."""
    top, *below = name.split(".")
    return below[0] if top == "tracker" and below else None


def forbidden_imports(part, source, package="tracker"):
    """What `source`, a module of `part`, imports against the arrows."""
    return [
        name
        for name in imported_names(source, package)
        if (other := part_of(name)) is not None
        and other != part
        and LAYER_OF.get(other, len(LAYERS)) >= LAYER_OF[part]
    ]


def modules():
    """Every module of the package: its path from the root, and the part that it is in."""
    paths = sorted((ROOT / "tracker").rglob("*.py"))
    below = [path.relative_to(ROOT / "tracker").with_suffix("").parts[0] for path in paths]
    return [
        (path.relative_to(ROOT), part)
        for path, part in zip(paths, below, strict=True)
        if part != "__init__"
    ]


def test_every_module_has_a_layer_and_every_layer_its_modules():
    assert {part for _, part in modules()} == LAYER_OF.keys()


def test_no_part_is_in_two_layers():
    assert len(LAYER_OF) == sum(len(layer) for layer in LAYERS)


@pytest.mark.parametrize(("path", "part"), modules(), ids=lambda value: str(value))
def test_imports_point_up_the_list(path, part):
    package = ".".join(path.parts[:-1])
    assert forbidden_imports(part, (ROOT / path).read_text(encoding="utf-8"), package) == []


def test_the_package_itself_imports_nothing():
    assert list(imported_names((ROOT / "tracker/__init__.py").read_text(), "tracker")) == []


def test_the_script_only_calls_the_command_line():
    names = imported_names((ROOT / "run_tracker.py").read_text(), "")
    assert {part_of(name) for name in names} == {None, "cli"}


@pytest.mark.parametrize(
    ("part", "source", "package"),
    [
        ("records", "from tracker.config import Config", "tracker"),
        ("shots", "import tracker.tracklets as other", "tracker"),
        ("shots", "from tracker import clustering", "tracker"),
        ("features", "def late():\n    from tracker.detection.choose import x", "tracker.features"),
        ("detection", "from ..shots import ShotDetector", "tracker.detection"),
        ("boxes", "if TYPE_CHECKING:\n    import tracker.pipeline", "tracker"),
    ],
)
def test_an_import_against_the_arrows_is_seen(part, source, package):
    assert len(forbidden_imports(part, source, package)) == 1


@pytest.mark.parametrize(
    ("part", "source", "package"),
    [
        ("storage", "from tracker.embedding.training import Embedding", "tracker"),
        ("video", "from .container import open_container", "tracker.video"),
        ("records", "import numpy\nfrom tracker.errors import RecordError", "tracker"),
    ],
)
def test_an_import_along_the_arrows_is_allowed(part, source, package):
    assert forbidden_imports(part, source, package) == []
