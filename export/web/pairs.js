// Networks in two parts, by what their cards say: a file that makes a code, and one that takes styles, a code a layer.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { interfaceOf, signatureOf } from "./page/card.js";
import { UsageError } from "./usage.js";

export const CODES = "latents -> code";
export const STYLES = "styles -> image";
export const DIRECTIONS = "directions.json";
const WHOLE = "latents -> image";
const FORMAT = 1;

/**
 * Parts the files of a folder, by their stems, into the two parts of a network and what else there is.
 *
 * @param source the folder, for errors
 * @param stems a map of lists of [name, entry]
 * @returns {parts, others}: null or the lists of the files of both; and the map without them, nor the same as a whole
 */
export function parted(source, stems) {
  const others = new Map(stems);
  const take = (signature) => [...stems].filter(([, [[, entry]]]) => signatureOf(entry) === signature);
  const [codes, styles] = [take(CODES), take(STYLES)];
  if (!codes.length && !styles.length) return { parts: null, others };
  if (codes.length !== 1 || styles.length !== 1) {
    const [name] = [...codes, ...styles][0][1][0];
    throw new UsageError(`${source}: ${name} is a part of a network; give a folder with its other part, and no third`);
  }
  const [[first, code], [second, style]] = [codes[0], styles[0]];
  const [{ output }, { input }] = [code, style].map(([[, entry]]) => interfaceOf(entry));
  if (output.shape.at(-1) !== input.shape.at(-1)) {
    const [given, taken] = [output, input].map(({ shape }) => shape.at(-1));
    const found = `${code[0][0]} gives codes of ${given} numbers, and ${style[0][0]} takes ${taken}`;
    throw new UsageError(`${source}: ${found}; export the network again, as a whole`);
  }
  others.delete(first);
  others.delete(second);
  // The whole is the two parts in a row.
  for (const [stem, files] of others) {
    if (signatureOf(files[0][1]) === WHOLE && originOf(files[0][1]) === originOf(style[0][1])) others.delete(stem);
  }
  return { parts: [code, style], others };
}

/** Refuses files that were exported at several steps of training, or of several runs. */
export function checkOrigin(source, entries) {
  const [[name, entry], ...rest] = Object.entries(entries);
  const other = rest.find(([, one]) => originOf(one) !== originOf(entry));
  if (!other) return;
  const found = `${name} and ${other[0]} are not of the same step of a run`;
  throw new UsageError(`${source}: ${found}; export the network again, as a whole`);
}

function originOf({ provenance }) {
  return JSON.stringify([provenance?.architecture, provenance?.recipe_sha256, provenance?.step]);
}

/** Whether a folder has a file of directions, which fit codes of `length` numbers. */
export function hasDirections(source, length) {
  const place = join(source, DIRECTIONS);
  if (!existsSync(place)) return false;
  let document = null;
  try {
    document = JSON.parse(readFileSync(place, "utf-8"));
  } catch {
    // Nor is it then what is looked for below.
  }
  if (!Array.isArray(document?.directions) || !document.directions.every(isDirection)) {
    throw new UsageError(`${place}: no file of directions; make it again, or remove it`);
  }
  if (document.format !== FORMAT) {
    throw new UsageError(`${place}: format ${document.format}; this page reads ${FORMAT}, make it again`);
  }
  const other = document.directions.find(({ vector }) => vector.length !== length);
  if (document.length !== length || other) {
    const found = other?.vector.length ?? document.length;
    throw new UsageError(`${place}: directions of ${found} numbers, where codes have ${length}; make it again`);
  }
  return document.directions.length > 0;
}

function isDirection(direction) {
  if (typeof direction?.name !== "string" || !direction.name || typeof direction.kind !== "string") return false;
  return Array.isArray(direction.vector) && direction.vector.every(Number.isFinite);
}
