// Strokes as MNIST has its digits: white on black, scaled to a box of 20 pixels out of 28, with their mass in the middle.
//
// It is done here, of what is drawn, and not in the runner: a network's answer for a picture is for all of its pixels,
// but where on a pad one draws, how large and with which pen says nothing about what is drawn.

const SIDE = 28;
const BOX = 20;
/** Width of a line that leaves as much white as MNIST's digits have. */
const PEN = 2.6;
/** Share of the pad from which on strokes fill the box: a dot stays one. */
const SMALLEST = 0.12;
/** Larger inputs are of pictures that were not made so. */
const LARGEST = 64;
/** Places of a pixel that are looked at, across and down, for its grey. */
const FINE = 8;

/** Whether an input is taken to be of pictures as MNIST's: small, and of one channel. */
export function isLikeMnist({ shape: [, height, width, channels] }) {
  return channels === 1 && Math.max(height, width) <= LARGEST;
}

/**
 * RGBA of strokes at an input's size, as {pixels, width, height}.
 *
 * @param strokes of `strokes.js`
 * @param size the side of the square that they were drawn on
 */
export function asMnist(strokes, size, { shape: [, height, width] }) {
  const unit = Math.min(height, width) / SIDE;
  const box = boundsOf(strokes);
  const scale = ((BOX - PEN) * unit) / Math.max(box.width, box.height, SMALLEST * size);
  const draw = (x, y) => drawn(strokes, { width, height, scale, line: (PEN * unit) / scale, x, y });
  const [x, y] = massOf(draw(box.x, box.y), width, height);
  // MNIST's digits have their mass in the middle of pixel 14 of 0 to 27.
  const half = unit / 2;
  const levels = draw(box.x + (x - width / 2 - half) / scale, box.y + (y - height / 2 - half) / scale);
  const pixels = new Uint8ClampedArray(levels.length * 4);
  for (const [i, level] of levels.entries()) pixels.set([level, level, level, 255], 4 * i);
  return { pixels, width, height };
}

/** Middle and size of what the middles of lines go through. */
function boundsOf(strokes) {
  const points = strokes.flatMap(({ points }) => points);
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])));
  return { x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top };
}

/** Levels of the strokes, whose point (x, y) comes to the middle. */
function drawn(strokes, { width, height, scale, line, x, y }) {
  const context = new OffscreenCanvas(width * FINE, height * FINE).getContext("2d", { willReadFrequently: true });
  context.scale(FINE, FINE);
  context.translate(width / 2, height / 2);
  context.scale(scale, scale);
  context.translate(-x, -y);
  Object.assign(context, { strokeStyle: "#ffffff", lineWidth: line, lineCap: "round", lineJoin: "round" });
  for (const { path } of strokes) context.stroke(path);
  const { data } = context.getImageData(0, 0, width * FINE, height * FINE);
  const sums = new Float64Array(width * height);
  for (let row = 0, i = 3; row < height * FINE; row += 1) {
    const start = Math.floor(row / FINE) * width;
    for (let column = 0; column < width * FINE; column += 1, i += 4) sums[start + Math.floor(column / FINE)] += data[i];
  }
  return sums.map((sum) => sum / FINE ** 2);
}

/** Where the middle of the mass is. */
function massOf(levels, width, height) {
  let [mass, across, down] = [0, 0, 0];
  for (let i = 0; i < width * height; i += 1) {
    mass += levels[i];
    across += levels[i] * ((i % width) + 0.5);
    down += levels[i] * (Math.floor(i / width) + 0.5);
  }
  return [across / mass, down / mass];
}
