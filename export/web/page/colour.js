// Draw with a pointer or the arrow keys; what is drawn is coloured while it is drawn.

import { pixelsOf, save, show } from "./canvas.js";
import { lineArt } from "./lineart.js";
import { ask, newestWins } from "./painter.js";
import { startPalette } from "./palette.js";
import { watchPictures } from "./pictures.js";
import { SAMPLES, strokesOf } from "./samples.js";
import { Drawing, INK, layLines, PAPER, render, SIZE, Stroke } from "./strokes.js";

const STEP = 8;
const LARGE_STEP = 40;
const THUMBNAIL = 128;

const byId = (id) => document.getElementById(id);
const panel = byId("colour");
const canvas = byId("drawing");
const coloured = byId("coloured");
const drawing = new Drawing();
const cursor = { x: SIZE / 2, y: SIZE / 2 };
/** The stroke that is being drawn, with the pointer or with the keys. */
let stroke = null;
let pointer = null;
let model = null;
/** The network takes dabs of color. */
let takesHints = false;
let color = null;

/** Returns a function that takes the model to use, and what its card says. */
export function startColouring({ failed, worked }) {
  const colour = newestWins(() => paint().catch(failed));
  changed = () => {
    if (redrawing) return;
    redrawing = true;
    requestAnimationFrame(() => {
      redrawing = false;
      redraw();
      colour();
    });
  };
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
let redrawing = false;

/** Shows the palette, or takes it away with all dabs. */
function offerDabs(offered) {
  const isFirst = offered && drawing.isNew && !stroke;
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

function strokes() {
  return stroke ? [...drawing.strokes, stroke] : drawing.strokes;
}

function redraw() {
  render(canvas, strokes(), layers());
  const empty = drawing.isEmpty && !stroke;
  byId("drawing-hint").hidden = byId("coloured-hint").hidden = !empty;
  byId("undo").disabled = !drawing.canUndo && !stroke;
  byId("redo").disabled = !drawing.canRedo || stroke !== null;
  byId("clear").disabled = drawing.isEmpty;
}

async function paint() {
  if (!model) return;
  const empty = drawing.isEmpty && !stroke;
  byId("save-coloured").disabled = byId("use-coloured").disabled = empty;
  if (empty) {
    coloured.getContext("2d").clearRect(0, 0, coloured.width, coloured.height);
    byId("colour-time").textContent = "";
    return;
  }
  const picture = pixelsOf(canvas);
  const drawn = strokes();
  const painted = await ask("paint", { model, ...picture }, { transfer: [picture.pixels.buffer] });
  show(coloured, painted);
  if (takesHints && byId("keep-lines").checked) layLines(coloured, drawn);
  byId("colour-time").textContent = `in ${Math.round(painted.took)} ms`;
}

function listen() {
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", go);
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, end);
  canvas.addEventListener("pointerleave", () => byId("drawing-cursor").classList.remove("near"));
  canvas.addEventListener("keydown", byKey);
  canvas.addEventListener("blur", () => pointer === null && finish());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=number]");
    const done = { z: event.shiftKey ? redo : undo, y: redo }[event.key.toLowerCase()];
    if ((event.ctrlKey || event.metaKey) && done && !typing && !panel.hidden) {
      event.preventDefault();
      done();
    }
  });
  byId("undo").addEventListener("click", undo);
  byId("redo").addEventListener("click", redo);
  byId("clear").addEventListener("click", () => {
    drawing.replace([]);
    changed();
  });
  byId("save-coloured").addEventListener("click", () => save(coloured, "coloured.png"));
  byId("keep-lines").addEventListener("change", () => changed());
  byId("tools").addEventListener("change", showTool);
}

function begin(event) {
  if (event.button !== 0 || pointer !== null) return;
  finish();
  pointer = event.pointerId;
  canvas.setPointerCapture(pointer);
  stroke = new Stroke(tool());
  addPoint(event);
}

function go(event) {
  byId("drawing-cursor").classList.toggle("near", event.pointerType !== "touch");
  if (pointer === null && !stroke) moveMark(placeOf(event));
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length ? events : [event]) addPoint(each);
}

function end(event) {
  if (event.pointerId !== pointer) return;
  pointer = null;
  finish();
}

function placeOf({ clientX, clientY }) {
  const box = canvas.getBoundingClientRect();
  return { x: ((clientX - box.left) / box.width) * SIZE, y: ((clientY - box.top) / box.height) * SIZE };
}

function addPoint(event) {
  Object.assign(cursor, placeOf(event));
  moveCursor();
  if (stroke.add(cursor.x, cursor.y)) changed();
}

function byKey(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in ways) {
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const [x, y] = ways[event.key];
    cursor.x = Math.min(Math.max(cursor.x + x * step, 0), SIZE);
    cursor.y = Math.min(Math.max(cursor.y + y * step, 0), SIZE);
    if (pointer === null && stroke?.add(cursor.x, cursor.y)) changed();
  } else if (event.key === " " || event.key === "Enter") {
    if (!event.repeat) penByKey();
  } else if (event.key === "Escape") {
    finish();
  } else if (event.key === "Backspace" || event.key === "Delete") {
    undo();
  } else {
    return;
  }
  event.preventDefault();
  moveCursor();
}

function penByKey() {
  if (stroke) {
    finish();
    say("Pen up");
  } else {
    stroke = new Stroke(tool());
    stroke.add(cursor.x, cursor.y);
    say("Pen down");
    changed();
  }
}

/** Keeps the stroke that is being drawn. */
function finish() {
  if (!stroke) return;
  drawing.add(stroke);
  stroke = null;
  moveCursor();
  changed();
}

function undo() {
  if (stroke) stroke = pointer = null;
  else drawing.undo();
  moveCursor();
  changed();
  say("Undone");
}

function redo() {
  if (stroke) return;
  drawing.redo();
  changed();
  say("Done again");
}

function moveCursor() {
  moveMark(cursor);
  byId("drawing-cursor").classList.toggle("down", stroke !== null);
}

/** Shows where the tool is: a mouse that only passes by does not take the keys' place along. */
function moveMark({ x, y }) {
  byId("drawing-cursor").style.setProperty("--x", x / SIZE);
  byId("drawing-cursor").style.setProperty("--y", y / SIZE);
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
  const mark = byId("drawing-cursor");
  mark.style.setProperty("--size", width / SIZE);
  mark.style.setProperty("--fill", { pen: INK, dab: color, eraser: PAPER }[kind]);
}

/** Whoever chooses a color wants to dab with it. */
function takeColor(chosen) {
  color = chosen;
  panel.style.setProperty("--dab", chosen);
  if (takesHints && tool().kind !== "dab") choose("[name=tool][value=dab][data-usual]");
  else showTool();
}

function say(text) {
  byId("drawing-said").textContent = text;
}

function takePicture(picture, { failed, worked }) {
  const image = lineArt(picture);
  if (!image) {
    failed(new Error("no lines stand out from the paper in that picture."));
    return;
  }
  finish();
  drawing.replace([{ image, marks: { lines: INK } }]);
  changed();
  worked();
}

/** Its dabs are a step of their own: they can be undone, for dabs of one's own. */
function takeSample(sample) {
  finish();
  const { lines, dabs } = strokesOf(sample, bold());
  drawing.replace(lines);
  if (takesHints) drawing.add(...dabs);
  changed();
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
