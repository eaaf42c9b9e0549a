"""What the Dockerfile's steps make starts, as the user that it runs as, and holds what is pinned."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from image import BUILD, DOCKERFILE, FINAL, ROOT, Image, in_final

pytestmark = pytest.mark.xdist_group("image")  # one worker builds it, once


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
