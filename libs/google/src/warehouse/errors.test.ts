import { describe, expect, test } from '@jest/globals';
import { errorOf, verdictOf } from './errors.ts';

const api = (code: number, reason: string, message: string) => Object.assign(new Error(message), { code, errors: [{ reason, message }] });

describe('what errors of BigQuery mean', () => {
  test.each([
    ['a conflict', api(400, 'invalidQuery', 'Could not serialize access to table t due to concurrent update'), 'again'],
    ['an aborted transaction', api(400, 'invalidQuery', 'Transaction is aborted due to concurrent update against table t'), 'again'],
    [
      'a full DML queue',
      api(
        400,
        'resourcesExceeded',
        'Resources exceeded during query execution: Too many DML statements outstanding against table t, limit is 20',
      ),
      'again',
    ],
    ['a rate limit', api(403, 'rateLimitExceeded', 'Exceeded rate limits: too many table update operations for this table'), 'again'],
    ['a job rate limit', api(400, 'jobRateLimitExceeded', 'job exceeded rate limits'), 'again'],
    [
      'a table quota',
      api(403, 'quotaExceeded', 'Your table exceeded quota for total number of DML jobs writing to a table, pending + running'),
      'again',
    ],
    ['429', Object.assign(new Error('slow down'), { code: 429 }), 'again'],
    ['503 of a proxy', Object.assign(new Error('upstream'), { code: 503 }), 'unknown'],
    ['a refused connection', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'unknown'],
    ['a reset connection', new Error('socket hang up'), 'unknown'],
    ['wrong SQL', api(400, 'invalidQuery', 'Syntax error'), 'refused'],
    ['no such table', api(404, 'notFound', 'Not found: Table t'), 'refused'],
    ['no permission', api(403, 'accessDenied', 'Access Denied'), 'refused'],
    [
      'memory',
      api(400, 'resourcesExceeded', 'Resources exceeded during query execution: The query could not be executed in the allotted memory.'),
      'refused',
    ],
  ])('%s', (_, error, kind) => {
    expect(verdictOf(error).kind).toBe(kind);
    expect(errorOf(error)).toMatchObject({ name: kind === 'refused' ? 'WarehouseError' : 'Transient', cause: error });
  });
});
