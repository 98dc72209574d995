/** The child jobs of a script: one for each statement that ran or failed, in order, each with where it stands. */
import type { Position } from '../../googlesql/contract.ts';
import type { ApiError } from '../errors.ts';
import type { Job, Jobs } from '../jobs/jobs.ts';
import type { StatementResult } from './outcome.ts';
import type { RanStatement } from './script.ts';

export class ScriptChildren {
  readonly #jobs: Jobs;
  readonly #parent: Job;
  #lastCreated: number;

  constructor(jobs: Jobs, parent: Job) {
    this.#jobs = jobs;
    this.#parent = parent;
    this.#lastCreated = parent.created;
    parent.children = 0;
  }

  add({ text, at, started }: RanStatement, outcome: StatementResult | undefined, error: ApiError | undefined): void {
    const parent = this.#parent;
    parent.children!++;
    // Readers put children in order by when they were made.
    this.#lastCreated = Math.max(this.#lastCreated + 1, started);
    void this.#jobs
      .create({
        project: parent.project,
        id: `script_job_${parent.id.slice(0, 900)}_${parent.children}`,
        location: parent.location,
        kind: 'QUERY',
        caller: parent.caller,
        configuration: { query: { query: text, useLegacySql: false } },
        parent: parent.id,
        created: this.#lastCreated,
      })
      .then((job) => {
        job.statistics = { scriptStatistics: { evaluationKind: 'STATEMENT', stackFrames: [stackFrame(text, at)] } };
        job.started = started;
        job.ended = Date.now();
        job.state = 'DONE';
        if (outcome) job.outcome = outcome;
        if (error) job.error = error;
      })
      // The id is taken: a script of another life of this process had it. The script's own result does not depend on its children.
      .catch(() => undefined);
  }
}

/** Its end is counted from its own text. */
function stackFrame(text: string, at: Position = { line: 1, column: 1 }): Record<string, unknown> {
  const lines = text.split('\n');
  const last = lines.at(-1)!.length;
  return {
    startLine: at.line,
    startColumn: at.column,
    endLine: at.line + lines.length - 1,
    endColumn: lines.length === 1 ? at.column + last : last + 1,
    text,
  };
}
