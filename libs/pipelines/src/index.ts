export { type CatalogueOptions, loadTemplates, type TemplateCatalogue } from './catalogue.ts';
export { nearest } from './nearest.ts';
export {
  canonicalParameters,
  declaredParameters,
  type ParameterContext,
  type ParameterError,
  type ParameterValue,
  type ProviderOptions,
  parametersHash,
  type ResolvedParameters,
  resolveParameters,
} from './parameters.ts';
export { identifierVariables, parametersIn, quotedTable, resolveSql, SQL_KEYS, sqlTypeOf } from './sql-text.ts';
export { ancestors, descendants, findCycle, type GraphStep } from './step-graph.ts';
export {
  type Channel,
  type ParameterSpec,
  type ParameterType,
  problemText,
  type RetrySpec,
  type StepSpec,
  type Template,
  type TemplateProblem,
  type When,
} from './template.ts';
export { compileTemplateSchema, lineOfStep, readTemplate, type TemplateSchema, type TemplateSource } from './template-file.ts';
export { pipelineSchema, type StepTypeDeclaration } from './template-schema.ts';
export {
  BUILT_IN_VARIABLES,
  resolveDeep,
  resolveText,
  UnknownVariable,
  type Variables,
  type VariableValue,
  variablesIn,
} from './variables.ts';
