"""Values: the lengths that notes are written in."""

from dataclasses import dataclass
from types import MappingProxyType

# MusicXML's names.
NAMES = MappingProxyType(
    {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd", 64: "64th"}
)


@dataclass(frozen=True, slots=True)
class Value:
    """A note value: 4 is a quarter; a dot makes it half as long again."""

    kind: int  # 1, 2, 4, 8, 16 or 32
    dots: int = 0

    @property
    def name(self) -> str:
        """Return MusicXML's name."""
        return NAMES[self.kind]

    @property
    def flags(self) -> int:
        """Return how many flags or beams it has: an eighth has one."""
        return max(0, self.kind.bit_length() - 3)
