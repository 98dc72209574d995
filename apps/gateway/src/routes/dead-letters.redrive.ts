import type { Topic } from '@convergence/contracts';
import type { Bus } from '@convergence/ports';
import { patiently } from '@convergence/service';
import type { Handle } from '../forward.ts';

export const deadLettersRedriveRoute =
  ({ bus }: { readonly bus: Pick<Bus, 'redrive'> }): Handle =>
  async ({ body }) => {
    const { topic, limit } = body as { topic?: Topic; limit?: number };
    const count = await patiently('Pub/Sub', () => bus.redrive(topic, limit ?? 100), 20_000);
    return { body: { redriven_count: count, message: `${count} ${count === 1 ? 'message' : 'messages'} published again.` } };
  };
