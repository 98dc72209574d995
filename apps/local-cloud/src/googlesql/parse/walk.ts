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
