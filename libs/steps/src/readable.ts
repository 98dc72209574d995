/** Datasets that anybody may read with our identity: examples that ship. */
export const SAMPLE_DATASET = 'convergence_samples';

/** May our own identity read this table on behalf of that tenant? Its own dataset and the samples, nobody else's. */
export function readableByUs(table: string, dataset: string, ourProject: string): boolean {
  const parts = table.split('.');
  if (parts.length === 1) return true;
  const [project, name] = parts.length === 3 ? [parts[0], parts[1]] : [undefined, parts[0]];
  return (project === undefined || project === ourProject) && (name === dataset || name === SAMPLE_DATASET);
}
