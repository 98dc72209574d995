/**
 * The disk of the broker: SQLite in WAL mode. It knows rows, not semantics.
 *
 * 1. `commit` is one transaction; when it returns, what it wrote survives the end of this process at any moment.
 *    (`synchronous=NORMAL`: it also survives a power cut as a consistent earlier state.)
 * 2. Bytes of messages are written once and never changed.
 */
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LogFlush } from './log-flush.ts';
import type { SnapshotConfig, SubscriptionConfig, TopicConfig } from './resources.ts';
import type { Pending, Segment } from './segment.ts';

export interface StoredTopic {
  readonly id: number;
  readonly config: TopicConfig;
}
export interface StoredSubscription {
  readonly id: number;
  readonly topicId: number;
  /** Messages before it belong to it only after a Seek, if the topic retains them. */
  readonly createdSeq: number;
  readonly config: SubscriptionConfig;
}
export interface StoredSnapshot {
  readonly id: number;
  readonly topicId: number;
  /** Everything from here on counts as unacked. */
  readonly nextSeq: number;
  readonly config: SnapshotConfig;
}
export interface StoredBits {
  readonly ownerId: number;
  readonly firstSeq: number;
  readonly bits: Uint8Array;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS topics (id INTEGER PRIMARY KEY, config TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS subscriptions (id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, created_seq INTEGER NOT NULL, config TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS snapshots (id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, next_seq INTEGER NOT NULL, config TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS segments (
    first_seq INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, published_ms INTEGER NOT NULL, keyed INTEGER NOT NULL,
    starts BLOB NOT NULL, data BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS pendings (
    owner_id INTEGER NOT NULL, first_seq INTEGER NOT NULL, bits BLOB NOT NULL, PRIMARY KEY (owner_id, first_seq)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS failures (
    subscription_id INTEGER NOT NULL, seq INTEGER NOT NULL, failures INTEGER NOT NULL, PRIMARY KEY (subscription_id, seq)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases (
    subscription_id INTEGER NOT NULL, seq INTEGER NOT NULL, lease INTEGER NOT NULL, deadline REAL NOT NULL,
    PRIMARY KEY (subscription_id, seq)) WITHOUT ROWID;
`;

export class Store {
  readonly #db: DatabaseSync;
  readonly #sql = new Map<string, StatementSync>();
  readonly #flush: LogFlush;
  #nextId: number;

  constructor(path: string, onFailure: (error: unknown) => void) {
    mkdirSync(dirname(path), { recursive: true });
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000');
    this.#db.exec('PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 134217728');
    this.#db.exec(SCHEMA);
    this.#flush = new LogFlush(() => open(`${path}-wal`, 'r'), onFailure);
    const ids = ['topics', 'subscriptions', 'snapshots'].map((table) => Number(this.#get(`SELECT MAX(id) AS n FROM ${table}`)?.n ?? 0));
    this.#nextId = Math.max(...ids, Number(this.#get(`SELECT value AS n FROM meta WHERE key = 'last_id'`)?.n ?? 0)) + 1;
  }

  /** Ids are shared by topics, subscriptions and snapshots and never used again. */
  newId(): number {
    this.#run(`INSERT INTO meta VALUES ('last_id', ?) ON CONFLICT DO UPDATE SET value = excluded.value`, this.#nextId);
    return this.#nextId++;
  }

  /** Grows by one with each start; lease ids are made of it. */
  nextEpoch(): number {
    this.#run(`INSERT INTO meta VALUES ('epoch', 1) ON CONFLICT DO UPDATE SET value = value + 1`);
    return Number(this.#get(`SELECT value AS n FROM meta WHERE key = 'epoch'`)!.n);
  }

  /** The first sequence number that was never given out. */
  nextSeq(): number {
    return Number(this.#get(`SELECT value AS n FROM meta WHERE key = 'next_seq'`)?.n ?? 1);
  }

  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      this.#flush.committed();
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  putNextSeq(seq: number): void {
    this.#run(`INSERT INTO meta VALUES ('next_seq', ?) ON CONFLICT DO UPDATE SET value = excluded.value`, seq);
  }

  putSegment(segment: Segment, bytes: Buffer): void {
    const { starts } = segment;
    const offsets = new Uint8Array(starts.buffer, starts.byteOffset, starts.byteLength);
    this.#run(
      `INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)`,
      segment.firstSeq,
      segment.topicId,
      segment.publishedMs,
      segment.keyed ? 1 : 0,
      offsets,
      bytes,
    );
  }

  deleteSegment(firstSeq: number): void {
    this.#run(`DELETE FROM segments WHERE first_seq = ?`, firstSeq);
  }

  putPending(ownerId: number, pending: Pending): void {
    this.#run(
      `INSERT INTO pendings VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bits = excluded.bits`,
      ownerId,
      pending.segment.firstSeq,
      pending.bits,
    );
  }

  deletePending(ownerId: number, firstSeq: number): void {
    this.#run(`DELETE FROM pendings WHERE owner_id = ? AND first_seq = ?`, ownerId, firstSeq);
  }

  deletePendingsOf(ownerId: number): void {
    this.#run(`DELETE FROM pendings WHERE owner_id = ?`, ownerId);
    this.#run(`DELETE FROM failures WHERE subscription_id = ?`, ownerId);
    this.#run(`DELETE FROM leases WHERE subscription_id = ?`, ownerId);
  }

  putFailures(subscriptionId: number, seq: number, failures: number): void {
    this.#run(
      `INSERT INTO failures VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET failures = excluded.failures`,
      subscriptionId,
      seq,
      failures,
    );
  }

  deleteFailures(subscriptionId: number, firstSeq: number, count: number): void {
    this.#run(`DELETE FROM failures WHERE subscription_id = ? AND seq >= ? AND seq < ?`, subscriptionId, firstSeq, firstSeq + count);
  }

  putLease(subscriptionId: number, seq: number, lease: number, deadline: number): void {
    this.#run(`INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)`, subscriptionId, seq, lease, deadline);
  }

  deleteLease(subscriptionId: number, seq: number): void {
    this.#run(`DELETE FROM leases WHERE subscription_id = ? AND seq = ?`, subscriptionId, seq);
  }

  leases(subscriptionId: number): { readonly seq: number; readonly lease: number; readonly deadline: number }[] {
    const rows = this.#all(`SELECT seq, lease, deadline FROM leases WHERE subscription_id = ? ORDER BY seq`, subscriptionId);
    return rows.map((row) => ({ seq: Number(row.seq), lease: Number(row.lease), deadline: Number(row.deadline) }));
  }

  putTopic(topic: StoredTopic): void {
    this.#run(`INSERT OR REPLACE INTO topics VALUES (?, ?)`, topic.id, JSON.stringify(topic.config));
  }

  deleteTopic(id: number): void {
    this.#run(`DELETE FROM topics WHERE id = ?`, id);
  }

  putSubscription(s: StoredSubscription): void {
    this.#run(`INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?)`, s.id, s.topicId, s.createdSeq, JSON.stringify(s.config));
  }

  deleteSubscription(id: number): void {
    this.#run(`DELETE FROM subscriptions WHERE id = ?`, id);
  }

  putSnapshot(s: StoredSnapshot): void {
    this.#run(`INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)`, s.id, s.topicId, s.nextSeq, JSON.stringify(s.config));
  }

  deleteSnapshot(id: number): void {
    this.#run(`DELETE FROM snapshots WHERE id = ?`, id);
  }

  topics(): StoredTopic[] {
    return this.#all(`SELECT id, config FROM topics ORDER BY id`).map((row) => ({
      id: Number(row.id),
      config: JSON.parse(String(row.config)),
    }));
  }

  subscriptions(): StoredSubscription[] {
    return this.#all(`SELECT * FROM subscriptions ORDER BY id`).map((row) => ({
      id: Number(row.id),
      topicId: Number(row.topic_id),
      createdSeq: Number(row.created_seq),
      config: JSON.parse(String(row.config)),
    }));
  }

  snapshots(): StoredSnapshot[] {
    return this.#all(`SELECT * FROM snapshots ORDER BY id`).map((row) => ({
      id: Number(row.id),
      topicId: Number(row.topic_id),
      nextSeq: Number(row.next_seq),
      config: JSON.parse(String(row.config)),
    }));
  }

  segments(): Segment[] {
    return this.#all(`SELECT first_seq, topic_id, published_ms, keyed, starts FROM segments ORDER BY first_seq`).map((row) => {
      const blob = row.starts as Uint8Array;
      const starts = new Uint32Array(blob.buffer.slice(blob.byteOffset, blob.byteOffset + blob.byteLength));
      return {
        firstSeq: Number(row.first_seq),
        topicId: Number(row.topic_id),
        publishedMs: Number(row.published_ms),
        keyed: Number(row.keyed) === 1,
        starts,
        count: starts.length - 1,
        bytes: null,
        holders: 0,
      };
    });
  }

  pendings(): StoredBits[] {
    return this.#all(`SELECT * FROM pendings ORDER BY owner_id, first_seq`).map((row) => ({
      ownerId: Number(row.owner_id),
      firstSeq: Number(row.first_seq),
      bits: row.bits as Uint8Array,
    }));
  }

  failures(subscriptionId: number): Map<number, number> {
    const rows = this.#all(`SELECT seq, failures FROM failures WHERE subscription_id = ?`, subscriptionId);
    return new Map(rows.map((row) => [Number(row.seq), Number(row.failures)]));
  }

  bytes(firstSeq: number): Buffer {
    const data = this.#get(`SELECT data FROM segments WHERE first_seq = ?`, firstSeq)!.data as Uint8Array;
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }

  async close(): Promise<void> {
    await this.#flush.close();
    this.#db.close();
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#sql.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#sql.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, ...values: (string | number | null | Uint8Array)[]): void {
    this.#prepared(sql).run(...values);
  }

  #get(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return this.#prepared(sql).get(...values) as Record<string, unknown> | undefined;
  }

  #all(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    return this.#prepared(sql).all(...values) as Record<string, unknown>[];
  }
}
