// Pixels in and out of canvases.

/** Shows RGBA on a canvas, which takes its size. */
export function show(canvas, { pixels, width, height }) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** RGBA of a canvas or a picture, as {pixels, width, height}. */
export function pixelsOf(source) {
  const { width, height } = source;
  let canvas = source;
  if (!(source instanceof HTMLCanvasElement)) {
    canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(source, 0, 0);
  }
  return { pixels: canvas.getContext("2d").getImageData(0, 0, width, height).data, width, height };
}

/** Hands the picture to the user as a file. */
export async function save(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
