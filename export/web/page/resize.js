// Antialiased bicubic, as Pillow does it.

const SUPPORT = 2;

/** @param picture {data: Uint8Array of three channels, width, height} */
export function resize(picture, width, height) {
  if (picture.width === width && picture.height === height) return picture;
  return transposed(stretched(transposed(stretched(picture, width)), height));
}

function stretched({ data, width, height }, target) {
  const windows = Array.from({ length: target }, (_, place) => windowOf(place, width, target));
  const result = new Uint8ClampedArray(target * height * 3);
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    for (const { first, weights } of windows) {
      const from = (y * width + first) * 3;
      for (let c = 0; c < 3; c += 1) {
        let sum = 0;
        for (let i = 0; i < weights.length; i += 1) sum += weights[i] * data[from + 3 * i + c];
        // Rounded and clipped by the array.
        result[to++] = sum;
      }
    }
  }
  return { data: result, width: target, height };
}

function windowOf(place, length, target) {
  const scale = length / target;
  const spread = Math.max(scale, 1);
  const centre = (place + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - SUPPORT * spread + 0.5));
  const end = Math.min(length, Math.trunc(centre + SUPPORT * spread + 0.5));
  const weights = Array.from({ length: end - first }, (_, i) => bicubic((first + i - centre + 0.5) / spread));
  const total = weights.reduce((a, b) => a + b);
  return { first, weights: weights.map((weight) => weight / total) };
}

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function transposed({ data, width, height }) {
  const result = new Uint8Array(data.length);
  let from = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const to = (x * height + y) * 3;
      result[to] = data[from++];
      result[to + 1] = data[from++];
      result[to + 2] = data[from++];
    }
  }
  return { data: result, width: height, height: width };
}
