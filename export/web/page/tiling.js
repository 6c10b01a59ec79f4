// Pictures of any size through a network: in tiles that overlap and blend, or resized and run whole.
// The same as `ganzoo/lite/tiling.py`, which says why.

import { resize } from "./resize.js";

const OVERLAP = 64;

/** RGBA over white, as {data: Uint8Array, width, height} of three channels. */
export function rgbOf(pixels, width, height) {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; i < pixels.length; i += 4) {
    const alpha = pixels[i + 3] / 255;
    for (let c = 0; c < 3; c += 1) data[j++] = Math.round(255 + (pixels[i + c] - 255) * alpha);
  }
  return { data, width, height };
}

/** A picture of `rgbOf` as a network of one size sees it: at that size, and grey where it takes one channel. */
export function fitted({ input }, picture) {
  const [, height, width, channels] = input.shape;
  return resize(channels === 1 ? grey(picture) : picture, width, height);
}

/** What a network takes of a picture of its size. */
export function valuesOf(network, picture) {
  return cut(network, picture, 0, 0);
}

/** RGBA of a picture of `rgbOf`. */
export function rgbaOf({ data, width, height }) {
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, j = 0; j < data.length; ) {
    pixels[i++] = data[j++];
    pixels[i++] = data[j++];
    pixels[i++] = data[j++];
    pixels[i++] = 255;
  }
  return pixels;
}

/**
 * The painted picture from top to bottom, as {rgb, top, rows, width, offset in pixels, rgba()}.
 *
 * @param network of `network.js`
 * @param picture of `rgbOf`
 * @param step is told of (tiles that are done, tiles in all); what it returns says whether to stop
 */
export async function* strips(network, picture, step = () => false) {
  if (network.whole) {
    yield strip(await resizedAndBack(network, picture), 0);
    step(1, 1);
  } else {
    yield* tiled(network, picture, step);
  }
}

async function* tiled(network, picture, step) {
  const [, tileHeight, tileWidth] = network.input.shape;
  const { scale } = network;
  const grid = gcd(gcd(tileHeight, tileWidth), 8);
  const down = along(picture.height, tileHeight, grid, scale);
  const across = along(picture.width, tileWidth, grid, scale);
  const total = down.length * across.length;
  const width = across.at(-1).end;
  const visible = picture.width * scale;
  let done = 0;
  let pending = new Float32Array(0);
  for (const [index, row] of down.entries()) {
    const sums = new Float32Array((row.end - row.begin) * width * 3);
    sums.set(pending);
    for (const column of across) {
      const painted = await network.run(cut(network, picture, row.start, column.start));
      add(sums, width, painted, row, column, network);
      done += 1;
      // Lets messages in.
      await new Promise((resume) => setTimeout(resume));
      if (step(done, total)) return;
    }
    const end = down[index + 1]?.begin ?? picture.height * scale;
    const rgb = new Uint8Array((end - row.begin) * visible * 3);
    for (let y = 0; y < end - row.begin; y += 1) {
      round(sums.subarray(y * width * 3, (y * width + visible) * 3), rgb.subarray(y * visible * 3));
    }
    pending = sums.slice((end - row.begin) * width * 3);
    yield strip({ data: rgb, width: visible, height: end - row.begin }, row.begin);
  }
}

/** Tiles of `side` pixels over `length` pixels: where each is cut, and what of its output counts, by how much. */
export function along(length, side, step, scale) {
  const starts = placesOf(length, side, step);
  const ramps = starts.slice(1).map((after, index) => {
    const before = starts[index];
    const quarter = (before + side - after) / 4;
    return [(after + quarter) * scale, (before + side - quarter) * scale];
  });
  const end = (starts.at(-1) + side) * scale;
  const edges = [[0, 0], ...ramps, [end, end]];
  return starts.map((start, index) => {
    const [fadingIn, fadingOut] = [edges[index], edges[index + 1]];
    const [begin, stop] = [Math.floor(fadingIn[0]), Math.ceil(fadingOut[1])];
    const weights = Float32Array.from(
      { length: stop - begin },
      (_, i) => risen(begin + i + 0.5, fadingIn) - risen(begin + i + 0.5, fadingOut),
    );
    return { start, begin, end: stop, inside: begin - start * scale, weights };
  });
}

function placesOf(length, side, step) {
  if (length <= side) return [0];
  const last = Math.ceil((length - side) / step) * step;
  const overlap = Math.min(Math.max(Math.floor(side / 4), OVERLAP), Math.floor(side / 2));
  const count = 1 + Math.ceil(last / Math.max(side - overlap, step));
  return Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1) / step) * step);
}

function risen(place, [from, to]) {
  if (from === to) return place > from ? 1 : 0;
  return Math.min(Math.max((place - from) / (to - from), 0), 1);
}

/** A tile as the network takes it; what it lacks below and at the right is mirrored. */
function cut({ input }, { data, width, height }, top, left) {
  const [, tileHeight, tileWidth, channels] = input.shape;
  const values = new Float32Array(tileHeight * tileWidth * channels);
  let place = 0;
  for (let y = 0; y < tileHeight; y += 1) {
    const row = mirrored(top + y, height) * width;
    for (let x = 0; x < tileWidth; x += 1) {
      const pixel = (row + mirrored(left + x, width)) * 3;
      for (let c = 0; c < channels; c += 1) {
        const value = channels === 3 ? data[pixel + c] : luminance(data, pixel);
        values[place++] = (value - input.mean) / input.std;
      }
    }
  }
  return values;
}

function mirrored(place, length) {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = place % period;
  return within < length ? within : period - within;
}

function grey({ data, width, height }) {
  const levels = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) levels.fill(luminance(data, i), i, i + 3);
  return { data: levels, width, height };
}

/** In the whole numbers that Pillow computes it with. */
function luminance(data, pixel) {
  return (19595 * data[pixel] + 38470 * data[pixel + 1] + 7471 * data[pixel + 2] + 32768) >> 16;
}

function add(sums, width, painted, row, column, { output }) {
  const [, , paintedWidth, channels] = output.shape;
  for (let y = 0; y < row.end - row.begin; y += 1) {
    for (let x = 0; x < column.end - column.begin; x += 1) {
      const weight = row.weights[y] * column.weights[x];
      const from = ((row.inside + y) * paintedWidth + column.inside + x) * channels;
      const to = (y * width + column.begin + x) * 3;
      for (let c = 0; c < 3; c += 1) {
        sums[to + c] += weight * pixel(painted[from + (channels === 3 ? c : 0)], output);
      }
    }
  }
}

/** From 0 to 255, not rounded; what is not a number is black. */
function pixel(value, { std, mean }) {
  return Math.min(Math.max(value * std + mean, 0), 255) || 0;
}

function round(values, into) {
  for (let i = 0; i < values.length; i += 1) into[i] = Math.round(values[i]);
}

/** The picture at the network's size through it, and what it paints at the picture's size. */
async function resizedAndBack(network, picture) {
  const [, height, width] = network.input.shape;
  const { scale } = network;
  const painted = await network.run(valuesOf(network, fitted(network, picture)));
  const channels = network.output.shape[3];
  const data = new Uint8Array(width * height * scale * scale * 3);
  for (let i = 0; i < data.length; i += 1) {
    const from = channels === 3 ? i : Math.floor(i / 3);
    data[i] = Math.round(pixel(painted[from], network.output));
  }
  const small = { data, width: width * scale, height: height * scale };
  return resize(small, picture.width * scale, picture.height * scale);
}

function strip({ data, width, height }, top) {
  return {
    rgb: data,
    top,
    rows: height,
    width,
    offset: top * width,
    rgba: () => rgbaOf({ data, width, height }),
  };
}

function gcd(a, b) {
  return b ? gcd(b, a % b) : a;
}
