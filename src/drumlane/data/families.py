"""Families: which kits a model may learn from, which choose its thresholds and which measure it.

Kits of one family share recordings or an author, so the split is by family, never by kit. Kits under a
copyleft licence are never trained on (the weights ship under MIT); they serve validation and test.
"""

from drumlane.rendering.kits import STRICT_LICENCES, ManifestRow

# Chosen so that both sets hold acoustic and electronic kits with every lane.
VALIDATION_FAMILIES = ("becks", "millo3", "timgm", "opl3", "ossia_kit1", "ossia_lsdj")
TEST_FAMILIES = ("avl", "bja_pacific", "colombo", "millo", "artemio")


def in_training(row: ManifestRow) -> bool:
    """Whether shipped weights may learn from this file."""
    held_out = row.family in VALIDATION_FAMILIES or row.family in TEST_FAMILIES
    return row.licence_class in STRICT_LICENCES and not held_out


def in_validation(row: ManifestRow) -> bool:
    """Whether this file serves checkpoints and thresholds."""
    return row.family in VALIDATION_FAMILIES


def in_test(row: ManifestRow) -> bool:
    """Whether this file serves the reported scores on unseen kits."""
    return row.family in TEST_FAMILIES
