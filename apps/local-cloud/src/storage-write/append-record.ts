/** An append as the write log keeps it: the rows as they came over the wire, to be decoded again at a restart. */
/** table u64, offset u64, row count u32, schema hash 20 bytes, stream name u16 + bytes, then each row u32 + bytes. */
export function appendParts(table: number, stream: string, offset: number, schema: string, rows: readonly Uint8Array[]): Uint8Array[] {
  const name = Buffer.from(stream);
  const head = Buffer.alloc(42 + name.length);
  head.writeBigUInt64LE(BigInt(table), 0);
  head.writeBigUInt64LE(BigInt(offset), 8);
  head.writeUInt32LE(rows.length, 16);
  head.write(schema, 20, 'latin1');
  head.writeUInt16LE(name.length, 40);
  name.copy(head, 42);
  const parts: Uint8Array[] = [head];
  for (const row of rows) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(row.length, 0);
    parts.push(length, row);
  }
  return parts;
}

export function readAppend(payload: Buffer): { table: number; offset: number; schema: string; stream: string; rows: Uint8Array[] } {
  const nameLength = payload.readUInt16LE(40);
  const rows: Uint8Array[] = [];
  let at = 42 + nameLength;
  for (let i = payload.readUInt32LE(16); i > 0; i--) {
    const length = payload.readUInt32LE(at);
    rows.push(payload.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return {
    table: Number(payload.readBigUInt64LE(0)),
    offset: Number(payload.readBigUInt64LE(8)),
    schema: payload.toString('latin1', 20, 40),
    stream: payload.toString('utf8', 42, 42 + nameLength),
    rows,
  };
}
