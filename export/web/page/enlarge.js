// Enlarge a picture of any size, tile by tile, and compare it with what it was.

import { pixelsOf } from "./canvas.js";
import { ask } from "./painter.js";
import { watchPictures } from "./pictures.js";

/** What every browser's canvas has room for. */
const LARGEST_SIDE = 8192;
const LARGEST_AREA = 2 ** 24;

const byId = (id) => document.getElementById(id);
let model = null;
let scale = 1;
let job = null;
let waiting = null;
let told = null;

/** Returns a function that takes the model to use, and what its card says. */
export function startEnlarging(tell) {
  told = tell;
  listen();
  return (chosen, card) => {
    model = chosen;
    scale = card.scale;
    if (waiting) enlarge(...waiting);
    waiting = null;
  };
}

function listen() {
  byId("stop").addEventListener("click", () => job?.stop());
  byId("use-coloured").addEventListener("click", async () => {
    const [resizeWidth, resizeHeight] = [byId("coloured").dataset.size, byId("coloured").dataset.size].map(Number);
    enlarge(await createImageBitmap(byId("coloured"), { resizeWidth, resizeHeight, resizeQuality: "high" }));
  });
  byId("use-emoji").addEventListener("click", () => enlarge(byId("emoji")));
  byId("split").addEventListener("input", ({ target }) => {
    byId("compare").style.setProperty("--split", `${target.value}%`);
  });
  const [panel, input, zone] = ["enlarge", "photo", "drop"].map(byId);
  watchPictures({ panel, input, zone, take: enlarge, failed: told.failed });
}

/** `done` says what was done to the picture. */
async function enlarge(picture, done = "") {
  if (!model) {
    waiting = [picture, done];
    return;
  }
  job?.stop();
  const original = pixelsOf(picture);
  const { width, height } = original;
  const reduction = reductionOf(width * scale, height * scale);
  prepare(picture, reduction, done);
  const began = performance.now();
  const own = ask("enlarge", { model, ...original }, {
    transfer: [original.pixels.buffer],
    tell: (progress) => {
      if (own !== job) return;
      if (progress.strip) showStrip(progress, reduction);
      else showProgress(progress, performance.now() - began);
    },
  });
  job = own;
  try {
    const { png } = await own;
    if (own !== job) return;
    finish(png);
    told.worked();
  } catch (error) {
    if (own === job) byId("enlarging").hidden = true;
    told.failed(error);
  }
}

function prepare(picture, reduction, done) {
  const { width, height } = picture;
  Object.assign(byId("enlarged"), {
    width: Math.ceil((width * scale) / reduction),
    height: Math.ceil((height * scale) / reduction),
  });
  // Pale, where it is not painted yet.
  const context = byId("enlarged").getContext("2d");
  context.globalAlpha = 0.3;
  context.drawImage(picture, 0, 0, byId("enlarged").width, byId("enlarged").height);
  context.globalAlpha = 1;
  const before = byId("original");
  Object.assign(before, { width, height });
  before.getContext("2d").drawImage(picture, 0, 0);
  // No larger than it is, unless it is tiny.
  byId("comparison").style.maxWidth = `${Math.max(width * scale, 320)}px`;
  byId("comparison").hidden = byId("enlarging").hidden = false;
  byId("save-enlarged").hidden = true;
  byId("tiles").value = 0;
  byId("tiles-said").textContent = "";
  const size = `${width} × ${height}${done && ` (${done})`}`;
  byId("enlarged-size").textContent = `${size} → ${width * scale} × ${height * scale}`;
}

function showStrip({ strip, top, rows, width }, reduction) {
  const image = new ImageData(strip, width, rows);
  const context = byId("enlarged").getContext("2d");
  if (reduction === 1) {
    context.putImageData(image, 0, top);
    return;
  }
  const canvas = new OffscreenCanvas(width, rows);
  canvas.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, top / reduction, width / reduction, rows / reduction);
}

function showProgress({ done, total }, elapsed) {
  byId("tiles").max = total;
  byId("tiles").value = done;
  const left = Math.round(((elapsed / done) * (total - done)) / 1000);
  byId("tiles-said").textContent = `${done} of ${total} tiles${left > 1 ? `, about ${inWords(left)} left` : ""}`;
}

function finish(png) {
  byId("enlarging").hidden = true;
  job = null;
  if (!png) return;
  const link = byId("save-enlarged");
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(png);
  link.hidden = false;
}

/** By how much what is shown must be smaller than what is saved. */
function reductionOf(width, height) {
  return Math.ceil(Math.max(width / LARGEST_SIDE, height / LARGEST_SIDE, Math.sqrt((width * height) / LARGEST_AREA)));
}

function inWords(seconds) {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
