// Points that a generator of latents paints pictures of.

/** Numbers from a standard normal distribution: always the same for a seed and an index. */
export function latentsOf(seed, index, length) {
  const uniform = generator(seed, index);
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  });
}

/** The point at `share` of the way along the great circle, on which latents keep the length that generators know. */
export function between(start, end, share) {
  const cosine = dot(start, end) / Math.sqrt(dot(start, start) * dot(end, end));
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  if (angle < 1e-6) return start.slice();
  const [near, far] = [Math.sin((1 - share) * angle), Math.sin(share * angle)].map((part) => part / Math.sin(angle));
  return start.map((value, i) => near * value + far * end[i]);
}

function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** sfc32, Chris Doty-Humphrey's small fast counter, from 0 to before 1. */
function generator(...seeds) {
  let [a, b, c, counter] = [seeds[0] | 0, seeds[1] | 0, 0x9e3779b9 | 0, 1];
  function next() {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }
  for (let round = 0; round < 16; round += 1) next();
  return next;
}
