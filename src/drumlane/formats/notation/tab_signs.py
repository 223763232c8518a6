"""Signs of drum tablature: what its lines are called and what stands on them.

Used by ``tab`` and ``tab_reading``. Written: ``x`` a stroke on metal, ``o`` one on a drum or an open hi-hat,
capitals for accents, ``g`` a ghost note, ``f`` a flam, ``d`` a drag. Read too: what other people write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drumlane.formats.notation.dynamics import Dynamic
from drumlane.vocabulary import Drum

RESTS = frozenset("-\u2013\u2014._ ='~")  # editors make long dashes of short ones
FLAM_VELOCITY_SHARE = 0.6  # of a grace stroke, when it is read

# Lines from above; the first label of a drum is written.
ROWS: tuple[tuple[str, tuple[Drum, ...]], ...] = (
    ("CC", (Drum.CRASH,)),
    ("C2", (Drum.CRASH2,)),
    ("CH", (Drum.CHINA,)),
    ("SP", (Drum.SPLASH,)),
    ("RD", (Drum.RIDE,)),
    ("RB", (Drum.RIDE_BELL,)),
    ("HH", (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN)),
    ("CB", (Drum.COWBELL,)),
    ("TB", (Drum.TAMBOURINE,)),
    ("SK", (Drum.SHAKER,)),
    ("CL", (Drum.CLAP,)),
    ("T1", (Drum.TOM_HIGH,)),
    ("T2", (Drum.TOM_MID,)),
    ("SD", (Drum.SNARE,)),
    ("RS", (Drum.SNARE_RIM,)),
    ("SS", (Drum.SIDE_STICK,)),
    ("FT", (Drum.TOM_LOW,)),
    ("BD", (Drum.KICK,)),
    ("HF", (Drum.HIHAT_PEDAL,)),
)
_DRUMS = frozenset(
    {Drum.SNARE, Drum.SNARE_RIM, Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW, Drum.KICK, Drum.HIHAT_OPEN}
)
_OTHER_LABELS: Mapping[Drum, str] = MappingProxyType(
    {
        Drum.CRASH: "C C1 CR CY CRASH CYM",
        Drum.CRASH2: "CR2 CRASH2",
        Drum.CHINA: "CN CHINA",
        Drum.SPLASH: "SPL SPLASH",
        Drum.RIDE: "R RC RI RIDE",
        Drum.RIDE_BELL: "BELL BL",
        Drum.HIHAT_CLOSED: "H HI HAT HIHAT HI-HAT HC",
        Drum.HIHAT_OPEN: "HO OH OHH",
        Drum.HIHAT_PEDAL: "FH HP PH LF HHF FHH",
        Drum.COWBELL: "COWBELL",
        Drum.TAMBOURINE: "TAMB",
        Drum.SHAKER: "SHAKER",
        Drum.CLAP: "CLAP HCL",
        Drum.TOM_HIGH: "T HT ST RT TOM TOM1 T-1",
        Drum.TOM_MID: "MT TOM2 T-2",
        Drum.TOM_LOW: "F LT T3 T4 F1 F2 FLOOR TOM3 T-3",
        Drum.SNARE: "S SN SNARE",
        Drum.SIDE_STICK: "XS SST",
        Drum.SNARE_RIM: "RIM RS",
        Drum.KICK: "B BASS K KD KICK B1 B2 BD1 BD2",
    }
)
DRUM_OF_LABEL: Mapping[str, Drum] = MappingProxyType(
    {label: drum for drum, labels in _OTHER_LABELS.items() for label in labels.split()}
    | {label: drums[0] for label, drums in ROWS}
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sign on a line means."""

    drum: Drum
    dynamic: Dynamic = Dynamic.NORMAL
    n_graces: int = 0


def sign_of(drum: Drum, dynamic: Dynamic, n_graces: int) -> str:
    """Return the sign that is written.

    >>> sign_of(Drum.HIHAT_CLOSED, Dynamic.ACCENT, 0), sign_of(Drum.SNARE, Dynamic.GHOST, 0)
    ('X', 'g')
    """
    if n_graces:
        sign = "f" if n_graces == 1 else "d"
    elif dynamic is Dynamic.GHOST:
        return "g"
    else:
        sign = "o" if drum in _DRUMS else "x"
    return sign.upper() if dynamic is Dynamic.ACCENT else sign


def meaning_of(sign: str, drum: Drum) -> Meaning | None:
    """Return what a sign on the line of a drum means, None if nobody knows."""
    accent = Dynamic.ACCENT if sign.isupper() or sign == ">" else Dynamic.NORMAL
    if drum in (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN) and sign in "oOpP":
        return Meaning(Drum.HIHAT_PEDAL if sign in "pP" else Drum.HIHAT_OPEN, accent)
    if drum is Drum.RIDE and sign in "bB":
        return Meaning(Drum.RIDE_BELL, accent)
    if drum is Drum.SNARE and sign == "@":
        return Meaning(Drum.SNARE_RIM)
    if sign in "gG":
        return Meaning(drum, Dynamic.GHOST)
    if sign in "fFdD":
        return Meaning(drum, accent, 1 if sign in "fF" else 2)
    return Meaning(drum, accent) if sign in "xXoO#@+*>rRbBsS" else None
