import Type, { type Static } from 'typebox';

/**
 * POST tenant-service /internal/tenants/{id}/notices: tells the people of a tenant by e-mail. The provider configuration of that
 * provider and domain says whom; else it is the tenant's admin. Asking again with the same notice_id tells nobody twice.
 */
export const TenantNotice = Type.Object({
  notice_id: Type.String({ minLength: 1, maxLength: 100 }),
  provider: Type.String({ minLength: 1, maxLength: 64 }),
  domain: Type.String({ minLength: 1, maxLength: 64 }),
  subject: Type.String({ minLength: 1, maxLength: 200 }),
  text: Type.String({ minLength: 1, maxLength: 4000 }),
});
export type TenantNotice = Static<typeof TenantNotice>;
