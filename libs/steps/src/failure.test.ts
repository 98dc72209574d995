import { UnknownVariable } from '@convergence/pipelines';
import { expect, test } from '@jest/globals';
import { asFailure } from './failure.ts';
import { quoted } from './sql.ts';

test('an output of a step that did not complete is what the template asks for in vain, not our fault', () => {
  expect(asFailure(new UnknownVariable('steps.load.rows'))).toMatchObject({
    errorClass: 'schema',
    code: 'template.no_value',
    message: '{steps.load.rows} has no value in this run.',
    transient: false,
  });
});

test('a column whose name steps do not take is named, and not our fault', () => {
  expect(() => quoted('a b')).toThrow(expect.objectContaining({ errorClass: 'schema', code: 'step.column_name' }));
  expect(quoted('a_b')).toBe('`a_b`');
});
