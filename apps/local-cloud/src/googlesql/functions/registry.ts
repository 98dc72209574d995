/** All builtin functions by upper-case name. */
import { aggregateFunctions } from './aggregates.ts';
import { arrayFunctions } from './arrays.ts';
import type { FunctionSpec } from './call.ts';
import { castFormatFunctions } from './cast-format.ts';
import { conditionalFunctions } from './conditionals.ts';
import { dateFunctions } from './dates.ts';
import { hashFunctions } from './hashes.ts';
import { jsonFunctionSpecs } from './json.ts';
import { mathFunctions } from './math.ts';
import { netFunctions } from './net.ts';
import { rangeFunctions } from './ranges.ts';
import { regexpFunctions } from './regexps.ts';
import { stringFunctionSpecs } from './strings.ts';
import { windowFunctions } from './windows.ts';

const families: readonly (readonly FunctionSpec[])[] = [
  aggregateFunctions,
  arrayFunctions,
  castFormatFunctions,
  conditionalFunctions,
  dateFunctions,
  hashFunctions,
  jsonFunctionSpecs,
  mathFunctions,
  netFunctions,
  rangeFunctions,
  regexpFunctions,
  stringFunctionSpecs,
  windowFunctions,
];

export const functions: ReadonlyMap<string, FunctionSpec> = new Map(families.flat().map((f) => [f.name, f]));
