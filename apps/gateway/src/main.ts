import { readFileSync } from 'node:fs';
import { googleBus, googleConfig } from '@convergence/google';
import { loadTemplates } from '@convergence/pipelines';
import { runService, systemClock } from '@convergence/service';
import { checkConfig, fields } from './config.ts';
import { gateway } from './service.ts';
import { templatesOf } from './templates.ts';

/** Composition root: the environment, the real broker, the templates on disk. */
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

await runService({
  name: 'gateway',
  door: true,
  fields,
  check: checkConfig,
  env: process.env,
  build: async (context) => {
    const { config, log } = context;
    const bus = googleBus(googleConfig(config), ({ cause, ...fields }, message) => log.warn({ ...fields, err: cause }, message));
    const catalogue = await loadTemplates(config.configsDir, {
      refreshSeconds: context.local ? 2 : 0,
      onProblems: (problems) => log.warn({ problems }, 'problems in configs: templates that have any are not served'),
    });
    const built = gateway(context, { bus, templates: templatesOf(catalogue), clock: systemClock, version });
    return { ...built, stop: [...(built.stop ?? []), () => catalogue.close()] };
  },
});
