# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: every module can be imported alone, no imports run in a circle, and what there
should be one of is there once."""

import ast
import os
import random
import re
import subprocess
import sys
from pathlib import Path

TORCH = Path(__file__).resolve().parents[2] / "model" / "torch"
PACKAGE = TORCH / "ligero_torch"
FILES = {".".join(f.relative_to(TORCH).with_suffix("").parts): f
         for f in sorted(PACKAGE.rglob("*.py")) if f.name != "__init__.py"}


def imports(module: str) -> set:
    """Modules of the package that a module names in any import, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.ImportFrom):
            parts = module.split(".")[:-node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found & set(FILES)


def circle(graph: dict) -> list:
    """Nodes of a circle in {node: nodes it points to}, or []."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return []
        path.append(node)
        for other in sorted(graph[node]):
            found = visit(other)
            if found:
                return found
        path.pop()
        done.add(node)
        return []

    for node in sorted(graph):
        found = visit(node)
        if found:
            return found
    return []


def test_the_check_finds_a_circle():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_imports_run_in_a_circle():
    graph = {module: imports(module) for module in FILES}
    assert sum(map(len, graph.values())) > len(FILES)
    assert circle(graph) == []
    folder = lambda module: module.split(".")[1]
    folders = {folder(m): set() for m in FILES}
    for module, others in graph.items():
        folders[folder(module)] |= {folder(o) for o in others} - {folder(module)}
    assert circle(folders) == []


def test_every_module_can_be_imported_first():
    """Each module with all others of the package forgotten, in an order of chance."""
    modules = list(FILES)
    random.Random().shuffle(modules)
    program = ("import importlib, sys\n"
               "for name in sys.argv[1:]:\n"
               "    for m in [m for m in sys.modules if m.startswith('ligero_torch')]:\n"
               "        del sys.modules[m]\n"
               "    importlib.import_module(name)\n")
    done = subprocess.run([sys.executable, "-c", program, *modules], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(TORCH)})
    assert done.returncode == 0, (modules, done.stderr)


def places(pattern: str) -> list:
    return [(m, line) for m, f in FILES.items() for line in f.read_text().splitlines()
            if re.search(pattern, line)]


def test_there_is_one_reader_of_sound_and_one_sample_rate():
    assert [m for m, _ in places(r"def read_audio\b")] == ["ligero_torch.data.audio"]
    assert [m for m, _ in places(r"^ *SAMPLE_RATE\w* *=")] == ["ligero_torch.data.audio"]
    assert [m for m, _ in places(r"\b16000\b")] == ["ligero_torch.data.audio"]
