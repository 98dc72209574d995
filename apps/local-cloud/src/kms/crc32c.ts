/** CRC32C (Castagnoli), as Cloud KMS checks it; `zlib.crc32` is the other polynomial. */
const TABLE = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let i = 0; i < 8; i++) {
    crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return crc >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
