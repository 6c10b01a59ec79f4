// A text as classes that are letters, as `ganzoo/lite/sheets.py` has it.

/** Letters in a line, where words can be parted. */
const LONGEST_LINE = 10;

export function areLetters(names) {
  return names.every((name) => [...name].length === 1);
}

/**
 * Returns {lines, unknown}: the lines as numbers of classes, null for an empty place; and the signs that are no class.
 * Of a sign that is none the capital is taken, or else the small letter, or else those of the letter under its accent.
 */
export function spelled(text, names) {
  const lines = linesOf(text.normalize("NFC"));
  const unknown = [...new Set(lines.flat())].filter((sign) => sign !== " " && numberOf(sign, names) === null);
  return { lines: lines.map((line) => line.map((sign) => numberOf(sign, names))), unknown };
}

function numberOf(sign, names) {
  const [letter] = sign.normalize("NFD");
  const cases = (one) => [one, one.toUpperCase(), one.toLowerCase()];
  const form = [sign, letter].flatMap(cases).find((one) => names.includes(one));
  return form === undefined ? null : names.indexOf(form);
}

function linesOf(text) {
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean).map((part) => [...part])) {
    const last = lines.at(-1);
    if (last && last.length + 1 + word.length <= LONGEST_LINE) last.push(" ", ...word);
    else lines.push(word);
  }
  return lines;
}
