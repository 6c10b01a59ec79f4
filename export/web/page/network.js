// A model that is ready to run: from numbers to numbers, on WebGPU where that is as good as the processor.

import { interfaceOf } from "./card.js";
import { loadAndCompile, loadLiteRt, Tensor } from "./runtime/litert.js";

/** Difference from which on a GPU is held to be wrong: 30 dB. */
const WRONG = 1 / 10 ** 3;

let runtime = null;
let turn = Promise.resolve();

/**
 * @param model an entry of models.json, or one of its parts: with `folder` and `files`
 * @param tell is told of {received, total}, in bytes
 */
export async function openNetwork({ folder, files }, tell) {
  const base = new URL(`${folder}/`, self.location);
  const [card, litert] = await Promise.all([fetchJson(new URL("card.json", base)), loadRuntime()]);
  const hasGpu = Boolean(litert.getWebGpuDevice());
  const kept = {};
  const fetched = (file) => (kept[file] ??= fetchBytes(new URL(file, base), tell));
  if (hasGpu) {
    const onGpu = await onGpuIfGood(await fetched(files.webgpu), files.webgpu, card);
    if (onGpu) return onGpu;
  }
  const onCpu = await compiled(await fetched(files.wasm), files.wasm, card, "wasm");
  // The first run prepares much.
  await tried(onCpu);
  return onCpu;
}

async function loadRuntime() {
  runtime ??= loadLiteRt(new URL("runtime/", self.location).href);
  try {
    return await runtime;
  } catch (error) {
    runtime = null;
    throw error;
  }
}

/** Null where the GPU does not take the whole network, gives something else than the processor, or takes longer. */
async function onGpuIfGood(bytes, file, card) {
  const onCpu = await compiled(bytes, file, card, "wasm");
  let network = null;
  try {
    const expected = await tried(onCpu);
    network = await compiled(bytes, file, card, "webgpu");
    if (!network.isWholly) throw new Error("it does not take all of it");
    const found = await tried(network);
    const isSame = difference(found.given, expected.given, network.output) < WRONG;
    if (!isSame) throw new Error("it gives something else");
    if (found.took > expected.took) throw new Error("it is slower than the processor");
    return network;
  } catch (error) {
    console.info(`${file}: not run on WebGPU: ${error.message}`);
    network?.delete();
    return null;
  } finally {
    onCpu.delete();
  }
}

/** What it gives, and how long it takes, in milliseconds, when it is warm. */
async function tried(network) {
  const input = probe(network.input.shape);
  await network.run(input);
  const start = performance.now();
  const given = await network.run(input);
  return { given, took: performance.now() - start };
}

async function compiled(bytes, file, card, accelerator) {
  const model = await loadAndCompile(bytes, { accelerator });
  const { signature, input, label, output, scale, any_size } = interfaceOf(card.files[file]);
  const [, height, width, channels] = output.shape;
  async function run(values, number) {
    const given = { [input.name]: new Tensor(values, input.shape) };
    if (label) given[label.name] = new Tensor(Int32Array.of(number), label.shape);
    let results = {};
    try {
      results = await model.run(signature, given);
      return await results[output.name].data();
    } finally {
      for (const tensor of [...Object.values(given), ...Object.values(results)]) tensor.delete();
    }
  }
  return {
    runsOn: accelerator === "webgpu" ? "WebGPU" : "CPU",
    isWholly: model.isFullyAccelerated,
    file,
    input,
    output,
    scale,
    whole: any_size === "whole",
    /** Takes a Float32Array, and the number of a class where there is a label; gives a Float32Array. One at a time. */
    run(values, number = 0) {
      const result = turn.then(() => run(values, number));
      turn = result.catch(() => {});
      return result;
    },
    delete: () => model.delete(),
    toRgba(values) {
      const pixels = new Uint8ClampedArray(width * height * 4);
      for (let i = 0; i < width * height; i += 1) {
        for (let c = 0; c < 3; c += 1) {
          pixels[4 * i + c] = values[channels * i + (channels === 3 ? c : 0)] * output.std + output.mean;
        }
        pixels[4 * i + 3] = 255;
      }
      return { pixels, width, height };
    },
  };
}

/** Numbers that look like a picture or a latent: a smooth wave between -1 and 1. */
function probe(shape) {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i / 7));
}

/** Squared difference: of pictures by their range, of other values by their power. NaN where one is not a number. */
function difference(values, others, { kind, std }) {
  const errors = values.reduce((sum, value, i) => sum + (value - others[i]) ** 2, 0);
  const squares = others.reduce((sum, value) => sum + value ** 2, 0);
  const power = kind === "image" ? others.length * (255 / std) ** 2 : squares;
  return errors / power;
}

async function fetchJson(url) {
  return (await answer(url)).json();
}

async function fetchBytes(url, tell) {
  const response = await answer(url);
  const total = Number(response.headers.get("content-length")) || 0;
  const parts = [];
  let received = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    received += value.length;
    tell({ received, total: Math.max(total, received) });
  }
  const bytes = new Uint8Array(received);
  let place = 0;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
}

async function answer(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: the server says ${response.status}`);
  return response;
}
