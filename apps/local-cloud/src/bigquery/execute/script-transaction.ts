/**
 * The transaction of a script: BEGIN, COMMIT and ROLLBACK, and what an error in it leaves.
 *
 * 1. What was acknowledged before it began belongs to its snapshot.
 * 2. One that does not come about holds no checkpoint back.
 * 3. One that an error aborted is rolled back, and the script can go on only by saying so.
 */
import { withoutParts } from '../catalog/take-over.ts';
import { ApiError } from '../errors.ts';
import type { Service } from '../service.ts';
import type { Connection } from '../storage/connection.ts';
import { transactionAborted } from './mutations.ts';
import type { Session } from './session.ts';

export class ScriptTransaction {
  readonly #service: Service;
  readonly #session: Session;
  /** An error aborted the open transaction, and the script has not rolled it back yet. */
  #broken = false;

  constructor(service: Service, session: Session) {
    this.#service = service;
    this.#session = session;
  }

  get broken(): boolean {
    return this.#broken;
  }

  async run(verb: 'begin' | 'commit' | 'rollback'): Promise<void> {
    const service = this.#service;
    const open = this.#session.transaction;
    if (this.#broken && verb !== 'rollback')
      throw new ApiError('invalidQuery', 'The transaction was aborted by an error in it and can only be rolled back', 'query');
    if (verb === 'begin') {
      if (open) throw new ApiError('invalidQuery', 'Transaction is already in progress', 'query');
      // What was acknowledged before now belongs to the snapshot.
      await service.store.ingest.foldAll();
      const ended = await withoutParts(service.store);
      let connection: Connection | undefined;
      try {
        connection = await service.store.database.connect();
        await connection.begin();
        await connection.run('SELECT 1 FROM local_folds LIMIT 0');
      } catch (error) {
        ended();
        connection?.close();
        throw error;
      }
      this.#session.transaction = {
        connection,
        mutation: service.mutations.begin(),
        written: new Set(),
        created: [],
        ended,
        now: BigInt(Date.now()) * 1000n,
      };
      return;
    }
    if (this.#broken) {
      this.#broken = false;
      return;
    }
    if (!open) throw new ApiError('invalidQuery', `There is no active transaction to ${verb}`, 'query');
    if (verb === 'rollback') {
      await this.rollback();
      return;
    }
    try {
      await open.connection.commit();
    } catch (error) {
      await this.rollback();
      if (error instanceof Error && /conflict/i.test(error.message)) throw transactionAborted('of the transaction');
      throw error;
    }
    this.#session.transaction = undefined;
    service.mutations.end(open.mutation, true);
    for (const id of open.written) service.store.changed(id);
    for (const applied of open.created) applied();
    open.ended();
    open.connection.close();
  }

  /** DuckDB goes on with no transaction in which a statement failed: it is over, and the script may only say so. */
  async leaveAborted(): Promise<void> {
    const open = this.#session.transaction;
    if (!open) return;
    try {
      await open.connection.run('SELECT 1');
    } catch (error) {
      if (!(error instanceof Error && /aborted/i.test(error.message))) throw error;
      await this.rollback();
      this.#broken = true;
    }
  }

  async rollback(): Promise<void> {
    const open = this.#session.transaction;
    if (!open) return;
    this.#session.transaction = undefined;
    try {
      await open.connection.rollback();
    } finally {
      this.#service.mutations.end(open.mutation, false);
      open.ended();
      open.connection.close();
    }
  }
}
