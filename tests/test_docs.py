"""README, docs and docstrings say what is there."""

import ast
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from lpwd.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PACKAGES = {path.parent.name for path in (ROOT / "lpwd").glob("*/__init__.py")}


def section(name):
    return README.split(f"\n## {name}\n")[1].split("\n## ")[0]


def test_readme_shows_every_command_with_options_that_it_has():
    lines = re.findall(r"^    lpwd (.+?)(?:  +#.*)?$", section("The command line"), re.M)
    shown = [shlex.split(line) for line in lines]
    assert {words[0] for words in shown} == set(COMMANDS)
    for name, *words in shown:
        command = COMMANDS[name]
        command = command.commands[words[0]] if isinstance(command, click.Group) else command
        options = {flag for parameter in command.params for flag in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_readme_and_structure_name_each_package_once():
    tree = re.findall(r"^      (\w+)/ ", section("What is where"), re.M)
    assert sorted(tree) == sorted(PACKAGES | {"snapshot"})
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "structure.md").read_text(), re.M)
    assert sorted(table) == sorted(PACKAGES)


def public_definitions(tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            methods = node.body if isinstance(node, ast.ClassDef) else []
            yield from (m for m in methods if isinstance(m, ast.FunctionDef) and not m.name.startswith("_"))


@pytest.mark.parametrize("path", sorted((ROOT / "lpwd" / "paper").glob("*.py")), ids=lambda path: path.stem)
def test_what_paper_offers_says_what_it_is(path):
    definitions = public_definitions(ast.parse(path.read_text()))
    assert [node.name for node in definitions if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)], ids=["every fourth", "all"])
def test_findings_are_what_their_commands_print(every):
    sys.path.insert(0, str(ROOT / "docs"))
    import make

    audits = make.AUDIT.read_text()
    assert len(make.BLOCK.findall(audits)) == 6
    assert make.filled(audits) == audits
    text = make.FINDINGS.read_text()
    blocks = [found[0] for found in make.BLOCK.finditer(text)]
    assert len(blocks) == 18
    for block in blocks[::every]:
        assert make.filled(block) == block
    assert all((ROOT / "docs" / name).is_file() for name in re.findall(r"\]\((findings-.*?)\)", text))
