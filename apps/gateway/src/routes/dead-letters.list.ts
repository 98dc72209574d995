import type { Topic } from '@convergence/contracts';
import type { Bus } from '@convergence/ports';
import { patiently } from '@convergence/service';
import type { Handle } from '../forward.ts';

export const deadLettersListRoute =
  ({ bus }: { readonly bus: Pick<Bus, 'deadLetters'> }): Handle =>
  async ({ query }) => {
    const letters = await patiently(
      'Pub/Sub',
      () => bus.deadLetters(query.topic as Topic | undefined, (query.limit as number | undefined) ?? 50),
      20_000,
    );
    const items = letters.map(({ publishedAt, ...letter }) => ({ ...letter, published_at: publishedAt }));
    return { body: { items, next_cursor: null } };
  };
