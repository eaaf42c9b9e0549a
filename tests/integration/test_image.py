"""
The Dockerfile's own steps, carried out without Docker: what stands in the image starts, as the user that it runs as.

The paths of the image lie below a temporary folder; pip may use its cache. What needs the base image is left out: the
standard library's bytecode.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PLACES = ("/opt/", "/src")
NOBODY = 65534

pytestmark = pytest.mark.xdist_group("image")  # one worker builds it, once


class Instruction(NamedTuple):
    word: str
    rest: str


def stages(text: str) -> list[list[Instruction]]:
    """The instructions of each stage, without comments and with continued lines as one."""
    joined = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(str.strip, joined.splitlines()):
        instruction = Instruction(*line.split(maxsplit=1))
        if instruction.word == "ARG":
            continue
        if instruction.word == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


BUILD, FINAL = stages(DOCKERFILE)


def in_final(word: str) -> str:
    (found,) = (each.rest for each in FINAL if each.word == word)
    return found


def as_nobody() -> dict[str, Any]:
    """Arguments for `subprocess` that take every privilege away; who runs the tests has none anyway, or is root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def interpreter() -> str:
    """A Python that everybody may execute; a version manager's below root's home is not."""
    for name in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            check = "import ensurepip, sys; print(sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)"
            asked = subprocess.run([name, "-c", check], capture_output=True, text=True, cwd="/", **as_nobody())
        except OSError:
            continue
        if asked.returncode == 0:
            return os.path.realpath(asked.stdout.strip())
    pytest.skip("no Python 3.11 or newer that an unprivileged user may execute")


class Image:
    """The first stage's outcome, below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._at = folder
        self._tools = folder / "bin"
        self._tools.mkdir()
        (self._tools / "python").symlink_to(interpreter())

    @property
    def environment(self) -> Path:
        return self.folder / "opt/funcgate"

    @property
    def packages(self) -> Path:
        (found,) = self.environment.glob("lib/python3*/site-packages")
        return found

    def build(self) -> None:
        for each in BUILD:
            getattr(self, f"_{each.word.lower()}")(each.rest)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """The command with the image's PATH, as nobody."""
        environment = {"PATH": f"{self.environment}/bin:/usr/bin:/bin", "HOME": "/"}
        return subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, **as_nobody())

    def _from(self, rest: str) -> None:
        assert rest.startswith("${BASE}")

    def _workdir(self, rest: str) -> None:
        self._at = self.folder / rest.lstrip("/")
        self._at.mkdir()

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        for source in sources:
            into = self._at / target / (Path(source).name if (ROOT / source).is_file() else "")
            into.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_file():
                shutil.copy(ROOT / source, into)
            else:
                shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))

    def _run(self, rest: str) -> None:
        command = rest.replace("--no-cache-dir", "--quiet")
        for place in PLACES:
            command = re.sub(rf"(?<![\w/]){place}", f"{self.folder}{place}", command)
        environment = os.environ | {"PATH": f"{self._tools}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-ec", command], cwd=self._at, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with tempfile.TemporaryDirectory(prefix="funcgate-image-") as folder:
        Path(folder).chmod(0o755)
        built = Image(Path(folder))
        built.build()
        if os.geteuid() == 0:
            yield built  # root's files, and who runs them is nobody
            return
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        yield built
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_entrypoint_tells_its_version_to_anybody_without_writing_a_file(image: Image) -> None:
    before = files(image.environment)
    answer = image.run(*json.loads(in_final("ENTRYPOINT")), "--version")
    version = re.search(r'__version__ = "(.+)"', (ROOT / "operator/funcgate/__init__.py").read_text())
    assert version is not None
    assert (answer.returncode, answer.stdout) == (0, f"funcgate, version {version[1]}\n"), answer.stderr
    assert files(image.environment) == before


@pytest.mark.slow
def test_the_image_runs_a_command_unless_told_otherwise(image: Image) -> None:
    answer = image.run(*json.loads(in_final("ENTRYPOINT")), *json.loads(in_final("CMD")), "--help")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
def test_every_module_of_the_operator_is_there_with_its_bytecode(image: Image) -> None:
    sources = {path.relative_to(ROOT / "operator") for path in (ROOT / "operator/funcgate").rglob("*.py")}
    assert {path.relative_to(image.packages) for path in (image.packages / "funcgate").rglob("*.py")} == sources
    compiled = {path.name.partition(".")[0] for path in (image.packages / "funcgate").rglob("*.pyc")}
    assert {path.stem for path in sources} <= compiled


@pytest.mark.slow
def test_only_what_is_pinned_is_installed_and_nothing_to_install_more_with(image: Image) -> None:
    installed = {path.name.rpartition(".")[0] for path in image.packages.glob("*.dist-info")}
    names = {re.sub(r"[-_.]+", "-", each.partition("-")[0]).lower() for each in installed} - {"funcgate"}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE))
    assert names <= pinned
    assert {"kopf", "azure-identity"} <= names
    assert not names & {"pip", "setuptools", "wheel"}


def test_the_image_runs_as_the_numbered_user_that_the_deployment_names() -> None:
    deployment = yaml.safe_load((ROOT / "deploy/deployment.yaml").read_text())
    security = deployment["spec"]["template"]["spec"]["securityContext"]
    assert in_final("USER") == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert security["runAsUser"] > 0


def test_only_what_the_image_needs_is_sent_to_the_build() -> None:
    sources = [source for each in BUILD if each.word == "COPY" for source in each.rest.split()[:-1]]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source.partition("/")[0] for source in sources} == allowed


def test_both_stages_stand_on_one_base_which_a_digest_may_pin() -> None:
    assert (BUILD[0].rest, FINAL[0].rest) == ("${BASE} AS build", "${BASE}")
    (base,) = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)


def dry(*words: str) -> str:
    """What make would do; its recipes are lines of the shell."""
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.replace("\\\n", " ")


def test_make_image_pins_the_base_when_it_is_told_to() -> None:
    digest = f"python:3.13-slim-trixie@sha256:{'ab' * 32}"
    assert "--build-arg" not in dry("image")
    assert f"docker build --build-arg BASE={digest} -t funcgate:" in dry("image", f"BASE={digest}")


def test_the_command_that_pins_the_base_in_the_dockerfile_does() -> None:
    guide = (ROOT / "docs/how-to/build-the-image.md").read_text()
    (command,) = re.findall(r"^(sed .* Dockerfile)$", guide, re.MULTILINE)
    digest = f"sha256:{'ab' * 32}"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "Dockerfile", folder)
        subprocess.run(["sh", "-ec", command], cwd=folder, env=os.environ | {"DIGEST": digest}, check=True)
        pinned = (Path(folder) / "Dockerfile").read_text()
    assert f"\nARG BASE=python:3.13-slim-trixie@{digest}\n" in pinned
    assert len(pinned.splitlines()) == len(DOCKERFILE.splitlines())


def test_the_bill_of_materials_lists_exactly_what_is_pinned_with_its_hashes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "build").mkdir()
    recipe = [line for line in dry("sbom").splitlines() if line.startswith(("sed ", ".venv/bin/cyclonedx-py "))]
    for line in recipe:
        command = line.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        subprocess.run(["sh", "-ec", command], cwd=tmp_path, capture_output=True, check=True)
    (written,) = (tmp_path / "build").glob("funcgate-*.cdx.json")
    bill = json.loads(written.read_text())
    found = {f"{each['name']}=={each['version']}" for each in bill["components"]}
    pins = (ROOT / "requirements/runtime.txt").read_text()
    assert found == set(re.findall(r"^([a-z0-9-]+==[^ ;]+)", pins, re.MULTILINE))
    hashes = {hash_["content"] for each in bill["components"] for hash_ in each["externalReferences"][0]["hashes"]}
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", pins))
    assert (bill["bomFormat"], "serialNumber" in bill, "timestamp" in bill["metadata"]) == ("CycloneDX", False, False)
    assert written.name == f"funcgate-{bill['metadata']['component']['version']}.cdx.json"
