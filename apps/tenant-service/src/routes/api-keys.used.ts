import { KeysUsedRequest } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import type { Tenants } from '../tenants.ts';
import { execute, ITSELF } from '../tenants-slice.ts';

/** Gateways tell in batches; most of it is too recent to be worth a row. */
export const apiKeysUsedRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  internalRoute(
    {
      method: 'POST',
      path: '/internal/api-keys/used',
      callers: ['gateway'],
      body: KeysUsedRequest,
      response: Type.Object({ noted: Type.Integer() }),
    },
    async ({ body }) => {
      await execute(slice, { kind: 'note-keys-used', used: body.used }, { actor: ITSELF });
      return { body: { noted: body.used.length } };
    },
  );
