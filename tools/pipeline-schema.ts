/** Writes configs/pipeline.schema.json from the step types, formatted as the house formats. A test compares, so a forgotten run of it is seen. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pipelineSchema } from '@convergence/pipelines';
import { STEP_TYPES } from '@convergence/steps';

const path = fileURLToPath(new URL('../configs/pipeline.schema.json', import.meta.url));
await writeFile(path, `${JSON.stringify(pipelineSchema(STEP_TYPES), null, 2)}\n`);
execFileSync(
  process.execPath,
  [fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url)), 'format', '--write', path],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);
console.log('configs/pipeline.schema.json');
