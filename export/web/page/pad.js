// A square to draw on with a pointer or the arrow keys, stroke by stroke.

import { Drawing, SIZE, Stroke } from "./strokes.js";

const STEP = 8;
const LARGE_STEP = 40;

export class Pad {
  #canvas;
  #panel;
  #mark;
  #said;
  #tool;
  #changed;
  #drawing = new Drawing();
  #cursor = { x: SIZE / 2, y: SIZE / 2 };
  /** The stroke that is being drawn, with the pointer or with the keys. */
  #stroke = null;
  #pointer = null;

  /**
   * @param canvas what is drawn on; what shows where the tool is lies beside it, of class `cursor`
   * @param panel keys undo and redo while it is shown
   * @param said tells those who hear the page what keys did
   * @param tool gives the tool that is used, as `Stroke` takes it
   * @param changed is called when there is something else to show
   */
  constructor({ canvas, panel, said, tool, changed }) {
    this.#canvas = canvas;
    this.#panel = panel;
    this.#mark = canvas.parentElement.querySelector(".cursor");
    this.#said = said;
    this.#tool = tool;
    this.#changed = changed;
    this.#listen();
  }

  get strokes() {
    return this.#stroke ? [...this.#drawing.strokes, this.#stroke] : this.#drawing.strokes;
  }

  get isEmpty() {
    return this.#drawing.isEmpty && !this.#stroke;
  }

  /** Nothing was ever done. */
  get isNew() {
    return this.#drawing.isNew && !this.#stroke;
  }

  get canUndo() {
    return this.#drawing.canUndo || this.#stroke !== null;
  }

  get canRedo() {
    return this.#drawing.canRedo && !this.#stroke;
  }

  get canClear() {
    return !this.#drawing.isEmpty;
  }

  /** Takes other strokes in place of those that are there: a step, which can be undone. */
  replace(strokes) {
    this.#lift();
    this.#drawing.replace(strokes);
    this.#changed();
  }

  undo() {
    if (this.#stroke) this.#stroke = this.#pointer = null;
    else this.#drawing.undo();
    this.#moveCursor();
    this.#changed();
    this.#say("Undone");
  }

  redo() {
    if (this.#stroke) return;
    this.#drawing.redo();
    this.#changed();
    this.#say("Done again");
  }

  /** What the tool leaves, as the mark shows it. */
  showTool(width, color) {
    this.#mark.style.setProperty("--size", width / SIZE);
    this.#mark.style.setProperty("--fill", color);
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#go(event));
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => this.#end(event));
    canvas.addEventListener("pointerleave", () => this.#mark.classList.remove("near"));
    canvas.addEventListener("keydown", (event) => this.#byKey(event));
    canvas.addEventListener("blur", () => this.#pointer === null && this.#lift());
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("input[type=number]");
      const done = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
      if ((event.ctrlKey || event.metaKey) && done && !typing && !this.#panel.hidden) {
        event.preventDefault();
        this[done]();
      }
    });
  }

  #begin(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    this.#lift();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(this.#pointer);
    this.#stroke = new Stroke(this.#tool());
    this.#addPoint(event);
  }

  #go(event) {
    this.#mark.classList.toggle("near", event.pointerType !== "touch");
    if (this.#pointer === null && !this.#stroke) this.#moveMark(this.#placeOf(event));
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#addPoint(each);
  }

  #end(event) {
    if (event.pointerId === this.#pointer) this.#lift();
  }

  #placeOf({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    return { x: ((clientX - box.left) / box.width) * SIZE, y: ((clientY - box.top) / box.height) * SIZE };
  }

  #addPoint(event) {
    Object.assign(this.#cursor, this.#placeOf(event));
    this.#moveCursor();
    if (this.#stroke.add(this.#cursor.x, this.#cursor.y)) this.#changed();
  }

  #byKey(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const cursor = this.#cursor;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ways) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      const [x, y] = ways[event.key];
      cursor.x = Math.min(Math.max(cursor.x + x * step, 0), SIZE);
      cursor.y = Math.min(Math.max(cursor.y + y * step, 0), SIZE);
      if (this.#pointer === null && this.#stroke?.add(cursor.x, cursor.y)) this.#changed();
    } else if (event.key === " " || event.key === "Enter") {
      if (!event.repeat) this.#penByKey();
    } else if (event.key === "Escape") {
      this.#lift();
    } else if (event.key === "Backspace" || event.key === "Delete") {
      this.undo();
    } else {
      return;
    }
    event.preventDefault();
    this.#moveCursor();
  }

  #penByKey() {
    if (this.#stroke) {
      this.#lift();
      this.#say("Pen up");
    } else {
      this.#stroke = new Stroke(this.#tool());
      this.#stroke.add(this.#cursor.x, this.#cursor.y);
      this.#say("Pen down");
      this.#changed();
    }
  }

  /** Keeps the stroke that is being drawn. */
  #lift() {
    this.#pointer = null;
    if (!this.#stroke) return;
    this.#drawing.add(this.#stroke);
    this.#stroke = null;
    this.#moveCursor();
    this.#changed();
  }

  #moveCursor() {
    this.#moveMark(this.#cursor);
    this.#mark.classList.toggle("down", this.#stroke !== null);
  }

  /** Shows where the tool is: a mouse that only passes by does not take the keys' place along. */
  #moveMark({ x, y }) {
    this.#mark.style.setProperty("--x", x / SIZE);
    this.#mark.style.setProperty("--y", y / SIZE);
  }

  #say(text) {
    this.#said.textContent = text;
  }
}
