"""Names: what a song is called, by its user, its file's tags or its file's name.

Flow: audio.io -> **names** -> process
"""

from dataclasses import replace
from pathlib import Path

from drumlane.audio.io import read_tags
from drumlane.song import Song

GIVEN, TAGS, FILE_NAME = "given", "file tags", "file name"
_DASH = " - "


def named(song: Path, given: Song) -> tuple[Song, str]:
    """Return the song with title and artist, and where the title is from.

    Args:
        song: the recording; ``Artist - Title.mp3`` tells both.
        given: what is known already stays.
    """
    tags = read_tags(song)
    artist, dash, title = song.stem.partition(_DASH)
    by_name = (title, artist) if dash else (song.stem, "")
    origin = GIVEN if given.title else TAGS if tags.get("title") else FILE_NAME
    return replace(
        given,
        title=given.title or tags.get("title") or by_name[0].strip(),
        artist=given.artist or tags.get("artist") or by_name[1].strip(),
        album=given.album or tags.get("album", ""),
        genre=given.genre or tags.get("genre", ""),
        audio=song,
    ), origin
