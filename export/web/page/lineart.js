// A picture of a drawing, be it scanned, photographed or drawn elsewhere, as black lines on white.

import { PAPER, SIZE } from "./strokes.js";

/** Share of the pixels that is taken for the darkest ink, however little there is of it. */
const DARKEST = 0.0005;
/** Levels from which on ink differs from paper. */
const FAINTEST = 24;
/** Of the way from paper to ink, what is still paper, and from ink to paper, what is still ink: shadows and grain. */
const GRAIN = 0.12;

/** A canvas of SIZE x SIZE with the picture in its middle; null where it has no lines. What is clear in it is paper. */
export function lineArt(picture) {
  const scale = SIZE / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const scaled = onWhite(width, height, picture, 0, 0, width, height);
  const image = scaled.getImageData(0, 0, width, height);
  if (!blacken(image.data)) return null;
  scaled.putImageData(image, 0, 0);
  return onWhite(SIZE, SIZE, scaled.canvas, (SIZE - width) >> 1, (SIZE - height) >> 1).canvas;
}

function onWhite(width, height, picture, ...place) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = PAPER;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, ...place);
  return context;
}

/** Makes RGBA grey, its ink black and its paper white; false where nothing stands out from the paper. */
function blacken(data) {
  const levels = Uint8Array.from({ length: data.length / 4 }, (_, i) => {
    return 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
  });
  const sorted = levels.slice().sort();
  const middle = sorted[sorted.length >> 1];
  const rank = Math.floor(sorted.length * DARKEST);
  // White lines on black are turned round.
  const darkest = middle < 128 ? sorted.at(-1 - rank) : sorted[rank];
  const range = middle - darkest;
  if (Math.abs(range) < FAINTEST) return false;
  for (const [index, level] of levels.entries()) {
    const lightness = ((level - darkest) / range - GRAIN) / (1 - 2 * GRAIN);
    data.fill(lightness * 255, 4 * index, 4 * index + 3);
  }
  return true;
}
