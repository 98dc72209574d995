/** Which ids a project, a dataset and a table may have, and the words that refuse the others. */
import { invalid } from '../errors.ts';

const DATASET_ID = /^[A-Za-z0-9_]{1,1024}$/;
const TABLE_ID = /^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd}\p{Zs}]+$/u;
const PROJECT_ID = /^[A-Za-z][A-Za-z0-9.:_-]{0,99}$/;

export function checkProjectId(project: string): void {
  if (!PROJECT_ID.test(project))
    throw invalid(`Invalid project ID '${project}'. Project IDs must contain 6-63 lowercase letters, digits, or dashes.`);
}
export function checkDatasetId(dataset: string): void {
  if (!DATASET_ID.test(dataset)) {
    throw invalid(
      `Invalid dataset ID "${dataset}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
    );
  }
}
export function checkTableId(table: string): void {
  if (!TABLE_ID.test(table) || Buffer.byteLength(table) > 1024) {
    throw invalid(
      `Invalid table ID "${table}". Table IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
    );
  }
}
