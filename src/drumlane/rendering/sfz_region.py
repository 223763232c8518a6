"""SFZ regions: when a region sounds and how, in numbers.

Flow: sfz_text -> **sfz_region** -> kit_sfz

Controllers stay where the file sets them (``set_cc``) and keyswitches at their default: of a hi-hat that is
opened by a pedal, the articulation that the file starts with is heard. A crossfade of velocities becomes a
switch half way. What the stage does itself (choking, the velocity curve) and what is for the eye is passed
over; opcodes that are in none of these lists are named by ``unknown_opcodes``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.kit_files import named_file
from drumlane.rendering.sfz_text import SfzRegion

DRUM_KEYS = 24  # a region on more keys than these is not mapped to drums by its key
_HEARD = """
    sample lokey hikey lovel hivel pitch_keycenter pitch_keytrack seq_length seq_position lorand hirand
    offset end volume gain group_volume master_volume global_volume amplitude transpose tune pitch trigger
    sw_last sw_default region_label group_label master_label global_label xfin_lovel xfin_hivel xfout_lovel
    xfout_hivel
"""
# Left to the stage, or to the eye.
_PASSED_OVER = """
    group off_by off_mode off_time off_shape polyphony note_polyphony note_selfmask polyphony_group
    amp_veltrack loop_mode loopmode sw_lokey sw_hikey sw_label output lochan hichan
"""
_KNOWN = frozenset((_HEARD + _PASSED_OVER).split())
_KNOWN_WITH_NUMBER = frozenset(
    {"locc", "hicc", "amplitude_oncc", "amplitude_cc", "volume_oncc", "gain_cc", "gain_oncc"}
    | {"amp_velcurve_", "amp_veltrack_oncc", "amp_veltrack_curvecc"}
)
_WITH_NUMBER = re.compile(r"\d+$")
_NOTE = re.compile(r"([a-gA-G])([#b♯♭]?)(-?\d)")
_SEMITONES_OF_LETTER: Mapping[str, int] = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_MIDDLE_C = 60
_LAST_CC = 127  # beyond it ARIA counts what a stroke was like, not where a controller stands


@dataclass(frozen=True, slots=True)
class Region:
    """One recording and the strokes that it sounds for."""

    file: Path
    keys: range  # MIDI notes; empty if the keys say nothing about the drum
    low: int  # MIDI velocity, inclusive
    high: int  # MIDI velocity, inclusive
    position: int  # in the round robin, from 1
    length: int  # of the round robin
    chance: tuple[float, float]  # part of 0..1 of a random number in which it sounds
    gain: float  # linear
    tune: float  # semitones
    keycenter: int  # the note at which it sounds as recorded
    keytrack: float  # semitones a key
    start: int  # first frame played
    end: int | None  # frame after the last one played
    names: tuple[str, ...]  # what may say which drum it is: its labels, its file, its folder

    def semitones(self, note: int | None) -> float:
        """Return how much higher than recorded it sounds on a note; on its only key it sounds as recorded."""
        if note is None or len(self.keys) < 2:
            return self.tune
        return self.tune + (note - self.keycenter) * self.keytrack


def read_region(raw: SfzRegion, folder: Path, root: Path, origin: Path) -> Region | None:
    """Return a region; None if no stroke makes it sound as the file starts.

    Args:
        raw: its opcodes.
        folder: where sample names start from.
        root: the kit's folder.
        origin: the SFZ file, for messages.

    Raises:
        DatasetError: a number is none, or the sample is missing or outside the kit.
    """
    values = _Values(raw, origin)
    sample = raw.opcodes.get("sample", "")
    if not sample or sample.startswith("*") or not _sounds(values):
        return None
    name = raw.control.get("default_path", "") + sample
    velocities = _velocities(values)
    end = values.whole("end", -2)
    length, position = values.whole("seq_length", 1), values.whole("seq_position", 1)
    return Region(
        file=named_file(name, folder, root, origin),
        keys=_keys(values),
        low=velocities[0],
        high=velocities[1],
        position=position,
        length=max(1, length, position),
        chance=(values.number("lorand", 0.0), values.number("hirand", 1.0)),
        gain=_gain(values),
        tune=values.number("transpose", 0.0) + values.number("tune", values.number("pitch", 0.0)) / 100,
        keycenter=values.note("pitch_keycenter", _MIDDLE_C),
        keytrack=values.number("pitch_keytrack", 100.0) / 100,
        start=max(0, values.whole("offset", 0)),
        end=end + 1 if end >= 0 else None,
        names=_names(raw, name),
    )


def unknown_opcodes(regions: Iterable[SfzRegion]) -> list[str]:
    """Return the opcodes that are neither heard nor passed over, the most frequent first; numbers as N."""
    counts = Counter(_numbered(opcode) for raw in regions for opcode in raw.opcodes if not _is_known(opcode))
    return [opcode for opcode, _ in counts.most_common()]


def _is_known(opcode: str) -> bool:
    return opcode in _KNOWN or _WITH_NUMBER.sub("", opcode) in _KNOWN_WITH_NUMBER


def _numbered(opcode: str) -> str:
    return _WITH_NUMBER.sub("N", opcode)


@dataclass(frozen=True, slots=True)
class _Values:
    """A region's opcodes as numbers."""

    raw: SfzRegion
    origin: Path

    def number(self, opcode: str, default: float) -> float:
        text = self.raw.opcodes.get(opcode)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            raise self._error(opcode, text, "a number") from None
        if not abs(value) < 1e9:
            raise self._error(opcode, text, "a number of a usual size")
        return value

    def whole(self, opcode: str, default: int) -> int:
        return int(self.number(opcode, default))

    def note(self, opcode: str, default: int) -> int:
        text = self.raw.opcodes.get(opcode)
        if text is None:
            return default
        named = _NOTE.fullmatch(text)
        if named is None:
            return self.whole(opcode, default)
        sharp = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(named[2], 0)
        return 12 * (int(named[3]) + 1) + _SEMITONES_OF_LETTER[named[1].lower()] + sharp

    def controller(self, number: int) -> float:
        """Return where a controller stands, 0..127."""
        control = self.raw.control
        for opcode, scale in ((f"set_cc{number}", 1.0), (f"set_hdcc{number}", 127.0)):
            if opcode in control:
                return _Values(SfzRegion(control, {}), self.origin).number(opcode, 0.0) * scale
        return {7: 100.0, 10: 64.0, 11: 127.0}.get(number, 0.0)  # volume, panorama, expression

    def of_controllers(self, *bases: str) -> Iterable[tuple[int, float]]:
        """Yield controller and value of opcodes such as ``locc4``."""
        for opcode in self.raw.opcodes:
            base = _WITH_NUMBER.sub("", opcode)
            if base in bases and base != opcode:
                yield int(opcode[len(base) :]), self.number(opcode, 0.0)

    def _error(self, opcode: str, text: str, wanted: str) -> DatasetError:
        return DatasetError(
            f"{shown(self.origin)}: {opcode}={text!r} is not {wanted}; correct it in the file"
        )


def _sounds(values: _Values) -> bool:
    """Return whether a stroke makes the region sound while controllers and keyswitches are at rest."""
    opcodes = values.raw.opcodes
    if opcodes.get("trigger", "attack") not in ("attack", "first") or values.whole("end", 0) == -1:
        return False
    if values.note("hikey", 127) < 0:  # sounds for a controller only
        return False
    if any(n <= _LAST_CC and values.controller(n) < low for n, low in values.of_controllers("locc")):
        return False
    if any(n <= _LAST_CC and values.controller(n) > high for n, high in values.of_controllers("hicc")):
        return False
    return "sw_last" not in opcodes or values.note("sw_last", 0) == values.note("sw_default", -1)


def _keys(values: _Values) -> range:
    control = _Values(SfzRegion(values.raw.control, {}), values.origin)
    shift = control.whole("note_offset", 0) + 12 * control.whole("octave_offset", 0)
    low, high = values.note("lokey", 0), values.note("hikey", 127)
    keys = range(max(0, low + shift), min(127, high + shift) + 1)
    return keys if len(keys) <= DRUM_KEYS else range(0)


def _velocities(values: _Values) -> tuple[int, int]:
    low, high = values.whole("lovel", 1), values.whole("hivel", 127)
    if "xfin_hivel" in values.raw.opcodes:
        low = max(low, (values.whole("xfin_lovel", 0) + values.whole("xfin_hivel", 0)) // 2 + 1)
    if "xfout_lovel" in values.raw.opcodes:
        high = min(high, (values.whole("xfout_lovel", 127) + values.whole("xfout_hivel", 127)) // 2)
    return low, high


def _gain(values: _Values) -> float:
    db = sum(
        values.number(opcode, 0.0)
        for opcode in ("volume", "gain", "group_volume", "master_volume", "global_volume")
    )
    for controller, depth in values.of_controllers("volume_oncc", "gain_cc", "gain_oncc"):
        db += depth * values.controller(controller) / 127
    amplitude = values.number("amplitude", 100.0) / 100
    for controller, depth in values.of_controllers("amplitude_oncc", "amplitude_cc"):
        amplitude *= depth / 100 * values.controller(controller) / 127
    return float(amplitude * 10 ** (max(-144.0, min(48.0, db)) / 20))


def _names(raw: SfzRegion, sample: str) -> tuple[str, ...]:
    labels = (raw.opcodes.get(f"{level}_label", "") for level in ("master", "group", "region"))
    path = PurePosixPath(sample.replace("\\", "/"))
    folders = [part for part in path.parts[:-1] if part not in ("/", "..", ".")]
    return (" ".join(labels), path.stem, " ".join(folders[-2:]), " ".join(folders[-1:]))
