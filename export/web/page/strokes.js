// A drawing, as what was done one after the other: so it can be undone, and drawn at any time anew.

const INK = "#000000";
const PAPER = "#ffffff";
export const PEN = 24;
export const ERASER = 56;

/** The steps of a drawing; each holds all strokes there are at that time. */
export class Drawing {
  #steps = [[]];

  get strokes() {
    return this.#steps.at(-1);
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  get canUndo() {
    return this.#steps.length > 1;
  }

  add(stroke) {
    this.#steps.push([...this.strokes, stroke]);
  }

  replace(strokes) {
    this.#steps.push(strokes);
  }

  undo() {
    if (this.canUndo) this.#steps.pop();
  }
}

/** A stroke by hand: a smooth line through points. */
export class Stroke {
  points = [];

  constructor(tool) {
    this.erases = tool === "eraser";
    this.width = this.erases ? ERASER : Number(tool);
  }

  /** Adds a point; whether the line grew by it. */
  add(x, y) {
    const [lastX, lastY] = this.points.at(-1) ?? [];
    if (x === lastX && y === lastY) return false;
    this.points.push([x, y]);
    return true;
  }

  get path() {
    const path = new Path2D();
    const [first, ...rest] = this.points;
    path.moveTo(...first);
    // Round ends make a dot of a line without length.
    if (!rest.length) path.lineTo(...first);
    for (const [index, [x, y]] of rest.entries()) {
      const next = rest[index + 1];
      if (next) path.quadraticCurveTo(x, y, (x + next[0]) / 2, (y + next[1]) / 2);
      else path.lineTo(x, y);
    }
    return path;
  }
}

/** Strokes of `samples.js`. */
export function strokesOf({ strokes }) {
  return strokes.map(({ path, width = PEN, fill = false }) => ({ path: new Path2D(path), width, fill, erases: false }));
}

export function render(canvas, strokes) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.lineCap = context.lineJoin = "round";
  for (const { path, width, fill, erases } of strokes) {
    context.strokeStyle = context.fillStyle = erases ? PAPER : INK;
    context.lineWidth = width;
    if (fill) context.fill(path);
    else context.stroke(path);
  }
}
