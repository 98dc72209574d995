/** A write stream, and the ways in which it refuses. */
export type StreamType = 'COMMITTED' | 'PENDING' | 'BUFFERED';
export interface Stream {
  readonly name: string;
  readonly type: StreamType;
  readonly table: number;
  readonly created: number;
  /** The physical table that holds rows that are not visible yet. */
  readonly staging?: number;
  next: number;
  finalized: boolean;
  committed?: number;
  flushed: number;
  /** When it was finalized or committed; long-closed streams are forgotten. */
  closed?: number;
}
export type StreamProblem =
  | 'offsetAlreadyExists'
  | 'offsetOutOfRange'
  | 'finalized'
  | 'committed'
  | 'notFound'
  | 'notFinalized'
  | 'wrongType';
export class StreamRefusal extends Error {
  override readonly name = 'StreamRefusal';
  readonly problem: StreamProblem;
  readonly entity: string;
  constructor(problem: StreamProblem, message: string, entity: string) {
    super(`${message} Entity: ${entity}`);
    this.problem = problem;
    this.entity = entity;
  }
}
