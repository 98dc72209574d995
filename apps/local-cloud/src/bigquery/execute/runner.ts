/** What those who run a part of a statement need of the whole. */
import type { DuckSql } from '../../googlesql/contract.ts';
import type { Service } from '../service.ts';
import type { BoundValue, Connection } from '../storage/connection.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';

export interface Runner {
  readonly service: Service;
  bind(sql: DuckSql, session: Session): BoundValue[];
  /** On the transaction's connection, or any; with the INFORMATION_SCHEMA views that the statement looks at. */
  onConnection<T>(session: Session, looked: Looked, work: (connection: Connection) => Promise<T>): Promise<T>;
  onGivenConnection<T>(connection: Connection, session: Session, looked: Looked, work: () => Promise<T>): Promise<T>;
}
