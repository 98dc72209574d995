/** Visits the calls of an expression without entering subqueries. */
import type { CallNode, Node } from './ast.ts';

export function someCall(node: Node | undefined, test: (call: CallNode) => boolean): boolean {
  if (!node) return false;
  return search(node, test);
}

function search(value: unknown, test: (call: CallNode) => boolean): boolean {
  if (Array.isArray(value)) return value.some((v) => search(v, test));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  const node = value as { k?: string };
  if (node.k === 'scalarQuery' || node.k === 'arrayQuery' || node.k === 'exists') return false;
  if (node.k === 'call' && test(node as CallNode)) return true;
  for (const [key, child] of Object.entries(value)) {
    if (key === 'query') continue;
    if (typeof child === 'object' && search(child, test)) return true;
  }
  return false;
}

/** The same expression text, whatever the case of names and the place. */
export function sameNode(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'bigint' || typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((x, i) => sameNode(x, b[i]));
  const left = Object.entries(a).filter(([k]) => k !== 'at' && k !== 'end');
  const right = b as Record<string, unknown>;
  if (left.length !== Object.keys(b).filter((k) => k !== 'at' && k !== 'end').length) return false;
  const named = (a as { k?: string }).k === 'name' || (a as { k?: string }).k === 'dot';
  return left.every(([k, v]) =>
    named && k === 'name' && typeof v === 'string' && typeof right[k] === 'string'
      ? v.toLowerCase() === right[k].toLowerCase()
      : sameNode(v, right[k]),
  );
}
