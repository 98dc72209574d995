import Type, { type Static } from 'typebox';
import { UUID_PATTERN } from '../ids.ts';

export const LONGEST_MADE = 2000;

/** POST tenant-service /internal/commands: what clients asked for under Idempotency-Keys, so that every gateway knows it. */
export const NameCommandsRequest = Type.Object({
  commands: Type.Array(
    Type.Object({
      /** Follows from the caller and its key. */
      name: Type.String({ pattern: UUID_PATTERN }),
      /** A keyed hash of the request: the same for the same request alone. */
      request: Type.String({ minLength: 1, maxLength: 64 }),
      /** Whose share of the memory it takes. */
      holder: Type.String({ minLength: 1, maxLength: 100 }),
    }),
    { minItems: 1, maxItems: 1000 },
  ),
});
export type NameCommandsRequest = Static<typeof NameCommandsRequest>;

export const NameCommandsResponse = Type.Object({
  commands: Type.Array(
    Type.Object({
      /** What owners call the command until its name is forgotten; null: the name stands for another request. */
      command: Type.Union([Type.String(), Type.Null()]),
      /** What it came to when it was asked for before, by its id, or as an answer where it has none; null when that is not known. */
      made: Type.Union([Type.String(), Type.Null()]),
      /** When it was named: a day later its name is forgotten, and answers that somebody kept with it. */
      named_at: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});
export type NameCommandsResponse = Static<typeof NameCommandsResponse>;

/** POST tenant-service /internal/commands/made: what a command came to. */
export const CommandMadeRequest = Type.Object({ command: Type.String({ maxLength: 100 }), made: Type.String({ maxLength: LONGEST_MADE }) });
export type CommandMadeRequest = Static<typeof CommandMadeRequest>;
