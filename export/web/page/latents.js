// Points that a generator of latents paints pictures of.

import { blake2b } from "./blake2b.js";
import { normals } from "./normal.js";

/** Seeds whose latents are kept. */
const KEPT = 64;
const drawn = new Map();

/** The latents of a seed's sample: those of `ganzoo/lite/latents.py`, so that it is the one of `ganzoo generate`. */
export function latentsOf(seed, index, length) {
  const key = `${seed} ${length}`;
  if (!drawn.has(key)) {
    if (drawn.size >= KEPT) drawn.clear();
    drawn.set(key, { next: normals(Number(blake2b(`(${seed}, 'latents')`, 4) >> 1n)), samples: [] });
  }
  const { next, samples } = drawn.get(key);
  while (samples.length <= index) samples.push(Float32Array.from({ length }, next));
  return samples[index];
}

/** The point at `share` of the way along the great circle, on which latents keep the length that generators know. */
export function between(start, end, share) {
  const cosine = dot(start, end) / Math.sqrt(dot(start, start) * dot(end, end));
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  if (angle < 1e-6) return start.slice();
  const [near, far] = [Math.sin((1 - share) * angle), Math.sin(share * angle)].map((part) => part / Math.sin(angle));
  return start.map((value, i) => near * value + far * end[i]);
}

function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
