// Numbers from a standard normal distribution, as NumPy's `Generator(Philox(seed))` gives them in float32: bit for bit,
// but for the last bit of some above 3.65, for which NumPy has the C library compute a logarithm.

/**
 * Returns a function that gives the next number.
 *
 * @param seed a whole number below 2 ** 32
 */
export function normals(seed) {
  const next = philox(keyOf(seed));
  const uniform = () => Math.fround((next() >>> 8) / 2 ** 24);
  return () => ziggurat(next, uniform);
}

/** NumPy's SeedSequence: two words of 64 bits. */
function keyOf(seed) {
  const mix = hashing(0x43b0d7e5, 0x931e8875);
  const pool = [seed, 0, 0, 0].map(mix);
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) {
      if (from === to) continue;
      const sum = (Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, mix(pool[from]))) >>> 0;
      pool[to] = (sum ^ (sum >>> 16)) >>> 0;
    }
  }
  const parts = pool.map(hashing(0x8b51f9dd, 0x58f38ded)).map(BigInt);
  return [parts[0] | (parts[1] << 32n), parts[2] | (parts[3] << 32n)];
}

function hashing(start, factor) {
  let constant = start;
  return (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, factor) >>> 0;
    const hashed = Math.imul(mixed, constant);
    return (hashed ^ (hashed >>> 16)) >>> 0;
  };
}

/** Philox 4x64 of ten rounds (Salmon et al. 2011), as a function that gives the next 32 bits. */
function philox(key) {
  const low = (word) => BigInt.asUintN(64, word);
  const given = [];
  let count = 0n;
  function refill() {
    count += 1n;
    let [a, b, c, d] = [count, 0n, 0n, 0n];
    let [k, l] = key;
    for (let round = 0; round < 10; round += 1) {
      const [first, second] = [a * 0xd2e7470ee14c6c93n, c * 0xca5a826395121157n];
      [a, b, c, d] = [(second >> 64n) ^ b ^ k, low(second), (first >> 64n) ^ d ^ l, low(first)];
      [k, l] = [low(k + 0x9e3779b97f4a7c15n), low(l + 0xbb67ae8584caa73bn)];
    }
    for (const word of [a, b, c, d]) given.push(Number(word & 0xffffffffn), Number(word >> 32n));
  }
  return () => {
    if (!given.length) refill();
    return given.shift();
  };
}

/** Where the tail begins, and the area of each layer (Marsaglia and Tsang 2000). */
const TAIL = 3.6541528853610087963519472518;
const AREA = 0.00492867323399;
const MANTISSA = 2 ** 23;
const { within, widths, heights } = layers();

/** Of each of 256 layers: below which number a point is surely within it, its width and its height. */
function layers() {
  const [within, widths, heights] = [new Uint32Array(256), new Float32Array(256), new Float32Array(256)];
  let x = TAIL;
  let height = Math.exp(-0.5 * x * x);
  within[0] = Math.round(((x * height) / AREA) * MANTISSA);
  widths[0] = AREA / height / MANTISSA;
  heights[0] = 1;
  for (let i = 255; i > 0; i -= 1) {
    widths[i] = x / MANTISSA;
    heights[i] = height;
    const inner = i > 1 ? Math.sqrt(-2 * Math.log(AREA / x + height)) : 0;
    within[i] = Math.round((inner / x) * MANTISSA);
    x = inner;
    height = Math.exp(-0.5 * x * x);
  }
  return { within, widths, heights };
}

function ziggurat(next, uniform) {
  for (;;) {
    const bits = next();
    const layer = bits & 255;
    const size = bits >>> 9;
    const x = Math.fround(size * widths[layer]) * ((bits >> 8) & 1 ? -1 : 1);
    if (size < within[layer]) return x;
    if (layer === 0) return tail(uniform) * ((size >> 8) & 1 ? -1 : 1);
    const slope = Math.fround(heights[layer - 1] - heights[layer]);
    const height = Math.fround(Math.fround(slope * uniform()) + heights[layer]);
    if (height < Math.exp(-0.5 * x * x)) return x;
  }
}

function tail(uniform) {
  const { fround, log1p } = Math;
  for (;;) {
    const x = fround(-fround(1 / TAIL) * fround(log1p(-uniform())));
    const y = -fround(log1p(-uniform()));
    if (fround(y + y) > fround(x * x)) return fround(fround(TAIL) + x);
  }
}
