// Puts the page, its runtime and exported models into one folder that any static file server can serve.
//
//     npm run build -- --models FOLDER [--models FOLDER]… [--out FOLDER]
//
// FOLDER is what `ganzoo export` wrote. Exit status: 0 done, 2 wrong usage, 1 a failure.

import { createHash, randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { interfaceOf, signatureOf, tensorsOf } from "./page/card.js";
import { checkOrigin, CODES, DIRECTIONS, hasDirections, parted, STYLES } from "./pairs.js";
import { UsageError } from "./usage.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const CARD_VERSIONS = [1, 2];
/** What the page has a tab for. */
const SIGNATURES = ["image -> image", "latents -> image", "label and latents -> image", "image -> classes"];
/** What each accelerator is given, best first. On processors float16 takes up to four times as long (LiteRT#9663). */
const PREFERRED = {
  webgpu: ["float16", "none", "dynamic", "int8", "int16x8"],
  wasm: ["dynamic", "int8", "none", "float16", "int16x8"],
};
/** What a mapping is given: it runs once a face, and all that is painted is as exact as its code. */
const EXACT = ["float16", "none", "int16x8", "dynamic", "int8"];
/** The runtime for browsers with relaxed SIMD, and for the others. */
const RUNTIMES = ["litert_wasm_internal", "litert_wasm_compat_internal"];

function main() {
  const { models, out } = readArguments();
  const entries = models.flatMap(readFolder);
  giveDistinctFolders(entries);
  const runtime = findRuntime();
  const listed = entries.map(listedAs);
  // Built beside its place, so that a failure leaves the page that was there; under a name that is nobody else's.
  const beside = `${out}.part-${randomUUID()}`;
  try {
    cpSync(join(HERE, "page"), beside, { recursive: true });
    copyRuntime(runtime, join(beside, "runtime"));
    cpSync(join(HERE, "..", "..", "LICENSE"), join(beside, "LICENSE.txt"));
    for (const entry of entries) copyModel(entry, beside);
    writeFileSync(join(beside, "models.json"), `${JSON.stringify({ models: listed }, null, 2)}\n`);
    rmSync(out, { recursive: true, force: true });
    renameSync(beside, out);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  for (const { name, task } of listed) console.log(`${name}: ${task}`);
  console.log(out);
}

function readArguments() {
  let values;
  try {
    ({ values } = parseArgs({
      options: { models: { type: "string", multiple: true, default: [] }, out: { type: "string", default: "dist" } },
    }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  if (!values.models.length) throw new UsageError("no models: give --models FOLDER, which `ganzoo export` wrote");
  // npm runs this in the package's folder; paths are meant from where npm was called.
  const from = process.env.INIT_CWD ?? process.cwd();
  const out = values.out === "dist" ? join(HERE, "dist") : resolve(from, values.out);
  const isPage = ["page.js", "worker.js"].every((name) => existsSync(join(out, name)));
  if (existsSync(out) && !isPage && readdirSync(out).length) {
    throw new UsageError(`${out}: exists and is no page that was built here; give another --out`);
  }
  const models = values.models.map((path) => resolve(from, path));
  const within = models.find((path) => `${path}${sep}`.startsWith(`${out}${sep}`));
  if (within) throw new UsageError(`${within}: lies within ${out}, which is built anew; give another --out`);
  return { models, out };
}

/** The models of an export's folder: one, or one for each direction. */
function readFolder(source) {
  const place = join(source, "card.json");
  if (!existsSync(place)) throw new UsageError(`${source}: no card.json in it; give a folder that ganzoo export wrote`);
  const card = parseCard(place);
  const there = Object.entries(card.files).filter(([name]) => existsSync(join(source, name)));
  checkSignatures(source, there);
  const usable = there.filter(([, entry]) => runs(entry));
  const stems = groupedByStem(usable);
  if (!stems.size) {
    throw new UsageError(`${source}: no .tflite file of a fixed size with float inputs; browsers run no other`);
  }
  const { parts, others } = parted(source, stems);
  const single = [...others].map(([stem, files]) => {
    const name = stem === "generator" ? basename(source) : `${basename(source)} ${stem.replace("generator_", "")}`;
    return { source, name, task: taskOf(files[0][1]), parts: [chosen(source, files, card)] };
  });
  return parts ? [readParts(source, parts, card), ...single] : single;
}

/** The model of a network in two parts. */
function readParts(source, parts, card) {
  const [codes, styles] = parts;
  const files = [chosen(source, codes, card, { webgpu: EXACT, wasm: EXACT }), chosen(source, styles, card)];
  const names = files.flatMap(Object.values);
  checkOrigin(source, Object.fromEntries(names.map((name) => [name, card.files[name]])));
  const directions = hasDirections(source, interfaceOf(codes[0][1]).output.shape.at(-1));
  return { source, name: basename(source), task: "faces", parts: files, directions };
}

/** The file for each accelerator, which is the one that the card describes. */
function chosen(source, files, card, preferred = PREFERRED) {
  const found = Object.fromEntries(Object.keys(preferred).map((kind) => [kind, choose(files, preferred[kind])]));
  for (const file of new Set(Object.values(found))) check(join(source, file), card.files[file]);
  return found;
}

/** What the page is told of a model. */
function listedAs({ name, task, folder, parts, directions }) {
  const files = parts.length === 1 ? { files: parts[0] } : { parts: parts.map((files) => ({ folder, files })) };
  return { name, task, folder, ...files, ...(directions && { directions: `${folder}/${DIRECTIONS}` }) };
}

function checkSignatures(source, entries) {
  const other = entries.find(([, entry]) => ![...SIGNATURES, CODES, STYLES].includes(signatureOf(entry)));
  if (other) {
    const [name, entry] = other;
    const known = `${SIGNATURES.join(", ")}, and ${CODES} with ${STYLES}`;
    throw new UsageError(`${source}: ${name} is of ${signatureOf(entry)}; the page runs ${known} alone`);
  }
  const nameless = entries.find(([, entry]) => hasNoNames(interfaceOf(entry)));
  if (nameless) throw new UsageError(`${source}: ${nameless[0]} has no names of its classes to choose from`);
}

function hasNoNames({ label }) {
  return label && !label.names?.length;
}

function parseCard(place) {
  let card;
  try {
    card = JSON.parse(readFileSync(place, "utf-8"));
  } catch {
    throw new UsageError(`${place}: not the card of an exported model; copy the one beside the files`);
  }
  if (!isObject(card) || !isObject(card.files) || !Object.entries(card.files).every(isEntry)) {
    throw new UsageError(`${place}: not the card of an exported model; copy the one beside the files`);
  }
  if (!CARD_VERSIONS.includes(card.card_version)) {
    const read = CARD_VERSIONS.join(" and ");
    throw new UsageError(`${place}: card version ${card.card_version}; this page reads ${read}, export again`);
  }
  return card;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Of a file, or the folder of a SavedModel, beside the card: a path could lead to what is the page's own. */
function isEntry([name, entry]) {
  const isBeside = /^[^/\\]+$/.test(name) && !/^\.*$/.test(name);
  if (!isBeside || !isObject(entry) || (entry.format === "tflite" && !name.endsWith(".tflite"))) return false;
  return Object.values(tensorsOf(entry)).every(
    (tensors) => Array.isArray(tensors) && tensors.every(isTensor),
  );
}

function isTensor(tensor) {
  if (!isObject(tensor) || !Array.isArray(tensor.shape)) return false;
  const names = tensor.names ?? [];
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return false;
  if (tensor.kind === "label") return tensor.dtype === "int32";
  return tensor.kind !== "classes" || !names.length || names.length === tensor.shape.at(-1);
}

/** Browsers take pictures as floats alone, and no free sizes. */
function runs(entry) {
  const { input, output } = interfaceOf(entry);
  const isFloat = input.dtype === "float32" && output.dtype === "float32";
  return entry.format === "tflite" && isFloat && !input.shape.includes(null);
}

/** `generator` of `generator_dynamic.tflite`. */
function stemOf([name]) {
  return name.replace(/_(float32|float16|dynamic|int8|int16x8)\.tflite$/, "").replace(/\.tflite$/, "");
}

function groupedByStem(entries) {
  const found = new Map();
  for (const entry of entries) found.set(stemOf(entry), [...(found.get(stemOf(entry)) ?? []), entry]);
  return found;
}

function choose(files, precisions) {
  const rank = ([, { quantization }]) => precisions.indexOf(quantization);
  return [...files].sort((a, b) => rank(a) - rank(b))[0][0];
}

function taskOf(entry) {
  const { input, label, output } = interfaceOf(entry);
  if (label) return "named";
  if (input.kind === "latents") return "new";
  if (output.kind === "classes") return "classify";
  return entry.scale > 1 ? "enlarge" : "colour";
}

function check(path, entry) {
  if (createHash("sha256").update(readFileSync(path)).digest("hex") !== entry.sha256) {
    throw new UsageError(`${path}: not the file that its card.json describes; copy both again, together`);
  }
}

function giveDistinctFolders(entries) {
  const taken = new Set();
  for (const entry of entries) {
    const name = entry.name.replaceAll(/[^\w.-]+/g, "_");
    let folder = name;
    for (let number = 2; taken.has(folder); number += 1) folder = `${name}_${number}`;
    taken.add(folder);
    entry.folder = `models/${folder}`;
  }
}

function findRuntime() {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve("@litertjs/core")));
  } catch {
    throw new UsageError("@litertjs/core is not installed: run `npm ci` first");
  }
}

function copyRuntime(runtime, target) {
  mkdirSync(target, { recursive: true });
  for (const name of RUNTIMES) {
    for (const suffix of [".js", ".wasm"]) cpSync(join(runtime, "wasm", name + suffix), join(target, name + suffix));
  }
  const utils = createRequire(join(runtime, "dist", "index.js")).resolve("@litertjs/wasm-utils");
  cpSync(utils, join(target, "wasm-utils.js"));
  // Browsers don't know where packages lie.
  const code = readFileSync(join(runtime, "dist", "index.js"), "utf-8");
  const mended = code.replace('from "@litertjs/wasm-utils"', 'from "./wasm-utils.js"');
  if (mended === code) throw new Error("@litertjs/core no longer imports @litertjs/wasm-utils; mend build.js");
  writeFileSync(join(target, "litert.js"), mended);
}

function copyModel({ source, folder, parts, directions }, out) {
  mkdirSync(join(out, folder), { recursive: true });
  const needed = new Set(["card.json", ...parts.flatMap(Object.values), ...(directions ? [DIRECTIONS] : [])]);
  for (const file of needed) cpSync(join(source, file), join(out, folder, file));
}

try {
  main();
} catch (error) {
  console.error(error instanceof UsageError || error.code ? `Error: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
