// A drawing, as what was done one after the other: so it can be undone, and drawn at any time anew.
//
// It has two layers, black lines and colored dabs, which are multiplied: lines stay black whatever is dabbed on them.

export const SIZE = 512;
export const INK = "#000000";
export const PAPER = "#ffffff";
/** What each tool leaves on which layer. */
const MARKS = {
  pen: () => ({ lines: INK }),
  dab: (color) => ({ dabs: color }),
  eraser: () => ({ lines: PAPER, dabs: PAPER }),
};

/** The steps of a drawing; each holds all strokes there are at that time. */
export class Drawing {
  #steps = [[]];
  #now = 0;

  get strokes() {
    return this.#steps[this.#now];
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  /** Nothing was ever done. */
  get isNew() {
    return this.#steps.length === 1;
  }

  get canUndo() {
    return this.#now > 0;
  }

  get canRedo() {
    return this.#now < this.#steps.length - 1;
  }

  add(...strokes) {
    this.replace([...this.strokes, ...strokes]);
  }

  replace(strokes) {
    this.#now += 1;
    this.#steps.splice(this.#now, Infinity, strokes);
  }

  undo() {
    if (this.canUndo) this.#now -= 1;
  }

  redo() {
    if (this.canRedo) this.#now += 1;
  }
}

/** A stroke by hand: a smooth line through points. */
export class Stroke {
  points = [];

  /** @param tool {kind: "pen", "dab" or "eraser", width, color} */
  constructor({ kind, width, color }) {
    this.width = width;
    this.marks = MARKS[kind](color);
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
    const [[x, y], ...rest] = this.points;
    path.moveTo(x, y);
    // Round ends make a dot of a line of hardly any length; one of none may be left out.
    if (!rest.length) path.lineTo(x + 0.1, y);
    for (const [index, [x, y]] of rest.entries()) {
      const next = rest[index + 1];
      if (next) path.quadraticCurveTo(x, y, (x + next[0]) / 2, (y + next[1]) / 2);
      else path.lineTo(x, y);
    }
    return path;
  }
}

/**
 * Shows strokes on a square canvas.
 *
 * @param layers which are shown: "dabs", "lines"
 */
export function render(canvas, strokes, layers) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.globalCompositeOperation = "source-over";
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "multiply";
  context.imageSmoothingQuality = "high";
  for (const layer of layers) context.drawImage(rendered(strokes, layer), 0, 0, canvas.width, canvas.height);
}

/** Lays lines over what a canvas shows. */
export function layLines(canvas, strokes) {
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "multiply";
  context.drawImage(rendered(strokes, "lines"), 0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "source-over";
}

const scratch = new OffscreenCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true });

function rendered(strokes, layer) {
  scratch.fillStyle = PAPER;
  scratch.fillRect(0, 0, SIZE, SIZE);
  scratch.lineCap = scratch.lineJoin = "round";
  for (const { image, path, width, fill, marks } of strokes) {
    if (!marks[layer]) continue;
    scratch.strokeStyle = scratch.fillStyle = marks[layer];
    scratch.lineWidth = width;
    if (image) scratch.drawImage(image, 0, 0);
    else if (fill) scratch.fill(path);
    else scratch.stroke(path);
  }
  return scratch.canvas;
}
