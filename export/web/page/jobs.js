// What the worker can be asked for.

import { softmax } from "./answers.js";
import { openNetwork } from "./network.js";
import { encodePng } from "./png.js";
import { fitted, rgbaOf, rgbOf, strips, valuesOf } from "./tiling.js";

const networks = new Map();

/** Loads a model, in however many parts; says on what the last runs. Progress: {received, total} in bytes. */
export async function open({ model }, { tell }) {
  const networks = [];
  for (const part of model.parts ?? [model]) networks.push(await opened(part, tell));
  return { runsOn: networks.at(-1).runsOn, files: networks.map(({ file }) => file) };
}

/** A picture of the size of `pixels`, times the model's scale, as RGBA. */
export async function paint({ model, pixels, width, height }) {
  const network = await opened(model);
  const start = performance.now();
  const { scale } = network;
  const painted = new Uint8ClampedArray(width * height * scale * scale * 4);
  for await (const strip of strips(network, rgbOf(pixels, width, height))) painted.set(strip.rgba(), strip.offset * 4);
  return result({ pixels: painted, width: width * scale, height: height * scale, took: performance.now() - start });
}

/** As `paint`, but strip by strip, and as a PNG at the end. Progress: {strip} or {done, total} in tiles. */
export async function enlarge({ model, pixels, width, height }, { tell, stopped }) {
  const network = await opened(model);
  const { scale } = network;
  const picture = rgbOf(pixels, width, height);
  async function* rows() {
    const all = strips(network, picture, (done, total) => {
      tell({ done, total });
      return stopped();
    });
    for await (const strip of all) {
      const rgba = strip.rgba();
      tell({ strip: rgba, top: strip.top, rows: strip.rows, width: strip.width }, [rgba.buffer]);
      yield strip.rgb;
    }
  }
  const png = await encodePng(rows(), width * scale, height * scale);
  return png && !stopped() ? { png } : {};
}

/** The picture of a latent or of styles, and of a class by its number where the model is told one, as RGBA. */
export async function sample({ model, latents, label }) {
  const network = await opened(model);
  const start = performance.now();
  const picture = network.toRgba(await network.run(latents, label));
  return result({ ...picture, took: performance.now() - start });
}

/** The code of a latent: a Float32Array. */
export async function code({ model, latents }) {
  return { code: await (await opened(model)).run(latents) };
}

/** The share of each class, in the order of their numbers; and the picture as the network sees it, as RGBA. */
export async function classify({ model, pixels, width, height }) {
  const network = await opened(model);
  const seen = fitted(network, rgbOf(pixels, width, height));
  const logits = await network.run(valuesOf(network, seen));
  if (!logits.every(Number.isFinite)) throw new Error("the network gives what is not a number; export or train it again.");
  return result({ shares: softmax(logits), pixels: rgbaOf(seen), width: seen.width, height: seen.height });
}

function opened(model, tell = () => {}) {
  const key = `${model.folder}/${model.files.wasm}`;
  if (!networks.has(key)) {
    const opening = openNetwork(model, tell);
    networks.set(key, opening);
    // So that it can be tried again.
    opening.catch(() => networks.delete(key));
  }
  return networks.get(key);
}

function result({ pixels, ...rest }) {
  return { pixels, ...rest, transfer: [pixels.buffer] };
}
