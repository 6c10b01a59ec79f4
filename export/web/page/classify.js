// Draw, or open a picture: what a network takes it for, while it is drawn.

import { namesOf, ranked } from "./answers.js";
import { pixelsOf, show } from "./canvas.js";
import { asMnist, isLikeMnist } from "./mnist.js";
import { Pad } from "./pad.js";
import { ask, newestWins, oncePerFrame } from "./painter.js";
import { watchPictures } from "./pictures.js";
import { INK, PAPER, render, SIZE } from "./strokes.js";
import { write } from "./words.js";

/** The most classes that are shown. */
const BARS = 10;
const PEN = 40;

const byId = (id) => document.getElementById(id);
const panel = byId("classify");
const canvas = byId("sketch");
const seen = byId("seen");
let changed = () => {};
const tool = () => ({ kind: "pen", width: PEN });
const pad = new Pad({ canvas, panel, said: byId("sketch-said"), tool, changed: () => changed() });
/** What was opened, until something is drawn in its place. */
let picture = null;
let model = null;
let input = null;
let names = [];

/** Returns a function that takes the model to use, and what its card says. */
export function startClassifying({ failed, worked }) {
  const classify = newestWins(() => tell().catch(failed));
  changed = oncePerFrame(() => {
    redraw();
    classify();
  });
  pad.showTool(PEN, INK);
  byId("sketch-undo").addEventListener("click", () => pad.undo());
  byId("sketch-clear").addEventListener("click", clear);
  const take = (given) => {
    clear();
    picture = given;
    worked();
  };
  watchPictures({ panel, input: byId("picture"), zone: canvas.parentElement, take, failed });
  redraw();
  return (chosen, card) => {
    model = chosen;
    input = card.input;
    names = namesOf(card.output);
    offerRows();
    byId("sketch-hint").textContent = names.length > BARS ? "Draw here" : `Draw one of ${names.join(", ")}`;
    const [, height, width] = input.shape;
    byId("seen-size").textContent = `${width} × ${height}`;
    changed();
  };
}

function clear() {
  forgetPicture();
  if (!pad.isEmpty) pad.replace([]);
  changed();
}

function forgetPicture() {
  picture?.close();
  picture = null;
}

function redraw() {
  if (!pad.isEmpty) forgetPicture();
  render(canvas, picture ? [{ image: onPaper(picture), marks: { lines: INK } }] : pad.strokes, ["lines"]);
  byId("sketch-hint").hidden = !isNothing();
  byId("sketch-undo").disabled = !pad.canUndo;
  byId("sketch-clear").disabled = isNothing();
}

function isNothing() {
  return pad.isEmpty && !picture;
}

/** The whole picture in the middle of a sheet. */
function onPaper({ width, height }) {
  const sheet = new OffscreenCanvas(SIZE, SIZE).getContext("2d");
  const scale = SIZE / Math.max(width, height);
  sheet.fillStyle = PAPER;
  sheet.fillRect(0, 0, SIZE, SIZE);
  sheet.imageSmoothingQuality = "high";
  const place = [(SIZE - width * scale) / 2, (SIZE - height * scale) / 2, width * scale, height * scale];
  sheet.drawImage(picture, ...place);
  return sheet.canvas;
}

async function tell() {
  if (!model) return;
  if (isNothing()) {
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    showShares(names.map(() => null));
    return;
  }
  const [asked, given] = [model, whatIsGiven()];
  const { shares, ...what } = await ask("classify", { model, ...given }, { transfer: [given.pixels.buffer] });
  if (model !== asked) return;
  show(seen, what);
  showShares(shares);
}

/** RGBA. What is opened is given as it is: it is the same as what the runner is given of a file. */
function whatIsGiven() {
  if (picture) return pixelsOf(picture);
  return isLikeMnist(input) ? asMnist(pad.strokes, SIZE, input) : pixelsOf(canvas);
}

/** A row for each class; of many classes as many as are shown. */
function offerRows() {
  const rows = Array.from({ length: Math.min(names.length, BARS) }, () => byId("bar").content.cloneNode(true));
  byId("bars").replaceChildren(...rows);
  byId("more-classes").hidden = names.length <= BARS;
  byId("more-classes").textContent = `The ${BARS} largest of ${names.length} classes`;
  showShares(names.map(() => null));
}

/** The classes in order, of many the largest first. `shares` are null where nothing was asked. */
function showShares(shares) {
  const [best] = ranked(shares);
  const isAsked = shares[best] !== null;
  const shown = names.length > BARS ? ranked(shares) : [...names.keys()];
  for (const [place, row] of [...byId("bars").rows].entries()) {
    const number = shown[place];
    const share = shares[number];
    row.classList.toggle("best", isAsked && number === best);
    row.querySelector("th").textContent = row.querySelector("th").title = names[number];
    row.querySelector(".bar").style.setProperty("--share", share ?? 0);
    row.querySelector("data").value = share ?? "";
    row.querySelector("data").textContent = isAsked ? `${(100 * share).toFixed(1)} %` : "";
  }
  write("guess", isAsked ? names[best] : "");
  write("guess-said", !isAsked ? "" : shares[best] < 0.5 ? "Perhaps" : "Looks like");
}
