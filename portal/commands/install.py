"""`make install`: makes the environment and fills it from a lock, before which there is only the standard library."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ENVIRONMENT = Path(".venv")
PYTHON = ENVIRONMENT / "bin" / "python"
MODULE = "portal.commands.install"
NAMES = ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python")
DESCRIBE = "--describe"
COMPILE = "--compile"
LOOK_EVERY_S = 0.2
OTHER_SYSTEM = "sys_platform == 'win32'"
NOISE = re.compile(r"^WARNING: (?:Location .* is ignored|Running pip as).*\n", re.MULTILINE)
"""Lines of pip about the machine that explain no failure."""
BEGUN = re.compile(r"^(?:Collecting |Processing \S*/)([A-Za-z]\w*(?:[.-][A-Za-z]\w*)*)", re.MULTILINE)


class InstallError(Exception):
    """Why there is no environment, in the words for the screen."""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python that could run the portal."""

    path: str
    version: tuple[int, int, int]
    is_optimised: bool
    pip_wheel: str | None

    @property
    def rank(self) -> tuple[bool, tuple[int, int, int]]:
        """Sort by what serves a page sooner: a build with a profile, some 10 % faster, before a newer version."""
        return self.is_optimised, self.version


def describe_this() -> Interpreter:
    """Describe the Python that runs this."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"), f"{sysconfig.get_path('stdlib')}/ensurepip/_bundled"]
    wheels = [str(wheel) for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")]
    return Interpreter(
        path=sys.executable,
        version=sys.version_info[:3],
        # Distributions build theirs with a profile by rules of their own, which the options do not show.
        is_optimised="--enable-optimizations" in options or sys.base_prefix == "/usr",
        pip_wheel=wheels[0] if wheels else None,
    )


def describe(path: str | Path) -> Interpreter | None:
    """Describe another Python, or return None where it is too old or does not run, like a version manager's shim."""
    command = [str(path), "-m", MODULE, DESCRIBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - a Python of the path
        told = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, json.JSONDecodeError):
        return None
    return Interpreter(**told | {"path": str(path), "version": tuple(told["version"])})


def choose(uv: str | None) -> Interpreter:
    """Return the best Python of all in the path that can make an environment.

    Raises `InstallError` where there is none.
    """
    folders = os.environ.get("PATH", "").split(os.pathsep)
    paths = [path for folder in folders for name in NAMES if (path := shutil.which(name, path=folder))]
    distinct = {os.path.realpath(path): path for path in reversed(paths)}
    found = [interpreter for path in distinct.values() if (interpreter := describe(path))]
    usable = [interpreter for interpreter in found if uv or interpreter.pip_wheel]
    if not usable:
        raise InstallError(
            f"{found[0].path if found else 'Python'} cannot make an environment: it has no pip.\n"
            "On Debian or Ubuntu: apt-get install python3-venv"
        )
    return max(usable, key=lambda interpreter: interpreter.rank)


def environment(uv: str | None) -> Interpreter:
    """Return the environment's Python; make the environment where there is none, or one whose Python is gone."""
    there = describe(PYTHON)
    if there:
        return there
    chosen = choose(uv)
    say(f"Making an environment with Python {'.'.join(map(str, chosen.version))} …")
    command = [chosen.path, "-m", "venv", "--without-pip", "--clear", str(ENVIRONMENT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a Python of the path
    made = describe(PYTHON)
    if made is None:
        raise InstallError(f"{chosen.path} cannot make an environment:\n{done.stdout}{done.stderr}")
    return made


def site_packages() -> Path:
    """Return the folder of the environment's packages."""
    return next(ENVIRONMENT.glob("lib/python3.*/site-packages"))


def bring_pip(interpreter: Interpreter) -> None:
    """Unpack the pip that came with Python, which takes 0.1 s; `venv` would install it with itself in 4 s.

    Raises `InstallError` where none came with it.
    """
    packages = site_packages()
    if (packages / "pip").is_dir():
        return
    if interpreter.pip_wheel is None:
        raise InstallError("This Python has no pip. On Debian or Ubuntu: apt-get install python3-venv")
    with tempfile.TemporaryDirectory(dir=ENVIRONMENT) as folder:
        zipfile.ZipFile(interpreter.pip_wheel).extractall(folder)
        for part in sorted(Path(folder).iterdir(), reverse=True):
            part.replace(packages / part.name)


def normal(name: str) -> str:
    """Return one spelling for `name-version`, as locks and folders of packages write them differently."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> set[str]:
    """Return `name-version` of every package in the environment."""
    return {normal(folder.stem) for folder in site_packages().glob("*.dist-info")}


def missing(lock: str) -> list[str]:
    """Return the lock's blocks of what is not installed yet."""
    there = installed()
    found = re.finditer(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)(?:.*\n)(?:[ \t].*\n?)*", lock, re.MULTILINE)
    return [
        block[0] for block in found if OTHER_SYSTEM not in block[0] and normal(f"{block[1]}-{block[2]}") not in there
    ]


def say(words: str) -> None:
    """Say once what begins now."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def show(words: str) -> None:
    """Write over the last line of a terminal; a log file is told nothing."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K{words}")
        sys.stdout.flush()


def run_all(commands: list[list[str]], folder: Path, look: Callable[[list[Path]], None]) -> None:
    """Run commands at once until all have ended, and look at what they write five times a second.

    Their words go to files, so that none of them waits for a reader.
    Raises `InstallError` with the errors in full where one fails, after the others were ended.
    """
    said = [folder / f"{number}.said" for number in range(len(commands))]
    failed = [folder / f"{number}.failed" for number in range(len(commands))]
    # Compiled modules of pip are kept whatever the shell says: several pips start at once.
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1"}
    started = []
    for command, words, errors in zip(commands, said, failed, strict=True):
        with words.open("wb") as to, errors.open("wb") as to_errors:
            started.append(subprocess.Popen(command, stdout=to, stderr=to_errors, env=environ))  # noqa: S603 - our own
    try:
        for process, errors in zip(started, failed, strict=True):
            while is_running(process):
                look(said)
            if process.returncode:
                raise InstallError(NOISE.sub("", errors.read_text(encoding="utf-8", errors="replace")))
    finally:
        for process in started:
            process.terminate()
            process.wait()


def is_running(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process still runs after a moment."""
    try:
        process.wait(LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def with_uv(uv: str, lock: Path) -> bool:
    """Install with uv, which takes a second or two, and return whether it could."""
    options = ["--quiet", "--python", str(PYTHON), "--require-hashes", "--no-build", "--requirement", str(lock)]
    return not subprocess.run([uv, "pip", "install", *options], capture_output=True, check=False).returncode  # noqa: S603


def with_pip(blocks: list[str]) -> None:
    """Fetch wheels with several pips at once, then install them with one, uncompiled.

    Most of pip's time goes into choosing among all wheels of all versions, on one processor; hence several. Nothing is
    compiled: of 3,500 modules the portal imports a third, and Python compiles those when it first starts.
    Raises `InstallError` where pip fails.
    """
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    strict = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    with tempfile.TemporaryDirectory(dir=ENVIRONMENT) as made:
        folder = Path(made)
        fetchers = max(2, min(4, os.cpu_count() or 2))
        parts = [write_part(folder / f"{number}.txt", blocks[number::fetchers]) for number in range(fetchers)]
        fetch = [*pip, "download", *strict, "--progress-bar", "off", "--dest", made, "--requirement"]
        run_all([[*fetch, part] for part in parts], folder, lambda said: show_fetched(said, len(blocks)))
        whole = write_part(folder / "all.txt", blocks)
        install = [*pip, "install", *strict, "--no-index", "--find-links", made, "--no-compile", "--requirement", whole]
        before = installed()
        run_all([install], folder, lambda _: show(f"Installing {len(installed() - before)} of {len(blocks)}"))
    show("")


def write_part(file: Path, blocks: list[str]) -> str:
    """Write some of a lock's blocks to a file and return its name."""
    file.write_text("\n".join(blocks), encoding="utf-8")
    return str(file)


def show_fetched(said: list[Path], total: int) -> None:
    """Show how many packages the pips have begun with, and the last of them."""
    newest_last = sorted(said, key=lambda file: file.stat().st_mtime)
    names = [name for file in newest_last for name in BEGUN.findall(file.read_text(encoding="utf-8"))]
    show(f"Fetching {len(names)} of {total}: {names[-1] if names else '…'}")


def install(lock: Path) -> None:
    """Bring the environment to a lock.

    Raises `InstallError` where that is not possible.
    """
    uv = shutil.which("uv")
    interpreter = environment(uv)
    wanted = missing(lock.read_text(encoding="utf-8"))
    if not wanted:
        return
    say(f"Installing {len(wanted)} packages from {lock} …")
    if uv and with_uv(uv, lock):
        return
    bring_pip(interpreter)
    with_pip(wanted)


def compile_packages() -> None:
    """Compile every module, on all processors; what is not meant for this Python fails and does not matter."""
    say("Compiling …")
    command = [str(PYTHON), "-m", "compileall", "-q", "-q", "-j", "0", str(site_packages())]
    subprocess.run(command, check=False)  # noqa: S603 - our own


def main() -> None:
    """Install a lock, and with the flag compile it, or say why not and end with 1."""
    words = sys.argv[1:]
    if words == [DESCRIBE]:
        sys.stdout.write(json.dumps(asdict(describe_this())))
        return
    try:
        for lock in (word for word in words if word != COMPILE):
            install(Path(lock))
        if COMPILE in words:
            compile_packages()
    except InstallError as reason:
        show("")
        sys.stderr.write(f"{reason}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
