// Composes avatars from parts that a person drew (Open Peeps by Pablo Stanley, CC0), a line of JSON for each.
//
//     node compose.js train 0 10000
//
// Each line is {"name": "train-00000", "svg": …, "labels": {…}}; the same seed gives the same avatar everywhere.

import { createHash } from "node:crypto";

import { createAvatar } from "@dicebear/core";
import * as openPeeps from "@dicebear/open-peeps";

// Twice the artist's seven and their darker sisters, so that no shirt's color can be guessed from the drawing.
const CLOTHING = [
  "e78276", "ffcf77", "fdea6b", "78e185", "9ddadb", "8fa7df", "e279c7",
  "c0392b", "e67e22", "27ae60", "16a085", "2c6fbb", "7d4fb0", "9aa0a6",
];
const OPTIONS = {
  clothingColor: CLOTHING,
  accessoriesProbability: 25,
  facialHairProbability: 15,
  maskProbability: 4,
};
const HATS = ["hatBeanie", "hatHip", "hijab", "turban"];
const NONE = "none";

const [split, start, stop] = process.argv.slice(2);
for (let number = Number(start); number < Number(stop); number++) {
  const name = `${split}-${String(number).padStart(5, "0")}`;
  // Hashed, for the random numbers of names that hardly differ are alike.
  const seed = createHash("sha256").update(`ganzoo-${name}`).digest("hex");
  const avatar = createAvatar(openPeeps, { seed, ...OPTIONS });
  const parts = avatar.toJson().extra;
  const hat = HATS.includes(parts.head);
  const labels = {
    head: parts.head,
    face: parts.face,
    glasses: parts.accessories ?? NONE,
    beard: parts.facialHair ?? NONE,
    mask: parts.mask ?? NONE,
    hat: hat ? parts.head : NONE,
    skin: parts.skinColor,
    shirt: parts.clothingColor,
    contrast: parts.headContrastColor,
  };
  process.stdout.write(JSON.stringify({ name, svg: avatar.toString(), labels }) + "\n");
}
