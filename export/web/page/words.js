// What is written into the page.

/** Writes what is new: what is written anew is read out anew. */
export function write(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
}
