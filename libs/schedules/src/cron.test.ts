import { describe, expect, test } from '@jest/globals';
import { checkCron, DEFAULT_DST, nextFire, resolveCron, upcoming } from './cron.ts';

const fires = (cron: string, zone: string, from: string, count: number, policy = DEFAULT_DST) =>
  upcoming(cron, zone, policy, Date.parse(from), count).map((at) => new Date(at).toISOString().replace(':00.000Z', 'Z'));

describe('a time of day that does not exist fires right after the gap', () => {
  test('New York 02:30 on 8 March 2026 fires at 03:00 EDT', () => {
    expect(fires('30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 2)).toEqual(['2026-03-08T07:00Z', '2026-03-09T06:30Z']);
  });
  test('Lord Howe has a gap of half an hour: 02:15 on 4 October 2026 fires at 02:30', () => {
    expect(fires('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 2)).toEqual(['2026-10-03T15:30Z', '2026-10-04T15:15Z']);
  });
  test('Troll jumps two hours: 02:30 on 29 March 2026 fires at 03:00', () => {
    expect(fires('30 2 * * *', 'Antarctica/Troll', '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00Z', '2026-03-30T00:30Z']);
  });
  test('or not at all, when the policy says skip', () => {
    expect(fires('30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 1, { gap: 'skip', fold: 'first' })).toEqual([
      '2026-03-09T06:30Z',
    ]);
  });
  test('several times of day in one gap fire once', () => {
    expect(fires('0,30 2 * * *', 'America/New_York', '2026-03-08T05:00:00Z', 2)).toEqual(['2026-03-08T07:00Z', '2026-03-09T06:00Z']);
  });
});

describe('a time of day that happens twice fires once', () => {
  test('the first time by default', () => {
    expect(fires('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2)).toEqual(['2026-11-01T05:30Z', '2026-11-02T06:30Z']);
    expect(fires('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00:00Z', 2)).toEqual(['2026-04-04T14:45Z', '2026-04-05T15:15Z']);
    expect(fires('30 1 * * *', 'Antarctica/Troll', '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-24T23:30Z', '2026-10-26T01:30Z']);
  });
  test('the last time or both times, when the policy says so', () => {
    expect(fires('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 1, { gap: 'skip', fold: 'last' })).toEqual([
      '2026-11-01T06:30Z',
    ]);
    expect(fires('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2, { gap: 'skip', fold: 'both' })).toEqual([
      '2026-11-01T05:30Z',
      '2026-11-01T06:30Z',
    ]);
  });
  test('asked between the two, it does not fire again', () => {
    expect(fires('30 1 * * *', 'America/New_York', '2026-11-01T05:45:00Z', 1)).toEqual(['2026-11-02T06:30Z']);
  });
});

describe('an open hour counts real time', () => {
  test('through a fold', () => {
    expect(fires('*/30 * * * *', 'America/New_York', '2026-11-01T05:15:00Z', 4)).toEqual([
      '2026-11-01T05:30Z',
      '2026-11-01T06:00Z',
      '2026-11-01T06:30Z',
      '2026-11-01T07:00Z',
    ]);
  });
  test('and over a gap', () => {
    expect(fires('15 * * * *', 'America/New_York', '2026-03-08T06:00:00Z', 3)).toEqual([
      '2026-03-08T06:15Z',
      '2026-03-08T07:15Z',
      '2026-03-08T08:15Z',
    ]);
    expect(fires('*/20 * * * *', 'Australia/Lord_Howe', '2026-10-03T15:00:00Z', 3)).toEqual([
      '2026-10-03T15:10Z',
      '2026-10-03T15:40Z',
      '2026-10-03T16:00Z',
    ]);
  });
});

describe('every fire of two years in ten zones', () => {
  const zones = [
    'UTC',
    'America/New_York',
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'Antarctica/Troll',
    'Asia/Kolkata',
    'America/Sao_Paulo',
    'Pacific/Chatham',
    'Africa/Casablanca',
    'Pacific/Apia',
  ];
  test.each(zones)('%s: a daily fires once on each local day, whatever the hour', (zone) => {
    for (const hour of [0, 1, 2, 3, 23]) {
      const days = upcoming(`30 ${hour} * * *`, zone, DEFAULT_DST, Date.parse('2026-01-01T00:00:00Z'), 730).map((at) =>
        new Date(at).toLocaleDateString('en-CA', { timeZone: zone }),
      );
      expect(new Set(days).size).toBe(730);
      expect((Date.parse(days[729] as string) - Date.parse(days[0] as string)) / 86_400_000).toBe(729);
    }
  });
});

describe('bad input gets words', () => {
  const now = Date.parse('2026-11-21T00:00:00Z');
  test.each([
    ['0 0 30 2 *', 'UTC', 'never fires'],
    ['0 0 31 4,6 *', 'UTC', 'never fires'],
    ['* * * * * *', 'UTC', 'more often than once a minute'],
    ['*/10 * * * * *', 'UTC', 'more often than once a minute'],
    ['60 0 * * *', 'UTC', 'can not be read'],
    ['0 0 * *', 'UTC', '4 fields'],
    ['', 'UTC', '0 fields'],
    ['tomorrow', 'UTC', '1 fields'],
    ['0 0 * * *', 'Mars/Base', 'not an IANA time zone'],
  ])('%s in %s', (cron, zone, words) => {
    expect(checkCron(cron, zone, now)[0]?.message).toContain(words);
  });
  test('29 February is rare, not never', () => {
    expect(checkCron('0 0 29 2 *', 'UTC', now)).toEqual([]);
    expect(fires('0 0 29 2 *', 'UTC', '2026-11-21T00:00:00Z', 1)).toEqual(['2028-02-29T00:00Z']);
  });
});

test('H spreads by seed and stays put', () => {
  const minutes = new Set(Array.from({ length: 200 }, (_, i) => resolveCron('H 3 * * *', `config-${i}`).split(' ')[0]));
  expect(minutes.size).toBeGreaterThan(40);
  expect(resolveCron('H 3 * * *', 'a')).toBe(resolveCron('H 3 * * *', 'a'));
  expect(resolveCron('H H(2-5) * * *', 'a')).toMatch(/^\d+ [2-5] \* \* \*$/);
  expect(resolveCron('@daily', 'a')).toBe('0 0 * * *');
});

test('next is strictly after', () => {
  const at = Date.parse('2026-11-21T02:00:00Z');
  expect(nextFire('0 2 * * *', 'UTC', DEFAULT_DST, at)).toBe(at + 86_400_000);
  expect(nextFire('0 2 * * *', 'UTC', DEFAULT_DST, at - 1)).toBe(at);
});
