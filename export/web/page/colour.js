// Draw with a pointer or the arrow keys; what is drawn is coloured while it is drawn.

import { pixelsOf, save, show } from "./canvas.js";
import { lineArt } from "./lineart.js";
import { Pad } from "./pad.js";
import { ask, newestWins, oncePerFrame } from "./painter.js";
import { startPalette } from "./palette.js";
import { watchPictures } from "./pictures.js";
import { SAMPLES, strokesOf } from "./samples.js";
import { INK, layLines, PAPER, render } from "./strokes.js";

const THUMBNAIL = 128;

const byId = (id) => document.getElementById(id);
const panel = byId("colour");
const canvas = byId("drawing");
const coloured = byId("coloured");
const pad = new Pad({ canvas, panel, said: byId("drawing-said"), tool, changed: () => changed() });
let model = null;
/** The network takes dabs of color. */
let takesHints = false;
let color = null;

/** Returns a function that takes the model to use, and what its card says. */
export function startColouring({ failed, worked }) {
  const colour = newestWins(() => paint().catch(failed));
  changed = oncePerFrame(() => {
    redraw();
    colour();
  });
  listen();
  startPalette({ place: byId("palette"), none: PAPER, chosen: takeColor });
  takeColor(panel.querySelector("[name=color]:checked").value);
  const take = (picture) => takePicture(picture, { failed, worked });
  watchPictures({ panel, input: byId("sheet"), zone: canvas.parentElement, take, failed });
  offerSamples();
  redraw();
  return (chosen, { output, hints = 0 }) => {
    model = chosen;
    // What there is to enlarge: the canvas is larger than what the network paints.
    coloured.dataset.size = output.shape[1];
    offerDabs(hints > 0);
    changed();
  };
}

let changed = () => {};

/** Shows the palette, or takes it away with all dabs. */
function offerDabs(offered) {
  const isFirst = offered && pad.isNew;
  takesHints = offered;
  panel.classList.toggle("hinted", offered);
  for (const part of panel.querySelectorAll(".of-hints")) part.hidden = !offered;
  if (!offered && tool().kind === "dab") choose("[name=tool][value=pen]");
  showSamples();
  if (!isFirst) return;
  // Networks with hints know thinner lines; and what dabs do is best seen.
  choose("[name=tool][value=pen]");
  takeSample(SAMPLES[0]);
}

function layers() {
  return takesHints ? ["dabs", "lines"] : ["lines"];
}

/** Networks without hints were trained on bold black shapes. */
function bold() {
  return takesHints ? 1 : 1.7;
}

function redraw() {
  render(canvas, pad.strokes, layers());
  byId("drawing-hint").hidden = byId("coloured-hint").hidden = !pad.isEmpty;
  byId("undo").disabled = !pad.canUndo;
  byId("redo").disabled = !pad.canRedo;
  byId("clear").disabled = !pad.canClear;
}

async function paint() {
  if (!model) return;
  byId("save-coloured").disabled = byId("use-coloured").disabled = pad.isEmpty;
  if (pad.isEmpty) {
    coloured.getContext("2d").clearRect(0, 0, coloured.width, coloured.height);
    byId("colour-time").textContent = "";
    return;
  }
  const picture = pixelsOf(canvas);
  const drawn = pad.strokes;
  const painted = await ask("paint", { model, ...picture }, { transfer: [picture.pixels.buffer] });
  show(coloured, painted);
  if (takesHints && byId("keep-lines").checked) layLines(coloured, drawn);
  byId("colour-time").textContent = `in ${Math.round(painted.took)} ms`;
}

function listen() {
  byId("undo").addEventListener("click", () => pad.undo());
  byId("redo").addEventListener("click", () => pad.redo());
  byId("clear").addEventListener("click", () => pad.replace([]));
  byId("save-coloured").addEventListener("click", () => save(coloured, "coloured.png"));
  byId("keep-lines").addEventListener("change", () => changed());
  byId("tools").addEventListener("change", showTool);
}

function tool() {
  const { value, dataset } = panel.querySelector("[name=tool]:checked");
  return { kind: value, width: Number(dataset.width), color };
}

function choose(place) {
  panel.querySelector(place).checked = true;
  showTool();
}

function showTool() {
  const { kind, width } = tool();
  pad.showTool(width, { pen: INK, dab: color, eraser: PAPER }[kind]);
}

/** Whoever chooses a color wants to dab with it. */
function takeColor(chosen) {
  color = chosen;
  panel.style.setProperty("--dab", chosen);
  if (takesHints && tool().kind !== "dab") choose("[name=tool][value=dab][data-usual]");
  else showTool();
}

function takePicture(picture, { failed, worked }) {
  const image = lineArt(picture);
  if (!image) {
    failed(new Error("no lines stand out from the paper in that picture."));
    return;
  }
  pad.replace([{ image, marks: { lines: INK } }]);
  worked();
}

/** Its dabs are a step of their own: they can be undone, for dabs of one's own. */
function takeSample(sample) {
  const { lines, dabs } = strokesOf(sample, bold());
  pad.replace(lines);
  if (takesHints) pad.replace([...lines, ...dabs]);
}

function offerSamples() {
  byId("samples").append(
    ...SAMPLES.map((sample) => {
      const button = document.createElement("button");
      button.ariaLabel = button.title = sample.name;
      button.append(Object.assign(document.createElement("canvas"), { width: THUMBNAIL, height: THUMBNAIL }));
      button.addEventListener("click", () => takeSample(sample));
      return button;
    }),
  );
  showSamples();
}

function showSamples() {
  for (const [index, thumbnail] of [...byId("samples").querySelectorAll("canvas")].entries()) {
    const { lines, dabs } = strokesOf(SAMPLES[index], bold());
    render(thumbnail, [...lines, ...dabs], layers());
  }
}
