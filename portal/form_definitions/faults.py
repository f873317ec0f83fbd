"""What is wrong with a definition: every fault with its path and a plain sentence."""

from dataclasses import dataclass

from portal.errors import PortalError

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault; `path` reads like `sections[2].fields[0].options` and is empty for the document as a whole."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


class FaultyDefinitionError(PortalError):
    """A definition that is refused whole."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class Faults:
    """Collects faults; what lies in a part that could not be read at all is not judged again."""

    def __init__(self) -> None:
        self._found: dict[Fault, None] = {}
        self._unreadable: set[Path] = set()

    def add(self, path: Path, sentence: str) -> None:
        """Note one fault, unless its place could not be read anyway."""
        if not any(path[:length] in self._unreadable for length in range(len(path) + 1)):
            self._found[Fault(path=written(path), sentence=sentence)] = None

    def add_unreadable(self, path: Path, sentence: str) -> None:
        """Note a part that has the wrong shape."""
        self.add(path, sentence)
        self._unreadable.add(path)

    def refuse(self) -> None:
        """Raise `FaultyDefinitionError` if there is any fault."""
        if self._found:
            raise FaultyDefinitionError(tuple(self._found))


def written(path: Path) -> str:
    """The path as authors read it: `sections[2].fields[0].options`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
