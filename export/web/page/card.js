// What a file takes and gives, by its entry in a card.json.

/** Lists, as version 2 has them; version 1 had one of each. */
export function tensorsOf({ inputs, outputs, input, output }) {
  return { inputs: inputs ?? [input], outputs: outputs ?? [output] };
}

/** In words, as `image -> image`. */
export function signatureOf(entry) {
  const { inputs, outputs } = tensorsOf(entry);
  const kinds = (tensors) => tensors.map(({ kind }) => kind).join(" and ");
  return `${kinds(inputs)} -> ${kinds(outputs)}`;
}
