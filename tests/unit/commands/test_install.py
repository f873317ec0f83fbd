"""The installer: which Python it chooses, what it installs, what it reports, and that it needs only Python."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from portal.commands import install
from portal.commands.install import InstallError, Interpreter

ROOT = Path(__file__).parents[3]
LOCK = """\
flask-login==0.6.3 \\
    --hash=sha256:aa
    # via portal (pyproject.toml)
psycopg[binary]==3.3.9 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via
    #   portal (pyproject.toml)
psycopg-binary==3.3.9 ; implementation_name != 'pypy' \\
    --hash=sha256:dd
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:ee
"""


def python(
    path: str, version: tuple[int, int, int], *, is_optimised: bool = False, pip_wheel: str | None = "pip.whl"
) -> Interpreter:
    return Interpreter(path=path, version=version, is_optimised=is_optimised, pip_wheel=pip_wheel)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty package folder of an environment."""
    folder = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr(install, "ENVIRONMENT", tmp_path / ".venv")
    return folder


@pytest.fixture
def in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes the PATH from these described Pythons."""

    def put(*described: Interpreter | None) -> None:
        folders = []
        for number, interpreter in enumerate(described):
            program = tmp_path / str(number) / "python3"
            program.parent.mkdir()
            program.write_text("")
            program.chmod(0o755)
            folders.append(str(program.parent))
            known[str(program)] = interpreter
        monkeypatch.setenv("PATH", os.pathsep.join(folders))

    known: dict[str, Interpreter | None] = {}
    monkeypatch.setattr(install, "describe", known.get)
    return put


def test_installer_imports_only_the_standard_library() -> None:
    alone = [sys.executable, "-I", "-S", "-c", "import runpy; runpy.run_path('portal/commands/install.py')"]
    assert subprocess.run(alone, cwd=ROOT, check=False).returncode == 0


def test_installer_prefers_an_optimised_python_and_then_a_newer_one(in_path) -> None:
    best = python("b", (3, 12, 1), is_optimised=True)
    in_path(python("a", (3, 13, 0)), python("c", (3, 11, 9), is_optimised=True), best, None)
    assert install.choose(uv=None) == best


def test_python_without_pip_is_chosen_only_with_uv(in_path) -> None:
    bare = python("/usr/bin/python3", (3, 11, 2), pip_wheel=None)
    in_path(bare)
    assert install.choose(uv="/usr/bin/uv") == bare
    with pytest.raises(InstallError, match=r"/usr/bin/python3 cannot .*\n.*apt-get install python3-venv"):
        install.choose(uv=None)


def test_shim_that_does_not_run_is_ignored(tmp_path: Path) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho no such version >&2\nexit 127\n")
    shim.chmod(0o755)
    assert install.describe(shim) is None
    assert install.describe(tmp_path / "nothing") is None


def test_running_python_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    described = install.describe(sys.executable)
    assert described is not None
    assert described.version == sys.version_info[:3]


def test_only_packages_missing_in_their_locked_version_are_installed(packages: Path) -> None:
    (packages / "Flask_Login-0.6.3.dist-info").mkdir()
    (packages / "psycopg-3.3.8.dist-info").mkdir()
    blocks = install.missing(LOCK)
    assert [block.split()[0] for block in blocks] == ["psycopg[binary]==3.3.9", "psycopg-binary==3.3.9"]
    assert "--hash=sha256:cc" in blocks[0]


def test_an_empty_environment_gets_every_package_of_the_real_lock(packages: Path) -> None:
    lock = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    pins = [line for line in lock.splitlines() if "==" in line and "sys_platform == 'win32'" not in line]
    hashes = "\n".join(install.missing(lock)).count("--hash=")
    assert len(install.missing(lock)) == len(pins)
    assert lock.count("--hash=") - hashes == lock.partition("\ncolorama==")[2].partition("# via")[0].count("--hash=")


def test_bundled_pip_is_unpacked_once(packages: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pip-23.whl", "w") as wheel:
        wheel.writestr("pip/__init__.py", "")
        wheel.writestr("pip-23.dist-info/METADATA", "")
    install.bring_pip(python("a", (3, 11, 2), pip_wheel=str(tmp_path / "pip-23.whl")))
    assert sorted(part.name for part in packages.iterdir()) == ["pip", "pip-23.dist-info"]
    install.bring_pip(python("a", (3, 11, 2), pip_wheel="gone"))


def test_failure_is_reported_in_full_without_warnings_about_the_machine(tmp_path: Path) -> None:
    words = "WARNING: Location 'file:///x' is ignored: it is neither a file nor a directory.\nERROR: one\nERROR: two\n"
    failing = [sys.executable, "-c", f"import sys; sys.stderr.write({words!r}); sys.exit(1)"]
    waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(InstallError) as failure:
        install.run_all([failing, waiting], tmp_path, lambda _: None)
    assert str(failure.value) == "ERROR: one\nERROR: two\n"


def test_progress_adds_up_the_packages_of_several_pips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "0.said", tmp_path / "1.said"
    first.write_text("Collecting argon2-cffi-bindings==26.2.0 (from -r 0.txt)\n  Downloading argon2.whl\n")
    second.write_text("Processing /wheels/markdown_it_py-4.3.0-py3-none-any.whl\nCollecting psycopg[binary]==3.3.9\n")
    os.utime(first, (1, 1))
    install.show_fetched([first, second], 54)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    install.show_fetched([first, second], 54)
    assert capsys.readouterr().out == "\r\033[KFetching 3 of 54: psycopg"
