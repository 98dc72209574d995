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
