import { describe, expect, test } from '@jest/globals';
import { namingRefusedAcks } from './refused-acks.ts';

const refusing = (error: object) => {
  const refuse = () => Promise.reject(Object.assign(new Error('no'), error));
  return namingRefusedAcks({ acknowledge: refuse, modifyAckDeadline: refuse } as never) as Record<string, () => Promise<never>>;
};
const heard = (error: object, method: string) =>
  refusing(error)[method]!().catch(({ code, errorInfoMetadata }) => ({ code, errorInfoMetadata }));

describe('acks that are refused', () => {
  test.each(['acknowledge', 'modifyAckDeadline'])('%s: a refusal that names its ids goes by the names', async (method) => {
    const errorInfoMetadata = { '1-1': 'PERMANENT_FAILURE_INVALID_ACK_ID' };
    expect(await heard({ code: 3, reason: 'EXACTLY_ONCE_ACKID_FAILURE', errorInfoMetadata }, method)).toEqual({ errorInfoMetadata });
  });

  test('any other failure is one of all ids', async () => {
    for (const error of [{ code: 14 }, { code: 3 }, { code: 7, reason: 'IAM_PERMISSION_DENIED', errorInfoMetadata: { permission: 'x' } }])
      expect(await heard(error, 'acknowledge')).toEqual({ errorInfoMetadata: undefined, ...error, reason: undefined });
  });
});
