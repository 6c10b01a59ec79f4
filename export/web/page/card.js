// What a file takes and gives, by its entry in a card.json.

/** Lists, as version 2 has them; version 1 had one of each. */
export function tensorsOf({ inputs, outputs, input, output }) {
  return { inputs: inputs ?? [input], outputs: outputs ?? [output] };
}

/**
 * The entry of a file that the page runs, whatever the version: with its one `output`, its `input` of a picture, of
 * latents or of styles, and the `label` that it is told, if any.
 */
export function interfaceOf(entry) {
  const { inputs, outputs: [output] } = tensorsOf(entry);
  const label = inputs.find(({ kind }) => kind === "label");
  return { ...entry, input: inputs.find((tensor) => tensor !== label), label, output };
}

/** In words, as `image -> image`; inputs by the alphabet, for their order says nothing. */
export function signatureOf(entry) {
  const { inputs, outputs } = tensorsOf(entry);
  const kinds = (tensors) => tensors.map(({ kind }) => kind).sort().join(" and ");
  return `${kinds(inputs)} -> ${kinds(outputs)}`;
}
