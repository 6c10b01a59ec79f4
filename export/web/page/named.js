// The class that is named: of letters a word in one style, of other classes samples of one.

import { namesOf } from "./answers.js";
import { save, show } from "./canvas.js";
import { between, latentsOf } from "./latents.js";
import { ask, newestWins, remembering } from "./painter.js";
import { areLetters, spelled } from "./text.js";
import { Walk } from "./walk.js";
import { write } from "./words.js";

/** Samples of a class, in how many columns, and the pixels between them: as `ganzoo generate` lays them out. */
const SAMPLES = 16;
const COLUMNS = 4;
const GAP = 4;
/** Pictures that are kept, so that what was there is there at once. */
const KEPT = 600;

const byId = (id) => document.getElementById(id);
const panel = byId("named");
const canvas = byId("painted");
const cell = remembering(paintCell, KEPT);
let model = null;
let card = null;
let names = [];
let walk = null;

/** Returns a function that takes the model to use, and what its card says. */
export function startNamed({ failed }) {
  const paint = newestWins(() => paintSheet().catch(failed));
  const paintStops = newestWins(() => paintAllStops().catch(failed));
  const changed = () => {
    paintStops();
    paint();
  };
  walk = new Walk(panel, { nameOf: (stop) => `${style()} ${walk.seed + stop}`, moved: paint, changed });
  for (const id of ["text", "classes", "wild"]) byId(id).addEventListener("input", changed);
  byId("save-painted").addEventListener("click", () => save(canvas, fileName()));
  return (chosen, described) => {
    [model, card] = [chosen, described];
    names = namesOf(card.label);
    offerClasses();
    changed();
  };
}

function style() {
  return areLetters(names) ? "font" : "set";
}

/** A field for a text where the classes are letters, else the classes to choose from. */
function offerClasses() {
  for (const part of panel.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== style();
  if (areLetters(names)) {
    if (spelled(byId("text").value, names).lines.flat().every((label) => label === null)) {
      byId("text").value = names.slice(0, 6).join("");
    }
    return;
  }
  const chips = names.map((name, number) => {
    const chip = byId("chip").content.cloneNode(true);
    Object.assign(chip.querySelector("input"), { value: number, checked: number === 0 });
    chip.querySelector("span").textContent = name;
    return chip;
  });
  byId("classes").replaceChildren(...chips);
}

/** The lines to paint: at each place a class and which of the seed's samples, or null. */
function sheet() {
  if (areLetters(names)) {
    const { lines } = spelled(byId("text").value, names);
    return lines.map((line) => line.map((label) => label === null ? null : { label, sample: 0 }));
  }
  const label = Number(byId("classes").querySelector(":checked").value);
  return Array.from({ length: SAMPLES / COLUMNS }, (_, row) =>
    Array.from({ length: COLUMNS }, (_, column) => ({ label, sample: row * COLUMNS + column })),
  );
}

async function paintSheet() {
  if (!model) return;
  const [asked, lines, { stop, share }] = [model, sheet(), walk.place];
  const at = { seed: walk.seed + stop, share, wild: Number(byId("wild").value) / 100 };
  describe(at);
  const painted = (place) => place && cell({ ...place, ...at, model: asked });
  const pictures = await Promise.all(lines.map((line) => Promise.all(line.map(painted))));
  if (model === asked) layOut(pictures);
}

async function paintAllStops() {
  if (!model) return;
  const asked = model;
  const label = sheet().flat().find(Boolean)?.label ?? 0;
  const wild = Number(byId("wild").value) / 100;
  for (const [stop, small] of walk.canvases.entries()) {
    const picture = await cell({ label, sample: 0, seed: walk.seed + stop, share: 0, wild, model: asked });
    if (model !== asked) return;
    show(small, picture);
  }
}

/** The picture of a class at a share of the way from a seed's sample to the next seed's. */
function paintCell({ model: asked, label, sample, seed, share, wild }) {
  const [start, end] = [seed, seed + 1].map((one) => latentsOf(one, sample, card.input.shape.at(-1)));
  const latents = between(start, end, share).map((value) => wild * value);
  return ask("sample", { model: asked, latents, label });
}

/** Letters stand side by side, samples a little apart, on white. */
function layOut(lines) {
  const gap = areLetters(names) ? 0 : GAP;
  const [, height, width] = card.output.shape;
  const columns = Math.max(1, ...lines.map((line) => line.length));
  canvas.width = gap + columns * (width + gap);
  canvas.height = gap + Math.max(1, lines.length) * (height + gap);
  canvas.style.setProperty("--columns", columns);
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const [row, line] of lines.entries()) {
    for (const [column, picture] of line.entries()) {
      if (!picture) continue;
      const pixels = new ImageData(picture.pixels, width, height);
      context.putImageData(pixels, gap + column * (width + gap), gap + row * (height + gap));
    }
  }
  byId("save-painted").disabled = !lines.flat().some(Boolean);
}

function describe({ seed, share, wild }) {
  walk.describe();
  const between = `Between ${style()}s ${seed} and ${seed + 1}`;
  const where = { 0: `${style()} ${seed}`, 1: `${style()} ${seed + 1}` }[share] ?? between;
  byId("painted-where").textContent = where[0].toUpperCase() + where.slice(1);
  byId("wild").ariaValueText = `${Math.round(100 * wild)} per cent`;
  const unknown = areLetters(names) ? spelled(byId("text").value, names).unknown : [];
  write("text-said", unknown.length ? toldOf(unknown) : "");
  canvas.ariaLabel = `${wanted()}, painted`;
}

function toldOf(unknown) {
  const listed = unknown.map((sign) => `“${sign}”`).join(", ");
  const known = names.length > 12 ? `${names[0]} to ${names.at(-1)}` : names.join(", ");
  return `Left empty: ${listed}. This network knows ${known}.`;
}

/** The text, or the class. */
function wanted() {
  return areLetters(names) ? byId("text").value.trim() : names[byId("classes").querySelector(":checked").value];
}

function fileName() {
  const { stop, share } = walk.place;
  const name = `${wanted()} ${style()} ${Math.round(100 * (walk.seed + stop + share)) / 100}`;
  return `${name.replaceAll(/[^\p{L}\p{N}.-]+/gu, "_")}.png`;
}
