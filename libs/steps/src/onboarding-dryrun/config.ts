import Type, { type Static } from 'typebox';
import { closed } from '../fields.ts';

export const OnboardingDryrunConfig = Type.Object(
  { message: Type.Optional(Type.String({ maxLength: 500, description: 'What the row says' })) },
  closed,
);
export type OnboardingDryrunConfig = Static<typeof OnboardingDryrunConfig>;
