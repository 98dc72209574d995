import Type, { type Static } from 'typebox';
import { closed } from '../fields.ts';

export const NotifyConfig = Type.Object(
  {
    message: Type.String({ minLength: 1, maxLength: 4000, description: 'What failed and what can be done is added to it' }),
    subject: Type.Optional(Type.String({ maxLength: 200, description: "Default: the pipeline and the message's first line" })),
    channels: Type.Optional(
      Type.Array(Type.Enum(['email', 'webhook', 'slack']), { minItems: 1, uniqueItems: true, description: 'Default: email' }),
    ),
    to: Type.Optional(
      Type.Array(Type.String({ format: 'email' }), {
        minItems: 1,
        description: "E-mail addresses; default: notification_emails of the provider configuration, else the tenant's admin_email",
      }),
    ),
    dedup_key: Type.Optional(
      Type.String({ description: 'Nothing is sent when this key was sent within dedup_hours; default: run and step' }),
    ),
    dedup_hours: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 720, description: 'Default 24' })),
  },
  closed,
);
export type NotifyConfig = Static<typeof NotifyConfig>;
