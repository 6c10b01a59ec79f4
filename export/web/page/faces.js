// Faces, or whatever else a network of styles paints: walked through, changed along directions, and mixed of two.

import { save, show } from "./canvas.js";
import { Directions } from "./directions.js";
import { latentsOf } from "./latents.js";
import { ask, newestWins, remembering } from "./painter.js";
import { editOf, onTheLine, stylesOf } from "./styles.js";
import { seedOf, shuffle, Walk } from "./walk.js";
import { write } from "./words.js";

/** Layers of one face that are coarse: where two are mixed, unless one chooses. */
const COARSE = 4;
/** Codes that are kept, and small pictures. */
const KEPT = 100;

const byId = (id) => document.getElementById(id);
const panel = byId("faces");
const canvas = byId("face");
const codeOf = remembering(({ model: { parts: [mapping] }, length, seed }) =>
  ask("code", { model: mapping, latents: latentsOf(seed, 0, length) }), KEPT);
const small = remembering(paintSmall, KEPT);
let model = null;
/** Lengths of latents and of codes, and the number of styles. */
let sizes = null;
let directions = null;
let walk = null;

/** Returns a function that takes the model to use, and what the cards of both its parts say. */
export function startFaces({ failed }) {
  const paint = newestWins(() => paintFace().catch(failed));
  const paintOthers = newestWins(() => paintAllSmall().catch(failed));
  const changed = () => {
    paint();
    paintOthers();
  };
  walk = new Walk(panel, {
    nameOf: (stop) => `face ${walk.seed + stop}`,
    moved: () => (isMixing() ? changed : paint)(),
    changed,
  });
  directions = new Directions({ changed: paint });
  // What is painted beside follows when the slider is let go.
  byId("psi").addEventListener("input", paint);
  byId("psi").addEventListener("change", paintOthers);
  byId("crossing").addEventListener("input", paint);
  for (const id of ["mix", "seed-other"]) byId(id).addEventListener("input", changed);
  byId("another").addEventListener("click", () => {
    shuffle(byId("seed-other"));
    changed();
  });
  byId("save-face").addEventListener("click", () => save(canvas, fileName()));
  const take = async (chosen, mapping, synthesis) => {
    model = null;
    const found = chosen.directions ? await fetchDirections(chosen.directions) : [];
    const [, layers, length] = synthesis.input.shape;
    sizes = { latents: mapping.input.shape.at(-1), code: length, layers };
    model = chosen;
    directions.offer(found);
    Object.assign(byId("crossing"), { max: layers, value: Math.min(COARSE, layers) });
    changed();
  };
  let last = Promise.resolve();
  // One after the other: the one that is chosen last is used.
  return (...chosen) => {
    last = last.then(() => take(...chosen)).catch(failed);
  };
}

async function fetchDirections(path) {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`${path}: the server says ${response.status}`);
  return (await response.json()).directions;
}

function isMixing() {
  return byId("mix").checked;
}

async function paintFace() {
  if (!model) return;
  describe();
  const asked = model;
  const { code: length, layers } = sizes;
  const request = {
    layers,
    crossing: isMixing() ? byId("crossing").valueAsNumber : layers,
    psi: byId("psi").valueAsNumber,
    edit: editOf(directions.all, directions.amounts, length),
  };
  const other = isMixing() ? seedOf(byId("seed-other")) : null;
  const one = await codeAt(asked, walk.seed + walk.place.stop, walk.place.share);
  const codes = [one, other === null ? one : await codeAt(asked, other, 0)];
  const picture = await paintStyles(asked, stylesOf({ ...request, codes }));
  if (model !== asked) return;
  show(canvas, picture);
  byId("save-face").disabled = false;
}

/** The stops, and the two faces that are mixed, as they are without directions. */
async function paintAllSmall() {
  if (!model) return;
  const [asked, psi] = [model, byId("psi").valueAsNumber];
  const { stop, share } = walk.place;
  const mixed = [
    [byId("face-one"), { seed: walk.seed + stop, share }],
    [byId("face-other"), { seed: seedOf(byId("seed-other")), share: 0 }],
  ];
  const stops = walk.canvases.map((place, number) => [place, { seed: walk.seed + number, share: 0 }]);
  for (const [place, at] of [...(isMixing() ? mixed : []), ...stops]) {
    const picture = await small({ ...at, psi, model: asked });
    if (model !== asked) return;
    show(place, picture);
  }
}

async function paintSmall({ model: asked, seed, share, psi }) {
  const { code: length, layers } = sizes;
  const code = await codeAt(asked, seed, share);
  const edit = new Float64Array(length);
  return paintStyles(asked, stylesOf({ codes: [code, code], layers, crossing: layers, psi, edit }));
}

/** The code of a seed, at a share of the way to that of the next seed. */
async function codeAt(asked, seed, share) {
  const [start, end] = await Promise.all(
    (share ? [seed, seed + 1] : [seed]).map((one) => codeOf({ model: asked, length: sizes.latents, seed: one })),
  );
  return share ? onTheLine(start.code, end.code, share) : start.code;
}

function paintStyles({ parts: [, synthesis] }, styles) {
  return ask("sample", { model: synthesis, latents: styles });
}

function describe() {
  walk.describe();
  const psi = byId("psi").valueAsNumber;
  write("psi-said", psi.toFixed(2));
  byId("mixing").hidden = !isMixing();
  write("face-where", isMixing() ? `${where()}, mixed with face ${seedOf(byId("seed-other"))}` : where());
  canvas.ariaLabel = byId("face-where").textContent;
  const { layers } = sizes;
  const crossing = byId("crossing").valueAsNumber;
  byId("crossing").style.setProperty("--share", crossing / layers);
  const said = { 0: "All is of B", [layers]: "All is of A" }[crossing];
  write("mix-said", said ?? `The ${crossing} coarsest of ${layers} styles are of A, the finer ones of B`);
  byId("crossing").ariaValueText = byId("mix-said").textContent;
}

function where() {
  const { stop, share } = walk.place;
  const [before, after] = [walk.seed + stop, walk.seed + stop + 1];
  return { 0: `Face ${before}`, 1: `Face ${after}` }[share] ?? `Between faces ${before} and ${after}`;
}

function fileName() {
  const { stop, share } = walk.place;
  const one = Math.round(100 * (walk.seed + stop + share)) / 100;
  return `face_${one}${isMixing() ? `_with_${seedOf(byId("seed-other"))}` : ""}.png`;
}
