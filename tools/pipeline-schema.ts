/** Writes configs/pipeline.schema.json from the step types. A test compares, so a forgotten run of it is seen. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pipelineSchema } from '@convergence/pipelines';
import { STEP_TYPES } from '@convergence/steps';

const path = fileURLToPath(new URL('../configs/pipeline.schema.json', import.meta.url));
await writeFile(path, `${JSON.stringify(pipelineSchema(STEP_TYPES), null, 2)}\n`);
console.log('configs/pipeline.schema.json');
