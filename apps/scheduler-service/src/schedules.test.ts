/** Making, changing and editing schedules, and what becomes of those that go bad, in the whole service over fakes of its ports. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { schedulerForEachTest } from './testing/scheduler-for-each-test.ts';
import { daily, ownerOf } from './testing/scheduler-under-test.ts';

const MINUTE = 60_000;
const mine = '/scheduler/customer/acme_corp/pipelines';
const { service, renew, schedule, asked, status } = schedulerForEachTest();

describe('schedules', () => {
  test('are refused with the nearest name, with every error of their parameters, and with words about their cron', async () => {
    await expect(schedule({ pipeline_template: 'dryrn' })).rejects.toMatchObject({
      code: 'template.not_found',
      message: expect.stringContaining('Nearest: configs/gcp/example/dryrun.yml'),
    });
    await expect(schedule({ parameters: { date: 'soon', colour: 'red' } })).rejects.toMatchObject({
      code: 'template.parameters_invalid',
      fields: { errors: [expect.objectContaining({ path: expect.stringMatching('^/parameters') }), expect.anything()] },
    });
    await expect(schedule({ schedule_cron: '* * * * * *' })).rejects.toMatchObject({
      code: 'schedule.invalid',
      message: expect.stringContaining('fires more often than once a minute'),
    });
    await expect(schedule({ parameters: { date: 'x'.repeat(20_000) } })).rejects.toMatchObject({
      code: expect.stringContaining('invalid'),
    });
  });

  test('are refused with what is wrong with the file of their template', async () => {
    await writeFile(join(service.configs, 'gcp/example/broken.yml'), 'name: broken\nstepz: []\n');
    await service.templates.refresh();
    await expect(schedule({ pipeline_template: 'broken' })).rejects.toMatchObject({
      code: 'template.invalid',
      message: expect.stringMatching(/^The template configs\/gcp\/example\/broken\.yml can not run: line \d+, /),
    });
  });

  test('are refused with everything that is wrong with them at once', async () => {
    const wrong = { pipeline_template: 'dryrn', schedule_cron: '61 * * * *', parameters: { date: '{tomorow}' }, priority: 5 };
    const refusal = await schedule(wrong).catch((error) => error);
    expect(refusal.code).toBe('schedule.invalid');
    expect(refusal.fields.errors.map((error: { in: string; path: string }) => [error.in, error.path])).toEqual([
      ['body', '/schedule_cron'],
      ['body', '/parameters'],
      ['body', '/pipeline_template'],
    ]);
  });

  test('are not made for a tenant that nobody has heard of', async () => {
    service.admission.unknown.add('nobody');
    const make = (tenant_id: string) => service.ask('POST', '/scheduler/pipeline-configs', { body: { tenant_id, ...daily() } });
    await expect(make('nobody')).rejects.toMatchObject({ code: 'tenant.not_found' });
    expect((await service.ask('GET', '/scheduler/pipeline-configs')).items).toEqual([]);
    // Onboarded a moment ago: the word is still on its way, tenant-service knows.
    await expect(make('brand_new')).resolves.toMatchObject({ tenant_id: 'brand_new', is_active: true });
  });

  test('are made once by a command that comes again, and anew by another', async () => {
    const make = (command: string) =>
      service.ask('POST', mine, { as: ownerOf('acme_corp'), body: daily({ is_active: false }), headers: { 'x-command-id': command } });
    const { config_id } = await make('a');
    await service.restart();
    await service.pass(15 * 60 * MINUTE);
    expect((await make('a')).config_id).toBe(config_id);
    expect((await make('b')).config_id).not.toBe(config_id);
  });

  test('are changed in part, and only by their tenant', async () => {
    const { config_id } = await schedule();
    const changed = await service.ask('PATCH', `${mine}/${config_id}`, { as: ownerOf('acme_corp'), body: { priority: 9 } });
    expect(changed).toMatchObject({ priority: 9, schedule_cron: '5 10 * * *' });
    const other = '/scheduler/customer/globex/pipelines';
    await expect(service.ask('PATCH', `${other}/${config_id}`, { as: ownerOf('globex'), body: { priority: 1 } })).rejects.toMatchObject({
      code: 'schedule.not_found',
    });
    await expect(service.ask('DELETE', `${other}/${config_id}`, { as: ownerOf('globex') })).rejects.toMatchObject({
      code: 'schedule.not_found',
    });
  });

  test('are disabled, not deleted, by tenant and by admin, and fire no more', async () => {
    const { config_id } = await schedule();
    expect(await service.ask('DELETE', `${mine}/${config_id}`, { as: ownerOf('acme_corp') })).toMatchObject({
      is_active: false,
      next_run_time: null,
      next_runs: [],
    });
    const other = await service.ask('POST', '/scheduler/pipeline-configs', { body: { tenant_id: 'globex', ...daily() } });
    expect(await service.ask('DELETE', `/scheduler/pipeline-configs/${other.config_id}`)).toMatchObject({ is_active: false });
    await service.pass(10 * MINUTE);
    expect(asked()).toEqual([]);
  });

  test('are listed page by page, of one tenant and of all, by what is asked for', async () => {
    for (let i = 0; i < 5; i++) await schedule({}, i < 3 ? 'acme_corp' : 'globex');
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: { config_id: string }[]; next_cursor: string | null } = await service.ask(
        'GET',
        `/scheduler/pipeline-configs?limit=2${cursor ? `&cursor=${cursor}` : ''}`,
      );
      seen.push(...page.items.map((item) => item.config_id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).toHaveLength(5);
    expect(new Set(seen).size).toBe(5);
    expect((await service.ask('GET', mine, { as: ownerOf('acme_corp') })).items).toHaveLength(3);
    expect((await service.ask('GET', '/scheduler/pipeline-configs?tenant_id=globex&provider=gcp')).items).toHaveLength(2);
    expect((await service.ask('GET', '/scheduler/pipeline-configs?provider=aws')).items).toEqual([]);
    await expect(service.ask('GET', '/scheduler/pipeline-configs?cursor=%21')).rejects.toMatchObject({ code: 'request.invalid' });
  });
});

describe('edits by hand', () => {
  test('next_run_time moved to the past fires once, however often the edit is seen', async () => {
    const { config_id } = await schedule({ overlap: 'allow' });
    await service.slice().checkpoint();
    service.tables.edit('tenant_pipeline_configs', config_id, { next_run_time: '2026-01-15T02:00:00.000Z' });
    await service.slice().refresh();
    await service.pass(1500);
    await service.slice().refresh();
    await service.pass(1500);
    expect(asked()).toHaveLength(1);
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_pipeline_configs')).toEqual([
      expect.objectContaining({ next_run_time: '2026-01-15T10:05:00.000Z' }),
    ]);
  });
  test('what can not be is undone, and the schedule goes on', async () => {
    const { config_id } = await schedule();
    await service.slice().checkpoint();
    service.tables.edit('tenant_pipeline_configs', config_id, { schedule_cron: 'whenever', priority: 99 });
    await service.slice().refresh();
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_pipeline_configs')).toEqual([expect.objectContaining({ schedule_cron: '5 10 * * *', priority: 5 })]);
  });
  test('a row that is deleted comes back, and its schedule fires no more', async () => {
    const { config_id } = await schedule();
    await service.slice().checkpoint();
    service.tables.remove('tenant_pipeline_configs', config_id);
    await service.slice().refresh();
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_pipeline_configs')).toEqual([
      expect.objectContaining({ config_id, is_active: false, next_run_time: null }),
    ]);
    expect(service.slice().state.due.size).toBe(0);
  });
  test('is_active switched on again forgives what paused it', async () => {
    const { config_id } = await schedule();
    await service.ask('DELETE', `/scheduler/pipeline-configs/${config_id}`);
    await service.slice().checkpoint();
    service.tables.edit('tenant_pipeline_configs', config_id, { is_active: true });
    await service.slice().refresh();
    expect(service.slice().state.schedules.get(config_id)).toMatchObject({ is_active: true, consecutive_failures: 0 });
    expect(service.slice().state.due.size).toBe(1);
  });
});

describe('what goes bad while it is scheduled', () => {
  const failedWith = async () => {
    await service.pass(6 * MINUTE);
    await service.slice().checkpoint();
    return service.tables.rows('scheduled_pipeline_runs');
  };
  test('a template that was removed: the run fails and says so, the schedule stays', async () => {
    await schedule();
    await rm(join(service.configs, 'gcp/example/dryrun.yml'));
    await service.templates.refresh();
    expect(await failedWith()).toEqual([
      expect.objectContaining({
        state: 'FAILED',
        end_reason: 'refused',
        error_message: 'Template not found: configs/gcp/example/dryrun.yml',
      }),
    ]);
    expect(service.slice().state.schedules.values().next().value).toMatchObject({ is_active: true, consecutive_failures: 1 });
    expect(await status()).toMatchObject({ pipelines_queued: 0, pipelines_failed_today: 1 });
  });
  test('parameters that no longer fit: the run fails with each error', async () => {
    const { config_id } = await schedule();
    await service.slice().execute({ type: 'change-schedule', config_id, changes: { parameters: { date: 'never', colour: 'red' } } });
    const [row] = await failedWith();
    expect(row).toMatchObject({ state: 'FAILED', end_reason: 'refused' });
    expect(row?.error_message).toMatch(/no longer fit the template.*date.*colour|no longer fit the template.*colour.*date/s);
  });
  test('10 000 schedules by one tenant: it is told its limit', async () => {
    await service.close();
    await renew({ schedulesPerTenant: 3 });
    for (let i = 0; i < 3; i++) await schedule();
    await expect(schedule()).rejects.toMatchObject({ code: 'schedule.limit', message: 'The tenant has 3 schedules; 3 are allowed.' });
    expect(await schedule({}, 'globex')).toMatchObject({ is_active: true });
  });
});
