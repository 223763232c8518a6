"""Piece words: the words in the names of samples, brought to one form.

Flow: a name -> **piece_words** -> piece_names

``HatClosed-Hard``, ``hi-hat closed (2)`` and ``chh`` all hold the words ``hat`` and ``closed``.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

# Canonical words <- words as they are found. Two words may stand for one ("hi hat", "side stick").
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "kick": "kick kicks kik kck kickdrum kdrum bassdrum bdrum",
        "snare": "snare snares snr snaredrum sdrum",
        "hat": "hat hats hihat hihats hh hhat hhats highhat highhats",
        "hat closed": "chh hhc hhcl",
        "hat open": "ohh hho hhop",
        "hat pedal": "phh hhp hhf",
        "tom": "tom toms tomtom",
        "tom high": "htom hitom tomhi",
        "tom mid": "mtom",
        "tom low": "ltom lotom tomlo",
        "tom floor": "ftom",
        "tom rack": "rtom",
        "crash": "crash crashes crsh",
        "ride": "ride rides flatride",
        "ride bell": "ridebell",
        "splash": "splash splashes splsh",
        "china": "china chinas chinese",
        "cymbal": "cymbal cymbals cym",
        "bell": "bell cup dome",
        "clap": "clap claps handclap handclaps clp",
        "cowbell": "cowbell cowbells",
        "tambourine": "tambourine tambourin tamborine tamb tambo",
        "shaker": "shaker shakers maraca maracas cabasa",
        "percussion": "agogo belltree bongo bongos cajon castanet castanets clave claves conga congas cuica "
        "djembe gong guiro jingle jinglebell jinglebells quinto sleigh sleighbell surdo tabla timbale "
        "timbales triangle tumba vibraslap whistle wblock woodblock woodblocks",
        "sidestick": "sidestick xstick crossstick rimclick clickrim",
        "stick": "stick",
        "rim": "rim rimshot rimshots stickshot",
        "open": "open opened opn",
        "half": "half semi loose sizzle quarter quarters slosh sloshy swish washy",
        "closed": "closed close clsd tight",
        "pedal": "pedal foot chick chik stomp stmp ped",
        "high": "high hi upper",
        "mid": "mid middle",
        "low": "low lo lower",
        "floor": "floor",
        "rack": "rack",
        "mic": "mic mics",
    }
)
# Abbreviations that mean other things as well (OH: overhead, CL: clave): heard if nothing clearer is there.
SHORT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "bd": "kick",
        "kd": "kick",
        "sd": "snare",
        "sn": "snare",
        "rs": "rim",
        "ch": "hat closed",
        "oh": "hat open",
        "ph": "hat pedal",
        "lt": "tom low",
        "mt": "tom mid",
        "ht": "tom high",
        "ft": "tom floor",
        "t": "tom",
        "cr": "crash",
        "cra": "crash",
        "rd": "ride",
        "cy": "cymbal",
        "cp": "clap",
        "cb": "cowbell",
        "lc": "percussion",
        "mc": "percussion",
        "hc": "percussion",
        "cl": "percussion",
    }
)
_OTHER_STROKES = """
    roll rolls buzz flam flams drag drags ruff ruffs choke choked chokes swell swells loop loops groove fill
    fills stir stirs sweep sweeps swirl swirls scrape scratch release releases switch silence grab
"""
NOT_ONE_STROKE = frozenset(_OTHER_STROKES.split())
_FILLERS = ("hit", "shot", "acoustic", "electric")  # in words run together, as in "snarehit"
_CANONICAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {word: tuple(meant.split()) for meant, found in _WORDS.items() for word in found.split()}
)
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBERED_TAKE = re.compile(r"\(\d+\)")  # "tom (3)" is the third take of a tom


def tokens_of(name: str) -> list[str]:
    """Return the words and numbers of a name in lower case; the number of a take is left out.

    >>> tokens_of("HiHat Closed (2)"), tokens_of("808_KickLong3")
    (['hi', 'hat', 'closed'], ['808', 'kick', 'long', '3'])
    """
    return [token.lower() for token in _TOKEN.findall(_NUMBERED_TAKE.sub(" ", name))]


def canonical_words(tokens: Sequence[str], more: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return canonical words, and in between what is none; microphones and "snares on" are left out.

    Args:
        tokens: of a name.
        more: words to know beside those of this module.

    >>> canonical_words(tokens_of("kickmic_closedhat_05"))
    ['closed', 'hat', '05']
    """
    words: list[str] = []
    at = 0
    while at < len(tokens):
        pair = "".join(tokens[at : at + 2])
        if pair in ("snareson", "snaresoff"):
            at += 2
            continue
        both = at + 1 < len(tokens) and not pair[-1].isdigit() and pair in _CANONICAL
        found = pair if both else tokens[at]
        words += _CANONICAL.get(found) or tuple(more.get(found, "").split()) or _split(found) or (found,)
        if words[-1] == "mic":  # the microphone at the kick hears the whole kit
            del words[-2:]
        at += 2 if both else 1
    return [word for word in words if len(word) <= 3 or not word.endswith("mic")]


@lru_cache(maxsize=4096)
def _split(token: str) -> tuple[str, ...]:
    """Return the words that were run together in a token (``closedhat``); nothing unless they fill it."""
    for length in range(len(token) - 1, 2, -1):
        head, tail = token[:length], token[length:]
        if head not in _CANONICAL and head not in _FILLERS:
            continue
        rest = _CANONICAL.get(tail) or ((tail,) if tail in _FILLERS else _split(tail))
        if rest:
            return (*_CANONICAL.get(head, ()), *rest)
    return ()
