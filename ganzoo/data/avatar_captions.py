"""Describes an avatar in a sentence, from its labels alone: equal labels give equal sentences."""

import re
from collections.abc import Mapping

FACES = {
    "angryWithFang": "angry",
    "awe": "amazed",
    "cyclops": "one-eyed",
    "concerned": "concerned",
    "concernedFear": "worried",
    "contempt": "scornful",
    "eatingHappy": "happily eating",
    "explaining": "explaining something",
    "eyesClosed": "dreaming",
    "fear": "frightened",
    "lovingGrin": "grinning",
    "monster": "monstrous",
    "rage": "furious",
    "smile": "smiling",
    "smileBig": "smiling broadly",
    "smileLOL": "laughing",
    "smileTeethGap": "smiling through a gap between the teeth",
}
"""How a person looks, where the name of the face is not such a word itself."""
HEADS = {
    "afro": "an afro",
    "bangs": "bangs",
    "bantuKnots": "bantu knots",
    "bear": "a bear hood",
    "bun": "a bun",
    "buns": "two buns",
    "cornrows": "cornrows",
    "dreads": "dreadlocks",
    "flatTop": "a flat top",
    "flatTopLong": "a long flat top",
    "grayBun": "a gray bun",
    "grayMedium": "medium gray hair",
    "grayShort": "short gray hair",
    "hatBeanie": "a beanie",
    "hatHip": "a hat",
    "hijab": "a hijab",
    "longAfro": "a long afro",
    "longBangs": "long bangs",
    "longCurly": "long curly hair",
    "mediumBangs": "medium bangs",
    "mediumStraight": "medium straight hair",
    "mohawk": "a mohawk",
    "noHair": "no hair",
    "pomp": "a pompadour",
    "turban": "a turban",
    "twists": "twists",
}
BEARDS = {"chin": "a chin beard", "full": "a full beard", "goatee": "a goatee", "moustache": "a moustache"}
GLASSES = {"eyepatch": "an eyepatch"}
MASKS = {"medicalMask": "a medical mask", "respirator": "a respirator"}
SHIRTS = {
    "#16a085": "teal",
    "#27ae60": "green",
    "#2c6fbb": "blue",
    "#78e185": "light green",
    "#7d4fb0": "purple",
    "#8fa7df": "light blue",
    "#9aa0a6": "gray",
    "#9ddadb": "turquoise",
    "#c0392b": "red",
    "#e279c7": "pink",
    "#e67e22": "orange",
    "#e78276": "salmon",
    "#fdea6b": "yellow",
    "#ffcf77": "light orange",
}


def sentence(labels: Mapping[str, str]) -> str:
    """Describes an avatar: `A person, calm, with short hair, glasses and a goatee, in a blue shirt.`"""
    head = _kind(labels["head"])
    parts = [HEADS.get(head, f"{head} hair")]
    for label, said in (("glasses", GLASSES), ("beard", BEARDS), ("mask", MASKS)):
        kind = _kind(labels[label])
        if kind != "none":
            parts.append(said.get(kind, kind))
    face = _kind(labels["face"])
    *others, last = parts
    worn = f"{', '.join(others)} and {last}" if others else last
    how = FACES.get(face, re.sub("(?=[A-Z])", " ", face).lower())
    return f"A person, {how}, with {worn}, in a {SHIRTS[labels['shirt']]} shirt."


def _kind(name: str) -> str:
    """Strips the number of the drawing from a name: `short3` becomes `short`."""
    return name.rstrip("0123456789")
