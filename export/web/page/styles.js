// Styles: what a synthesis makes a picture of, a code for each of its layers, the coarse ones first.

/** The point at `share` of the straight line between codes, as `ganzoo generate --interpolate` goes between them. */
export function onTheLine(start, end, share) {
  return start.map((value, i) => (1 - share) * value + share * end[i]);
}

/** What directions add to a code, by how much of each: it is never truncated. */
export function editOf(directions, amounts, length) {
  const edit = new Float64Array(length);
  for (const [number, { vector }] of directions.entries()) {
    if (amounts[number] === 0) continue;
    for (let i = 0; i < length; i += 1) edit[i] += amounts[number] * vector[i];
  }
  return edit;
}

/**
 * Styles of one code for the first layers and of another from layer `crossing` on, less far from their mean.
 *
 * @param codes two, less the mean
 * @param psi truncation: 1 leaves codes where they are, 0 puts them all at the mean
 * @param edit is added for all layers
 * @returns Float32Array, layer by layer
 */
export function stylesOf({ codes: [one, other], layers, crossing, psi, edit }) {
  const length = edit.length;
  const styles = new Float32Array(layers * length);
  for (let layer = 0; layer < layers; layer += 1) {
    const code = layer < crossing ? one : other;
    for (let i = 0; i < length; i += 1) styles[layer * length + i] = psi * code[i] + edit[i];
  }
  return styles;
}
