// Pictures from files: chosen, dropped or pasted.

/** Pixels of what is taken as it is, about 1 GB of memory when it is enlarged; what has more is made smaller. */
const MOST = 2 ** 25;
/** Pixels of what is refused: a browser decodes all of them, even to make them fewer. */
const TOO_MANY = 2 ** 27;

/**
 * Calls `take` with each picture that is given while a panel is shown, and with what was done to it, if anything.
 *
 * @param input where files are chosen
 * @param zone what is marked while a file is held over the page
 */
export function watchPictures({ panel, input, zone, take, failed }) {
  const read = async (file) => {
    if (!file) return;
    try {
      take(...(await pictureOf(file)));
    } catch (error) {
      failed(error);
    }
  };
  input.addEventListener("change", async () => {
    await read(input.files[0]);
    // So that the same can be chosen again.
    input.value = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (panel.hidden) return;
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") read(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", ({ clipboardData }) => {
    if (!panel.hidden) read(clipboardData.files[0]);
  });
}

/** [picture, what was done to it]. Its size is looked up before it is decoded. */
async function pictureOf(file) {
  const name = file.name || "this";
  try {
    const [width, height] = await sizeOf(file);
    const area = width * height;
    if (area > TOO_MANY) {
      throw new RangeError(`${name} has ${millions(area)} million pixels; give one of at most ${millions(TOO_MANY)}.`);
    }
    const scale = Math.sqrt(MOST / area);
    if (scale >= 1) return [await createImageBitmap(file), ""];
    const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.floor(side * scale)));
    const picture = await createImageBitmap(file, { resizeWidth, resizeHeight, resizeQuality: "high" });
    return [picture, `made smaller from ${width} × ${height}`];
  } catch (error) {
    throw error instanceof RangeError ? error : new Error(`${name} can't be read as a picture.`);
  }
}

/** Width and height, from the file's beginning. */
async function sizeOf(file) {
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => Object.assign(image, { onload: resolve, onerror: reject, src: address }));
    return [image.naturalWidth, image.naturalHeight];
  } finally {
    URL.revokeObjectURL(address);
  }
}

function millions(count) {
  return Math.floor(count / 1e6);
}
