// Antialiased bicubic, as Pillow does it.

const SUPPORT = 2;

/** @param picture {data: Uint8Array of three channels, width, height} */
export function resize(picture, width, height) {
  if (picture.width === width && picture.height === height) return picture;
  return stretchedDown(stretchedAcross(picture, width), height);
}

function stretchedAcross({ data, width, height }, target) {
  const windows = windowsOf(width, target);
  const result = new Uint8ClampedArray(target * height * 3);
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < target; x += 1) {
      const { first, weights } = windows[x];
      let [red, green, blue] = [0, 0, 0];
      let from = (y * width + first) * 3;
      for (let i = 0; i < weights.length; i += 1, from += 3) {
        red += weights[i] * data[from];
        green += weights[i] * data[from + 1];
        blue += weights[i] * data[from + 2];
      }
      // Rounded and clipped by the array.
      result[to++] = red;
      result[to++] = green;
      result[to++] = blue;
    }
  }
  return { data: result, width: target, height };
}

function stretchedDown({ data, width, height }, target) {
  const result = new Uint8ClampedArray(width * target * 3);
  const sums = new Float64Array(width * 3);
  for (const [y, { first, weights }] of windowsOf(height, target).entries()) {
    sums.fill(0);
    for (let i = 0; i < weights.length; i += 1) {
      const from = (first + i) * sums.length;
      const weight = weights[i];
      for (let j = 0; j < sums.length; j += 1) sums[j] += weight * data[from + j];
    }
    result.set(sums, y * sums.length);
  }
  return { data: result, width, height: target };
}

function windowsOf(length, target) {
  return Array.from({ length: target }, (_, place) => windowOf(place, length, target));
}

function windowOf(place, length, target) {
  const scale = length / target;
  const spread = Math.max(scale, 1);
  const centre = (place + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - SUPPORT * spread + 0.5));
  const end = Math.min(length, Math.trunc(centre + SUPPORT * spread + 0.5));
  const weights = Float64Array.from({ length: end - first }, (_, i) => bicubic((first + i - centre + 0.5) / spread));
  const total = weights.reduce((a, b) => a + b);
  return { first, weights: weights.map((weight) => weight / total) };
}

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
