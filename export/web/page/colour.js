// Draw with a pointer or the arrow keys; what is drawn is coloured while it is drawn.

import { pixelsOf, save, show } from "./canvas.js";
import { ask, newestWins } from "./painter.js";
import { SAMPLES } from "./samples.js";
import { Drawing, PEN, render, Stroke, strokesOf } from "./strokes.js";

const STEP = 8;
const LARGE_STEP = 40;

const byId = (id) => document.getElementById(id);
const canvas = byId("drawing");
const coloured = byId("coloured");
const drawing = new Drawing();
const cursor = { x: 256, y: 256 };
/** The stroke that is being drawn, with the pointer or with the keys. */
let stroke = null;
let pointer = null;
let model = null;

/** Returns a function that takes the model to use. */
export function startColouring({ failed }) {
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
  offerSamples();
  redraw();
  return (chosen, { output }) => {
    model = chosen;
    // What there is to enlarge: the canvas is larger than what the network paints.
    coloured.dataset.size = output.shape[1];
    colour();
  };
}

let changed = () => {};
let redrawing = false;

function redraw() {
  render(canvas, [...drawing.strokes, ...(stroke ? [stroke] : [])]);
  const empty = drawing.isEmpty && !stroke;
  byId("drawing-hint").hidden = byId("coloured-hint").hidden = !empty;
  byId("undo").disabled = !drawing.canUndo && !stroke;
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
  const painted = await ask("paint", { model, ...picture }, { transfer: [picture.pixels.buffer] });
  show(coloured, painted);
  byId("colour-time").textContent = `in ${Math.round(painted.took)} ms`;
}

function listen() {
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", go);
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, end);
  canvas.addEventListener("keydown", byKey);
  canvas.addEventListener("blur", () => pointer === null && finish());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=number]");
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing && !byId("colour").hidden) {
      event.preventDefault();
      undo();
    }
  });
  byId("undo").addEventListener("click", undo);
  byId("clear").addEventListener("click", () => {
    drawing.replace([]);
    changed();
  });
  byId("save-coloured").addEventListener("click", () => save(coloured, "coloured.png"));
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
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length ? events : [event]) addPoint(each);
}

function end(event) {
  if (event.pointerId !== pointer) return;
  pointer = null;
  finish();
}

function addPoint({ clientX, clientY }) {
  const box = canvas.getBoundingClientRect();
  cursor.x = ((clientX - box.left) / box.width) * canvas.width;
  cursor.y = ((clientY - box.top) / box.height) * canvas.height;
  moveCursor();
  if (stroke.add(cursor.x, cursor.y)) changed();
}

function byKey(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in ways) {
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const [x, y] = ways[event.key];
    cursor.x = Math.min(Math.max(cursor.x + x * step, 0), canvas.width);
    cursor.y = Math.min(Math.max(cursor.y + y * step, 0), canvas.height);
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

function moveCursor() {
  const mark = byId("drawing-cursor");
  mark.style.setProperty("--x", cursor.x / canvas.width);
  mark.style.setProperty("--y", cursor.y / canvas.height);
  mark.classList.toggle("down", stroke !== null);
}

function tool() {
  return document.querySelector("input[name=pen]:checked").value;
}

function say(text) {
  byId("drawing-said").textContent = text;
}

function offerSamples() {
  byId("samples").append(
    ...SAMPLES.map((sample) => {
      const button = document.createElement("button");
      button.ariaLabel = button.title = sample.name;
      button.append(thumbnail(sample));
      button.addEventListener("click", () => {
        finish();
        drawing.replace(strokesOf(sample));
        changed();
      });
      return button;
    }),
  );
}

function thumbnail({ strokes }) {
  const picture = element("svg", { viewBox: "-8 -8 528 528", "aria-hidden": "true" });
  const line = { fill: "none", stroke: "currentcolor", "stroke-linecap": "round", "stroke-linejoin": "round" };
  for (const { path, width = PEN, fill } of strokes) {
    const look = fill ? { fill: "currentcolor" } : { ...line, "stroke-width": width };
    picture.append(element("path", { ...look, d: path }));
  }
  return picture;
}

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
