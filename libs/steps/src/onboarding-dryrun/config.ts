import Type, { type Static } from 'typebox';
import { closed } from '../fields.ts';

export const OnboardingDryrunConfig = Type.Object({ message: Type.Optional(Type.String({ maxLength: 500 })) }, closed);
export type OnboardingDryrunConfig = Static<typeof OnboardingDryrunConfig>;
