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
        for (const [key, value] of Object.entries(
          below as Record<string, { description?: string; title?: string; type?: string; const?: unknown }>,
        )) {
          // A title says it by the name: column name, path.
          const named = value.title !== undefined && value.type !== 'object';
          if (!value.description && !named && value.const === undefined) unsaid.push(`${path}/${key}`);
          look(value, `${path}/${key}`);
        }
    }
  };
  look(JSON.parse(JSON.stringify(pipelineSchema(STEP_TYPES))), '');
  expect(unsaid).toEqual([]);
});

test('an editor calls every object that it completes by a name of its own', () => {
  const titles = new Map<string, unknown>();
  const look = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    if ('type' in schema && schema.type === 'object') titles.set(path, 'title' in schema ? schema.title : undefined);
    for (const [keyword, below] of Object.entries(schema)) look(below, `${path}/${keyword}`);
  };
  look(JSON.parse(JSON.stringify(pipelineSchema(STEP_TYPES))), '');
  expect([...titles].filter(([, title]) => !title)).toEqual([]);
  expect([...titles].filter(([path, title]) => path !== '' && title === titles.get(''))).toEqual([]);
  const some = ['step', 'parameter', 'retry', 'with', 'unit: day', 'auth: bearer', 'rule: not_null', 'column'];
  expect([...titles.values()]).toEqual(expect.arrayContaining(some));
});
