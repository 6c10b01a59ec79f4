// Writes a PNG from rows as they come, so that a picture may be larger than a canvas can be.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const RGB = 2;
const UP = 2;

/** @param rows gives Uint8Arrays of whole rows of RGB; a Blob comes back */
export async function encodePng(rows, width, height) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, RGB], 8);
  const parts = [new Uint8Array(SIGNATURE), ...chunk("IHDR", header)];
  const packer = new CompressionStream("deflate");
  const packed = collect(packer.readable, parts);
  const writer = packer.writable.getWriter();
  let above = new Uint8Array(width * 3);
  for await (const part of rows) {
    await writer.write(filtered(part, above));
    above = part.slice(-width * 3);
  }
  await writer.close();
  await packed;
  return new Blob([...parts, ...chunk("IEND", new Uint8Array(0))], { type: "image/png" });
}

/** Each row as its difference from the one above, after the filter's number. */
function filtered(rows, above) {
  const length = above.length;
  const count = rows.length / length;
  const result = new Uint8Array(count * (length + 1));
  for (let y = 0; y < count; y += 1) {
    const to = y * (length + 1);
    result[to] = UP;
    for (let i = 0; i < length; i += 1) {
      result[to + 1 + i] = rows[y * length + i] - (y ? rows[(y - 1) * length + i] : above[i]);
    }
  }
  return result;
}

async function collect(stream, parts) {
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    parts.push(...chunk("IDAT", value));
  }
}

function chunk(kind, data) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, data.length);
  const name = new TextEncoder().encode(kind);
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc(data, crc(name)));
  return [length, name, data, sum];
}

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc(bytes, before = 0) {
  let value = ~before;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
