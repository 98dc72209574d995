/** RANGE functions. A range is a struct of its bounds; NULL is an open bound. */

import { physicalType } from '../sql-type.ts';
import { type FunctionSpec, scalar } from './call.ts';
import type { Declared } from './signature.ts';

const start = (r: string) => `struct_extract(${r}, 'start')`;
const end = (r: string) => `struct_extract(${r}, 'end')`;
const overlaps = (a: string, b: string) => `(coalesce(${start(a)} < ${end(b)}, true) AND coalesce(${start(b)} < ${end(a)}, true))`;
const each = (make: (kind: string) => Declared): Declared[] => ['DATE', 'DATETIME', 'TIMESTAMP'].map(make);

export const rangeFunctions: readonly FunctionSpec[] = [
  scalar(
    'RANGE',
    ...each((k) => [
      `${k}, ${k} -> RANGE<${k}>`,
      `CASE WHEN $1 >= $2 THEN gs_fail('Range start element must be smaller than range end element') ELSE struct_pack("start" := $1, "end" := $2) END`,
    ]),
  ),
  scalar('RANGE_START', ...each((k) => [`RANGE<${k}> -> ${k}`, start('$1')])),
  scalar('RANGE_END', ...each((k) => [`RANGE<${k}> -> ${k}`, end('$1')])),
  scalar(
    'RANGE_CONTAINS',
    ...each((k) => [`RANGE<${k}>, ${k} -> BOOL`, `(coalesce(${start('$1')} <= $2, true) AND coalesce($2 < ${end('$1')}, true))`]),
    ...each((k) => [
      `RANGE<${k}>, RANGE<${k}> -> BOOL`,
      `((${start('$1')} IS NULL OR coalesce(${start('$1')} <= ${start('$2')}, false)) AND (${end('$1')} IS NULL OR coalesce(${end('$2')} <= ${end('$1')}, false)))`,
    ]),
  ),
  scalar(
    'GENERATE_RANGE_ARRAY',
    ...(['DATE', 'DATETIME', 'TIMESTAMP'] as const).map(
      (k): Declared => [
        `RANGE<${k}>, INTERVAL[, BOOL] -> ARRAY<RANGE<${k}>>`,
        ([r, step, last]) =>
          `CASE WHEN ${start(r!)} IS NULL OR ${end(r!)} IS NULL THEN gs_fail('Cannot generate an array from an unbounded RANGE') ELSE CAST(gs_range_array(${r}, ${step}, ${last ?? 'true'}) AS ${physicalType({ kind: 'ARRAY', element: { kind: 'RANGE', element: { kind: k } } })}) END`,
      ],
    ),
  ),
  scalar('RANGE_OVERLAPS', ...each((k) => [`RANGE<${k}>, RANGE<${k}> -> BOOL`, overlaps('$1', '$2')])),
  scalar(
    'RANGE_INTERSECT',
    ...each((k) => [
      `RANGE<${k}>, RANGE<${k}> -> RANGE<${k}>`,
      `CASE WHEN ${overlaps('$1', '$2')} THEN struct_pack("start" := greatest(${start('$1')}, ${start('$2')}), "end" := least(${end('$1')}, ${end('$2')})) ELSE gs_fail('Provided ranges do not overlap') END`,
    ]),
  ),
];
