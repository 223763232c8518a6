"""Write the JSON schema of BeatSight maps that the package ships.

    python scripts/make_beatsight_schema.py

BeatSight announces a schema and never published one; this one is made from the model that reads the maps.
"""

import json
from pathlib import Path

from drumlane.formats.beatsight import beatmap

SCHEMA = Path(beatmap.__file__).with_name("schema.json")


def main() -> None:
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    print(SCHEMA)


def schema_text() -> str:
    return json.dumps(beatmap.beatmap_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
