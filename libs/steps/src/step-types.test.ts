import { readFile } from 'node:fs/promises';
import { pipelineSchema } from '@convergence/pipelines';
import { expect, test } from '@jest/globals';
import { STEP_TYPES } from './step-types.ts';
import { STEPS } from './steps.ts';

test('configs/pipeline.schema.json is what the step types say (node tools/pipeline-schema.ts writes it)', async () => {
  const written = JSON.parse(await readFile(new URL('../../../configs/pipeline.schema.json', import.meta.url), 'utf8'));
  expect(written).toEqual(JSON.parse(JSON.stringify(pipelineSchema(STEP_TYPES))));
});

test('every declared step type has code, and all code is declared', () => {
  expect(Object.keys(STEPS).sort()).toEqual(STEP_TYPES.map((t) => t.type).sort());
});

test('an editor says of every key that it completes what it is', () => {
  const unsaid: string[] = [];
  const look = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    for (const [keyword, below] of Object.entries(schema)) {
      // What is compared with, and not written for people.
      if (keyword === 'if' || keyword === 'enum') continue;
      if (keyword !== 'properties') look(below, `${path}/${keyword}`);
      else
        for (const [key, value] of Object.entries(below as Record<string, { description?: string; title?: string; const?: unknown }>)) {
          // A title says it by the name: column name, path.
          if (!value.description && !value.title && value.const === undefined) unsaid.push(`${path}/${key}`);
          look(value, `${path}/${key}`);
        }
    }
  };
  look(JSON.parse(JSON.stringify(pipelineSchema(STEP_TYPES))), '');
  expect(unsaid).toEqual([]);
});
