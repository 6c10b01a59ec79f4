// What a classifier says. The same as `ganzoo/lite/answers.py`.

/** Shares of 1, of logits. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

/** What the classes of an output are called; their numbers, if they have no names. */
export function namesOf({ names, shape }) {
  return names?.length ? names : Array.from({ length: shape.at(-1) }, (_, number) => String(number));
}

/** The numbers of the classes, the largest share first. */
export function ranked(shares) {
  return [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
}
