// Pictures from files: chosen, dropped or pasted.

/**
 * Calls `take` with each picture that is given while a panel is shown.
 *
 * @param input where files are chosen
 * @param zone what is marked while a file is held over the page
 */
export function watchPictures({ panel, input, zone, take, failed }) {
  const read = async (file) => {
    if (!file) return;
    let picture = null;
    try {
      picture = await createImageBitmap(file);
    } catch {
      failed(new Error(`${file.name || "this"} can't be read as a picture.`));
      return;
    }
    take(picture);
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
