// What a file takes and gives, by its entry in a card.json.

/** Lists, as version 2 has them; version 1 had one of each. */
export function tensorsOf({ inputs, outputs, input, output }) {
  return { inputs: inputs ?? [input], outputs: outputs ?? [output] };
}

/** The entry of a file that the page runs, with its one `input` and one `output`, whatever the version. */
export function interfaceOf(entry) {
  const { inputs: [input], outputs: [output] } = tensorsOf(entry);
  return { ...entry, input, output };
}

/** In words, as `image -> image`. */
export function signatureOf(entry) {
  const { inputs, outputs } = tensorsOf(entry);
  const kinds = (tensors) => tensors.map(({ kind }) => kind).join(" and ");
  return `${kinds(inputs)} -> ${kinds(outputs)}`;
}
