/**
 * All pages of a source, one after the other.
 *
 * 1. "There is more" without saying where is an error: a total made of some of the pages is worse than none.
 * 2. A page that is asked for twice is an error: it would go on for ever. 3. Too many pages are an error, never cut off.
 */
import { StepFailure } from '../failure.ts';
import type { HttpExtractConfig } from './config.ts';
import { DecimalText } from './decimal-json.ts';
import { addressOf, at } from './paths.ts';
import type { Page } from './request.ts';

export async function* pagesOf(config: HttpExtractConfig, get: (url: URL) => Promise<Page>): AsyncGenerator<Page> {
  const first = addressOf(config.url);
  for (const [name, value] of Object.entries(config.query ?? {})) first.searchParams.set(name, String(value));
  const pagination = config.pagination ?? { type: 'none' };
  if (pagination.type === 'offset') {
    first.searchParams.set(pagination.limit_parameter, String(pagination.limit));
    first.searchParams.set(pagination.parameter, '0');
  }
  const seen = new Set<string>();
  const most = config.max_pages ?? 10_000;
  let url: URL | undefined = first;
  for (let n = 0; url; n++) {
    if (n >= most)
      throw new StepFailure('quota', 'http.too_many_pages', `The source has more than ${most} pages.`, {
        hint: 'Ask for larger pages or less data, or raise max_pages.',
      });
    if (seen.has(url.href))
      throw new StepFailure('schema', 'http.page_repeats', 'The source names a next page that was read before.', {
        hint: 'The provider may have changed its API.',
      });
    seen.add(url.href);
    const page = await get(url);
    yield page;
    url = nextOf(config, pagination, url, page);
  }
}

function nextOf(
  config: HttpExtractConfig,
  pagination: NonNullable<HttpExtractConfig['pagination']>,
  url: URL,
  page: Page,
): URL | undefined {
  switch (pagination.type) {
    case 'none':
      return undefined;
    case 'cursor':
    case 'token': {
      const more = pagination.has_more === undefined ? undefined : at(page.body, pagination.has_more);
      if (pagination.has_more !== undefined && typeof more !== 'boolean')
        throw new StepFailure('schema', 'http.has_more_missing', `The answer does not say ${pagination.has_more}.`, {
          hint: 'The provider may have changed its API.',
        });
      const next = at(page.body, pagination.next);
      if (more === false) return undefined;
      if (next === undefined || next === null || next === '') {
        if (more === true)
          throw new StepFailure('source_not_ready', 'http.next_missing', `There are more pages, but ${pagination.next} is missing.`, {
            hint: 'It is tried again by itself; no partial total is kept.',
            transient: true,
          });
        return undefined;
      }
      const following = new URL(config.url);
      following.search = url.search;
      following.searchParams.set(pagination.parameter, next instanceof DecimalText ? next.text : String(next));
      return following;
    }
    case 'link': {
      const link = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(page.headers.get('link') ?? '')?.[1];
      if (link === undefined) return undefined;
      const following = addressOf(link, url);
      if (following.origin !== url.origin)
        throw new StepFailure('schema', 'http.next_elsewhere', 'The next page lies on another host; the credential does not go there.');
      return following;
    }
    case 'offset': {
      const records = config.records === undefined ? page.body : at(page.body, config.records);
      const count = Array.isArray(records) ? records.length : 0;
      const offset = Number(url.searchParams.get(pagination.parameter)) + count;
      const total = pagination.total === undefined ? undefined : totalOf(page.body, pagination.total);
      if (total !== undefined && offset < total && count === 0)
        throw new StepFailure('source_not_ready', 'http.page_empty', `The source says ${total} records and stopped at ${offset}.`, {
          hint: 'It is tried again by itself.',
          transient: true,
        });
      const done = total !== undefined ? offset >= total : count < pagination.limit;
      if (done) return undefined;
      const following = new URL(url);
      following.searchParams.set(pagination.parameter, String(offset));
      return following;
    }
    default:
      return pagination satisfies never;
  }
}

/** A page shorter than was asked for may be all that a server gives at once: where a total is promised, it decides. */
function totalOf(body: unknown, path: string): number {
  const value = at(body, path);
  const text = value instanceof DecimalText ? value.text : String(value);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new StepFailure('schema', 'http.total_missing', `The answer does not say how many records there are at ${path}.`, {
    hint: 'The provider may have changed its API.',
  });
}
